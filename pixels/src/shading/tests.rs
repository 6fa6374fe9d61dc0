use super::*;
use crate::color::{linear_from_srgb8, srgb8_from_linear};

const WIDTH: u32 = 260;
const HEIGHT: u32 = 180;

/// Folds: two slow waves across and a shadow to the right.
fn light(x: u32, y: u32) -> f32 {
    let (x, y) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
    (1.0 + 0.3 * (x * 19.0 + y * 4.0).sin()) * if x > 0.7 { 1.0 - 0.5 * ((x - 0.7) / 0.1).min(1.0) } else { 1.0 }
}

fn photo(albedo: impl Fn(u32, u32) -> [f32; 3]) -> SrgbImage {
    let pixel = |i: u32| {
        let (x, y) = (i % WIDTH, i / WIDTH);
        albedo(x, y).map(|a| srgb8_from_linear(a * light(x, y)))
    };
    SrgbImage::new(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).flat_map(pixel).collect()).unwrap()
}

fn mask() -> Mask {
    let alpha = |i: u32| {
        let (x, y) = (i % WIDTH, i / WIDTH);
        if (10..WIDTH - 10).contains(&x) && (8..HEIGHT - 8).contains(&y) { 255 } else { 0 }
    };
    Mask::new(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(alpha).collect()).unwrap()
}

/// Root mean square of the logarithm's error inside the mask, the mean taken away.
fn error(values: impl Fn(usize) -> f32, mask: &Mask) -> f32 {
    let inside = (0..mask.data().len()).filter(|&i| mask.data()[i] == 255);
    let off: Vec<f32> = inside.map(|i| values(i).ln() - light(i as u32 % WIDTH, i as u32 / WIDTH).ln()).collect();
    let mean = off.iter().sum::<f32>() / off.len() as f32;
    (off.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / off.len() as f32).sqrt()
}

/// Mean of what is printed inside the mask.
fn printed(base: &Base) -> f32 {
    let plane = base.printed.resized(WIDTH as usize, HEIGHT as usize);
    let inside: Vec<f32> = plane.values.iter().zip(mask().data()).filter(|(_, a)| **a > 0).map(|(p, _)| *p).collect();
    inside.iter().sum::<f32>() / inside.len() as f32
}

fn brightness(image: &SrgbImage, i: usize) -> f32 {
    luminance(Curve::get(), [0, 1, 2].map(|c| image.data()[3 * i + c])).max(LEAST_LIGHT)
}

#[test]
fn plain_cloth_shows_its_folds_and_its_shadow() {
    let mask = mask();
    let plain = photo(|_, _| [0.30, 0.08, 0.10]);
    let shading = Shading::estimate(&plain, &mask).unwrap();
    let off = error(|i| shading.values[i], &mask);
    assert!(off < 0.05, "{off}");
    assert!(shading.values.iter().zip(mask.data()).all(|(&v, &a)| a > 0 || v == 1.0));
    let mut inside: Vec<f32> =
        (0..mask.data().len()).filter(|&i| mask.data()[i] > 0).map(|i| shading.values[i]).collect();
    let median = crate::garment_stats::percentile(&mut inside, 0.5);
    assert!((median - 1.0).abs() < 0.03, "{median}");
}

#[test]
fn stripes_and_checks_are_taken_out_of_the_light() {
    let mask = mask();
    let stripes = |x: u32, _: u32| if (x / 9).is_multiple_of(2) { [0.6, 0.6, 0.58] } else { [0.05, 0.06, 0.20] };
    let grey = |x: u32, y: u32| if (x / 12 + y / 12).is_multiple_of(2) { [0.5; 3] } else { [0.12; 3] };
    // White checks in the shade are no lighter than dark ones in the sun: without a hue, some are taken for each other.
    for (name, print, least) in [("stripes", photo(stripes), 0.25), ("grey checks", photo(grey), 0.5)] {
        let base = Base::estimate(&print, &mask).unwrap();
        let printed = printed(&base);
        assert!(printed > 0.8, "{name}: printed {printed}");
        let shading = Shading::compose(&print, &mask, &base).unwrap();
        let (off, raw) = (error(|i| shading.values[i], &mask), error(|i| brightness(&print, i), &mask));
        assert!(off < least * raw, "{name}: {off}, luminance alone {raw}");
    }
}

