//! Ships the painter: half-precision weights and the card with what was measured.

use std::path::{Path, PathBuf};

use tch::Kind;

use super::Config;
use crate::card::{Baseline, Card, DataSource, Metric, versions};
use crate::eval::looks::{Pareto, Point, References, curve};
use crate::params::Params;
use crate::style::NAME;
use crate::{Error, Result, checkpoint};

/// Writes `style.safetensors`, measures it as shipped, and writes its card. Without the judge's weights the card has no
/// figures.
///
/// # Errors
/// When the data for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, photos: &[Vec<PathBuf>; 2], data: &Path, weights: &Path) -> Result<()> {
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, params, Kind::Half, &[])?;
    let source =
        |name: &str, licence: &str, items| DataSource { name: name.to_owned(), licence: licence.to_owned(), items };
    let mut card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture: "decoder of adaptive instance normalisation (Huang and Belongie 2017) over three expanded maps of \
                       EfficientNet-Lite0, a U-Net"
            .to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: "photos at no more than 1024 px, padded to multiples of 32 px".to_owned(),
        data: vec![
            source("Clothing Co-Parsing, photos", "Apache-2.0; photos not redistributed", photos[0].len()),
            source("alexeygrigorev/clothing-dataset", "CC0-1.0", photos[1].len()),
        ],
        split: "photos by hash of their names: 15% for the figures, 10% watched in training".to_owned(),
        seed: config.seed,
        versions: versions(),
        limits: vec![
            "References in training are photos under transforms, printed cloth, and photos painted by procedure: no painting \
             by hand was seen."
                .to_owned(),
            "Statistics have no place: what the reference shows, and where, is lost; large motifs come as texture.".to_owned(),
            "Larger photos are painted at 1024 px and enlarged: fine print and lettering are not kept.".to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    let card_path = checkpoint::card_path(weights, NAME);
    card.write(&card_path)?;
    for (kind, references) in [(References::Photos, "street photos"), (References::Paintings, "paintings by procedure")]
    {
        let measured = curve(data, weights, kind)?;
        card.metrics.extend(measured.iter().flat_map(|pareto| metrics(pareto, references)));
    }
    card.write(&card_path)
}

type Pick = fn(&Point) -> f64;

/// The painter at full strength beside each other method.
fn metrics(pareto: &Pareto, references: &str) -> Vec<Metric> {
    let full: Vec<&Point> = pareto.points.iter().filter(|point| point.strength == 1.0).collect();
    let Some((ours, others)) = full.split_last() else { return Vec::new() };
    let figures: [(&str, Pick); 3] = [
        ("style left, Gram matrices of a judge's features", |p| p.gram),
        ("style left, sliced Wasserstein distance of a judge's features", |p| p.sliced),
        ("content lost, a judge's deep features", |p| p.content),
    ];
    let one = |(name, pick): (&str, Pick), other: &Point| Metric {
        name: format!("{name}; {references} as references"),
        value: pick(ours),
        baseline: Some(Baseline { name: other.method.clone(), value: pick(other) }),
        n: pareto.n,
        split: "held-out photos and references".to_owned(),
        command: "rangrez eval looks --data DIR".to_owned(),
    };
    figures.into_iter().flat_map(|figure| others.iter().map(move |other| one(figure, other))).collect()
}
