//! Whether a garment's cloth has a pattern: a print, stripes, checks.
//!
//! What differs on cloth may be light or print, and pixels alone often don't tell: worn denim, pleats and knit look printed
//! to [`pixels::shading::Base::estimate`]. What the whole garment is like does: a linear classifier on the backbone's
//! embedding of it, alone before a grey ground.

use std::cmp::Ordering;
use std::path::Path;

use pixels::garment_frame::GarmentFrame;
use pixels::{Mask, SrgbImage};

use crate::backbone::EMBEDDING;
use crate::embedding::{Embedder, Point};
use crate::layers::Linear;
use crate::params::{Builder, Init, Params};
use crate::shading::view::crop;
use crate::{Error, Result, checkpoint};

/// Name of the weights file, without ending.
pub const NAME: &str = "pattern";
/// Names of the card's thresholds: scores up to which cloth is plain, and from which it is patterned.
pub const PLAIN: &str = "plain";
/// See [`PLAIN`].
pub const PATTERNED: &str = "patterned";

/// What stands around a garment.
const AROUND: [u8; 3] = [128; 3];
/// Alpha from which a pixel is of the garment.
const OWN: u8 = 250;
/// Margin around a garment, as a share of its longer side.
const MARGIN: f32 = 0.04;

/// A garment alone before a grey ground; none of an empty mask.
///
/// # Errors
/// When the picture and the mask differ in size.
pub fn alone(picture: &SrgbImage, mask: &Mask) -> Result<Option<SrgbImage>> {
    mask.check_size(picture.width_px(), picture.height_px())?;
    let Some(frame) = GarmentFrame::around(mask, MARGIN) else { return Ok(None) };
    let mut alone = crop(picture, frame)?;
    let (width, stride) = (frame.width_px as usize, mask.width_px() as usize);
    for (y, row) in alone.data_mut().chunks_exact_mut(3 * width).enumerate() {
        let start = (frame.y_px as usize + y) * stride + frame.x_px as usize;
        for (rgb, &alpha) in row.chunks_exact_mut(3).zip(&mask.data()[start..start + width]) {
            if alpha < OWN {
                rgb.copy_from_slice(&AROUND);
            }
        }
    }
    Ok(Some(alone))
}

/// The classifier.
pub struct PatternHead {
    head: Linear,
    plain: f32,
    patterned: f32,
}

impl PatternHead {
    /// Loads `pattern.safetensors` and the thresholds of its card from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, card) = checkpoint::load_model(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        let threshold = |name: &str| {
            let missing = || checkpoint::invalid(&path, format!("its card has no threshold {name}"));
            card.thresholds.get(name).map(|threshold| threshold.value as f32).ok_or_else(missing)
        };
        Self::from_params(&params, [threshold(PLAIN)?, threshold(PATTERNED)?])
            .map_err(|error| checkpoint::invalid(&path, error.to_string()))
    }

    /// A classifier of tensors in memory, with the scores up to which cloth is plain and from which it is patterned.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen, or the thresholds are out of order.
    pub fn from_params(params: &Params, [plain, patterned]: [f32; 2]) -> Result<Self> {
        if plain.partial_cmp(&patterned) != Some(Ordering::Less) {
            return Err(Error::Input(format!("thresholds: expected {plain} < {patterned}")));
        }
        let mut builder = Builder::loaded(params);
        let head = Linear::new(&mut builder, "head", EMBEDDING, 1, Init::Zeros);
        builder.finish()?;
        Ok(Self { head, plain, patterned })
    }

    /// How surely a garment's cloth is patterned, 0 (plain) to 1; an empty mask covers nothing plain.
    ///
    /// # Errors
    /// When photo and mask differ in size, or libtorch refuses.
    pub fn patterned(&self, embedder: &Embedder, photo: &SrgbImage, mask: &Mask) -> Result<f32> {
        let Some(alone) = alone(photo, mask)? else { return Ok(1.0) };
        self.says(&embedder.general(&alone)?)
    }

    /// The same of the embedding of a garment that is [`alone`].
    ///
    /// # Shapes
    /// `[1280]`
    ///
    /// # Errors
    /// When the shape is another.
    pub fn says(&self, garment: &Point) -> Result<f32> {
        let score = self.head.forward(&garment.f_view([1, EMBEDDING])?).f_double_value(&[0, 0])? as f32;
        Ok(((score - self.plain) / (self.patterned - self.plain)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::point;
    use tch::Tensor;

    #[test]
    fn scores_between_the_thresholds_are_half_sure() {
        let mut weight = vec![0.0_f32; EMBEDDING as usize];
        weight[3] = 2.0;
        let params: Params = [
            ("head.weight".to_owned(), Tensor::from_slice(&weight).view([1, EMBEDDING])),
            ("head.bias".to_owned(), Tensor::from_slice(&[-1.0_f32])),
        ]
        .into_iter()
        .collect();
        let head = PatternHead::from_params(&params, [0.0, 2.0]).unwrap();
        for (feature, sure) in [(0.0, 0.0), (0.5, 0.0), (1.0, 0.5), (1.5, 1.0), (9.0, 1.0)] {
            let mut garment = vec![0.0; EMBEDDING as usize];
            garment[3] = feature;
            assert_eq!(head.says(&point(&garment)).unwrap(), sure, "{feature}");
        }
        assert!(PatternHead::from_params(&params, [1.0, 1.0]).is_err());
        assert!(head.says(&point(&[1.0, 2.0])).is_err());
    }

    #[test]
    fn a_garment_alone_is_cut_to_its_frame_before_grey() {
        let photo = SrgbImage::filled(60, 40, [200, 10, 10]);
        let mut mask = Mask::filled(60, 40, 0);
        for y in 10..30 {
            mask.data_mut()[y * 60 + 20..y * 60 + 40].fill(255);
        }
        let alone = alone(&photo, &mask).unwrap().unwrap();
        assert!(alone.width_px() < 30 && alone.height_px() < 30);
        assert_eq!(alone.pixel(0, 0), AROUND);
        assert_eq!(alone.pixel(alone.width_px() / 2, alone.height_px() / 2), [200, 10, 10]);
        assert!(super::alone(&photo, &Mask::filled(60, 40, 0)).unwrap().is_none());
        assert!(super::alone(&photo, &Mask::filled(6, 4, 0)).is_err());
    }
}
