//! The learned look: what was done to the colours of a reference, from statistics of its colours and of the backbone's maps.
//!
//! Trained on photos under random photographic transforms, whose inverse nobody sees: the network must tell what is unusual
//! about a picture from what is merely shown in it.

use std::path::Path;

use pixels::color::LabImage;
use pixels::garment_stats::percentile;
use pixels::{SrgbImage, resize_linear};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{COEFFICIENTS, LEVELS, Look, moments};
use crate::backbone::{Backbone, FEATURE_CHANNELS, INPUT_PX};
use crate::layers::Linear;
use crate::params::{Builder, Init, Params};
use crate::{Error, Result, checkpoint, seam};

/// Name of the weights file, without ending.
pub const NAME: &str = "look";
/// Maps of the backbone whose deviations are looked at; of the others only the means.
const SPREADS: usize = 3;
/// Numbers from the colours alone.
pub const COLOR_FEATURES: usize = 33;
/// Numbers that the network reads.
pub const FEATURES: usize = COLOR_FEATURES + (16 + 24 + 40 + 112 + 320) + (16 + 24 + 40);
/// What a look's numbers may reach.
const LIMIT: f64 = 1.5;

/// Size of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Width of both hidden layers.
    pub hidden: i64,
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field.
    pub fn validate(&self) -> Result<()> {
        if (1..=4096).contains(&self.hidden) {
            return Ok(());
        }
        Err(Error::Input(format!("model.hidden: expected 1 to 4096, got {}", self.hidden)))
    }
}

/// Two hidden layers on standardised statistics.
pub struct Network {
    center: Tensor,
    scale: Tensor,
    layers: [Linear; 2],
    maps: Linear,
}

