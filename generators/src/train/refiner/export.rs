//! Ships the refiner: half-precision weights and the card with what was measured.

use std::path::Path;

use tch::Kind;

use super::Config;
use super::data::Dataset;
use crate::card::{Baseline, Card, DataSource, Metric, versions};
use crate::eval::interval::Interval;
use crate::eval::prints::{Options, Part, Report, evaluate};
use crate::eval::told::Role;
use crate::params::Params;
use crate::refiner::NAME;
use crate::{Error, Result, checkpoint};

/// Writes `refiner.safetensors`, measures it as shipped, and writes its card.
///
/// # Errors
/// When the data or the judge for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, dataset: &Dataset, data: &Path, weights: &Path) -> Result<()> {
    let sha256 = checkpoint::save(&checkpoint::weights_path(weights, NAME), NAME, params, Kind::Half, &[])?;
    let source = |name: &str, items| DataSource {
        name: name.to_owned(),
        licence: "listed as MIT (studio) and CC0-1.0 (phone photos); studio photos not redistributed".to_owned(),
        items,
    };
    let mut card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture: "conditional GAN: U-Net (Ronneberger et al. 2015) told of the swatch by FiLM (Perez et al. 2018), zero \
                       at first and bounded to ±0.1 of the range of codes; patch discriminator with spectral normalisation \
                       and projection on the cloth's colour"
            .to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: "garment frame fitted into 128 × 128 px in linear light: Lab of the garment in its new cloth, log \
                        light on it, mask; embedding of the tile"
            .to_owned(),
        data: vec![
            source("printed garments of Fashion Product Images and clothing-dataset", dataset.printed),
            source("plain garments of the same", dataset.plain),
        ],
        split: "products by hash of their names, senders by theirs: half for the figures, a twentieth watched".to_owned(),
        seed: config.seed,
        versions: versions(),
        limits: vec![
            "Changes light alone, no finer than a 64th of the garment's longer side: neither seams nor sharpness.".to_owned(),
            "Off unless asked for (--refine): it deepens folds, and the noise of nearly black garments' light to clouds.".to_owned(),
            "Outlines alone tell printed garments from plain ones, so one half is out of reach where they differ.".to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    let path = checkpoint::card_path(weights, NAME);
    card.write(&path)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (data, weights) = (data.to_owned(), weights.to_owned());
    let options = Options { data, weights, part: Part::Report, threads, sheet: false };
    card.metrics = metrics(&evaluate(&options)?.0);
    card.write(&path)
}

/// The refiner's accuracy beside every other method's, table by table.
fn metrics(report: &Report) -> Vec<Metric> {
    let mut all = Vec::new();
    for table in &report.tables {
        let Some(refined) = table.rows.iter().find(|row| row.name == "refined") else { continue };
        for other in table.rows.iter().filter(|row| row.role != Role::Model) {
            let interval = |of: &Interval| format!("95% interval {:.3} to {:.3}", of.low, of.high);
            all.push(Metric {
                name: format!(
                    "told from real photos by a judge, 0.5 is best ({}): {}",
                    interval(&refined.accuracy),
                    table.name
                ),
                value: refined.accuracy.value,
                baseline: Some(Baseline { name: other.name.to_owned(), value: other.accuracy.value }),
                n: table.pairs,
                split: report.protocol.clone(),
                command: "rangrez eval prints --data DIR".to_owned(),
            });
        }
    }
    all
}
