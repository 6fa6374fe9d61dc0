//! The judge: a small convolutional classifier, trained from nothing on one half of the products and asked about the other.
//!
//! # Source
//! Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017.

use tch::{Kind, Tensor};

use super::crops::{COVER, PLANES, Set};
use crate::Result;
use crate::layers::{Conv, ConvShape, Linear};
use crate::params::{Builder, Init, Params};
use crate::stream::Stream;
use crate::train::optim::{Adam, AdamConfig, cosine_with_warmup};

/// Channels after each convolution.
const CHANNELS: [i64; 4] = [16, 32, 48, 64];
const BATCH: usize = 32;
const RATE: f64 = 2e-3;
const WARMUP: u64 = 10;
const WEIGHT_DECAY: f64 = 0.02;

struct Judge {
    convs: Vec<Conv>,
    score: Linear,
}

impl Judge {
    fn build(builder: &mut Builder) -> Self {
        let input = [PLANES as i64 + 3, CHANNELS[0], CHANNELS[1], CHANNELS[2]];
        let conv = |builder: &mut Builder, i: usize| {
            let shape = ConvShape::dense(input[i], CHANNELS[i], 3).stride(if i < 3 { 2 } else { 1 });
            Conv::new(builder, &format!("convs.{i}"), shape)
        };
        let convs = (0..4).map(|i| conv(builder, i)).collect();
        Self { convs, score: Linear::new(builder, "score", 2 * CHANNELS[3], 1, Init::Zeros) }
    }

    /// # Shapes
    /// `[N, PLANES, S, S]`, `[N, 3]` → `[N]`, positive for the second class.
    fn forward(&self, crops: &Tensor, targets: &Tensor) -> Tensor {
        let size = crops.size();
        let wide = targets.unsqueeze(-1).unsqueeze(-1).expand([size[0], 3, size[2], size[3]], false);
        let x = Tensor::cat(&[crops, &(wide * crops.narrow(1, COVER as i64, 1))], 1);
        let x = self.convs.iter().fold(x, |x, conv| {
            let y = conv.forward(&x);
            y.maximum(&(&y * 0.1))
        });
        // Mean and deviation: how cloth looks on average, and how it varies over the crop.
        let mean = x.mean_dim([2, 3].as_slice(), true, Kind::Float);
        let deviation = ((&x - &mean).square().mean_dim([2, 3].as_slice(), false, Kind::Float) + 1e-4).sqrt();
        let features = Tensor::cat(&[mean.squeeze_dim(3).squeeze_dim(2), deviation], 1);
        self.score.forward(&features).squeeze_dim(1)
    }
}

/// Trains on the crops of one side and says of the others whether they were told rightly: `(index, right)`.
///
/// # Errors
/// When libtorch refuses.
pub fn judged(set: &Set, trained_on: impl Fn(usize) -> bool, seed: u64, epochs: usize) -> Result<Vec<(usize, bool)>> {
    let (mut train, test): (Vec<usize>, Vec<usize>) = (0..set.classes.len()).partition(|&i| trained_on(i));
    let mut builder = Builder::fresh(seed);
    let _judge = Judge::build(&mut builder);
    let params = builder.finish()?.deep_clone();
    let mut adam = Adam::new(&params, AdamConfig { weight_decay: WEIGHT_DECAY, ..AdamConfig::default() });
    let total = (epochs * train.len().div_ceil(BATCH)) as u64;
    let mut step = 0;
    for epoch in 0..epochs {
        let mut stream = Stream::new(seed, "judge", epoch as u64);
        stream.shuffle(&mut train);
        for chosen in train.chunks(BATCH) {
            let (crops, targets, classes) = batch(set, chosen)?;
            let flips: Vec<f32> = chosen.iter().map(|_| f32::from(u8::from(stream.chance(0.5)))).collect();
            let flips = Tensor::from_slice(&flips).view([-1, 1, 1, 1]);
            let crops = &crops * (1.0_f64 - &flips) + crops.flip([3]) * &flips;
            let leaves = params.leaves();
            let logits = from(&leaves)?.forward(&crops, &targets);
            let loss =
                logits.f_binary_cross_entropy_with_logits::<Tensor>(&classes, None, None, tch::Reduction::Mean)?;
            loss.f_backward()?;
            let gradients: Params = leaves.iter().map(|(name, leaf)| (name.to_owned(), leaf.grad())).collect();
            let rate = RATE * cosine_with_warmup(step, WARMUP, total);
            adam.step(&gradients, |_| rate);
            step += 1;
        }
    }
    let judge = from(&params)?;
    let mut right = Vec::with_capacity(test.len());
    for chosen in test.chunks(BATCH) {
        let (crops, targets, _) = batch(set, chosen)?;
        let logits = crate::seam::floats_of(&tch::no_grad(|| judge.forward(&crops, &targets)))?;
        right.extend(chosen.iter().zip(logits).map(|(&i, logit)| (i, (logit > 0.0) == (set.classes[i] > 0.5))));
    }
    Ok(right)
}

fn from(params: &Params) -> Result<Judge> {
    let mut builder = Builder::loaded(params);
    let judge = Judge::build(&mut builder);
    builder.finish()?;
    Ok(judge)
}

fn batch(set: &Set, chosen: &[usize]) -> Result<(Tensor, Tensor, Tensor)> {
    let rows = Tensor::from_slice(&chosen.iter().map(|&i| i as i64).collect::<Vec<_>>());
    let classes: Vec<f32> = chosen.iter().map(|&i| set.classes[i]).collect();
    Ok((set.crops.f_index_select(0, &rows)?, set.targets.f_index_select(0, &rows)?, Tensor::from_slice(&classes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::told::crops::{CROP, Crops, Gathered};

    #[test]
    fn smoother_cloth_is_told_from_noisier_cloth_that_it_never_saw() {
        let right = accuracy(&noise(1.0, 0.4));
        assert!(right > 0.9, "{right}");
    }

    #[test]
    fn equal_cloth_cannot_be_told() {
        let right = accuracy(&noise(1.0, 1.0));
        assert!((right - 0.5).abs() < 0.12, "{right}");
    }

    /// Crops of normal noise of one deviation per class, 60 products of four crops each.
    fn noise(real: f32, fake: f32) -> Set {
        let mut gathered = Gathered::default();
        let mut stream = Stream::new(9, "noise", 0);
        for i in 0..240 {
            let deviation = if i % 2 == 0 { real } else { fake };
            let mut planes: Vec<f32> = (0..COVER * CROP * CROP).map(|_| deviation * stream.normal()).collect();
            planes.extend(std::iter::repeat_n(1.0, CROP * CROP));
            let crops = Crops { planes: vec![planes], target: [0.1, 0.2, -0.3] };
            gathered.add(&crops, 1, (i % 2) as f32, i / 4);
        }
        gathered.into_set().unwrap()
    }

    fn accuracy(set: &Set) -> f64 {
        let mut right = Vec::new();
        for fold in 0..2 {
            right.extend(judged(set, |i| set.groups[i] % 2 == fold, 5, 8).unwrap());
        }
        assert_eq!(right.len(), set.classes.len());
        right.iter().filter(|(_, right)| *right).count() as f64 / right.len() as f64
    }
}
