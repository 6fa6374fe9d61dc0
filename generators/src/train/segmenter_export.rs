//! What a segmenter run shows and ships: sample grids, `segmenter.safetensors` and its card.

use std::path::Path;

use pixels::{Format, SrgbImage};
use tch::{Kind, Tensor};

use super::run::Run;
use super::segmenter::Config;
use super::segmenter_data::index::Index;
use super::segmenter_data::{self as data, set_color, warp::Canvas};
use crate::card::{self, Baseline, Card, DataSource, Metric};
use crate::closer::CLOSER_PX;
use crate::eval::mask;
use crate::params::Params;
use crate::segmenter::{Class, ClassSet, NAME, Network, Segmenter};
use crate::{Error, Result, checkpoint, seam};

/// Pictures, what is known of them, and what the averaged weights see; one row per sample.
///
/// # Errors
/// When the network or a file fails.
pub fn sample_grid(run: &mut Run, step: u64, average: &Params, config: &Config, canvases: &[Canvas]) -> Result<()> {
    let Some(first) = canvases.first() else { return Ok(()) };
    let (w, h) = (first.width, first.height);
    let batch = data::shards(canvases, 1)?;
    let network = Network::from_params(average, config.model)?;
    let logits = tch::no_grad(|| batch.iter().map(|b| network.forward(&b.codes, usize::MAX)).collect::<Vec<_>>());
    let best = Tensor::cat(&logits, 0).argmax(1, false);
    let best = seam::floats_of(&best)?;
    let columns = 6;
    let rows = canvases.len().div_ceil(columns / 3 * 2).max(1);
    let per_row = canvases.len().div_ceil(rows);
    let mut grid = SrgbImage::filled((per_row * 3 * w) as u32, (rows * h) as u32, [0; 3]);
    let width = grid.width_px() as usize;
    for (n, canvas) in canvases.iter().enumerate() {
        let (left, top) = (n % per_row * 3 * w, n / per_row * h);
        for y in 0..h {
            for x in 0..w {
                let half = y / 2 * (w / 2) + x / 2;
                let class = Class::EVERY[best[n * (w / 2) * (h / 2) + half] as usize];
                let rgb = canvas.codes[3 * (y * w + x)..][..3].iter().map(|&c| c as u8);
                let known = set_color(canvas.sets[half]);
                let seen = set_color(ClassSet::of(&[class]));
                for (i, value) in rgb.chain(known).chain(seen).enumerate() {
                    grid.data_mut()[((top + y) * width + left + i / 3 * w + x) * 3 + i % 3] = value;
                }
            }
        }
    }
    let png = pixels::encode(&grid, None, Format::Png, 90)?;
    run.sample_png(step, "samples", grid.width_px(), grid.height_px(), &png)
}

/// Writes `segmenter.safetensors` in half precision, measures it on the validation side, and writes its card.
///
/// # Errors
/// When a file cannot be written or the measurement fails.
pub fn ship(average: &Params, config: &Config, index: &Index, weights: &Path) -> Result<()> {
    let path = checkpoint::weights_path(weights, NAME);
    let sha256 = checkpoint::save(&path, NAME, average, Kind::Half, &[])?;
    let items = &index.train;
    let source = |name: &str, licence: &str, items| DataSource { name: name.into(), licence: licence.into(), items };
    let studio = "listed as MIT on Kaggle; photos are not redistributed";
    let mut card = Card {
        format: checkpoint::FORMAT.into(),
        model: NAME.into(),
        architecture:
            "EfficientNet-Lite0 encoder (Tan and Le 2019) with a depthwise-separable feature pyramid (Lin et al. \
                       2017), logits at stride 2"
                .into(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: format!(
            "resized in linear light to about {0}×{0} px of area, aspect kept, sides multiples of 32; mean of the photo and its \
             mirror image; of people also a frame around them of about {CLOSER_PX}×{CLOSER_PX} px",
            config.model.input_px
        ),
        classes: Class::EVERY.iter().map(|class| class.name().to_owned()).collect(),
        data: vec![
            source("Clothing Co-Parsing (bearpaw/clothing-co-parsing), masks", "Apache-2.0", items.street.len()),
            source("Fashion Product Images, without a person", studio, items.packshots.len()),
            source("Fashion Product Images, with a person", studio, items.models.len()),
            source("colourway pairs mined from Fashion Product Images", studio, items.colorways.len()),
            source("alexeygrigorev/clothing-dataset", "CC0-1.0", items.flat_lays.len()),
            source("EfficientNet-Lite0 ImageNet weights (encoder's start)", "Apache-2.0", 1),
        ],
        split: String::new(),
        seed: config.seed,
        versions: card::versions(),
        limits: vec![
            "white on white and black on black lose edges".into(),
            "several garments of one class are one region".into(),
            "full and upper are confused on long tunics; `auto` takes them together".into(),
        ],
        sha256,
        ..Card::default()
    };
    let card_path = checkpoint::card_path(weights, NAME);
    card.write(&card_path)?;
    // What is measured is the file as shipped, after rounding to half precision.
    let report = mask::measure(&Segmenter::load(weights)?, index, usize::MAX, config.shards)?;
    card.split.clone_from(&report.split);
    card.metrics = metrics(&report);
    card.write(&card_path)
}

fn metrics(report: &mask::Report) -> Vec<Metric> {
    let metric = |name: String, value: f64, n: usize, baseline: Option<Baseline>| Metric {
        name,
        value,
        baseline,
        n,
        split: "validation".into(),
        command: "rangrez eval mask --data DIR".into(),
    };
    let mut metrics = Vec::new();
    for a in [&report.street, &report.studio, &report.flat_lay_composites, &report.colorways] {
        for (what, value, dumb) in [("mean", a.mean, a.baseline.mean), ("median", a.median, a.baseline.median)] {
            let baseline = Baseline { name: a.baseline.name.clone(), value: dumb };
            metrics.push(metric(format!("IoU, {}, {what}", a.name), value, a.n, Some(baseline)));
        }
    }
    for class in &report.classes {
        if let Some(iou) = class.iou {
            metrics.push(metric(format!("IoU, {}, street, pooled", class.class.name()), iou, class.n, None));
        }
    }
    metrics
}
