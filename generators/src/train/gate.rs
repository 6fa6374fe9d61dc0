//! Trains the gate: embeds the photos once, fits a head on them with Adam, completes it in closed form, exports it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::gate_certify;
use super::gate_data::embeddings::Cache;
use super::gate_data::joined;
use super::gate_data::own::OwnPhotos;
use super::gate_data::photos::{self, Part, Photo};
use super::gate_data::rows::{Copies, Row, allowed, gather, matrix, surprise};
use super::gate_export::{draw_errors, write_weights};
use super::gate_fit;
use super::gate_tail;
use super::optim::{Adam, AdamConfig, cosine_with_warmup};
use super::run::{Run, Saved, read_config};
use super::tail;
use crate::backbone::{self, EMBEDDING};
use crate::card::Card;
use crate::eval::gate::{Options, evaluate};
use crate::gate::{NAME, is_input_px};
use crate::layers::Linear;
use crate::params::{Builder, Init, Params};
use crate::stream::Stream;
use crate::taxonomy::Taxonomy;
use crate::{Error, Result, checkpoint};

/// How the gate is trained: `configs/gate.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The run's folder.
    pub run: PathBuf,
    /// Folder of the caches of maps and embeddings, which runs on the same photos may share; the run's when none.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Photos of one's own, with a tree of one's own; without it those under the data folder.
    #[serde(default)]
    pub photos: Option<OwnPhotos>,
    /// Side of the pictures that the gate sees, in pixels, a multiple of 32.
    #[serde(default = "input_px")]
    pub input_px: u32,
    /// Root seed.
    pub seed: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Pictures per step.
    pub batch: usize,
    /// Largest learning rate; it falls to zero along half a cosine.
    pub rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Width of the hidden layer, 0 for a linear head.
    pub hidden: i64,
    /// Share of the embedding that is dropped in training.
    pub dropout: f64,
    /// Recolourings per photo.
    pub recoloured: u32,
    /// Other framings per phone photo that is learned from.
    pub varied: u32,
    /// One in so many training photos also gives a broken picture.
    pub nothing_every: u32,
    /// Whether the selection part is learned from too, once settings are chosen.
    pub learn_selection: bool,
    /// Principal components that distances are taken in.
    pub dimensions: i64,
    /// Shrinkage of covariances towards a multiple of the identity, 0 to 1.
    pub shrinkage: f64,
    /// Share of true calibration pictures that the threshold accepts.
    pub true_accept: f64,
    /// Share of true calibration pictures that count as in the catalogue.
    pub catalog_accept: f64,
    /// Least probability of a node that is named.
    pub confidence: f32,
    /// How the last blocks of the backbone are fine-tuned; without it they stay as they are.
    #[serde(default)]
    pub tail: Option<tail::Config>,
    /// Threads that embed, one libtorch thread each.
    pub threads: usize,
    /// Steps between two checkpoints.
    pub save_every: u64,
    /// Steps between two lines of the log.
    pub log_every: u64,
}

fn input_px() -> u32 {
    backbone::INPUT_PX
}

