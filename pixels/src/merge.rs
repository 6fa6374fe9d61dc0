//! Several regions of one photo, each dyed on its own, in one picture.

use rayon::prelude::*;

use crate::color::{Curve, linear_from_srgb_code16, srgb_code_from_linear};
use crate::image_types::check_size;
use crate::{Mask, Result, Srgb16Image, SrgbImage};

/// Pixels that one task merges.
const BLOCK_PIXELS: usize = 1 << 14;

/// Adds up what each dyed picture changes about `source`, in linear light.
///
/// Where only one of the masks is above 0 that picture's bytes are taken as they are, where none is the source's. Along a
/// border that two regions share, each has changed its own share of a mixed pixel, and the changes are added.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless all pictures and masks have the source's size.
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
    let size = (source.width_px(), source.height_px());
    for (image, mask) in dyed {
        mask.check_size(size.0, size.1)?;
        check_size(size, (image.width_px(), image.height_px()))?;
    }
    let curve = Curve::get();
    let mut out = source.clone();
    let parts: Vec<_> = dyed.iter().map(|(image, mask)| (image.data(), mask.data())).collect();
    add_changes(out.data_mut(), &parts, |code| curve.linear(code), |light| curve.byte(light));
    Ok(out)
}

/// As [`merge`], with 16 bits a channel.
///
/// # Errors
/// As [`merge`].
pub fn merge_deep(source: &Srgb16Image, dyed: &[(&Srgb16Image, &Mask)]) -> Result<Srgb16Image> {
    let size = (source.width_px(), source.height_px());
    for (image, mask) in dyed {
        mask.check_size(size.0, size.1)?;
        check_size(size, (image.width_px(), image.height_px()))?;
    }
    let mut out = source.clone();
    let parts: Vec<_> = dyed.iter().map(|(image, mask)| (image.data(), mask.data())).collect();
    let code = |light| (srgb_code_from_linear(light) * 257.0 + 0.5) as u16;
    add_changes(out.data_mut(), &parts, linear_from_srgb_code16, code);
    Ok(out)
}

/// Adds to `out`, which holds the source, what each part with its mask changes about it.
fn add_changes<T: Copy + Send + Sync>(
    out: &mut [T],
    parts: &[(&[T], &[u8])],
    linear: impl Fn(T) -> f32 + Sync,
    code: impl Fn(f32) -> T + Sync,
) {
    out.par_chunks_mut(BLOCK_PIXELS * 3).enumerate().for_each(|(block, pixels)| {
        let first = block * BLOCK_PIXELS;
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let at = first + i;
            let mut touching = parts.iter().filter(|(_, mask)| mask[at] > 0);
            let Some((one, _)) = touching.next() else { continue };
            if touching.next().is_none() {
                pixel.copy_from_slice(&one[3 * at..3 * at + 3]);
                continue;
            }
            for (channel, value) in pixel.iter_mut().enumerate() {
                let own = linear(*value);
                let change: f32 = parts.iter().map(|(image, _)| linear(image[3 * at + channel]) - own).sum();
                // An unchanged code stays itself whatever the rounding.
                if change != 0.0 {
                    *value = code((own + change).clamp(0.0, 1.0));
                }
            }
        }
    });
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
    fn sixteen_bits_merge_as_eight_do_and_keep_their_own() {
        let (left, right): (Vec<u8>, Vec<u8>) = (0..=255).map(|s: u8| (s, 255 - s)).unzip();
        let masks = [left, right].map(|shares| Mask::new(256, 1, shares).unwrap());
        let fine =
            |offset: u16| Srgb16Image::new(256, 1, (0..768).map(|i| 20_000 + offset + 13 * i).collect()).unwrap();
        let (source, one, other) = (fine(0), fine(900), fine(2500));
        let deep = merge_deep(&source, &[(&one, &masks[0]), (&other, &masks[1])]).unwrap();
        let eight = [&source, &one, &other].map(Srgb16Image::to_srgb8);
        let eight = merge(&eight[0], &[(&eight[1], &masks[0]), (&eight[2], &masks[1])]).unwrap();
        let off = deep.to_srgb8().data().iter().zip(eight.data()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(2), "{off:?}");
        // Where one mask is 0 the other's values are taken as they are.
        assert_eq!((deep.pixel(0, 0), deep.pixel(255, 0)), (other.pixel(0, 0), one.pixel(255, 0)));
        assert!(deep.data().iter().filter(|&&v| v % 257 != 0).count() > 700);
        assert!(
            merge_deep(&source, &[(&Srgb16Image::from_srgb8(&SrgbImage::filled(2, 1, [0; 3])), &masks[0])]).is_err()
        );
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
