//! Tells light that lies on cloth from another colour: what leather reflects fades into the colour around it, and the
//! colours of a print end at its edge.

use crate::color::Lab;
use crate::garment_stats::{GarmentStats, percentile};
use crate::lab_planes::LabPlanes;

/// Gloss is lighter than the cloth by this much, L*.
const LIGHTER: f32 = 8.0;
/// And more colourful by no more than this.
const CHROMA: f32 = 6.0;
/// The garment's longer side has this many steps, over which colours are compared.
const STEPS: usize = 256;
/// What lies between this and the rest of the way from the cloth's colour to the other is a transition.
const BETWEEN: std::ops::Range<f32> = 0.3..0.7;
/// Farther than this share of the way beside it, a colour is a third one.
const BESIDE: f32 = 0.5;
/// Share of the way that a transition takes in two steps, at most, for gloss: up to 0.2 in photos of leather, from 0.32 on in soft
/// ones of plaids.
const SLOPE: f32 = 0.25;
/// Transitions beside pixels of the colour itself, at least: a print has few.
const TRANSITIONS: f32 = 0.3;
/// Fewest pixels to judge by.
const LEAST: usize = 30;

/// Marks the palette colours that are gloss on the largest one. `core` are columns and rows of `lab` that are surely cloth.
pub(crate) fn mark(lab: &LabPlanes, core: &[(usize, usize)], stats: &mut GarmentStats) {
    let Some((main, others)) = stats.palette.split_first_mut() else { return };
    for other in others {
        let lighter = other.color.l > main.color.l + LIGHTER && other.color.chroma() < main.color.chroma() + CHROMA;
        other.gloss = lighter && fades(lab, core, main.color, other.color);
    }
}

/// Whether pixels between the two colours are many, and lie on slopes rather than edges.
fn fades(lab: &LabPlanes, core: &[(usize, usize)], cloth: Lab, other: Lab) -> bool {
    let line = [other.l - cloth.l, other.a - cloth.a, other.b - cloth.b];
    let square = line.iter().map(|v| v * v).sum::<f32>().max(1e-3);
    let offset = |x: usize, y: usize| {
        let color = lab.color(x, y);
        [color.l - cloth.l, color.a - cloth.a, color.b - cloth.b]
    };
    let along = |off: [f32; 3]| (0..3).map(|c| off[c] * line[c]).sum::<f32>() / square;
    let way = |x: usize, y: usize| {
        let off = offset(x, y);
        let t = along(off);
        let beside = (0..3).map(|c| (off[c] - t * line[c]).powi(2)).sum::<f32>() / square;
        (beside < BESIDE * BESIDE).then_some(t)
    };
    let step = (lab.width().max(lab.height()) / STEPS).max(1);
    let (right, bottom) = (lab.width() - 1, lab.height() - 1);
    let mut slopes = Vec::new();
    let mut own = 0;
    for &(x, y) in core {
        let Some(t) = way(x, y) else { continue };
        own += usize::from(t >= BETWEEN.end);
        if BETWEEN.contains(&t) {
            let at = |x: usize, y: usize| along(offset(x, y));
            let across = at((x + step).min(right), y) - at(x.saturating_sub(step), y);
            let down = at(x, (y + step).min(bottom)) - at(x, y.saturating_sub(step));
            slopes.push(across.hypot(down));
        }
    }
    let many = slopes.len() >= LEAST && slopes.len() as f32 > TRANSITIONS * own as f32;
    many && percentile(&mut slopes, 0.5) < SLOPE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SrgbImage;
    use crate::garment_frame::GarmentFrame;

    const SIDE: u32 = 200;
    const LEATHER: [f32; 3] = [99.0, 67.0, 52.0];
    const SHEEN: [f32; 3] = [150.0, 150.0, 140.0];

    /// Palette of leather where `amount` of the way to the sheen's colour lies on it.
    fn gloss_of(amount: impl Fn(f32, f32) -> f32) -> Vec<bool> {
        let mix = |i: u32| {
            let t = amount((i % SIDE) as f32, (i / SIDE) as f32);
            [0, 1, 2].map(|c| (LEATHER[c] + (SHEEN[c] - LEATHER[c]) * t).round() as u8)
        };
        let photo = SrgbImage::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(mix).collect()).unwrap();
        let frame = GarmentFrame { x_px: 0, y_px: 0, width_px: SIDE, height_px: SIDE };
        let lab = LabPlanes::from_srgb(&photo, frame);
        let side = SIDE as usize;
        let core: Vec<(usize, usize)> = (0..side * side).map(|i| (i % side, i / side)).collect();
        let colors: Vec<Lab> = core.iter().map(|&(x, y)| lab.color(x, y)).collect();
        let mut stats = GarmentStats::of_colors(&colors).unwrap();
        mark(&lab, &core, &mut stats);
        stats.palette.iter().map(|entry| entry.gloss).collect()
    }

    #[test]
    fn a_reflection_that_fades_is_gloss() {
        let palette = gloss_of(|x, y| (1.8 - (x - 100.0).hypot(0.4 * (y - 100.0)) / 18.0).clamp(0.0, 1.0));
        assert!(palette.len() > 1 && !palette[0] && palette.iter().any(|&gloss| gloss), "{palette:?}");
    }

    #[test]
    fn stripes_and_dots_with_soft_edges_are_no_gloss() {
        // Edges two pixels wide.
        let edge = |distance: f32| (0.5 - distance / 2.0).clamp(0.0, 1.0);
        let stripes = gloss_of(|x, _| edge((x % 20.0 - 10.0).abs() - 4.0));
        let dots = gloss_of(|x, y| edge((x % 20.0 - 10.0).hypot(y % 20.0 - 10.0) - 5.0));
        for palette in [stripes, dots] {
            assert!(palette.len() > 1 && palette.iter().all(|&gloss| !gloss), "{palette:?}");
        }
    }
}
