//! The judge of generators: a PatchGAN with spectral normalisation and projection on the colour asked for.
//!
//! Isola et al. 2017 (patches), Miyato et al. 2018 (spectral norm), Miyato and Koyama 2018 (projection). Departure: the
//! mask is an input, and scores outside it do not count.

use tch::{Kind, Tensor};

use crate::layers::{Conv, ConvShape, Linear};
use crate::params::{Builder, Init, Params};
use crate::stream::Stream;
use crate::train::parallel::Losses;
use crate::{Error, Result};

/// Channels after each convolution.
const CHANNELS: [i64; 4] = [32, 64, 96, 96];

/// The network.
pub struct Discriminator {
    convs: Vec<Conv>,
    score: Conv,
    project: Linear,
}

/// Largest singular values of the convolutions, from one power iteration of the stored vectors.
pub struct Norms(Vec<Tensor>);

impl Discriminator {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder) -> Self {
        let input = [4, CHANNELS[0], CHANNELS[1], CHANNELS[2]];
        let convs = (0..4)
            .map(|i| {
                let stride = if i < 2 { 2 } else { 1 };
                let shape = ConvShape::dense(input[i], CHANNELS[i], 3).stride(stride);
                Conv::new(builder, &format!("convs.{i}"), shape)
            })
            .collect();
        let score = Conv::new(builder, "score", ConvShape::dense(CHANNELS[3], 1, 1));
        let project = Linear::new(builder, "project", 3, CHANNELS[3], Init::He);
        Self { convs, score, project }
    }

    /// Makes a network of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params) -> Result<Self> {
        let mut builder = Builder::loaded(params);
        let network = Self::build(&mut builder);
        builder.finish()?;
        Ok(network)
    }

    fn all(&self) -> impl Iterator<Item = &Conv> {
        self.convs.iter().chain([&self.score])
    }

    /// Start vectors of the power iterations, to be kept between steps and in checkpoints.
    pub fn fresh_vectors(&self, seed: u64) -> Params {
        let vector = |(i, conv): (usize, &Conv)| {
            let mut stream = Stream::new(seed, &format!("power iteration {i}"), 0);
            (i.to_string(), unit(&stream.normal_tensor(&conv.weight().size()[..1], 1.0)))
        };
        self.all().enumerate().map(vector).collect()
    }

    /// Singular values for this step; gradients pass through the weights, not through the vectors.
    ///
    /// # Errors
    /// When a vector is missing.
    pub fn norms(&self, vectors: &Params) -> Result<Norms> {
        let norm = |(i, conv): (usize, &Conv)| {
            let (u, v, matrix) = iterate(conv, vectors, i)?;
            Ok(matrix.mv(&v).dot(&u))
        };
        self.all().enumerate().map(norm).collect::<Result<_>>().map(Norms)
    }

    /// Moves the stored vectors one power iteration on.
    ///
    /// # Errors
    /// When a vector is missing.
    pub fn advance(&self, vectors: &Params) -> Result<()> {
        for (i, conv) in self.all().enumerate() {
            let (u, _, _) = iterate(conv, vectors, i)?;
            if let Some(stored) = vectors.get(&i.to_string()) {
                tch::no_grad(|| stored.shallow_clone().copy_(&u));
            }
        }
        Ok(())
    }

    /// Mean score of the patches inside the mask, higher for real.
    ///
    /// # Shapes
    /// picture `[N, 3, S, S]` in −1 to 1, mask `[N, 1, S, S]`, condition `[N, ≥ 3]` beginning with the target → `[N]`.
    pub fn forward(&self, picture: &Tensor, mask: &Tensor, condition: &Tensor, norms: &Norms) -> Tensor {
        let mut x = Tensor::cat(&[picture, mask], 1);
        for (conv, norm) in self.convs.iter().zip(&norms.0) {
            let y = conv.forward_with(&x, &(conv.weight() / norm));
            x = y.maximum(&(&y * 0.2));
        }
        let last = &norms.0[norms.0.len() - 1];
        let plain = self.score.forward_with(&x, &(self.score.weight() / last)); // [N, 1, s, s]
        let target = self.project.forward(&condition.narrow(1, 0, 3)).unsqueeze(2).unsqueeze(3);
        let projected = (&x * target).mean_dim([1].as_slice(), true, Kind::Float);
        let size = x.size();
        let inside = mask.adaptive_avg_pool2d([size[2], size[3]]);
        let total = |t: &Tensor| t.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
        total(&((plain + projected) * &inside)) / (total(&inside) + 1e-3)
    }
}

/// The discriminator's hinge loss of its scores, `[N]` each; with the real pictures, `[N, C, S, S]`, and how much it counts,
/// their gradient penalty too (R1, Mescheder et al. 2018).
///
/// # Errors
/// When libtorch refuses.
pub fn hinge(on_real: &Tensor, on_fake: &Tensor, penalised: Option<(&Tensor, f64)>) -> Result<Losses> {
    let mut parts = vec![
        ("d_real", (on_real * -1.0 + 1.0).relu().mean(Kind::Float), 1.0),
        ("d_fake", (on_fake + 1.0).relu().mean(Kind::Float), 1.0),
    ];
    if let Some((real, weight)) = penalised {
        let gradients = Tensor::f_run_backward(&[on_real.sum(Kind::Float)], &[real], true, true)?;
        let size = gradients[0].square().sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
        parts.push(("r1", size.mean(Kind::Float), weight));
    }
    Losses::sum(parts)
}

fn unit(v: &Tensor) -> Tensor {
    v / (v.square().sum(Kind::Float).sqrt() + 1e-12)
}

/// One power iteration: the new left and right vectors, and the matrix.
fn iterate(conv: &Conv, vectors: &Params, i: usize) -> Result<(Tensor, Tensor, Tensor)> {
    let u = vectors.get(&i.to_string()).ok_or_else(|| Error::Input(format!("power iteration {i}: missing")))?;
    let matrix = conv.weight().flatten(1, -1);
    let (u, v) = tch::no_grad(|| {
        let v = unit(&matrix.tr().mv(u));
        (unit(&matrix.mv(&v)), v)
    });
    Ok((u, v, matrix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_iterations_find_the_largest_singular_value() {
        let judge = Discriminator::build(&mut Builder::fresh(4));
        let vectors = judge.fresh_vectors(4);
        for _ in 0..60 {
            judge.advance(&vectors).unwrap();
        }
        let norms = judge.norms(&vectors).unwrap();
        for (conv, norm) in judge.all().zip(&norms.0) {
            let (_, singular, _) = conv.weight().flatten(1, -1).svd(true, false);
            let largest = singular.max().double_value(&[]);
            assert!((norm.double_value(&[]) / largest - 1.0).abs() < 0.02);
        }
    }
}
