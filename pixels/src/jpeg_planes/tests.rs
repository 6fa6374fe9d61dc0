//! Planes against the way over RGB.

use super::*;
use crate::cascade::{Cut, Light, Source, cascade};
use crate::{Limits, SrgbImage, decode, decode_planes, encode_with};

fn photo(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/photos").join(name);
    std::fs::read(path).unwrap()
}

fn planes(jpeg: &[u8]) -> JpegPlanes {
    decode_planes(jpeg, &Limits::default(), |_, _| 1).unwrap().unwrap()
}

fn pixels(jpeg: &[u8]) -> SrgbImage {
    decode(jpeg, &Limits::default()).unwrap().image
}

fn difference(a: &SrgbImage, b: &SrgbImage) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.data().len() as f64
}

/// A JPEG with chroma of this many pixels per sample.
fn jpeg(image: &SrgbImage, sampling: jpeg_encoder::SamplingFactor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(sampling);
    let (width, height) = (image.width_px() as u16, image.height_px() as u16);
    encoder.encode(image.data(), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

#[test]
fn sizes_are_those_of_codes_over_rgb() {
    for name in ["red-dotted-dress-hanger.jpg", "plaid-shirt-hanger.jpg"] {
        let file = photo(name);
        let master = pixels(&file);
        let (width, height) = (master.width_px(), master.height_px());
        let sizes = [(9, 10), (2, 3), (1, 2), (1, 5)].map(|(a, b)| (width * a / b, height * a / b));
        let cuts = sizes.map(|size| Cut { crop: (0, 0, width, height), size });
        let expected = cascade(Source::Eight(&master), None, &cuts, Light::Codes).unwrap();
        let options = EncodeOptions { chroma: Chroma::Half, ..EncodeOptions::at_level(95) };
        for (made, expected) in planes(&file).sizes(&sizes, 95, Chroma::Half).unwrap().iter().zip(expected) {
            let direct = made.encode(95, &options, &Metadata::default()).unwrap();
            let by_rgb = encode_with(&expected.image, None, Format::Jpeg, &options, &Metadata::default()).unwrap();
            let off = |file: &[u8]| difference(&pixels(file), &expected.image);
            // What JPEG itself costs is the measure.
            assert!(off(&direct) < 1.1 * off(&by_rgb) + 0.1, "{name}: {} {}", off(&direct), off(&by_rgb));
        }
    }
}

#[test]
fn every_chroma_goes_into_every_size() {
    use jpeg_encoder::SamplingFactor::{F_1_1, F_1_2, F_2_1, F_2_2, F_4_1};
    // Slow colours, so that chroma of a quarter of the columns shows them too.
    let data = (0..67 * 45).flat_map(|i| [(i % 67 * 3) as u8, (i / 67 * 5) as u8, 90]).collect();
    let image = SrgbImage::new(67, 45, data).unwrap();
    for sampling in [F_1_1, F_1_2, F_2_1, F_2_2, F_4_1] {
        let file = jpeg(&image, sampling);
        let master = pixels(&file);
        for width in 1..=67 {
            let sizes = [(width, 46 - width.min(45)), (width, 45)];
            let cuts = sizes.map(|size| Cut { crop: (0, 0, 67, 45), size });
            let expected = cascade(Source::Eight(&master), None, &cuts, Light::Codes).unwrap();
            for chroma in [Chroma::Full, Chroma::Half] {
                let made = planes(&file).sizes(&sizes, 100, chroma).unwrap();
                for (made, expected) in made.iter().zip(&expected) {
                    let shown = pixels(&made.encode(100, &EncodeOptions::at_level(100), &Metadata::default()).unwrap());
                    assert_eq!((shown.width_px(), shown.height_px()), made.size_px());
                    // A size of a few pixels has next to no chroma, and encoders differ in how they thin it out.
                    let few = made.size_px().0.min(made.size_px().1) < 8;
                    let off = difference(&shown, &expected.image);
                    assert!(few || off < 3.0, "{sampling:?} to {:?} {chroma:?}: {off}", made.size_px());
                }
            }
        }
    }
}

#[test]
fn chroma_is_not_shifted_against_luma() {
    // A red disc on grey: the centre of its redness must stay at the same share of every size.
    let (width, height, x0, y0) = (400_u32, 300_u32, 171.3, 127.6);
    let data = (0..width * height)
        .flat_map(|i| {
            let (dx, dy) = (f64::from(i % width) + 0.5 - x0, f64::from(i / width) + 0.5 - y0);
            let red = (100.0 * (-(dx * dx + dy * dy) / 400.0).exp()) as u8;
            [100 + red, 100, 100]
        })
        .collect();
    let image = SrgbImage::new(width, height, data).unwrap();
    let half = EncodeOptions { chroma: Chroma::Half, ..EncodeOptions::at_level(100) };
    let file = encode_with(&image, None, Format::Jpeg, &half, &Metadata::default()).unwrap();
    let sizes = [399, 333, 267, 200, 199, 133, 101, 75, 51].map(|w: u32| (w, (w * 3).div_ceil(4)));
    for made in planes(&file).sizes(&sizes, 100, Chroma::Half).unwrap() {
        let shown = pixels(&made.encode(100, &EncodeOptions::at_level(100), &Metadata::default()).unwrap());
        let (w, h) = made.size_px();
        let (mut sum, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
            let [r, g, _] = shown.pixel(x, y);
            let mass = (f64::from(r) - f64::from(g) - 12.0).max(0.0);
            sum += mass;
            sum_x += mass * (f64::from(x) + 0.5);
            sum_y += mass * (f64::from(y) + 0.5);
        }
        let (off_x, off_y) =
            (sum_x / sum - x0 * f64::from(w) / 400.0, sum_y / sum - y0 * f64::from(h) / f64::from(height));
        // Codes that change slowly are rounded to the same ones, wherever they lie.
        assert!(off_x.abs() < 0.15 && off_y.abs() < 0.15, "{w}×{h}: {off_x:.3} {off_y:.3}");
    }
}

#[test]
fn flat_colors_stay() {
    let file = jpeg(&SrgbImage::filled(133, 77, [180, 40, 90]), jpeg_encoder::SamplingFactor::F_2_2);
    let master = planes(&file);
    for made in master.sizes(&[(99, 57), (61, 35), (24, 14), (1, 1), (133, 77)], 85, Chroma::Auto).unwrap() {
        for (plane, of_master) in made.planes.iter().zip(&master.planes) {
            assert!(plane.codes.iter().all(|code| *code == of_master.codes[0]), "{:?}", made.size_px());
        }
    }
}

#[test]
fn only_upright_srgb_in_luma_and_chroma_is_taken() {
    let image = SrgbImage::filled(40, 30, [180, 40, 90]);
    let png = crate::encode(&image, None, Format::Png, 90).unwrap();
    let mut grey = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut grey, 90);
    encoder.encode(&[7; 64], 8, 8, jpeg_encoder::ColorType::Luma).unwrap();
    let mut inks = Vec::new();
    jpeg_encoder::Encoder::new(&mut inks, 90).encode(&[7; 256], 8, 8, jpeg_encoder::ColorType::Cmyk).unwrap();
    for file in [png, grey, inks] {
        assert!(decode_planes(&file, &Limits::default(), |_, _| 1).unwrap().is_none());
    }
    let whole = jpeg(&image, jpeg_encoder::SamplingFactor::F_2_2);
    let cut = &whole[..whole.len() / 2];
    assert!(matches!(decode_planes(cut, &Limits::default(), |_, _| 1), Err(Error::Truncated { .. })));
    let few = Limits { max_pixels: 100, ..Limits::default() };
    assert!(matches!(decode_planes(&whole, &few, |_, _| 1), Err(Error::TooManyPixels { .. })));
    assert!(matches!(planes(&whole).sizes(&[(0, 3)], 85, Chroma::Auto), Err(Error::Resize { .. })));
}

#[test]
fn a_file_read_smaller_knows_its_size() {
    let image = SrgbImage::filled(401, 303, [180, 40, 90]);
    let file = jpeg(&image, jpeg_encoder::SamplingFactor::F_2_2);
    let half = decode_planes(&file, &Limits::default(), |_, _| 2).unwrap().unwrap();
    assert_eq!((half.size_px(), half.whole_px()), ((201, 152), (401, 303)));
    let made = half.sizes(&[(100, 76)], 85, Chroma::Auto).unwrap().remove(0);
    let shown = pixels(&made.encode(85, &EncodeOptions::at_level(85), &Metadata::default()).unwrap());
    assert!(difference(&shown, &SrgbImage::filled(100, 76, [180, 40, 90])) < 1.5);
}
