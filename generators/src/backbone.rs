//! EfficientNet-Lite as an embedding and as an encoder: Lite0 for everything, Lite2 for the independent judge.
//!
//! Tan and Le, "EfficientNet", 2019, and the Lite variants of TensorFlow's TPU repository: no squeeze-and-excitation,
//! ReLU6, fixed stem and head. Departures: every BatchNorm is folded into its convolution by `scripts/convert-backbone`,
//! and the ImageNet classifier is left out.

use std::path::Path;

use tch::Tensor;

use crate::checkpoint;
use crate::layers::{Conv, ConvShape, Precision, channels_last, relu6};
use crate::params::{Builder, Params};
use crate::{Error, Result};

/// Length of an embedding.
pub const EMBEDDING: i64 = 1280;
/// Side of the square pictures that embeddings are taken from, in pixels.
pub const INPUT_PX: u32 = 224;
/// Name of the weights file, without ending.
pub const NAME: &str = "backbone";

/// A network of the family.
#[derive(Debug)]
pub struct Variant {
    /// Side of the square pictures that embeddings are taken from, in pixels.
    pub input_px: u32,
    /// Repeats, kernel, stride of the first, expansion and output channels of each stage.
    stages: [(usize, i64, i64, i64, i64); 7],
}

/// The backbone of all models.
pub const LITE0: Variant = Variant {
    input_px: INPUT_PX,
    stages: [
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    ],
};

/// Wider, deeper and of higher resolution; no model is trained with it.
pub const LITE2: Variant = Variant {
    input_px: 260,
    stages: [
        (1, 3, 1, 1, 16),
        (3, 3, 2, 6, 24),
        (3, 5, 2, 6, 48),
        (4, 3, 2, 6, 88),
        (4, 5, 1, 6, 120),
        (5, 5, 2, 6, 208),
        (1, 3, 1, 6, 352),
    ],
};

/// The stages that end a resolution: strides 2, 4, 8, 16 and 32.
const TAPPED_STAGES: [usize; 5] = [0, 1, 2, 4, 6];
/// Channels of the maps that [`Backbone::features`] of [`LITE0`] gives.
pub const FEATURE_CHANNELS: [i64; 5] = [16, 24, 40, 112, 320];
/// Channels of the maps that [`Backbone::expanded`] of [`LITE0`] gives.
pub const EXPANDED_CHANNELS: [i64; 8] = [96, 144, 144, 240, 240, 480, 480, 480];
/// Strides of the same.
pub const EXPANDED_STRIDES: [i64; 8] = [2, 4, 4, 8, 8, 16, 16, 16];
/// Blocks of the trunk; those after it and the head are the [`Tail`], which another task may have trained for itself.
const TRUNK_BLOCKS: usize = 8;

/// Channels of what the trunk of [`LITE0`] makes of a picture.
const TRUNK_CHANNELS: i64 = 80;

/// Channels, height and width of what the trunk of [`LITE0`] makes of a picture of `px` × `px`, a multiple of 16.
pub const fn trunk_shape(px: u32) -> [i64; 3] {
    let side = px as i64 / 16;
    [TRUNK_CHANNELS, side, side]
}

struct Block {
    expand: Option<Conv>,
    depthwise: Conv,
    project: Conv,
    residual: bool,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let filtered = match &self.expand {
            Some(expand) => self.depthwise.forward_relu6(expand.forward(x)),
            None => self.depthwise.forward(x),
        };
        let y = self.project.forward_relu6(filtered);
        if self.residual { y + x } else { y }
    }

    /// As [`Block::forward`], the depthwise convolution in `f32`: backward, oneDNN's is several times faster than in bf16.
    fn forward_mixed(&self, x: &Tensor) -> Tensor {
        let kind = x.kind();
        let expanded = self.expand.as_ref().map_or_else(|| x.shallow_clone(), |conv| relu6(conv.forward(x)));
        let filtered = relu6(self.depthwise.forward(&expanded.to_kind(tch::Kind::Float)));
        let y = self.project.forward(&filtered.to_kind(kind));
        if self.residual { y + x } else { y }
    }
}

impl Block {
    /// What the block expands its input to, before activation, and what it makes of it; with gradients to the input, as in
    /// [`Block::forward_mixed`].
    fn forward_expanded(&self, x: &Tensor) -> (Option<Tensor>, Tensor) {
        let expanded = self.expand.as_ref().map(|conv| conv.forward(x));
        let active = expanded.as_ref().map_or_else(|| x.shallow_clone(), |map| map.clamp(0.0, 6.0));
        let filtered = if x.requires_grad() {
            relu6(self.depthwise.forward(&active.to_kind(tch::Kind::Float))).to_kind(x.kind())
        } else {
            relu6(self.depthwise.forward(&active))
        };
        let y = self.project.forward(&filtered);
        (expanded, if self.residual { y + x } else { y })
    }
}

