//! The models of one worker. Tensors can't be shared between threads, so each worker loads its own.

use std::collections::BTreeMap;
use std::path::Path;

use generators::backbone;
use generators::card::Card;
use generators::checkpoint::{card_path, sha256_hex};
use generators::embedding::{self, Embedder, Embedding};
use generators::gate::{self, Classification, Gate, Look};
use generators::recolor::{self, Recolorer};
use generators::seam;
use generators::segmenter::{self, Segmenter};
use generators::taxonomy;
use pixels::SrgbImage;

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::WeightsFile;

/// Names of the weights files, without ending.
pub const NAMES: [&str; 4] = [backbone::NAME, segmenter::NAME, recolor::NAME, gate::NAME];

/// What finds the garment and says what it is.
pub struct Finder {
    /// Embeds photos.
    pub embedder: Embedder,
    /// Finds garments.
    pub segmenter: Segmenter,
    /// Classifies and judges.
    pub gate: Gate,
}

/// What says what a photo is of.
pub struct Viewer {
    embedder: Embedder,
    gate: Gate,
}

impl Viewer {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self {
            embedder: Embedder::load(weights).or_exit(Exit::Weights)?,
            gate: Gate::load(weights).or_exit(Exit::Weights)?,
        })
    }

    /// The features that a photo is classified by.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn features(&self, photo: &SrgbImage) -> generators::Result<Vec<f32>> {
        let embedding = self.embedder.for_gate(&[photo])?.pop();
        let embedding = embedding.ok_or_else(|| generators::Error::Input("the photo has no embedding".to_owned()))?;
        seam::floats_of(&embedding)
    }

    /// What a photo of these features is of.
    ///
    /// # Errors
    /// When they are not 1280 finite numbers.
    pub fn say(&self, features: &[f32]) -> generators::Result<Classification> {
        self.gate.classify(&embedding::point(features))
    }
}

/// All models.
pub struct Models {
    /// What finds the garment and says what it is.
    pub finder: Finder,
    /// Dyes it.
    pub recolorer: Recolorer,
}

impl Finder {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self {
            embedder: Embedder::load(weights).or_exit(Exit::Weights)?,
            segmenter: Segmenter::load(weights).or_exit(Exit::Weights)?,
            gate: Gate::load(weights).or_exit(Exit::Weights)?,
        })
    }

    /// Embeds a photo of any size.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn embedding(&self, photo: &SrgbImage) -> generators::Result<Embedding> {
        self.embedder.embed(photo)
    }

    /// What the gate sees of pictures of any sizes, in one batch.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn looks(&self, pictures: &[&SrgbImage]) -> generators::Result<Vec<Look>> {
        self.embedder.looks(pictures)
    }
}

impl Models {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self { finder: Finder::load(weights)?, recolorer: Recolorer::load(weights).or_exit(Exit::Weights)? })
    }
}

/// Loads one set of models per worker.
///
/// # Errors
/// As `load`.
pub fn per_worker<M>(n: usize, load: impl Fn() -> Result<M>) -> Result<Vec<M>> {
    (0..n).map(|_| load()).collect()
}

/// Checksums of all files in the weights folder that decide what is made, by name: weights, cards with their thresholds,
/// and the taxonomy.
///
/// # Errors
/// A weights failure (exit code 4).
pub fn checksums(weights: &Path) -> Result<BTreeMap<String, String>> {
    let of = |path: &Path| {
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::new(Exit::Weights, format!("weights {}: {error}", path.display())))?;
        Ok(sha256_hex(&bytes))
    };
    let mut sums: BTreeMap<String, String> = files(weights)?.into_iter().map(|file| (file.file, file.sha256)).collect();
    for name in NAMES {
        sums.insert(format!("{name}.card.json"), of(&card_path(weights, name))?);
    }
    sums.insert(taxonomy::FILE.to_owned(), of(&weights.join(taxonomy::FILE))?);
    Ok(sums)
}

/// The weights in the folder, with the checksums in their cards (which loading has compared with the files).
///
/// # Errors
/// A weights failure (exit code 4).
pub fn files(weights: &Path) -> Result<Vec<WeightsFile>> {
    let entry = |name| {
        let card = Card::read(&card_path(weights, name), name).or_exit(Exit::Weights)?;
        Ok(WeightsFile { file: format!("{name}.safetensors"), sha256: card.sha256 })
    };
    NAMES.into_iter().map(entry).collect()
}
