//! Laying a variant over its source through a mask.

use rayon::prelude::*;

use crate::color::{Curve, linear_from_srgb_code, srgb_code_from_linear};
use crate::{Error, Mask, Result, SrgbImage};

/// Pixels that one task blends.
const BLOCK_PIXELS: usize = 1 << 14;

/// Blends `variant` over `source` by `mask`, in linear light.
///
/// Where the mask is 0 the source's bytes are kept bit by bit, where it is 255 the variant's are taken as they are.
///
/// # Errors
/// [`Error::SizeMismatch`] unless all three have the same size.
///
/// # Examples
/// ```
/// use pixels::{Mask, SrgbImage};
/// let source = SrgbImage::filled(2, 1, [10, 20, 30]);
/// let variant = SrgbImage::filled(2, 1, [200, 100, 50]);
/// let out = pixels::composite(&source, &variant, &Mask::new(2, 1, vec![0, 255])?)?;
/// assert_eq!((out.pixel(0, 0), out.pixel(1, 0)), ([10, 20, 30], [200, 100, 50]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn composite(source: &SrgbImage, variant: &SrgbImage, mask: &Mask) -> Result<SrgbImage> {
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
    let curve = Curve::get();
    let mut out = source.clone();
    out.data_mut()
        .par_chunks_mut(BLOCK_PIXELS * 3)
        .zip(variant.data().par_chunks(BLOCK_PIXELS * 3))
        .zip(mask.data().par_chunks(BLOCK_PIXELS))
        .for_each(|((below, above), alpha)| {
            for ((b, v), &a) in below.chunks_exact_mut(3).zip(above.chunks_exact(3)).zip(alpha) {
                match a {
                    0 => {}
                    255 => b.copy_from_slice(v),
                    _ => blend(curve, b, v, f32::from(a) / 255.0),
                }
            }
        });
    Ok(out)
}

fn blend(curve: Curve, below: &mut [u8], above: &[u8], share: f32) {
    for (b, &v) in below.iter_mut().zip(above) {
        // Equal bytes stay equal whatever the rounding.
        if *b != v {
            let (low, high) = (curve.linear(*b), curve.linear(v));
            *b = curve.byte(low + (high - low) * share);
        }
    }
}

/// A channel of a picture, 8 or 16 bits.
pub(crate) trait Channel: Copy + Send + Sync {
    /// Whether rounding to this depth may show, so that dither helps.
    const COARSE: bool;
    /// From a code, 0 to 255 whatever the depth.
    fn of_code(code: f32) -> Self;
    /// Its code, 0 to 255 whatever the depth.
    fn code(self) -> f32;
}

impl Channel for u8 {
    const COARSE: bool = true;
    #[inline]
    fn of_code(code: f32) -> Self {
        // The cast saturates.
        (code + 0.5) as u8
    }
    #[inline]
    fn code(self) -> f32 {
        f32::from(self)
    }
}

impl Channel for u16 {
    const COARSE: bool = false;
    #[inline]
    fn of_code(code: f32) -> Self {
        (code * 257.0 + 0.5) as u16
    }
    #[inline]
    fn code(self) -> f32 {
        f32::from(self) / 257.0
    }
}

/// Exchanges the cloth's share of a pixel that also shows what is behind: `photo + share · (dyed − cloth)` in linear light,
/// with the dyed colour as codes 0 to 255 and the cloth's own colour as linear light.
pub(crate) fn blend_over<T: Channel>(photo: &mut [T], dyed: [f32; 3], cloth: [f32; 3], share: f32) {
    for ((value, code), own) in photo.iter_mut().zip(dyed).zip(cloth) {
        let new = linear_from_srgb_code(code.clamp(0.0, 255.0));
        let mixed = linear_from_srgb_code(value.code()) + share * (new - own);
        *value = T::of_code(srgb_code_from_linear(mixed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_and_the_middle_is_linear_light() -> Result<()> {
        let codes: Vec<u8> = (0..256 * 3).map(|i| (i * 7 % 256) as u8).collect();
        let other: Vec<u8> = (0..256 * 3).map(|i| (i * 13 % 256) as u8).collect();
        let source = SrgbImage::new(256, 1, codes.clone())?;
        let variant = SrgbImage::new(256, 1, other.clone())?;
        assert_eq!(composite(&source, &variant, &Mask::filled(256, 1, 0))?.data(), codes);
        assert_eq!(composite(&source, &variant, &Mask::filled(256, 1, 255))?.data(), other);
        let black = SrgbImage::filled(1, 1, [0; 3]);
        let white = SrgbImage::filled(1, 1, [255; 3]);
        // Half the light of white is sRGB 188, not 128.
        assert_eq!(composite(&black, &white, &Mask::filled(1, 1, 128))?.pixel(0, 0), [188; 3]);
        Ok(())
    }

    #[test]
    fn every_alpha_keeps_an_unchanged_pixel() -> Result<()> {
        let row: Vec<u8> = (0..=255u8).flat_map(|v| [v, v, v]).collect();
        let image = SrgbImage::new(256, 1, row)?;
        for alpha in 0..=255 {
            assert_eq!(composite(&image, &image, &Mask::filled(256, 1, alpha))?, image);
        }
        Ok(())
    }

    #[test]
    fn sizes_are_checked() {
        let image = SrgbImage::filled(2, 2, [0; 3]);
        let small = SrgbImage::filled(1, 2, [0; 3]);
        assert!(matches!(composite(&image, &small, &Mask::filled(2, 2, 9)), Err(Error::SizeMismatch { .. })));
        assert!(matches!(composite(&image, &image, &Mask::filled(2, 1, 9)), Err(Error::SizeMismatch { .. })));
    }
}
