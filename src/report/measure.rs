//! The colour that a file really has: the median, or of a print the mean, over the core's pixels of the decoded picture.

use pixels::SrgbImage;
use pixels::color::{Lab, labs_from_srgb8, linear_from_srgb8};
use pixels::garment_stats::median_lab;

/// Median Lab, per coordinate, of the pixels with these row-major indices. `None` when none of them is in the picture.
pub fn median_at(image: &SrgbImage, indices: &[usize]) -> Option<Lab> {
    let (pixels, _) = image.data().as_chunks::<3>();
    let codes: Vec<[u8; 3]> = indices.iter().filter_map(|&i| pixels.get(i).copied()).collect();
    (!codes.is_empty()).then(|| median_lab(&labs_from_srgb8(&codes)))
}

/// Lab of the mean light of the pixels with these row-major indices. `None` when none of them is in the picture.
pub fn mean_at(image: &SrgbImage, indices: &[usize]) -> Option<Lab> {
    let mut sums = [0.0_f64; 3];
    let mut count = 0_usize;
    for rgb in indices.iter().filter_map(|&i| image.data().get(3 * i..3 * i + 3)) {
        count += 1;
        sums.iter_mut().zip(rgb).for_each(|(sum, &code)| *sum += f64::from(linear_from_srgb8(code)));
    }
    (count > 0).then(|| Lab::from_linear(sums.map(|sum| (sum / count as f64) as f32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::delta_e00;

    #[test]
    fn the_named_pixels_are_measured_and_the_rest_is_not() {
        let mut image = SrgbImage::filled(40, 40, [255, 255, 255]);
        for i in 100..300 {
            image.data_mut()[i * 3..i * 3 + 3].copy_from_slice(&[138, 21, 56]);
        }
        let measured = median_at(&image, &(100..300).collect::<Vec<_>>()).unwrap();
        assert!(delta_e00(measured, Lab::from_srgb8([138, 21, 56])) < 0.01);
        assert!(median_at(&image, &[9999]).is_none());
        // Half black and half white is half the light, whose sRGB code is 187.5.
        let halves = SrgbImage::new(2, 1, vec![0, 0, 0, 255, 255, 255]).unwrap();
        let mean = mean_at(&halves, &[0, 1]).unwrap();
        assert!(delta_e00(mean, Lab::from_srgb8([188; 3])) < 0.3);
        assert!(mean_at(&halves, &[]).is_none());
    }
}
