//! Masks of flat-lay photos by the colours of the photo's border, where these tell the article apart beyond doubt.
//!
//! A photo of one article on an even floor, bed or wall needs no network: what is unlike the border is the article.
//! Photos on patterned ground, or whose article runs off the frame, are refused; about six in ten phone photos pass.

use pixels::color::LabImage;
use pixels::{Mask, SrgbImage};

use super::cutout::{dilate, erode};
use crate::components::components;

/// Shadows change lightness and hardly colour, so lightness counts less.
const LIGHTNESS_WEIGHT: f32 = 0.6;
/// Width of the border, as a share of the shorter side.
const BAND: f32 = 0.05;
/// Border colours looked for; those of fewer than `MIN_SHARE` of the border's pixels are strays.
const COLORS: usize = 4;
const MIN_SHARE: f32 = 0.08;
/// A border less even than this (90th percentile of the distance to its own colours) tells nothing apart.
const MAX_UNEVENNESS: f32 = 9.0;
/// Coverage that the mask of one article can have.
const COVERAGE: std::ops::Range<f32> = 0.10..0.75;
/// Largest share of the border that the article may touch.
const MAX_TOUCH: f32 = 0.12;
/// Smallest share of the filled mask that is unlike the border itself.
const MIN_FILL: f32 = 0.75;
/// The article's median distance from the border colours, in thresholds.
const MIN_CONTRAST: f32 = 1.8;

/// Enclosed pieces in the border's colour that are larger than this share of the photo may be gaps, such as between arm and body.
const GAP: f32 = 1.0 / 1500.0;

/// The article's mask: 255 inside, 0 outside, 128 along the outline, which is not known to the pixel, and where a gap may be.
pub fn mask(photo: &SrgbImage) -> Option<Mask> {
    let (w, h) = (photo.width_px() as usize, photo.height_px() as usize);
    let band_px = ((w.min(h) as f32 * BAND) as usize).max(3);
    if w < 4 * band_px || h < 4 * band_px {
        return None;
    }
    let colors = smoothed(&LabImage::from_srgb(photo), w, h);
    let in_band = |i: usize| {
        let (x, y) = (i % w, i / w);
        x < band_px || y < band_px || x >= w - band_px || y >= h - band_px
    };
    let band: Vec<usize> = (0..w * h).filter(|&i| in_band(i)).collect();
    let border = border_colors(&band.iter().map(|&i| colors[i]).collect::<Vec<_>>());
    let distance: Vec<f32> =
        colors.iter().map(|&c| border.iter().map(|&b| square(c, b)).fold(f32::MAX, f32::min).sqrt()).collect();
    let unevenness = percentile(band.iter().map(|&i| distance[i]), 0.9);
    let threshold = (unevenness + 3.0).max(7.0);
    let unlike: Vec<bool> = distance.iter().map(|&d| d > threshold).collect();
    let mut inside = dilate(&erode(&unlike, w, h), w, h);
    for step in [dilate, dilate, dilate, erode, erode, erode] {
        inside = step(&inside, w, h);
    }
    let inside = filled(&main_parts(&inside, w, h), w, h);

    let area = inside.iter().filter(|&&i| i).count() as f32;
    let touch = band.iter().filter(|&&i| inside[i]).count() as f32 / band.len() as f32;
    let really = (0..w * h).filter(|&i| inside[i] && unlike[i]).count() as f32;
    let contrast = percentile((0..w * h).filter(|&i| inside[i]).map(|i| distance[i]), 0.5) / threshold;
    let sure = COVERAGE.contains(&(area / (w * h) as f32))
        && touch < MAX_TOUCH
        && unevenness < MAX_UNEVENNESS
        && really > MIN_FILL * area
        && contrast > MIN_CONTRAST;
    if !sure {
        return None;
    }
    let core = erode(&erode(&inside, w, h), w, h);
    let around = dilate(&inside, w, h);
    let mut alpha: Vec<u8> = (0..w * h).map(|i| if core[i] { 255 } else { 128 * u8::from(around[i]) }).collect();
    for gap in components(w, h, |i| inside[i] && !unlike[i]) {
        if gap.len() as f32 > GAP * (w * h) as f32 {
            gap.into_iter().for_each(|i| alpha[i] = 128);
        }
    }
    Mask::new(photo.width_px(), photo.height_px(), alpha).ok()
}

fn square(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum()
}

