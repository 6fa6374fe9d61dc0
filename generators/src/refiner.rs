//! The refiner: a generator that changes the light on a garment that was cut from another cloth, so that it looks more like
//! photos of such cloth.
//!
//! A small U-Net (Ronneberger, Fischer and Brox 2015) told of the swatch by scale and shift of its deepest maps (FiLM, Perez et
//! al. 2018), trained against a discriminator of patches. It sees a small copy and changes light alone, slowly over the
//! garment, by at most a tenth of the range of codes: the print keeps its crispness and its colours' order at any size. A
//! fresh network changes nothing.

use std::path::Path;

use pixels::color::{Lab, linear_from_srgb8, srgb8_from_linear};
use pixels::fabric::Restyle;
use pixels::guided_filter::Plane;
use pixels::{Mask, SrgbImage};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::layers::{Conv, ConvShape, Linear, channels_last, doubled, leaky};
use crate::params::{Builder, Init, Params};
use crate::shading::view::{SIDE, View};
use crate::{Error, Result, checkpoint, seam};

/// Name of the weights file, without ending.
pub const NAME: &str = "refiner";
/// Planes that the network reads: Lab of the garment in its new cloth, log light on it, mask.
pub const PLANES: usize = 5;
/// Index of the plane that holds the mask.
pub const MASK_PLANE: i64 = 4;
/// Numbers of a swatch's embedding.
pub const EMBEDDING: i64 = 1280;
/// Linear light of the cloth that shows a garment's light, and how much of either side of it is told.
const GREY: f32 = 0.22;
const LOG_LIMIT: f32 = 1.5;

/// Size of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels at half the small copy's size; deeper levels have 2 and 4 times as many.
    pub width: i64,
    /// Numbers that are left of the swatch's embedding.
    pub swatch: i64,
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [("model.width", self.width), ("model.swatch", self.swatch)] {
            if !(4..=256).contains(&value) {
                return Err(Error::Input(format!("{name}: expected 4 to 256, got {value}")));
            }
        }
        Ok(())
    }
}

/// Encoder, decoder, and what the swatch has to say.
pub struct Network {
    stem: Conv,
    downs: [Conv; 2],
    encoder: [Conv; 3],
    swatch: Linear,
    film: Linear,
    ups: [Conv; 2],
    decoder: [Conv; 2],
    light: Conv,
}

impl Network {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder, config: Config) -> Self {
        let channels = [1, 2, 4].map(|n| n * config.width);
        let block = |b: &mut Builder, name: &str, i: usize| {
            Conv::new(b, &format!("{name}.{i}"), ConvShape::dense(channels[i], channels[i], 3))
        };
        let between = |b: &mut Builder, name: &str, from: usize, to: usize, shape: ConvShape| {
            Conv::new(b, &format!("{name}.{}", from.min(to)), shape)
        };
        let down = |b: &mut Builder, i: usize| {
            between(b, "down", i, i + 1, ConvShape::dense(channels[i], channels[i + 1], 3).stride(2))
        };
        let up =
            |b: &mut Builder, i: usize| between(b, "up", i + 1, i, ConvShape::dense(channels[i + 1], channels[i], 1));
        Self {
            stem: Conv::new(builder, "stem", ConvShape::dense(PLANES as i64, channels[0], 5).stride(2)),
            downs: [down(builder, 0), down(builder, 1)],
            encoder: [0, 1, 2].map(|i| block(builder, "encoder", i)),
            swatch: Linear::new(builder, "swatch", EMBEDDING, config.swatch, Init::He),
            film: Linear::new(builder, "film", config.swatch, 2 * channels[2], Init::Zeros),
            ups: [up(builder, 0), up(builder, 1)],
            decoder: [0, 1].map(|i| block(builder, "decoder", i)),
            light: Conv::with_init(builder, "light", ConvShape::dense(channels[0], 1, 3), Init::Zeros),
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

    /// By how much the light is to change, −1 (darkest) to 1, at half the small copy's size and laid over it again: nothing
    /// finer is changed.
    ///
    /// # Shapes
    /// `[N, PLANES, SIDE, SIDE]`, `[N, EMBEDDING]` → `[N, 1, SIDE, SIDE]`, `f32`.
    pub fn forward(&self, planes: &Tensor, embedding: &Tensor) -> Tensor {
        let block = |conv: &Conv, x: &Tensor| (x + leaky(&conv.forward(x))) * 0.5;
        let first = block(&self.encoder[0], &leaky(&self.stem.forward(&channels_last(planes))));
        let second = block(&self.encoder[1], &leaky(&self.downs[0].forward(&first)));
        let deepest = block(&self.encoder[2], &leaky(&self.downs[1].forward(&second)));
        let told = self.film.forward(&leaky(&self.swatch.forward(embedding))).unsqueeze(2).unsqueeze(3);
        let (scale, shift) =
            (told.narrow(1, 0, told.size()[1] / 2), told.narrow(1, told.size()[1] / 2, told.size()[1] / 2));
        let deepest = deepest * (scale + 1.0) + shift;
        let x = block(&self.decoder[1], &(doubled(&self.ups[1].forward(&deepest)) + second));
        let x = block(&self.decoder[0], &(doubled(&self.ups[0].forward(&x)) + first));
        doubled(&self.light.forward(&x).tanh()).contiguous()
    }
}

/// What the network reads of a garment in its new cloth, 0 outside the mask. `lit` shows the garment's light on grey cloth,
/// as [`light_picture`] makes it.
///
/// # Shapes
/// `[PLANES][SIDE][SIDE]`.
pub fn planes(made: &SrgbImage, lit: &SrgbImage, mask: &Mask) -> Vec<f32> {
    let n = SIDE * SIDE;
    let mut out = vec![0.0; PLANES * n];
    let pixels = made.data().chunks_exact(3).zip(lit.data().chunks_exact(3)).zip(mask.data()).take(n);
    for (i, ((rgb, lit), &alpha)) in pixels.enumerate().filter(|(_, (_, alpha))| **alpha > 0) {
        let color = Lab::from_srgb8([rgb[0], rgb[1], rgb[2]]);
        let log = (linear_from_srgb8(lit[0]).max(1e-4) / GREY).ln().clamp(-LOG_LIMIT, LOG_LIMIT);
        let values = [color.l / 50.0 - 1.0, color.a / 40.0, color.b / 40.0, log, 1.0];
        for (plane, value) in values.into_iter().enumerate() {
            out[plane * n + i] = value * f32::from(alpha) / 255.0;
        }
    }
    out
}

/// A garment's light, over its median, on grey cloth.
///
/// # Errors
/// When there are not as many values as pixels.
pub fn light_picture(shading: &[f32], width_px: u32, height_px: u32) -> Result<SrgbImage> {
    let grey = |&v: &f32| [srgb8_from_linear((GREY * v).clamp(0.0, 1.0)); 3];
    Ok(SrgbImage::new(width_px, height_px, shading.iter().flat_map(grey).collect())?)
}

/// The trained network, ready for garments.
pub struct Refiner {
    network: Network,
}

impl Refiner {
    /// Loads `refiner.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, config): (Params, Config) = checkpoint::load_configured(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        Self::from_params(&params, config).map_err(|error| checkpoint::invalid(&path, error.to_string()))
    }

