//! `rangrez eval classifier`: transfer learning against training from scratch on the published ten-class phone photos.
//!
//! Of phone photos the classifiers learn from the published training part alone, of which a tenth is held back to choose by;
//! the published validation part is only reported on. One also learns to name the articles of the studio's photos, and
//! some, with settings that are chosen by then, learn from the held-back tenth too, each in another order of pictures. The
//! senders of both parts overlap, so accuracies are given by sender too, and apart for senders of whom nothing was learned from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use tch::{Kind, Tensor};

use super::gate::Rate;
use crate::gate::NAME;
use crate::params::Params;
use crate::train::gate::{self, train_head};
use crate::train::gate_data::altered::{Altered, Change};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::{self, Cache, Job};
use crate::train::gate_data::photos::{self, Part, Photo, Source, TEN};
use crate::train::gate_data::rows::{Row, matrix};
use crate::train::gate_fit::logits_of;
use crate::train::run::{Run, read_config};
use crate::train::small_network;
use crate::train::tail::words::{numbers, vocabulary};
use crate::train::tail::{Example, Tuner, told};
use crate::{Error, Result};

/// Epochs of the small network.
const EPOCHS: usize = 30;
/// What photos are looked at as beside themselves by classifiers that see three views of them.
const VIEWS: [Change; 2] = [Change::Mirrored, Change::Cropped];
/// Classifiers that learn from all training photos, and whose mean is asked.
const TOGETHER: u64 = 3;
/// Photos of the catalogue that the cost is extrapolated to: the source trained on as many for 15 days.
pub const CATALOGUE: usize = 150_000;

/// What to measure with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `clothing/`.
    pub data: PathBuf,
    /// Weights folder with the backbone.
    pub weights: PathBuf,
    /// Configuration of the linear probe and of fine-tuning, as a gate's.
    pub config: PathBuf,
    /// Whether the run that the configuration names is taken up where it stopped, be it at its end.
    pub resume: bool,
}

/// One classifier.
#[derive(Clone, Debug, Serialize)]
pub struct Learner {
    /// What it is.
    pub name: &'static str,
    /// Accuracy on the part that was held back from training; none when nothing was.
    pub selection: Option<Rate>,
    /// Accuracy on the published validation photos.
    pub validation: Rate,
    /// The same for photos of senders of whom training photos exist, and of others.
    pub by_acquaintance: [Rate; 2],
    /// The same by label.
    pub by_label: BTreeMap<String, Rate>,
    /// The same by sender, of those with at least eight photos.
    pub by_sender: BTreeMap<String, Rate>,
}

/// What fine-tuning cost, and what it would cost on a marketplace's catalogue.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// How often each photo was learned from.
    pub passes: f64,
    /// Pictures learned from per second of wall time, all threads together.
    pub pictures_per_second: f64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Wall time in hours of as many passes over [`CATALOGUE`] photos.
    pub catalogue_hours: f64,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Photos that were learned from.
    pub learned: usize,
    /// The classifiers, simplest first.
    pub learners: Vec<Learner>,
    /// None when fine-tuning was taken up where it had stopped.
    pub cost: Option<Cost>,
}

