//! Output sharpening: what a reduction softens, given back to edges without lifting noise or drawing halos.

use crate::SrgbImage;

/// Sharpens in place by `amount`, 0 (nothing) to 2, where 0.5 is what small catalogue pictures usually get.
///
/// Each code moves away from the mean of its 3×3 neighbourhood (weights 1 2 1), and never beyond that neighbourhood's own
/// extremes, so that no edge gets a halo and flat cloth keeps its codes.
///
/// # Examples
/// ```
/// let mut image = pixels::SrgbImage::filled(9, 9, [70, 80, 90]);
/// pixels::sharpen(&mut image, 1.0);
/// assert_eq!(image, pixels::SrgbImage::filled(9, 9, [70, 80, 90]));
/// ```
pub fn sharpen(image: &mut SrgbImage, amount: f32) {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    // In 256ths, so that the arithmetic is whole numbers and the same on every processor.
    let amount = if amount > 0.0 { (amount.min(2.0) * 256.0 + 0.5) as i32 } else { 0 };
    if amount == 0 || width == 0 || height == 0 {
        return;
    }
    let length = width * 3;
    let data = image.data_mut();
    // The row above as it was; the others are still untouched when they are read.
    let mut above = data[..length].to_vec();
    let mut here = above.clone();
    for y in 0..height {
        let below = (y + 1).min(height - 1) * length;
        let below = if below == y * length { here.clone() } else { data[below..below + length].to_vec() };
        sharpen_row([&above, &here, &below], amount, &mut data[y * length..(y + 1) * length]);
        above = std::mem::replace(&mut here, below);
    }
}

fn sharpen_row(rows: [&[u8]; 3], amount: i32, out: &mut [u8]) {
    let last = out.len() / 3 - 1;
    for (i, code) in out.iter_mut().enumerate() {
        let (x, channel) = (i / 3, i % 3);
        let columns = [x.saturating_sub(1), x, (x + 1).min(last)].map(|x| x * 3 + channel);
        let (mut sum, mut least, mut most) = (0_i32, 255_i32, 0_i32);
        for (row, down) in rows.iter().zip([1, 2, 1]) {
            for (&column, across) in columns.iter().zip([1, 2, 1]) {
                let value = i32::from(row[column]);
                sum += value * down * across;
                least = least.min(value);
                most = most.max(value);
            }
        }
        let value = i32::from(*code);
        // 16 times the difference to the mean, times 256ths of the amount, rounded to the nearest.
        let moved = value + ((16 * value - sum) * amount + 2048).div_euclid(4096);
        *code = moved.clamp(least, most) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> SrgbImage {
        // A soft edge between 60 and 180.
        let code = |x: u32| [60, 60, 60, 75, 120, 165, 180, 180, 180][x as usize];
        SrgbImage::new(9, 9, (0..81).flat_map(|i| [code(i % 9); 3]).collect()).unwrap()
    }

    #[test]
    fn an_edge_gets_steeper_and_has_no_halo() {
        let mut image = ramp();
        sharpen(&mut image, 1.0);
        let row: Vec<u8> = (0..9).map(|x| image.pixel(x, 4)[0]).collect();
        assert!(row[3] < 75 && row[5] > 165, "{row:?}");
        assert!(row.iter().all(|&v| (60..=180).contains(&v)) && row[0] == 60 && row[8] == 180, "{row:?}");
        assert!(row.windows(2).all(|w| w[0] <= w[1]), "{row:?}");
    }

    #[test]
    fn more_is_more_and_nothing_is_nothing() {
        let slope = |amount: f32| {
            let mut image = ramp();
            sharpen(&mut image, amount);
            i32::from(image.pixel(5, 4)[0]) - i32::from(image.pixel(3, 4)[0])
        };
        assert!(
            slope(0.0) == 90 && slope(0.3) > slope(0.0) && slope(1.0) > slope(0.3),
            "{} {}",
            slope(0.3),
            slope(1.0)
        );
        for amount in [f32::NAN, -1.0, 0.0] {
            assert_eq!(slope(amount), 90);
        }
    }

    #[test]
    fn every_small_size_works() {
        for (width, height) in [(0, 0), (1, 1), (1, 7), (7, 1), (2, 2)] {
            let data = (0..width * height * 3).map(|i| (i * 97 % 256) as u8).collect();
            sharpen(&mut SrgbImage::new(width, height, data).unwrap(), 1.5);
        }
    }
}
