//! Losses of the recolour network: pure functions of tensors, each with what it is for.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::image::{blur, composite, encoded};
use crate::Result;
use crate::recolor::inputs::CLOTH_PLANE;
use crate::recolor::network::{Network, base_planes, residual};
use crate::train::discriminator::{Discriminator, Norms, hinge};
use crate::train::parallel::Losses;

/// How much each part counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Real colourway pairs.
    pub pairs: f64,
    /// Inverse jitter.
    pub jitter: f64,
    /// Hinge loss of the generator against the discriminator.
    pub adversarial: f64,
    /// Reconstruction of shading by the autoencoder branch.
    pub autoencoder: f64,
    /// Mean size of the residual.
    pub residual: f64,
    /// Loss of fine contrast against the base.
    pub texture: f64,
    /// Spread of lightness against the answer's: folds are never quite registered, so the colours alone teach flatness.
    pub spread: f64,
    /// Gradient penalty of the discriminator on real pictures (Mescheder et al. 2018), applied lazily.
    pub r1: f64,
}

/// A batch as tensors.
pub struct Batch {
    /// What the network sees, `[N, PLANES, SIDE, SIDE]`.
    pub planes: Tensor,
    /// The same at half size, where pictures are sliced and compared: `[N, PLANES, S, S]`.
    pub small: Tensor,
    /// `[N, CONDITION]`.
    pub condition: Tensor,
    /// `[N, 1280]`, zeros where there is none.
    pub embedding: Tensor,
    /// The true picture in Lab units, `[N, 3, S, S]`.
    pub answer: Tensor,
    /// Where it is true, `[N, 1, S, S]`, 0 to 1.
    pub region: Tensor,
    /// 1 for real pairs, 0 for jittered photos, `[N]`.
    pub is_pair: Tensor,
}

/// ΔE00 without its rotation term and hue weighting, smooth at zero, per pixel.
///
/// # Shapes
/// Two `[N, 3, S, S]` in Lab units → `[N, 1, S, S]`.
///
/// # Source
/// Sharma et al. 2005, equations 15, 19 and 20 with T = 1 and without G.
pub fn smooth_delta_e(one: &Tensor, other: &Tensor) -> Tensor {
    let part = |t: &Tensor, i: i64| t.narrow(1, i, 1);
    let chroma = |t: &Tensor| (part(t, 1).square() + part(t, 2).square() + 1e-3).sqrt();
    let (c1, c2) = (chroma(one), chroma(other));
    let mean_c = (&c1 + &c2) * 0.5;
    let centred = ((part(one, 0) + part(other, 0)) * 0.5 - 50.0).square();
    let weight_l = &centred * 0.015 / (&centred + 20.0).sqrt() + 1.0;
    let d_l = (part(one, 0) - part(other, 0)) / weight_l;
    let d_c = &c1 - &c2;
    let d_ab = (part(one, 1) - part(other, 1)).square() + (part(one, 2) - part(other, 2)).square();
    let d_h = (d_ab - d_c.square()).clamp_min(0.0);
    let squares = d_l.square() + (d_c / (&mean_c * 0.045 + 1.0)).square() + d_h / (&mean_c * 0.015 + 1.0).square();
    (squares + 0.02).sqrt()
}

fn total(t: &Tensor) -> Tensor {
    t.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float)
}

/// Mean of a per-pixel value over each item's region.
fn region_mean(value: &Tensor, region: &Tensor) -> Tensor {
    total(&(value * region)) / (total(region) + 1.0)
}

/// Share of the base's fine contrast that the output lacks below nine tenths, squared, per item.
fn texture_lost(output: &Tensor, base: &Tensor, mask: &Tensor) -> Tensor {
    let detail = |t: &Tensor| {
        let light = t.narrow(1, 0, 1);
        (&light - blur(&blur(&blur(&light)))) * mask
    };
    let (out, own) = (detail(output), detail(base));
    let kept = total(&(&out * &own)) / (total(&own.square()) + 1e-2);
    (kept * -1.0 + 0.9).relu().square()
}

/// Size of the log ratio of the output's spread of lightness in the region to the answer's, per item.
pub fn spread_missed(output: &Tensor, answer: &Tensor, region: &Tensor) -> Tensor {
    let spread = |t: &Tensor| {
        let light = t.narrow(1, 0, 1);
        let mean = region_mean(&light, region).view([-1, 1, 1, 1]);
        (region_mean(&(&light - mean).square(), region) + 0.25).log() * 0.5
    };
    (spread(output) - spread(answer)).abs()
}

/// Per-item differences to the answer, as the evaluation measures them: blurred, inside the region.
pub fn differences(output: &Tensor, batch: &Batch) -> Tensor {
    region_mean(&smooth_delta_e(&blur(output), &blur(&batch.answer)), &batch.region)
}

/// What the network makes of a batch.
pub struct Made {
    /// The dyed picture over the source's surroundings, in Lab units.
    pub picture: Tensor,
    /// The residual before masking.
    pub residual: Tensor,
    /// The autoencoder's shading.
    pub shading: Tensor,
}

/// Runs the network and slices its grid.
pub fn dyed(network: &Network, batch: &Batch) -> Made {
    let output = network.forward(&batch.planes, &batch.condition, &batch.embedding);
    let residual = residual(&output.grid, &batch.small) * batch.small.narrow(1, CLOTH_PLANE as i64, 1);
    let mask = batch.small.narrow(1, 2, 1);
    Made { picture: base_planes(&batch.small) + &residual * mask, residual, shading: output.shading }
}

