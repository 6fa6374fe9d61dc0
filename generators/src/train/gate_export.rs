//! What a gate's training leaves: weights, their card, and a picture of its surest errors.

use std::path::Path;

use tch::{Kind, Tensor};

use super::gate::{Config, Material};
use super::gate_data::augment::Recipe;
use super::gate_data::photos::{self, Part, Photo};
use super::gate_fit::Fitted;
use super::gate_tail::Candidate;
use super::run::Run;
use crate::card::{Card, DataSource, Threshold, versions};
use crate::gate::{NAME, TAIL, softmax};
use crate::{Error, Result, checkpoint};

const SPLIT: &str = "by hash: studio by product title without colours joined with near-duplicates, phone photos by sender; \
    below 0.15 report, below 0.24 calibration, below 0.30 guarantee, below 0.40 selection, the rest training; the \
    ten-class subset's validation photos apart";
const OWN_SPLIT: &str = "by hash of the group, or of the photo joined with near-duplicates; below 0.15 report, below 0.24 \
    calibration, below 0.30 guarantee, below 0.40 selection, the rest training";
const LIMITS: [&str; 3] = [
    "knows the articles of taxonomy.toml only; no sarees, suits, underwear or jewellery",
    "phone photos come from some 350 senders; expect lower accuracy on other homes and cameras",
    "figures of unseen articles fit the head anew without them; fine-tuned blocks, where there are some, have seen them",
];

