//! A judge of whole garments: a linear classifier on features of a network that was trained on something else, for what no
//! crop shows, such as folds that run over a garment.

use pixels::garment_frame::GarmentFrame;
use pixels::{Mask, SrgbImage};
use tch::{Kind, Tensor};

use super::Told;
use crate::backbone::Backbone;
use crate::shading::view::crop;
use crate::{Result, judge, seam};

/// Steps of gradient descent over all pictures.
const STEPS: usize = 300;
/// Rate of them.
const RATE: f64 = 0.5;
/// Weight of the squared length of the classifier; features are standardised and divided by the root of their number.
const RIDGE: f64 = 0.02;
/// What stands around a garment.
const AROUND: [u8; 3] = [128; 3];
/// Margin around a garment, as a share of its longer side.
const MARGIN: f32 = 0.04;

/// A garment before a grey ground, as the judge's features; none of an empty mask.
///
/// # Errors
/// When the picture and the mask differ in size, or libtorch refuses.
pub fn features(network: &Backbone, picture: &SrgbImage, mask: &Mask) -> Result<Option<Vec<f32>>> {
    let Some(frame) = GarmentFrame::around(mask, MARGIN) else { return Ok(None) };
    mask.check_size(picture.width_px(), picture.height_px())?;
    let mut alone = picture.clone();
    for (rgb, &alpha) in alone.data_mut().chunks_exact_mut(3).zip(mask.data()) {
        if alpha < 250 {
            rgb.copy_from_slice(&AROUND);
        }
    }
    let row = judge::embed(network, &[&crop(&alone, frame)?])?;
    Ok(Some(seam::floats_of(&row)?))
}

/// A picture's features, its class and its group.
pub struct Seen<'a> {
    /// What [`features`] gave.
    pub features: &'a [f32],
    /// Whether it was made (or of the second class).
    pub second: bool,
    /// Pictures that must be judged together; even ones are one half.
    pub group: usize,
}

/// Trains on one half, asks about the other, and the other way round.
///
/// # Errors
/// When libtorch refuses.
pub fn judged(seen: &[Seen]) -> Result<Told> {
    let mut told = Told::new();
    for half in 0..2 {
        let (train, test): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|one| one.group % 2 == half);
        if train.is_empty() || test.is_empty() {
            continue;
        }
        let matrix = |of: &[&Seen]| -> Result<Tensor> {
            let values: Vec<f32> = of.iter().flat_map(|one| one.features.iter().copied()).collect();
            Ok(Tensor::from_slice(&values).f_view([of.len() as i64, -1])?)
        };
        let (known, asked) = (matrix(&train)?, matrix(&test)?);
        let over = [0_i64];
        let mean = known.mean_dim(over.as_slice(), true, Kind::Float);
        let spread = known.std_dim(over.as_slice(), false, true).clamp_min(1e-3);
        let length = (known.size()[1] as f64).sqrt();
        let standard = |rows: &Tensor| ((rows - &mean) / &spread).clamp(-4.0, 4.0) / length;
        let (known, asked) = (standard(&known), standard(&asked));
        let classes: Vec<f32> = train.iter().map(|one| f32::from(u8::from(one.second))).collect();
        let classes = Tensor::from_slice(&classes);
        let mut weights = Tensor::zeros([known.size()[1]], (Kind::Float, tch::Device::Cpu));
        let mut bias = Tensor::zeros([1], (Kind::Float, tch::Device::Cpu));
        let n = train.len() as f64;
        for _ in 0..STEPS {
            // The gradient of the mean cross-entropy, written out.
            let off = ((known.matmul(&weights) + &bias).sigmoid() - &classes) / n;
            let gradient = known.tr().matmul(&off) + &weights * RIDGE;
            weights -= gradient * (RATE * length);
            bias -= off.sum(Kind::Float) * RATE;
        }
        let scores = seam::floats_of(&(asked.matmul(&weights) + &bias))?;
        for (one, score) in test.iter().zip(scores) {
            told.entry(one.group).or_default().push(f64::from(u8::from((score > 0.0) == one.second)));
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    fn accuracy(apart: f32) -> f64 {
        let mut stream = Stream::new(4, "whole", 0);
        let rows: Vec<Vec<f32>> = (0..400)
            .map(|i| {
                let shift = if i % 2 == 0 { apart } else { 0.0 };
                (0..40).map(|k| stream.normal() + if k < 4 { shift } else { 0.0 }).collect()
            })
            .collect();
        let seen: Vec<Seen> =
            rows.iter().enumerate().map(|(i, features)| Seen { features, second: i % 2 == 0, group: i / 2 }).collect();
        let told = judged(&seen).unwrap();
        let rights: Vec<f64> = told.into_values().flatten().collect();
        assert_eq!(rights.len(), 400);
        rights.iter().sum::<f64>() / 400.0
    }

    #[test]
    fn what_differs_is_told_and_what_does_not_is_not() {
        let (apart, same) = (accuracy(2.0), accuracy(0.0));
        assert!(apart > 0.9, "{apart}");
        assert!((same - 0.5).abs() < 0.1, "{same}");
    }
}
