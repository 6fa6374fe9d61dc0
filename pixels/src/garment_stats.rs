//! What the colours of a garment are: median, lightness range, spread, noise and a small palette, inside a mask.

use crate::color::{Lab, LabImage};
use crate::{Mask, Result};

/// Most pixels that statistics are taken from.
pub const SAMPLE_LIMIT: usize = 1 << 16;
/// Most colours of a palette.
pub const PALETTE_LIMIT: usize = 5;
/// Alpha from which a pixel belongs to the mask's core.
pub const CORE_ALPHA: u8 = 230;
/// Pixels that the palette is clustered from.
const CLUSTERED: usize = 4096;
/// Two clusters nearer than this (ΔE76, lightness at half weight) are one colour.
const MERGE_DISTANCE: f32 = 10.0;
/// A cluster with a smaller share is noise.
const SHARE_FLOOR: f32 = 0.015;

/// One colour of a garment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaletteColor {
    /// Mean of the cluster.
    pub color: Lab,
    /// Share of the garment, 0 to 1.
    pub share: f32,
    /// Whether it is light on the cloth, such as leather's reflections, rather than another colour; `false` where only colours are
    /// known.
    pub gloss: bool,
}

/// Colour statistics of a garment.
#[derive(Clone, Debug)]
pub struct GarmentStats {
    /// Median of each Lab channel.
    pub median: Lab,
    /// 5th percentile of lightness.
    pub l5: f32,
    /// 95th percentile of lightness.
    pub l95: f32,
    /// Standard deviation of each Lab channel.
    pub spread: Lab,
    /// Up to [`PALETTE_LIMIT`] colours, largest share first.
    pub palette: Vec<PaletteColor>,
    /// How many pixels were sampled.
    pub sampled: usize,
}

/// Indices (row-major) of at most `limit` evenly spread pixels of the mask's core.
///
/// The core is where alpha is at least [`CORE_ALPHA`]; a mask that is softer everywhere gives its upper half.
pub fn core_sample(mask: &Mask, limit: usize) -> Vec<usize> {
    let strongest = mask.data().iter().copied().max().unwrap_or(0);
    let threshold = if strongest >= CORE_ALPHA { CORE_ALPHA } else { (strongest / 2).max(1) };
    let count = mask.data().iter().filter(|&&a| a >= threshold).count();
    let stride = count.div_ceil(limit.max(1)).max(1);
    let core = mask.data().iter().enumerate().filter(|&(_, &a)| a >= threshold).map(|(i, _)| i);
    core.step_by(stride).collect()
}