impl Config {
    /// Whether weights may be fitted on a part.
    pub fn learns_from(&self, part: Part) -> bool {
        part == Part::Train || (self.learn_selection && part == Part::Selection)
    }

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// The first of them, by name.
    pub fn validate(&self) -> std::result::Result<(), String> {
        let share = |value: f64| value > 0.0 && value < 1.0;
        let rules = [
            (self.steps > 0 && self.batch > 0 && self.save_every > 0 && self.log_every > 0, "a count of steps is 0"),
            (is_input_px(self.input_px), "`input_px` must be a multiple of 32 up to 1024"),
            (self.rate > 0.0 && self.weight_decay >= 0.0, "`rate` and `weight_decay` must be positive"),
            ((0.0..1.0).contains(&self.dropout), "`dropout` must lie in 0..1"),
            (self.hidden >= 0, "`hidden` must not be negative"),
            (self.dimensions > 0 && self.dimensions <= EMBEDDING, "`dimensions` must lie in 1..=1280"),
            (share(self.shrinkage), "`shrinkage` must lie between 0 and 1"),
            (share(self.true_accept) && share(self.catalog_accept), "accept rates must lie between 0 and 1"),
            (share(f64::from(self.confidence)), "`confidence` must lie between 0 and 1"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err((*reason).to_owned()))?;
        self.tail.as_ref().map_or(Ok(()), tail::Config::validate)
    }

    /// The labelled photos: one's own, or those under `data`.
    ///
    /// # Errors
    /// When a table or a photo is missing or malformed.
    pub fn labelled(&self, data: &Path) -> Result<Vec<Photo>> {
        self.photos.as_ref().map_or_else(|| photos::load(data), OwnPhotos::load)
    }

    /// Where maps and embeddings are cached.
    pub fn cache(&self) -> &Path {
        self.cache.as_deref().unwrap_or(&self.run)
    }

    fn copies(&self) -> Copies {
        Copies { recoloured: self.recoloured, varied: self.varied, nothing_every: self.nothing_every }
    }
}

/// The photos, what they may be, and their embeddings.
pub struct Material {
    /// Every photo of the data folder.
    pub photos: Vec<Photo>,
    /// The rows that the gate is fitted on.
    pub rows: Vec<Row>,
    /// The catalogue's tree.
    pub taxonomy: Taxonomy,
    /// The embedding cache.
    pub cache: Cache,
}

impl Material {
    /// Reads the photos under `data` and embeds what is not in the cache yet, by the tail in the file `gate`, or by the
    /// backbone's own.
    ///
    /// # Errors
    /// When data or weights are missing.
    pub fn load(config: &Config, data: &Path, weights: &Path, gate: Option<&Path>) -> Result<Self> {
        let taxonomy = Taxonomy::load(weights)?;
        let photos = config.labelled(data)?;
        let mut cache = Cache::open(config.cache(), weights, gate, config.input_px)?;
        let progress = tail::told("embedded");
        let rows = gather(data, &photos, &taxonomy, config.copies(), &mut cache, config.threads, progress)?;
        Ok(Self { photos, rows, taxonomy, cache })
    }

    /// Pictures of two photos, to learn from.
    ///
    /// # Errors
    /// When one cannot be made or embedded.
    pub fn joined(&mut self, threads: usize) -> Result<Vec<Row>> {
        joined::rows(&self.photos, &self.taxonomy, &mut self.cache, threads)
    }
}

/// The head in training: linear or one hidden layer, on standardised embeddings.
pub struct Head {
    config: Config,
    params: Params,
    adam: Adam,
    x: Tensor,
    allowed: Tensor,
    mean: Tensor,
    deviation: Tensor,
}

impl Head {
    /// A fresh head over `outputs` logits for the rows that may be learned from.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn new(config: &Config, rows: &[Row], articles: usize) -> Result<Self> {
        let learned: Vec<&Row> = rows.iter().filter(|row| config.learns_from(row.part)).collect();
        Self::on(config, matrix(learned.iter().copied()), allowed(learned.iter().copied(), articles))
    }

    /// A fresh head on embeddings and what is added to the logits of each to leave what it may be.
    ///
    /// # Shapes
    /// `[N, width]`, `[N, outputs]`.
    ///
    /// # Errors
    /// When N is 0.
    pub fn on(config: &Config, mut x: Tensor, allowed: Tensor) -> Result<Self> {
        if x.numel() == 0 {
            return Err(Error::Input("no photo to learn from".into()));
        }
        let mean = x.mean_dim([0].as_slice(), false, Kind::Float);
        let deviation = x.std_dim([0].as_slice(), false, false).clamp_min(1e-3);
        let mut builder = Builder::fresh(config.seed);
        let _ = layers(&mut builder, x.size()[1], config.hidden, allowed.size()[1] as usize - 1);
        let params = builder.finish()?;
        let adam = Adam::new(&params, AdamConfig { weight_decay: config.weight_decay, ..AdamConfig::default() });
        // In place: there may be gigabytes of them.
        let x = x.g_sub_(&mean).g_div_(&deviation);
        Ok(Self { config: config.clone(), params, adam, x, allowed, mean, deviation })
    }

