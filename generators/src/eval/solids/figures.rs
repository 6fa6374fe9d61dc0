//! The figures of one variant: clipping, spread of lightness, fine texture, colour of the centre, change outside.

use pixels::color::{Lab, LabImage, delta_e00};
use pixels::garment_stats::{median_lab, percentile};
use pixels::{Mask, SrgbImage};

/// Deviation of the Gaussian that parts fine texture from folds, in pixels.
const HIGH_PASS_PX: f32 = 1.5;
/// Fewer pixels than this are no cloth to measure.
const CORE_FLOOR: usize = 500;
/// Variance of L* below which cloth has no fine texture to compare, only rounding.
const TEXTURE_FLOOR: f64 = 1e-4;
/// 5th to 95th percentile of a normal distribution, in standard deviations.
const NORMAL_RANGE: f32 = 3.29;

/// A photo's garment, measured once for all its variants.
pub struct Cloth {
    /// The photo.
    photo: SrgbImage,
    /// Where alpha is 0.
    outside: Vec<usize>,
    /// The mask's solid part, shrunk by a pixel.
    core: Vec<usize>,
    weights: Plane,
    high: Vec<f32>,
    /// Median of the core.
    pub median: Lab,
    /// Spread of lightness in the core, see [`spread`].
    pub spread: f32,
}

/// What was measured of one variant.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Figures {
    /// Share of the core with a channel at 0 or 255 where the photo has none.
    pub clipped: f64,
    /// Spread of lightness in the core, see [`spread`].
    pub spread: f64,
    /// Pearson correlation of fine texture with the photo's; `None` when either has none.
    pub correlation: Option<f64>,
    /// Amplitude of fine texture beside the photo's; `None` when the photo has none.
    pub texture: Option<f64>,
    /// ΔE00 between the colour asked for and the core's median.
    pub center: f64,
    /// Bytes outside the mask that differ.
    pub outside: usize,
}

/// Spread of lightness: the standard deviation that a normal distribution of this 5th to 95th percentile would have, so
/// that a logo or a hole in the mask does not count.
pub fn spread(lightness: &mut [f32]) -> f32 {
    (percentile(lightness, 0.95) - percentile(lightness, 0.05)) / NORMAL_RANGE
}

impl Cloth {
    /// Measures a photo; `None` when the mask has nearly no solid part.
    pub fn new(photo: &SrgbImage, mask: &Mask) -> Option<Self> {
        let solid = mask.core(1);
        let core: Vec<usize> = (0..solid.data().len()).filter(|&i| solid.data()[i] == 255).collect();
        if core.len() < CORE_FLOOR {
            return None;
        }
        let lab = LabImage::from_srgb(photo);
        let mut inside = vec![0.0; mask.data().len()];
        core.iter().for_each(|&i| inside[i] = 1.0);
        let weights = Plane { width: photo.width_px() as usize, values: inside };
        let colors: Vec<Lab> = core.iter().map(|&i| lab.at(i)).collect();
        Some(Self {
            photo: photo.clone(),
            outside: (0..mask.data().len()).filter(|&i| mask.data()[i] == 0).collect(),
            high: high_pass(&lab, &core, &weights),
            weights,
            median: median_lab(&colors),
            spread: spread(&mut colors.iter().map(|c| c.l).collect::<Vec<_>>()),
            core,
        })
    }

    /// Measures a variant of the photo; `None` when it has another size.
    pub fn measure(&self, variant: &SrgbImage, target: Lab) -> Option<Figures> {
        if variant.data().len() != self.photo.data().len() {
            return None;
        }
        let lab = LabImage::from_srgb(variant);
        let colors: Vec<Lab> = self.core.iter().map(|&i| lab.at(i)).collect();
        let at_end = |image: &SrgbImage, i: usize| image.data()[3 * i..3 * i + 3].iter().any(|&c| c == 0 || c == 255);
        let clipped = self.core.iter().filter(|&&i| at_end(variant, i) && !at_end(&self.photo, i)).count();
        let high = high_pass(&lab, &self.core, &self.weights);
        let (own, after, both) = moments(&self.high, &high);
        let differs = |i: &usize| {
            let bytes = 3 * i..3 * i + 3;
            variant.data()[bytes.clone()].iter().zip(&self.photo.data()[bytes]).filter(|(a, b)| a != b).count()
        };
        Some(Figures {
            clipped: clipped as f64 / self.core.len() as f64,
            spread: f64::from(spread(&mut colors.iter().map(|c| c.l).collect::<Vec<_>>())),
            correlation: (own > TEXTURE_FLOOR && after > TEXTURE_FLOOR).then(|| both / (own * after).sqrt()),
            texture: (own > TEXTURE_FLOOR).then(|| (after / own).sqrt()),
            center: f64::from(delta_e00(median_lab(&colors), target)),
            outside: self.outside.iter().map(differs).sum(),
        })
    }
}

struct Plane {
    width: usize,
    values: Vec<f32>,
}

/// Lightness of the core without what a Gaussian leaves of it; what is outside the core counts as missing, so that the
/// garment's outline is no texture.
fn high_pass(lab: &LabImage, core: &[usize], weights: &Plane) -> Vec<f32> {
    let mut light = Plane { width: weights.width, values: vec![0.0; weights.values.len()] };
    core.iter().for_each(|&i| light.values[i] = lab.at(i).l);
    let (sum, weight) = (blurred(&light), blurred(weights));
    core.iter().map(|&i| light.values[i] - sum[i] / weight[i].max(1e-6)).collect()
}

