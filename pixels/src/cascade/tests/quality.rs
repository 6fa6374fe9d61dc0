//! Pictures against a reference that shares no code with the cascade.

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use super::*;

fn light(code: u8) -> f64 {
    let v = f64::from(code) / 255.0;
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn code(light: f64) -> u8 {
    let v = light.clamp(0.0, 1.0);
    (255.0 * if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }).round() as u8
}

fn lanczos(x: f64) -> f64 {
    let px = std::f64::consts::PI * x;
    if x == 0.0 {
        1.0
    } else if x.abs() >= 3.0 {
        0.0
    } else {
        px.sin() / px * ((px / 3.0).sin() / (px / 3.0))
    }
}

/// One axis: every output value is the weighted mean of all source values.
fn resample(values: &[f64], to: usize) -> Vec<f64> {
    let scale = values.len() as f64 / to as f64;
    (0..to)
        .map(|x| {
            let centre = (x as f64 + 0.5) * scale;
            let weights: Vec<f64> = (0..values.len()).map(|i| lanczos((i as f64 + 0.5 - centre) / scale)).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / sum
        })
        .collect()
}

/// Lanczos with 3 lobes in linear light, in `f64`, by the definition.
fn reference(image: &SrgbImage, (to_width, to_height): (u32, u32)) -> SrgbImage {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let (to_width, to_height) = (to_width as usize, to_height as usize);
    let mut out = SrgbImage::filled(to_width as u32, to_height as u32, [0; 3]);
    for c in 0..3 {
        let rows: Vec<Vec<f64>> = (0..height)
            .map(|y| {
                let row: Vec<f64> = (0..width).map(|x| light(image.data()[(y * width + x) * 3 + c])).collect();
                resample(&row, to_width)
            })
            .collect();
        for x in 0..to_width {
            let column: Vec<f64> = rows.iter().map(|row| row[x]).collect();
            for (y, value) in resample(&column, to_height).into_iter().enumerate() {
                out.data_mut()[(y * to_width + x) * 3 + c] = code(value);
            }
        }
    }
    out
}

fn worst(a: &SrgbImage, b: &SrgbImage) -> u8 {
    a.data().iter().zip(b.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

fn ssimulacra2(a: &SrgbImage, b: &SrgbImage) -> f64 {
    let frame = |image: &SrgbImage| {
        let pixels = image.data().chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(|v| f32::from(v) / 255.0)).collect();
        let (width, height) = (image.width_px() as usize, image.height_px() as usize);
        Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709).unwrap()
    };
    compute_frame_ssimulacra2(frame(a), frame(b)).unwrap()
}

/// A photo of the samples.
fn photo(name: &str) -> SrgbImage {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/photos").join(name);
    crate::decode_file(&path, &crate::Limits::default()).unwrap().image
}

#[test]
fn every_direct_size_is_within_one_level_of_the_reference() {
    // Odd and even sources to all sizes from 1 to 67.
    for from in [(67, 66), (66, 67), (68, 41), (97, 130)] {
        let image = picture(from.0, from.1);
        for width in 1..=67 {
            let size = (width.min(from.0), (68 - width).min(from.1));
            // Beyond six times a step in between is made, which is no longer the plain definition.
            if from.0 / size.0 >= 6 || from.1 / size.1 >= 6 {
                continue;
            }
            let made = one(&image, size);
            assert!(worst(&made, &reference(&image, size)) <= 1, "{from:?} to {size:?}");
        }
    }
}

#[test]
fn far_reductions_are_close_to_the_reference() {
    let image = picture(268, 203);
    for size in [(16, 12), (20, 7), (3, 5), (1, 1)] {
        let difference = one(&image, size);
        let expected = reference(&image, size);
        let mean = difference.data().iter().zip(expected.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
            / expected.data().len() as f64;
        assert!(mean < 3.0, "{size:?}: {mean}");
    }
}

#[test]
fn the_cascade_is_as_good_as_direct_sizes() {
    let mut lowest = f64::MAX;
    for name in ["red-dotted-dress-hanger.jpg", "plaid-shirt-hanger.jpg", "blue-jeans-brick-wall.jpg"] {
        let image = photo(name);
        let (width, height) = (image.width_px(), image.height_px());
        let sizes = [9, 8, 6, 5, 4, 3, 2].map(|tenths| (width * tenths / 10, height * tenths / 10));
        let cuts = sizes.map(|size| whole(&image, size));
        for (made, size) in cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap().iter().zip(sizes) {
            let score = ssimulacra2(&reference(&image, size), &made.image);
            assert!(score >= 92.0, "{name} at {size:?}: {score}");
            lowest = lowest.min(score);
        }
    }
    println!("lowest SSIMULACRA2 of the cascade: {lowest:.1}");
}

#[test]
fn no_size_is_shifted_against_another() {
    // A bright blob whose centre is known; its centre of light must be at the same share of every size.
    let (width, height, x0, y0) = (600_u32, 450_u32, 251.3, 187.6);
    let data = (0..width * height)
        .flat_map(|i| {
            let (dx, dy) = (f64::from(i % width) + 0.5 - x0, f64::from(i / width) + 0.5 - y0);
            [code(0.02 + 0.9 * (-(dx * dx + dy * dy) / 3200.0).exp()); 3]
        })
        .collect();
    let image = SrgbImage::new(width, height, data).unwrap();
    let widths = [533, 400, 300, 299, 267, 200, 150, 133, 100, 75, 67, 50];
    let cuts = widths.map(|w| whole(&image, (w, (f64::from(w) * 0.75).round() as u32)));
    for made in cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap() {
        let (w, h) = (made.image.width_px(), made.image.height_px());
        let (mut sum, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for y in 0..h {
            for x in 0..w {
                // Well above the ground, whose rounding would weigh on the far sides.
                let mass = (light(made.image.pixel(x, y)[0]) - 0.1).max(0.0);
                sum += mass;
                sum_x += mass * (f64::from(x) + 0.5);
                sum_y += mass * (f64::from(y) + 0.5);
            }
        }
        let (off_x, off_y) = (sum_x / sum - x0 * f64::from(w) / 600.0, sum_y / sum - y0 * f64::from(h) / 450.0);
        assert!(off_x.abs() < 0.05 && off_y.abs() < 0.05, "{w}×{h}: {off_x:.3} {off_y:.3}");
    }
}
