//! Training of the classifier that knows patterned cloth: garments of the catalogue, whose titles say what they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pixels::garment_stats::percentile;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::logistic::Logistic;
use super::run::{Run, read_config};
use super::shading::garments::{Cloth, Garment, Part, cloth_of, sources};
use crate::backbone::EMBEDDING;
use crate::card::{Baseline, Card, DataSource, Metric, Threshold, versions};
use crate::embedding::Embedder;
use crate::eval::pattern::{Options, evaluate};
use crate::eval::workers;
use crate::params::Params;
use crate::pattern::{NAME, PATTERNED, PLAIN, alone};
use crate::segmenter::Segmenter;
use crate::shading::view::View;
use crate::stream::split_fraction;
use crate::{Error, Result, checkpoint, seam};

/// Words that name a pattern all over.
const PATTERNS: [&str; 12] = [
    "printed", "print", "check", "checks", "checked", "stripe", "stripes", "striped", "floral", "paisley", "polka",
    "plaid",
];
/// Words that name plain cloth.
const SOLIDS: [&str; 2] = ["solid", "plain"];
/// Parts of the garments, each of which is asked about by a classifier that has learnt from the others, for the thresholds.
const FOLDS: usize = 4;
/// Steps that are shown: reading, fitting for the thresholds, fitting, measuring.
const STEPS: u64 = 4;

/// Everything that determines the weights, besides the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the run.
    pub run_dir: PathBuf,
    /// Weight of the squared length of the classifier.
    pub ridge: f64,
    /// How much a garment counts whose title says nothing, as one that is plain.
    pub unnamed: f32,
    /// Share of patterned garments whose cloth may be taken for plain.
    pub lost: f32,
    /// The same for half plain.
    pub unsure: f32,
}

impl Config {
    fn validate(&self) -> std::result::Result<(), String> {
        let shares = 0.0 < self.lost && self.lost < self.unsure && self.unsure < 1.0;
        if shares && (0.0..=1.0).contains(&self.unnamed) && self.ridge > 0.0 {
            return Ok(());
        }
        Err("expected 0 < lost < unsure < 1, unnamed 0 to 1, ridge above 0".into())
    }
}

/// What a product's title says of its cloth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It names a pattern.
    Patterned,
    /// It names plain cloth.
    Plain,
    /// Nothing.
    Unnamed,
}

impl Named {
    /// Reads a title.
    pub fn of(title: &str) -> Self {
        let names = |words: &[&str]| title.split_whitespace().any(|word| words.contains(&word.to_lowercase().as_str()));
        if names(&PATTERNS) {
            Self::Patterned
        } else if names(&SOLIDS) {
            Self::Plain
        } else {
            Self::Unnamed
        }
    }
}

/// A garment to learn from.
struct Seen {
    title: String,
    named: Named,
    /// Whether its colours look so too: a motif on the chest does not.
    looks_patterned: bool,
    /// Embedding of it alone.
    features: Vec<f32>,
}

/// Trains the classifier and writes `pattern.safetensors` with its card into `weights`. It takes minutes, so a run that was
/// interrupted starts anew.
///
/// Progress goes to `progress` as (step, steps, loss).
///
/// # Errors
/// When configuration, data or weights are missing or malformed, or a file cannot be written; [`Error::Input`] for `resume`.
pub fn train(
    config_path: &Path,
    data: &Path,
    weights: &Path,
    resume: bool,
    progress: &mut dyn FnMut(u64, u64, f64),
) -> Result<()> {
    if resume {
        return Err(Error::Input("pattern: takes minutes and has nothing to resume; start it anew".into()));
    }
    let config: Config = read_config(config_path)?;
    config.validate().map_err(|reason| Error::Config { path: config_path.to_owned(), reason })?;
    let (mut run, _) = Run::open(&config.run_dir, NAME, &config, false)?;
    progress(0, STEPS, 0.0);
    let seen = garments(data, weights)?;
    progress(1, STEPS, 0.0);
    let [plain, patterned] = thresholds(&seen, &config)?;
    progress(2, STEPS, 0.0);
    let all: Vec<&Seen> = seen.iter().collect();
    let fitted = fit(&all, &config)?;
    let loss = surprise(&fitted, &all, &config)?;
    run.log(0, &[("loss", loss), (PLAIN, plain.into()), (PATTERNED, patterned.into())])?;
    progress(3, STEPS, loss);
    ship(&fitted, [plain, patterned], &config, &seen, data, weights)?;
    progress(STEPS, STEPS, loss);
    Ok(())
}

