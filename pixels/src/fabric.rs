//! A garment cut from another cloth: a photo of a swatch becomes a tile without seams, is laid along the garment's parts
//! and folds, and takes the garment's light.

mod parts;
mod period;
mod placement;
mod quilt;
mod relight;
mod render;
mod swatch;
mod tile;

pub use period::{Period, find_period};
pub use placement::{GARMENT_CM, Placement, Placing, Repeat, SWATCH_CM};
pub use relight::{MOST as MOST_LIGHT, relight, relight_deep};
pub use render::{Restyle, Restyled};
pub use tile::{MakeTile, Tile};

use crate::SrgbImage;
use crate::color::{linear_from_srgb8, srgb8_from_linear};

/// Linear light, three channels, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Light {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<[f32; 3]>,
}

impl Light {
    pub(crate) fn of(image: &SrgbImage) -> Self {
        let rgb = image.data().chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(linear_from_srgb8)).collect();
        Self { width: image.width_px() as usize, height: image.height_px() as usize, rgb }
    }

    pub(crate) fn to_srgb(&self) -> SrgbImage {
        let mut image = SrgbImage::filled(self.width as u32, self.height as u32, [0; 3]);
        for (code, light) in image.data_mut().iter_mut().zip(self.rgb.iter().flatten()) {
            *code = srgb8_from_linear(*light);
        }
        image
    }

    /// The rectangle at column `x`, row `y`.
    pub(crate) fn part(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let rows = (y..y + height).flat_map(|row| self.rgb[row * self.width + x..][..width].iter().copied());
        Self { width, height, rgb: rows.collect() }
    }

    pub(crate) fn transposed(&self) -> Self {
        let rgb = (0..self.width).flat_map(|x| (0..self.height).map(move |y| self.rgb[y * self.width + x])).collect();
        Self { width: self.height, height: self.width, rgb }
    }

    /// Cubic between pixels (Catmull and Rom's), edges continued.
    pub(crate) fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let (wx, x0) = cubic(x);
        let (wy, y0) = cubic(y);
        let mut sum = [0.0; 3];
        for (j, wy) in wy.iter().enumerate() {
            let row = (y0 + j as isize).clamp(0, self.height as isize - 1) as usize * self.width;
            for (i, wx) in wx.iter().enumerate() {
                let column = (x0 + i as isize).clamp(0, self.width as isize - 1) as usize;
                let weight = wx * wy;
                sum.iter_mut().zip(self.rgb[row + column]).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        sum.map(|v| v.max(0.0))
    }
}

/// Weights of four neighbours and the first of them, for a position in pixels (whole ones are the pixels themselves).
#[inline]
pub(crate) fn cubic(at: f32) -> ([f32; 4], isize) {
    let first = at.floor();
    let t = at - first;
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        0.5 * (-t + 2.0 * t2 - t3),
        0.5 * (2.0 - 5.0 * t2 + 3.0 * t3),
        0.5 * (t + 4.0 * t2 - 3.0 * t3),
        0.5 * (t3 - t2),
    ];
    (weights, first as isize - 1)
}

#[cfg(test)]
mod tests;
