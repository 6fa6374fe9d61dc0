//! Colour conversions of many pixels side by side, without tables and branches.

use super::lab::Lab;
use super::srgb::{Curve, ENCODE_STEPS};
use crate::vector::{LANES, Lanes, integer, vectorised, whole};

/// `255 · (1.055 t^(5/3) − 0.055)` for `t` from 0.2365 to 1, lowest power first: the sRGB curve above its straight part,
/// of the fourth root of light. A Chebyshev fit, within 0.0021 of a code.
const CURVE: [f32; 6] = [-15.678_2, 41.690_9, 318.695_3, -144.686, 71.649_02, -16.672_42];

/// sRGB code, 0 to 255 and not yet rounded, of linear light; light out of range is clipped.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn code(linear: f32) -> f32 {
    let light = linear.clamp(0.0, 1.0);
    let t = light.sqrt().sqrt();
    let high = CURVE[4] + CURVE[5] * t;
    let high = CURVE[3] + high * t;
    let high = CURVE[2] + high * t;
    let high = CURVE[1] + high * t;
    let high = CURVE[0] + high * t;
    let low = light * (255.0 * 12.92);
    if light <= 0.003_130_8 { low } else { high.min(255.0) }
}

/// Light brought into sRGB by taking saturation away at equal luminance.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn into_gamut([r, g, b]: [f32; 3]) -> [f32; 3] {
    let (least, most) = (r.min(g).min(b), r.max(g).max(b));
    let luminance = (0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b).clamp(0.0, 1.0);
    let below = if least < 0.0 { luminance / (luminance - least).max(1e-9) } else { 1.0 };
    let kept = below.min(kept_below_white(luminance, most));
    let fit = |c: f32| if kept < 1.0 { luminance + (c - luminance) * kept } else { c };
    [fit(r), fit(g), fit(b)]
}

/// Share of its saturation that light keeps if no channel is to pass 1, by its luminance and its largest channel.
#[inline(always)]
#[allow(clippy::inline_always)]
fn kept_below_white(luminance: f32, most: f32) -> f32 {
    if most > 1.0 { (1.0 - luminance) / (most - luminance).max(1e-9) } else { 1.0 }
}

/// The largest lightness up to 100 at which sRGB shows this share of the saturation that these a and b are.
pub(crate) fn lightest_with(a: f32, b: f32, share: f32) -> f32 {
    let shown = |l: f32| {
        let [red, green, blue] = Lab::new(l, a, b).to_linear();
        let luminance = (0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue).clamp(0.0, 1.0);
        kept_below_white(luminance, red.max(green).max(blue)) >= share
    };
    let (mut lightest, mut too_light) = (0.0, 100.0);
    if shown(too_light) {
        return too_light;
    }
    for _ in 0..16 {
        let middle = 0.5 * (lightest + too_light);
        if shown(middle) {
            lightest = middle;
        } else {
            too_light = middle;
        }
    }
    lightest
}

vectorised! {
/// sRGB codes, not yet rounded, of Lab colours, brought into gamut; in place.
fn codes_from_lab / codes_from_lab_plain(colors: &mut [Lanes; 3]) {
    let [one, two, three] = colors;
    for i in 0..LANES {
        let [r, g, b] = into_gamut(Lab::new(one[i], two[i], three[i]).to_linear());
        (one[i], two[i], three[i]) = (code(r), code(g), code(b));
    }
}
}

vectorised! {
/// Lab of linear light; in place.
fn lab_from_linear / lab_from_linear_plain(light: &mut [Lanes; 3]) {
    let [one, two, three] = light;
    for i in 0..LANES {
        let Lab { l, a, b } = Lab::from_linear([one[i], two[i], three[i]]);
        (one[i], two[i], three[i]) = (l, a, b);
    }
}
}

vectorised! {
/// Linear light of Lab colours, not clipped; in place.
fn linear_from_lab / linear_from_lab_plain(colors: &mut [Lanes; 3]) {
    let [one, two, three] = colors;
    for i in 0..LANES {
        let [r, g, b] = Lab::new(one[i], two[i], three[i]).to_linear();
        (one[i], two[i], three[i]) = (r, g, b);
    }
}
}

/// Linear light of code values from 0 to 255, each as [`super::linear_from_srgb_code`] gives it; in place.
pub(crate) fn linear_from_codes(codes: &mut Lanes, curve: Curve) {
    // Looking up is no vector code, so that it has loops of its own.
    let table = curve.linear_table();
    let mut steps = [0; LANES];
    part_codes(codes, &mut steps);
    let (mut low, mut high) = ([0.0; LANES], [0.0; LANES]);
    for ((low, high), &step) in low.iter_mut().zip(&mut high).zip(&steps) {
        (*low, *high) = (table[usize::from(step)], table[usize::from(step) + 1]);
    }
    between(&low, &high, codes);
}

/// Code values of linear light, each as [`super::srgb_code_from_linear`] gives it; in place.
pub(crate) fn codes_from_linear(light: &mut Lanes, curve: Curve) {
    let table = curve.code_table();
    let mut steps = [0; LANES];
    part_light(light, &mut steps);
    let (mut low, mut high) = ([0.0; LANES], [0.0; LANES]);
    for ((low, high), &step) in low.iter_mut().zip(&mut high).zip(&steps) {
        (*low, *high) = (table[usize::from(step)], table[usize::from(step) + 1]);
    }
    between(&low, &high, light);
}