/// The value at `share` (0 to 1) of the sorted order; 0 for no values.
pub fn percentile(values: &mut [f32], share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = ((values.len() - 1) as f32 * share.clamp(0.0, 1.0)).round() as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

/// The median of each Lab channel.
pub fn median_lab(colors: &[Lab]) -> Lab {
    let channel = |pick: fn(&Lab) -> f32| percentile(&mut colors.iter().map(pick).collect::<Vec<_>>(), 0.5);
    Lab::new(channel(|c| c.l), channel(|c| c.a), channel(|c| c.b))
}

impl GarmentStats {
    /// Measures the garment inside `mask`; `None` when the mask is empty.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when mask and picture differ in size.
    pub fn measure(lab: &LabImage, mask: &Mask) -> Result<Option<Self>> {
        mask.check_size(lab.width_px(), lab.height_px())?;
        let colors: Vec<Lab> = core_sample(mask, SAMPLE_LIMIT).into_iter().map(|i| lab.at(i)).collect();
        Ok(Self::of_colors(&colors))
    }

    /// Measures a set of pixels; `None` when there are none.
    pub fn of_colors(colors: &[Lab]) -> Option<Self> {
        if colors.is_empty() {
            return None;
        }
        let mut lightness: Vec<f32> = colors.iter().map(|c| c.l).collect();
        let (l5, l95) = (percentile(&mut lightness, 0.05), percentile(&mut lightness, 0.95));
        let stride = colors.len().div_ceil(CLUSTERED).max(1);
        let fewer: Vec<Lab> = colors.iter().step_by(stride).copied().collect();
        Some(Self {
            median: median_lab(colors),
            l5,
            l95,
            spread: spread(colors),
            palette: palette(&fewer),
            sampled: colors.len(),
        })
    }

    /// Lightness as a share of the garment's own range: ⅛ at the 5th percentile, ⅞ at the 95th, within 0 to 1.
    #[inline]
    pub fn guide(&self, lightness: f32) -> f32 {
        ((lightness - self.l5) / (self.l95 - self.l5).max(4.0) * 0.75 + 0.125).clamp(0.0, 1.0)
    }
}

fn spread(colors: &[Lab]) -> Lab {
    let n = colors.len().max(1) as f64;
    let channel = |pick: fn(&Lab) -> f32| {
        let mean = colors.iter().map(|c| f64::from(pick(c))).sum::<f64>() / n;
        (colors.iter().map(|c| (f64::from(pick(c)) - mean).powi(2)).sum::<f64>() / n).sqrt() as f32
    };
    Lab::new(channel(|c| c.l), channel(|c| c.a), channel(|c| c.b))
}

/// Squared distance with lightness at half weight, so that folds do not become colours.
fn distance2(one: Lab, other: Lab) -> f32 {
    (0.5 * (one.l - other.l)).powi(2) + (one.a - other.a).powi(2) + (one.b - other.b).powi(2)
}

fn nearest(centres: &[Lab], color: Lab) -> usize {
    let compare = |i: &usize, j: &usize| distance2(centres[*i], color).total_cmp(&distance2(centres[*j], color));
    (0..centres.len()).min_by(compare).unwrap_or(0)
}

/// K-means from farthest-point seeds (deterministic), then near clusters merged and tiny ones dropped.
fn palette(colors: &[Lab]) -> Vec<PaletteColor> {
    let mut centres = vec![median_lab(colors)];
    // The farthest 1% are edge pixels; seeds come from just below them.
    while centres.len() < PALETTE_LIMIT {
        let mut distances: Vec<f32> = colors.iter().map(|&c| distance2(centres[nearest(&centres, c)], c)).collect();
        let far = percentile(&mut distances.clone(), 0.99);
        if far < MERGE_DISTANCE * MERGE_DISTANCE {
            break;
        }
        for d in &mut distances {
            *d = (*d - far).abs();
        }
        let pick = (0..colors.len()).min_by(|&i, &j| distances[i].total_cmp(&distances[j])).unwrap_or(0);
        centres.push(colors[pick]);
    }
    let mut clusters = Vec::new();
    for _ in 0..8 {
        clusters = assign(&centres, colors);
        centres = clusters.iter().map(|c: &PaletteColor| c.color).collect();
    }
    merge(clusters)
}

/// Means and shares of the clusters around `centres`; empty ones vanish.
fn assign(centres: &[Lab], colors: &[Lab]) -> Vec<PaletteColor> {
    let mut sums = vec![([0.0_f64; 3], 0_usize); centres.len()];
    for &color in colors {
        let (sum, count) = &mut sums[nearest(centres, color)];
        for (total, value) in sum.iter_mut().zip([color.l, color.a, color.b]) {
            *total += f64::from(value);
        }
        *count += 1;
    }
    let cluster = |(sum, count): ([f64; 3], usize)| {
        let mean = sum.map(|s| (s / count.max(1) as f64) as f32);
        let color = Lab::new(mean[0], mean[1], mean[2]);
        (count > 0).then(|| PaletteColor { color, share: count as f32 / colors.len() as f32, gloss: false })
    };
    sums.into_iter().filter_map(cluster).collect()
}

fn merge(mut clusters: Vec<PaletteColor>) -> Vec<PaletteColor> {
    clusters.sort_by(|one, other| other.share.total_cmp(&one.share));
    let mut merged: Vec<PaletteColor> = Vec::new();
    for cluster in clusters {
        let near = |kept: &&mut PaletteColor| distance2(kept.color, cluster.color).sqrt() < MERGE_DISTANCE;
        if let Some(kept) = merged.iter_mut().find(near) {
            let share = kept.share + cluster.share;
            let blend = |a: f32, b: f32| (a * kept.share + b * cluster.share) / share;
            let (k, c) = (kept.color, cluster.color);
            let color = Lab::new(blend(k.l, c.l), blend(k.a, c.a), blend(k.b, c.b));
            *kept = PaletteColor { color, share, gloss: false };
        } else if cluster.share >= SHARE_FLOOR || merged.is_empty() {
            merged.push(cluster);
        }
    }
    merged.sort_by(|one, other| other.share.total_cmp(&one.share));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_two_colour_cloth_has_two_palette_colours_whatever_its_folds() {
        let navy = |i: usize| Lab::new(20.0 + (i % 17) as f32, 5.0, -30.0);
        let white = |i: usize| Lab::new(90.0 + (i % 5) as f32, 0.0, 1.0);
        let colors: Vec<Lab> = (0..4000).map(|i| if i % 4 == 0 { white(i) } else { navy(i) }).collect();
        let stats = GarmentStats::of_colors(&colors).unwrap();
        assert_eq!(stats.palette.len(), 2, "{:?}", stats.palette);
        assert!((stats.palette[0].share - 0.75).abs() < 0.01);
        assert!((stats.palette[0].color.b + 30.0).abs() < 0.1);
        assert!((stats.median.b + 30.0).abs() < 0.1);
    }

    #[test]
    fn the_core_of_a_soft_mask_is_its_upper_half() {
        let mut mask = Mask::filled(4, 1, 0);
        mask.data_mut().copy_from_slice(&[0, 40, 90, 100]);
        assert_eq!(core_sample(&mask, 10), vec![2, 3]);
        assert!(core_sample(&Mask::filled(3, 3, 0), 10).is_empty());
        assert_eq!(core_sample(&Mask::filled(100, 100, 255), 50).len(), 50);
    }

    #[test]
    fn no_pixels_have_no_statistics() {
        let image = LabImage::new(2, 2, vec![50.0; 12]).unwrap();
        assert!(GarmentStats::measure(&image, &Mask::filled(2, 2, 0)).unwrap().is_none());
        let whole = GarmentStats::measure(&image, &Mask::filled(2, 2, 255)).unwrap().unwrap();
        assert_eq!((whole.median.l, whole.l5, whole.l95), (50.0, 50.0, 50.0));
    }
}
