//! Embedded profiles: used when whole, named in a note when broken, without effect when they say sRGB.

use moxcms::{ColorProfile, ToneReprCurve};

use super::build::*;
use crate::color::{Lab, delta_e00};
use crate::{Format, Limits, SrgbImage, decode, decode_mask, encode};

fn adobe_rgb() -> Vec<u8> {
    ColorProfile::new_adobe_rgb().encode().unwrap()
}

fn png_with_icc(png: &[u8], profile: &[u8]) -> Vec<u8> {
    let mut body = b"profile\0\0".to_vec();
    body.extend(zlib_stored(profile));
    with_png_chunk(png, *b"iCCP", &body)
}

#[test]
fn adobe_rgb_becomes_srgb_in_all_formats() {
    // Adobe RGB (150, 100, 60) is a more saturated sRGB colour: published matrices give about (168, 100, 56).
    let image = SrgbImage::filled(16, 16, [150, 100, 60]);
    let expected = Lab::from_srgb8([167, 100, 56]);
    let profile = adobe_rgb();
    let jpeg = with_jpeg_icc(&encode(&image, None, Format::Jpeg, 99).unwrap(), &profile, 200);
    let png = png_with_icc(&encode(&image, None, Format::Png, 0).unwrap(), &profile);
    let webp = webp_extended(&encode(&image, None, Format::Webp, 100).unwrap(), 16, 16, 32, &[(*b"ICCP", &profile)]);
    for bytes in [jpeg, png, webp] {
        let photo = decode(&bytes, &Limits::default()).unwrap();
        assert!(photo.icc_converted && photo.notes.is_empty(), "{:?}", photo.notes);
        let got = photo.image.pixel(8, 8);
        assert!(delta_e00(Lab::from_srgb8(got), expected) < 1.0, "{} gives {got:?}", photo.format);
    }
}

#[test]
fn sixteen_bit_pixels_go_through_the_profile() {
    let mut rows = vec![0];
    rows.extend([150u16 * 257, 100 * 257, 60 * 257].iter().flat_map(|v| v.to_be_bytes()));
    let plain = PngChunks::new(1, 1, 16, 2, false).rows(&rows).end();
    let photo = decode(&png_with_icc(&plain, &adobe_rgb()), &Limits::default()).unwrap();
    assert!(photo.icc_converted);
    assert!(delta_e00(Lab::from_srgb8(photo.image.pixel(0, 0)), Lab::from_srgb8([167, 100, 56])) < 1.0);
}

#[test]
fn an_srgb_profile_changes_no_byte() {
    let image = noisy(40, 30);
    let profile = ColorProfile::new_srgb().encode().unwrap();
    let photo =
        decode(&png_with_icc(&encode(&image, None, Format::Png, 0).unwrap(), &profile), &Limits::default()).unwrap();
    assert_eq!(photo.image, image);
    assert!(!photo.icc_converted && photo.notes.is_empty());
}

#[test]
fn a_grey_profile_is_applied_to_grey() {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    profile.gray_trc = Some(ToneReprCurve::Lut(Vec::new()));
    let profile = profile.encode().unwrap();
    let bytes = PngChunks::new(1, 1, 8, 0, false).rows(&[0, 128]).end();
    let photo = decode(&png_with_icc(&bytes, &profile), &Limits::default()).unwrap();
    // Half of linear light is sRGB 188.
    assert!(photo.icc_converted, "{:?}", photo.notes);
    assert!(photo.image.pixel(0, 0).iter().all(|v| v.abs_diff(188) <= 1), "{:?}", photo.image.pixel(0, 0));
    // A mask is numbers, not colours.
    assert_eq!(decode_mask(&png_with_icc(&bytes, &profile), &Limits::default()).unwrap().data(), [128]);
}

#[test]
fn a_profile_that_cannot_be_used_is_named_and_passed_over() {
    let image = picture(20, 20);
    let png = encode(&image, None, Format::Png, 0).unwrap();
    let whole = adobe_rgb();
    let mut broken: Vec<Vec<u8>> = vec![b"not a profile".to_vec(), Vec::new(), vec![0; 128]];
    broken.extend((0..whole.len()).step_by(37).map(|cut| whole[..cut].to_vec()));
    for profile in broken {
        let photo = decode(&png_with_icc(&png, &profile), &Limits::default()).unwrap();
        if !photo.icc_converted && photo.notes.is_empty() {
            assert_eq!(photo.image, image);
            continue;
        }
        if !photo.icc_converted {
            assert_eq!(photo.image, image);
            assert!(photo.notes[0].contains("treated as sRGB"), "{:?}", photo.notes);
        }
    }
    let garbage = decode(&png_with_icc(&png, b"not a profile"), &Limits::default()).unwrap();
    assert!(garbage.notes[0].contains("treated as sRGB"), "{:?}", garbage.notes);
    // A grey profile in a colour picture.
    let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    let photo = decode(&png_with_icc(&png, &grey), &Limits::default()).unwrap();
    assert!(photo.notes[0].contains("it is for Gray"), "{:?}", photo.notes);
    assert_eq!(photo.image, image);
    // A profile that cannot be unpacked.
    let photo = decode(&with_png_chunk(&png, *b"iCCP", b"profile\0\0rubbish"), &Limits::default()).unwrap();
    assert!(photo.notes[0].contains("cannot be unpacked"), "{:?}", photo.notes);
}

#[test]
fn a_profile_with_a_missing_part_is_named_and_passed_over() {
    let jpeg = encode(&picture(20, 20), None, Format::Jpeg, 95).unwrap();
    let whole = with_jpeg_icc(&jpeg, &adobe_rgb(), 200);
    assert!(decode(&whole, &Limits::default()).unwrap().icc_converted);
    let mut body = b"ICC_PROFILE\0\x02\x02".to_vec();
    body.extend(adobe_rgb());
    let photo = decode(&with_jpeg_segment(&jpeg, 0xE2, &body), &Limits::default()).unwrap();
    assert!(!photo.icc_converted && photo.notes[0].contains("incomplete"), "{:?}", photo.notes);
}