    /// One optimiser step; returns the loss.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when the loss is no number.
    pub fn step(&mut self, step: u64) -> Result<f64> {
        let mut stream = Stream::new(self.config.seed, "gate batch", step);
        let n = self.x.size()[0] as usize;
        let picks: Vec<i64> = (0..self.config.batch).map(|_| stream.below(n) as i64).collect();
        let picks = Tensor::from_slice(&picks);
        let x = drop_out(&self.x.index_select(0, &picks), self.config.dropout, &mut stream);
        let leaves = self.params.leaves();
        let logits = forward(&leaves, self.config.hidden, self.allowed.size()[1] as usize - 1, &x)?;
        let loss = surprise(&logits, &self.allowed.index_select(0, &picks)).mean(Kind::Float);
        let value = loss.f_double_value(&[])?;
        if !value.is_finite() {
            return Err(Error::NotFinite { step, part: "cross-entropy".into(), value });
        }
        loss.f_backward()?;
        let gradients: Params = leaves.iter().map(|(name, leaf)| (name.to_owned(), leaf.grad())).collect();
        let rate = self.config.rate * cosine_with_warmup(step, 20, self.config.steps);
        self.adam.step(&gradients, |_| rate);
        Ok(value)
    }

    /// Everything that a checkpoint needs.
    pub fn state(&self) -> Params {
        let mut state = Params::default();
        state.extend_with_prefix("model.", &self.params);
        state.extend_with_prefix("adam.", &self.adam.state());
        state
    }

    /// Takes a checkpoint back.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn restore(&mut self, saved: &Params) -> Result<()> {
        super::optim::copy_into(&self.params, &saved.with_prefix("model."))?;
        self.adam.restore(&saved.with_prefix("adam."))
    }

    /// The head's tensors, taking raw embeddings: standardisation folded into the first layer.
    pub fn folded(&self) -> Params {
        let mut folded = self.params.deep_clone();
        if let (Some(weight), Some(bias)) = (self.params.get("head.0.weight"), self.params.get("head.0.bias")) {
            let scaled = weight.detach() / &self.deviation;
            folded.insert("head.0.bias", bias.detach() - scaled.mv(&self.mean));
            folded.insert("head.0.weight", scaled);
        }
        folded
    }
}

fn layers(builder: &mut Builder, width: i64, hidden: i64, articles: usize) -> Vec<Linear> {
    let outputs = articles as i64 + 1;
    if hidden == 0 {
        return vec![Linear::new(builder, "head.0", width, outputs, Init::Zeros)];
    }
    vec![
        Linear::new(builder, "head.0", width, hidden, Init::He),
        Linear::new(builder, "head.1", hidden, outputs, Init::Zeros),
    ]
}

fn forward(params: &Params, hidden: i64, articles: usize, x: &Tensor) -> Result<Tensor> {
    let mut builder = Builder::loaded(params);
    let layers = layers(&mut builder, x.size()[1], hidden, articles);
    builder.finish()?;
    let first = layers[0].forward(x);
    Ok(layers[1..].iter().fold(first, |x, layer| layer.forward(&x.relu())))
}

fn drop_out(x: &Tensor, share: f64, stream: &mut Stream) -> Tensor {
    if share == 0.0 {
        return x.shallow_clone();
    }
    let kept: Vec<f32> = (0..x.numel()).map(|_| f32::from(u8::from(!stream.chance(share as f32)))).collect();
    x * Tensor::from_slice(&kept).view_as(x) / (1.0 - share)
}

/// Trains a head without a run's folder, for comparisons and for gates that have never seen an article.
///
/// # Errors
/// As [`Head::step`].
pub fn train_head(config: &Config, rows: &[Row], articles: usize) -> Result<Params> {
    trained(Head::new(config, rows, articles)?)
}

/// As [`train_head`], of a head that is there.
///
/// # Errors
/// As [`Head::step`].
pub fn trained(mut head: Head) -> Result<Params> {
    for step in 0..head.config.steps {
        head.step(step)?;
    }
    Ok(head.folded())
}

