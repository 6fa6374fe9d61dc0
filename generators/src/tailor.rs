//! Garments made ready to be cut from other cloths, in the light that lies on them.

use std::path::Path;

use pixels::fabric::Restyle;
use pixels::shading::Shading;
use pixels::{Mask, SrgbImage, foreground};

use crate::Result;
use crate::embedding::Embedder;
use crate::pattern::PatternHead;
use crate::shading::ShadeNet;

/// What tells light from cloth.
pub struct Tailor {
    shader: ShadeNet,
    patterns: PatternHead,
}

impl Tailor {
    /// Loads `shading.safetensors` and `pattern.safetensors` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`](crate::Error::WeightsMissing) or [`Error::WeightsInvalid`](crate::Error::WeightsInvalid).
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self { shader: ShadeNet::load(weights)?, patterns: PatternHead::load(weights)? })
    }

    /// A garment ready to be cut from other cloths: first whether its cloth is patterned, then the light that lies on it.
    ///
    /// # Errors
    /// When photo and mask differ in size, or libtorch refuses.
    pub fn cut<'a>(&self, embedder: &Embedder, photo: &'a SrgbImage, mask: &'a Mask) -> Result<Restyle<'a>> {
        self.cut_known(photo, mask, self.patterns.patterned(embedder, photo, mask)?)
    }

    /// The same of a garment of which it is known how surely its cloth is patterned, 0 to 1.
    ///
    /// # Errors
    /// As [`Tailor::cut`].
    pub fn cut_known<'a>(&self, photo: &'a SrgbImage, mask: &'a Mask, patterned: f32) -> Result<Restyle<'a>> {
        let cloth = foreground::estimate(photo, mask)?;
        let shading = Shading::compose(&cloth, mask, &self.shader.base(&cloth, mask, patterned)?)?;
        Ok(Restyle::with_shading(photo, mask, cloth, shading)?)
    }
}