/// Pleats change as sharply as stripes do, but only by light, and their shadows are greyer.
#[test]
fn pleats_of_dyed_cloth_are_light_and_stripes_of_another_dye_are_not() {
    let shaded = |x: u32, dye: [f32; 3]| if (x / 9).is_multiple_of(2) { dye } else { dye.map(|v| 0.3 * v + 0.004) };
    for dye in [[0.30, 0.08, 0.03], [0.45, 0.02, 0.08], [0.05, 0.10, 0.40]] {
        let pleats = photo(|x, _| shaded(x, dye));
        let base = Base::estimate(&pleats, &mask()).unwrap();
        assert!(printed(&base) < 0.05, "{dye:?}: {}", printed(&base));
        let shading = Shading::compose(&pleats, &mask(), &base).unwrap();
        let at = |x: usize| shading.values[90 * WIDTH as usize + x];
        // Beside each other, in the middle of a light and of a dark pleat.
        assert!(at(94) > 2.0 * at(103), "{dye:?}: {} {}", at(94), at(103));
    }
    let inked = photo(|x, _| if (x / 9).is_multiple_of(2) { [0.45, 0.02, 0.08] } else { [0.05, 0.03, 0.10] });
    assert!(printed(&Base::estimate(&inked, &mask()).unwrap()) > 0.8);
}

#[test]
fn a_shadow_is_no_print() {
    let base = Base::estimate(&photo(|_, _| [0.35, 0.33, 0.30]), &mask()).unwrap();
    assert!(printed(&base) < 0.05, "{}", printed(&base));
}

#[test]
fn a_badge_does_not_take_the_folds_from_the_rest() {
    let mask = mask();
    let badge = |x: u32, y: u32| (60..95).contains(&x) && (40..70).contains(&y);
    let image = photo(|x, y| if badge(x, y) { [0.8, 0.8, 0.75] } else { [0.05, 0.10, 0.35] });
    let shading = Shading::estimate(&image, &mask).unwrap();
    let off = error(|i| shading.values[i], &mask);
    assert!(off < 0.09, "{off}");
}

#[test]
fn weave_goes_and_seams_stay() {
    let mask = mask();
    let seam = |y: u32| (88..91).contains(&y);
    let woven = photo(|x, y| {
        let weave = 1.0 + 0.06 * ((x * 7919 + y * 104_729) % 97) as f32 / 48.0 - 0.06;
        [0.3, 0.3, 0.4].map(|a| a * weave * if seam(y) { 0.5 } else { 1.0 })
    });
    let shading = Shading::estimate(&woven, &mask).unwrap();
    let at = |x: u32, y: u32| shading.values[(y * WIDTH + x) as usize] / light(x, y);
    let mean = |y: u32| (40..160).map(|x| at(x, y)).sum::<f32>() / 120.0;
    assert!(mean(89) < 0.72 * mean(70), "seam {} beside {}", mean(89), mean(70));
    let rough = |f: &dyn Fn(u32) -> f32| (40..160).map(|x| (f(x) - f(x + 1)).abs()).sum::<f32>() / 120.0;
    let before = |x: u32| brightness(&woven, (60 * WIDTH + x) as usize) / light(x, 60);
    let scale = mean(60) / before(100);
    assert!(rough(&|x| at(x, 60)) < 0.5 * rough(&|x| scale * before(x)));
}

#[test]
fn empty_masks_single_pixels_and_other_sizes() {
    let image = SrgbImage::filled(9, 7, [120; 3]);
    let none = Shading::estimate(&image, &Mask::filled(9, 7, 0)).unwrap();
    assert!(none.values.iter().all(|&v| v == 1.0));
    let one = SrgbImage::filled(1, 1, [linear_from_srgb8(9) as u8; 3]);
    assert!(Shading::estimate(&one, &Mask::filled(1, 1, 255)).unwrap().values[0].is_finite());
    assert!(Shading::estimate(&image, &Mask::filled(7, 9, 255)).is_err());
}

#[test]
fn cloth_that_is_known_to_be_plain_keeps_all_of_its_light_but_a_badge() {
    let mask = mask();
    // Pale worn lines on indigo look like a print, and are the cloth's.
    let worn = photo(|x, _| if x / 12 % 3 == 0 { [0.13, 0.15, 0.22] } else { [0.03, 0.04, 0.09] });
    let share = |photo: &SrgbImage, patterned| printed(&Base::estimate_known(photo, &mask, patterned).unwrap());
    assert!(share(&worn, 1.0) > 0.5 && share(&worn, 0.0) < 0.01, "{} {}", share(&worn, 1.0), share(&worn, 0.0));
    let badge = |x: u32, y: u32| (60..110).contains(&x) && (40..90).contains(&y);
    let with_badge = photo(|x, y| if badge(x, y) { [0.6, 0.5, 0.05] } else { [0.03, 0.04, 0.2] });
    let base = Base::estimate_known(&with_badge, &mask, 0.0).unwrap();
    let plane = base.printed.resized(WIDTH as usize, HEIGHT as usize);
    let at = |x: usize, y: usize| plane.values[y * WIDTH as usize + x];
    assert!(at(60, 65) > 0.5 && at(230, 100) < 0.05, "{} {}", at(60, 65), at(230, 100));
}
