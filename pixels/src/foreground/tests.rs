use super::*;
use crate::color::srgb8_from_linear;

const SIDE: u32 = 160;

/// Deterministic texture between −1 and 1.
fn grain(i: u32) -> f32 {
    (i.wrapping_mul(2_654_435_761) >> 16 & 0xFF) as f32 / 127.5 - 1.0
}

/// A disc whose alpha falls over `soft` px.
fn disc(soft: f32) -> Vec<f32> {
    let alpha = |i: u32| {
        let (x, y) = ((i % SIDE) as f32 + 0.5 - SIDE as f32 / 2.0, (i / SIDE) as f32 + 0.5 - SIDE as f32 / 2.0);
        ((50.0 - x.hypot(y)) / soft + 0.5).clamp(0.0, 1.0)
    };
    (0..SIDE * SIDE).map(alpha).collect()
}

/// A textured, shaded picture of one colour.
fn textured(rgb: [u8; 3], amount: f32) -> SrgbImage {
    let curve = Curve::get();
    let pixel = |i: u32| {
        let shade = 1.0 + 0.25 * ((i % SIDE) as f32 / SIDE as f32 - 0.5) + amount * grain(i);
        rgb.map(|code| srgb8_from_linear(curve.linear(code) * shade))
    };
    SrgbImage::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(pixel).collect()).unwrap()
}

fn mixed(cloth: &SrgbImage, ground: &SrgbImage, alpha: &[f32]) -> (SrgbImage, Mask) {
    let curve = Curve::get();
    let mut photo = ground.clone();
    let mask: Vec<u8> = alpha.iter().map(|a| (a * 255.0).round() as u8).collect();
    for (i, code) in photo.data_mut().iter_mut().enumerate() {
        let a = f32::from(mask[i / 3]) / 255.0;
        *code = curve.byte(a * curve.linear(cloth.data()[i]) + (1.0 - a) * curve.linear(*code));
    }
    (photo, Mask::new(SIDE, SIDE, mask).unwrap())
}

/// Mean and 95th percentile of the code difference to the true cloth where alpha is between the two levels.
fn errors(got: &SrgbImage, truth: &SrgbImage, mask: &Mask, from: u8, to: u8) -> (f32, u8) {
    let pixels = got.data().chunks_exact(3).zip(truth.data().chunks_exact(3)).zip(mask.data());
    let inside = pixels.filter(|(_, a)| (from..to).contains(*a));
    let mut all: Vec<u8> = inside.flat_map(|((g, t), _)| [0, 1, 2].map(|c| g[c].abs_diff(t[c]))).collect();
    all.sort_unstable();
    (all.iter().map(|&v| f32::from(v)).sum::<f32>() / all.len() as f32, all[all.len() * 95 / 100])
}

#[test]
fn the_cloths_colour_is_recovered_within_a_few_codes() {
    for (cloth, ground) in [
        ([150, 20, 40], [240, 238, 232]),
        ([235, 230, 220], [90, 60, 40]),
        ([25, 28, 40], [200, 190, 180]),
        ([30, 90, 160], [120, 160, 60]),
    ] {
        for soft in [2.0, 12.0, 50.0] {
            let (cloth, ground) = (textured(cloth, 0.02), textured(ground, 0.02));
            let (photo, mask) = mixed(&cloth, &ground, &disc(soft));
            let got = estimate(&photo, &mask).unwrap();
            let (mean, p95) = errors(&got, &cloth, &mask, 26, 255);
            let (before, _) = errors(&photo, &cloth, &mask, 26, 255);
            assert!(mean < 5.0 && p95 <= 10, "{mean} {p95}, untouched {before}");
            assert!(mean < 0.1 * before, "{mean} of {before}");
        }
    }
}

