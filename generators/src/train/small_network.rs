//! The small network from scratch on 64×64 px that transfer learning is compared with: four convolutions and a mean.

use std::path::Path;

use pixels::{SrgbImage, resize_linear};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::gate_data::photos;
use super::optim::{Adam, AdamConfig, cosine_with_warmup};
use super::parallel::{Losses, gradients};
use crate::Result;
use crate::layers::{Conv, ConvShape, Linear};
use crate::params::{Builder, Init, Params};
use crate::seam::{floats_of, tensor_from_srgb};
use crate::stream::Stream;

/// Side of its pictures, in pixels.
pub const SIDE_PX: u32 = 64;
/// Pixels that a picture may be shifted by in training.
const SHIFT: i64 = 6;
/// Channels of its convolutions, each of which halves the picture.
const WIDTHS: [i64; 4] = [32, 64, 128, 256];
/// Channels that are normalised together (Wu and He 2018).
const GROUPS: i64 = 8;

/// How it is trained.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Times that every picture is seen.
    pub epochs: usize,
    /// Pictures per step.
    pub batch: usize,
    /// Largest learning rate of Adam; it falls along half a cosine.
    pub rate: f64,
    /// Root seed.
    pub seed: u64,
    /// Threads that learn.
    pub threads: usize,
}

/// The network.
struct Network {
    convolutions: Vec<(Conv, Tensor, Tensor)>,
    head: Linear,
}

impl Network {
    fn build(builder: &mut Builder, outputs: i64) -> Self {
        let mut input = 3;
        let convolutions = WIDTHS.iter().enumerate().map(|(i, &width)| {
            let conv = Conv::new(builder, &format!("conv.{i}"), ConvShape::dense(input, width, 3).stride(2));
            input = width;
            let scale = builder.tensor(&format!("norm.{i}.weight"), &[width], Init::Ones);
            (conv, scale, builder.tensor(&format!("norm.{i}.bias"), &[width], Init::Zeros))
        });
        let convolutions = convolutions.collect();
        Self { convolutions, head: Linear::new(builder, "head", WIDTHS[3], outputs, Init::Zeros) }
    }

    /// `[N, 3, 64, 64]` codes → `[N, outputs]`.
    fn forward(&self, codes: &Tensor) -> Tensor {
        let start = (codes - 127.0) / 128.0;
        let deepest = self.convolutions.iter().fold(start, |x, (conv, scale, bias)| {
            conv.forward(&x).group_norm(GROUPS, Some(scale), Some(bias), 1e-5, false).relu()
        });
        self.head.forward(&deepest.mean_dim([2, 3].as_slice(), false, Kind::Float))
    }
}

/// Photos squeezed to 64×64 px, as codes.
///
/// # Errors
/// The first photo that cannot be read.
pub fn pictures(paths: &[&Path]) -> Result<Vec<SrgbImage>> {
    paths.par_iter().map(|path| Ok(resize_linear(&photos::read(path)?, SIDE_PX, SIDE_PX)?)).collect()
}

/// Trains it on pictures of known class, mirrored and shifted at random.
///
/// # Errors
/// [`crate::Error::NotFinite`] when the loss is no number.
pub fn train(config: &Config, pictures: &[SrgbImage], classes: &[usize], outputs: usize) -> Result<Params> {
    let mut builder = Builder::fresh(config.seed);
    let _ = Network::build(&mut builder, outputs as i64);
    let params = builder.finish()?;
    let mut adam = Adam::new(&params, AdamConfig { weight_decay: 0.05, ..AdamConfig::default() });
    let all = (pictures.len() / config.batch).max(1);
    let total = (config.epochs * all) as u64;
    for epoch in 0..config.epochs {
        let mut order: Vec<usize> = (0..pictures.len()).collect();
        Stream::new(config.seed, "small network order", epoch as u64).shuffle(&mut order);
        for (i, batch) in order.chunks(config.batch).take(all).enumerate() {
            let step = (epoch * all + i) as u64;
            let shards: Vec<&[usize]> = batch.chunks(batch.len().div_ceil(config.threads.max(1))).collect();
            let (gradients, _) = gradients(&params, &shards, step, |leaves, shard| {
                let mut stream = Stream::new(config.seed, "small network view", step * 97 + shard[0] as u64);
                let views: Vec<Tensor> = shard.iter().map(|&i| view(&pictures[i], &mut stream)).collect();
                let targets: Vec<i64> = shard.iter().map(|&i| classes[i] as i64).collect();
                let mut builder = Builder::loaded(leaves);
                let network = Network::build(&mut builder, outputs as i64);
                builder.finish()?;
                let logits = network.forward(&Tensor::f_stack(&views, 0)?);
                let total = logits.cross_entropy_for_logits(&Tensor::from_slice(&targets));
                Ok(Losses { total, parts: Vec::new() })
            })?;
            let rate = config.rate * cosine_with_warmup(step, 50, total);
            adam.step(&gradients, |_| rate);
        }
    }
    Ok(params)
}

/// The class that it gives each picture.
///
/// # Errors
/// When the tensors are not this network's.
pub fn classify(params: &Params, pictures: &[SrgbImage], outputs: usize) -> Result<Vec<usize>> {
    let mut builder = Builder::loaded(params);
    let network = Network::build(&mut builder, outputs as i64);
    builder.finish()?;
    let mut found = Vec::new();
    for some in pictures.chunks(64) {
        let codes: Vec<Tensor> = some.iter().map(tensor_from_srgb).collect();
        let logits = tch::no_grad(|| Ok::<_, crate::Error>(network.forward(&Tensor::f_stack(&codes, 0)?)))?;
        found.extend(floats_of(&logits.f_argmax(1, false)?)?.into_iter().map(|class| class as usize));
    }
    Ok(found)
}

fn view(picture: &SrgbImage, stream: &mut Stream) -> Tensor {
    let codes = tensor_from_srgb(picture);
    let codes = if stream.chance(0.5) { codes.flip([2]) } else { codes };
    let mut shift = || stream.below(2 * SHIFT as usize + 1) as i64;
    let (left, top, side) = (shift(), shift(), i64::from(SIDE_PX));
    let padded = codes.unsqueeze(0).replication_pad2d([SHIFT; 4]).squeeze_dim(0);
    padded.narrow(2, left, side).narrow(1, top, side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_to_tell_two_colours_apart_and_repeats_itself() {
        let mut stream = Stream::new(2, "test", 0);
        let mut picture = |class: usize| {
            let codes = (0..64 * 64 * 3).map(|i| if i % 3 == class { 200 } else { stream.below(80) as u8 });
            SrgbImage::new(64, 64, codes.collect()).unwrap()
        };
        let pictures: Vec<SrgbImage> = (0..16).map(|i| picture(i % 2)).collect();
        let classes: Vec<usize> = (0..16).map(|i| i % 2).collect();
        let config = Config { epochs: 6, batch: 8, rate: 3e-3, seed: 1, threads: 2 };
        let params = train(&config, &pictures, &classes, 2).unwrap();
        assert_eq!(classify(&params, &pictures, 2).unwrap(), classes);
        let again = train(&config, &pictures, &classes, 2).unwrap();
        for (name, tensor) in params.iter() {
            assert_eq!(tensor, again.get(name).unwrap(), "{name}");
        }
    }
}