    /// A network of tensors in memory.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, config: Config) -> Result<Self> {
        Ok(Self { network: Network::from_params(params, config)? })
    }

    /// By how much the light on a garment is to change, over its whole photo, for [`pixels::fabric::relight`]. `made` is the
    /// photo with the garment in its new cloth, `swatch` that cloth's embedding, `[EMBEDDING]`; `None` where the mask covers
    /// nothing.
    ///
    /// # Errors
    /// When sizes differ or libtorch refuses.
    pub fn light(&self, restyle: &Restyle, made: &SrgbImage, mask: &Mask, swatch: &Tensor) -> Result<Option<Plane>> {
        let lit = light_picture(&restyle.shading().values, made.width_px(), made.height_px())?;
        let (Some(view), Some(lit)) = (View::new(made, mask)?, View::new(&lit, mask)?) else { return Ok(None) };
        let (n, side) = (1, SIDE as i64);
        let seen = Tensor::from_slice(&planes(&view.image, &lit.image, &view.mask));
        let seen = seen.f_view([n, PLANES as i64, side, side])?;
        let swatch = swatch.to_kind(Kind::Float).f_view([n, EMBEDDING])?;
        let values = seam::floats_of(&tch::no_grad(|| self.network.forward(&seen, &swatch)))?;
        Ok(Some(view.over_photo(&values, made)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    const SMALL: Config = Config { width: 4, swatch: 4 };

    fn fresh() -> (Network, Params) {
        let mut builder = Builder::fresh(5);
        let network = Network::build(&mut builder, SMALL);
        (network, builder.finish().unwrap())
    }

    #[test]
    fn the_fresh_network_changes_nothing_and_none_changes_more_than_all() {
        let (network, params) = fresh();
        let side = SIDE as i64;
        let seen = Stream::new(1, "planes", 0).normal_tensor(&[2, PLANES as i64, side, side], 1.0);
        let swatch = Stream::new(1, "swatch", 0).normal_tensor(&[2, EMBEDDING], 1.0);
        assert_eq!(network.forward(&seen, &swatch).abs().max().double_value(&[]), 0.0);
        let loud = |(name, tensor): (&str, &Tensor)| {
            let noise = Stream::new(2, name, 0).normal_tensor(&tensor.size(), 1.0);
            (name.to_owned(), noise)
        };
        let network = Network::from_params(&params.iter().map(loud).collect(), SMALL).unwrap();
        let light = network.forward(&seen, &swatch);
        assert_eq!(light.size(), [2, 1, side, side]);
        let most = light.abs().max().double_value(&[]);
        assert!(most > 0.5 && most <= 1.0, "{most}");
        let other = network.forward(&seen, &(swatch * 2.0));
        assert!((light - other).abs().max().double_value(&[]) > 0.0, "the swatch has no say");
        assert!(Config { width: 0, swatch: 8 }.validate().is_err());
    }

    #[test]
    fn light_is_told_in_logarithms_and_nothing_outside_the_mask() {
        let side = SIDE as u32;
        let shading: Vec<f32> = (0..SIDE * SIDE).map(|i| if i % SIDE < 64 { 0.5 } else { 1.0 }).collect();
        let lit = light_picture(&shading, side, side).unwrap();
        let mut mask = Mask::filled(side, side, 255);
        mask.data_mut()[..SIDE].fill(0);
        let seen = planes(&SrgbImage::filled(side, side, [119; 3]), &lit, &mask);
        let at = |plane: usize, x: usize, y: usize| seen[plane * SIDE * SIDE + y * SIDE + x];
        assert!((0..PLANES).all(|plane| at(plane, 10, 0) == 0.0));
        assert!((at(3, 10, 5) - 0.5_f32.ln()).abs() < 0.03 && at(3, 100, 5).abs() < 0.03);
        assert!(at(0, 10, 5).abs() < 0.05 && at(4, 10, 5) == 1.0);
    }
}
