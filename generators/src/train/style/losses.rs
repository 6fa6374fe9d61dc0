//! What a painted picture is held to: what the photo shows, and the reference's statistics.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::backbone::{Backbone, EXPANDED_CHANNELS};
use crate::style::Moments;

/// How much each loss counts beside the content's 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Means and deviations of the reference's maps.
    pub style: f64,
    /// Codes of a photo that is painted like itself.
    pub itself: f64,
    /// Codes beyond black and white.
    pub range: f64,
}

/// Expanded maps that tell what a picture shows.
const CONTENT: [usize; 2] = [3, 5];

/// All expanded maps of pictures, in `f32`.
pub fn maps(backbone: &Backbone, codes: &Tensor) -> Vec<Tensor> {
    backbone.expanded(codes, EXPANDED_CHANNELS.len()).iter().map(|map| map.to_kind(Kind::Float)).collect()
}

/// Mean squared difference of maps, each channel brought to mean 0 and deviation 1: what a picture shows, without its style.
///
/// # Shapes
/// maps of `N` pictures each → a scalar.
pub fn content(made: &[Tensor], photo: &[Tensor]) -> Tensor {
    let standard = |map: &Tensor| {
        let own = Moments::of(map);
        (map - own.mean) / (own.deviation + 1e-3)
    };
    let off = CONTENT.map(|k| (standard(&made[k]) - standard(&photo[k])).square().mean(Kind::Float));
    off.iter().fold(Tensor::from(0.0_f32), |sum, off| sum + off) / CONTENT.len() as f64
}

/// Squared differences of means and deviations in units of the usual deviation, mean over channels and maps.
///
/// # Source
/// Huang and Belongie 2017, equation 13, with units.
///
/// # Shapes
/// maps of `N` pictures each, `usual` `[1, C, 1, 1]` each → a scalar.
pub fn style(made: &[Tensor], reference: &[Tensor], usual: &[Moments]) -> Tensor {
    let off = made.iter().zip(reference).zip(usual).map(|((made, reference), usual)| {
        let (one, two) = (Moments::of(made), Moments::of(reference));
        let unit = &usual.deviation;
        let mean = ((one.mean - two.mean) / unit).square().mean(Kind::Float);
        mean + ((one.deviation - two.deviation) / unit).square().mean(Kind::Float)
    });
    off.fold(Tensor::from(0.0_f32), |sum, off| sum + off) / made.len() as f64
}

/// Mean distance beyond 0 and 255, in units of 64 codes.
pub fn range(codes: &Tensor) -> Tensor {
    ((codes - 255.0).relu() + (-codes).relu()).mean(Kind::Float) / 64.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: i64, scale: f64, shift: f64) -> Tensor {
        let x = Tensor::arange(2 * 5 * 12 * 12, (Kind::Float, tch::Device::Cpu)).view([2, 5, 12, 12]);
        (x * 12.9898 + seed as f64).sin() * scale + shift
    }

    #[test]
    fn content_does_not_see_style_and_style_does_not_see_place() {
        let photo: Vec<Tensor> = (0..8).map(|k| noise(k, 1.0, 0.0)).collect();
        let graded: Vec<Tensor> = (0..8).map(|k| noise(k, 2.5, 3.0)).collect();
        let moved: Vec<Tensor> = photo.iter().map(|map| map.roll([5, 7], [2, 3])).collect();
        let usual: Vec<Moments> = photo.iter().map(|map| Moments::of(&map.narrow(0, 0, 1))).collect();
        let value = |t: Tensor| t.double_value(&[]);
        assert!(value(content(&graded, &photo)) < 1e-4);
        assert!(value(content(&moved, &photo)) > 0.5);
        assert!(value(style(&moved, &photo, &usual)) < 1e-8);
        assert!(value(style(&graded, &photo, &usual)) > 5.0);
    }

    #[test]
    fn codes_within_range_cost_nothing() {
        assert_eq!(range(&Tensor::from_slice(&[0.0_f32, 255.0, 100.0])).double_value(&[]), 0.0);
        assert_eq!(range(&Tensor::from_slice(&[-64.0_f32, 255.0 + 64.0])).double_value(&[]), 1.0);
    }
}
