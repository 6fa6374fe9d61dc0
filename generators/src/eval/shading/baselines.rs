//! Plain ways to tell shading from print, beside which ShadeNet is measured.

use pixels::color::linear_from_srgb8;
use pixels::{Mask, SrgbImage};

use crate::shading::view::{FLARE, SIDE, log_light};

/// A method without anything learnt, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Luminance over its median: all light, print and all.
    Luminance,
    /// Bilateral filter of log luminance.
    Bilateral {
        /// Reach in pixels of the small copy.
        reach_px: f32,
        /// Reach in log luminance.
        contrast: f32,
    },
    /// Colour Retinex: steps in chromaticity or large steps in luminance are taken for print, the rest is integrated.
    Retinex {
        /// Least step in chromaticity that is print.
        chroma: f32,
        /// Least step in log luminance that is print.
        light: f32,
    },
}

impl Baseline {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Luminance => "luminance over median",
            Self::Bilateral { .. } => "bilateral filter",
            Self::Retinex { .. } => "colour Retinex",
        }
    }

    /// The settings that are tried.
    pub fn candidates() -> [Vec<Self>; 3] {
        let grid = |one: &[f32], two: &[f32], make: &dyn Fn(f32, f32) -> Self| {
            one.iter().flat_map(|&a| two.iter().map(move |&b| (a, b))).map(|(a, b)| make(a, b)).collect::<Vec<_>>()
        };
        [
            vec![Self::Luminance],
            grid(&[3.0, 6.0, 12.0], &[0.2, 0.5, 1.5], &|reach_px, contrast| Self::Bilateral { reach_px, contrast }),
            grid(&[0.02, 0.05, 0.1], &[0.05, 0.1, 0.2, 0.4], &|chroma, light| Self::Retinex { chroma, light }),
        ]
    }

    /// Log shading of a small copy, up to a constant.
    pub fn log_shading(self, image: &SrgbImage, mask: &Mask) -> Vec<f32> {
        match self {
            Self::Luminance => log_light(image, mask),
            Self::Bilateral { reach_px, contrast } => bilateral(&log_light(image, mask), mask, reach_px, contrast),
            Self::Retinex { chroma, light } => retinex(image, mask, chroma, light),
        }
    }
}

/// # Source
/// Tomasi and Manduchi, "Bilateral filtering for gray and color images", 1998, inside the mask.
fn bilateral(light: &[f32], mask: &Mask, reach_px: f32, contrast: f32) -> Vec<f32> {
    let radius = (2.0 * reach_px).ceil() as isize;
    let side = SIDE as isize;
    let inside = |x: isize, y: isize| (0..side).contains(&x) && (0..side).contains(&y);
    let (space, range) = (-0.5 / (reach_px * reach_px), -0.5 / (contrast * contrast));
    (0..light.len())
        .map(|i| {
            if mask.data()[i] == 0 {
                return 0.0;
            }
            let (x, y) = (i as isize % side, i as isize / side);
            let (mut sum, mut weight) = (0.0, 0.0);
            for v in y - radius..=y + radius {
                for u in (x - radius..=x + radius).filter(|&u| inside(u, v)) {
                    let j = (v * side + u) as usize;
                    let apart = light[j] - light[i];
                    let distance = ((u - x).pow(2) + (v - y).pow(2)) as f32;
                    let w = f32::from(mask.data()[j]) * (space * distance + range * apart * apart).exp();
                    sum += w * light[j];
                    weight += w;
                }
            }
            sum / weight.max(1e-6)
        })
        .collect()
}

