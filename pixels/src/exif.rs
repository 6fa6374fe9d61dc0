//! The one EXIF field that changes pixels: orientation.

use crate::{Mask, Srgb16Image, SrgbImage};

/// Tag number of the orientation in the first image directory.
const ORIENTATION: u16 = 0x0112;

/// The orientation, 1 to 8, in a TIFF-structured EXIF block (with or without the `Exif\0\0` prefix); 1 when absent or broken.
pub(crate) fn orientation(exif: &[u8]) -> u8 {
    read_orientation(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)).unwrap_or(1)
}

fn read_orientation(tiff: &[u8]) -> Option<u8> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = u32_at(4)? as usize;
    let count = u16_at(directory)? as usize;
    for entry in 0..count {
        let at = directory.checked_add(2 + entry * 12)?;
        if u16_at(at)? == ORIENTATION {
            let value = u16_at(at + 8)?;
            return (1..=8).contains(&value).then_some(value as u8);
        }
    }
    None
}

/// Rotates and mirrors interleaved pixels of `N` channels so that orientation 1 remains; returns the new width and height.
fn orient<const N: usize, T: Copy + Default>(
    data: Vec<T>,
    width: usize,
    height: usize,
    orientation: u8,
) -> (Vec<T>, usize, usize) {
    if orientation <= 1 || orientation > 8 || data.len() != width * height * N {
        return (data, width, height);
    }
    let swapped = orientation >= 5;
    let (out_width, out_height) = if swapped { (height, width) } else { (width, height) };
    let mut out = vec![T::default(); data.len()];
    for (y, row) in out.chunks_exact_mut((out_width * N).max(1)).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(N).enumerate() {
            let (sx, sy) = match orientation {
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, height - 1 - x),
                7 => (width - 1 - y, height - 1 - x),
                _ => (width - 1 - y, x),
            };
            let from = (sy * width + sx) * N;
            pixel.copy_from_slice(&data[from..from + N]);
        }
    }
    (out, out_width, out_height)
}

/// Applies an EXIF orientation to a picture.
pub(crate) fn orient_image(image: SrgbImage, orientation: u8) -> crate::Result<SrgbImage> {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let (data, width, height) = orient::<3, _>(image.into_data(), width, height, orientation);
    SrgbImage::new(width as u32, height as u32, data)
}

/// Applies an EXIF orientation to a picture of 16 bits.
pub(crate) fn orient_deep(image: Srgb16Image, orientation: u8) -> crate::Result<Srgb16Image> {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let (data, width, height) = orient::<3, _>(image.into_data(), width, height, orientation);
    Srgb16Image::new(width as u32, height as u32, data)
}

/// Applies an EXIF orientation to an alpha channel.
pub(crate) fn orient_mask(mask: &Mask, orientation: u8) -> crate::Result<Mask> {
    let (width, height) = (mask.width_px() as usize, mask.height_px() as usize);
    let (data, width, height) = orient::<1, _>(mask.data().to_vec(), width, height, orientation);
    Mask::new(width as u32, height as u32, data)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A minimal EXIF block with one entry.
    pub(crate) fn exif_block(orientation: u16, little: bool) -> Vec<u8> {
        let mut out = b"Exif\0\0".to_vec();
        let two = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let four = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        out.extend(if little { b"II*\0" } else { b"MM\0*" });
        out.extend(four(8));
        out.extend(two(1));
        out.extend(two(ORIENTATION));
        out.extend(two(3));
        out.extend(four(1));
        out.extend(two(orientation));
        out.extend([0, 0]);
        out.extend(four(0));
        out
    }

    #[test]
    fn orientation_is_read_in_both_byte_orders() {
        for value in 1..=8 {
            assert_eq!(orientation(&exif_block(value, true)), value as u8);
            assert_eq!(orientation(&exif_block(value, false)), value as u8);
        }
        assert_eq!(orientation(&exif_block(9, true)), 1);
        assert_eq!(orientation(b"Exif\0\0garbage"), 1);
        let whole = exif_block(6, true);
        for cut in 0..whole.len() {
            let _ = orientation(&whole[..cut]);
        }
    }

    #[test]
    fn the_eight_orientations_move_pixels_as_exif_says() {
        // Pixels of a 3×2 picture, numbered in rows: 0 1 2 / 3 4 5.
        let data = vec![0, 1, 2, 3, 4, 5];
        let expected: [(&[u8], usize); 8] = [
            (&[0, 1, 2, 3, 4, 5], 3),
            (&[2, 1, 0, 5, 4, 3], 3),
            (&[5, 4, 3, 2, 1, 0], 3),
            (&[3, 4, 5, 0, 1, 2], 3),
            (&[0, 3, 1, 4, 2, 5], 2),
            (&[3, 0, 4, 1, 5, 2], 2),
            (&[5, 2, 4, 1, 3, 0], 2),
            (&[2, 5, 1, 4, 0, 3], 2),
        ];
        for (i, (pixels, width)) in expected.iter().enumerate() {
            let (out, w, h) = orient::<1, u8>(data.clone(), 3, 2, i as u8 + 1);
            assert_eq!((out.as_slice(), w, h), (*pixels, *width, 6 / width), "orientation {}", i + 1);
        }
    }
}
