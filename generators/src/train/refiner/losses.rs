//! Losses of the refiner: pure functions of tensors, each with what it is for.

use pixels::fabric::MOST_LIGHT;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;
use crate::refiner::Network;
use crate::train::discriminator::{Discriminator, Norms, hinge};
use crate::train::parallel::Losses;

/// How much each part counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Hinge loss of the generator against the discriminator.
    pub adversarial: f64,
    /// Light of garments in their own cloth against their photos, where prints have averaged out.
    pub light: f64,
    /// Mean square of the change.
    pub residual: f64,
    /// Mean square of its differences between neighbours.
    pub smooth: f64,
    /// Gradient penalty of the discriminator on real pictures (Mescheder et al. 2018), applied lazily.
    pub r1: f64,
}

/// A batch as tensors; pictures are codes, 0 to 1.
pub struct Batch {
    /// What the network sees, `[N, PLANES, SIDE, SIDE]`.
    pub planes: Tensor,
    /// `[N, EMBEDDING]`.
    pub embedding: Tensor,
    /// Median colour of the cloth as the discriminator's condition, `[N, 3]`.
    pub color: Tensor,
    /// Garments in their new cloth, `[N, 3, SIDE, SIDE]`.
    pub made: Tensor,
    /// `[N, 1, SIDE, SIDE]`.
    pub mask: Tensor,
    /// Photos of garments of that cloth, `[N, 3, SIDE, SIDE]`.
    pub real: Tensor,
    /// `[N, 1, SIDE, SIDE]`.
    pub real_mask: Tensor,
    /// 1 where the two are one garment, `[N]`.
    pub own: Tensor,
}

/// Windows over which prints average out, and their distance, in pixels of the small copy.
const WINDOW: i64 = 16;
const STRIDE: i64 = 8;

/// A picture in changed light, as [`pixels::fabric::relight`] changes it.
///
/// # Shapes
/// `[N, 3, S, S]` codes 0 to 1, mask and light `[N, 1, S, S]` → `[N, 3, S, S]`.
pub fn relit(made: &Tensor, mask: &Tensor, light: &Tensor) -> Tensor {
    let step = light * mask * f64::from(MOST_LIGHT);
    (made + step * (made * 2.0).clamp_max(1.0)).clamp(0.0, 1.0)
}

/// What the discriminator sees: the garment alone on grey, at half size, since nothing finer is changed.
///
/// # Shapes
/// `[N, 3, S, S]` and `[N, 1, S, S]` → `[N, 3, S / 2, S / 2]` in −1 to 1 and `[N, 1, S / 2, S / 2]`.
fn shown(picture: &Tensor, mask: &Tensor) -> [Tensor; 2] {
    let halved = |x: &Tensor| x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None);
    [halved(&((picture * 2.0 - 1.0) * mask)), halved(mask)]
}

/// Mean code in each window, and how much of the window is cloth.
fn averaged(picture: &Tensor, mask: &Tensor) -> [Tensor; 2] {
    let pooled = |x: &Tensor| x.avg_pool2d([WINDOW, WINDOW], [STRIDE, STRIDE], [0, 0], false, true, None);
    let share = pooled(mask);
    let mean = pooled(&(picture.mean_dim([1].as_slice(), true, Kind::Float) * mask)) / (&share + 1e-3);
    [mean, share]
}

/// By how much the light on two pictures of one garment differs, per item, in codes 0 to 1.
///
/// # Shapes
/// Two `[N, 3, S, S]`, mask `[N, 1, S, S]` → `[N]`.
pub fn light_missed(one: &Tensor, other: &Tensor, mask: &Tensor) -> Tensor {
    let ([one, share], [other, _]) = (averaged(one, mask), averaged(other, mask));
    total(&((one - other).abs() * &share)) / (total(&share) + 1e-3)
}

