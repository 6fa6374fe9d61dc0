//! Which pixels are which garment: an EfficientNet-Lite0 encoder with a light top-down decoder.
//!
//! Lin et al., "Feature Pyramid Networks", 2017, for the top-down path. Departures: depthwise-separable 5×5 fusion
//! instead of dense 3×3, no normalisation layers (the encoder's are folded), a global-context vector added at the
//! deepest level, and logits at stride 2 so that belts and straps survive.

use std::path::Path;

use pixels::{SrgbImage, resize_linear};
use tch::{Kind, Tensor};

use crate::backbone::{Backbone, FEATURE_CHANNELS};
use crate::closer::{CLOSER_PX, Closer};
use crate::layers::{Conv, ConvShape, Precision};
use crate::params::{Builder, Init, Params};
pub use crate::segmentation::Segmentation;
use crate::{Error, Result, checkpoint, seam};

/// Name of the weights file, without ending.
pub const NAME: &str = "segmenter";

/// What a pixel shows. The discriminant is the channel of the network's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Class {
    /// Nothing that is worn or wears.
    Background,
    /// Skin.
    Skin,
    /// Hair.
    Hair,
    /// Shirts, T-shirts, tops, sweaters.
    Upper,
    /// Coats, jackets, blazers.
    Outer,
    /// Trousers, skirts, shorts, leggings.
    Lower,
    /// Dresses, rompers, overalls.
    Full,
    /// Shoes, sandals, boots.
    Footwear,
    /// Bags, clutches, wallets.
    Bag,
    /// Hats, caps.
    Headwear,
    /// Belts, scarves, ties, socks, gloves, glasses, watches.
    Accessory,
}

impl Class {
    /// Every class in channel order.
    pub const EVERY: [Self; 11] = [
        Self::Background,
        Self::Skin,
        Self::Hair,
        Self::Upper,
        Self::Outer,
        Self::Lower,
        Self::Full,
        Self::Footwear,
        Self::Bag,
        Self::Headwear,
        Self::Accessory,
    ];

    /// Lower-case name, as in model cards and reports.
    pub fn name(self) -> &'static str {
        ["background", "skin", "hair", "upper", "outer", "lower", "full", "footwear", "bag", "headwear", "accessory"]
            [self as usize]
    }
}

/// A set of classes: all that is known of a pixel is that its class is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClassSet(u16);

impl ClassSet {
    /// Nothing is known.
    pub const ANY: Self = Self((1 << Class::EVERY.len()) - 1);
    /// Certainly background.
    pub const BACKGROUND: Self = Self::of(&[Class::Background]);
    /// Anything that is worn or carried.
    pub const GARMENT: Self = Self::of(&[
        Class::Upper,
        Class::Outer,
        Class::Lower,
        Class::Full,
        Class::Footwear,
        Class::Bag,
        Class::Headwear,
        Class::Accessory,
    ]);
    /// Anything but background.
    pub const FOREGROUND: Self = Self(Self::ANY.0 & !Self::BACKGROUND.0);

