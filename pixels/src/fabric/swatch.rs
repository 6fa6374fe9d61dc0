//! What comes before a tile: refusing swatches that are none, and taking the photographer's lamp out of the others.

use super::Light;
use super::period::{Period, periods};
use crate::{Error, Result, SrgbImage};

/// Shortest side of a swatch, in pixels.
pub(super) const LEAST_PX: u32 = 32;
/// Longest side that is worked on; larger swatches are reduced.
pub(super) const MOST_PX: u32 = 1024;
/// Every so many-th pixel in each direction takes part in fitting the light.
const STRIDE: usize = 3;
/// Rounds in which the print and the light on it are told apart.
const ROUNDS: usize = 4;
/// Bins of a repeat, per axis.
const BINS: usize = 64;
/// Least light, so that logarithms stay finite.
const LEAST_LIGHT: f64 = 1e-3;
/// A swatch that a tile can be made of.
pub(super) struct Prepared {
    /// Linear light, evenly lit.
    pub light: Light,
    /// By how much it was reduced.
    pub scale: f32,
    /// Its repeat across and down, in pixels of `light`.
    pub periods: [Option<Period>; 2],
}

/// Reads the repeats of a swatch, then takes its lamp out; `repeat_px` is the repeat asked for instead.
///
/// # Errors
/// [`Error::Swatch`] when it is too small or a needle.
pub(super) fn prepared(image: &SrgbImage, repeat_px: Option<(f32, f32)>) -> Result<Prepared> {
    let (width, height) = (image.width_px(), image.height_px());
    if width.min(height) < LEAST_PX {
        return Err(Error::Swatch {
            reason: format!("it has {width}×{height} px; give one of at least {LEAST_PX} px on its shorter side"),
        });
    }
    let longest = width.max(height);
    if longest > 16 * width.min(height) {
        return Err(Error::Swatch {
            reason: format!(
                "it is a strip of {width}×{height} px; give a piece that is less than 16 times as long as wide"
            ),
        });
    }
    let scale = (f64::from(MOST_PX) / f64::from(longest)).min(1.0);
    let side = |n: u32| ((f64::from(n) * scale).round() as u32).max(LEAST_PX);
    let light = if longest <= MOST_PX {
        Light::of(image)
    } else {
        Light::of(&crate::resize_linear(image, side(width), side(height))?)
    };
    let scale = scale as f32;
    let periods = match repeat_px {
        None => periods(&light),
        Some((x, y)) => [asked(x * scale, light.width)?, asked(y * scale, light.height)?].map(Some),
    };
    Ok(Prepared { light: evenly_lit(light, &periods), scale, periods })
}

fn asked(px: f32, side: usize) -> Result<Period> {
    if !px.is_finite() || px < 4.0 || px > side as f32 {
        return Err(Error::Swatch {
            reason: format!(
                "a repeat of {px:.0} px does not fit its {side} px; a repeat is at least 4 px and at most the swatch"
            ),
        });
    }
    Ok(Period { px, strength: 1.0 })
}

/// Divides by a smooth light, a quadratic over the swatch: a lamp to one side, a vignette. Motifs are too small to bend it,
/// and what repeats is told from it by its repeat.
fn evenly_lit(mut light: Light, periods: &[Option<Period>; 2]) -> Light {
    let (w, h) = (light.width, light.height);
    let terms = |x: usize, y: usize| {
        let (u, v) = (2.0 * x as f64 / w as f64 - 1.0, 2.0 * y as f64 / h as f64 - 1.0);
        [1.0, u, v, u * u, u * v, v * v]
    };
    let log = |p: [f32; 3]| f64::from(0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]).max(LEAST_LIGHT).ln();
    let bin = |at: usize, period: Option<Period>| {
        period.map_or(0, |p| ((at as f32 / p.px).fract() * BINS as f32) as usize % BINS)
    };
    let samples: Vec<([f64; 6], f64, usize)> = (0..h)
        .step_by(STRIDE)
        .flat_map(|y| (0..w).step_by(STRIDE).map(move |x| (x, y)))
        .map(|(x, y)| (terms(x, y), log(light.rgb[y * w + x]), bin(y, periods[1]) * BINS + bin(x, periods[0])))
        .collect();
    let value = |fit: &[f64; 6], t: &[f64; 6]| fit.iter().zip(t).map(|(a, b)| a * b).sum::<f64>();
    let mut fit = [0.0; 6];
    let mut print = vec![0.0; BINS * BINS];
    for _ in 0..ROUNDS {
        // Means and no medians: of two colours that share a cloth evenly, a median takes now one and now the other.
        let (mut matrix, mut right) = ([[0.0; 6]; 6], [0.0; 6]);
        for (t, log, bin) in &samples {
            for i in 0..6 {
                right[i] += t[i] * (log - print[*bin]);
                for j in 0..6 {
                    matrix[i][j] += t[i] * t[j];
                }
            }
        }
        let Some(next) = solved(matrix, right) else { return light };
        fit = next;
        if *periods == [None, None] {
            break;
        }
        let mut sums = vec![(0.0, 0.0); print.len()];
        for (t, log, bin) in &samples {
            sums[*bin] = (sums[*bin].0 + log - value(&fit, t), sums[*bin].1 + 1.0);
        }
        print = sums.into_iter().map(|(sum, n): (f64, f64)| sum / n.max(1.0)).collect();
    }
    let mean = samples.iter().map(|(t, ..)| value(&fit, t)).sum::<f64>() / samples.len().max(1) as f64;
    for (i, pixel) in light.rgb.iter_mut().enumerate() {
        let gain = (mean - value(&fit, &terms(i % w, i / w))).clamp(-0.7, 0.7).exp() as f32;
        *pixel = pixel.map(|v| v * gain);
    }
    light
}

/// Gauss elimination with the largest pivot; `None` when the system is singular.
fn solved(mut matrix: [[f64; 6]; 6], mut right: [f64; 6]) -> Option<[f64; 6]> {
    for k in 0..6 {
        let pivot = (k..6).max_by(|&i, &j| matrix[i][k].abs().total_cmp(&matrix[j][k].abs()))?;
        if matrix[pivot][k].abs() < 1e-9 {
            return None;
        }
        matrix.swap(k, pivot);
        right.swap(k, pivot);
        for i in k + 1..6 {
            let factor = matrix[i][k] / matrix[k][k];
            let above = matrix[k];
            matrix[i].iter_mut().zip(above).for_each(|(value, above)| *value -= factor * above);
            right[i] -= factor * right[k];
        }
    }
    let mut x = [0.0; 6];
    for k in (0..6).rev() {
        let known: f64 = (k + 1..6).map(|j| matrix[k][j] * x[j]).sum();
        x[k] = (right[k] - known) / matrix[k][k];
    }
    Some(x)
}

/// Root mean square of what lies around the mean colour: 0 for a flat colour.
pub(super) fn contrast(light: &Light) -> f32 {
    let n = light.rgb.len().max(1) as f32;
    let mean = light.rgb.iter().fold([0.0; 3], |sum, p| [0, 1, 2].map(|c| sum[c] + p[c] / n));
    let off = |p: &[f32; 3]| (0..3).map(|c| (p[c] - mean[c]).powi(2)).sum::<f32>();
    (light.rgb.iter().map(off).sum::<f32>() / (3.0 * n)).sqrt()
}