/// Root-mean-square error of the reconstructed shading inside the mask, per item.
///
/// # Shapes
/// `[N, 1, s, s]`, `[N, PLANES, S, S]` with S a multiple of s → `[N]`.
fn shading_error(reconstructed: &Tensor, planes: &Tensor) -> Tensor {
    let size = reconstructed.size();
    let pooled = planes.narrow(1, 0, 3).adaptive_avg_pool2d([size[2], size[3]]);
    let (shading, mask) = (pooled.narrow(1, 0, 1), pooled.narrow(1, 2, 1));
    let square = (reconstructed - shading).square() * &mask;
    let total = |t: &Tensor| t.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
    ((total(&square) + 1e-8) / (total(&mask) + 1.0)).sqrt()
}

/// The generator's loss.
///
/// # Errors
/// When libtorch refuses.
pub fn generator(
    network: &Network,
    judge: Option<(&Discriminator, &Norms)>,
    batch: &Batch,
    weights: &Weights,
) -> Result<Losses> {
    let made = dyed(network, batch);
    let mask = batch.small.narrow(1, 2, 1);
    let difference = differences(&made.picture, batch);
    let share = |of: &Tensor| (&difference * of).sum(Kind::Float) / (of.sum(Kind::Float) + 1e-6);
    let size = region_mean(&made.residual.abs().mean_dim([1].as_slice(), true, Kind::Float), &mask);
    let texture = texture_lost(&made.picture, &base_planes(&batch.small), &mask);
    let mut parts = vec![
        ("pairs", share(&batch.is_pair), weights.pairs),
        ("jitter", share(&(&batch.is_pair * -1.0 + 1.0)), weights.jitter),
        ("autoencoder", shading_error(&made.shading, &batch.planes).mean(Kind::Float), weights.autoencoder),
        ("residual", size.mean(Kind::Float), weights.residual),
        ("texture", texture.mean(Kind::Float), weights.texture),
        ("spread", spread_missed(&made.picture, &batch.answer, &batch.region).mean(Kind::Float), weights.spread),
    ];
    if let Some((judge, norms)) = judge {
        let fake = encoded(&composite(&made.picture, batch));
        let score = judge.forward(&fake, &mask, &batch.condition, norms);
        parts.push(("adversarial", -score.mean(Kind::Float), weights.adversarial));
    }
    Losses::sum(parts)
}

/// The discriminator's hinge loss; `penalty` adds R1 on the real pictures.
///
/// # Errors
/// When libtorch refuses.
pub fn discriminator(
    network: &Network,
    judge: &Discriminator,
    norms: &Norms,
    batch: &Batch,
    weights: &Weights,
    penalty: bool,
) -> Result<Losses> {
    let fake = tch::no_grad(|| encoded(&composite(&dyed(network, batch).picture, batch)));
    // The real picture goes through the same compositing and the same 8 bits.
    let real = tch::no_grad(|| encoded(&composite(&batch.answer, batch))).set_requires_grad(penalty);
    let mask = batch.small.narrow(1, 2, 1);
    let score = |picture: &Tensor| judge.forward(picture, &mask, &batch.condition, norms);
    let (on_real, on_fake) = (score(&real), score(&fake));
    hinge(&on_real, &on_fake, penalty.then_some((&real, weights.r1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::{Lab, delta_e00};

    #[test]
    fn the_smooth_difference_follows_delta_e00() {
        for (one, other) in [
            (Lab::new(50.0, 10.0, 10.0), Lab::new(55.0, 10.0, 12.0)),
            (Lab::new(20.0, 5.0, -30.0), Lab::new(28.0, 9.0, -22.0)),
            (Lab::new(85.0, 2.0, 4.0), Lab::new(80.0, -1.0, 8.0)),
        ] {
            let tensor = |c: Lab| Tensor::from_slice(&[c.l, c.a, c.b]).view([1, 3, 1, 1]);
            let smooth = smooth_delta_e(&tensor(one), &tensor(other)).double_value(&[0, 0, 0, 0]);
            let exact = f64::from(delta_e00(one, other));
            assert!((smooth / exact - 1.0).abs() < 0.35, "{smooth} for {exact}");
        }
    }

    #[test]
    fn a_picture_of_half_the_contrast_misses_the_spread_by_the_log_of_two() {
        let answer = crate::stream::Stream::new(1, "spread", 0).normal_tensor(&[1, 3, 32, 32], 9.0) + 50.0;
        let region = Tensor::ones([1, 1, 32, 32], (Kind::Float, tch::Device::Cpu));
        let missed = |output: &Tensor| spread_missed(output, &answer, &region).double_value(&[0]);
        assert!(missed(&answer) < 1e-6);
        let flat = (&answer - 50.0) * 0.5 + 50.0;
        assert!((missed(&flat) - 2_f64.ln()).abs() < 0.02, "{}", missed(&flat));
    }

    #[test]
    fn equal_pictures_lose_no_texture_and_flat_ones_do() {
        let base = crate::stream::Stream::new(1, "texture", 0).normal_tensor(&[1, 3, 32, 32], 5.0) + 50.0;
        let mask = Tensor::ones([1, 1, 32, 32], (Kind::Float, tch::Device::Cpu));
        assert!(texture_lost(&base, &base, &mask).double_value(&[0]) < 1e-6);
        let flat = Tensor::ones_like(&base) * 50.0;
        assert!((texture_lost(&flat, &base, &mask).double_value(&[0]) - 0.81).abs() < 0.01);
    }
}