    /// The set of the listed classes.
    pub const fn of(classes: &[Class]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < classes.len() {
            bits |= 1 << classes[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// One bit per class, bit = channel.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Classes in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Classes in this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the class is in the set.
    pub fn has(self, class: Class) -> bool {
        self.0 >> class as u16 & 1 == 1
    }

    /// Whether every class of this set is in `other`.
    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The class, if there is only one.
    pub fn single(self) -> Option<Class> {
        if self.0.is_power_of_two() { Class::EVERY.get(self.0.trailing_zeros() as usize).copied() } else { None }
    }

    /// The classes in the set, in channel order.
    pub fn classes(self) -> impl Iterator<Item = Class> {
        Class::EVERY.into_iter().filter(move |&class| self.has(class))
    }
}

/// The encoder's maps deviate by 2 to 8; brought near 1 for the decoder.
const FEATURE_SCALE: f64 = 0.2;

/// Size of the network.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the decoder at strides 4 to 32; half of it at stride 2.
    pub decoder_channels: i64,
    /// Precision of convolutions.
    pub precision: Precision,
    /// Side of the square that has as many pixels as the network's input, about: what it was trained at, so that garments have
    /// the size it knows.
    #[serde(default = "usual_input_px")]
    pub input_px: u32,
}

fn usual_input_px() -> u32 {
    256
}

impl Default for Config {
    /// The usual size.
    fn default() -> Self {
        Self { decoder_channels: 64, precision: Precision::F32, input_px: usual_input_px() }
    }
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field.
    pub fn validate(&self) -> Result<()> {
        if self.decoder_channels < 8 || self.decoder_channels > 512 || self.decoder_channels % 2 != 0 {
            let got = self.decoder_channels;
            return Err(Error::Input(format!("decoder_channels must be even and 8 to 512, got {got}")));
        }
        if !(64..=1024).contains(&self.input_px) {
            return Err(Error::Input(format!("input_px must be 64 to 1024, got {}", self.input_px)));
        }
        Ok(())
    }
}

/// Depthwise 5×5 (3×3 at stride 2) and pointwise convolution around a residual.
struct Fuse {
    depthwise: Conv,
    pointwise: Conv,
}

impl Fuse {
    fn new(builder: &mut Builder, name: &str, channels: i64, kernel: i64) -> Self {
        builder.scope(name, |b| Self {
            depthwise: Conv::new(b, "depthwise", ConvShape::depthwise(channels, kernel)),
            pointwise: Conv::new(b, "pointwise", ConvShape::dense(channels, channels, 1)),
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        // Halved, so that activations keep their size from level to level without normalisation layers.
        (x + self.pointwise.forward(&self.depthwise.forward(x)).relu()) * 0.5
    }
}

/// Encoder and decoder.
pub struct Network {
    backbone: Backbone,
    context: Conv,
    laterals: [Conv; 5],
    fuses: [Fuse; 5],
    narrow: Conv,
    logits: Conv,
}

impl Network {
    /// Asks `builder` for the network's tensors: `encoder.…` as the backbone's, `decoder.…`.
    pub fn build(builder: &mut Builder, config: Config) -> Self {
        let wide = config.decoder_channels;
        let channels = [wide / 2, wide, wide, wide, wide];
        let backbone = builder.scope("encoder", |b| Backbone::build(b, config.precision));
        builder.scope("decoder", |b| Self {
            backbone,
            context: Conv::new(b, "context", ConvShape::dense(FEATURE_CHANNELS[4], wide, 1)),
            laterals: std::array::from_fn(|i| {
                Conv::new(b, &format!("lateral.{i}"), ConvShape::dense(FEATURE_CHANNELS[i], channels[i], 1))
            }),
            fuses: std::array::from_fn(|i| Fuse::new(b, &format!("fuse.{i}"), channels[i], if i == 0 { 3 } else { 5 })),
            narrow: Conv::new(b, "narrow", ConvShape::dense(wide, wide / 2, 1)),
            logits: Conv::with_init(b, "logits", ConvShape::dense(wide / 2, Class::EVERY.len() as i64, 1), Init::Zeros),
        })
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

    /// Class logits; the first `frozen` encoder blocks are run without gradient.
    ///
    /// # Shapes
    /// `[N, 3, H, W]` sRGB codes 0 to 255, sides multiples of 32 → `[N, 11, H / 2, W / 2]`, `f32`.
    pub fn forward(&self, codes: &Tensor, frozen: usize) -> Tensor {
        let features = self.backbone.features(codes, frozen).map(|map| map * FEATURE_SCALE);
        let mean = features[4].mean_dim([2, 3].as_slice(), true, features[4].kind());
        let mut x = self.laterals[4].forward(&features[4]) + self.context.forward(&mean);
        x = self.fuses[4].forward(&x);
        for level in (0..4).rev() {
            if level == 0 {
                x = self.narrow.forward(&x);
            }
            let size = features[level].size();
            let up = x.upsample_bilinear2d([size[2], size[3]], false, None, None);
            x = self.fuses[level].forward(&(self.laterals[level].forward(&features[level]).to_kind(up.kind()) + up));
        }
        self.logits.forward(&x.relu()).to_kind(Kind::Float)
    }
}

/// The network's input size for a photo: its aspect, about `input_px`² pixels, both sides multiples of 32.
fn input_size(input_px: u32, width_px: u32, height_px: u32) -> (u32, u32) {
    let scale = f64::from(input_px) / (f64::from(width_px) * f64::from(height_px)).max(1.0).sqrt();
    let side = |px: u32| ((f64::from(px) * scale / 32.0).round() as u32).clamp(2, 32) * 32;
    (side(width_px), side(height_px))
}

/// The trained network, ready to segment photos.
pub struct Segmenter {
    network: Network,
    params: Params,
    config: Config,
}

impl Segmenter {
    /// Loads `segmenter.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, config): (Params, Config) = checkpoint::load_configured(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        // Forward passes in bf16 give other masks on other processors; f32 gives the same ones everywhere.
        let config = Config { precision: Precision::F32, ..config };
        Self::from_params(&params, config).map_err(|error| checkpoint::invalid(&path, error.to_string()))
    }

    /// A segmenter of tensors in memory, such as a training run's averaged weights.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, config: Config) -> Result<Self> {
        Ok(Self { network: Network::from_params(params, config)?, params: params.clone(), config })
    }

    /// Another handle on the same weights, for another thread.
    ///
    /// # Errors
    /// Never in practice: the tensors have been checked.
    pub fn handle(&self) -> Result<Self> {
        Self::from_params(&self.params, self.config)
    }

    /// Finds the class of every pixel of a photo, on a coarse grid; of people by a second, finer look at them.
    ///
    /// # Errors
    /// [`Error::Input`] for an empty photo.
    pub fn segment(&self, photo: &SrgbImage) -> Result<Segmentation> {
        if photo.width_px() == 0 || photo.height_px() == 0 {
            return Err(Error::Input("segment: the photo has no pixels".into()));
        }
        let size = (photo.width_px(), photo.height_px());
        let (width, height) = input_size(self.config.input_px, size.0, size.1);
        let input = seam::tensor_from_srgb(&resize_linear(photo, width, height)?).unsqueeze(0);
        let first = self.look(&input)?;
        let one = seen(&first)?;
        let Some(closer) = Closer::of(&one, size, |width_px, height_px| input_size(CLOSER_PX, width_px, height_px))
        else {
            return seen(&self.and_mirrored(&input, &first)?);
        };
        let cut = closer.cut(&resize_linear(photo, closer.size.0, closer.size.1)?)?;
        let input = seam::tensor_from_srgb(&cut).unsqueeze(0);
        closer.merged(&one, &seen(&self.and_mirrored(&input, &self.look(&input)?)?)?)
    }

    /// The network's view of a picture of its input size: `[1, 3, H, W]` codes → `[1, 11, H / 2, W / 2]` probabilities.
    fn look(&self, codes: &Tensor) -> Result<Tensor> {
        tch::no_grad(|| Ok(self.network.forward(codes, usize::MAX).f_softmax(1, Kind::Float)?))
    }

    /// The mean of a view and of that of the mirror image.
    fn and_mirrored(&self, codes: &Tensor, view: &Tensor) -> Result<Tensor> {
        Ok((view + self.look(&codes.f_flip([3])?)?.f_flip([3])?) * 0.5)
    }
}

/// One picture's probabilities.
fn seen(view: &Tensor) -> Result<Segmentation> {
    let size = view.size();
    Segmentation::new(size[3] as usize, size[2] as usize, seam::floats_of(&view.f_get(0)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_keeps_the_aspect_in_multiples_of_32() {
        assert_eq!(input_size(256, 1800, 2400), (224, 288));
        assert_eq!(input_size(256, 224, 224), (256, 256));
        assert_eq!(input_size(256, 10_000, 100), (1024, 64));
        assert_eq!(input_size(320, 1800, 2400), (288, 384));
    }

    #[test]
    fn sets_know_their_members() {
        let set = ClassSet::of(&[Class::Upper, Class::Full]);
        assert!(set.has(Class::Upper) && !set.has(Class::Lower) && set.within(ClassSet::GARMENT));
        assert_eq!((set.single(), ClassSet::BACKGROUND.single()), (None, Some(Class::Background)));
        assert_eq!(set.classes().count(), 2);
    }

    #[test]
    fn a_fresh_network_gives_a_distribution_at_every_point() {
        let mut builder = Builder::fresh(3);
        let config = Config { decoder_channels: 8, ..Config::default() };
        let _network = Network::build(&mut builder, config);
        let params = builder.finish().unwrap();
        let segmenter = Segmenter::from_params(&params, config).unwrap();
        let seen = segmenter.segment(&SrgbImage::filled(60, 90, [120, 80, 40])).unwrap();
        assert_eq!((seen.width(), seen.height()), (112, 160));
        let sum: f32 = Class::EVERY.iter().map(|&class| seen.class(class)[77]).sum();
        assert!((sum - 1.0).abs() < 1e-4);
        assert!(segmenter.segment(&SrgbImage::filled(0, 5, [0; 3])).is_err());
    }
}
