use super::*;
use crate::color::Lab;
use crate::{Error, Mask};

/// A picture of a colour at each place, with a little noise that never repeats.
fn picture(width: u32, height: u32, color: impl Fn(f32, f32) -> [f32; 3]) -> SrgbImage {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * 6.0
    };
    let mut bytes = Vec::new();
    for y in 0..height {
        for x in 0..width {
            bytes.extend(color(x as f32, y as f32).map(|v| (v + noise()).clamp(0.0, 255.0) as u8));
        }
    }
    SrgbImage::new(width, height, bytes).unwrap()
}

/// Edges one pixel soft, as a lens makes them.
fn step(at: f32) -> f32 {
    (at + 0.5).clamp(0.0, 1.0)
}

/// Stripes with a period that need not be whole, 40% of it dark.
fn stripes(width: u32, height: u32, period: f32) -> SrgbImage {
    picture(width, height, |x, _| {
        let at = x.rem_euclid(period);
        let dark = step(at - 0.3 * period) * step(0.7 * period - at);
        [220.0 - 150.0 * dark, 215.0 - 160.0 * dark, 200.0 - 90.0 * dark]
    })
}

fn dots(width: u32, height: u32, (px, py): (f32, f32)) -> SrgbImage {
    picture(width, height, |x, y| {
        let (u, v) = (x.rem_euclid(px) - px / 2.0, y.rem_euclid(py) - py / 2.0);
        let inside = step(0.27 * px.min(py) - u.hypot(v));
        [200.0 - 170.0 * inside, 60.0 + 150.0 * inside, 50.0 + 20.0 * inside]
    })
}

fn noise(side: u32) -> SrgbImage {
    let mut state = 3_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32
    };
    let cells: Vec<[f32; 3]> = (0..64 * 64).map(|_| [next(), next(), next()]).collect();
    picture(side, side, |x, y| cells[(y as usize / 5 % 64) * 64 + x as usize / 5 % 64])
}

fn off(found: Option<Period>, truth: f32) -> f32 {
    found.map_or(1.0, |period| (period.px - truth).abs() / truth)
}

#[test]
fn known_repeats_are_found_within_three_percent_over_odd_sizes() {
    for (width, height, px, py) in
        [(201, 177, 31.4, 23.7), (333, 128, 52.3, 40.0), (97, 111, 17.0, 29.9), (440, 440, 9.3, 12.6)]
    {
        let [across, down] = find_period(&dots(width, height, (px, py)));
        assert!(off(across, px) < 0.01 && off(down, py) < 0.01, "{width}×{height}: {across:?} {down:?}");
    }
    let [across, down] = find_period(&stripes(205, 99, 26.6));
    assert!(off(across, 26.6) < 0.01, "{across:?}");
    assert_eq!(down, None);
}

#[test]
fn what_has_no_repeat_has_none() {
    assert_eq!(find_period(&noise(240)), [None, None]);
    let slope = picture(180, 150, |x, y| [80.0 + x / 3.0, 90.0 + y / 3.0, 100.0]);
    assert_eq!(find_period(&slope), [None, None]);
}

#[test]
fn tiles_meet_without_a_seam() {
    // Where squares of unrelated colours lie side by side no way is hidden: such a seam is one more border among many.
    for (name, swatch, most) in [
        ("stripes", stripes(211, 140, 33.3), 1.1),
        ("dots", dots(240, 197, (37.5, 41.2)), 1.1),
        ("noise", noise(200), 1.4),
    ] {
        let tile = Tile::of_swatch(&swatch, &MakeTile::default()).unwrap();
        assert!(tile.seam <= most, "{name}: {}", tile.seam);
        // Laid out twice, the tile's own repeat is found where its border is, too.
        if let Some(period) = tile.periods[0] {
            let repeats = tile.width_px() as f32 / period.px;
            assert!((repeats - repeats.round()).abs() < 0.02, "{name}: {repeats} repeats");
        }
    }
}

