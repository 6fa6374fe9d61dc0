//! A variant as a layer that an image editor lays over the photo.

use rayon::prelude::*;

use crate::{Error, Mask, Result, SrgbImage};

/// Pixels that one task works on.
const BLOCK_PIXELS: usize = 1 << 14;

/// The layer's straight colours and its alpha: laid over `source` it shows `variant` to the code.
///
/// Editors mix codes, not light, so the colour is what that mixing needs. Alpha is the mask's, raised where the layer
/// could not reach the variant otherwise, and 0 where nothing changed outside the mask.
///
/// # Errors
/// [`Error::SizeMismatch`] unless all three have the same size.
///
/// # Examples
/// ```
/// use pixels::{Mask, SrgbImage, layer_over};
/// let (photo, variant) = (SrgbImage::filled(1, 1, [200; 3]), SrgbImage::filled(1, 1, [150; 3]));
/// let (layer, alpha) = layer_over(&photo, &variant, &Mask::new(1, 1, vec![128])?)?;
/// assert_eq!((layer.pixel(0, 0), alpha.data()), ([100; 3], &[128][..]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn layer_over(source: &SrgbImage, variant: &SrgbImage, mask: &Mask) -> Result<(SrgbImage, Mask)> {
    let (width, height) = (source.width_px(), source.height_px());
    mask.check_size(width, height)?;
    if (variant.width_px(), variant.height_px()) != (width, height) {
        return Err(Error::SizeMismatch {
            expected_width: width,
            expected_height: height,
            got_width: variant.width_px(),
            got_height: variant.height_px(),
        });
    }
    let (mut layer, mut alpha) = (variant.clone(), mask.clone());
    let below = source.data().par_chunks(3 * BLOCK_PIXELS);
    let parts = layer.data_mut().par_chunks_mut(3 * BLOCK_PIXELS).zip(alpha.data_mut().par_chunks_mut(BLOCK_PIXELS));
    parts.zip(below).for_each(|((colors, alphas), below)| {
        for ((color, alpha), below) in colors.chunks_exact_mut(3).zip(alphas).zip(below.chunks_exact(3)) {
            *alpha = reach(color, below).max(*alpha);
            if !matches!(*alpha, 0 | 255) {
                for (code, &below) in color.iter_mut().zip(below) {
                    let step = (i32::from(*code) - i32::from(below)) * 255;
                    let share = i32::from(*alpha);
                    let rounded = (step.abs() * 2 + share) / (2 * share) * step.signum();
                    *code = (i32::from(below) + rounded).clamp(0, 255) as u8;
                }
            }
        }
    });
    Ok((layer, alpha))
}

/// Least alpha by which some colour leads from `below` to `color`.
fn reach(color: &[u8], below: &[u8]) -> u8 {
    let least = |(&to, &from): (&u8, &u8)| {
        let room = u32::from(if to > from { 255 - from } else { from }).max(1);
        (u32::from(to.abs_diff(from)) * 255).div_ceil(room).min(255) as u8
    };
    color.iter().zip(below).map(least).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laid_over_the_photo_it_is_the_variant() {
        let n = 4096_u32;
        let noise = |seed: u32| (0..3 * n).map(|i| (i.wrapping_mul(seed) >> 13) as u8).collect::<Vec<u8>>();
        let source = SrgbImage::new(64, 64, noise(2_654_435_761)).unwrap();
        let mut variant = SrgbImage::new(64, 64, noise(40_503_777)).unwrap();
        let mask = Mask::new(64, 64, (0..n).map(|i| (i % 256) as u8).collect()).unwrap();
        for (i, &a) in mask.data().iter().enumerate().filter(|(_, a)| **a < 20) {
            let _ = a;
            variant.data_mut()[3 * i..3 * i + 3].copy_from_slice(&source.data()[3 * i..3 * i + 3]);
        }
        let (layer, alpha) = layer_over(&source, &variant, &mask).unwrap();
        for i in 0..variant.data().len() {
            let share = f32::from(alpha.data()[i / 3]) / 255.0;
            let (below, above) = (f32::from(source.data()[i]), f32::from(layer.data()[i]));
            let shown = below + (above - below) * share;
            assert!((shown - f32::from(variant.data()[i])).abs() <= 1.0, "{i}");
        }
        assert!(alpha.data().iter().zip(mask.data()).all(|(a, m)| a >= m));
        assert_eq!(alpha.data()[0], 0);
        assert!(layer_over(&source, &variant, &Mask::filled(1, 1, 0)).is_err());
    }
}
