//! The dye's arithmetic over many pixels side by side.
//!
//! A pixel is explained as a mixture of the cloth's inks, each as light as that ink is around the pixel. What remains is
//! fine detail. Each ink's share of the explanation is moved by its own law, and the detail laid over the sum.

use crate::dye_law::{HIGHLIGHT_GAIN, LEAST_ROOM, SHADOW_GAIN, followed, kept_chroma};
use crate::vector::{LANES, Lanes, vectorised};

/// What one ink contributes to each pixel.
#[derive(Clone)]
pub(crate) struct InkLanes {
    /// Share of the pixel, 0 to 1.
    pub share: Lanes,
    /// The ink's lightness around the pixel.
    pub low: Lanes,
}

/// Everything known about [`LANES`] pixels.
#[derive(Clone)]
pub(crate) struct PixelLanes {
    /// L, a, b as photographed.
    pub color: [Lanes; 3],
    /// Share of the pixel that is no ink of the cloth, 0 to 1.
    pub foreign: Lanes,
    /// 1 inside the garment, falling to 0 at its edge.
    pub inner: Lanes,
    /// What the network adds to dyed cloth.
    pub residual: [Lanes; 3],
    /// One for each ink.
    pub inks: Vec<InkLanes>,
}

/// What becomes of one ink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InkPaint {
    /// 1 for an ink that is dyed, 0 for one that is kept.
    pub dyed: f32,
    /// Median of the ink as photographed.
    pub source: [f32; 3],
    /// What that median becomes.
    pub target: [f32; 3],
    /// Gain of folds.
    pub fold: f32,
    /// Lightness that highlights never pass.
    pub ceiling: f32,
    /// What becomes of differences of a and b, row by row.
    pub chroma: [f32; 4],
}

impl PixelLanes {
    /// Lanes for so many inks, all of the first.
    pub fn new(inks: usize) -> Self {
        let zero = [0.0; LANES];
        let mut all = vec![InkLanes { share: zero, low: zero }; inks];
        if let Some(first) = all.first_mut() {
            first.share = [1.0; LANES];
        }
        Self { color: [zero; 3], foreign: zero, inner: [1.0; LANES], residual: [zero; 3], inks: all }
    }
}

vectorised! {
/// The dyed colours, L, a and b, not clipped to sRGB, and the share that is dyed; `noise` is the coring threshold of detail in L*.
fn dye_lanes / dye_lanes_plain(pixels: &PixelLanes, paints: &[InkPaint], noise: f32, out: &mut [Lanes; 4]) {
    let zero = [0.0_f32; LANES];
    // The explanation starts with what is foreign, which explains itself.
    let mut rest: [Lanes; 3] = pixels.color;
    let mut kept: [Lanes; 3] = pixels.color;
    for c in 0..3 {
        for i in 0..LANES {
            kept[c][i] *= pixels.foreign[i];
            rest[c][i] -= kept[c][i];
        }
    }
    let (mut dyed, mut fold, mut ceiling) = (zero, zero, zero);
    let (mut base, mut own) = ([zero; 3], [zero; 3]);
    let (mut form, mut turn) = (zero, [zero; 4]);
    for (ink, paint) in pixels.inks.iter().zip(paints) {
        for i in 0..LANES {
            let share = ink.share[i];
            let (moved, stays) = (share * paint.dyed, share * (1.0 - paint.dyed));
            rest[0][i] -= share * ink.low[i];
            rest[1][i] -= share * paint.source[1];
            rest[2][i] -= share * paint.source[2];
            kept[0][i] += stays * ink.low[i];
            kept[1][i] += stays * paint.source[1];
            kept[2][i] += stays * paint.source[2];
            base[0][i] += moved * paint.target[0];
            base[1][i] += moved * paint.target[1];
            base[2][i] += moved * paint.target[2];
            own[0][i] += moved * paint.source[0];
            own[1][i] += moved * paint.source[1];
            own[2][i] += moved * paint.source[2];
            turn[0][i] += moved * paint.chroma[0];
            turn[1][i] += moved * paint.chroma[1];
            turn[2][i] += moved * paint.chroma[2];
            turn[3][i] += moved * paint.chroma[3];
            let lighter = moved * (ink.low[i] - paint.source[0]);
            form[i] += lighter;
            fold[i] += paint.fold * lighter;
            ceiling[i] += moved * paint.ceiling;
            dyed[i] += moved;
        }
    }
    for i in 0..LANES {
        let part = 1.0 / dyed[i].max(1e-3);
        let target = base[0][i] * part;
        let fine = rest[0][i] * pixels.inner[i];
        let detail = fine * fine * fine / (fine * fine + noise * noise + 1e-6);
        let fold = fold[i] * part;
        let fold = fold * if fold > 0.0 { HIGHLIGHT_GAIN } else { SHADOW_GAIN };
        let deviation = fold + detail;
        let room = (if deviation > 0.0 { ceiling[i] * part - target } else { target + 1.0 }).max(LEAST_ROOM);
        let ratio = deviation / room;
        // Slope 1 at the median, never past black or the lightest that has the target's colour.
        let bent = deviation / (1.0 + ratio * ratio).sqrt();
        let lit = followed(bent, target);
        // What light alone makes of the cloth's own chroma is left out: the target's follows the light by itself.
        let shaded = (followed(form[i] * part + fine, own[0][i] * part) - 1.0) * part;
        let off = [1, 2].map(|c: usize| rest[c][i] - shaded * own[c][i]);
        let kept_off = pixels.inner[i] * kept_chroma(off[0], off[1]);
        let whole = 1.0 - dyed[i];
        out[3][i] = dyed[i];
        out[0][i] = kept[0][i] + rest[0][i] * whole + dyed[i] * (target + bent + pixels.residual[0][i]);
        for c in 1..3 {
            let turned = kept_off * (turn[2 * c - 2][i] * off[0] + turn[2 * c - 1][i] * off[1]);
            out[c][i] = kept[c][i] + base[c][i] * lit + rest[c][i] * whole + turned + dyed[i] * pixels.residual[c][i];
        }
    }
}
}

