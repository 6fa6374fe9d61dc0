//! Operations on alpha masks: hard edges, cores, soft edges.

use rayon::prelude::*;

use crate::{Mask, Result};

impl Mask {
    /// A hard mask: 255 where alpha is at least `level`, else 0.
    #[must_use]
    pub fn threshold(&self, level: u8) -> Self {
        self.map(|a| if a >= level { 255 } else { 0 })
    }

    /// Inside becomes outside.
    #[must_use]
    pub fn inverted(&self) -> Self {
        self.map(|a| 255 - a)
    }

    /// Alpha is lowered to the smallest value within `radius_px` (square neighbourhood); beyond the border counts as inside.
    #[must_use]
    pub fn eroded(&self, radius_px: u32) -> Self {
        self.inverted().dilated(radius_px).inverted()
    }

    /// Alpha is raised to the largest value within `radius_px` (square neighbourhood).
    #[must_use]
    pub fn dilated(&self, radius_px: u32) -> Self {
        let (width, radius) = (self.width_px() as usize, radius_px as usize);
        if radius == 0 || self.data().is_empty() {
            return self.clone();
        }
        let mut wide = self.clone();
        wide.data_mut()
            .par_chunks_mut(width)
            .zip(self.data().par_chunks(width))
            .for_each(|(out, row)| running_max(row, radius, out));
        transposed(&wide, |rows, height| {
            let mut out = rows.to_vec();
            out.par_chunks_mut(height).zip(rows.par_chunks(height)).for_each(|(to, row)| running_max(row, radius, to));
            out
        })
    }

    /// The part that surely belongs to the object: alpha at least 250, shrunk by `radius_px`. 255 or 0.
    ///
    /// Colours are measured here, away from blended edges.
    #[must_use]
    pub fn core(&self, radius_px: u32) -> Self {
        self.threshold(250).eroded(radius_px)
    }

    /// Softens edges by three box blurs, close to a Gaussian of standard deviation `sigma_px`.
    ///
    /// # Source
    /// Kovesi, "Fast almost-Gaussian filtering", 2010.
    #[must_use]
    pub fn feathered(&self, sigma_px: f32) -> Self {
        if self.data().is_empty() || sigma_px.is_nan() || sigma_px <= 0.0 {
            return self.clone();
        }
        let radii = box_radii(sigma_px);
        let width = self.width_px() as usize;
        let blur_rows = |values: &mut [u8], row: usize| {
            values.par_chunks_mut(row).for_each(|line| {
                let mut other = line.to_vec();
                for radius in radii {
                    box_blur(line, radius, &mut other);
                    line.copy_from_slice(&other);
                }
            });
        };
        let mut wide = self.clone();
        blur_rows(wide.data_mut(), width);
        transposed(&wide, |rows, height| {
            let mut out = rows.to_vec();
            blur_rows(&mut out, height);
            out
        })
    }

    /// Alpha times alpha: what is inside both.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when `other` has another size.
    pub fn intersected(&self, other: &Self) -> Result<Self> {
        other.check_size(self.width_px(), self.height_px())?;
        let both = self.data().iter().zip(other.data()).map(|(&a, &b)| multiplied(a, b)).collect();
        Self::new(self.width_px(), self.height_px(), both)
    }

    /// The larger alpha: what is inside either.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when `other` has another size.
    pub fn united(&self, other: &Self) -> Result<Self> {
        other.check_size(self.width_px(), self.height_px())?;
        let either = self.data().iter().zip(other.data()).map(|(&a, &b)| a.max(b)).collect();
        Self::new(self.width_px(), self.height_px(), either)
    }

