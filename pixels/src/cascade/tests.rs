//! The cascade against a slow, plain reference in `f64`, and its vector code against the plain one.

mod kernels;
mod quality;

use super::*;

/// Codes of a picture that has everything: gradients, edges, fine checks, saturated colours, noise.
pub(super) fn picture(width: u32, height: u32) -> SrgbImage {
    let mut state = 12345_u32;
    let data = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 27) as u8;
            match (x * 4 / width, y * 4 / height) {
                (0, _) => [(x * 255 / width) as u8, (y * 255 / height) as u8, 128],
                (1, 0..=1) => [if (x + y) % 2 == 0 { 0 } else { 255 }; 3],
                (1, _) => [if x / 3 % 2 == 0 { 250 } else { 3 }, 40, if y / 5 % 2 == 0 { 20 } else { 210 }],
                (2, _) => [noise * 7, 255 - noise * 3, 10 + noise],
                _ => [if x * x + y * y < width * height { 230 } else { 12 }, 90 + noise, 30],
            }
        })
        .collect();
    SrgbImage::new(width, height, data).unwrap()
}

pub(super) fn whole(image: &SrgbImage, size: (u32, u32)) -> Cut {
    Cut { crop: (0, 0, image.width_px(), image.height_px()), size }
}

fn one(image: &SrgbImage, size: (u32, u32)) -> SrgbImage {
    cascade(Source::Eight(image), None, &[whole(image, size)], Light::Linear).unwrap().remove(0).image
}

#[test]
fn flat_colors_stay_exactly_in_every_size() {
    for code in 0..=255u8 {
        let rgb = [code, 255 - code, code / 2];
        let image = SrgbImage::filled(133, 77, rgb);
        let cuts = [(99, 50), (61, 31), (24, 13), (1, 1), (200, 99)].map(|size| whole(&image, size));
        for light in [Light::Linear, Light::Codes] {
            for (made, cut) in cascade(Source::Eight(&image), None, &cuts, light).unwrap().iter().zip(&cuts) {
                assert_eq!(made.image, SrgbImage::filled(cut.size.0, cut.size.1, rgb), "{code} at {:?}", cut.size);
            }
        }
    }
}

#[test]
fn sizes_come_in_the_order_asked_for_and_equal_ones_are_equal() {
    let image = picture(120, 90);
    let sizes = [(20, 15), (120, 90), (60, 45), (20, 15), (7, 5)];
    let cuts = sizes.map(|size| whole(&image, size));
    let made = cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap();
    assert_eq!(made.iter().map(|m| (m.image.width_px(), m.image.height_px())).collect::<Vec<_>>(), sizes);
    assert_eq!(made[0].image, made[3].image);
    assert_eq!(made[1].image, image);
    assert!(cascade(Source::Eight(&image), None, &[], Light::Linear).unwrap().is_empty());
}

#[test]
fn a_weave_becomes_the_grey_of_half_the_light_or_of_half_the_codes() {
    let weave = (0..64 * 64).flat_map(|i| if (i % 64 + i / 64) % 2 == 0 { [0; 3] } else { [255; 3] }).collect();
    let weave = SrgbImage::new(64, 64, weave).unwrap();
    for (light, grey) in [(Light::Linear, 188_u8), (Light::Codes, 128)] {
        let made = cascade(Source::Eight(&weave), None, &[whole(&weave, (8, 8))], light).unwrap();
        let pixel = made[0].image.pixel(4, 4);
        assert!(pixel.iter().all(|v| v.abs_diff(grey) <= 2), "{light:?}: {pixel:?}");
    }
}

#[test]
fn nothing_outside_a_crop_comes_in() {
    // The crop is white, all around it is black.
    let mut image = SrgbImage::filled(90, 80, [0; 3]);
    for y in 20..60_usize {
        image.data_mut()[(y * 90 + 30) * 3..(y * 90 + 73) * 3].fill(255);
    }
    let crop = (30, 20, 43, 40);
    let cuts = [(43, 40), (40, 33), (21, 20), (5, 4), (90, 90)].map(|size| Cut { crop, size });
    for made in cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap() {
        assert!(made.image.data().iter().all(|&code| code == 255), "{}", made.image.width_px());
    }
}