/// The network with BatchNorms folded.
pub struct Backbone {
    stem: Conv,
    trunk: Vec<Block>,
    tail: Tail,
    precision: Precision,
    input_px: u32,
    taps: [usize; 5],
}

/// The last blocks and the pooled head: from the trunk's map to an embedding.
pub struct Tail {
    blocks: Vec<Block>,
    head: Conv,
    precision: Precision,
}

/// Pictures that go through the trunk together: the maps of more don't stay in a processor's caches.
fn together(precision: Precision) -> i64 {
    match precision {
        Precision::F32 => 2,
        Precision::Bf16 => 8,
    }
}

/// Weights that average the first and the second half of an axis; an odd middle counts half in both. `[2, n]`.
fn halves(n: i64) -> Tensor {
    let half = n as f32 / 2.0;
    let first: Vec<f32> = (0..n).map(|i| (half - i as f32).clamp(0.0, 1.0) / half).collect();
    let both: Vec<f32> = first.iter().chain(first.iter().rev()).copied().collect();
    Tensor::from_slice(&both).view([2, n])
}

impl Backbone {
    /// Asks `builder` for the tensors of [`LITE0`].
    pub fn build(builder: &mut Builder, precision: Precision) -> Self {
        Self::build_variant(builder, &LITE0, precision)
    }

    /// Asks `builder` for the tensors of a network of the family.
    pub fn build_variant(builder: &mut Builder, variant: &Variant, precision: Precision) -> Self {
        let stem = Conv::new(builder, "stem", ConvShape::dense(3, 32, 3).stride(2));
        let trunk = variant.blocks().take(TRUNK_BLOCKS).enumerate().map(|(i, shape)| shape.block(builder, i)).collect();
        let tail = Tail::build_variant(builder, variant, precision);
        let ends: Vec<usize> = variant
            .stages
            .iter()
            .scan(0, |blocks, stage| {
                *blocks += stage.0;
                Some(*blocks - 1)
            })
            .collect();
        let taps = TAPPED_STAGES.map(|stage| ends[stage]);
        Self { stem, trunk, tail, precision, input_px: variant.input_px, taps }
    }

