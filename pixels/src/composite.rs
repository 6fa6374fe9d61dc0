//! Laying a variant over its source through a mask.

use rayon::prelude::*;

use crate::color::{Curve, linear_from_srgb_code16, srgb_code_from_linear};
use crate::image_types::check_size;
use crate::vector::{LANES, Lanes, integer, vectorised, whole};
use crate::{Mask, Result, Srgb16Image, SrgbImage};

/// Pixels that one task blends.
const BLOCK_PIXELS: usize = 1 << 14;

/// Blends `variant` over `source` by `mask`, in linear light.
///
/// Where the mask is 0 the source's bytes are kept bit by bit, where it is 255 the variant's are taken as they are.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless all three have the same size.
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
    let size = (source.width_px(), source.height_px());
    mask.check_size(size.0, size.1)?;
    check_size(size, (variant.width_px(), variant.height_px()))?;
    let curve = Curve::get();
    let mut out = source.clone();
    lay(out.data_mut(), variant.data(), mask, |code| curve.linear(code), |light| curve.byte(light));
    Ok(out)
}

/// As [`composite`], with 16 bits a channel.
///
/// # Errors
/// As [`composite`].
pub fn composite_deep(source: &Srgb16Image, variant: &Srgb16Image, mask: &Mask) -> Result<Srgb16Image> {
    let size = (source.width_px(), source.height_px());
    mask.check_size(size.0, size.1)?;
    check_size(size, (variant.width_px(), variant.height_px()))?;
    let mut out = source.clone();
    let code = |light| (srgb_code_from_linear(light) * 257.0 + 0.5) as u16;
    lay(out.data_mut(), variant.data(), mask, linear_from_srgb_code16, code);
    Ok(out)
}

/// Lays `above` over `below` by the mask's alpha.
fn lay<T: Copy + PartialEq + Send + Sync>(
    below: &mut [T],
    above: &[T],
    mask: &Mask,
    linear: impl Fn(T) -> f32 + Sync,
    code: impl Fn(f32) -> T + Sync,
) {
    let blend = |b: &mut T, v: T, share: f32| {
        // Equal codes stay equal whatever the rounding.
        if *b != v {
            let (low, high) = (linear(*b), linear(v));
            *b = code(low + (high - low) * share);
        }
    };
    below
        .par_chunks_mut(BLOCK_PIXELS * 3)
        .zip(above.par_chunks(BLOCK_PIXELS * 3))
        .zip(mask.data().par_chunks(BLOCK_PIXELS))
        .for_each(|((below, above), alpha)| {
            for ((b, v), &a) in below.chunks_exact_mut(3).zip(above.chunks_exact(3)).zip(alpha) {
                match a {
                    0 => {}
                    255 => b.copy_from_slice(v),
                    _ => b.iter_mut().zip(v).for_each(|(b, &v)| blend(b, v, f32::from(a) / 255.0)),
                }
            }
        });
}

/// A channel of a picture, 8 or 16 bits.
pub(crate) trait Channel: Copy + Default + Send + Sync {
    /// Whether rounding to this depth may show, so that dither helps.
    const COARSE: bool;
    /// From a code, 0 to 255 whatever the depth.
    fn of_code(code: f32) -> Self;
    /// The same of many codes.
    fn of_codes(codes: &Lanes, out: &mut [Self; LANES]) {
        out.iter_mut().zip(codes).for_each(|(value, &code)| *value = Self::of_code(code));
    }
    /// Its code, 0 to 255 whatever the depth.
    fn code(self) -> f32;
}

vectorised! {
/// Codes rounded to bytes.
fn bytes_of_codes / bytes_of_codes_plain(codes: &Lanes, out: &mut [u8; LANES]) {
    for (byte, code) in out.iter_mut().zip(codes) {
        *byte = integer(whole((code + 0.5).clamp(0.0, 255.0))) as u8;
    }
}
}

impl Channel for u8 {
    const COARSE: bool = true;
    #[inline]
    fn of_code(code: f32) -> Self {
        // The cast saturates.
        (code + 0.5) as u8
    }
    #[inline]
    fn of_codes(codes: &Lanes, out: &mut [u8; LANES]) {
        bytes_of_codes(codes, out);
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
    fn many_codes_round_as_single_ones() {
        let odd = [-3.0, -0.5, 0.49, 0.5, 254.49, 254.5, 255.4, 300.0, f32::NAN];
        let codes: Lanes = std::array::from_fn(|i| odd.get(i).copied().unwrap_or(i as f32 * 4.3 - 9.0));
        let (mut wide, mut plain) = ([0; LANES], [0; LANES]);
        bytes_of_codes(&codes, &mut wide);
        bytes_of_codes_plain(&codes, &mut plain);
        assert_eq!(wide, codes.map(u8::of_code));
        assert_eq!(wide, plain);
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
    fn sixteen_bits_blend_as_eight_do() -> Result<()> {
        let (source, variant) = (SrgbImage::filled(256, 1, [10, 200, 90]), SrgbImage::filled(256, 1, [240, 30, 90]));
        let mask = Mask::new(256, 1, (0..=255).collect())?;
        let (below, above) = (Srgb16Image::from_srgb8(&source), Srgb16Image::from_srgb8(&variant));
        let deep = composite_deep(&below, &above, &mask)?;
        assert_eq!((deep.pixel(0, 0), deep.pixel(255, 0)), (below.pixel(0, 0), above.pixel(0, 0)));
        let plain = composite(&source, &variant, &mask)?;
        assert!(deep.to_srgb8().data().iter().zip(plain.data()).all(|(a, b)| a.abs_diff(*b) <= 1));
        assert!(composite_deep(&below, &above, &Mask::filled(2, 1, 9)).is_err());
        Ok(())
    }

    #[test]
    fn sizes_are_checked() {
        let image = SrgbImage::filled(2, 2, [0; 3]);
        let small = SrgbImage::filled(1, 2, [0; 3]);
        assert!(matches!(composite(&image, &small, &Mask::filled(2, 2, 9)), Err(crate::Error::SizeMismatch { .. })));
        assert!(matches!(composite(&image, &image, &Mask::filled(2, 1, 9)), Err(crate::Error::SizeMismatch { .. })));
    }
}