/// One garment of each product of the catalogue that no figures come from.
fn garments(data: &Path, weights: &Path) -> Result<Vec<Seen>> {
    let mut known = BTreeSet::new();
    let mut sources = sources(data, usize::MAX)?;
    sources.retain(|source| {
        source.title().is_some() && Part::of(&source.key) != Part::Report && known.insert(source.key.clone())
    });
    let segmenter = Segmenter::load(weights)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut models = (0..threads)
        .map(|_| Ok((segmenter.handle()?, Embedder::load(weights)?)))
        .collect::<Result<Vec<(Segmenter, Embedder)>>>()?;
    let seen = workers::each(&sources, &mut models, |(segmenter, embedder), source| {
        let Some((photo, mask)) = source.find(segmenter)? else { return Ok(None) };
        let Some(alone) = alone(&photo, &mask)? else { return Ok(None) };
        let Some(view) = View::new(&photo, &mask)? else { return Ok(None) };
        let title = source.title().unwrap_or_default().to_owned();
        let small = Garment { key: title.clone(), image: view.image, mask: view.mask };
        let looks_patterned = cloth_of(&small) == Cloth::Printed;
        let features = seam::floats_of(&embedder.general(&alone)?)?;
        Ok(Some(Seen { named: Named::of(&title), title, looks_patterned, features }))
    })?;
    let seen: Vec<Seen> = seen.into_iter().flatten().collect();
    let count = |named| seen.iter().filter(|one| one.named == named).count();
    if count(Named::Patterned) < FOLDS || count(Named::Plain) < FOLDS {
        let reason = "too few garments whose title names a pattern, or plain cloth".into();
        return Err(Error::Data { path: data.to_owned(), reason });
    }
    Ok(seen)
}

/// Features, classes and importance of garments.
fn tensors(seen: &[&Seen], config: &Config) -> Result<[Tensor; 3]> {
    let features: Vec<f32> = seen.iter().flat_map(|one| one.features.iter().copied()).collect();
    let classes: Vec<f32> = seen.iter().map(|one| f32::from(u8::from(one.named == Named::Patterned))).collect();
    let counts = |one: &&Seen| if one.named == Named::Unnamed { config.unnamed } else { 1.0 };
    let importance = Tensor::from_slice(&seen.iter().map(counts).collect::<Vec<f32>>());
    let importance = &importance / importance.sum(Kind::Float);
    Ok([Tensor::from_slice(&features).f_view([-1, EMBEDDING])?, Tensor::from_slice(&classes), importance])
}

fn fit(seen: &[&Seen], config: &Config) -> Result<Logistic> {
    let [rows, classes, importance] = tensors(seen, config)?;
    Ok(Logistic::fit(&rows, &classes, &importance, config.ridge))
}

/// Mean cross-entropy, in nats.
fn surprise(fitted: &Logistic, seen: &[&Seen], config: &Config) -> Result<f64> {
    let [rows, classes, importance] = tensors(seen, config)?;
    let scores = fitted.scores(&rows);
    Ok(((scores.softplus() - &scores * classes) * importance).sum(Kind::Double).f_double_value(&[])?)
}

/// Scores below which the shares `lost` and `unsure` of the garments lie that are patterned by their titles and by their
/// looks, by classifiers that did not learn from them.
fn thresholds(seen: &[Seen], config: &Config) -> Result<[f32; 2]> {
    let mut scores = Vec::new();
    for fold in 0..FOLDS {
        let in_fold = |one: &&Seen| (split_fraction(&one.title) * FOLDS as f64) as usize == fold;
        let (asked, learnt): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(in_fold);
        let asked: Vec<&Seen> =
            asked.into_iter().filter(|one| one.named == Named::Patterned && one.looks_patterned).collect();
        if asked.is_empty() {
            continue;
        }
        let (weight, bias) = fit(&learnt, config)?.linear();
        scores.extend(seam::floats_of(&tensors(&asked, config)?[0].linear(&weight, Some(&bias)))?);
    }
    Ok([config.lost, config.unsure].map(|share| percentile(&mut scores, share)))
}

