//! ShadeNet: the light on a garment, told apart from what is printed on it.
//!
//! A small U-Net (Ronneberger, Fischer and Brox 2015) as autoencoder of log light. Departures: no normalisation layers,
//! halved residual blocks instead; it works at half the small copy's size and only its last two convolutions see every
//! pixel; its output is added to the analytic estimate of [`pixels::shading`] and starts at exactly zero.

use std::path::Path;

use pixels::shading::Base;
use pixels::{Mask, SrgbImage};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::layers::{Conv, ConvShape, Precision, channels_last, doubled, leaky};
use crate::params::{Builder, Init, Params};
use crate::{Error, Result, checkpoint, seam};

pub mod view;

use view::{BASE_PLANE, MASK_PLANE, PLANES, SIDE, View};

/// Name of the weights file, without ending.
pub const NAME: &str = "shading";

/// Size of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels at half the small copy's size; deeper levels have 2, 4 and 6 times as many.
    pub width: i64,
    /// Precision of convolutions in training; inference is always in `f32`.
    pub precision: Precision,
}

impl Default for Config {
    /// The shipped size.
    fn default() -> Self {
        Self { width: 24, precision: Precision::F32 }
    }
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field.
    pub fn validate(&self) -> Result<()> {
        if (4..=128).contains(&self.width) {
            return Ok(());
        }
        Err(Error::Input(format!("model.width: expected 4 to 128, got {}", self.width)))
    }
}

/// Two 3×3 convolutions around a residual.
struct Block([Conv; 2]);

impl Block {
    fn new(builder: &mut Builder, name: &str, channels: i64) -> Self {
        let conv = |b: &mut Builder, i: usize| Conv::new(b, &i.to_string(), ConvShape::dense(channels, channels, 3));
        builder.scope(name, |b| Self([conv(b, 0), conv(b, 1)]))
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        // Halved, so that activations keep their size without normalisation layers.
        (x + leaky(&self.0[1].forward(&leaky(&self.0[0].forward(x))))) * 0.5
    }
}

/// Encoder, decoder and the full-size head.
pub struct Network {
    stem: Conv,
    downs: Vec<Conv>,
    encoder: Vec<Block>,
    context: Conv,
    ups: Vec<Conv>,
    decoder: Vec<Block>,
    narrow: Conv,
    join: Conv,
    shading: Conv,
    precision: Precision,
}

/// Least share of the small copy that is taken for cloth, so that nothing is divided by none.
const LEAST_SHARE: f64 = 0.02;
/// Channels per level, in multiples of the width.
const LEVELS: [i64; 4] = [1, 2, 4, 6];

impl Network {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder, config: Config) -> Self {
        let channels = LEVELS.map(|n| n * config.width);
        let (first, deepest) = (channels[0], channels[3]);
        let half = first / 2;
        let between = |from: usize, to: usize, kernel| ConvShape::dense(channels[from], channels[to], kernel);
        Self {
            stem: Conv::new(builder, "stem", ConvShape::dense(PLANES as i64, first, 5).stride(2)),
            downs: (0..3).map(|i| Conv::new(builder, &format!("down.{i}"), between(i, i + 1, 3).stride(2))).collect(),
            encoder: (0..4).map(|i| Block::new(builder, &format!("encoder.{i}"), channels[i])).collect(),
            context: Conv::new(builder, "context", ConvShape::dense(deepest, deepest, 1)),
            ups: (0..3).map(|i| Conv::new(builder, &format!("up.{i}"), between(i + 1, i, 1))).collect(),
            decoder: (0..3).map(|i| Block::new(builder, &format!("decoder.{i}"), channels[i])).collect(),
            narrow: Conv::new(builder, "narrow", ConvShape::dense(first, half, 1)),
            join: Conv::new(builder, "join", ConvShape::dense(half + PLANES as i64, half, 3)),
            shading: Conv::with_init(builder, "shading", ConvShape::dense(half, 1, 3), Init::Zeros),
            precision: config.precision,
        }
    }

    /// Makes a network of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, config: Config) -> Result<Self> {
        config.validate()?;
        let mut builder = Builder::loaded(params);
        let network = Self::build(&mut builder, config);
        builder.finish()?;
        Ok(network)
    }

    /// Log shading: the base plane and the learnt correction; meaningless outside the mask, and up to a constant.
    ///
    /// # Shapes
    /// `[N, PLANES, SIDE, SIDE]` → `[N, 1, SIDE, SIDE]`, `f32`.
    pub fn forward(&self, planes: &Tensor) -> Tensor {
        let kind = self.precision.kind();
        let seen = channels_last(&planes.to_kind(kind));
        let mut x = self.encoder[0].forward(&leaky(&self.stem.forward(&seen)));
        let mut kept = Vec::new();
        for (down, block) in self.downs.iter().zip(&self.encoder[1..]) {
            let deeper = block.forward(&leaky(&down.forward(&x)));
            kept.push(x);
            x = deeper;
        }
        let mask = planes.narrow(1, MASK_PLANE, 1);
        let share = mask.mean_dim([2, 3].as_slice(), true, Kind::Float).clamp_min(LEAST_SHARE).to_kind(kind);
        x = &x + self.context.forward(&(x.mean_dim([2, 3].as_slice(), true, kind) / share));
        for level in (0..3).rev() {
            let up = doubled(&self.ups[level].forward(&x));
            x = self.decoder[level].forward(&(up + &kept[level]));
        }
        let wide = doubled(&leaky(&self.narrow.forward(&x)));
        let joined = leaky(&self.join.forward(&Tensor::cat(&[&wide, &seen], 1)));
        let correction = self.shading.forward(&joined).to_kind(Kind::Float) * &mask;
        // Its mean over the cloth says nothing, and left free it would swing with every step of a training.
        let over = [2_i64, 3];
        let mean = |x: &Tensor| x.mean_dim(over.as_slice(), true, Kind::Float);
        let level = mean(&correction) / mean(&mask).clamp_min(LEAST_SHARE);
        planes.narrow(1, BASE_PLANE, 1) + (correction - level * &mask)
    }
}

