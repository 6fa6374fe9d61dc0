//! Structural similarity of two pictures on luma.
//!
//! Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004,
//! equation 13 with its constants: K1 0.01, K2 0.03, L 255, a Gaussian window of 11×11 px with σ 1.5. Luma is
//! 0.299 R′ + 0.587 G′ + 0.114 B′ of the sRGB codes. The index is the mean over all windows that lie wholly inside the
//! picture, at its own resolution (the paper's optional reduction is not made). Sides under 11 px are extended by
//! repeating the last row or column.

use rayon::prelude::*;

use crate::{Error, Result, SrgbImage};

/// Width of the window in pixels.
const WINDOW: usize = 11;
/// Standard deviation of the window in pixels.
const SIGMA: f64 = 1.5;
/// (K1·L)² and (K2·L)².
const C1: f32 = 6.5025;
const C2: f32 = 58.5225;

/// The structural similarity of two pictures of one size: 1 when equal.
///
/// # Errors
/// [`Error::SizeMismatch`] when their sizes differ or they have no pixels.
///
/// # Source
/// Wang et al. 2004, equation 13; the module says what is left open there.
///
/// # Examples
/// ```
/// use pixels::{SrgbImage, ssim};
/// let image = SrgbImage::new(16, 16, (0..768).map(|i| (i * 37 % 256) as u8).collect())?;
/// assert_eq!(ssim(&image, &image)?, 1.0);
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn ssim(one: &SrgbImage, other: &SrgbImage) -> Result<f32> {
    Reference::new(one).similarity(other)
}

/// A picture that others are compared with; its own means and variances are computed once.
pub(crate) struct Reference {
    size: (u32, u32),
    luma: Plane,
    mean: Plane,
    /// Mean of squares.
    square: Plane,
}

/// One channel.
struct Plane {
    width: usize,
    data: Vec<f32>,
}

impl Reference {
    pub(crate) fn new(image: &SrgbImage) -> Self {
        let luma = luma(image);
        let (mean, square) = (luma.windowed(|v| v), luma.windowed(|v| v * v));
        Self { size: (image.width_px(), image.height_px()), luma, mean, square }
    }

    /// The other picture's structural similarity to this one.
    pub(crate) fn similarity(&self, other: &SrgbImage) -> Result<f32> {
        let (expected_width, expected_height) = self.size;
        let (got_width, got_height) = (other.width_px(), other.height_px());
        if self.size != (got_width, got_height) || got_width == 0 || got_height == 0 {
            return Err(Error::SizeMismatch { expected_width, expected_height, got_width, got_height });
        }
        let other = luma(other);
        let (mean, square) = (other.windowed(|v| v), other.windowed(|v| v * v));
        let product =
            Plane { width: other.width, data: self.luma.data.iter().zip(&other.data).map(|(a, b)| a * b).collect() };
        let product = product.windowed(|v| v);
        // Rows are summed apart and in order, so that the figure is the same with any number of threads.
        let rows: Vec<f64> = (0..mean.data.len() / mean.width)
            .into_par_iter()
            .map(|y| {
                let row = y * mean.width..(y + 1) * mean.width;
                let index = |i: usize| {
                    let (m1, m2) = (self.mean.data[i], mean.data[i]);
                    let (v1, v2) = (self.square.data[i] - m1 * m1, square.data[i] - m2 * m2);
                    let covariance = product.data[i] - m1 * m2;
                    let top = (2.0 * m1 * m2 + C1) * (2.0 * covariance + C2);
                    f64::from(top / ((m1 * m1 + m2 * m2 + C1) * (v1 + v2 + C2)))
                };
                row.map(index).sum()
            })
            .collect();
        Ok((rows.iter().sum::<f64>() / mean.data.len() as f64) as f32)
    }
}

/// Luma; at least a window wide and high.
fn luma(image: &SrgbImage) -> Plane {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let columns = width.max(WINDOW);
    let mut data = Vec::with_capacity(columns * height.max(WINDOW));
    for y in 0..height.max(WINDOW) {
        let row = y.min(height.saturating_sub(1)) * width * 3;
        let pixels = image.data().get(row..row + width * 3).unwrap_or_default().chunks_exact(3);
        data.extend(pixels.map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])));
        let last = data.last().copied().unwrap_or_default();
        data.extend(std::iter::repeat_n(last, columns - width));
    }
    Plane { width: columns, data }
}

fn window() -> [f32; WINDOW] {
    let weight = |i: usize| (-(i as f64 - (WINDOW / 2) as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let total: f64 = (0..WINDOW).map(weight).sum();
    std::array::from_fn(|i| (weight(i) / total) as f32)
}

impl Plane {
    /// The windowed mean of `of` each value, at the windows that lie wholly inside.
    fn windowed(&self, of: impl Fn(f32) -> f32 + Sync) -> Self {
        let weights = window();
        let (width, rows) = (self.width + 1 - WINDOW, self.data.len() / self.width + 1 - WINDOW);
        let mut out = vec![0.0_f32; width * rows];
        out.par_chunks_mut(width).enumerate().for_each(|(y, line)| {
            let mut column = vec![0.0_f32; self.width];
            for (j, weight) in weights.iter().enumerate() {
                let source = &self.data[(y + j) * self.width..(y + j + 1) * self.width];
                column.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * of(value));
            }
            for (i, weight) in weights.iter().enumerate() {
                line.iter_mut().zip(&column[i..]).for_each(|(sum, value)| *sum += weight * value);
            }
        });
        Self { width, data: out }
    }
}

#[cfg(test)]
mod tests;
