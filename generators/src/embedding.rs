//! Whole photos as embeddings: one preprocessing for the gate's training data, its judgements and the recolour network.

use std::path::Path;

use pixels::{Soundness, SrgbImage, resize_linear};
use tch::Tensor;

use crate::backbone::{Backbone, INPUT_PX, Tail};
use crate::card::Card;
use crate::gate::{Gate, Look};
use crate::layers::Precision;
use crate::params::Params;
use crate::seam::{floats_of, tensor_from_srgb};
use crate::{Result, checkpoint, gate};

/// A photo's place in one of two spaces: where the backbone puts it, or where the gate's own last blocks do.
///
/// # Shapes
/// `[1280]`, `f32`.
pub type Point = Tensor;

/// A place from its numbers, as a cache keeps them.
pub fn point(values: &[f32]) -> Point {
    Tensor::from_slice(values)
}

/// The backbone with the gate's own last blocks, if it has any, and pictures of the gate's own size.
pub struct Embedder {
    backbone: Backbone,
    tail: Option<Tail>,
    gate_px: u32,
}

impl Embedder {
    /// Loads the backbone and the `tail.*` tensors of `gate.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`](crate::Error::WeightsMissing) or [`Error::WeightsInvalid`](crate::Error::WeightsInvalid).
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, card) = checkpoint::load_model(weights, gate::NAME)?;
        Self::beside(weights, &params, &card)
    }

    /// The same and the gate, whose file is read once for both.
    ///
    /// # Errors
    /// As [`Embedder::load`] and [`Gate::load`].
    pub fn load_with_gate(weights: &Path) -> Result<(Self, Gate)> {
        let (params, card) = checkpoint::load_model(weights, gate::NAME)?;
        Ok((Self::beside(weights, &params, &card)?, Gate::of_file(weights, &params, card)?))
    }

    /// The backbone of the weights folder with the tail among the gate's tensors.
    fn beside(weights: &Path, gate: &Params, card: &Card) -> Result<Self> {
        let refuse = |reason: String| checkpoint::invalid(&checkpoint::weights_path(weights, gate::NAME), reason);
        let gate_px = gate::input_px(card).map_err(&refuse)?;
        Self::of(Backbone::load(weights)?, &gate.with_prefix(gate::TAIL), gate_px)
            .map_err(|error| refuse(error.to_string()))
    }

    /// Joins a backbone and a tail's tensors, of which there may be none, that sees pictures of `gate_px` × `gate_px`.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn of(backbone: Backbone, tail: &Params, gate_px: u32) -> Result<Self> {
        let tail = if tail.is_empty() { None } else { Some(Tail::from_params(tail, Precision::F32)?) };
        Ok(Self { backbone, tail, gate_px })
    }

    /// Where the backbone puts a photo of any size, squeezed to 224×224 px in linear light as in training: what the
    /// recolour network and the pattern head know of it.
    ///
    /// # Errors
    /// When the photo has no pixels or libtorch refuses.
    pub fn general(&self, photo: &SrgbImage) -> Result<Point> {
        Ok(self.backbone.embed(&stacked(&[squeezed(photo, INPUT_PX)?])?)?.f_squeeze_dim(0)?)
    }

    /// What the gate sees of pictures of any sizes, in one batch.
    ///
    /// # Errors
    /// When a picture has no pixels or libtorch refuses.
    pub fn looks(&self, pictures: &[&SrgbImage]) -> Result<Vec<Look>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let map = self.backbone.trunk(&self.for_gate_squeezed(pictures)?)?;
        let quarters = floats_of(&self.gate_tail().quarters(&map)?)?;
        let each = quarters.chunks_exact(quarters.len() / pictures.len()).zip(pictures);
        let look = |(quarters, picture): (&[f32], &&SrgbImage)| {
            Look::new(quarters.to_vec(), Soundness::of(&squeezed(picture, INPUT_PX)?)?.fault())
        };
        each.map(look).collect()
    }

    /// Where the gate puts a photo of any size.
    ///
    /// # Errors
    /// When the photo has no pixels or libtorch refuses.
    pub fn for_gate(&self, photo: &SrgbImage) -> Result<Point> {
        Ok(self.codes_for_gate(&self.for_gate_squeezed(&[photo])?)?.f_squeeze_dim(0)?)
    }

    /// As [`Embedder::for_gate`], for pictures that are tensors already.
    ///
    /// # Shapes
    /// `[N, 3, S, S]` sRGB codes 0 to 255, S being the gate's [`input_px`](gate::input_px) → `[N, 1280]`.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn codes_for_gate(&self, codes: &Tensor) -> Result<Tensor> {
        self.gate_tail().embed(&self.backbone.trunk(codes)?)
    }

    fn gate_tail(&self) -> &Tail {
        self.tail.as_ref().unwrap_or(self.backbone.tail())
    }

    fn for_gate_squeezed(&self, pictures: &[&SrgbImage]) -> Result<Tensor> {
        stacked(&pictures.iter().map(|picture| squeezed(picture, self.gate_px)).collect::<Result<Vec<_>>>()?)
    }
}

fn squeezed(photo: &SrgbImage, px: u32) -> Result<SrgbImage> {
    Ok(resize_linear(photo, px, px)?)
}

fn stacked(small: &[SrgbImage]) -> Result<Tensor> {
    Ok(Tensor::f_stack(&small.iter().map(tensor_from_srgb).collect::<Vec<_>>(), 0)?)
}