/// Trains and measures all of them.
///
/// # Errors
/// When the configuration, data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let config: gate::Config = read_config(&options.config)?;
    let bad = |reason: &str| Error::Config { path: options.config.clone(), reason: reason.into() };
    config.validate().map_err(|reason| bad(&reason))?;
    let photos = photos::ten_classes(&options.data)?;
    let classes: Vec<usize> = photos.iter().filter_map(|p| TEN.iter().position(|name| *name == p.label)).collect();
    if classes.len() != photos.len() {
        let reason = "a photo of the ten-class subset has another label".to_owned();
        return Err(Error::Data { path: options.data.clone(), reason });
    }
    let learned = photos.iter().filter(|photo| photo.part == Part::Train).count();
    let all = everything(&photos);
    let (alone, seconds) = tuned(&config, options, &photos, &classes, Vec::new())?;
    let beside = gate::Config { run: config.run.join("beside"), ..config.clone() };
    let (beside, _) = tuned(&beside, options, &photos, &classes, catalogue(&config, &options.data)?)?;
    let mut whole: Vec<Tensor> = Vec::new();
    for number in 0..TOGETHER {
        let run = config.run.join(if number == 0 { "whole".to_owned() } else { format!("whole-{}", number + 1) });
        let config = gate::Config { run, seed: config.seed + number, ..config.clone() };
        let (tuned, _) = tuned(&config, options, &all, &classes, Vec::new())?;
        let rows = rows(&config, &options.weights, Some(&tuned.file), (&photos, &classes), &VIEWS)?;
        whole.push(logits_of(&tuned.params, matrix(rows.iter()))?);
    }
    let small = small(&config, &photos, &classes)?;
    let probe = probe(&config, options, &photos, &classes)?;
    let asked = |tuned: &Tuned, views: &[Change]| {
        let rows = rows(&config, &options.weights, Some(&tuned.file), (&photos, &classes), views)?;
        answers(&logits_of(&tuned.params, matrix(rows.iter()))?)
    };
    let together = |logits: &[Tensor]| answers(&Tensor::stack(logits, 0).mean_dim(0_i64, false, Kind::Float));
    let learners = vec![
        learner("small network from scratch, 64 px", &photos, &classes, &small),
        learner("linear probe on the frozen backbone", &photos, &classes, &probe),
        learner("last blocks fine-tuned", &photos, &classes, &asked(&alone, &[])?),
        learner("last blocks fine-tuned, in three views", &photos, &classes, &asked(&alone, &VIEWS)?),
        learner("last blocks fine-tuned, catalogue photos beside", &photos, &classes, &asked(&beside, &[])?),
        learner("last blocks fine-tuned on the tenth too, in three views", &all, &classes, &together(&whole[..1])?),
        learner("mean of three such, in three views", &all, &classes, &together(&whole)?),
    ];
    let pictures = config.tail.as_ref().map_or(0.0, |tail| tail.steps as f64 * tail.batch as f64);
    let cost = seconds.map(|seconds| Cost {
        passes: pictures / learned.max(1) as f64,
        pictures_per_second: pictures / seconds,
        seconds,
        catalogue_hours: seconds * CATALOGUE as f64 / learned.max(1) as f64 / 3600.0,
    });
    Ok(Report { learned, learners, cost })
}

fn small(config: &gate::Config, photos: &[Photo], classes: &[usize]) -> Result<Vec<usize>> {
    let paths: Vec<&Path> = photos.iter().map(|photo| photo.path.as_path()).collect();
    let pictures = small_network::pictures(&paths)?;
    let learned = (0..photos.len()).filter(|&i| photos[i].part == Part::Train);
    let (own, of_own): (Vec<_>, Vec<_>) = learned.map(|i| (pictures[i].clone(), classes[i])).unzip();
    let settings =
        small_network::Config { epochs: EPOCHS, batch: 64, rate: 2e-3, seed: config.seed, threads: config.threads };
    let params = small_network::train(&settings, &own, &of_own, TEN.len())?;
    small_network::classify(&params, &pictures, TEN.len())
}

fn probe(config: &gate::Config, options: &Options, photos: &[Photo], classes: &[usize]) -> Result<Vec<usize>> {
    let rows = rows(config, &options.weights, None, (photos, classes), &[])?;
    let linear = gate::Config { hidden: 0, learn_selection: false, ..config.clone() };
    answers(&logits_of(&train_head(&linear, &rows, TEN.len() - 1)?, matrix(rows.iter()))?)
}

/// The photos with nothing held back.
fn everything(photos: &[Photo]) -> Vec<Photo> {
    let learned = |photo: &Photo| match photo.part {
        Part::Selection => Photo { part: Part::Train, ..photo.clone() },
        _ => photo.clone(),
    };
    photos.iter().map(learned).collect()
}

