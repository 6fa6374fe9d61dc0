//! EfficientNet-Lite0 as an embedding and as an encoder.
//!
//! Tan and Le, "EfficientNet", 2019, and the Lite variants of TensorFlow's TPU repository: no squeeze-and-excitation,
//! ReLU6, fixed stem and head. Departures: every BatchNorm is folded into its convolution by `scripts/convert-backbone`,
//! and the ImageNet classifier is left out.

use std::path::Path;

use tch::Tensor;

use crate::checkpoint;
use crate::layers::{Conv, ConvShape, Precision, channels_last};
use crate::params::{Builder, Params};
use crate::{Error, Result};

/// Length of an embedding.
pub const EMBEDDING: i64 = 1280;
/// Side of the square pictures that embeddings are taken from, in pixels.
pub const INPUT_PX: u32 = 224;
/// Name of the weights file, without ending.
pub const NAME: &str = "backbone";

/// Repeats, kernel, stride of the first, expansion and output channels of each stage.
const STAGES: [(usize, i64, i64, i64, i64); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];
/// The last block of each resolution: strides 2, 4, 8, 16 and 32.
const TAPS: [usize; 5] = [0, 2, 4, 10, 15];
/// Channels of the maps that [`Backbone::features`] gives.
pub const FEATURE_CHANNELS: [i64; 5] = [16, 24, 40, 112, 320];

struct Block {
    expand: Option<Conv>,
    depthwise: Conv,
    project: Conv,
    residual: bool,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let expanded = self.expand.as_ref().map_or_else(|| x.shallow_clone(), |conv| relu6(&conv.forward(x)));
        let y = self.project.forward(&relu6(&self.depthwise.forward(&expanded)));
        if self.residual { y + x } else { y }
    }
}

/// The network with BatchNorms folded.
pub struct Backbone {
    stem: Conv,
    blocks: Vec<Block>,
    head: Conv,
    precision: Precision,
}

fn relu6(x: &Tensor) -> Tensor {
    x.clamp(0.0, 6.0)
}

impl Backbone {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder, precision: Precision) -> Self {
        let stem = Conv::new(builder, "stem", ConvShape::dense(3, 32, 3).stride(2));
        let mut blocks = Vec::new();
        let mut input = 32;
        for (repeats, kernel, first_stride, expansion, output) in STAGES {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { first_stride } else { 1 };
                let inner = input * expansion;
                let block = builder.scope(&format!("blocks.{}", blocks.len()), |b| Block {
                    expand: (expansion > 1).then(|| Conv::new(b, "expand", ConvShape::dense(input, inner, 1))),
                    depthwise: Conv::new(b, "depthwise", ConvShape::depthwise(inner, kernel).stride(stride)),
                    project: Conv::new(b, "project", ConvShape::dense(inner, output, 1)),
                    residual: stride == 1 && input == output,
                });
                blocks.push(block);
                input = output;
            }
        }
        let head = Conv::new(builder, "head", ConvShape::dense(input, EMBEDDING, 1));
        Self { stem, blocks, head, precision }
    }

    /// Makes a network of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, precision: Precision) -> Result<Self> {
        let mut builder = Builder::loaded(params);
        let backbone = Self::build(&mut builder, precision);
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
    /// `[N, 3, 224, 224]` sRGB codes 0 to 255 → `[N, 1280]`, `f32`, no gradient.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn embed(&self, codes: &Tensor) -> Result<Tensor> {
        let size = codes.size();
        let side = i64::from(INPUT_PX);
        if size.len() != 4 || size[1..] != [3, side, side] {
            return Err(Error::Input(format!("embed: expected [N, 3, {side}, {side}], got {size:?}")));
        }
        tch::no_grad(|| {
            let deepest = self.blocks_from(&self.stem_of(codes), 0, self.blocks.len());
            let pooled = relu6(&self.head.forward(&deepest)).to_kind(tch::Kind::Float);
            Ok(pooled.mean_dim([2, 3].as_slice(), false, tch::Kind::Float))
        })
    }

    /// Maps at strides 2, 4, 8, 16 and 32, with [`FEATURE_CHANNELS`].
    ///
    /// `frozen` blocks from the input on are run without gradient.
    ///
    /// # Shapes
    /// `[N, 3, H, W]` sRGB codes 0 to 255, sides multiples of 32 → `[N, C, H / stride, W / stride]`.
    pub fn features(&self, codes: &Tensor, frozen: usize) -> [Tensor; 5] {
        // oneDNN's bf16 depthwise convolutions are fast forward but slow backward, so blocks with gradient run in f32.
        let training = frozen < self.blocks.len() && self.stem.weight().requires_grad();
        let mut x = tch::no_grad(|| self.stem_of(codes));
        let mut next = 0;
        TAPS.map(|tap| {
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

    fn stem_of(&self, codes: &Tensor) -> Tensor {
        let normalised = ((codes - 127.0) / 128.0).to_kind(self.precision.kind());
        relu6(&self.stem.forward(&channels_last(&normalised)))
    }

    fn blocks_from(&self, x: &Tensor, first: usize, end: usize) -> Tensor {
        self.blocks[first..end].iter().fold(x.shallow_clone(), |x, block| block.forward(&x))
    }
}
