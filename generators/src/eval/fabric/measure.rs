//! What is measured on one finished garment.

use pixels::fabric::{Placing, Restyle, Restyled, Tile, find_period};
use pixels::{Mask, SrgbImage};

use crate::Result;

/// Side of a patch, in pixels.
const PATCH: usize = 32;
/// Standard deviation of the light's logarithm up to which a patch is flat.
const FLAT: f32 = 0.05;
/// Standard deviation of the tile's brightness, in codes, from which a patch has something to compare.
const TELLING: f32 = 4.0;

/// A square of pixels: column, row and side.
pub type Square = (usize, usize, usize);

/// The largest square that is wholly of the garment; `None` when it is shorter than `least`.
pub fn largest_square(mask: &Mask, least: usize) -> Option<Square> {
    let width = mask.width_px() as usize;
    let mut sides = vec![0_usize; mask.data().len()];
    let mut best = (0, 0, 0);
    for i in 0..sides.len() {
        if mask.data()[i] < 250 {
            continue;
        }
        let (x, y) = (i % width, i / width);
        let before = if x > 0 && y > 0 { sides[i - 1].min(sides[i - width]).min(sides[i - width - 1]) } else { 0 };
        sides[i] = before + 1;
        if sides[i] > best.2 {
            best = (x + 1 - sides[i], y + 1 - sides[i], sides[i]);
        }
    }
    (best.2 >= least).then_some(best)
}

/// Bytes that differ where alpha is 0.
pub fn changed_outside(photo: &SrgbImage, made: &SrgbImage, mask: &Mask) -> usize {
    let pairs = photo.data().chunks_exact(3).zip(made.data().chunks_exact(3)).zip(mask.data());
    let differ = |(one, other): (&[u8], &[u8])| one.iter().zip(other).filter(|(a, b)| a != b).count();
    pairs.filter(|(_, alpha)| **alpha == 0).map(|(pair, _)| differ(pair)).sum()
}

/// The picture inside a square.
pub fn cut(image: &SrgbImage, (x, y, side): Square) -> Result<SrgbImage> {
    let width = image.width_px() as usize;
    let rows = (y..y + side).flat_map(|row| image.data()[3 * (row * width + x)..][..3 * side].iter().copied());
    Ok(SrgbImage::new(side as u32, side as u32, rows.collect())?)
}

fn brightness(image: &SrgbImage, i: usize) -> f32 {
    let rgb = &image.data()[3 * i..3 * i + 3];
    0.2126 * f32::from(rgb[0]) + 0.7152 * f32::from(rgb[1]) + 0.0722 * f32::from(rgb[2])
}

/// Correlation of each flat, telling patch of the square with the tile, read where the warp says that the patch lies.
pub fn patches(
    restyle: &Restyle,
    tile: &Tile,
    placing: &Placing,
    made: &SrgbImage,
    (x, y, side): Square,
) -> Result<Vec<f64>> {
    let (picture, width) = (tile.to_srgb(), made.width_px() as usize);
    let places: Vec<Vec<(f32, f32)>> = restyle.swatch_places(tile, placing, y..y + side)?;
    let mut found = Vec::new();
    for top in (0..=side - PATCH).step_by(PATCH) {
        for left in (0..=side - PATCH).step_by(PATCH) {
            let inside = || (top..top + PATCH).flat_map(move |v| (left..left + PATCH).map(move |u| (u, v)));
            let light: Vec<f32> =
                inside().map(|(u, v)| restyle.shading().values[(y + v) * width + x + u].max(1e-3).ln()).collect();
            if deviation(&light) > FLAT {
                continue;
            }
            let expected: Vec<f32> = inside().map(|(u, v)| average(&picture, &places, (x + u, v))).collect();
            if deviation(&expected) < TELLING {
                continue;
            }
            let seen: Vec<f32> = inside().map(|(u, v)| brightness(made, (y + v) * width + x + u)).collect();
            found.push(correlation(&seen, &expected));
        }
    }
    Ok(found)
}

/// The tile's brightness averaged over what a pixel covers of it.
fn average(tile: &SrgbImage, places: &[Vec<(f32, f32)>], (x, row): (usize, usize)) -> f32 {
    let (w, h) = (tile.width_px() as usize, tile.height_px() as usize);
    let (at, right) = (places[row][x], places[row][(x + 1).min(places[row].len() - 1)]);
    let reach = (right.0 - at.0).hypot(right.1 - at.1).max(1e-3);
    let steps = (reach.ceil() as usize).clamp(1, 12);
    let mut sum = 0.0;
    for j in 0..steps {
        for i in 0..steps {
            let offset = |k: usize| ((k as f32 + 0.5) / steps as f32 - 0.5) * reach;
            sum += bilinear(tile, (w, h), (at.0 + offset(i), at.1 + offset(j)));
        }
    }
    sum / (steps * steps) as f32
}

fn bilinear(tile: &SrgbImage, (w, h): (usize, usize), (u, v): (f32, f32)) -> f32 {
    let ((x, fx), (y, fy)) = ((u.floor(), u - u.floor()), (v.floor(), v - v.floor()));
    let at = |dx: i64, dy: i64| {
        let column = (x as i64 + dx).rem_euclid(w as i64) as usize;
        let row = (y as i64 + dy).rem_euclid(h as i64) as usize;
        brightness(tile, row * w + column)
    };
    let (top, bottom) = (at(0, 0) + (at(1, 0) - at(0, 0)) * fx, at(0, 1) + (at(1, 1) - at(0, 1)) * fx);
    top + (bottom - top) * fy
}

fn deviation(values: &[f32]) -> f32 {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt()
}

fn correlation(one: &[f32], other: &[f32]) -> f64 {
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64;
    let (a, b) = (mean(one), mean(other));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&x, &y) in one.iter().zip(other) {
        let (x, y) = (f64::from(x) - a, f64::from(y) - b);
        (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
    }
    ab / (aa * bb).sqrt().max(1e-9)
}

/// Relative errors of the repeats that are found again in the square, across and down, where the swatch has any that the
/// square holds more than twice and that pixels can show.
pub fn repeat_errors(made: &Restyled, truth: [f32; 2], tile: &Tile, square: Square) -> Result<Vec<f64>> {
    let wanted = truth.map(|repeat| repeat * made.scale);
    let shown = |repeat: f32| repeat >= 8.0 && repeat * 2.2 <= square.2 as f32;
    if !wanted.iter().any(|&repeat| shown(repeat)) || tile.periods == [None, None] {
        return Ok(Vec::new());
    }
    let found = find_period(&cut(&made.image, square)?);
    let pairs = wanted.into_iter().zip(found).filter(|(wanted, _)| shown(*wanted));
    Ok(pairs.map(|(wanted, found)| found.map_or(1.0, |p| f64::from((p.px - wanted).abs() / wanted))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_square_lies_inside_the_mask() {
        let alpha = |i: usize| if (2..7).contains(&(i % 10)) && (1..9).contains(&(i / 10)) { 255 } else { 0 };
        let mask = Mask::new(10, 10, (0..100).map(alpha).collect()).unwrap();
        assert_eq!(largest_square(&mask, 3).map(|(x, _, side)| (x, side)), Some((2, 5)));
        assert_eq!(largest_square(&mask, 6), None);
    }

    #[test]
    fn correlation_ignores_gain_and_offset() {
        let one: Vec<f32> = (0..50).map(|i| ((i * 7) % 11) as f32).collect();
        let other: Vec<f32> = one.iter().map(|v| 3.0 * v + 20.0).collect();
        assert!((correlation(&one, &other) - 1.0).abs() < 1e-6);
    }
}
