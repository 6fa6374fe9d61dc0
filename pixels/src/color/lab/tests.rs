//! Lab against the formulas in f64, and there and back.

use super::*;

/// Lab by the definition, in f64 and with the system's cube root.
fn exact_lab(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(|code| {
        let v = f64::from(code) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    let y = f(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    let z = f((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Every combination of 52 levels, whose count is no multiple of the block sizes.
fn every_fifth_color() -> SrgbImage {
    let levels = || (0..=255u8).step_by(5);
    let data: Vec<u8> =
        levels().flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b]))).collect();
    SrgbImage::new(52 * 52, 52, data).unwrap()
}

#[test]
fn whole_images_are_within_a_thousandth_of_the_definition() {
    let image = every_fifth_color();
    let labs = LabImage::from_srgb(&image);
    let mut worst = 0.0f64;
    for (lab, rgb) in labs.data().chunks_exact(3).zip(image.data().chunks_exact(3)) {
        for (got, want) in lab.iter().zip(exact_lab([rgb[0], rgb[1], rgb[2]])) {
            worst = worst.max((f64::from(*got) - want).abs());
        }
    }
    assert!(worst < 1e-3, "largest error {worst}");
}

#[test]
fn images_and_single_colors_agree_and_come_back() {
    let image = every_fifth_color();
    let labs = LabImage::from_srgb(&image);
    assert_eq!(labs.to_srgb(), image);
    for i in (0..image.data().len() / 3).step_by(977) {
        let rgb = [image.data()[3 * i], image.data()[3 * i + 1], image.data()[3 * i + 2]];
        assert_eq!(labs.at(i), Lab::from_srgb8(rgb));
        assert_eq!(labs.at(i).to_srgb8(), rgb);
    }
}

#[test]
fn sizes_that_fill_no_block() {
    for width in [1, 2, 63, 64, 65, 129] {
        let data: Vec<u8> = (0..width * 3).map(|i| (i * 31 % 256) as u8).collect();
        let image = SrgbImage::new(width, 1, data).unwrap();
        assert_eq!(LabImage::from_srgb(&image).to_srgb(), image, "width {width}");
    }
    let empty = SrgbImage::new(0, 0, Vec::new()).unwrap();
    assert_eq!(LabImage::from_srgb(&empty).to_srgb(), empty);
}

#[test]
fn the_cube_root_is_as_good_as_single_precision() {
    for i in 1..200_000u32 {
        let t = i as f32 * 1e-5;
        let exact = f64::from(t).cbrt();
        assert!((f64::from(cbrt(t)) - exact).abs() < 3e-7 * exact, "{t}");
    }
}

#[test]
fn known_colors() {
    let near = |lab: Lab, l: f32, a: f32, b: f32| {
        assert!((lab.l - l).abs() < 0.01 && (lab.a - a).abs() < 0.01 && (lab.b - b).abs() < 0.01, "{lab:?}");
    };
    // Lindbloom's calculator, D65.
    near(Lab::from_srgb8([255, 0, 0]), 53.2408, 80.0925, 67.2032);
    near(Lab::from_srgb8([0, 0, 255]), 32.2970, 79.1875, -107.8602);
    near(Lab::from_srgb8([255, 255, 255]), 100.0, 0.0, 0.0);
    near(Lab::from_srgb8([0, 0, 0]), 0.0, 0.0, 0.0);
}

#[test]
fn d50_grey_stays_grey_and_red_moves_as_published() {
    let grey = Lab::from_d50(50.0, 0.0, 0.0);
    assert!((grey.l - 50.0).abs() < 0.01 && grey.chroma() < 0.02, "{grey:?}");
    // sRGB red is Lab(54.29, 80.81, 69.89) under D50 (ICC) and Lab(53.24, 80.09, 67.20) under D65.
    assert_eq!(Lab::from_d50(54.2905, 80.8049, 69.8910).to_srgb8(), [255, 0, 0]);
}

#[test]
fn values_that_are_no_colors_do_not_panic() {
    for value in [f32::NAN, f32::INFINITY, -1e30, 1e30] {
        let _ = Lab::new(value, value, value).to_srgb8();
        let _ = Lab::from_linear([value; 3]);
        let image = LabImage::new(1, 1, vec![value; 3]).unwrap();
        let _ = image.to_srgb();
    }
}