    /// Makes a [`LITE0`] of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, precision: Precision) -> Result<Self> {
        Self::variant_from_params(params, &LITE0, precision)
    }

    /// As [`Backbone::from_params`], for any network of the family.
    ///
    /// # Errors
    /// As [`Backbone::from_params`].
    pub fn variant_from_params(params: &Params, variant: &Variant, precision: Precision) -> Result<Self> {
        let mut builder = Builder::loaded(params);
        let backbone = Self::build_variant(&mut builder, variant, precision);
        builder.finish()?;
        Ok(backbone)
    }

    /// Loads `backbone.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, _card) = checkpoint::load_model(weights, NAME)?;
        Self::from_params(&params, Precision::F32).map_err(|error| Error::WeightsInvalid {
            path: checkpoint::weights_path(weights, NAME),
            reason: error.to_string(),
        })
    }

    /// Embeds pictures.
    ///
    /// # Shapes
    /// `[N, 3, S, S]` sRGB codes 0 to 255, S being the network's `input_px` → `[N, 1280]`, `f32`, no gradient.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn embed(&self, codes: &Tensor) -> Result<Tensor> {
        self.check_side(codes)?;
        self.tail.embed(&self.trunk(codes)?)
    }

    /// Embeds the quarters of pictures in the same pass; a picture's embedding is the mean of its quarters'.
    ///
    /// # Shapes
    /// As [`Backbone::embed`] → `[N, 4, 1280]`: top left, top right, bottom left, bottom right.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn quarters(&self, codes: &Tensor) -> Result<Tensor> {
        self.check_side(codes)?;
        self.tail.quarters(&self.trunk(codes)?)
    }

    fn check_side(&self, codes: &Tensor) -> Result<()> {
        let side = i64::from(self.input_px);
        match codes.size()[..] {
            [_, 3, height, width] if height == side && width == side => Ok(()),
            ref size => Err(Error::Input(format!("embed: expected [N, 3, {side}, {side}], got {size:?}"))),
        }
    }

    /// What the first half makes of pictures: it serves this network's tail and any other.
    ///
    /// # Shapes
    /// `[N, 3, S, S]` sRGB codes 0 to 255, S any multiple of 32 or the network's `input_px` → `[N, …trunk_shape(S)]`, or that
    /// of another variant, no gradient.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn trunk(&self, codes: &Tensor) -> Result<Tensor> {
        let size = codes.size();
        let known = |side: i64| side == i64::from(self.input_px) || side > 0 && side % 32 == 0;
        if size.len() != 4 || size[1] != 3 || size[2] != size[3] || !known(size[2]) {
            return Err(Error::Input(format!("trunk: expected [N, 3, S, S], S a multiple of 32, got {size:?}")));
        }
        tch::no_grad(|| {
            let maps = codes.f_split(together(self.precision), 0)?.into_iter();
            let maps: Vec<Tensor> =
                maps.map(|codes| self.blocks_from(&self.stem_of(&codes), 0, TRUNK_BLOCKS)).collect();
            Ok(Tensor::f_cat(&maps, 0)?)
        })
    }

    /// This network's own tail.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Maps at strides 2, 4, 8, 16 and 32, with [`FEATURE_CHANNELS`] (or those of another variant's stages).
    ///
    /// `frozen` blocks from the input on are run without gradient.
    ///
    /// # Shapes
    /// `[N, 3, H, W]` sRGB codes 0 to 255, sides multiples of 32 → `[N, C, H / stride, W / stride]`.
    pub fn features(&self, codes: &Tensor, frozen: usize) -> [Tensor; 5] {
        // oneDNN's bf16 depthwise convolutions are fast forward but slow backward, so blocks with gradient run in f32.
        let training = frozen < self.trunk.len() + self.tail.blocks.len() && self.stem.weight().requires_grad();
        let mut x = tch::no_grad(|| self.stem_of(codes));
        let mut next = 0;
        self.taps.map(|tap| {
            let still = frozen.clamp(next, tap + 1);
            x = tch::no_grad(|| self.blocks_from(&x, next, still));
            if training && still <= tap {
                x = x.to_kind(tch::Kind::Float);
            }
            x = self.blocks_from(&x, still, tap + 1);
            next = tap + 1;
            x.shallow_clone()
        })
    }

    /// What the first `count` blocks that expand their input make of it, before activation: maps in whose statistics the
    /// style of a picture is. Gradients go to the picture.
    ///
    /// # Shapes
    /// `[N, 3, H, W]` sRGB codes 0 to 255, sides multiples of 16 → `[N, EXPANDED_CHANNELS, H / stride, W / stride]`.
    pub fn expanded(&self, codes: &Tensor, count: usize) -> Vec<Tensor> {
        let mut x = self.stem_of(codes);
        let mut maps = Vec::with_capacity(count);
        for block in self.trunk.iter().chain(&self.tail.blocks) {
            if maps.len() == count {
                break;
            }
            let (expanded, y) = block.forward_expanded(&x);
            maps.extend(expanded);
            x = y;
        }
        maps
    }

    fn stem_of(&self, codes: &Tensor) -> Tensor {
        let normalised = ((codes - 127.0) / 128.0).to_kind(self.precision.kind());
        relu6(self.stem.forward(&channels_last(&normalised)))
    }

    fn blocks_from(&self, x: &Tensor, first: usize, end: usize) -> Tensor {
        let blocks = self.trunk.iter().chain(&self.tail.blocks).take(end).skip(first);
        blocks.fold(x.shallow_clone(), |x, block| block.forward(&x))
    }
}

impl Tail {
    /// Asks `builder` for the tensors of the tail of [`LITE0`], by the names that they have in the whole network.
    pub fn build(builder: &mut Builder, precision: Precision) -> Self {
        Self::build_variant(builder, &LITE0, precision)
    }

    fn build_variant(builder: &mut Builder, variant: &Variant, precision: Precision) -> Self {
        let shapes = variant.blocks().enumerate().skip(TRUNK_BLOCKS);
        let blocks = shapes.map(|(i, shape)| shape.block(builder, i)).collect();
        let deepest = variant.stages[variant.stages.len() - 1].4;
        let head = Conv::new(builder, "head", ConvShape::dense(deepest, EMBEDDING, 1));
        Self { blocks, head, precision }
    }