#[test]
fn a_fringe_of_the_old_colour_does_not_survive_dyeing() {
    // Black stands for any dye: what remains of the red must be the ground's share alone.
    let (cloth, ground) = (textured([190, 20, 40], 0.02), textured([240, 238, 232], 0.01));
    let (photo, mask) = mixed(&cloth, &ground, &disc(8.0));
    let own = estimate(&photo, &mask).unwrap();
    let curve = Curve::get();
    let mut worst: f32 = 0.0;
    for (i, &code) in photo.data().iter().enumerate() {
        let a = f32::from(mask.data()[i / 3]) / 255.0;
        let shown = curve.linear(code) - a * curve.linear(own.data()[i]);
        let truth = (1.0 - a) * curve.linear(ground.data()[i]);
        worst = worst.max((shown - truth).abs());
    }
    assert!(worst < 0.06, "{worst}");
}

#[test]
fn texture_of_sure_cloth_survives() {
    let (cloth, ground) = (textured([120, 120, 130], 0.3), textured([240; 3], 0.0));
    let (photo, mask) = mixed(&cloth, &ground, &vec![250.0 / 255.0; (SIDE * SIDE) as usize]);
    let mut mask = mask;
    mask.data_mut()[..(SIDE * 60) as usize].fill(0);
    let (mean, _) = errors(&estimate(&photo, &mask).unwrap(), &cloth, &mask, 1, 255);
    // Two hundredths of a ground that is nowhere to be seen near are at most five codes.
    assert!(mean < 5.0, "{mean}");
}

#[test]
fn a_wrong_alpha_on_pure_cloth_does_not_overshoot() {
    let (cloth, ground) = (textured([150, 20, 40], 0.02), textured([240, 238, 232], 0.02));
    let (photo, truth) = mixed(&cloth, &ground, &disc(1.0));
    let mut blurred = truth.feathered(4.0);
    // The mask is soft over cloth that is not.
    blurred.data_mut().iter_mut().zip(truth.data()).filter(|(_, t)| **t == 255).for_each(|(a, _)| *a = (*a).min(254));
    let got = estimate(&photo, &blurred).unwrap();
    let wrong = Mask::new(
        SIDE,
        SIDE,
        blurred.data().iter().zip(truth.data()).map(|(&a, &t)| if t == 255 { a } else { 0 }).collect(),
    );
    let (mean, p95) = errors(&got, &cloth, &wrong.unwrap(), 60, 255);
    assert!(mean < 8.0 && p95 < 30, "{mean} {p95}");
}

#[test]
fn pure_pixels_keep_their_bytes_at_odd_sizes() {
    for (w, h) in [(1u32, 1u32), (1, 7), (3, 2), (17, 5), (613, 9)] {
        let photo = SrgbImage::new(w, h, (0..w * h * 3).map(|i| (i * 37 % 256) as u8).collect()).unwrap();
        let mask =
            Mask::new(w, h, (0..w * h).map(|i| [0, 255, 130, 255, 0, 1, 254][i as usize % 7]).collect()).unwrap();
        let got = estimate(&photo, &mask).unwrap();
        for (i, &a) in mask.data().iter().enumerate() {
            assert!(!matches!(a, 0 | 255) || got.data()[3 * i..3 * i + 3] == photo.data()[3 * i..3 * i + 3]);
        }
    }
    let photo = textured([9, 99, 199], 0.3);
    assert_eq!(estimate(&photo, &disc_only(255)).unwrap(), photo);
    assert_eq!(estimate(&photo, &disc_only(128)).unwrap(), photo);
    assert!(estimate(&photo, &Mask::filled(3, 3, 1)).is_err());
}

fn disc_only(alpha: u8) -> Mask {
    Mask::filled(SIDE, SIDE, alpha)
}

#[test]
fn widening_is_square_and_stays_inside() {
    let mut flags = vec![false; 35];
    flags[2 * 7 + 1] = true;
    let wide = widened(&flags, 7, 2);
    for y in 0..5 {
        for x in 0..7 {
            assert_eq!(wide[y * 7 + x], x <= 3, "{x} {y}");
        }
    }
}