/// # Source
/// Grosse, Johnson, Adelson and Freeman, "Ground truth dataset and baseline evaluations for intrinsic image algorithms",
/// 2009, section 4 (COLOR-RET), with least squares inside the mask.
fn retinex(image: &SrgbImage, mask: &Mask, chroma: f32, light: f32) -> Vec<f32> {
    let logs: Vec<[f32; 3]> = image
        .data()
        .chunks_exact(3)
        .map(|rgb| [rgb[0], rgb[1], rgb[2]].map(|code| (linear_from_srgb8(code) + FLARE).ln()))
        .collect();
    let brightness = log_light(image, mask);
    let color = |i: usize| {
        let mean = logs[i].iter().sum::<f32>() / 3.0;
        logs[i].map(|v| v - mean)
    };
    let mut edges = Vec::new();
    for i in (0..SIDE * SIDE).filter(|&i| mask.data()[i] > 0) {
        let right = (i % SIDE + 1 < SIDE).then_some(i + 1);
        let below = (i + SIDE < SIDE * SIDE).then_some(i + SIDE);
        for j in [right, below].into_iter().flatten().filter(|&j| mask.data()[j] > 0) {
            let step = brightness[j] - brightness[i];
            let (one, two) = (color(i), color(j));
            let hue = (0..3).map(|c| (one[c] - two[c]).powi(2)).sum::<f32>().sqrt();
            let kept = if hue > chroma || step.abs() > light { 0.0 } else { step };
            edges.push((i, j, kept));
        }
    }
    integrated(&edges, SIDE * SIDE)
}

/// The values whose differences along the edges agree best with those given, by conjugate gradients.
fn integrated(edges: &[(usize, usize, f32)], n: usize) -> Vec<f32> {
    const STEPS: usize = 400;
    let laplace = |x: &[f32]| {
        let mut out = vec![0.0; n];
        for &(i, j, _) in edges {
            let step = x[j] - x[i];
            out[j] += step;
            out[i] -= step;
        }
        out
    };
    let mut residual = vec![0.0; n];
    for &(i, j, step) in edges {
        residual[j] += step;
        residual[i] -= step;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let mut x = vec![0.0; n];
    let mut direction = residual.clone();
    let mut square = dot(&residual, &residual);
    let first = square;
    for _ in 0..STEPS {
        if square <= 1e-8 * first {
            break;
        }
        let moved = laplace(&direction);
        let length = (square / dot(&direction, &moved).max(1e-30)) as f32;
        x.iter_mut().zip(&direction).for_each(|(x, d)| *x += length * d);
        residual.iter_mut().zip(&moved).for_each(|(r, m)| *r -= length * m);
        let next = dot(&residual, &residual);
        let turn = (next / square) as f32;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + turn * *d);
        square = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grey bands on a slow ramp of light.
    fn banded() -> (SrgbImage, Mask, Vec<f32>) {
        let side = SIDE as u32;
        let mut image = SrgbImage::filled(side, side, [0; 3]);
        let mut truth = Vec::new();
        for (i, rgb) in image.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (i % SIDE, i / SIDE);
            let light = 0.004 * x as f32;
            let albedo = if y / 16 % 2 == 0 { 0.2 } else { 0.5 };
            rgb.fill(pixels::color::srgb8_from_linear(albedo * light.exp()));
            truth.push(light);
        }
        (image, Mask::filled(side, side, 255), truth)
    }

    fn error(of: &[f32], truth: &[f32]) -> f32 {
        let mean = of.iter().zip(truth).map(|(a, b)| a - b).sum::<f32>() / of.len() as f32;
        (of.iter().zip(truth).map(|(a, b)| (a - b - mean).powi(2)).sum::<f32>() / of.len() as f32).sqrt()
    }

    #[test]
    fn retinex_takes_bands_for_print_and_a_ramp_for_light() {
        let (image, mask, truth) = banded();
        let all = error(&Baseline::Luminance.log_shading(&image, &mask), &truth);
        let retinex = Baseline::Retinex { chroma: 0.1, light: 0.3 }.log_shading(&image, &mask);
        assert!(all > 0.4 && error(&retinex, &truth) < 0.05, "{all} {}", error(&retinex, &truth));
    }

    #[test]
    fn a_wide_bilateral_filter_blurs_and_a_narrow_one_keeps_bands() {
        let (image, mask, truth) = banded();
        let of = |contrast| {
            let filter = Baseline::Bilateral { reach_px: 6.0, contrast };
            error(&filter.log_shading(&image, &mask), &truth)
        };
        assert!(of(0.1) > 0.4 && of(3.0) < 0.75 * of(0.1), "{} {}", of(0.1), of(3.0));
    }
}
