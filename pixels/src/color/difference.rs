//! CIEDE2000, by the `palette` crate, which passes Sharma's 34 published pairs.

use palette::color_difference::Ciede2000;
use palette::white_point::D65;
use rayon::prelude::*;

use super::{Lab, LabImage};
use crate::{Error, Result};

/// Pixels that one task compares.
const TASK_PIXELS: usize = 1 << 12;

/// CIEDE2000 difference ΔE00 with kL = kC = kH = 1.
///
/// # Source
/// Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005.
pub fn delta_e00(one: Lab, other: Lab) -> f32 {
    let convert = |c: Lab| palette::Lab::<D65, f32>::new(c.l, c.a, c.b);
    convert(one).difference(convert(other))
}

/// ΔE00 of each pixel pair of two pictures, row-major, blocks in parallel.
///
/// # Errors
/// [`Error::SizeMismatch`] unless both have the same size.
///
/// # Examples
/// ```
/// use pixels::SrgbImage;
/// use pixels::color::{LabImage, delta_e00_map};
/// let one = LabImage::from_srgb(&SrgbImage::filled(2, 2, [120, 40, 40]));
/// let other = LabImage::from_srgb(&SrgbImage::filled(2, 2, [120, 40, 41]));
/// assert!(delta_e00_map(&one, &other)?.iter().all(|&d| d > 0.0 && d < 0.5));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn delta_e00_map(one: &LabImage, other: &LabImage) -> Result<Vec<f32>> {
    if (one.width_px(), one.height_px()) != (other.width_px(), other.height_px()) {
        return Err(Error::SizeMismatch {
            expected_width: one.width_px(),
            expected_height: one.height_px(),
            got_width: other.width_px(),
            got_height: other.height_px(),
        });
    }
    let pairs = one.data().par_chunks_exact(3).zip(other.data().par_chunks_exact(3));
    Ok(pairs.with_min_len(TASK_PIXELS).map(|(a, b)| delta_e00(lab(a), lab(b))).collect())
}

/// ΔE00 of each pixel to one colour, row-major, blocks in parallel.
pub fn delta_e00_to(image: &LabImage, color: Lab) -> Vec<f32> {
    image.data().par_chunks_exact(3).with_min_len(TASK_PIXELS).map(|pixel| delta_e00(lab(pixel), color)).collect()
}

fn lab(pixel: &[f32]) -> Lab {
    Lab::new(pixel[0], pixel[1], pixel[2])
}

#[cfg(test)]
mod tests;
