//! TIFF in the layouts that cameras and editors write, and in those that break decoders.

use std::io::Cursor;

use moxcms::ColorProfile;
use tiff::encoder::colortype::{CMYK8, ColorType, Gray8, Gray32Float, RGB8, RGB16, RGBA8};
use tiff::encoder::{Compression, TiffEncoder, TiffValue};
use tiff::tags::Tag;

use super::build::*;
use crate::color::{Lab, delta_e00};
use crate::{Deep, Error, Format, Limits, Mask, Srgb16Image, TiffPages, decode, decode_mask, encode, encode_deep};

/// One page with extra tags.
fn page<C: ColorType>(width: u32, height: u32, data: &[C::Inner], tags: &[(u16, &[u16])]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(Compression::Lzw);
    let mut page = encoder.new_image::<C>(width, height).unwrap();
    for &(tag, values) in tags {
        page.encoder().write_tag(Tag::from_u16_exhaustive(tag), values).unwrap();
    }
    page.write_data(data).unwrap();
    bytes.into_inner()
}

#[test]
fn what_is_written_is_read_back() {
    let image = noisy(37, 23);
    let bytes = encode(&image, None, Format::Tiff, 90).unwrap();
    let photo = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!((photo.image, photo.format, photo.bit_depth), (image.clone(), Format::Tiff, 8));
    assert!(photo.deep.is_none() && photo.alpha.is_none() && photo.notes.is_empty(), "{:?}", photo.notes);
    let alpha = Mask::new(37, 23, (0..37 * 23).map(|i| (i % 256) as u8).collect()).unwrap();
    let photo = decode(&encode(&image, Some(&alpha), Format::Tiff, 90).unwrap(), &Limits::default()).unwrap();
    assert_eq!((photo.image, photo.alpha), (image, Some(alpha)));
}

#[test]
fn sixteen_bits_survive_in_both_formats() {
    let deep = Srgb16Image::new(13, 7, (0..13 * 7 * 3).map(|i| (i * 239) as u16).collect()).unwrap();
    let alpha = Mask::new(13, 7, (0..91).map(|i| i as u8 * 2).collect()).unwrap();
    for format in [Format::Tiff, Format::Png] {
        for alpha in [None, Some(&alpha)] {
            let photo =
                decode(&encode_deep(Deep { image: &deep, alpha }, format).unwrap(), &Limits::default()).unwrap();
            assert_eq!((photo.deep.as_ref(), photo.alpha.as_ref(), photo.bit_depth), (Some(&deep), alpha, 16));
            assert_eq!(photo.image, deep.to_srgb8());
        }
    }
    for format in [Format::Jpeg, Format::Webp] {
        assert!(matches!(encode_deep(Deep { image: &deep, alpha: None }, format), Err(Error::Encode { .. })));
    }
}

#[test]
fn grey_cmyk_and_orientation() {
    let grey: Vec<u8> = (0..6).map(|i| i * 40).collect();
    let photo = decode(&page::<Gray8>(3, 2, &grey, &[(274, &[6])]), &Limits::default()).unwrap();
    assert_eq!((photo.image.width_px(), photo.orientation), (2, 6));
    assert_eq!(photo.image.pixel(0, 0), [120; 3]);
    assert_eq!(decode_mask(&page::<Gray8>(3, 2, &grey, &[]), &Limits::default()).unwrap().data(), grey);
    let photo = decode(&page::<CMYK8>(1, 1, &[0, 255, 255, 0], &[]), &Limits::default()).unwrap();
    assert_eq!(photo.image.pixel(0, 0), [255, 0, 0]);
    assert!(photo.notes[0].contains("CMYK without a profile"));
}