/// The trained network, ready to look at garments.
pub struct ShadeNet {
    network: Network,
}

/// Log shading farther from the median than this is no light but an error.
const LOG_LIMIT: f32 = 2.5;

impl ShadeNet {
    /// Loads `shading.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, config): (Params, Config) = checkpoint::load_configured(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        // bf16 gives other light on other processors; f32 gives the same everywhere.
        let config = Config { precision: Precision::F32, ..config };
        Self::from_params(&params, config).map_err(|error| checkpoint::invalid(&path, error.to_string()))
    }

    /// A network of tensors in memory.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, config: Config) -> Result<Self> {
        Ok(Self { network: Network::from_params(params, config)? })
    }

    /// Log shading of a small copy, relative to its median over the cloth; 0 outside the mask.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn log_shading(&self, image: &SrgbImage, mask: &Mask) -> Result<Vec<f32>> {
        let side = SIDE as i64;
        let planes = Tensor::from_slice(&view::planes(image, mask)?).f_view([1, PLANES as i64, side, side])?;
        let values = seam::floats_of(&tch::no_grad(|| self.network.forward(&planes)))?;
        let median = view::median_inside(&values, &view::core(mask));
        let inside = |(&v, &a): (&f32, &u8)| if a > 0 { (v - median).clamp(-LOG_LIMIT, LOG_LIMIT) } else { 0.0 };
        Ok(values.iter().zip(mask.data()).map(inside).collect())
    }

    /// The light on a garment over its whole photo, for [`pixels::shading::Shading::compose`]: the analytic estimate where the
    /// cloth is plain, and what the network sees too where it is printed. `cloth` is the photo with the cloth's own colour at
    /// the mask's edges, `patterned` how surely it has a pattern at all, 0 to 1.
    ///
    /// # Errors
    /// When photo and mask differ in size, or libtorch refuses.
    pub fn base(&self, cloth: &SrgbImage, mask: &Mask, patterned: f32) -> Result<Base> {
        let mut base = Base::estimate_known(cloth, mask, patterned)?;
        let Some(view) = View::new(cloth, mask)? else { return Ok(base) };
        let mut log = self.log_shading(&view.image, &view.mask)?;
        continue_outside(&mut log, &view.mask);
        let log = view.over_photo(&log, cloth).resized(base.log.width, base.log.height);
        for ((own, learnt), printed) in base.log.values.iter_mut().zip(log.values).zip(&base.printed.values) {
            *own += (agreed(*own, learnt) - *own) * printed.clamp(0.0, 1.0);
        }
        Ok(base)
    }
}

/// What two estimates of log light, over its median, both see: none where one takes for shadow what the other takes for a
/// highlight, else the fainter. A trace of a print is seldom seen by both.
pub fn agreed(one: f32, other: f32) -> f32 {
    if one * other <= 0.0 { 0.0 } else { one.signum() * one.abs().min(other.abs()) }
}