/// Gaussian blur of [`HIGH_PASS_PX`], zero beyond the edge.
fn blurred(plane: &Plane) -> Vec<f32> {
    let radius = (3.0 * HIGH_PASS_PX).ceil() as usize;
    let weight = |i: usize| (-((i * i) as f32) / (2.0 * HIGH_PASS_PX * HIGH_PASS_PX)).exp();
    let weights: Vec<f32> = (0..=2 * radius).map(|i| weight(i.abs_diff(radius))).collect();
    let (width, height) = (plane.width, plane.values.len() / plane.width.max(1));
    let mut rows = vec![0.0; plane.values.len()];
    for (own, out) in plane.values.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        for (x, out) in out.iter_mut().enumerate() {
            for dx in radius.saturating_sub(x)..(2 * radius + 1).min(width + radius - x) {
                *out += weights[dx] * own[x + dx - radius];
            }
        }
    }
    let mut columns = vec![0.0; plane.values.len()];
    for y in 0..height {
        for dy in radius.saturating_sub(y)..(2 * radius + 1).min(height + radius - y) {
            let from = &rows[(y + dy - radius) * width..][..width];
            for (out, value) in columns[y * width..][..width].iter_mut().zip(from) {
                *out += weights[dy] * value;
            }
        }
    }
    columns
}

/// Variances and covariance.
fn moments(one: &[f32], other: &[f32]) -> (f64, f64, f64) {
    let n = one.len().max(1) as f64;
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let (m1, m2) = (mean(one), mean(other));
    one.iter().zip(other).fold((0.0, 0.0, 0.0), |(v1, v2, both), (&a, &b)| {
        let (a, b) = (f64::from(a) - m1, f64::from(b) - m2);
        (v1 + a * a / n, v2 + b * b / n, both + a * b / n)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    /// Grey cloth with normal noise of a given deviation in codes, in a frame that is not cloth.
    fn noisy(deviation: f32, seed: u64) -> (SrgbImage, Mask) {
        let mut stream = Stream::new(seed, "cloth", 0);
        let (mut image, mut mask) = (SrgbImage::filled(80, 60, [250; 3]), Mask::filled(80, 60, 0));
        for y in 8..52 {
            for x in 8..72 {
                let code = (128.0 + deviation * stream.normal()).clamp(1.0, 254.0) as u8;
                image.data_mut()[3 * (y * 80 + x)..][..3].fill(code);
                mask.data_mut()[y * 80 + x] = 255;
            }
        }
        (image, mask)
    }

    fn mapped(image: &SrgbImage, mask: &Mask, map: impl Fn(u8) -> u8) -> SrgbImage {
        let mut out = image.clone();
        for (i, code) in out.data_mut().iter_mut().enumerate() {
            if mask.data()[i / 3] > 0 {
                *code = map(*code);
            }
        }
        out
    }

    #[test]
    fn the_photo_itself_is_unclipped_correlated_and_unchanged_outside() {
        let (image, mask) = noisy(12.0, 1);
        let cloth = Cloth::new(&image, &mask).unwrap();
        let same = cloth.measure(&image, cloth.median).unwrap();
        assert_eq!((same.clipped, same.outside), (0.0, 0));
        assert!(same.center < 1e-3 && (same.correlation.unwrap() - 1.0).abs() < 1e-6);
        assert!((same.texture.unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_spread_of_normal_noise_is_its_deviation() {
        let mut stream = Stream::new(2, "spread", 0);
        let mut values: Vec<f32> = (0..20_000).map(|_| 50.0 + 7.0 * stream.normal()).collect();
        assert!((spread(&mut values) - 7.0).abs() < 0.15);
    }

    #[test]
    fn clipping_is_the_share_of_new_end_codes() {
        let (image, mask) = noisy(12.0, 3);
        let cloth = Cloth::new(&image, &mask).unwrap();
        let half = cloth.measure(&mapped(&image, &mask, |c| if c < 128 { 0 } else { c }), cloth.median).unwrap();
        assert!((half.clipped - 0.5).abs() < 0.03, "{}", half.clipped);
        // What was clipped before is not new.
        let clipped = mapped(&image, &mask, |c| if c < 128 { 0 } else { c });
        assert_eq!(Cloth::new(&clipped, &mask).unwrap().measure(&clipped, cloth.median).unwrap().clipped, 0.0);
    }

    #[test]
    fn texture_of_other_noise_does_not_correlate_and_inverted_texture_is_negative() {
        let (image, mask) = noisy(12.0, 4);
        let cloth = Cloth::new(&image, &mask).unwrap();
        let other = cloth.measure(&noisy(12.0, 5).0, cloth.median).unwrap();
        assert!(other.correlation.unwrap().abs() < 0.06);
        let inverted = cloth.measure(&mapped(&image, &mask, |c| 255 - c), cloth.median).unwrap();
        assert!(inverted.correlation.unwrap() < -0.98);
        let halved = cloth.measure(&mapped(&image, &mask, |c| 64 + c / 2), cloth.median).unwrap();
        assert!((halved.texture.unwrap() - 0.5).abs() < 0.06, "{halved:?}");
    }

    #[test]
    fn bytes_that_change_outside_are_counted_and_flat_cloth_has_no_texture() {
        let (image, mask) = noisy(0.0, 6);
        let cloth = Cloth::new(&image, &mask).unwrap();
        let mut touched = image.clone();
        touched.data_mut()[0] = 0;
        touched.data_mut()[7] = 3;
        let figures = cloth.measure(&touched, Lab::from_srgb8([0; 3])).unwrap();
        assert_eq!((figures.outside, figures.correlation), (2, None));
        assert!(figures.center > 30.0);
        assert!(Cloth::new(&image, &Mask::filled(80, 60, 0)).is_none());
    }
}