/// The studio's photos to learn beside: their articles are answers after the ten.
fn catalogue(config: &gate::Config, data: &Path) -> Result<Vec<Example>> {
    let mut photos = photos::load(data)?;
    photos.retain(|photo| photo.source == Source::Studio);
    let articles: Vec<String> =
        photos.iter().map(|photo| photo.label.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let said = photos::studio_words(data)?;
    let vocabulary = vocabulary(said.values());
    let mut recipes = vec![Recipe::Plain];
    recipes.extend((0..config.recoloured).map(Recipe::Recoloured));
    let example = |photo: Photo| Example {
        covered: articles.binary_search(&photo.label).map(|article| TEN.len() + article).into_iter().collect(),
        words: said.get(&photo.path).map(|said| numbers(said, &vocabulary)),
        path: photo.path,
        recipes: recipes.clone(),
        learned: true,
    };
    Ok(photos.into_iter().map(example).collect())
}

/// A classifier whose last blocks are fine-tuned.
struct Tuned {
    params: Params,
    file: PathBuf,
}

/// Fine-tunes one, and says how many seconds that took from its first step to its last. Of what is learned beside, about as
/// many pictures are drawn as of the photos, in as many more steps.
fn tuned(
    config: &gate::Config,
    options: &Options,
    photos: &[Photo],
    classes: &[usize],
    beside: Vec<Example>,
) -> Result<(Tuned, Option<f64>)> {
    let path = &options.config;
    let tuning =
        config.tail.as_ref().ok_or_else(|| Error::Config { path: path.clone(), reason: "no `tail`".into() })?;
    let examples = photos.iter().zip(classes).filter(|(photo, _)| photo.part != Part::SmallValidation);
    let recipes = || {
        let other = (0..config.recoloured).map(Recipe::Recoloured);
        [Recipe::Plain].into_iter().chain(other).chain((0..tuning.snapshots).map(Recipe::Snapshot)).collect()
    };
    let examples = examples.map(|(photo, &class)| Example {
        path: photo.path.clone(),
        recipes: recipes(),
        covered: vec![class],
        words: None,
        learned: photo.part == Part::Train,
    });
    let mut tuning = tuning.clone();
    let mut examples: Vec<Example> = examples.collect();
    if !beside.is_empty() {
        tuning.steps *= 2;
        let learned: Vec<Example> = examples.iter().filter(|example| example.learned).cloned().collect();
        let again = (beside.len() / learned.len().max(1)).saturating_sub(1);
        (0..again).for_each(|_| examples.extend(learned.iter().cloned()));
        examples.extend(beside);
    }
    let outputs = examples.iter().flat_map(|example| &example.covered).max().map_or(0, |output| output + 1);
    let (mut run, saved) = Run::open(&config.run, NAME, config, options.resume)?;
    let mut tuner =
        Tuner::new(&tuning, config.seed, &examples, outputs, &options.weights, (config.cache(), config.input_px))?;
    let (whole, start) = (saved.is_none(), Instant::now());
    let tuned = tuner.fit(&mut run, saved)?;
    let seconds = whole.then(|| start.elapsed().as_secs_f64());
    drop(tuner);
    let file = config.run.join("tail.safetensors");
    let params = tuned.write(&file)?;
    Ok((Tuned { params, file }, seconds))
}

/// The photos, plain, embedded by a tail; with further views, the mean of all, which gives a linear head's mean logits.
fn rows(
    config: &gate::Config,
    weights: &Path,
    tail: Option<&Path>,
    (photos, classes): (&[Photo], &[usize]),
    views: &[Change],
) -> Result<Vec<Row>> {
    let mut cache = Cache::open(config.cache(), weights, tail, config.input_px)?;
    let recipe = Recipe::Plain;
    let jobs: Vec<Job> = photos.iter().map(|photo| Job { path: photo.path.clone(), recipe }).collect();
    let mut embeddings = cache.embed(&jobs, config.threads, told("embedded"))?;
    for view in views {
        let altered = |photo: &Photo| Altered { path: photo.path.clone(), change: view.clone() };
        let jobs: Vec<Altered> = photos.iter().map(altered).collect();
        for (sum, other) in embeddings.iter_mut().zip(cache.embed(&jobs, config.threads, told("embedded"))?) {
            let values = sum.iter_mut().flatten().zip(other.into_iter().flatten());
            values.for_each(|(sum, other)| *sum += other);
        }
    }
    let share = 1.0 / (views.len() + 1) as f32;
    embeddings.iter_mut().flatten().flatten().for_each(|value| *value *= share);
    let row = |((index, photo), embedding): ((usize, &Photo), Option<embeddings::Row>)| Row {
        photo: Some(index),
        recipe,
        covered: vec![classes[index]],
        kind: photo.source.kind(),
        part: photo.part,
        embedding: embedding.unwrap_or_default(),
        quarters: Vec::new(),
    };
    Ok(photos.iter().enumerate().zip(embeddings).map(row).collect())
}

/// The likeliest of the ten, by logits of `[photos, answers]`.
fn answers(logits: &Tensor) -> Result<Vec<usize>> {
    let best: Tensor = logits.f_narrow(1, 0, TEN.len() as i64)?.f_argmax(1, false)?;
    Ok(Vec::<i64>::try_from(&best)?.into_iter().map(|class| class as usize).collect())
}

fn learner(name: &'static str, photos: &[Photo], classes: &[usize], answers: &[usize]) -> Learner {
    let known: BTreeSet<&str> =
        photos.iter().filter(|p| p.part != Part::SmallValidation).map(|p| p.sender.as_str()).collect();
    let rate = |part: Part, keep: &dyn Fn(&Photo) -> bool| {
        let chosen = (0..photos.len()).filter(|&i| photos[i].part == part && keep(&photos[i]));
        Rate::of(chosen.map(|i| answers[i] == classes[i]))
    };
    let validation = |keep: &dyn Fn(&Photo) -> bool| rate(Part::SmallValidation, keep);
    let names = |of: fn(&Photo) -> &str| -> BTreeSet<String> {
        photos.iter().filter(|photo| photo.part == Part::SmallValidation).map(|photo| of(photo).to_owned()).collect()
    };
    let by = |of: fn(&Photo) -> &str| -> BTreeMap<String, Rate> {
        let rates = names(of).into_iter().map(|name| {
            let rate = validation(&|photo| of(photo) == name);
            (name, rate)
        });
        rates.collect()
    };
    Learner {
        name,
        selection: Some(rate(Part::Selection, &|_| true)).filter(|rate| rate.n > 0),
        validation: validation(&|_| true),
        by_acquaintance: [true, false].map(|is| validation(&|photo| known.contains(photo.sender.as_str()) == is)),
        by_label: by(|photo| &photo.label),
        by_sender: by(|photo| &photo.sender).into_iter().filter(|(_, rate)| rate.n >= 8).collect(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ten classes of phone photos, learned from {} (95% interval)", self.learned)?;
        for learner in &self.learners {
            let Learner { name, selection, validation, by_acquaintance: [known, others], .. } = learner;
            writeln!(f, "\n{name}")?;
            writeln!(f, "  {:<34}{validation}", "published validation")?;
            if let Some(selection) = selection {
                writeln!(f, "  {:<34}{selection}", "held back from training")?;
            }
            writeln!(f, "  {:<34}{known}", "validation, senders seen")?;
            writeln!(f, "  {:<34}{others}", "validation, senders never seen")?;
            for (title, rates) in [("label", &learner.by_label), ("sender", &learner.by_sender)] {
                for (name, rate) in rates {
                    writeln!(f, "    {:<32}{rate}", format!("{title} {name}"))?;
                }
            }
        }
        if let Some(Cost { passes, pictures_per_second, seconds, catalogue_hours }) = &self.cost {
            writeln!(
                f,
                "\nfine-tuning: {passes:.0} passes over {} photos of {} classes in {:.1} min, {pictures_per_second:.0} \
                 pictures/s; as many over {CATALOGUE} photos: {catalogue_hours:.1} h",
                self.learned,
                TEN.len(),
                seconds / 60.0
            )?;
        }
        Ok(())
    }
}