/// Gives what is outside the mask the mean of its neighbours, ring by ring, and 0 far away.
fn continue_outside(log: &mut [f32], mask: &Mask) {
    const RINGS: usize = 8;
    let mut known: Vec<bool> = mask.data().iter().map(|&a| a > 127).collect();
    for _ in 0..RINGS {
        let before = known.clone();
        for i in (0..log.len()).filter(|&i| !before[i]) {
            let (x, y) = (i % SIDE, i / SIDE);
            let (mut sum, mut count) = (0.0, 0);
            for v in y.saturating_sub(1)..(y + 2).min(SIDE) {
                for j in (x.saturating_sub(1)..(x + 2).min(SIDE)).map(|u| v * SIDE + u).filter(|&j| before[j]) {
                    sum += log[j];
                    count += 1;
                }
            }
            if count > 0 {
                log[i] = sum / count as f32;
                known[i] = true;
            }
        }
    }
    log.iter_mut().zip(&known).filter(|(_, known)| !**known).for_each(|(value, _)| *value = 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    fn fresh(config: Config) -> (Network, Params) {
        let mut builder = Builder::fresh(5);
        let network = Network::build(&mut builder, config);
        (network, builder.finish().unwrap())
    }

    #[test]
    fn the_fresh_network_gives_the_base() {
        let (network, params) = fresh(Config::default());
        assert!((1_000_000..2_000_000).contains(&params.count()), "{}", params.count());
        let side = SIDE as i64;
        let planes = Stream::new(1, "planes", 0).normal_tensor(&[2, PLANES as i64, side, side], 1.0);
        assert_eq!(network.forward(&planes), planes.narrow(1, BASE_PLANE, 1));
    }

    #[test]
    fn what_both_see_is_the_fainter_and_never_what_one_sees_alone() {
        for (one, other, both) in [(0.5, 0.2, 0.2), (-0.1, -0.6, -0.1), (0.5, -0.2, 0.0), (0.0, 0.4, 0.0)] {
            assert_eq!((agreed(one, other), agreed(other, one)), (both, both), "{one} {other}");
        }
    }

    #[test]
    fn printed_cloth_is_lit_by_no_more_than_the_analytic_estimate_sees() {
        let config = Config { width: 4, precision: Precision::F32 };
        let (_, params) = fresh(config);
        let learnt = |(name, tensor): (&str, &Tensor)| {
            let noise = || Stream::new(2, "noise", 0).normal_tensor(&tensor.size(), 0.1);
            (name.to_owned(), if name == "shading.weight" { noise() } else { tensor.shallow_clone() })
        };
        let net = ShadeNet::from_params(&params.iter().map(learnt).collect(), config).unwrap();
        let mut photo = SrgbImage::filled(96, 96, [0; 3]);
        for (i, rgb) in photo.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (i % 96, i / 96);
            let light = 1.0 + 0.3 * (x as f32 / 15.0).sin();
            let ink: [f32; 3] = if (x / 8 + y / 8) % 2 == 0 { [170.0, 60.0, 60.0] } else { [60.0, 70.0, 160.0] };
            rgb.copy_from_slice(&ink.map(|v| (v * light) as u8));
        }
        let mask = Mask::filled(96, 96, 255);
        let (base, analytic) = (net.base(&photo, &mask, 1.0).unwrap(), Base::estimate(&photo, &mask).unwrap());
        assert!(analytic.printed.values.iter().all(|p| *p > 0.5), "the test's cloth is printed");
        assert_ne!(base.log.values, analytic.log.values, "the network has a say");
        let within = |(&both, &own): (&f32, &f32)| both * own >= 0.0 && both.abs() <= own.abs() + 1e-6;
        assert!(base.log.values.iter().zip(&analytic.log.values).all(within));
    }

    #[test]
    fn the_base_covers_the_photo_and_its_median_is_one() {
        let (_, params) = fresh(Config { width: 4, precision: Precision::F32 });
        let net = ShadeNet::from_params(&params, Config { width: 4, precision: Precision::F32 }).unwrap();
        let mut photo = SrgbImage::filled(90, 120, [100, 80, 60]);
        for (i, code) in photo.data_mut().iter_mut().enumerate() {
            *code = code.saturating_add((i / 3 % 90) as u8);
        }
        let mut mask = Mask::filled(90, 120, 0);
        for y in 10..100 {
            mask.data_mut()[y * 90 + 20..y * 90 + 70].fill(255);
        }
        let base = net.base(&photo, &mask, 1.0).unwrap();
        assert_eq!(
            base.log.values,
            Base::estimate(&photo, &mask).unwrap().log.values,
            "plain cloth is in the analytic light"
        );
        let shading = pixels::shading::Shading::compose(&photo, &mask, &base).unwrap();
        let covered = shading.values.iter().zip(mask.data()).filter(|&(_, &a)| a > 0);
        let mut cloth: Vec<f32> = covered.map(|(&v, _)| v).collect();
        assert!((pixels::garment_stats::percentile(&mut cloth, 0.5) - 1.0).abs() < 0.05);
        assert!((base.log.width as f32 / base.log.height as f32 - 0.75).abs() < 0.02);
        assert!(net.base(&photo, &Mask::filled(90, 120, 0), 1.0).is_ok());
        assert!(Config { width: 0, precision: Precision::F32 }.validate().is_err());
    }
}
