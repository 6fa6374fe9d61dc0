//! Ships the look predictor: half-precision weights and the card with what was measured.

use std::path::Path;

use tch::Kind;

use super::Config;
use crate::card::{Baseline, Card, DataSource, Metric, versions};
use crate::eval::looks::{EXAMPLES, recovery};
use crate::look::looker::NAME;
use crate::params::Params;
use crate::{Error, Result, checkpoint};

/// Writes `look.safetensors`, measures it as shipped, and writes its card.
///
/// # Errors
/// When the data for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, data: &Path, weights: &Path) -> Result<()> {
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, params, Kind::Half, &[])?;
    let mut card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture: "two hidden layers on colour statistics and pooled EfficientNet-Lite0 maps, giving affine Lab maps at \
                       eight lightness levels (after Gharbi et al. 2017, without place)"
            .to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: "reference squeezed to 224 × 224 px in linear light".to_owned(),
        data: vec![
            source("Clothing Co-Parsing, photos", "Apache-2.0; photos not redistributed"),
            source("alexeygrigorev/clothing-dataset", "CC0-1.0"),
            source("Fashion Product Images", "listed as MIT; photos not redistributed"),
        ]
        .into_iter()
        .map(|source| DataSource { items: config.examples as usize, ..source })
        .collect(),
        split: "photos by hash of their names: 15% for the figures, 10% to choose the weights".to_owned(),
        seed: config.seed,
        versions: versions(),
        limits: vec![
            "The transforms are simulated: matrices, white balance, tone curves, saturation, split toning; grain, glow and \
             local edits are not looked for."
                .to_owned(),
            "A look is what is unusual about the colours; a reference lit and graded as usual gives almost none.".to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    let card_path = checkpoint::card_path(weights, NAME);
    card.write(&card_path)?;
    let figures = recovery(data, weights, EXAMPLES, config.shards)?;
    let ours = figures.first().ok_or_else(|| Error::Input("look: nothing was measured".into()))?;
    let metric = |other: &crate::eval::looks::Figure| Metric {
        name: "mean ΔE00 of photos in the look found to photos under the reference's true transform".to_owned(),
        value: ours.delta_e00.value,
        baseline: Some(Baseline { name: other.method.clone(), value: other.delta_e00.value }),
        n: other.n,
        split: "held-out photos, new transforms".to_owned(),
        command: "rangrez eval looks --data DIR".to_owned(),
    };
    card.metrics = figures[1..].iter().map(metric).collect();
    card.write(&card_path)
}

fn source(name: &str, licence: &str) -> DataSource {
    DataSource { name: name.to_owned(), licence: licence.to_owned(), items: 0 }
}