    /// Makes a tail of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, precision: Precision) -> Result<Self> {
        let mut builder = Builder::loaded(params);
        let tail = Self::build(&mut builder, precision);
        builder.finish()?;
        Ok(tail)
    }

    /// The tail's tensors among those of a whole network.
    pub fn params_of(backbone: &Params) -> Params {
        let own = |name: &str| {
            let block = name.strip_prefix("blocks.").and_then(|rest| rest.split('.').next()?.parse().ok());
            name.starts_with("head.") || block.is_some_and(|block: usize| block >= TRUNK_BLOCKS)
        };
        let own = backbone.iter().filter(|(name, _)| own(name));
        own.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect()
    }

    /// Embeds the trunk's maps, without gradient.
    ///
    /// # Shapes
    /// `[N, …trunk_shape(S)]` → `[N, 1280]`, `f32`.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn embed(&self, maps: &Tensor) -> Result<Tensor> {
        tch::no_grad(|| Ok(self.last_map(maps)?.mean_dim([2, 3].as_slice(), false, tch::Kind::Float)))
    }

    /// As [`Backbone::quarters`], of the trunk's maps.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn quarters(&self, maps: &Tensor) -> Result<Tensor> {
        tch::no_grad(|| {
            let map = self.last_map(maps)?;
            let size = map.size();
            let (down, across) = (halves(size[2]), halves(size[3]));
            // [2, H] · [N, C, H, W] · [W, 2]
            let quarters = down.f_matmul(&map)?.f_matmul(&across.tr())?;
            Ok(quarters.permute([0, 2, 3, 1]).f_reshape([size[0], 4, EMBEDDING])?)
        })
    }

    /// What embeddings are means of, `[N, 1280, ⌈S / 32⌉, ⌈S / 32⌉]`.
    fn last_map(&self, maps: &Tensor) -> Result<Tensor> {
        let map = channels_last(&maps.f_to_kind(self.precision.kind())?);
        let deepest = self.blocks.iter().fold(map, |x, block| block.forward(&x));
        Ok(relu6(self.head.forward(&deepest)).to_kind(tch::Kind::Float))
    }

    /// As [`Tail::embed`], with gradients.
    pub fn forward(&self, maps: &Tensor) -> Tensor {
        let map = channels_last(&maps.to_kind(self.precision.kind()));
        let deepest = self.blocks.iter().fold(map, |x, block| block.forward_mixed(&x));
        let last = relu6(self.head.forward(&deepest)).to_kind(tch::Kind::Float);
        last.mean_dim([2, 3].as_slice(), false, tch::Kind::Float)
    }
}

/// Shape of one block.
struct BlockShape {
    input: i64,
    output: i64,
    expansion: i64,
    kernel: i64,
    stride: i64,
}

impl Variant {
    /// Its blocks in order.
    fn blocks(&self) -> impl Iterator<Item = BlockShape> {
        let each = self.stages.into_iter().flat_map(|(repeats, kernel, first_stride, expansion, output)| {
            (0..repeats).map(move |repeat| (kernel, if repeat == 0 { first_stride } else { 1 }, expansion, output))
        });
        each.scan(32, |input, (kernel, stride, expansion, output)| {
            let shape = BlockShape { input: *input, output, expansion, kernel, stride };
            *input = output;
            Some(shape)
        })
    }
}

impl BlockShape {
    fn block(&self, builder: &mut Builder, index: usize) -> Block {
        let &Self { input, output, expansion, kernel, stride } = self;
        let inner = input * expansion;
        builder.scope(&format!("blocks.{index}"), |b| Block {
            expand: (expansion > 1).then(|| Conv::new(b, "expand", ConvShape::dense(input, inner, 1))),
            depthwise: Conv::new(b, "depthwise", ConvShape::depthwise(inner, kernel).stride(stride)),
            project: Conv::new(b, "project", ConvShape::dense(inner, output, 1)),
            residual: stride == 1 && input == output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variants_have_the_published_numbers_of_parameters() {
        // Folded and without classifier; counted by scripts/convert-backbone in the published files.
        for (variant, expected, taps) in
            [(&LITE0, 3_350_000, [0, 2, 4, 10, 15]), (&LITE2, 4_782_024, [0, 3, 6, 14, 20])]
        {
            let mut builder = Builder::fresh(0);
            let network = Backbone::build_variant(&mut builder, variant, Precision::F32);
            let count: usize = builder.finish().unwrap().iter().map(|(_, tensor)| tensor.numel()).sum();
            assert_eq!((count, network.taps), (expected, taps));
        }
    }

    #[test]
    fn the_quarters_mean_is_the_embedding() {
        for variant in [&LITE0, &LITE2] {
            let network = Backbone::build_variant(&mut Builder::fresh(1), variant, Precision::F32);
            let side = i64::from(variant.input_px);
            let codes = Tensor::arange(3 * side * side, (tch::Kind::Float, tch::Device::Cpu)).remainder(251.0);
            let codes = codes.view([1, 3, side, side]);
            let (whole, quarters) = (network.embed(&codes).unwrap(), network.quarters(&codes).unwrap());
            let off = (quarters.mean_dim([1].as_slice(), false, tch::Kind::Float) - &whole).abs().max();
            assert!(off.double_value(&[]) <= 1e-4 * whole.abs().max().double_value(&[]).max(1.0));
            assert!((quarters.select(1, 0) - quarters.select(1, 3)).abs().max().double_value(&[]) > 0.0);
        }
    }
}
