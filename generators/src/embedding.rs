//! Whole photos as embeddings: one preprocessing for the gate's training data, its judgements and the recolour network.

use pixels::{SrgbImage, resize_linear};
use tch::Tensor;

use crate::Result;
use crate::backbone::{Backbone, INPUT_PX};
use crate::seam::tensor_from_srgb;

/// A photo's place in the backbone's space.
///
/// # Shapes
/// `[1280]`, `f32`.
pub type Embedding = Tensor;

/// Embeds photos of any sizes in one batch. Each is squeezed to 224×224 px in linear light, as in training.
///
/// # Errors
/// When a photo has no pixels or libtorch refuses.
pub fn embed(backbone: &Backbone, photos: &[&SrgbImage]) -> Result<Vec<Embedding>> {
    if photos.is_empty() {
        return Ok(Vec::new());
    }
    let small = photos.iter().map(|photo| Ok(tensor_from_srgb(&resize_linear(photo, INPUT_PX, INPUT_PX)?)));
    let batch = Tensor::f_stack(&small.collect::<Result<Vec<_>>>()?, 0)?;
    Ok(backbone.embed(&batch)?.f_unbind(0)?)
}