/// Trains the gate on the photos under `data`; with `export`, writes `gate.safetensors` and its card into `weights`,
/// then measures it as `rangrez eval gate` does.
///
/// # Errors
/// When the configuration, the data or the backbone is missing or malformed, or the disk fails.
pub fn train(config_path: &Path, data: &Path, weights: &Path, resume: bool, export: bool) -> Result<()> {
    tch::set_num_threads(1);
    let config: Config = read_config(config_path)?;
    config.validate().map_err(|reason| Error::Config { path: config_path.to_owned(), reason })?;
    let (mut run, saved) = Run::open(&config.run, NAME, &config, resume)?;
    let photos = config.labelled(data)?;
    if let Some(own) = &config.photos {
        own.write_tree(&photos, weights)?;
    }
    let candidate = match &config.tail {
        Some(tuning) => Some(gate_tail::train(&config, tuning, (data, &photos), weights, resume)?),
        None => None,
    };
    drop(photos);
    let tuned = candidate.as_ref().filter(|candidate| candidate.wins());
    let mut material = Material::load(&config, data, weights, tuned.map(|tuned| tuned.file.as_path()))?;
    let head = match tuned {
        Some(tuned) => tuned.head.clone(),
        None => fit_head_on(&config, &material, &mut run, saved)?,
    };
    let joined = material.joined(config.threads)?;
    let fitted = gate_fit::fit(&config, &material.taxonomy, &head, (&material.rows, &joined), &[])?;
    draw_errors(&config, &mut run, &material, &fitted)?;
    if export {
        let Material { photos, cache, .. } = &mut material;
        let guarantees = gate_certify::certify(&fitted.gate, photos, cache, config.threads)?;
        let mut card = Card { guarantees, ..write_weights(&config, weights, &material, &fitted, tuned)? };
        // What is measured next is read from the folder.
        card.write(&checkpoint::card_path(weights, NAME))?;
        drop(material);
        let options = Options { threads: config.threads, ..Options::new(data.to_owned(), weights.to_owned()) };
        card.metrics = evaluate(&options)?.metrics();
        card.metrics.extend(candidate.map(|candidate| candidate.selection));
        card.write(&checkpoint::card_path(weights, NAME))?;
    }
    Ok(())
}

/// Trains the head on the backbone's own embeddings.
fn fit_head_on(config: &Config, material: &Material, run: &mut Run, saved: Option<Saved>) -> Result<Params> {
    let articles = material.taxonomy.articles();
    let mut head = Head::new(config, &material.rows, articles)?;
    let held_out: Vec<&Row> = material.rows.iter().filter(|row| row.part == Part::Selection).collect();
    let (x, allowed) = (matrix(held_out.iter().copied()), allowed(held_out.iter().copied(), articles));
    fit_head(config, &mut head, run, saved, |head| {
        let logits = forward(&head.folded(), config.hidden, articles, &x)?;
        let right = (&logits + &allowed).argmax(1, false).eq_tensor(&logits.argmax(1, false));
        let accuracy = right.to_kind(Kind::Float).mean(Kind::Float).f_double_value(&[])?;
        let surprise = surprise(&logits, &allowed).mean(Kind::Float).f_double_value(&[])?;
        // Once it is learned from too, the selection part only shows that the fit proceeds.
        Ok(if config.learn_selection {
            vec![("learned/accuracy", accuracy), ("learned/cross_entropy", surprise)]
        } else {
            vec![("selection/accuracy", accuracy), ("selection/cross_entropy", surprise)]
        })
    })?;
    Ok(head.folded())
}

fn fit_head(
    config: &Config,
    head: &mut Head,
    run: &mut Run,
    saved: Option<Saved>,
    measure: impl Fn(&Head) -> Result<Vec<(&'static str, f64)>>,
) -> Result<()> {
    let mut first = 0;
    if let Some(saved) = saved {
        head.restore(&saved.tensors)?;
        first = saved.step;
    }
    for step in first..config.steps {
        let loss = head.step(step)?;
        let done = step + 1;
        if done % config.log_every == 0 || done == config.steps {
            let mut values = vec![("train/cross_entropy", loss)];
            values.extend(measure(head)?);
            run.log(step, &values)?;
        }
        if done % config.save_every == 0 || done == config.steps {
            run.save(done, &head.state())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
