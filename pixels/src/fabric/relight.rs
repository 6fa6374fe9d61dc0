//! The light on cloth changed a little, for a network that has an opinion on it.

use rayon::prelude::*;

use crate::composite::Channel;
use crate::guided_filter::Plane;
use crate::{Mask, Result, Srgb16Image, SrgbImage};

/// By how much of the whole range a code may change.
pub const MOST: f32 = 0.1;
/// Below this share of the range the change shrinks with the code: black ink stays black.
const DARK: f32 = 0.5;

/// Changes the light on what the mask covers: codes by `light`, −1 to 1, laid over the whole picture, times [`MOST`] of their
/// range, less in dark cloth and at the mask's edge.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) when picture and mask differ in size.
pub fn relight(picture: &mut SrgbImage, mask: &Mask, light: &Plane) -> Result<()> {
    let size = (picture.width_px(), picture.height_px());
    relight_codes(picture.data_mut(), size, mask, light)
}

/// The same of a picture with 16 bits a channel.
///
/// # Errors
/// As [`relight`].
pub fn relight_deep(picture: &mut Srgb16Image, mask: &Mask, light: &Plane) -> Result<()> {
    let size = (picture.width_px(), picture.height_px());
    relight_codes(picture.data_mut(), size, mask, light)
}

fn relight_codes<T: Channel>(codes: &mut [T], (width, height): (u32, u32), mask: &Mask, light: &Plane) -> Result<()> {
    mask.check_size(width, height)?;
    let (width, height) = ((width as usize).max(1), height as usize);
    let columns = light.columns(width);
    let rows = codes.par_chunks_mut(3 * width).zip(mask.data().par_chunks(width));
    rows.enumerate().for_each(|(y, (row, alpha))| {
        if alpha.iter().all(|&a| a == 0) {
            return;
        }
        let line = light.line(height, y);
        for x in (0..width).filter(|&x| alpha[x] > 0) {
            let step = MOST * line.at(x, &columns).clamp(-1.0, 1.0) * f32::from(alpha[x]) / 255.0;
            for value in &mut row[3 * x..3 * x + 3] {
                let share = value.code() / 255.0;
                *value = T::of_code(255.0 * (share + step * (share / DARK).min(1.0)).clamp(0.0, 1.0));
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_changes_by_a_tenth_at_most_inside_the_mask_and_leaves_black_black() {
        let mut picture = SrgbImage::filled(4, 1, [0; 3]);
        picture.data_mut().copy_from_slice(&[0, 64, 128, 200, 200, 250, 0, 64, 128, 200, 200, 250]);
        let mask = Mask::new(4, 1, vec![255, 255, 0, 128]).unwrap();
        let before = picture.clone();
        let brighter = Plane { width: 1, height: 1, values: vec![1.0] };
        relight(&mut picture, &mask, &brighter).unwrap();
        assert_eq!(picture.pixel(0, 0), [0, 77, 154]);
        assert_eq!(picture.pixel(1, 0), [226, 226, 255]);
        assert_eq!(picture.pixel(2, 0), before.pixel(2, 0));
        assert_eq!(picture.pixel(3, 0), [213, 213, 255]);
        let nothing = Plane { width: 1, height: 1, values: vec![0.0] };
        let mut same = before.clone();
        relight(&mut same, &mask, &nothing).unwrap();
        assert_eq!(same, before);
        assert!(relight(&mut same, &Mask::filled(5, 1, 255), &nothing).is_err());
    }
}