vectorised! {
/// Codes to steps of the table of light; what is left over stays.
fn part_codes / part_codes_plain(codes: &mut Lanes, steps: &mut [u8; LANES]) {
    for (code, step) in codes.iter_mut().zip(steps) {
        let low = whole(*code).min(254.0);
        *step = integer(low) as u8;
        *code -= low;
    }
}
}

vectorised! {
/// Light to steps of the table of codes; what is left over stays.
fn part_light / part_light_plain(light: &mut Lanes, steps: &mut [u16; LANES]) {
    for (light, step) in light.iter_mut().zip(steps) {
        let position = light.clamp(0.0, 1.0).sqrt() * ENCODE_STEPS as f32;
        let low = whole(position);
        *step = integer(low) as u16;
        *light = position - low;
    }
}
}

vectorised! {
/// From shares of the way between two values to the values there; in place.
fn between / between_plain(low: &Lanes, high: &Lanes, shares: &mut Lanes) {
    for i in 0..LANES {
        shares[i] = low[i] + (high[i] - low[i]) * shares[i];
    }
}
}

/// Lab of many sRGB colours, each as [`Lab::from_srgb8`] gives it.
pub fn labs_from_srgb8(codes: &[[u8; 3]]) -> Vec<Lab> {
    let curve = Curve::get();
    let mut labs = Vec::with_capacity(codes.len());
    for block in codes.chunks(LANES) {
        let mut lanes = [[0.0; LANES]; 3];
        for (i, rgb) in block.iter().enumerate() {
            (0..3).for_each(|c| lanes[c][i] = curve.linear(rgb[c]));
        }
        lab_from_linear(&mut lanes);
        let [l, a, b] = &lanes;
        labs.extend((0..block.len()).map(|i| Lab::new(l[i], a[i], b[i])));
    }
    labs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::{linear_from_srgb_code, srgb_code_from_linear};

    #[test]
    fn codes_follow_the_exact_curve() {
        for i in 0..=1_000_000_u32 {
            let linear = i as f32 / 1e6;
            assert!((code(linear) - srgb_code_from_linear(linear)).abs() < 0.01, "{linear}");
        }
        for (light, expected) in [(-1.0, 0.0), (2.0, 255.0)] {
            assert!((code(light) - expected).abs() < 0.01);
        }
    }

    #[test]
    fn light_out_of_gamut_keeps_its_luminance() {
        let fitted = into_gamut([1.4, 0.2, -0.1]);
        assert!(fitted.iter().all(|c| (-1e-6..=1.0 + 1e-6).contains(c)), "{fitted:?}");
        let luminance = |c: [f32; 3]| 0.212_672_9 * c[0] + 0.715_152_2 * c[1] + 0.072_175 * c[2];
        assert!((luminance(fitted) - luminance([1.4, 0.2, -0.1])).abs() < 1e-5);
    }

    #[test]
    fn the_more_saturated_a_colour_the_darker_it_ends() {
        let ends = [0.0, 7.0, 40.0, 90.0].map(|b| lightest_with(-0.3 * b, b, 1.0 / 3.0));
        assert!((ends[0] - 100.0).abs() < 0.1 && ends.is_sorted_by(|one, other| one > other), "{ends:?}");
        assert!(ends[1] > 99.5 && ends[3] > 90.0, "{ends:?}");
    }

    #[test]
    fn codes_and_light_are_looked_up_as_single_ones() {
        let curve = Curve::get();
        for part in 0..100 {
            let codes: Lanes = std::array::from_fn(|i| ((part * LANES + i) as f32 * 0.0401).min(255.0));
            let mut light = codes;
            linear_from_codes(&mut light, curve);
            assert_eq!(light, codes.map(linear_from_srgb_code));
            let light: Lanes = std::array::from_fn(|i| (part * LANES + i) as f32 / 6000.0 - 0.01);
            let mut back = light;
            codes_from_linear(&mut back, curve);
            assert_eq!(back, light.map(srgb_code_from_linear));
        }
    }

    #[test]
    fn many_colours_are_converted_as_single_ones() {
        let codes: Vec<[u8; 3]> = (0..151_u32).map(|i| [i * 7, i * 31, i * 101].map(|v| v as u8)).collect();
        let single: Vec<Lab> = codes.iter().map(|&rgb| Lab::from_srgb8(rgb)).collect();
        assert_eq!(labs_from_srgb8(&codes), single);
    }

    #[test]
    fn wide_code_gives_the_bits_of_plain_code() {
        let mut state = 9_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        for _ in 0..200 {
            let colors =
                [0, 1, 2].map(|c| std::array::from_fn(|_| random() * 240.0 - if c == 0 { 60.0 } else { 120.0 }));
            let (mut wide, mut plain) = (colors, colors);
            codes_from_lab(&mut wide);
            codes_from_lab_plain(&mut plain);
            assert_eq!(wide, plain);
            let light: [Lanes; 3] = [0, 1, 2].map(|_| std::array::from_fn(|_| random()));
            let (mut wide, mut plain) = (light, light);
            lab_from_linear(&mut wide);
            lab_from_linear_plain(&mut plain);
            assert_eq!(wide, plain);
            linear_from_lab(&mut wide);
            linear_from_lab_plain(&mut plain);
            assert_eq!(wide, plain);
        }
    }
}
