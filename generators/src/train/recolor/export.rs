//! Ships the trained recolour network: half-precision weights and the card with what was measured.

use std::path::Path;

use tch::Kind;

use super::Config;
use super::data::{self, Dataset};
use super::losses::dyed;
use crate::backbone::{Backbone, INPUT_PX};
use crate::card::{Baseline, Card, DataSource, Metric, Threshold, versions};
use crate::eval::colorway_pairs::Part;
use crate::eval::colorways::{Report, Role, contact_sheet, evaluate};
use crate::params::Params;
use crate::recolor::network::Network;
use crate::recolor::{NAME, Recolorer, SHADING_ERROR, shading_error};
use crate::{Error, Result, checkpoint, seam};

/// Pairs on the contact sheet of the validation part.
const SHEET_ROWS: usize = 12;

/// Writes `recolor.safetensors` and `recolor.card.json`.
///
/// # Errors
/// When the data for measuring is missing or a file cannot be written.
pub fn ship(params: &Params, config: &Config, dataset: &Dataset, data: &Path, weights: &Path) -> Result<()> {
    let network = Network::from_params(params, &config.network)?;
    let usual_error = usual_shading_error(&network, dataset)?;
    let report = measure(Recolorer::new(network, usual_error), config, data, weights)?;
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, params, Kind::Half, &[])?;
    let chosen = "95th percentile over the training pairs of the autoencoder's root-mean-square shading error";
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
        thresholds: [(
            SHADING_ERROR.to_owned(),
            Threshold { value: f64::from(usual_error), chosen: chosen.to_owned() },
        )]
        .into(),
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

fn usual_shading_error(network: &Network, dataset: &Dataset) -> Result<f32> {
    let mut errors = Vec::new();
    for items in dataset.pairs.chunks(8) {
        let batch = data::batch(items)?;
        let error = tch::no_grad(|| shading_error(&dyed(network, &batch).shading, &batch.planes));
        errors.extend(seam::floats_of(&error)?);
    }
    Ok(pixels::garment_stats::percentile(&mut errors, 0.95).max(1e-6))
}

fn measure(recolorer: Recolorer, config: &Config, data: &Path, weights: &Path) -> Result<Report> {
    let backbone = Backbone::load(weights)?;
    let dye = move |photo: &pixels::SrgbImage, mask: &pixels::Mask, target| {
        let small = pixels::resize_linear(photo, INPUT_PX, INPUT_PX)?;
        let embedding = backbone.embed(&seam::tensor_from_srgb(&small).unsqueeze(0))?;
        Ok(recolorer.dye(&recolorer.prepare(photo, mask, &embedding)?, target)?.image)
    };
    let (list, images) = (data.join("colorways/pairs.csv"), data.join("studio/images"));
    let sheet = contact_sheet(&list, &images, Part::Validation, &dye, SHEET_ROWS)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    checkpoint::write_atomic(&config.run_dir.join("samples/validation-source-true-ours-curve.png"), &png)?;
    evaluate(&list, &images, Part::Validation, Some(&dye), None)
}

fn metrics(report: &Report) -> Vec<Metric> {
    let best = report
        .figures
        .iter()
        .filter(|f| f.role == Role::Baseline)
        .min_by(|one, other| one.mean_delta_e00.total_cmp(&other.mean_delta_e00));
    let measured = report.figures.iter().filter(|f| f.role != Role::Baseline);
    measured
        .map(|figure| Metric {
            name: format!("{}: mean ΔE00 per pixel in the region, {} mask", figure.name, figure.mask),
            value: figure.mean_delta_e00,
            baseline: best.map(|b| Baseline { name: b.name.clone(), value: b.mean_delta_e00 }),
            n: figure.n,
            split: "validation third of the colourway pairs, both directions".to_owned(),
            command: "rangrez eval colorways --pairs DATA/colorways/pairs.csv --images DATA/studio/images --json"
                .to_owned(),
        })
        .collect()
}
