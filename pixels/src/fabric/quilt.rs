//! Seams that nobody sees: the cheapest way through an overlap, and quilts of patches joined along such ways.
//!
//! # Source
//! Efros and Freeman, "Image quilting for texture synthesis and transfer", 2001.

use super::Light;

/// Side of a patch, as a share of the swatch's shorter side, and its overlap, as a share of the patch.
const PATCH: f32 = 0.5;
const OVERLAP: f32 = 0.3;
/// Places that are tried for each patch.
const TRIED: usize = 220;
/// Every so many-th pixel of the overlap is compared when places are tried.
const STRIDE: usize = 2;
/// Half-width of the soft edge of a seam, in pixels.
const SOFT: f32 = 1.0;
/// Share of a difference that still counts where a cut runs along an edge.
const HIDDEN: f32 = 0.25;
/// Pixels to each side of a seam that are looked at when it is judged.
const REACH: usize = 2;

/// Squared difference of two colours, roots taken so that dark prints count as they look.
#[inline]
fn apart(one: [f32; 3], other: [f32; 3]) -> f32 {
    (0..3).map(|c| (one[c].sqrt() - other[c].sqrt()).powi(2)).sum()
}

/// How much a cut at pixel `i` shows: by how far both sides differ there, and by how much more the colour changes across it
/// than it does anyway. A seam along the edge of a motif is one that nobody sees.
fn seen(under: &Light, over: &Light, i: usize) -> f32 {
    let differ = apart(under.rgb[i], over.rgb[i]);
    if i.is_multiple_of(under.width) {
        return differ;
    }
    let own = |light: &Light| apart(light.rgb[i - 1], light.rgb[i]).sqrt();
    let across = apart(under.rgb[i - 1], over.rgb[i]).sqrt();
    (across - 0.5 * (own(under) + own(over))).max(0.0).powi(2) + HIDDEN * differ
}

/// The cheapest way down a table of costs, one column per row, neighbours at most a column apart; with `closed` it ends
/// in the column in which it began.
fn way(cost: &[f32], width: usize, height: usize, closed: bool) -> Vec<usize> {
    let open = cheapest(cost, width, height, None);
    match open.get(height / 2) {
        Some(&middle) if closed => cheapest(cost, width, height, Some(middle)),
        _ => open,
    }
}

fn cheapest(cost: &[f32], width: usize, height: usize, ends: Option<usize>) -> Vec<usize> {
    if width == 0 || height == 0 {
        return vec![0; height];
    }
    let mut sums: Vec<f32> =
        (0..width).map(|x| if ends.is_some_and(|end| end != x) { f32::INFINITY } else { cost[x] }).collect();
    let mut came = vec![0_usize; width * height];
    for y in 1..height {
        let above = sums.clone();
        for x in 0..width {
            let (from, to) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let best = (from..=to).min_by(|&i, &j| above[i].total_cmp(&above[j])).unwrap_or(x);
            came[y * width + x] = best;
            sums[x] = above[best] + cost[y * width + x];
        }
    }
    let last = ends.unwrap_or_else(|| (0..width).min_by(|&i, &j| sums[i].total_cmp(&sums[j])).unwrap_or(0));
    let mut path = vec![last; height];
    for y in (1..height).rev() {
        path[y - 1] = came[y * width + path[y]];
    }
    path
}

/// Lays `over` on the right of `under`, both of the same size, along the cheapest way between them: `under` to the left.
fn joined(under: &Light, over: &Light, closed: bool) -> (Light, Seam) {
    let (width, height) = (under.width, under.height);
    let cost: Vec<f32> = (0..under.rgb.len()).map(|i| seen(under, over, i)).collect();
    let path = way(&cost, width, height, closed);
    let mut out = under.clone();
    for (y, &cut) in path.iter().enumerate() {
        for x in 0..width {
            let share = ((x as f32 - cut as f32) / (2.0 * SOFT) + 0.5).clamp(0.0, 1.0);
            // The ends of the overlap belong to one side alone, whatever the softness.
            let share = if x == 0 {
                0.0
            } else if x + 1 == width {
                1.0
            } else {
                share
            };
            let i = y * width + x;
            out.rgb[i] = [0, 1, 2].map(|c| under.rgb[i][c] + (over.rgb[i][c] - under.rgb[i][c]) * share);
        }
    }
    let seam = Seam::along(&path, under, over, &out);
    (out, seam)
}

/// How much the colour changes across a seam, beside how much it does at the same places of what was joined.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seam {
    made: f64,
    usual: f64,
}

impl Seam {
    fn along(path: &[usize], under: &Light, over: &Light, out: &Light) -> Self {
        let mut seam = Self::default();
        for (y, &cut) in path.iter().enumerate() {
            for x in cut.saturating_sub(REACH).max(1)..(cut + REACH + 1).min(out.width) {
                let i = y * out.width + x;
                let change = |light: &Light| f64::from(apart(light.rgb[i], light.rgb[i - 1])).sqrt();
                seam.made += change(out);
                seam.usual += 0.5 * (change(under) + change(over));
            }
        }
        seam
    }