/// Mean over 3×3, lightness weighted, edges repeated.
fn smoothed(lab: &LabImage, w: usize, h: usize) -> Vec<[f32; 3]> {
    let mean = |i: usize| {
        let (x, y) = (i % w, i / w);
        let mut sum = [0.0; 3];
        for dy in 0..3 {
            for dx in 0..3 {
                let near = (y + dy).saturating_sub(1).min(h - 1) * w + (x + dx).saturating_sub(1).min(w - 1);
                let c = lab.at(near);
                sum = [sum[0] + c.l * LIGHTNESS_WEIGHT, sum[1] + c.a, sum[2] + c.b];
            }
        }
        sum.map(|v| v / 9.0)
    };
    (0..w * h).map(mean).collect()
}

/// Up to [`COLORS`] colours of the border by k-means, strays left out.
fn border_colors(band: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mut centers: Vec<[f32; 3]> = (0..COLORS).map(|k| band[(2 * k + 1) * band.len() / (2 * COLORS)]).collect();
    let mut counts = [0; COLORS];
    for _ in 0..10 {
        let mut sums = [[0.0_f32; 3]; COLORS];
        counts = [0; COLORS];
        for &color in band {
            let nearest = (0..COLORS).min_by(|&a, &b| square(color, centers[a]).total_cmp(&square(color, centers[b])));
            let k = nearest.unwrap_or(0);
            counts[k] += 1;
            (0..3).for_each(|i| sums[k][i] += color[i]);
        }
        for k in (0..COLORS).filter(|&k| counts[k] > 0) {
            centers[k] = sums[k].map(|v| v / counts[k] as f32);
        }
    }
    let needed = (MIN_SHARE * band.len() as f32) as usize;
    (0..COLORS).filter(|&k| counts[k] > needed).map(|k| centers[k]).collect()
}

fn percentile(values: impl Iterator<Item = f32>, share: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    pixels::garment_stats::percentile(&mut values, share)
}

/// The largest component and those at least a quarter of it: a pair of shoes is two.
fn main_parts(inside: &[bool], w: usize, h: usize) -> Vec<bool> {
    let parts = components(w, h, |i| inside[i]);
    let largest = parts.iter().map(Vec::len).max().unwrap_or(0);
    let mut kept = vec![false; w * h];
    for &i in parts.iter().filter(|part| part.len() * 4 > largest).flatten() {
        kept[i] = true;
    }
    kept
}

/// The same with holes filled: what cannot reach the frame is inside.
fn filled(inside: &[bool], w: usize, h: usize) -> Vec<bool> {
    let mut out = inside.to_vec();
    for hole in components(w, h, |i| !inside[i]) {
        let reaches = hole.iter().any(|&i| i % w == 0 || i % w == w - 1 || i < w || i >= w * (h - 1));
        if !reaches {
            hole.iter().for_each(|&i| out[i] = true);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(paint: impl Fn(usize, usize) -> [u8; 3]) -> SrgbImage {
        SrgbImage::new(80, 60, (0..60 * 80).flat_map(|i| paint(i % 80, i / 80)).collect()).unwrap()
    }

    #[test]
    fn a_garment_on_an_even_floor_is_found_to_two_pixels() {
        let square = |x: usize, y: usize| (20..60).contains(&x) && (15..45).contains(&y);
        let found =
            mask(&photo(|x, y| if square(x, y) { [30, 40, 120] } else { [200, 180, 150 + (x % 3) as u8] })).unwrap();
        for i in 0..80 * 60 {
            let (x, y) = (i % 80, i / 80);
            match found.data()[i] {
                255 => assert!(square(x, y)),
                0 => assert!(!square(x, y)),
                _ => assert!(x.abs_diff(20).min(x.abs_diff(60)) <= 3 || y.abs_diff(15).min(y.abs_diff(45)) <= 3),
            }
        }
    }

    #[test]
    fn a_patch_in_the_floors_colour_may_be_a_gap_and_a_speck_of_it_is_print() {
        let cloth = |x: usize, y: usize| (20..60).contains(&x) && (15..45).contains(&y);
        let patch = |x: usize, y: usize| (35..43).contains(&x) && (25..33).contains(&y);
        let found = mask(&photo(|x, y| {
            if cloth(x, y) && !patch(x, y) && (x, y) != (28, 38) {
                [30, 40, 120]
            } else {
                [200, 180, 150 + (x % 3) as u8]
            }
        }))
        .unwrap();
        let at = |x: usize, y: usize| found.data()[y * 80 + x];
        assert_eq!((at(39, 29), at(28, 38), at(30, 20)), (128, 255, 255));
    }

    #[test]
    fn patterned_ground_and_cropped_garments_are_refused() {
        assert!(
            mask(&photo(|x, y| if (x / 5 + y / 5) % 2 == 0 { [250; 3] } else { [(x * 3) as u8, 0, y as u8] }))
                .is_none()
        );
        assert!(mask(&photo(|_, y| if y > 20 { [30, 40, 120] } else { [200; 3] })).is_none());
    }
}
