//! The painterly look: a photo painted with the statistics of a reference's feature maps.
//!
//! Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", 2017. Departures: the
//! encoder is EfficientNet-Lite0 up to its fifth expansion instead of VGG, its maps taken before activation at three
//! resolutions, each normalised by itself; the decoder is a U-Net over these. The statistics of a photo are those of all of
//! it, so that tiles have no seams.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::backbone::{Backbone, EXPANDED_CHANNELS, EXPANDED_STRIDES};
use crate::layers::{Conv, ConvShape, Precision, channels_last};
use crate::params::{Builder, Init, Params};
use crate::stream::Stream;
use crate::{Error, Result, checkpoint};

pub mod painter;

pub use painter::Painter;

/// Name of the weights file, without ending.
pub const NAME: &str = "style";
/// Which expanded maps of the backbone the decoder reads, from the finest.
pub const TAPS: [usize; 3] = [0, 2, 4];
/// Expanded maps that the decoder needs.
pub const READ: usize = TAPS[2] + 1;
/// Deviations below this share of the usual one are not stretched: flat paper stays flat.
const FLAT: f64 = 0.4;
/// Deviation of each breadth of the grain, in codes.
const GRAIN: f32 = 4.0;

/// Size of the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels at half resolution; twice and four times as many at a quarter and an eighth.
    pub width: i64,
    /// Precision of the decoder's convolutions and of the backbone's in training.
    #[serde(default)]
    pub precision: Precision,
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field.
    pub fn validate(&self) -> Result<()> {
        if (4..=256).contains(&self.width) {
            return Ok(());
        }
        Err(Error::Input(format!("model.width: expected 4 to 256, got {}", self.width)))
    }
}

/// Mean and deviation of a map's channels, `[N, C, 1, 1]` each, `f32`.
#[derive(Debug)]
pub struct Moments {
    /// Means.
    pub mean: Tensor,
    /// Standard deviations.
    pub deviation: Tensor,
}

impl Clone for Moments {
    /// Shares the storage.
    fn clone(&self) -> Self {
        Self { mean: self.mean.shallow_clone(), deviation: self.deviation.shallow_clone() }
    }
}

impl Moments {
    /// # Shapes
    /// `[N, C, H, W]`, any float kind.
    pub fn of(map: &Tensor) -> Self {
        let map = map.to_kind(Kind::Float);
        let mean = map.mean_dim([2, 3].as_slice(), true, Kind::Float);
        let variance = (map - &mean).square().mean_dim([2, 3].as_slice(), true, Kind::Float);
        Self { mean, deviation: (variance + 1e-8).sqrt() }
    }

    /// A map of these moments with another's moved to `wanted`.
    ///
    /// `usual` are deviations over ordinary photos, `[1, C, 1, 1]`.
    pub fn moved_to(&self, wanted: &Self, map: &Tensor, usual: &Tensor) -> Tensor {
        let floor = usual * FLAT;
        let own = (self.deviation.square() + floor.square()).sqrt();
        (map.to_kind(Kind::Float) - &self.mean) / own * &wanted.deviation + &wanted.mean
    }
}

/// Two convolutions beside the way around them.
struct Residual {
    first: Conv,
    second: Conv,
}