/// Draws the forty most confident errors on calibration photos, worst first, and lists them in `errors.json`.
///
/// # Errors
/// When a photo cannot be read or the disk fails.
pub fn draw_errors(config: &Config, run: &mut Run, material: &Material, fitted: &Fitted) -> Result<()> {
    const THUMB: u32 = 112;
    let mut errors: Vec<(f32, usize, usize)> = Vec::new();
    for row in material.rows.iter().filter(|row| row.part == Part::Calibration) {
        let (Some(photo), Recipe::Plain) = (row.photo, row.recipe) else { continue };
        let scores = fitted.gate.scores(&Tensor::from_slice(&row.embedding))?;
        let probabilities = softmax(&scores.logits, fitted.gate.settings().temperature);
        let best = (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
        if !row.covered.contains(&best) {
            errors.push((probabilities[best], best, photo));
        }
    }
    errors.sort_by(|a, b| b.0.total_cmp(&a.0));
    errors.truncate(40);
    let mut grid = pixels::SrgbImage::filled(8 * THUMB, 5 * THUMB, [128; 3]);
    let mut list = Vec::new();
    for (i, (confidence, best, photo)) in errors.into_iter().enumerate() {
        let photo = &material.photos[photo];
        let thumb = pixels::resize_linear(&photos::read(&photo.path)?, THUMB - 4, THUMB - 4)?;
        let (left, top) = (i as u32 % 8 * THUMB, i as u32 / 8 * THUMB);
        let width = (grid.width_px() * 3) as usize;
        for (y, line) in thumb.data().chunks_exact((THUMB - 4) as usize * 3).enumerate() {
            let at = (top as usize + y) * width + left as usize * 3;
            grid.data_mut()[at..at + line.len()].copy_from_slice(line);
        }
        let predicted = material.taxonomy.article_names().get(best).cloned().unwrap_or_else(|| "none".into());
        let file = photo.path.file_name().map(|n| n.to_string_lossy().into_owned());
        list.push(serde_json::json!({
            "place": i, "file": file, "label": photo.label, "predicted": predicted, "confidence": confidence,
        }));
    }
    let png = pixels::encode(&grid, None, pixels::Format::Png, 90)?;
    run.sample_png(config.steps, "confident-errors", grid.width_px(), grid.height_px(), &png)?;
    let text = serde_json::to_vec_pretty(&list).map_err(|error| Error::Input(error.to_string()))?;
    checkpoint::write_atomic(&run.dir().join("samples/errors.json"), &text)
}

/// Writes `gate.safetensors` and its card, still without figures, into the weights folder.
///
/// # Errors
/// When the disk fails.
pub fn write_weights(
    config: &Config,
    weights: &Path,
    material: &Material,
    fitted: &Fitted,
    tuned: Option<&Candidate>,
) -> Result<Card> {
    let path = checkpoint::weights_path(weights, NAME);
    let mut params = fitted.params.clone();
    if let Some(tuned) = tuned {
        params.extend_with_prefix(TAIL, &tuned.tail);
    }
    let sha256 = checkpoint::save(&path, NAME, &params, Kind::Half, &[])?;
    let settings = fitted.gate.settings();
    let threshold = |value: f32, chosen: String| Threshold { value: f64::from(value), chosen };
    let (accept, catalog) = (config.true_accept * 100.0, config.catalog_accept * 100.0);
    let items = |source: photos::Source| {
        let used = |photo: &&Photo| {
            let named = material.taxonomy.covered(source.name(), &photo.label).is_some();
            photo.source == source && named && config.learns_from(photo.part)
        };
        material.photos.iter().filter(used).count()
    };
    let backdrops = material.rows.iter().filter(|row| row.photo.is_none() && config.learns_from(row.part)).count();
    let data =
        |name: &str, licence: &str, items: usize| DataSource { name: name.into(), licence: licence.into(), items };
    let head = match (tuned, config.hidden) {
        (Some(_), _) => {
            "On the pooled embedding of the backbone with its last blocks fine-tuned: a linear head".to_owned()
        }
        (None, 0) => "On the frozen backbone's pooled embedding: a linear head".to_owned(),
        (None, hidden) => format!("On the frozen backbone's pooled embedding: {hidden} hidden units"),
    };
    let card = Card {
        format: checkpoint::FORMAT.into(),
        model: NAME.into(),
        architecture: format!(
            "{head} over the articles and `no product`; relative Mahalanobis \
             distance in {} principal components (Ren et al. 2021); a network on the four quarters of the picture that tells one product from two photos joined; conformal \
             p-values of margin, distance and the least half by node and kind of photo (Vovk et al. 2005), after checks of \
             the pixels",
            config.dimensions
        ),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: format!(
            "whole picture, both sides resized to {} px in linear light, then as the backbone",
            config.input_px
        ),
        classes: material.taxonomy.article_names(),
        thresholds: [
            ("temperature", threshold(settings.temperature, "likeliest labels of plain calibration photos".into())),
            (
                "accept",
                threshold(
                    settings.accept,
                    format!("accepts {accept}% of true calibration photos and their simulated recolourings"),
                ),
            ),
            (
                "catalog",
                threshold(
                    settings.catalog,
                    format!("keeps {catalog}% of true calibration photos and their simulated recolourings"),
                ),
            ),
            (
                "confidence",
                threshold(settings.confidence, "configuration: a node is named when it is more likely than not".into()),
            ),
        ]
        .map(|(name, threshold)| (name.to_owned(), threshold))
        .into(),
        data: match &config.photos {
            Some(own) => vec![data(&own.name(), "the owner's", items(photos::Source::Own))],
            None => vec![
                data(
                    "Fashion Product Images (studio)",
                    "MIT as listed on Kaggle; photos not redistributed",
                    items(photos::Source::Studio),
                ),
                data("alexeygrigorev/clothing-dataset", "CC0-1.0", items(photos::Source::Clothing)),
                data("bearpaw/clothing-co-parsing, backdrops only", "Apache-2.0; photos not redistributed", backdrops),
            ],
        },
        split: if config.photos.is_some() { OWN_SPLIT } else { SPLIT }.into(),
        seed: config.seed,
        versions: versions(),
        limits: if config.photos.is_some() { Vec::new() } else { LIMITS.map(str::to_owned).to_vec() },
        sha256,
        ..Card::default()
    };
    card.write(&checkpoint::card_path(weights, NAME))?;
    Ok(card)
}