impl Network {
    /// Asks `builder` for the network's tensors; fresh, it gives the identity.
    pub fn build(builder: &mut Builder, config: Config) -> Self {
        let features = FEATURES as i64;
        Self {
            center: builder.tensor("center", &[features], Init::Zeros),
            scale: builder.tensor("scale", &[features], Init::Ones),
            layers: [
                Linear::new(builder, "layer.0", features, config.hidden, Init::He),
                Linear::new(builder, "layer.1", config.hidden, config.hidden, Init::He),
            ],
            maps: Linear::new(builder, "maps", config.hidden, (LEVELS * COEFFICIENTS) as i64, Init::Zeros),
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

    /// The statistics as the hidden layers read them.
    ///
    /// # Shapes
    /// `[N, FEATURES]` → the same.
    pub fn standardized(&self, features: &Tensor) -> Tensor {
        ((features - self.center.detach()) * self.scale.detach()).clamp(-4.0, 4.0)
    }

    /// The numbers of a look each.
    ///
    /// # Shapes
    /// standardised `[N, FEATURES]` → `[N, LEVELS · COEFFICIENTS]`.
    pub fn forward(&self, standardized: &Tensor) -> Tensor {
        let hidden = self.layers.iter().fold(standardized.shallow_clone(), |x, layer| {
            let x = layer.forward(&x);
            x.maximum(&(&x * 0.1))
        });
        // Bounded, so that a picture unlike any in training asks for nothing absurd.
        (self.maps.forward(&hidden) * (0.3 / LIMIT)).tanh() * LIMIT
    }
}

/// Finds the looks of references.
pub struct Looker {
    backbone: Backbone,
    network: Network,
}

impl Looker {
    /// Loads `look.safetensors` and the backbone from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, config): (Params, Config) = checkpoint::load_configured(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        let network =
            Network::from_params(&params, config).map_err(|error| checkpoint::invalid(&path, error.to_string()))?;
        Ok(Self { backbone: Backbone::load(weights)?, network })
    }

    /// The look of a reference; the same one whatever photos it is given to.
    ///
    /// # Errors
    /// When the reference has no pixels or libtorch refuses.
    pub fn look(&self, reference: &SrgbImage) -> Result<Look> {
        let features = Tensor::from_slice(&features(reference, &self.backbone)?).f_view([1, FEATURES as i64])?;
        look_of(&self.network, &features)
    }
}

/// The look that a network gives to one row of statistics.
///
/// # Errors
/// When libtorch refuses.
pub fn look_of(network: &Network, features: &Tensor) -> Result<Look> {
    Look::new(&seam::floats_of(&tch::no_grad(|| network.forward(&network.standardized(features))))?)
}

/// Everything that is read of a reference, [`FEATURES`] numbers.
///
/// # Errors
/// When the reference has no pixels or libtorch refuses.
pub fn features(reference: &SrgbImage, backbone: &Backbone) -> Result<Vec<f32>> {
    let small = resize_linear(reference, INPUT_PX, INPUT_PX)?;
    let mut all = color_features(&LabImage::from_srgb(&small));
    let maps = tch::no_grad(|| backbone.features(&seam::tensor_from_srgb(&small).unsqueeze(0), usize::MAX));
    let over = [2_i64, 3];
    for map in &maps {
        all.extend(seam::floats_of(&map.mean_dim(over.as_slice(), false, Kind::Float))?);
    }
    for map in &maps[..SPREADS] {
        all.extend(seam::floats_of(&map.to_kind(Kind::Float).std_dim(over.as_slice(), false, false))?);
    }
    debug_assert_eq!(FEATURE_CHANNELS.iter().sum::<i64>() as usize + COLOR_FEATURES + 80, all.len());
    Ok(all)
}

/// Moments, percentiles, colour casts of shadows, middle and lights, chroma, and how colour follows lightness.
fn color_features(lab: &LabImage) -> Vec<f32> {
    let (mean, spread) = moments(lab);
    let channel = |c: usize| lab.data().iter().skip(c).step_by(3).copied().collect::<Vec<f32>>();
    let [mut l, mut a, mut b] = [0, 1, 2].map(channel);
    let mut all = vec![mean[0] / 50.0 - 1.0, mean[1] / 15.0, mean[2] / 15.0];
    all.extend(spread.map(|v| v / 20.0));
    for third in 0..3 {
        let inside = |&(i, _): &(usize, &f32)| ((l[i] / 100.0 * 3.0) as usize).min(2) == third;
        let chosen: Vec<usize> = l.iter().enumerate().filter(inside).map(|(i, _)| i).collect();
        // Few pixels say little: their mean is drawn to nothing.
        let few = chosen.len() as f32 + 0.005 * l.len() as f32;
        let mean = |of: &[f32]| chosen.iter().map(|&i| of[i]).sum::<f32>() / few / 15.0;
        all.extend([chosen.len() as f32 / l.len() as f32, mean(&a), mean(&b)]);
    }
    for (c, other) in [(1, &a), (2, &b)] {
        let covariance = l.iter().zip(other).map(|(x, y)| (x - mean[0]) * (y - mean[c])).sum::<f32>() / l.len() as f32;
        all.push(covariance / ((spread[0] + 1.0) * (spread[c] + 1.0)));
    }
    let mut chroma: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a.hypot(*b)).collect();
    all.extend([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|share| percentile(&mut l, share) / 50.0 - 1.0));
    all.extend([0.5, 0.9, 0.99].map(|share| percentile(&mut chroma, share) / 30.0));
    all.extend([0.1, 0.5, 0.9].map(|share| percentile(&mut a, share) / 15.0));
    all.extend([0.1, 0.5, 0.9].map(|share| percentile(&mut b, share) / 15.0));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_network_gives_the_identity_and_reads_all_features() {
        let mut builder = Builder::fresh(2);
        let backbone = Backbone::build(&mut builder, crate::layers::Precision::F32);
        let reference = SrgbImage::filled(30, 40, [200, 150, 90]);
        let features = features(&reference, &backbone).unwrap();
        assert_eq!(features.len(), FEATURES);
        let config = Config { hidden: 8 };
        let network = Network::build(&mut Builder::fresh(3), config);
        let row = Tensor::from_slice(&features).view([1, -1]);
        assert_eq!(look_of(&network, &row).unwrap(), Look::identity());
        assert!(Config { hidden: 0 }.validate().is_err());
    }
}
