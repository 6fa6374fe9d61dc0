use super::*;
use crate::bilateral_grid::GRID_LEN;
use crate::color::delta_e00;
use crate::color_map::Change;
use crate::garment_stats::median_lab;

fn cloth(width: u32, height: u32) -> (SrgbImage, Mask) {
    let mut image = SrgbImage::filled(width, height, [255; 3]);
    let mut mask = Mask::filled(width, height, 0);
    for y in 2..height - 1 {
        for x in 3..width - 2 {
            let i = (y * width + x) as usize;
            let shade = (((x * 7 + y * 13) % 31) as u8) + 60;
            image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[shade, shade / 2, shade / 3]);
            mask.data_mut()[i] = if x == 3 { 90 } else { 255 };
        }
    }
    (image, mask)
}

/// Navy with white stripes of 12 px.
fn striped(width: u32, height: u32) -> (SrgbImage, Mask) {
    let mut image = SrgbImage::filled(width, height, [200; 3]);
    let mut mask = Mask::filled(width, height, 0);
    for y in 4..height - 4 {
        for x in 4..width - 4 {
            let i = (y * width + x) as usize;
            let fold = ((y % 29) / 3) as u8;
            let rgb = if x / 12 % 3 == 0 { [240 - fold; 3] } else { [28 + fold, 34 + fold, 84 + fold] };
            image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&rgb);
            mask.data_mut()[i] = 255;
        }
    }
    (image, mask)
}

fn colors_of(bytes: &[u8]) -> Vec<Lab> {
    bytes.chunks_exact(3).map(|c| Lab::from_srgb8([c[0], c[1], c[2]])).collect()
}

#[test]
fn only_the_mask_changes_and_samples_equal_the_picture() {
    let mut state = 5_u32;
    let grid: Vec<f32> = (0..GRID_LEN)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    let grid = BilateralGrid::new(&grid).unwrap();
    for (width, height) in [(61, 47), (65, 9), (130, 40), (700, 500)] {
        let (image, mask) = cloth(width, height);
        let source = DyeSource::new(&image, &mask).unwrap().unwrap();
        let target = Lab::new(70.0, -20.0, 30.0);
        let mut plan = source.plan(&ColorMap::to_main(&source.stats, target)).unwrap();
        source.refine(&mut plan, &grid);
        let dyed = source.render(&image, &mask, &plan).unwrap();
        let every: Vec<usize> = (0..(width * height) as usize).collect();
        let sample = source.render_sample(&image, &mask, &plan, &source.gather(&plan, &every));
        for (i, &alpha) in mask.data().iter().enumerate() {
            let got = &dyed.data()[3 * i..3 * i + 3];
            if alpha == 0 {
                assert_eq!(got, &image.data()[3 * i..3 * i + 3]);
            }
            for c in 0..3 {
                assert!(sample[3 * i + c].abs_diff(got[c]) <= 1, "{width}×{height}, pixel {i}");
            }
        }
        let core = source.core_of(&plan, 0, 500);
        let median = median_lab(&colors_of(&source.render_sample(&image, &mask, &plan, &source.gather(&plan, &core))));
        assert!(delta_e00(median, target) < 5.0, "{median:?}");
    }
}

#[test]
fn the_low_pass_of_a_flat_cloth_is_flat_up_to_its_edge() {
    for scale in [1, 40] {
        let image = SrgbImage::filled(40 * scale, 30 * scale, [90, 40, 40]);
        let mut mask = Mask::filled(40 * scale, 30 * scale, 0);
        let row = 40 * scale as usize;
        mask.data_mut()[row * 5 * scale as usize..row * 25 * scale as usize].fill(255);
        let source = DyeSource::new(&image, &mask).unwrap().unwrap();
        // Far outside the mask nothing is asked of it.
        for y in (5 * scale - source.frame.y_px) as usize..(25 * scale - source.frame.y_px) as usize {
            assert!((source.low.at(0, y) - source.stats.median.l).abs() < 0.02);
        }
    }
}

#[test]
fn a_main_colour_is_dyed_and_neutral_stripes_are_kept() {
    let (image, mask) = striped(300, 200);
    let source = DyeSource::new(&image, &mask).unwrap().unwrap();
    assert!(source.stats.palette.len() >= 2, "{:?}", source.stats.palette);
    let target = Lab::new(50.0, 60.0, 35.0);
    let plan = source.plan(&ColorMap::to_main(&source.stats, target)).unwrap();
    let dyed = source.render(&image, &mask, &plan).unwrap();
    // The middle of a white stripe keeps its bytes, the middle of a navy one is red.
    assert_eq!(dyed.pixel(113, 100), image.pixel(113, 100));
    assert!(delta_e00(Lab::from_srgb8(dyed.pixel(126, 100)), target) < 8.0, "{:?}", dyed.pixel(126, 100));
}

#[test]
fn every_mapped_colour_reaches_its_own() {
    let (image, mask) = striped(300, 200);
    let source = DyeSource::new(&image, &mask).unwrap().unwrap();
    let (dark, light) = (Lab::new(30.0, 20.0, 20.0), Lab::new(80.0, 0.0, 60.0));
    let mut map = ColorMap::keep_all(&source.stats);
    map.set(0, Change::To(dark));
    map.set(1, Change::To(light));
    let plan = source.plan(&map).unwrap();
    let dyed = source.render(&image, &mask, &plan).unwrap();
    for (ink, target) in [(0, dark), (1, light)] {
        let core = source.core_of(&plan, ink, 4000);
        let bytes: Vec<u8> = core.iter().flat_map(|&i| dyed.pixel(i as u32 % 300, i as u32 / 300)).collect();
        let median = median_lab(&colors_of(&bytes));
        assert!(delta_e00(median, target) < 2.0, "{ink}: {median:?}");
    }
}

#[test]
fn deep_pictures_are_dyed_as_their_rounded_copies_with_more_steps() {
    let (image, mask) = cloth(130, 90);
    let deep = Srgb16Image::from_srgb8(&image);
    let (source, deep_source) =
        (DyeSource::new(&image, &mask).unwrap().unwrap(), DyeSource::deep(&deep, &mask).unwrap().unwrap());
    let map = ColorMap::to_main(&source.stats, Lab::new(60.0, -20.0, 30.0));
    let dyed = source.render(&image, &mask, &source.plan(&map).unwrap()).unwrap();
    let dyed_deep = deep_source.render_deep(&deep, &mask, &deep_source.plan(&map).unwrap()).unwrap();
    let mut between = 0;
    for (i, (&byte, &value)) in dyed.data().iter().zip(dyed_deep.data()).enumerate() {
        assert!((f32::from(value) / 257.0 - f32::from(byte)).abs() < 1.6, "{i}: {byte} and {value}");
        between += usize::from(value % 257 != 0);
        if mask.data()[i / 3] == 0 {
            assert_eq!(value, deep.data()[i]);
        }
    }
    assert!(between > dyed.data().len() / 4);
}
