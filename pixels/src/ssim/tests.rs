//! Against the definition written out in f64, window by window.

use super::*;

fn noise(width: u32, height: u32, seed: u64, strength: u64) -> SrgbImage {
    let mut state = seed;
    let data = (0..width * height * 3)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let smooth = u64::from((i / 3 % width) * 200 / width);
            (smooth + (state >> 33) % strength.max(1)).min(255) as u8
        })
        .collect();
    SrgbImage::new(width, height, data).unwrap()
}

/// Equation 13 at every window, its weights in two dimensions.
fn by_definition(one: &SrgbImage, other: &SrgbImage) -> f64 {
    let (width, height) = (one.width_px(), one.height_px());
    let luma = |image: &SrgbImage, x: u32, y: u32| {
        let [r, g, b] = image.pixel(x.min(width - 1), y.min(height - 1)).map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let mut weights = vec![];
    for y in -5_i32..=5 {
        for x in -5_i32..=5 {
            weights.push((-f64::from(x * x + y * y) / 4.5).exp());
        }
    }
    let total: f64 = weights.iter().sum();
    let (mut sum, mut count) = (0.0, 0.0);
    for top in 0..height.max(11) - 10 {
        for left in 0..width.max(11) - 10 {
            let (mut m1, mut m2, mut s1, mut s2, mut s12) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (i, weight) in weights.iter().enumerate() {
                let (x, y) = (left + i as u32 % 11, top + i as u32 / 11);
                let (a, b, w) = (luma(one, x, y), luma(other, x, y), weight / total);
                (m1, m2) = (m1 + w * a, m2 + w * b);
                (s1, s2, s12) = (s1 + w * a * a, s2 + w * b * b, s12 + w * a * b);
            }
            let (v1, v2, cov) = (s1 - m1 * m1, s2 - m2 * m2, s12 - m1 * m2);
            sum +=
                (2.0 * m1 * m2 + 6.5025) * (2.0 * cov + 58.5225) / ((m1 * m1 + m2 * m2 + 6.5025) * (v1 + v2 + 58.5225));
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn it_is_the_definition_at_every_size() {
    for (width, height) in [(11, 11), (37, 23), (64, 12), (5, 40), (1, 1), (3, 2)] {
        for strength in [1, 9, 90] {
            let (one, other) = (noise(width, height, 1, 20), noise(width, height, 7, strength));
            let (got, expected) = (f64::from(ssim(&one, &other).unwrap()), by_definition(&one, &other));
            assert!((got - expected).abs() < 2e-4, "{width}x{height} {strength}: {got} {expected}");
        }
    }
}

#[test]
fn equal_is_one_and_worse_is_less() {
    let image = noise(50, 40, 3, 40);
    assert_eq!(ssim(&image, &image).unwrap(), 1.0);
    let of = |strength: u8| {
        let mut other = image.clone();
        other.data_mut().iter_mut().step_by(5).for_each(|code| *code = code.saturating_add(strength));
        ssim(&image, &other).unwrap()
    };
    assert!(of(5) > of(20) && of(20) > of(80) && of(5) < 1.0);
    assert!(ssim(&image, &noise(50, 41, 3, 40)).is_err());
    let nothing = SrgbImage::new(0, 0, Vec::new()).unwrap();
    assert!(ssim(&nothing, &nothing).is_err());
}