#[test]
fn a_hair_before_the_first_row_is_the_first_row() {
    let tile = Tile::of_swatch(&dots(240, 197, (37.5, 41.2)), &MakeTile::default()).unwrap();
    let cloth = tile.scaled(0.7);
    for before in [-1e-6, -1e-9, -f32::MIN_POSITIVE] {
        let (there, here) = (cloth.at(before, before), cloth.at(0.0, 0.0));
        assert!(there.iter().zip(here).all(|(a, b)| (a - b).abs() < 1e-3), "{there:?} {here:?}");
    }
}

#[test]
fn a_lamp_to_one_side_is_taken_out_of_the_swatch() {
    let lit = picture(220, 220, |x, y| {
        let base = if ((x / 11.0) as u32).is_multiple_of(2) { 150.0 } else { 90.0 };
        [base, base, base].map(|v| v * (0.85 + 0.3 * x / 220.0) * (1.1 - 0.2 * y / 220.0))
    });
    let even = swatch::prepared(&lit, None).unwrap().light;
    let mean = |from: usize, to: usize| {
        let columns = (from..to).flat_map(|x| (0..220).map(move |y| y * 220 + x));
        columns.map(|i| even.rgb[i][1]).sum::<f32>() / ((to - from) * 220) as f32
    };
    assert!((mean(0, 44) / mean(176, 220) - 1.0).abs() < 0.06, "{} {}", mean(0, 44), mean(176, 220));
}

