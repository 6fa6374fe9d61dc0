//! `rangrez eval gate`: the classifier's accuracy and calibration, and what the gate lets through, on photos that
//! nothing was fitted, selected or calibrated on.

mod acceptance;
mod accuracy;
mod judge;
mod statistics;
mod unseen;
mod variants;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

pub use acceptance::Acceptance;
pub use accuracy::{Accuracies, Accuracy, Breakdown, Calibration, Confusion};
pub use judge::{Opinion, Opinions};
pub use statistics::Rate;

use crate::card::{Baseline, Card, Metric};
use crate::gate::{Gate, Guarantee, NAME};
use crate::train::gate::{Config, Material};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::Job;
use crate::train::gate_data::photos::Part;
use crate::{Error, Result, checkpoint};
use acceptance::{Judges, Picture, Source};
use accuracy::Item;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `studio/`, `clothing/` and `street/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Where maps and embeddings are cached; where the gate's card says when none.
    pub cache: Option<PathBuf>,
    /// Categories and articles that gates are trained without, to be shown them; none skips that part.
    pub unseen: Vec<String>,
    /// The certified share of false accepts whose thresholds are measured; the gate's own threshold when none.
    pub false_accept: Option<f64>,
    /// Whether to ask the independent judge too.
    pub judge: bool,
    /// Threads that embed.
    pub threads: usize,
}

impl Options {
    /// The usual measurement.
    pub fn new(data: PathBuf, weights: PathBuf) -> Self {
        let unseen = [
            "Bags",
            "Shoes",
            "Bottomwear",
            "Adornments",
            "Legwear",
            "Headwear",
            "Watches",
            "Belts",
            "Handbags",
            "Kurtas",
        ];
        let unseen = unseen.map(str::to_owned).to_vec();
        Self { data, weights, cache: None, unseen, false_accept: None, judge: false, threads: 2 }
    }
}

/// What was measured. Intervals are 95% Wilson intervals.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The classifier.
    pub accuracy: Accuracies,
    /// Least score that the gate accepts.
    pub threshold: f32,
    /// What it accepts.
    pub acceptance: Vec<Acceptance>,
    /// What gates accept of a category or article that they have never seen.
    pub unseen: Vec<Acceptance>,
    /// The thresholds of the share of false accepts that was asked for, or of 0.05.
    pub guarantees: Vec<Guarantee>,
    /// What the independent judge says, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<Opinions>,
}

/// Measures the shipped gate.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let gate = Gate::load(&options.weights)?;
    let card_path = checkpoint::card_path(&options.weights, NAME);
    let gate_file = checkpoint::weights_path(&options.weights, NAME);
    let card = Card::read(&card_path, NAME)?;
    let mut config: Config = serde_json::from_value(card.config)
        .map_err(|error| checkpoint::invalid(&card_path, format!("its configuration: {error}")))?;
    if let Some(cache) = &options.cache {
        config.cache = Some(cache.clone());
    }
    config.threads = options.threads;
    let mut material = Material::load(&config, &options.data, &options.weights, Some(&gate_file))?;
    let photos = material.photos.clone();
    let held_out: Vec<_> = photos
        .iter()
        .filter(|photo| matches!(photo.part, Part::Report | Part::SmallValidation))
        .filter_map(|photo| Some((photo, gate.taxonomy().covered(photo.source.name(), &photo.label)?)))
        .collect();
    if held_out.is_empty() {
        return Err(Error::Data { path: options.data.clone(), reason: "holds no photo to report on".into() });
    }
    let jobs: Vec<Job> =
        held_out.iter().map(|(photo, _)| Job { path: photo.path.clone(), recipe: Recipe::Plain }).collect();
    let looks = material.cache.looks(&jobs, options.threads)?;
    let mut items = Vec::new();
    for ((photo, covered), look) in held_out.into_iter().zip(looks) {
        let Some(look) = look else { continue };
        let picture = Picture::of(&gate, &look);
        items.push(Item { photo, covered, look, picture });
    }
    let judges = Judges::new(&gate, &config, &material.rows, options.false_accept)?;
    let mut source = Source { data: &options.data, cache: &mut material.cache, threads: options.threads };
    let mut acceptance = acceptance::measure(&judges, &items, &mut source)?;
    acceptance.extend(variants::recoloured(&judges, &items, &options.weights, options.threads)?);
    acceptance.extend(variants::colorways(&judges, &items, &options.data)?);
    let unseen = unseen(options, &config, &mut material, &items)?;
    let judge = options.judge.then(|| judge::measure(&judges, &config, &mut material, &items, options.threads));
    Ok(Report {
        accuracy: accuracy::measure(&gate, &items),
        threshold: gate.settings().accept,
        acceptance,
        unseen,
        guarantees: gate.guarantees(options.false_accept.unwrap_or(0.05))?.into_iter().cloned().collect(),
        judge: judge.transpose()?,
    })
}

/// Unseen classes, by gates on this gate's tail and, if that is its own, on the backbone's.
fn unseen(options: &Options, config: &Config, material: &mut Material, items: &[Item]) -> Result<Vec<Acceptance>> {
    let names = options.unseen.as_slice();
    let looks = items.iter().map(|item| (item, item.look.clone())).collect::<Vec<_>>();
    let mut found = unseen::measure(config, material, &looks, (names, ""))?;
    drop(looks);
    if config.tail.is_none() || names.is_empty() {
        return Ok(found);
    }
    let mut frozen = Material::load(config, &options.data, &options.weights, None)?;
    let job = |item: &Item| Job { path: item.photo.path.clone(), recipe: Recipe::Plain };
    let looks = frozen.cache.looks(&items.iter().map(job).collect::<Vec<_>>(), options.threads)?;
    let looks: Vec<_> = items.iter().zip(looks).filter_map(|(item, look)| Some((item, look?))).collect();
    found.extend(unseen::measure(config, &mut frozen, &looks, (names, " of the frozen backbone"))?);
    Ok(found)
}

impl Report {
    /// The figures for the model card.
    pub fn metrics(&self) -> Vec<Metric> {
        let metric = |name: String, rate: Rate, baseline: Option<Baseline>, split: &str| Metric {
            name,
            value: rate.rate,
            baseline,
            n: rate.n,
            split: split.into(),
            command: "rangrez eval gate --data DIR --weights weights".into(),
        };
        let levels = self.accuracy.levels.iter();
        let mut metrics: Vec<Metric> =
            levels.map(|a| metric(format!("accuracy, {}", a.level), a.rate, None, a.photos)).collect();
        metrics.extend(self.accuracy.calibration.map(|c| Metric {
            baseline: Some(Baseline { name: "without temperature".into(), value: c.before }),
            ..metric("expected calibration error".into(), Rate { rate: c.after, ..Rate::new(0, c.n) }, None, "report")
        }));
        metrics.extend(self.acceptance.iter().chain(&self.unseen).map(|a| {
            let wish = if a.should_pass { "accepted" } else { "falsely accepted" };
            let baseline = Baseline { name: "softmax only".into(), value: a.softmax_only.rate };
            metric(format!("{wish}: {}", a.pictures), a.gate, Some(baseline), "report")
        }));
        metrics
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "accuracy (95% interval; balanced = mean over labels)")?;
        for Accuracy { photos, level, rate, balanced } in &self.accuracy.levels {
            writeln!(f, "  {photos:<36}{level:<12}{rate}  balanced {balanced:.3}")?;
        }
        for (title, list) in [("label", &self.accuracy.by_label), ("sender", &self.accuracy.by_sender)] {
            writeln!(f, "\naccuracy by {title}")?;
            for Breakdown { photos, name, rate } in list {
                writeln!(f, "  {photos:<36}{name:<22}{rate}")?;
            }
        }
        if let Some(Calibration { n, before, after }) = self.accuracy.calibration {
            writeln!(f, "\nexpected calibration error {before:.4} before temperature, {after:.4} after (n {n})")?;
        }
        writeln!(f, "\naccepted at score ≥ {:.4}: this gate, softmax only, random", self.threshold)?;
        for Acceptance { pictures, should_pass, gate, softmax_only, random } in
            self.acceptance.iter().chain(&self.unseen)
        {
            let wish = if *should_pass { "accept" } else { "reject" };
            writeln!(f, "  {wish}  {gate}  {:.3}  {:.3}  {pictures}", softmax_only.rate, random.rate)?;
        }
        writeln!(f, "\nguarantees: threshold, then passed of n with an exact bound for each set of negatives")?;
        for Guarantee { category, false_accept, threshold, certified, negatives, confidence } in &self.guarantees {
            let word = if *certified { "certified" } else { "uncertified" };
            write!(f, "  {category:<16}≤ {false_accept}  {threshold:.4}  {word} at {confidence}")?;
            for set in negatives {
                write!(f, "; {} of {} ≤ {:.3} {}", set.passed, set.n, set.bound, set.name)?;
            }
            writeln!(f)?;
        }
        if let Some(judge) = &self.judge {
            write!(f, "{judge}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} [{:.3}, {:.3}] n {:<5}", self.rate, self.low, self.high, self.n)
    }
}
