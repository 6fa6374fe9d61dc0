//! An independent judge of pictures: EfficientNet-Lite2, which no generator and no gate is trained with or chosen by.
//!
//! A network that shares the backbone's weights would share its blind spots. The weights are not shipped, since only
//! evaluations need them: `scripts/convert-backbone --judge` puts them into the user's cache.

use std::path::{Path, PathBuf};

use pixels::{SrgbImage, resize_linear};
use tch::Tensor;

use crate::backbone::{Backbone, LITE2};
use crate::embedding_cache::user_folder;
use crate::layers::Precision;
use crate::seam::tensor_from_srgb;
use crate::{Error, Result, checkpoint};

/// Name of the weights file, without ending.
pub const NAME: &str = "judge";

/// The folder that the judge's weights are in: `judge` in the user's cache.
///
/// # Errors
/// [`Error::Input`] where there is no user's cache.
pub fn folder() -> Result<PathBuf> {
    let cache = user_folder().ok_or_else(|| Error::Input("no cache folder: set HOME or XDG_CACHE_HOME".into()))?;
    Ok(cache.join(NAME))
}

/// Loads the judge. Its [`Backbone::embed`] takes pictures of [`side_px`]; its [`Backbone::features`] any multiple of 32.
///
/// # Errors
/// [`Error::Data`] that says how to get the weights, [`Error::WeightsInvalid`] when they are damaged.
pub fn load() -> Result<Backbone> {
    load_from(&folder()?)
}

/// As [`load`], from another folder.
///
/// # Errors
/// As [`load`].
pub fn load_from(folder: &Path) -> Result<Backbone> {
    let (params, _card) = checkpoint::load_model(folder, NAME).map_err(|error| match error {
        Error::WeightsMissing { path } => Error::Data {
            path,
            reason: "the judge's weights are not there: run scripts/convert-backbone --judge".into(),
        },
        other => other,
    })?;
    Backbone::variant_from_params(&params, &LITE2, Precision::F32)
        .map_err(|error| checkpoint::invalid(&checkpoint::weights_path(folder, NAME), error.to_string()))
}

/// Side of the pictures that the judge embeds, in pixels.
pub fn side_px() -> u32 {
    LITE2.input_px
}

/// Embeds pictures of any sizes in one batch, each squeezed to the judge's square in linear light.
///
/// # Shapes
/// `[N, 1280]`, `f32`.
///
/// # Errors
/// When there is no picture, when one has no pixels, or when libtorch refuses.
pub fn embed(judge: &Backbone, pictures: &[&SrgbImage]) -> Result<Tensor> {
    let side = side_px();
    let small = pictures.iter().map(|picture| Ok(tensor_from_srgb(&resize_linear(picture, side, side)?)));
    judge.embed(&Tensor::f_stack(&small.collect::<Result<Vec<_>>>()?, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_is_not_there_says_how_to_get_it() {
        let error = load_from(Path::new("nowhere")).err().unwrap().to_string();
        assert!(error.contains("convert-backbone --judge"), "{error}");
    }
}