impl Residual {
    fn new(builder: &mut Builder, name: &str, channels: i64) -> Self {
        builder.scope(name, |b| Self {
            first: Conv::new(b, "first", ConvShape::dense(channels, channels, 3)),
            second: Conv::with_init(b, "second", ConvShape::dense(channels, channels, 3), Init::Zeros),
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x + self.second.forward(&self.first.forward(&x.relu()).relu())
    }
}

/// From one resolution to the next finer: what came so far, the map of that resolution, and both mixed.
struct Finer {
    skip: Conv,
    mix: Conv,
    rest: Residual,
}

impl Finer {
    fn new(builder: &mut Builder, name: &str, from: i64, map: i64, to: i64) -> Self {
        builder.scope(name, |b| Self {
            skip: Conv::new(b, "skip", ConvShape::dense(map, to, 1)),
            mix: Conv::new(b, "mix", ConvShape::dense(from + to, to, 3)),
            rest: Residual::new(b, "rest", to),
        })
    }

    fn forward(&self, x: &Tensor, map: &Tensor) -> Tensor {
        let joined = Tensor::cat(&[doubled(&x.relu()), self.skip.forward(map).relu()], 1);
        self.rest.forward(&self.mix.forward(&joined))
    }
}

/// # Shapes
/// `[N, C, H, W]` → `[N, C, 2H, 2W]`.
fn doubled(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
}

/// The decoder, with what it takes for ordinary.
pub struct Network {
    centers: [Tensor; 3],
    scales: [Tensor; 3],
    enter: Conv,
    deep: [Residual; 2],
    quarter: Finer,
    half: Finer,
    whole: Conv,
    codes: Conv,
    precision: Precision,
}

impl Network {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder, config: Config) -> Self {
        let w = config.width;
        let channels = TAPS.map(|tap| EXPANDED_CHANNELS[tap]);
        let of = |b: &mut Builder, what: &str, init| {
            [0, 1, 2].map(|k| b.tensor(&format!("{what}.{k}"), &[1, channels[k], 1, 1], init))
        };
        Self {
            centers: of(builder, "center", Init::Zeros),
            scales: of(builder, "scale", Init::Ones),
            enter: Conv::new(builder, "enter", ConvShape::dense(channels[2], 4 * w, 1)),
            deep: [Residual::new(builder, "deep.0", 4 * w), Residual::new(builder, "deep.1", 4 * w)],
            quarter: Finer::new(builder, "quarter", 4 * w, channels[1], 2 * w),
            half: Finer::new(builder, "half", 2 * w, channels[0], w),
            whole: Conv::new(builder, "whole", ConvShape::dense(w, w / 2, 3)),
            codes: Conv::new(builder, "codes", ConvShape::dense(w / 2, 3, 3)),
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

    /// The ordinary deviations of the map that the decoder reads as its `k`-th, `[1, C, 1, 1]`.
    pub fn usual(&self, k: usize) -> Tensor {
        self.scales[k].detach()
    }

    /// A picture of its maps.
    ///
    /// # Shapes
    /// the [`TAPS`] of [`Backbone::expanded`] of `[N, 3, H, W]` → `[N, 3, H, W]`, codes that may lie outside 0 to 255.
    pub fn forward(&self, maps: &[Tensor; 3]) -> Tensor {
        let read = |k: usize| {
            let standard = (maps[k].to_kind(Kind::Float) - self.centers[k].detach()) / self.scales[k].detach();
            channels_last(&standard.clamp(-6.0, 6.0).to_kind(self.precision.kind()))
        };
        let deep = self.deep.iter().fold(self.enter.forward(&read(2)), |x, residual| residual.forward(&x));
        let half = self.half.forward(&self.quarter.forward(&deep, &read(1)), &read(0));
        let whole = self.whole.forward(&doubled(&half.relu())).relu();
        self.codes.forward(&whole).to_kind(Kind::Float) * 64.0 + 127.0
    }
}

/// The maps that the decoder reads, of pictures.
///
/// # Shapes
/// `[N, 3, H, W]` sRGB codes, sides multiples of 16 → strides 2, 4 and 8.
pub fn maps_of(backbone: &Backbone, codes: &Tensor) -> [Tensor; 3] {
    let all = backbone.expanded(codes, READ);
    TAPS.map(|tap| all[tap].to_kind(Kind::Float))
}

/// Strides of the same.
pub fn strides() -> [i64; 3] {
    TAPS.map(|tap| EXPANDED_STRIDES[tap])
}

/// Cloudy noise of several breadths, in codes, for a photo before it is painted: where nothing is to be seen, strokes have
/// something to begin at.
///
/// # Shapes
/// → `[N, 3, H, W]`; sides at least 8.
pub fn grain([n, height, width]: [i64; 3], stream: &mut Stream) -> Tensor {
    let breadths = [2, 4, 8].map(|breadth| {
        let (rows, columns) = ((height / breadth).max(1), (width / breadth).max(1));
        stream.normal_tensor(&[n, 3, rows, columns], GRAIN).upsample_bilinear2d([height, width], false, None, None)
    });
    breadths.iter().fold(Tensor::zeros([n, 3, height, width], (Kind::Float, tch::Device::Cpu)), |sum, one| sum + one)
}

/// Loads `style.safetensors` from the weights folder; the decoder in full precision.
///
/// # Errors
/// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
pub fn load(weights: &Path) -> Result<Network> {
    let (params, config): (Params, Config) = checkpoint::load_configured(weights, NAME)?;
    let path = checkpoint::weights_path(weights, NAME);
    let plain = Config { precision: Precision::F32, ..config };
    Network::from_params(&params, plain).map_err(|error| checkpoint::invalid(&path, error.to_string()))
}
