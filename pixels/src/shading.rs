//! The light that lies on a garment, apart from what its cloth looks like: folds, seams and shadows without the print.
//!
//! Found in two steps, so that either can be replaced: a [`Base`] at reduced size, which a network may predict instead of
//! [`Base::estimate`], and the photo's fine detail over it, which [`Shading::compose`] adds where it is larger than the
//! texture and the noise of the old cloth.

mod base;

use rayon::prelude::*;

use crate::color::Curve;
use crate::garment_stats::{CORE_ALPHA, SAMPLE_LIMIT, core_sample, percentile};
use crate::guided_filter::Plane;
use crate::{Mask, Result, SrgbImage};

/// Least light that is told from none: a quarter of the first sRGB code.
pub(crate) const LEAST_LIGHT: f32 = 1e-4;
/// Detail below this many deviations of the cloth's texture is texture.
const CORE: f32 = 2.2;
/// Deviation of detail that rounding to sRGB codes and sensors leave, in linear light.
const NOISE: f32 = 1.2e-3;
/// Every so many-th pixel tells the deviation of the cloth's texture.
const SAMPLED: usize = 17;
/// Largest detail either way, as natural logarithm: a gap in the cloth is not a fold.
const MOST_DETAIL: f32 = 1.2;

/// Multiplicative light inside a garment's mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Shading {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Linear light over the light at the garment's median, row-major: 1 is as light as that, 0.5 half as light; 1
    /// outside the mask.
    pub values: Vec<f32>,
}

/// Shading without fine detail, at reduced size.
#[derive(Clone, Debug)]
pub struct Base {
    /// Natural logarithm of the light over its median on the garment, over the whole photo; any size, edges aligned.
    /// Outside the garment it continues what is beside it.
    pub log: Plane,
    /// Where the cloth is printed or patterned, 0 (plain) to 1, over the whole photo: the photo's own detail is left out by
    /// as much.
    pub printed: Plane,
}

impl Base {
    /// Estimates the base without a network: albedo steps between the cloth's colours are taken out, the rest is
    /// low-passed along edges. Prints of many or of blended colours leave traces.
    ///
    /// `cloth` is the photo with the cloth's own colour at the mask's edges ([`crate::foreground::estimate`]).
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the mask has another size.
    pub fn estimate(cloth: &SrgbImage, mask: &Mask) -> Result<Self> {
        Self::estimate_known(cloth, mask, 1.0)
    }

    /// The same of cloth of which it is known how surely it is `patterned`, 0 (plain) to 1: differences that may be light or
    /// print are print as far as it is. On plain cloth only colours that can't be its own are taken out: a badge, a lining.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the mask has another size.
    pub fn estimate_known(cloth: &SrgbImage, mask: &Mask, patterned: f32) -> Result<Self> {
        mask.check_size(cloth.width_px(), cloth.height_px())?;
        Ok(base::estimate(cloth, mask, patterned.clamp(0.0, 1.0)))
    }
}

impl Shading {
    /// The analytic estimate: [`Base::estimate`] with the photo's detail.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the mask has another size.
    ///
    /// # Examples
    /// ```
    /// use pixels::{Mask, SrgbImage, shading::Shading};
    /// let plain = SrgbImage::filled(40, 30, [90, 20, 30]);
    /// let shading = Shading::estimate(&plain, &Mask::filled(40, 30, 255))?;
    /// assert!(shading.values.iter().all(|light| (light - 1.0).abs() < 1e-3));
    /// # Ok::<(), pixels::Error>(())
    /// ```
    pub fn estimate(cloth: &SrgbImage, mask: &Mask) -> Result<Self> {
        Self::compose(cloth, mask, &Base::estimate(cloth, mask)?)
    }

    /// The base at full size with the photo's detail on it.
    ///
    /// Detail is kept by how far it stands out of the cloth's own texture and the photo's noise, so that seams and creases
    /// stay and the weave goes.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the mask has another size.
    pub fn compose(cloth: &SrgbImage, mask: &Mask, base: &Base) -> Result<Self> {
        mask.check_size(cloth.width_px(), cloth.height_px())?;
        let (width, height) = (cloth.width_px() as usize, cloth.height_px() as usize);
        let mut values = vec![1.0_f32; width * height];
        if base.log.values.is_empty() || base.printed.values.is_empty() || values.is_empty() {
            return Ok(Self { width_px: cloth.width_px(), height_px: cloth.height_px(), values });
        }
        let curve = Curve::get();
        let level = median_light(cloth, mask).max(LEAST_LIGHT).ln();
        let (log_columns, print_columns) = (base.log.columns(width), base.printed.columns(width));
        // Light and base first: what is left of one over the other says how rough the cloth is.
        let rows = values.par_chunks_mut(width).zip(cloth.data().par_chunks(3 * width));
        rows.zip(mask.data().par_chunks(width)).enumerate().for_each(|(y, ((row, codes), alpha))| {
            let line = base.log.line(height, y);
            for x in (0..width).filter(|&x| alpha[x] > 0) {
                let rgb = [codes[3 * x], codes[3 * x + 1], codes[3 * x + 2]];
                row[x] = luminance(curve, rgb).max(LEAST_LIGHT).ln() - level - line.at(x, &log_columns);
            }
        });
        // Texture is measured beside its neighbours, since slow differences are what the base left of the folds.
        let offset = level_of(&values, mask);
        let rough = roughness(&values, width, |i| mask.data()[i] >= CORE_ALPHA);
        values.par_chunks_mut(width).zip(mask.data().par_chunks(width)).enumerate().for_each(|(y, (row, alpha))| {
            let (line, print) = (base.log.line(height, y), base.printed.line(height, y));
            for x in (0..width).filter(|&x| alpha[x] > 0) {
                let base = line.at(x, &log_columns);
                let keep = (1.0 - print.at(x, &print_columns).clamp(0.0, 1.0)).powi(2);
                let detail = row[x] - offset;
                let noise = NOISE / (LEAST_LIGHT + (level + base).exp());
                let core = CORE * CORE * (rough * rough + noise * noise);
                let square = detail * detail;
                let kept = keep * detail * square / (square + core + f32::MIN_POSITIVE);
                row[x] = (base + kept.clamp(-MOST_DETAIL, MOST_DETAIL)).exp();
            }
        });
        Ok(Self { width_px: cloth.width_px(), height_px: cloth.height_px(), values })
    }

