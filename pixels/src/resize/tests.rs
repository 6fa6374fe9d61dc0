//! Resizing: linear light, untouched flats, no bleeding of hidden colour.

use super::*;

#[test]
fn a_black_and_white_weave_becomes_the_grey_of_half_the_light() {
    let weave: Vec<u8> =
        (0..64 * 64).flat_map(|i| if (i % 64 + i / 64) % 2 == 0 { [0; 3] } else { [255; 3] }).collect();
    let small = resize_linear(&SrgbImage::new(64, 64, weave).unwrap(), 8, 8).unwrap();
    // Half the light is sRGB 188; averaging codes would give 128.
    for y in 2..6 {
        for x in 2..6 {
            assert!(small.pixel(x, y).iter().all(|&v| v.abs_diff(188) <= 2), "{:?}", small.pixel(x, y));
        }
    }
}

#[test]
fn flat_colors_stay_exactly() {
    for code in 0..=255u8 {
        let image = SrgbImage::filled(33, 17, [code, 255 - code, code / 2]);
        for (w, h) in [(16, 8), (7, 3), (1, 1), (66, 34)] {
            let out = resize_linear(&image, w, h).unwrap();
            assert_eq!(out, SrgbImage::filled(w, h, [code, 255 - code, code / 2]), "{code} at {w}×{h}");
        }
    }
}

#[test]
fn the_same_size_is_the_same_bytes() {
    let data: Vec<u8> = (0..31 * 7 * 3).map(|i| (i * 37 % 256) as u8).collect();
    let image = SrgbImage::new(31, 7, data).unwrap();
    assert_eq!(resize_linear(&image, 31, 7).unwrap(), image);
    let mask = Mask::new(31, 7, (0..31 * 7).map(|i| i as u8).collect()).unwrap();
    assert_eq!(resize_mask(&mask, 31, 7).unwrap(), mask);
    assert_eq!(resize_linear_alpha(&image, &mask, 31, 7).unwrap(), (image, mask));
}

#[test]
fn hidden_color_does_not_bleed_into_the_visible() {
    // Left half visible red, right half invisible green.
    let colors: Vec<u8> = (0..32 * 32).flat_map(|i| if i % 32 < 16 { [200, 0, 0] } else { [0, 255, 0] }).collect();
    let alphas: Vec<u8> = (0..32 * 32).map(|i| if i % 32 < 16 { 255 } else { 0 }).collect();
    let image = SrgbImage::new(32, 32, colors).unwrap();
    let alpha = Mask::new(32, 32, alphas).unwrap();
    let (image, alpha) = resize_linear_alpha(&image, &alpha, 11, 11).unwrap();
    for y in 0..11 {
        for x in 0..11 {
            if alpha.data()[y * 11 + x] > 32 {
                let [r, g, _] = image.pixel(x as u32, y as u32);
                assert!(r.abs_diff(200) <= 4 && g <= 4, "{:?}", image.pixel(x as u32, y as u32));
            }
        }
    }
    assert!(alpha.data()[0] == 255 && alpha.data()[10] == 0);
}

#[test]
fn masks_keep_their_ends() {
    let mask = Mask::new(40, 40, (0..1600).map(|i| if i % 40 < 20 { 255 } else { 0 }).collect()).unwrap();
    for side in [10, 15, 80] {
        let out = resize_mask(&mask, side, side).unwrap();
        assert_eq!((out.data()[0], out.data()[side as usize - 1]), (255, 0));
        assert!((out.coverage() - 0.5).abs() < 0.02);
    }
}

#[test]
fn impossible_sizes_are_errors() {
    let image = SrgbImage::filled(4, 4, [1, 2, 3]);
    let nothing = SrgbImage::new(0, 4, Vec::new()).unwrap();
    for result in [resize_linear(&image, 0, 5), resize_linear(&image, 5, 0), resize_linear(&nothing, 5, 5)] {
        assert!(matches!(result, Err(Error::Resize { .. })));
    }
    assert!(matches!(resize_mask(&Mask::filled(4, 4, 0), 0, 1), Err(Error::Resize { .. })));
    let wrong = resize_linear_alpha(&image, &Mask::filled(3, 4, 0), 2, 2);
    assert!(matches!(wrong, Err(Error::SizeMismatch { .. })));
}

#[test]
fn means_are_divided_exactly() {
    for n in [1, 2, 3, 9, 12, 16, 100, 4097, Count::MOST - 1, Count::MOST, Count::MOST + 1, 60_000] {
        let count = Count::new(n);
        for total in [0, 1, n / 2, n, 3 * n - 1, 3 * n, 777 * n + n / 2, 65_534 * n + n / 2, 65_535 * n - 1, 65_535 * n]
        {
            assert_eq!(u32::from(count.mean(total)), (total + n / 2) / n, "{total} by {n}");
        }
    }
}

#[test]
fn squares_of_two_widths_are_means_of_their_own() {
    let (width, height) = (11, 7);
    let image = SrgbImage::new(width, height, (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect()).unwrap();
    let small = shrunk(&image, 3).unwrap();
    assert_eq!((small.width_px(), small.height_px()), (3, 2));
    for (x, columns) in [(0, 0..3), (1, 3..7), (2, 7..11)] {
        for (y, rows) in [(0, 0..3), (1, 3..7)] {
            let at = |x: u32, y: u32| (linear_from_srgb8(image.pixel(x, y)[1]) * 65535.0).round() as u32;
            let values: Vec<u32> =
                rows.flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect();
            let n = values.len() as u32;
            let mean = (values.iter().sum::<u32>() + n / 2) / n;
            assert_eq!(small.pixel(x, y)[1], SRGB8[mean as usize], "{x},{y}");
        }
    }
}