#[test]
fn premultiplied_alpha_is_straightened_and_other_channels_are_not_alpha() {
    let data = [100, 50, 25, 128, 9, 9, 9, 255];
    let photo = decode(&page::<RGBA8>(2, 1, &data, &[(338, &[1])]), &Limits::default()).unwrap();
    assert_eq!((photo.image.pixel(0, 0), photo.image.pixel(1, 0)), ([199, 100, 50], [9; 3]));
    assert_eq!(photo.alpha.unwrap().data(), [128, 255]);
    let photo = decode(&page::<RGBA8>(2, 1, &data, &[(338, &[2])]), &Limits::default()).unwrap();
    assert_eq!(photo.image.pixel(0, 0), [100, 50, 25]);
}

#[test]
fn a_profile_is_applied_at_full_depth() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut page = encoder.new_image::<RGB16>(1, 1).unwrap();
    let profile = ColorProfile::new_adobe_rgb().encode().unwrap();
    page.encoder().write_tag(Tag::IccProfile, &profile[..]).unwrap();
    page.write_data(&[150 * 257, 100 * 257, 60 * 257]).unwrap();
    let photo = decode(&bytes.into_inner(), &Limits::default()).unwrap();
    assert!(photo.icc_converted && photo.deep.is_some());
    assert!(delta_e00(Lab::from_srgb8(photo.image.pixel(0, 0)), Lab::from_srgb8([167, 100, 56])) < 1.0);
}

#[test]
fn pages_are_layers_and_the_first_is_the_photo() {
    let (photo, layer) = (picture(9, 5), noisy(9, 5));
    let mask = Mask::filled(9, 5, 77);
    let mut pages = TiffPages::new().unwrap();
    pages.add("source", &photo, None).unwrap();
    pages.add_mask("mask", &mask).unwrap();
    pages.add("crème", &layer, Some(&mask)).unwrap();
    assert!(pages.add("other", &layer, Some(&Mask::filled(2, 2, 0))).is_err());
    let bytes = pages.finish();
    let first = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(first.image, photo);
    assert!(first.notes[0].contains("several pages"));
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(&bytes)).unwrap();
    let mut names = Vec::new();
    loop {
        names.push(decoder.get_tag_ascii_string(Tag::Unknown(285)).unwrap());
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().unwrap();
    }
    assert_eq!(names, ["source", "mask", "cr?me"]);
    assert_eq!(decoder.colortype().unwrap(), tiff::ColorType::RGBA(8));
}

#[test]
fn what_is_not_read_says_what_to_do() {
    let float = page::<Gray32Float>(1, 1, &[0.5], &[]);
    let raw = page::<RGB8>(1, 1, &[1, 2, 3], &[(254, &[1])]);
    for (bytes, says) in [(&float, "save it as RGB"), (&raw, "camera raw")] {
        let error = decode(bytes, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(says), "{error}");
    }
}

#[test]
fn hostile_files_are_errors_and_never_panics() {
    let whole = encode(&noisy(40, 30), Some(&Mask::filled(40, 30, 9)), Format::Tiff, 90).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        assert!(decode(&whole[..cut], &Limits::default()).is_err(), "{cut}");
    }
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut broken = whole.clone();
            broken[at] ^= flip;
            // Some bytes are only picture; none may bring the program down.
            let _ = decode(&broken, &Limits { max_pixels: 10_000, ..Limits::default() });
        }
    }
    let limits = Limits { max_pixels: 1199, ..Limits::default() };
    assert!(matches!(decode(&whole, &limits), Err(Error::TooManyPixels { width: 40, height: 30, .. })));
}

#[test]
fn a_size_that_lies_allocates_nothing() {
    let mut bytes = page::<RGB8>(2, 2, &[7; 12], &[]);
    // Width and height (tags 256 and 257, LONG) become four billion.
    let mut changed = 0;
    for at in 0..bytes.len() - 12 {
        if (bytes[at..at + 2] == [0, 1] || bytes[at..at + 2] == [1, 1]) && bytes[at + 2..at + 4] == [4, 0] {
            bytes[at + 8..at + 12].fill(0xFF);
            changed += 1;
        }
    }
    assert!(changed >= 2, "the encoder lays its tags out differently");
    assert!(decode(&bytes, &Limits::default()).is_err());
}