/// Writes weights and card, then measures them as shipped and writes the card again.
fn ship(
    fitted: &Logistic,
    [plain, patterned]: [f32; 2],
    config: &Config,
    seen: &[Seen],
    data: &Path,
    weights: &Path,
) -> Result<()> {
    let (weight, bias) = fitted.linear();
    let params: Params = [("head.weight".to_owned(), weight), ("head.bias".to_owned(), bias)].into_iter().collect();
    let sha256 = checkpoint::save(&checkpoint::weights_path(weights, NAME), NAME, &params, Kind::Half, &[])?;
    let threshold = |value: f32, share: f32| Threshold {
        value: value.into(),
        chosen: format!(
            "score below which {share} of the garments lie that are patterned by their titles and by their looks, by {FOLDS} classifiers that did not learn from them"
        ),
    };
    let of = |named, what: &str| DataSource {
        name: format!("garments of Fashion Product Images, {what}"),
        licence: "listed as MIT; photos not redistributed".to_owned(),
        items: seen.iter().filter(|one| one.named == named).count(),
    };
    let mut card = Card {
        format: checkpoint::FORMAT.to_owned(),
        model: NAME.to_owned(),
        architecture: "logistic regression on the backbone's embedding".to_owned(),
        config: serde_json::to_value(config).map_err(|error| Error::Input(error.to_string()))?,
        preprocessing: "the garment alone before mid-grey, cut to its frame, 224 × 224 px in linear light".to_owned(),
        thresholds: [(PLAIN.to_owned(), threshold(plain, config.lost)), (PATTERNED.to_owned(), threshold(patterned, config.unsure))]
            .into(),
        data: vec![
            of(Named::Patterned, "title names a pattern"),
            of(Named::Plain, "title names plain cloth"),
            of(Named::Unnamed, "title names neither, taken for plain at a lower weight"),
        ],
        split: "products by hash of their names, 15% for the figures; photos of colourway pairs left out".to_owned(),
        versions: versions(),
        limits: vec![
            "One answer for the whole garment: a badge on plain cloth is left to the analytic estimate.".to_owned(),
            "Titles call a shirt printed that has one motif on its chest, and nothing is said of knit, melange and pleats."
                .to_owned(),
        ],
        sha256,
        ..Card::default()
    };
    let path = checkpoint::card_path(weights, NAME);
    card.write(&path)?;
    let report = evaluate(&Options { data: data.to_owned(), weights: weights.to_owned() })?;
    card.metrics = report
        .rows
        .iter()
        .map(|row| Metric {
            name: format!("share of the light that is kept whole: {}", row.of),
            value: row.program.value,
            baseline: Some(Baseline { name: "analytic estimate".to_owned(), value: row.analytic.value }),
            n: row.n,
            split: report.split.clone(),
            command: "rangrez eval pattern --data DIR".to_owned(),
        })
        .collect();
    card.write(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_name_patterns_plain_cloth_or_neither() {
        assert_eq!(Named::of("Basics Men Striped Blue Shirt"), Named::Patterned);
        assert_eq!(Named::of("Nike Men Solid Navy Tee"), Named::Plain);
        assert_eq!(Named::of("A Solid Shirt with Checks"), Named::Patterned);
        assert_eq!(Named::of("Blueprint Jeans"), Named::Unnamed);
    }

    #[test]
    fn there_is_nothing_to_resume() {
        let nowhere = Path::new("nowhere");
        let refused = train(nowhere, nowhere, nowhere, true, &mut |_, _, _| {});
        assert!(matches!(refused, Err(Error::Input(reason)) if reason.contains("nothing to resume")));
    }

    #[test]
    fn thresholds_come_from_garments_that_the_classifier_has_not_seen() {
        let config = Config { run_dir: PathBuf::new(), ridge: 1e-3, unnamed: 0.3, lost: 0.1, unsure: 0.3 };
        let mut stream = crate::stream::Stream::new(5, "pattern", 0);
        let seen: Vec<Seen> = (0..240)
            .map(|i| {
                let named = [Named::Patterned, Named::Plain, Named::Unnamed][i % 3];
                let mut features: Vec<f32> = (0..EMBEDDING).map(|_| stream.normal()).collect();
                features[7] += if named == Named::Patterned { 6.0 } else { 0.0 };
                Seen { title: format!("garment {i}"), named, looks_patterned: true, features }
            })
            .collect();
        let [plain, patterned] = thresholds(&seen, &config).unwrap();
        let all: Vec<&Seen> = seen.iter().filter(|one| one.named == Named::Patterned).collect();
        let fitted = fit(&seen.iter().collect::<Vec<_>>(), &config).unwrap();
        let mut own = seam::floats_of(&fitted.scores(&tensors(&all, &config).unwrap()[0])).unwrap();
        assert!(plain < patterned);
        // With more features than garments it knows by heart those that it has learnt from.
        assert!(plain < percentile(&mut own, config.lost), "{plain}");
        assert!(Config { lost: 0.5, ..config }.validate().is_err());
    }
}