fn total(t: &Tensor) -> Tensor {
    t.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float)
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
    let light = network.forward(&batch.planes, &batch.embedding);
    let made = relit(&batch.made, &batch.mask, &light);
    let missed = light_missed(&made, &batch.real, &batch.mask);
    let own = (missed * &batch.own).sum(Kind::Float) / (batch.own.sum(Kind::Float) + 1e-6);
    let side = light.size()[3];
    let difference = |along: i64| light.narrow(along, 1, side - 1) - light.narrow(along, 0, side - 1);
    let smooth = difference(2).square().mean(Kind::Float) + difference(3).square().mean(Kind::Float);
    let mut parts = vec![
        ("light", own, weights.light),
        ("residual", (light.square() * &batch.mask).mean(Kind::Float), weights.residual),
        ("smooth", smooth, weights.smooth),
    ];
    if let Some((judge, norms)) = judge {
        let [picture, mask] = shown(&made, &batch.mask);
        let score = judge.forward(&picture, &mask, &batch.color, norms);
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
    let light = tch::no_grad(|| network.forward(&batch.planes, &batch.embedding));
    let [fake, fake_mask] = shown(&relit(&batch.made, &batch.mask, &light), &batch.mask);
    let [real, real_mask] = shown(&batch.real, &batch.real_mask);
    let real = real.set_requires_grad(penalty);
    let on_real = judge.forward(&real, &real_mask, &batch.color, norms);
    let on_fake = judge.forward(&fake, &fake_mask, &batch.color, norms);
    hinge(&on_real, &on_fake, penalty.then_some((&real, weights.r1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::guided_filter::Plane;
    use pixels::{Mask, SrgbImage};

    #[test]
    fn light_is_changed_as_the_program_changes_it() {
        let mut picture = SrgbImage::filled(8, 8, [0; 3]);
        picture.data_mut().iter_mut().enumerate().for_each(|(i, code)| *code = (i * 37 % 256) as u8);
        let mask = Mask::new(8, 8, (0..64).map(|i| (i * 4) as u8).collect()).unwrap();
        for way in [-0.8_f32, 0.6] {
            let mut done = picture.clone();
            pixels::fabric::relight(&mut done, &mask, &Plane { width: 1, height: 1, values: vec![way] }).unwrap();
            let (codes, alpha) =
                (crate::seam::tensor_from_srgb(&picture) / 255.0, crate::seam::tensor_from_mask(&mask));
            let light = Tensor::ones([1, 1, 8, 8], (Kind::Float, tch::Device::Cpu)) * f64::from(way);
            let learnt = relit(&codes.unsqueeze(0), &alpha.unsqueeze(0), &light) * 255.0;
            let exact = crate::seam::tensor_from_srgb(&done).unsqueeze(0);
            assert!((learnt - exact).abs().max().double_value(&[]) <= 0.51, "{way}");
        }
    }

    #[test]
    fn prints_average_out_of_the_light_and_shadows_do_not() {
        let code = |f: &dyn Fn(i64, i64) -> f32| {
            let values: Vec<f32> = (0..64 * 64).map(|i| f(i % 64, i / 64)).collect();
            Tensor::from_slice(&values).view([1, 1, 64, 64]).repeat([1, 3, 1, 1])
        };
        let mask = Tensor::ones([1, 1, 64, 64], (Kind::Float, tch::Device::Cpu));
        let missed = |one: &Tensor, other: &Tensor| light_missed(one, other, &mask).double_value(&[0]);
        let stripes = code(&|x, _| if x / 2 % 2 == 0 { 0.3 } else { 0.7 });
        let shifted = code(&|x, _| if x / 2 % 2 == 1 { 0.3 } else { 0.7 });
        let shaded = code(&|x, y| (if x / 2 % 2 == 0 { 0.3 } else { 0.7 }) - 0.002 * y as f32);
        assert!(missed(&stripes, &shifted) < 1e-3);
        assert!(missed(&stripes, &shaded) > 0.04);
    }
}