    /// Smallest rectangle that holds every pixel with alpha at least `level`: x, y, width, height in pixels.
    pub fn bounding_box(&self, level: u8) -> Option<(u32, u32, u32, u32)> {
        let width = (self.width_px() as usize).max(1);
        let mut bounds: Option<(usize, usize, usize, usize)> = None;
        for (y, row) in self.data().chunks_exact(width).enumerate() {
            let Some(first) = row.iter().position(|&a| a >= level) else { continue };
            let last = row.iter().rposition(|&a| a >= level).unwrap_or(first);
            let (left, right, top, _) = bounds.unwrap_or((first, last, y, y));
            bounds = Some((left.min(first), right.max(last), top, y));
        }
        let (left, right, top, bottom) = bounds?;
        Some((left as u32, top as u32, (right - left + 1) as u32, (bottom - top + 1) as u32))
    }

    fn map(&self, change: impl Fn(u8) -> u8) -> Self {
        let mut out = self.clone();
        for alpha in out.data_mut() {
            *alpha = change(*alpha);
        }
        out
    }
}

fn multiplied(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

/// Runs `work` on the columns laid out as rows (each `height` long) and turns the result back.
fn transposed(mask: &Mask, work: impl Fn(&[u8], usize) -> Vec<u8>) -> Mask {
    let (width, height) = (mask.width_px() as usize, mask.height_px() as usize);
    let columns = work(&transpose(mask.data(), width, height), height);
    let mut out = mask.clone();
    out.data_mut().copy_from_slice(&transpose(&columns, height, width));
    out
}

fn transpose(data: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut out = vec![0; data.len()];
    out.par_chunks_mut(height.max(1)).enumerate().for_each(|(x, column)| {
        for (y, value) in column.iter_mut().enumerate() {
            *value = data[y * width + x];
        }
    });
    out
}

/// Largest value within `radius` of each position, in constant time per value.
///
/// # Source
/// van Herk, "A fast algorithm for local minimum and maximum filters", 1992.
fn running_max(row: &[u8], radius: usize, out: &mut [u8]) {
    let window = 2 * radius + 1;
    let padded = row.len() + 2 * radius;
    let at = |i: usize| if i >= radius && i < radius + row.len() { row[i - radius] } else { 0 };
    let mut forward = vec![0u8; padded];
    let mut backward = vec![0u8; padded];
    for i in 0..padded {
        forward[i] = if i % window == 0 { at(i) } else { forward[i - 1].max(at(i)) };
    }
    for i in (0..padded).rev() {
        backward[i] = if i + 1 == padded || (i + 1) % window == 0 { at(i) } else { backward[i + 1].max(at(i)) };
    }
    for (x, value) in out.iter_mut().enumerate() {
        *value = backward[x].max(forward[x + window - 1]);
    }
}

/// Radii of three box blurs whose variances add up to that of the Gaussian.
fn box_radii(sigma: f32) -> [usize; 3] {
    let ideal = (4.0 * sigma * sigma + 1.0).sqrt();
    let mut small = ideal.floor() as usize;
    if small.is_multiple_of(2) {
        small = small.saturating_sub(1);
    }
    let small = small.max(1);
    let s = small as f32;
    let count = ((12.0 * sigma * sigma - 3.0 * s * s - 12.0 * s - 9.0) / (-4.0 * s - 4.0)).round() as usize;
    std::array::from_fn(|i| if i < count { (small - 1) / 2 } else { small.div_ceil(2) })
}

/// Mean within `radius` of each position; the border value continues beyond the border.
fn box_blur(row: &[u8], radius: usize, out: &mut [u8]) {
    let last = row.len() - 1;
    let window = (2 * radius + 1) as u32;
    let at = |i: isize| u32::from(row[i.clamp(0, last as isize) as usize]);
    let reach = radius as isize;
    let mut sum: u32 = (-reach..=reach).map(at).sum();
    for (x, value) in out.iter_mut().enumerate() {
        *value = ((sum + window / 2) / window) as u8;
        let x = x as isize;
        sum = sum + at(x + reach + 1) - at(x - reach);
    }
}

#[cfg(test)]
mod tests;
