//! After how many pixels a swatch repeats itself, along each axis, by autocorrelation.

use rayon::prelude::*;

use super::Light;
use crate::color::srgb_code_from_linear;

/// A repeat shorter than this is weave, not print, in pixels.
const LEAST: usize = 7;
/// Longest repeat, as a share of the side: some of it must be seen twice.
const MOST: f32 = 0.62;
/// Correlation at which something repeats at all.
const REPEATS: f32 = 0.45;
/// The first peak that is this share of the best one is the repeat; later ones are its multiples.
const AS_GOOD: f32 = 0.9;
/// A peak must rise by this much out of the valley before it: weave ripples on a slow slope don't.
const RISE: f32 = 0.22;

/// A repeat along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    /// Its length in the swatch's pixels.
    pub px: f32,
    /// Correlation of the swatch with itself after one repeat, 0 to 1.
    pub strength: f32,
}

/// The repeat across and down, where there is one.
///
/// # Source
/// Autocorrelation, normalised over the overlap; the last multiple that fits tells the length to a fraction of a pixel.
pub(crate) fn periods(light: &Light) -> [Option<Period>; 2] {
    let codes =
        |light: &Light| light.rgb.iter().map(|p| p.map(|v| srgb_code_from_linear(v) / 255.0)).collect::<Vec<_>>();
    let across = along(&codes(light), light.width, light.height);
    let turned = light.transposed();
    [across, along(&codes(&turned), turned.width, turned.height)]
}

/// The repeat of a picture across and down, in its own pixels.
pub fn find_period(image: &crate::SrgbImage) -> [Option<Period>; 2] {
    periods(&Light::of(image))
}

/// Correlation by lag along the rows.
fn along(values: &[[f32; 3]], width: usize, height: usize) -> Option<Period> {
    let most = (width as f32 * MOST) as usize;
    if most <= LEAST + 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().fold([0.0_f64; 3], |sum, p| [0, 1, 2].map(|c| sum[c] + f64::from(p[c]) / n));
    let centred: Vec<[f32; 3]> = values.iter().map(|p| [0, 1, 2].map(|c| p[c] - mean[c] as f32)).collect();
    let correlation = |lag: usize| {
        let (mut product, mut left, mut right) = (0.0_f64, 0.0_f64, 0.0_f64);
        for row in centred.chunks_exact(width).take(height) {
            let (mut p, mut l, mut r) = (0.0_f32, 0.0_f32, 0.0_f32);
            for (a, b) in row.iter().zip(&row[lag..]) {
                for c in 0..3 {
                    p += a[c] * b[c];
                    l += a[c] * a[c];
                    r += b[c] * b[c];
                }
            }
            product += f64::from(p);
            left += f64::from(l);
            right += f64::from(r);
        }
        (product / (left * right).sqrt().max(1e-9)) as f32
    };
    let curve: Vec<f32> = (0..=most).into_par_iter().map(correlation).collect();
    let peaks = peaks(&curve);
    let best = peaks.iter().map(|&lag| curve[lag]).fold(0.0, f32::max);
    let first = *peaks.iter().find(|&&lag| curve[lag] >= REPEATS.max(AS_GOOD * best))?;
    let mut px = vertex(&curve, first);
    for multiple in 2.. {
        let expected = (px * multiple as f32).round() as usize;
        let slack = (first / 6).clamp(1, 4);
        if expected + slack + 1 > most {
            break;
        }
        let near = expected - slack..=expected + slack;
        let Some(at) = near.max_by(|&i, &j| curve[i].total_cmp(&curve[j])) else { break };
        if curve[at] < REPEATS {
            break;
        }
        px = vertex(&curve, at) / multiple as f32;
    }
    Some(Period { px, strength: curve[first].clamp(0.0, 1.0) })
}

/// Lags at which the curve peaks, each risen out of the lowest point before it.
fn peaks(curve: &[f32]) -> Vec<usize> {
    let mut valley = f32::INFINITY;
    let mut found = Vec::new();
    for lag in 1..curve.len() - 1 {
        valley = valley.min(curve[lag]);
        let top = curve[lag] >= curve[lag - 1] && curve[lag] > curve[lag + 1];
        if top && lag >= LEAST && curve[lag] - valley >= RISE {
            found.push(lag);
        }
    }
    found
}

/// The top of the parabola through a peak and its neighbours.
fn vertex(curve: &[f32], at: usize) -> f32 {
    let (Some(&before), Some(&after)) = (at.checked_sub(1).and_then(|i| curve.get(i)), curve.get(at + 1)) else {
        return at as f32;
    };
    let bend = before - 2.0 * curve[at] + after;
    if bend >= -1e-9 { at as f32 } else { at as f32 + (0.5 * (before - after) / bend).clamp(-0.5, 0.5) }
}
