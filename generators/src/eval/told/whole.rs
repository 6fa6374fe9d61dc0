//! A judge of whole garments: a linear classifier on features of a network that was trained on something else, for what no
//! crop shows, such as folds that run over a garment.

use pixels::{Mask, SrgbImage};
use tch::Tensor;

use super::Told;
use crate::backbone::Backbone;
use crate::pattern::alone;
use crate::train::logistic::Logistic;
use crate::{Result, judge, seam};

/// Weight of the squared length of the classifier.
const RIDGE: f64 = 0.02;

/// A garment before a grey ground, as the judge's features; none of an empty mask.
///
/// # Errors
/// When the picture and the mask differ in size, or libtorch refuses.
pub fn features(network: &Backbone, picture: &SrgbImage, mask: &Mask) -> Result<Option<Vec<f32>>> {
    let Some(alone) = alone(picture, mask)? else { return Ok(None) };
    let row = judge::embed(network, &[&alone])?;
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
        let classes: Vec<f32> = train.iter().map(|one| f32::from(u8::from(one.second))).collect();
        let importance = vec![1.0 / train.len() as f32; train.len()];
        let (classes, importance) = (Tensor::from_slice(&classes), Tensor::from_slice(&importance));
        let scores = seam::floats_of(&Logistic::fit(&known, &classes, &importance, RIDGE).scores(&asked))?;
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
