//! Ships ShadeNet: half-precision weights and the card with what was measured.

use std::path::Path;

use tch::Kind;

use super::Config;
use super::garments::Garments;
use crate::card::{Baseline, Card, DataSource, Metric, versions};
use crate::eval::shading::{COMPOSITES, Figure, Options, Report, measure};
use crate::params::Params;
use crate::shading::{Config as ModelConfig, NAME, ShadeNet};
use crate::{Error, Result, checkpoint};

/// Writes `shading.safetensors`, measures it as shipped, and writes its card.
///
/// # Errors
/// When the data for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, learnt: &Garments, data: &Path, weights: &Path) -> Result<()> {
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, params, Kind::Half, &[])?;
    let (rounded, _) = checkpoint::load(&path, NAME)?;
    let plain = ModelConfig { precision: crate::layers::Precision::F32, ..config.model };
    let options = Options { data: data.to_owned(), weights: weights.to_owned(), composites: COMPOSITES, sheet: false };
    let (report, _) = measure(&ShadeNet::from_params(&rounded, plain)?, &options)?;
    let source = |name: &str, items| DataSource {
        name: name.to_owned(),
        licence: "listed as MIT (studio) and CC0-1.0 (phone photos); studio photos not redistributed".to_owned(),
        items,
    };
    let card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture: "U-Net (Ronneberger et al. 2015) without normalisation, a zero-initialised correction of the \
                       analytic shading"
            .to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing:
            "garment frame fitted into 128 × 128 px in linear light: log luminance over its median, Lab, mask, \
                        analytic log shading"
                .to_owned(),
        data: vec![
            source("plain garments of Fashion Product Images and clothing-dataset", learnt.plain.len()),
            source("nearly black garments of the same", learnt.dark.len()),
            source("printed garments of the same, as prints", learnt.printed.len()),
        ],
        split: report.split.clone(),
        seed: config.seed,
        versions: versions(),
        metrics: metrics(&report),
        limits: vec![
            "Light is found at 128 px over the garment; finer folds come from the photo where the cloth is plain."
                .to_owned(),
            "Prints that grow lighter slowly, such as ombre, are taken for light.".to_owned(),
            "By itself it makes clouds of dark florals; the program lights prints by what it and the analytic estimate \
             both see, and plain cloth by the analytic estimate."
                .to_owned(),
            "Truth is the light of plain cloth on its own; no photo of one garment with and without its print exists."
                .to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    card.write(&checkpoint::card_path(weights, NAME))
}

fn metrics(report: &Report) -> Vec<Metric> {
    let metric = |name: String, value: f64, baseline: Option<Baseline>, n: usize, split: &str| Metric {
        name,
        value,
        baseline,
        n,
        split: split.to_owned(),
        command: "rangrez eval shading --data DIR".to_owned(),
    };
    let beside = |figures: &[Figure], pick: fn(&Figure) -> f64, what: &str, n: usize, split: &str| -> Vec<Metric> {
        let Some((ours, others)) = figures.split_first() else { return Vec::new() };
        let each = |other: &Figure| {
            let baseline = Baseline { name: other.method.clone(), value: pick(other) };
            metric(what.to_owned(), pick(ours), Some(baseline), n, split)
        };
        others.iter().map(each).collect()
    };
    let (made, real) = ("held-out garments and prints", "colourway pairs, one photo printed and one plain");
    let error = |figure: &Figure| figure.error.value;
    let mut all = beside(
        &report.figures,
        error,
        "scale-invariant RMSE of log shading, what network and analytic estimate both see, composites",
        report.composites,
        made,
    );
    all.extend(beside(
        &report.figures,
        |f| f.psnr,
        "PSNR of mid-grey cloth in that light, dB, composites",
        report.composites,
        made,
    ));
    all.extend(beside(
        &report.siblings.figures,
        error,
        "scale-invariant RMSE of log shading to the plain sibling's",
        report.siblings.n,
        real,
    ));
    all
}
