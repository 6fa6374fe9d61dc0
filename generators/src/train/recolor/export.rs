//! Ships the trained recolour network: half-precision weights and the card with what was measured.

use std::path::Path;

use tch::Kind;

use super::Config;
use super::data::Dataset;
use crate::card::{Baseline, Card, DataSource, Metric, versions};
use crate::eval::colorway_measure::{Generator, Models, Role};
use crate::eval::colorway_pairs::{Part, load};
use crate::eval::colorways::{Figure, Report, evaluate};
use crate::params::Params;
use crate::recolor::network::Network;
use crate::recolor::{NAME, Recolorer};
use crate::{Error, Result, checkpoint};

/// Writes `recolor.safetensors` and `recolor.card.json`.
///
/// # Errors
/// When the data for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, dataset: &Dataset, data: &Path, weights: &Path) -> Result<()> {
    let report = measure(params, config, data, weights)?;
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, params, Kind::Half, &[])?;
    let card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture:
            "conditional GAN with an autoencoder branch on a bilateral grid (Gharbi et al. 2017), a residual \
                       over an analytic colour law"
                .to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: "garment frame at 128 × 128 px: shading, detail, mask, source Lab, Lab of the analytic base"
            .to_owned(),
        data: vec![
            DataSource {
                name: "colourway pairs mined from Fashion Product Images, both directions".to_owned(),
                licence: "listed as MIT; photos not redistributed".to_owned(),
                items: dataset.pairs.len(),
            },
            DataSource {
                name: "Fashion Product Images (inverse jitter)".to_owned(),
                licence: "listed as MIT; photos not redistributed".to_owned(),
                items: dataset.studio.len(),
            },
        ],
        split: format!("{}; a further 15% of the training groups only chose the weights", report.split),
        seed: config.seed,
        versions: versions(),
        metrics: metrics(&report),
        limits: vec![
            "Prints and stripes that cover much of the cloth are dyed with it.".to_owned(),
            "Trained on studio photos on a plain backdrop; contrast on strongly side-lit cloth is not measured."
                .to_owned(),
            "The pairs are not perfectly aligned: a map fitted to each answer still differs by the floor below."
                .to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    card.write(&checkpoint::card_path(weights, NAME))
}

/// Measures the network and its ablations on the validation part; with the program's own masks where the folder has
/// the models that find them.
fn measure(params: &Params, config: &Config, data: &Path, weights: &Path) -> Result<Report> {
    let worker = |_| -> Result<Models> {
        let network = Network::from_params(&params.deep_clone(), &config.network)?;
        let mut generators = vec![Generator::base(), Generator::corrected(Recolorer::new(network))];
        for (name, folder) in &config.ablations {
            let network = Some(Recolorer::load(folder)?);
            generators.push(Generator { name: name.clone(), role: Role::Ablation, network });
        }
        Models::load(weights, generators)
    };
    let mut workers: Vec<Models> = (0..config.shards).map(worker).collect::<Result<_>>()?;
    let (list, images) = (data.join("colorways/pairs.csv"), data.join("studio/images"));
    evaluate(&load(&list, &images, Part::Validation)?, Part::Validation, &images, &mut workers)
}

/// The figures beside the best baseline of the same protocol and mask, and the hard cases.
fn metrics(report: &Report) -> Vec<Metric> {
    let metric = |name: String, value: f64, baseline: Option<Baseline>, n: usize| Metric {
        name,
        value,
        baseline,
        n,
        split: "validation third of the colourway pairs, both directions".to_owned(),
        command: "rangrez eval colorways --pairs DATA/colorways/pairs.csv --images DATA/studio/images --json"
            .to_owned(),
    };
    let best = |figure: &Figure| {
        let same = |f: &&Figure| f.protocol == figure.protocol && f.mask == figure.mask && f.role == Role::Baseline;
        let least = report.figures.iter().filter(same);
        let least = least.min_by(|one, other| one.mean_delta_e00.value.total_cmp(&other.mean_delta_e00.value))?;
        Some(Baseline { name: least.name.clone(), value: least.mean_delta_e00.value })
    };
    let figures = report.figures.iter().filter(|f| f.role != Role::Baseline).map(|f| {
        let name = format!("{}: mean ΔE00 to the real photo, {:?} protocol, {:?} mask", f.name, f.protocol, f.mask);
        metric(name, f.mean_delta_e00.value, best(f), f.n)
    });
    let strata = report.strata.iter().map(|s| {
        let baseline = Baseline { name: s.best_baseline.clone(), value: s.baseline };
        metric(format!("{:?}: mean ΔE00, Plain protocol, own mask", s.stratum), s.network, Some(baseline), s.n)
    });
    figures.chain(strata).collect()
}
