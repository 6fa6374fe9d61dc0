//! The typed card beside every weights file: what the model is, how it was made, and how good it was measured to be.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::gate::Guarantee;
use crate::{Error, Result, checkpoint};

/// Model card, `NAME.card.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// File format version, equal to the weights file's.
    pub format: String,
    /// Model name, equal to the weights file's.
    pub model: String,
    /// What the network is, in a sentence, with its paper.
    pub architecture: String,
    /// The resolved configuration that it was made with.
    pub config: serde_json::Value,
    /// What is done to a picture before the network sees it.
    pub preprocessing: String,
    /// Output classes in order; empty where the model has none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Thresholds, each with how it was chosen.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Threshold>,
    /// What it was trained on.
    pub data: Vec<DataSource>,
    /// How training and validation items were told apart.
    pub split: String,
    /// Root seed.
    pub seed: u64,
    /// Versions of this program, tch and libtorch.
    pub versions: BTreeMap<String, String>,
    /// The gate's certified thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guarantees: Vec<Guarantee>,
    /// What was measured.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// What a user must know: where it fails, what it was not trained for.
    #[serde(default)]
    pub limits: Vec<String>,
    /// SHA-256 of the weights file.
    pub sha256: String,
}

/// One threshold and its origin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Threshold {
    /// The value.
    pub value: f64,
    /// How it was chosen, and on which data.
    pub chosen: String,
}

/// One source of training data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSource {
    /// Name of the data set.
    pub name: String,
    /// Its licence.
    pub licence: String,
    /// Items used in training.
    pub items: usize,
}

/// One measured figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metric {
    /// What was measured, with its unit.
    pub name: String,
    /// The model's figure.
    pub value: f64,
    /// What a dumb method reaches on the same items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Items measured.
    pub n: usize,
    /// Which split.
    pub split: String,
    /// The command that prints it.
    pub command: String,
}

/// A dumb method beside a measured figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// The method.
    pub name: String,
    /// Its figure.
    pub value: f64,
}

impl Card {
    /// Reads and checks a card.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn read(path: &Path, name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::WeightsMissing { path: path.to_owned() },
            _ => Error::io(path)(error),
        })?;
        let card: Self = serde_json::from_str(&text).map_err(|error| checkpoint::invalid(path, error.to_string()))?;
        if card.format != checkpoint::FORMAT || card.model != name {
            let reason = format!(
                "format {} of `{}`, this program reads format {} of `{name}`",
                card.format,
                card.model,
                checkpoint::FORMAT
            );
            return Err(checkpoint::invalid(path, reason));
        }
        Ok(card)
    }

    /// Writes the card, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| checkpoint::invalid(path, error.to_string()))?;
        text.push('\n');
        checkpoint::write_atomic(path, text.as_bytes())
    }
}

/// Versions that made a model: this crate, tch's libtorch.
pub fn versions() -> BTreeMap<String, String> {
    [("rangrez", env!("CARGO_PKG_VERSION")), ("tch", "0.26.0"), ("libtorch", "2.13.0")]
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .into()
}