    /// The natural logarithm of the light, averaged down to at most `longest_px`; 0 where nothing is of the mask.
    pub fn log_plane(&self, mask: &Mask, longest_px: usize) -> Plane {
        let (width, height) = (self.width_px as usize, self.height_px as usize);
        let cells = Cells::over(width, height, longest_px);
        let mut values = vec![0.0; cells.width * cells.height];
        values.par_chunks_mut(cells.width.max(1)).enumerate().for_each(|(y, row)| {
            for (x, value) in row.iter_mut().enumerate() {
                let (mut sum, mut weight) = (0.0, 0.0);
                for v in cells.rows(y) {
                    for u in cells.columns(x) {
                        let alpha = f32::from(mask.data().get(v * width + u).copied().unwrap_or(0));
                        sum += alpha * self.values[v * width + u];
                        weight += alpha;
                    }
                }
                *value = if weight > 0.0 { (sum / weight).max(LEAST_LIGHT).ln() } else { 0.0 };
            }
        });
        Plane { width: cells.width, height: cells.height, values }
    }
}

/// A picture cut into cells of nearly equal size, so that a plane of them has its edges where the picture has.
#[derive(Clone, Copy)]
pub(crate) struct Cells {
    /// Cells from left to right.
    pub width: usize,
    /// Cells from top to bottom.
    pub height: usize,
    full: (usize, usize),
}

impl Cells {
    /// Cells over a picture, at most `longest` along the longer side.
    pub(crate) fn over(width: usize, height: usize, longest: usize) -> Self {
        let shrink = (longest as f64 / width.max(height).max(1) as f64).min(1.0);
        let side = |n: usize| if n == 0 { 0 } else { ((n as f64 * shrink).round() as usize).max(1) };
        Self { width: side(width), height: side(height), full: (width, height) }
    }

    pub(crate) fn columns(self, x: usize) -> std::ops::Range<usize> {
        x * self.full.0 / self.width..(x + 1) * self.full.0 / self.width
    }

    pub(crate) fn rows(self, y: usize) -> std::ops::Range<usize> {
        y * self.full.1 / self.height..(y + 1) * self.full.1 / self.height
    }
}

/// Relative luminance, 0 to 1, of an sRGB colour.
#[inline]
pub(crate) fn luminance(curve: Curve, [r, g, b]: [u8; 3]) -> f32 {
    0.2126 * curve.linear(r) + 0.7152 * curve.linear(g) + 0.0722 * curve.linear(b)
}

fn median_light(cloth: &SrgbImage, mask: &Mask) -> f32 {
    let curve = Curve::get();
    let sample = core_sample(mask, SAMPLE_LIMIT);
    let light = |i: usize| luminance(curve, [0, 1, 2].map(|c| cloth.data()[3 * i + c]));
    percentile(&mut sample.into_iter().map(light).collect::<Vec<_>>(), 0.5)
}

/// The median of what the base leaves: it is relative to the median of the shading, not of the photo's light.
fn level_of(detail: &[f32], mask: &Mask) -> f32 {
    let sample = core_sample(mask, SAMPLE_LIMIT);
    percentile(&mut sample.into_iter().map(|i| detail[i]).collect::<Vec<_>>(), 0.5)
}

/// Standard deviation of the cloth's texture, robustly: by the median of second differences along the rows. `inside` says
/// which values are the cloth's alone.
fn roughness(detail: &[f32], width: usize, inside: impl Fn(usize) -> bool) -> f32 {
    let whole = |i: &usize| *i % width >= 2 && *i % width + 2 < width && (i - 2..=i + 2).all(&inside);
    let second = |i: usize| (2.0 * detail[i] - detail[i - 2] - detail[i + 2]).abs();
    let mut differences: Vec<f32> =
        (2..detail.len().saturating_sub(2)).step_by(SAMPLED).filter(whole).map(second).collect();
    // A second difference of independent values has √6 times their deviation, and a median 0.6745 of that.
    percentile(&mut differences, 0.5) / (6.0_f32.sqrt() * 0.6745)
}

#[cfg(test)]
mod tests;