#[test]
fn several_crops_at_once_are_what_each_is_alone() {
    let image = picture(150, 110);
    let cuts: Vec<Cut> = [(0, 0, 150, 110), (10, 20, 100, 90), (149, 109, 1, 1), (0, 55, 150, 55)]
        .into_iter()
        .flat_map(|crop| [(31, 29), (80, 75)].map(|size| Cut { crop, size }))
        .collect();
    let together = cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap();
    for (made, cut) in together.iter().zip(&cuts) {
        let alone = cascade(Source::Eight(&image), None, &[*cut], Light::Linear).unwrap();
        // The smaller of a crop's two sizes comes from the larger one when they are together.
        let worst = made.image.data().iter().zip(alone[0].image.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        let from_master = cut.size.0 == 80 || 2 * cut.size.0 > 80;
        assert!(worst == 0 || !from_master, "{cut:?}: {worst}");
    }
}

#[test]
fn hidden_color_does_not_bleed_into_the_visible() {
    let colors = (0..96 * 96).flat_map(|i| if i % 96 < 48 { [200, 0, 0] } else { [0, 255, 0] }).collect();
    let image = SrgbImage::new(96, 96, colors).unwrap();
    let alpha = Mask::new(96, 96, (0..96 * 96).map(|i| if i % 96 < 48 { 255 } else { 0 }).collect()).unwrap();
    let cuts = [48, 33, 11].map(|side| whole(&image, (side, side)));
    for made in cascade(Source::Eight(&image), Some(&alpha), &cuts, Light::Linear).unwrap() {
        let (image, alpha) = (made.image, made.alpha.unwrap());
        for (pixel, &a) in image.data().chunks_exact(3).zip(alpha.data()) {
            assert!(a <= 32 || (pixel[0].abs_diff(200) <= 4 && pixel[1] <= 4), "{pixel:?} at alpha {a}");
        }
        assert_eq!((alpha.data()[0], alpha.data()[alpha.width_px() as usize - 1]), (255, 0));
    }
}

#[test]
fn sixteen_bits_stay() {
    // A gradient of values between the 8-bit codes.
    let data: Vec<u16> = (0..80 * 60).flat_map(|i| [(i % 80 * 300) as u16, 20_000 + (i / 80) as u16, 77]).collect();
    let deep = Srgb16Image::new(80, 60, data).unwrap();
    let cuts = [Cut { crop: (0, 0, 80, 60), size: (40, 30) }, Cut { crop: (0, 0, 80, 60), size: (80, 60) }];
    for light in [Light::Linear, Light::Codes] {
        let made = cascade(Source::Sixteen(&deep), None, &cuts, light).unwrap();
        assert_eq!(made[1].deep.as_ref(), Some(&deep));
        let small = made[0].deep.as_ref().unwrap();
        for (x, y) in [(5, 5), (20, 13), (35, 25)] {
            let [r, g, b] = small.pixel(x, y);
            assert!(r.abs_diff(x as u16 * 600 + 150) <= 24, "{r} at {x}");
            assert!(g.abs_diff(20_000 + 2 * y as u16) <= 3 && b.abs_diff(77) <= 2, "{g} {b}");
        }
        assert_eq!(made[0].image, small.to_srgb8());
    }
}

#[test]
fn impossible_cuts_are_errors() {
    let image = SrgbImage::filled(4, 4, [1, 2, 3]);
    let cut = |crop, size| [Cut { crop, size }];
    let try_cut = |cuts: [Cut; 1]| cascade(Source::Eight(&image), None, &cuts, Light::Linear);
    for cuts in [
        cut((0, 0, 4, 4), (0, 5)),
        cut((0, 0, 4, 4), (5, 0)),
        cut((0, 0, 0, 4), (5, 5)),
        cut((1, 0, 4, 4), (2, 2)),
        cut((0, u32::MAX, 1, 2), (1, 1)),
    ] {
        assert!(matches!(try_cut(cuts), Err(Error::Resize { .. })), "{cuts:?}");
    }
    let wrong = Mask::filled(3, 4, 0);
    let cuts = [whole(&image, (2, 2))];
    let result = cascade(Source::Eight(&image), Some(&wrong), &cuts, Light::Linear);
    assert!(matches!(result, Err(Error::SizeMismatch { .. })));
}