    /// Where the last column meets the first, beside the columns next to both.
    fn butt(light: &Light) -> Self {
        let (w, mut seam) = (light.width, Self::default());
        for row in light.rgb.chunks_exact(w).filter(|_| w > 2) {
            let change = |a: usize, b: usize| f64::from(apart(row[a], row[b])).sqrt();
            seam.made += change(w - 1, 0);
            seam.usual += 0.5 * (change(w - 2, w - 1) + change(0, 1));
        }
        seam
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self { made: self.made + other.made, usual: self.usual + other.usual }
    }

    /// The ratio of both: 1 is no seam.
    pub(super) fn ratio(self) -> f32 {
        if self.usual <= 1e-9 { 1.0 } else { (self.made / self.usual) as f32 }
    }
}

/// Makes the left and the right side of a picture meet: its last `overlap` columns are what comes after the right side,
/// and take the place of the first ones up to a seam. Returns the picture without them.
pub(super) fn closed_across(light: &Light, overlap: usize, closed: bool) -> (Light, Seam) {
    let width = light.width - overlap;
    let mut out = light.part(0, 0, width, light.height);
    if overlap == 0 {
        let seam = Seam::butt(&out);
        return (out, seam);
    }
    let after = light.part(width, 0, overlap, light.height);
    let (joint, seam) = joined(&after, &light.part(0, 0, overlap, light.height), closed);
    for y in 0..light.height {
        out.rgb[y * width..][..overlap].copy_from_slice(&joint.rgb[y * overlap..][..overlap]);
    }
    (out, seam)
}

/// A picture of any size in the manner of the swatch, of patches joined along cheapest ways.
///
/// Deterministic: the places that are tried follow from `seed`.
pub(super) fn quilted(swatch: &Light, width: usize, height: usize, seed: u64) -> Light {
    let shorter = swatch.width.min(swatch.height);
    let patch = ((shorter as f32 * PATCH) as usize).max(8).min(shorter);
    let overlap = ((patch as f32 * OVERLAP) as usize).max(2);
    let step = patch - overlap;
    let mut state = seed;
    let mut out =
        Light { width: width + patch, height: height + patch, rgb: vec![[0.0; 3]; (width + patch) * (height + patch)] };
    for top in (0..height).step_by(step) {
        for left in (0..width).step_by(step) {
            let place = best_place(swatch, &out, (left, top), (patch, overlap), &mut state);
            lay(swatch, place, &mut out, (left, top), (patch, overlap));
        }
    }
    out.part(0, 0, width, height)
}

/// SplitMix64: the next number of a sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn best_place(
    swatch: &Light,
    out: &Light,
    (left, top): (usize, usize),
    (patch, overlap): (usize, usize),
    state: &mut u64,
) -> (usize, usize) {
    let (columns, rows) = (swatch.width - patch + 1, swatch.height - patch + 1);
    let mut best = ((0, 0), f32::INFINITY);
    for _ in 0..TRIED {
        let place = ((next(state) % columns as u64) as usize, (next(state) % rows as u64) as usize);
        let mut cost = 0.0;
        for y in (0..patch).step_by(STRIDE) {
            // Beside the overlaps nothing is laid yet.
            let width = if top > 0 && y < overlap {
                patch
            } else if left > 0 {
                overlap
            } else {
                0
            };
            for x in (0..width).step_by(STRIDE) {
                let laid = out.rgb[(top + y) * out.width + left + x];
                cost += apart(laid, swatch.rgb[(place.1 + y) * swatch.width + place.0 + x]);
            }
        }
        if cost < best.1 {
            best = (place, cost);
        }
    }
    best.0
}

fn lay(
    swatch: &Light,
    place: (usize, usize),
    out: &mut Light,
    (left, top): (usize, usize),
    (patch, overlap): (usize, usize),
) {
    let mut piece = swatch.part(place.0, place.1, patch, patch);
    if left > 0 {
        let laid = out.part(left, top, overlap, patch);
        let (seam, _) = joined(&laid, &piece.part(0, 0, overlap, patch), false);
        for y in 0..patch {
            piece.rgb[y * patch..][..overlap].copy_from_slice(&seam.rgb[y * overlap..][..overlap]);
        }
    }
    if top > 0 {
        let laid = out.part(left, top, patch, overlap).transposed();
        let (seam, _) = joined(&laid, &piece.part(0, 0, patch, overlap).transposed(), false);
        let seam = seam.transposed();
        piece.rgb[..patch * overlap].copy_from_slice(&seam.rgb);
    }
    for y in 0..patch {
        out.rgb[(top + y) * out.width + left..][..patch].copy_from_slice(&piece.rgb[y * patch..][..patch]);
    }
}
