//! Encoding: what comes back is what went in, as far as each format can.

use super::*;
use crate::{Limits, decode, decode_mask};

/// A picture with gradients and saturated stripes.
fn picture(width: u32, height: u32) -> SrgbImage {
    let data = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [(x * 255 / width) as u8, (y * 255 / height) as u8, if (x / 8) % 2 == 0 { 220 } else { 30 }]
        })
        .collect();
    SrgbImage::new(width, height, data).unwrap()
}

fn alpha(width: u32, height: u32) -> Mask {
    Mask::new(width, height, (0..width * height).map(|i| (i * 7 % 256) as u8).collect()).unwrap()
}

fn worst_difference(one: &SrgbImage, other: &SrgbImage) -> u8 {
    one.data().iter().zip(other.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn lossless_formats_give_every_byte_back() {
    let (image, alpha) = (picture(61, 43), alpha(61, 43));
    for format in [Format::Png, Format::Webp] {
        let plain = decode(&encode(&image, None, format, 100).unwrap(), &Limits::default()).unwrap();
        assert_eq!(plain.image, image);
        assert!(plain.alpha.is_none() && plain.format == format && plain.notes.is_empty() && !plain.icc_converted);
        let layered = decode(&encode(&image, Some(&alpha), format, 100).unwrap(), &Limits::default()).unwrap();
        assert_eq!((layered.image, layered.alpha), (image.clone(), Some(alpha.clone())));
    }
}

#[test]
fn alpha_is_carried_exactly_by_lossy_webp() {
    let (image, alpha) = (picture(64, 64), alpha(64, 64));
    let back = decode(&encode(&image, Some(&alpha), Format::Webp, 80).unwrap(), &Limits::default()).unwrap();
    assert_eq!(back.alpha, Some(alpha));
}

#[test]
fn high_quality_jpeg_keeps_saturated_stripes() {
    // Two saturated colours in stripes of one pixel: half-resolution colour would mix them.
    let data = (0..64 * 64).flat_map(|i| if i % 2 == 0 { [200, 20, 40] } else { [30, 60, 200] }).collect();
    let stripes = SrgbImage::new(64, 64, data).unwrap();
    let back = |quality| decode(&encode(&stripes, None, Format::Jpeg, quality).unwrap(), &Limits::default()).unwrap();
    assert!(worst_difference(&back(95).image, &stripes) < 40);
    assert!(worst_difference(&back(80).image, &stripes) > 60);
}

#[test]
fn quality_buys_size_and_fidelity() {
    let image = picture(128, 128);
    for format in [Format::Jpeg, Format::Webp] {
        let small = encode(&image, None, format, 40).unwrap();
        let large = encode(&image, None, format, 95).unwrap();
        assert!(small.len() < large.len(), "{format}");
        let error = |bytes: &[u8]| {
            let back = decode(bytes, &Limits::default()).unwrap().image;
            back.data().iter().zip(image.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        assert!(error(&large) < error(&small), "{format}");
    }
}

#[test]
fn jpeg_lies_on_white() {
    let image = SrgbImage::filled(16, 16, [0, 0, 0]);
    let bytes = encode(&image, Some(&Mask::filled(16, 16, 0)), Format::Jpeg, 95).unwrap();
    assert_eq!(decode(&bytes, &Limits::default()).unwrap().image.pixel(8, 8), [255; 3]);
    assert_eq!(flatten_on_white(&image, &Mask::filled(16, 16, 128)).pixel(0, 0), [187; 3]);
    assert_eq!(flatten_on_white(&image, &Mask::filled(16, 16, 255)), image);
}

#[test]
fn nothing_but_the_picture_is_written() {
    let image = picture(16, 16);
    let jpeg = encode(&image, None, Format::Jpeg, 90).unwrap();
    let png = encode(&image, None, Format::Png, 90).unwrap();
    let webp = encode(&image, None, Format::Webp, 90).unwrap();
    for (bytes, marker) in
        [(&jpeg, &b"Exif"[..]), (&jpeg, b"ICC_PROFILE"), (&png, b"iCCP"), (&png, b"tEXt"), (&webp, b"ICCP")]
    {
        assert!(!bytes.windows(marker.len()).any(|w| w == marker));
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let image = picture(70, 50);
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        assert_eq!(encode(&image, None, format, 85).unwrap(), encode(&image, None, format, 85).unwrap());
    }
}

#[test]
fn every_quality_and_small_size_works() {
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        for quality in [0, 1, 50, 89, 90, 99, 100, 255] {
            for (width, height) in [(1, 1), (1, 17), (17, 1), (8, 8), (9, 15)] {
                let bytes = encode(&picture(width, height), None, format, quality).unwrap();
                let back = decode(&bytes, &Limits::default()).unwrap().image;
                assert_eq!((back.width_px(), back.height_px()), (width, height), "{format} {quality}");
            }
        }
    }
}

#[test]
fn masks_come_back_exactly() {
    let mask = alpha(33, 21);
    let bytes = encode_mask_png(&mask).unwrap();
    assert_eq!(decode_mask(&bytes, &Limits::default()).unwrap(), mask);
}

#[test]
fn what_a_format_cannot_hold_is_an_error() {
    let nothing = SrgbImage::new(0, 0, Vec::new()).unwrap();
    let wide = SrgbImage::filled(70_000, 1, [9; 3]);
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        assert!(matches!(encode(&nothing, None, format, 90), Err(Error::Encode { .. })));
    }
    for format in [Format::Jpeg, Format::Webp] {
        assert!(encode(&wide, None, format, 90).unwrap_err().to_string().contains("sides"));
    }
    let image = picture(4, 4);
    let other = Mask::filled(4, 5, 0);
    assert!(matches!(encode(&image, Some(&other), Format::Png, 90), Err(Error::SizeMismatch { .. })));
}
