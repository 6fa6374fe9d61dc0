//! Whole photos as embeddings: one preprocessing for the gate's training data, its judgements and the recolour network.

use std::path::Path;

use pixels::{Soundness, SrgbImage, resize_linear};
use tch::Tensor;

use crate::backbone::{Backbone, INPUT_PX, Tail};
use crate::gate::{Gate, Look};
use crate::layers::Precision;
use crate::params::Params;
use crate::seam::{floats_of, tensor_from_srgb};
use crate::{Result, checkpoint, gate};

/// A place in one of the two spaces.
///
/// # Shapes
/// `[1280]`, `f32`.
pub type Point = Tensor;

/// A place from its numbers, as a cache keeps them.
pub fn point(values: &[f32]) -> Point {
    Tensor::from_slice(values)
}

/// A photo's places in the two spaces that models of it work in.
#[derive(Debug)]
pub struct Embedding {
    /// Where the backbone puts it: what the recolour network knows.
    pub general: Point,
    /// Where the gate's own tail puts it; the same as `general` for a gate without one.
    pub gate: Point,
}

/// The backbone with the gate's own last blocks, if it has any. Both share the trunk, which is computed once.
pub struct Embedder {
    backbone: Backbone,
    tail: Option<Tail>,
}

impl Embedder {
    /// Loads the backbone and the `tail.*` tensors of `gate.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`](crate::Error::WeightsMissing) or [`Error::WeightsInvalid`](crate::Error::WeightsInvalid).
    pub fn load(weights: &Path) -> Result<Self> {
        Self::beside(weights, &checkpoint::load_model(weights, gate::NAME)?.0)
    }

    /// The same and the gate, whose file is read once for both.
    ///
    /// # Errors
    /// As [`Embedder::load`] and [`Gate::load`].
    pub fn load_with_gate(weights: &Path) -> Result<(Self, Gate)> {
        let (params, card) = checkpoint::load_model(weights, gate::NAME)?;
        Ok((Self::beside(weights, &params)?, Gate::of_file(weights, &params, card)?))
    }

    /// The backbone of the weights folder with the tail among the gate's tensors.
    fn beside(weights: &Path, gate: &Params) -> Result<Self> {
        Self::of(Backbone::load(weights)?, &gate.with_prefix(gate::TAIL))
            .map_err(|error| checkpoint::invalid(&checkpoint::weights_path(weights, gate::NAME), error.to_string()))
    }

    /// Joins a backbone and a tail's tensors, of which there may be none.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn of(backbone: Backbone, tail: &Params) -> Result<Self> {
        let tail = if tail.is_empty() { None } else { Some(Tail::from_params(tail, Precision::F32)?) };
        Ok(Self { backbone, tail })
    }

    /// Embeds one photo of any size, squeezed to 224×224 px in linear light as in training, in both spaces.
    ///
    /// # Errors
    /// When the photo has no pixels or libtorch refuses.
    pub fn embed(&self, photo: &SrgbImage) -> Result<Embedding> {
        let map = self.backbone.trunk(&batch(&[photo])?)?;
        let general = self.backbone.tail().embed(&map)?.f_squeeze_dim(0)?;
        let gate = match &self.tail {
            Some(tail) => tail.embed(&map)?.f_squeeze_dim(0)?,
            None => general.shallow_clone(),
        };
        Ok(Embedding { general, gate })
    }

    /// What the gate sees of pictures of any sizes, in one batch.
    ///
    /// # Errors
    /// When a picture has no pixels or libtorch refuses.
    pub fn looks(&self, pictures: &[&SrgbImage]) -> Result<Vec<Look>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        // The faults are looked for at the same size, so each picture is squeezed once.
        let small = pictures.iter().map(|picture| squeezed(picture)).collect::<Result<Vec<_>>>()?;
        let map = self.backbone.trunk(&stacked(&small)?)?;
        let quarters = floats_of(&self.tail.as_ref().unwrap_or(self.backbone.tail()).quarters(&map)?)?;
        let each = quarters.chunks_exact(quarters.len() / small.len()).zip(&small);
        each.map(|(quarters, picture)| Look::new(quarters.to_vec(), Soundness::of(picture)?.fault())).collect()
    }

    /// Embeds photos of any sizes in one batch, in the gate's space alone.
    ///
    /// # Errors
    /// When a photo has no pixels or libtorch refuses.
    pub fn for_gate(&self, photos: &[&SrgbImage]) -> Result<Vec<Point>> {
        if photos.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.codes_for_gate(&batch(photos)?)?.f_unbind(0)?)
    }

    /// As [`Embedder::for_gate`], for pictures that are tensors already.
    ///
    /// # Shapes
    /// `[N, 3, 224, 224]` sRGB codes 0 to 255 → `[N, 1280]`.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn codes_for_gate(&self, codes: &Tensor) -> Result<Tensor> {
        let map = self.backbone.trunk(codes)?;
        self.tail.as_ref().unwrap_or(self.backbone.tail()).embed(&map)
    }
}

fn batch(photos: &[&SrgbImage]) -> Result<Tensor> {
    stacked(&photos.iter().map(|photo| squeezed(photo)).collect::<Result<Vec<_>>>()?)
}

fn squeezed(photo: &SrgbImage) -> Result<SrgbImage> {
    Ok(resize_linear(photo, INPUT_PX, INPUT_PX)?)
}

fn stacked(small: &[SrgbImage]) -> Result<Tensor> {
    Ok(Tensor::f_stack(&small.iter().map(tensor_from_srgb).collect::<Vec<_>>(), 0)?)
}
