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

#[test]
fn targets_are_met_with_few_encodes_or_said_to_be_out_of_reach() {
    let image = picture(160, 120);
    let measured = |format, quality| {
        let options = EncodeOptions { quality, ..EncodeOptions::default() };
        encode_measured(&image, None, format, &options, &Metadata::default()).unwrap()
    };
    for format in [Format::Jpeg, Format::Webp] {
        let good = measured(format, Quality::Ssim(0.98));
        assert!(good.met && good.encodes <= 7 && good.ssim.unwrap() >= 0.98, "{format}: {good:?}");
        let back = decode(&good.bytes, &Limits::default()).unwrap().image;
        assert!((crate::ssim(&image, &back).unwrap() - good.ssim.unwrap()).abs() < 1e-6);
        // One level less misses it, so that the file is no larger than it has to be.
        let less = encode(&image, None, format, good.level.unwrap() - 1).unwrap();
        assert!(crate::ssim(&image, &decode(&less, &Limits::default()).unwrap().image).unwrap() < 0.98, "{format}");
        let most = (encode(&image, None, format, 70).unwrap().len()) as u64;
        let small = measured(format, Quality::MaxBytes(most));
        assert!(small.met && small.bytes.len() as u64 <= most && small.level.unwrap() >= 70, "{format}");
        let tiny = measured(format, Quality::MaxBytes(20));
        assert!(!tiny.met && tiny.level == Some(1), "{format}: {:?}", tiny.level);
    }
    let never = measured(Format::Jpeg, Quality::Ssim(1.0));
    assert!(!never.met && never.level == Some(100) && never.ssim.unwrap() < 1.0);
    let png = measured(Format::Png, Quality::Ssim(1.0));
    assert!(png.met && png.level.is_none() && png.ssim == Some(1.0) && png.encodes == 1);
    assert!(!measured(Format::Png, Quality::MaxBytes(9)).met);
    assert!(measured(Format::Webp, Quality::Ssim(1.0)).level.is_none());
}

#[test]
fn options_reach_the_encoders() {
    let image = picture(96, 64);
    let with =
        |format, options: &EncodeOptions| encode_with(&image, None, format, options, &Metadata::default()).unwrap();
    let usual = EncodeOptions::default();
    let sampling = |jpeg: &[u8]| {
        let frame = jpeg.windows(2).position(|w| matches!(w, [0xFF, 0xC0..=0xC2])).unwrap();
        (jpeg[frame + 1], jpeg[frame + 11])
    };
    assert_eq!(sampling(&with(Format::Jpeg, &usual)), (0xC0, 0x22));
    assert_eq!(sampling(&with(Format::Jpeg, &EncodeOptions { progressive: true, ..usual })), (0xC2, 0x22));
    assert_eq!(sampling(&with(Format::Jpeg, &EncodeOptions { chroma: Chroma::Full, ..usual })), (0xC0, 0x11));
    assert_eq!(
        sampling(&with(Format::Jpeg, &EncodeOptions { chroma: Chroma::Half, quality: Quality::Level(95), ..usual })).1,
        0x22
    );
    let lossless = with(Format::Webp, &EncodeOptions { lossless: true, ..usual });
    assert_eq!(decode(&lossless, &Limits::default()).unwrap().image, image);
    for format in [Format::Webp, Format::Png] {
        let size = |effort| with(format, &EncodeOptions { effort, ..usual }).len();
        assert!(size(Effort::Best) <= size(Effort::Fast), "{format}");
    }
}

#[test]
fn metadata_is_written_where_readers_look() {
    let (image, alpha) = (picture(31, 20), alpha(31, 20));
    // Orientation 6, to see that it is read; and a profile of two JPEG segments.
    let exif = crate::exif::tests::exif_block(6, true)[6..].to_vec();
    let metadata = Metadata { dpi: None, icc: Some(vec![7; 70_000]), exif: Some(exif) };
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        for options in [EncodeOptions::default(), EncodeOptions { lossless: true, ..EncodeOptions::default() }] {
            for alpha in [None, Some(&alpha)] {
                let file = encode_with(&image, alpha, format, &options, &metadata).unwrap();
                let back = decode(&file, &Limits::default()).unwrap();
                assert_eq!((back.orientation, back.image.width_px()), (6, 20), "{format}");
                assert!(back.notes.iter().any(|note| note.contains("ICC")), "{format}: the broken profile is seen");
                assert_eq!(back.alpha.is_some(), alpha.is_some() && format.has_alpha(), "{format}");
            }
        }
    }
}

#[test]
fn an_avif_is_what_its_encoder_says_a_decoder_will_show() {
    // Levels buy fidelity, and what is shown is near the picture.
    let image = picture(97, 61);
    let shown = |quality, chroma, effort| {
        let options = EncodeOptions { quality: Quality::Level(quality), chroma, effort, ..EncodeOptions::default() };
        let file = encode_measured(&image, Some(&alpha(97, 61)), Format::Avif, &options, &Metadata::default()).unwrap();
        assert_eq!(Format::sniff(&file.bytes), Some(Format::Avif));
        let (seen, mask) = file.shown().unwrap();
        (file.bytes.len(), crate::ssim(&image, &seen).unwrap(), worst_difference(&image, &seen), mask.unwrap())
    };
    let (small, large) = (shown(30, Chroma::Auto, Effort::Fast), shown(97, Chroma::Auto, Effort::Fast));
    assert!(small.0 < large.0 && small.1 < large.1 && large.1 > 0.98, "{} {}", small.1, large.1);
    assert!(large.3.data().iter().zip(alpha(97, 61).data()).all(|(a, b)| a.abs_diff(*b) < 40));
    let (half, full) = (shown(97, Chroma::Half, Effort::Balanced), shown(97, Chroma::Full, Effort::Balanced));
    assert!(full.2 < half.2, "{} {}", full.2, half.2);
    for (width, height) in [(1, 1), (1, 17), (16, 16), (33, 9)] {
        let file = encode(&picture(width, height), None, Format::Avif, 80).unwrap();
        assert!(file.len() > 100);
    }
    let target = EncodeOptions { quality: Quality::Ssim(0.97), effort: Effort::Fast, ..EncodeOptions::default() };
    assert!(encode_measured(&image, None, Format::Avif, &target, &Metadata::default()).unwrap().met);
}

#[test]
fn threads_change_no_byte() {
    let image = picture(1300, 900);
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Avif, Format::Tiff] {
        let options = EncodeOptions { effort: Effort::Fast, ..EncodeOptions::default() };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| encode_with(&image, None, format, &options, &Metadata::default()).unwrap())
        };
        assert_eq!(with(1), with(4), "{format}");
    }
}