#[test]
fn swatches_that_are_none_are_refused_with_a_reason() {
    let refused = |image: &SrgbImage, make: &MakeTile| match Tile::of_swatch(image, make) {
        Err(error @ Error::Swatch { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let make = MakeTile::default();
    assert!(refused(&SrgbImage::filled(31, 400, [9; 3]), &make).contains("at least 32 px"));
    assert!(refused(&stripes(40, 700, 9.0), &make).contains("strip"));
    assert!(refused(&SrgbImage::filled(200, 200, [90, 20, 30]), &make).contains("recolor"));
    let long = MakeTile { repeat_px: Some((900.0, 20.0)) };
    assert!(refused(&stripes(200, 200, 20.0), &long).contains("does not fit"));
}

/// A shirt with its arms stretched out: a body 60 wide, sleeves 24 high to both sides.
fn shirt() -> Mask {
    let inside = |x: u32, y: u32| {
        let body = (90..150).contains(&x) && (20..150).contains(&y);
        body || ((20..220).contains(&x) && (24..48).contains(&y))
    };
    Mask::new(240, 170, (0..240 * 170).map(|i| if inside(i % 240, i / 240) { 255 } else { 0 }).collect()).unwrap()
}

#[test]
fn outside_the_mask_every_byte_stays_and_inside_the_print_has_the_repeat_asked_for() {
    let (mask, photo) = (shirt(), picture(240, 170, |x, y| [150.0 + x / 20.0, 140.0, 130.0 + y / 20.0]));
    let tile = Tile::of_swatch(&stripes(300, 200, 40.0), &MakeTile::default()).unwrap();
    let restyle = Restyle::new(&photo, &mask).unwrap();
    let placing = Placing { repeat: Some(Repeat::Px(13.0)), ..Placing::default() };
    let made = restyle.render(&tile, &placing, 1.0).unwrap();
    assert!((made.repeat_px.0 - 13.0).abs() < 1e-3);
    for i in (0..mask.data().len()).filter(|&i| mask.data()[i] == 0) {
        assert_eq!(made.image.data()[3 * i..3 * i + 3], photo.data()[3 * i..3 * i + 3], "pixel {i}");
    }
    let body = |image: &SrgbImage| {
        let rows = (80..140).flat_map(|y| image.data()[3 * (y * 240 + 92)..3 * (y * 240 + 148)].iter().copied());
        SrgbImage::new(56, 60, rows.collect()).unwrap()
    };
    assert!(off(find_period(&body(&made.image))[0], 13.0) < 0.03, "{:?}", find_period(&body(&made.image)));
    assert_eq!(restyle.render(&tile, &placing, 0.0).unwrap().image, photo);
}

#[test]
fn stripes_turn_with_the_sleeves_and_stay_whole() {
    let (mask, photo) = (shirt(), SrgbImage::filled(240, 170, [150, 140, 130]));
    let restyle = Restyle::new(&photo, &mask).unwrap();
    let tile = Tile::of_swatch(&stripes(300, 200, 40.0), &MakeTile::default()).unwrap();
    let placing = Placing { repeat: Some(Repeat::Px(12.0)), ..Placing::default() };
    let places: Vec<Vec<(f32, f32)>> = restyle.swatch_places(&tile, &placing, 0..170).unwrap();
    // Across the cloth is down the photo on an arm stretched out, and across it on the body.
    let slope = |x: usize, y: usize| (places[y][x + 2].0 - places[y][x - 2].0, places[y + 2][x].0 - places[y - 2][x].0);
    let (across, down) = slope(120, 110);
    assert!(across.abs() > 5.0 * down.abs(), "body {across} {down}");
    for x in [35, 205] {
        let (across, down) = slope(x, 36);
        assert!(down.abs() > 3.0 * across.abs(), "sleeve at {x}: {across} {down}");
    }
    // No jump anywhere inside: neighbours on the photo are near on the cloth.
    let usual = (places[110][121].0 - places[110][120].0).abs();
    for (y, row) in places.iter().enumerate().take(46).skip(26) {
        for x in 24..215 {
            let (one, other) = (row[x], row[x + 1]);
            assert!((one.0 - other.0).hypot(one.1 - other.1) < 3.0 * usual, "torn at {x}, {y}");
        }
    }
}

#[test]
fn folds_and_glints_are_kept_on_the_new_cloth() {
    let photo = picture(200, 160, |x, _| [90.0, 30.0, 40.0].map(|v| v * (1.0 + 0.35 * (x / 9.0).sin())));
    let mask = Mask::filled(200, 160, 255);
    let linen = picture(64, 64, |x, y| if (x as u32 + y as u32).is_multiple_of(2) { [200.0; 3] } else { [188.0; 3] });
    let tile = Tile::of_swatch(&linen, &MakeTile::default()).unwrap();
    let made = Restyle::new(&photo, &mask).unwrap().render(&tile, &Placing::default(), 1.0).unwrap().image;
    let light = |image: &SrgbImage, x: u32| Lab::from_srgb8(image.pixel(x, 80)).l;
    // Crests are lighter than valleys, by about as much as they were.
    let (crest, valley) = (14, 42);
    assert!(light(&made, crest) > light(&made, valley) + 0.4 * (light(&photo, crest) - light(&photo, valley)));
    assert!(
        made.data().iter().map(|&code| usize::from(code == 255)).sum::<usize>() < made.data().len() / 100,
        "clipped"
    );
}

#[test]
fn any_mask_gives_a_sensible_result() {
    let photo = picture(60, 50, |x, y| [x, y, 90.0]);
    let tile = Tile::of_swatch(&dots(64, 64, (16.0, 16.0)), &MakeTile::default()).unwrap();
    let mut one = Mask::filled(60, 50, 0);
    one.data_mut()[700] = 255;
    for mask in [Mask::filled(60, 50, 255), one] {
        Restyle::new(&photo, &mask)
            .unwrap()
            .render(&tile, &Placing { repeat: Some(Repeat::Px(3.0)), ..Placing::default() }, 1.0)
            .unwrap();
    }
    let none = Mask::filled(60, 50, 0);
    let placing = Placing { repeat: Some(Repeat::Px(4.0)), ..Placing::default() };
    assert_eq!(Restyle::new(&photo, &none).unwrap().render(&tile, &placing, 1.0).unwrap().image, photo);
    let huge = Placing { repeat: Some(Repeat::Px(4000.0)), ..Placing::default() };
    let error = Restyle::new(&photo, &Mask::filled(60, 50, 255)).unwrap().render(&tile, &huge, 1.0).unwrap_err();
    assert!(error.to_string().contains("--repeat"), "{error}");
    assert!(Restyle::new(&photo, &Mask::filled(50, 60, 255)).is_err());
}