#[cfg(test)]
#[allow(clippy::needless_range_loop)]
mod tests {
    use super::*;
    use crate::color::Lab;
    use crate::dye_law::DyeLaw;
    use crate::garment_stats::GarmentStats;

    fn random(seed: u32) -> impl FnMut(f32, f32) -> f32 {
        let mut state = seed;
        move |from, to| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            from + (to - from) * (state >> 8) as f32 / (1 << 24) as f32
        }
    }

    fn cloth(l: f32) -> GarmentStats {
        let colors: Vec<Lab> = (0..1000).map(|i| Lab::new(l + (i % 21) as f32 - 10.0, 5.0, -20.0)).collect();
        GarmentStats::of_colors(&colors).unwrap()
    }

    #[test]
    fn one_ink_follows_the_law() {
        let mut random = random(3);
        for (from, to) in [(20.0, 85.0), (85.0, 12.0), (50.0, 50.0)] {
            let law = DyeLaw::new(&cloth(from), Lab::new(to, 30.0, 10.0));
            let mut pixels = PixelLanes::new(1);
            for i in 0..LANES {
                pixels.color[0][i] = random(from - 12.0, from + 12.0);
                pixels.color[1][i] = random(2.0, 8.0);
                pixels.color[2][i] = random(-25.0, -15.0);
                pixels.inks[0].low[i] = random(from - 8.0, from + 8.0);
                pixels.inner[i] = random(0.0, 1.0);
            }
            let mut out = [[0.0; LANES]; 4];
            dye_lanes(&pixels, &[law.paint()], law.noise(), &mut out);
            for i in 0..LANES {
                let [l, a, b] = [0, 1, 2].map(|c: usize| pixels.color[c][i]);
                let exact = law.apply(Lab::new(l, a, b), pixels.inks[0].low[i], pixels.inner[i]);
                for (c, exact) in [exact.l, exact.a, exact.b].into_iter().enumerate() {
                    assert!((out[c][i] - exact).abs() < 1e-3, "{from} to {to}: {} and {exact}", out[c][i]);
                }
            }
        }
    }

    #[test]
    fn kept_inks_and_foreign_parts_stay() {
        let mut random = random(8);
        let law = DyeLaw::new(&cloth(30.0), Lab::new(60.0, 50.0, 10.0));
        let kept = InkPaint { dyed: 0.0, source: [90.0, 1.0, 2.0], ..law.paint() };
        let mut pixels = PixelLanes::new(2);
        for i in 0..LANES {
            pixels.inks[0].share[i] = 0.0;
            if i % 2 == 0 {
                pixels.foreign[i] = 1.0;
            } else {
                pixels.inks[1].share[i] = 1.0;
            }
            pixels.inks[1].low[i] = random(80.0, 95.0);
            for c in 0..3 {
                pixels.color[c][i] = random(0.0, 99.0);
                pixels.residual[c][i] = random(-3.0, 3.0);
            }
        }
        let mut out = [[0.0; LANES]; 4];
        dye_lanes(&pixels, &[law.paint(), kept], law.noise(), &mut out);
        for c in 0..3 {
            for i in 0..LANES {
                assert!((out[c][i] - pixels.color[c][i]).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn wide_code_gives_the_bits_of_plain_code() {
        let mut random = random(5);
        let law = DyeLaw::new(&cloth(40.0), Lab::new(80.0, 10.0, 60.0));
        let mut pixels = PixelLanes::new(2);
        for i in 0..LANES {
            let share = random(0.0, 1.0);
            (pixels.inks[0].share[i], pixels.inks[1].share[i]) = (share, 1.0 - share);
            (pixels.inks[0].low[i], pixels.inks[1].low[i]) = (random(20.0, 60.0), random(10.0, 90.0));
            (0..3).for_each(|c| pixels.color[c][i] = random(0.0, 90.0));
        }
        let (mut wide, mut plain) = ([[0.0; LANES]; 4], [[0.0; LANES]; 4]);
        dye_lanes(&pixels, &[law.paint(), law.paint()], 0.7, &mut wide);
        dye_lanes_plain(&pixels, &[law.paint(), law.paint()], 0.7, &mut plain);
        assert_eq!(wide, plain);
    }
}
