//! Several regions of one photo, each dyed on its own, in one picture.

use rayon::prelude::*;

use crate::color::Curve;
use crate::{Error, Mask, Result, SrgbImage};

/// Pixels that one task merges.
const BLOCK_PIXELS: usize = 1 << 14;

/// Adds up what each dyed picture changes about `source`, in linear light.
///
/// Where only one of the masks is above 0 that picture's bytes are taken as they are, where none is the source's. Along a
/// border that two regions share, each has changed its own share of a mixed pixel, and the changes are added.
///
/// # Errors
/// [`Error::SizeMismatch`] unless all pictures and masks have the source's size.
///
/// # Examples
/// ```
/// use pixels::{Mask, SrgbImage};
/// let source = SrgbImage::filled(2, 1, [10, 20, 30]);
/// let red = SrgbImage::new(2, 1, vec![200, 0, 0, 10, 20, 30])?;
/// let blue = SrgbImage::new(2, 1, vec![10, 20, 30, 0, 0, 200])?;
/// let (left, right) = (Mask::new(2, 1, vec![255, 0])?, Mask::new(2, 1, vec![0, 255])?);
/// let both = pixels::merge(&source, &[(&red, &left), (&blue, &right)])?;
/// assert_eq!((both.pixel(0, 0), both.pixel(1, 0)), ([200, 0, 0], [0, 0, 200]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn merge(source: &SrgbImage, dyed: &[(&SrgbImage, &Mask)]) -> Result<SrgbImage> {
    let (width, height) = (source.width_px(), source.height_px());
    for (image, mask) in dyed {
        mask.check_size(width, height)?;
        if (image.width_px(), image.height_px()) != (width, height) {
            return Err(Error::SizeMismatch {
                expected_width: width,
                expected_height: height,
                got_width: image.width_px(),
                got_height: image.height_px(),
            });
        }
    }
    let curve = Curve::get();
    let mut out = source.clone();
    out.data_mut().par_chunks_mut(BLOCK_PIXELS * 3).enumerate().for_each(|(block, pixels)| {
        let first = block * BLOCK_PIXELS;
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let at = first + i;
            let mut touching = dyed.iter().filter(|(_, mask)| mask.data()[at] > 0);
            let Some((one, _)) = touching.next() else { continue };
            if touching.next().is_none() {
                pixel.copy_from_slice(&one.data()[3 * at..3 * at + 3]);
                continue;
            }
            for (channel, code) in pixel.iter_mut().enumerate() {
                let own = curve.linear(*code);
                let change: f32 =
                    dyed.iter().map(|(image, _)| curve.linear(image.data()[3 * at + channel]) - own).sum();
                // An unchanged code stays itself whatever the rounding.
                if change != 0.0 {
                    *code = curve.byte((own + change).clamp(0.0, 1.0));
                }
            }
        }
    });
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::linear_from_srgb8;
    use crate::composite;

    /// At a shared border each region dyes its own share, so merging equals laying pure colours by their shares.
    #[test]
    fn a_shared_border_takes_each_regions_share() {
        let (cloth, red, blue) = ([120, 120, 120], [200, 20, 20], [10, 20, 180]);
        let shares: Vec<u8> = (0..=255).collect();
        let rest: Vec<u8> = shares.iter().map(|s| 255 - s).collect();
        let source = SrgbImage::filled(256, 1, cloth);
        let (left, right) = (Mask::new(256, 1, shares).unwrap(), Mask::new(256, 1, rest).unwrap());
        let one = composite(&source, &SrgbImage::filled(256, 1, red), &left).unwrap();
        let other = composite(&source, &SrgbImage::filled(256, 1, blue), &right).unwrap();
        let merged = merge(&source, &[(&one, &left), (&other, &right)]).unwrap();
        let expected = composite(&SrgbImage::filled(256, 1, blue), &SrgbImage::filled(256, 1, red), &left).unwrap();
        for (i, (&got, &want)) in merged.data().iter().zip(expected.data()).enumerate() {
            // A code of light cloth that was rounded is several codes of dark cloth, so light is compared.
            let off = (linear_from_srgb8(got) - linear_from_srgb8(want)).abs();
            assert!(off < 0.01, "pixel {}: {got} for {want}", i / 3);
        }
        let swapped = merge(&source, &[(&other, &right), (&one, &left)]).unwrap();
        assert_eq!(swapped, merged);
    }

    #[test]
    fn outside_all_masks_the_bytes_are_the_sources_and_sizes_are_checked() {
        let codes: Vec<u8> = (0..257 * 3).map(|i| (i * 7 % 256) as u8).collect();
        let source = SrgbImage::new(257, 1, codes).unwrap();
        let none = Mask::filled(257, 1, 0);
        let other = SrgbImage::filled(257, 1, [1, 2, 3]);
        assert_eq!(merge(&source, &[(&other, &none), (&other, &none)]).unwrap(), source);
        assert_eq!(merge(&source, &[]).unwrap(), source);
        assert_eq!(merge(&source, &[(&other, &Mask::filled(257, 1, 9))]).unwrap(), other);
        assert!(merge(&source, &[(&other, &Mask::filled(2, 1, 9))]).is_err());
        assert!(merge(&source, &[(&SrgbImage::filled(2, 1, [0; 3]), &none)]).is_err());
    }
}
