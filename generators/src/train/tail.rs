//! Fine-tunes the backbone's last blocks and a linear head on the trunk's cached maps.
//!
//! Departures from the usual: BatchNorms are folded already, so the folded kernels are trained directly, at small rates
//! that fall towards the input; depthwise kernels stay as they are, since oneDNN's gradients of them take longer than
//! everything else together. Labels that cover several articles train the sum of their probabilities.

pub mod words;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::gate_data::augment::Recipe;
use super::gate_data::embeddings::Job;
use super::gate_data::maps::{Maps, stacked};
use super::gate_data::rows::{IMPOSSIBLE, surprise};
use super::optim::{Adam, AdamConfig, clip_norm, copy_into, cosine_with_warmup, update_average};
use super::parallel::{Losses, gradients};
use super::run::{Run, Saved};
use crate::backbone::{self, EMBEDDING, Tail};
use crate::embedding_cache::Key;
use crate::gate::{NAME, TAIL};
use crate::layers::{Linear, Precision};
use crate::params::{Builder, Init, Params};
use crate::stream::Stream;
use crate::{Error, Result, checkpoint};

/// Blocks of the backbone: rates fall from the last one towards the first.
const BLOCKS: i32 = 16;
/// Pictures that are measured together.
const MEASURED: usize = 32;

/// How a tail is fine-tuned: the table `tail` of a gate's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Optimiser steps.
    pub steps: u64,
    /// Pictures per step.
    pub batch: usize,
    /// Largest learning rate of the head; rates rise over a tenth of the steps and fall along half a cosine.
    pub head_rate: f64,
    /// Largest learning rate of the last block.
    pub tail_rate: f64,
    /// By what a block's rate falls from one block to the one before it.
    pub rate_decay: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Share of the embedding that is dropped in training.
    pub dropout: f64,
    /// Share of the probability that is spread over all articles (Szegedy et al. 2016).
    pub smoothing: f64,
    /// Share of the pictures that are mixed with another one, map by map (Verma et al. 2019).
    pub mixed: f32,
    /// Share of the maps of which a part is hidden.
    pub hidden: f32,
    /// Other views of every phone photo that is learned from.
    pub snapshots: u32,
    /// Other framings of every catalogue photo that is learned from.
    #[serde(default)]
    pub framings: u32,
    /// Decay of the averaged weights, which are the ones exported.
    pub average: f64,
    /// Weight of the surprise at the words that a catalogue says of its products, all words together.
    #[serde(default)]
    pub words: f64,
    /// Precision of the dense convolutions while learning; `bf16` pays off on processors with AMX or AVX-512 BF16.
    #[serde(default)]
    pub precision: Precision,
    /// Threads that learn.
    pub threads: usize,
    /// Steps between two checkpoints, and between two measurements on held-out photos.
    pub save_every: u64,
    /// Steps between two lines of the log.
    pub log_every: u64,
}

impl Config {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// The first of them, by name.
    pub fn validate(&self) -> std::result::Result<(), String> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let rules = [
            (self.steps > 0 && self.save_every > 0 && self.log_every > 0, "a count of steps of `tail` is 0"),
            (self.threads > 0 && self.batch >= self.threads, "`tail.batch` must hold a picture per thread"),
            (self.head_rate > 0.0 && self.tail_rate > 0.0, "rates of `tail` must be positive"),
            (self.rate_decay > 0.0 && self.rate_decay <= 1.0, "`tail.rate_decay` must lie in 0..=1"),
            (self.weight_decay >= 0.0, "`tail.weight_decay` must not be negative"),
            (self.words >= 0.0, "`tail.words` must not be negative"),
            (share(self.dropout) && share(self.smoothing) && share(self.average), "a share of `tail` is not below 1"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err((*reason).to_owned()))
    }
}

/// A photo, the pictures made of it, and what they may be.
#[derive(Clone, Debug)]
pub struct Example {
    /// The photo.
    pub path: PathBuf,
    /// What is made of it. Each time one is drawn; of a photo that is held out the first is measured.
    pub recipes: Vec<Recipe>,
    /// The outputs that it may be.
    pub covered: Vec<usize>,
    /// The words said of it, by number; none where nothing is said.
    pub words: Option<Vec<usize>>,
    /// Whether it is learned from; otherwise it is measured on.
    pub learned: bool,
}

/// A fine-tuned tail with its head.
pub struct Tuned {
    /// Tensors of the tail, by the backbone's names.
    pub tail: Params,
    /// `weight` and `bias` of the linear head on the tail's embedding.
    pub head: Params,
    /// Share of the held-out photos that the head calls by their label.
    pub accuracy: f64,
}

impl Tuned {
    /// Writes it as a gate's tensors, in half precision, and returns these as they are read.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, file: &Path) -> Result<Params> {
        let mut params = Params::default();
        params.extend_with_prefix("head.0.", &self.head);
        params.extend_with_prefix(TAIL, &self.tail);
        let params = params.map(|tensor| tensor.detach().to_kind(Kind::Half).to_kind(Kind::Float));
        checkpoint::save(file, NAME, &params, Kind::Half, &[])?;
        Ok(params)
    }
}

/// What one thread learns from in one step.
struct Shard {
    maps: Vec<f32>,
    /// What is added to the logits to leave what each picture may be, and the one that it is mixed with.
    allowed: [Vec<f32>; 2],
    /// Share of the first of the two.
    shares: Vec<f32>,
    /// Factors on the embedding: 0 where it is dropped.
    kept: Vec<f32>,
    /// Which words are said of each picture, by share.
    said: Vec<f32>,
    /// The share of each picture of which words are said at all.
    known: Vec<f32>,
}

/// The pictures of one photo.
struct Item {
    keys: Vec<Key>,
    covered: Vec<usize>,
    words: Option<Vec<usize>>,
}

/// A tail and a head in training.
pub struct Tuner {
    config: Config,
    seed: u64,
    outputs: usize,
    words: usize,
    params: Params,
    average: Params,
    adam: Adam,
    maps: Maps,
    learned: Vec<Item>,
    held_out: Vec<Item>,
}

impl Tuner {
    /// The backbone's own tail under a head that says nothing yet, for `outputs` answers, and one that knows how often
    /// each word is said.
    ///
    /// `cache` is the folder of the maps of pictures, which are `px` wide and high; what it lacks is computed.
    ///
    /// # Errors
    /// When the backbone or a photo is missing, or there is nothing to learn from.
    pub fn new(
        config: &Config,
        seed: u64,
        examples: &[Example],
        outputs: usize,
        weights: &Path,
        (cache, px): (&Path, u32),
    ) -> Result<Self> {
        let used =
            |example: &Example| if example.learned { example.recipes.len() } else { example.recipes.len().min(1) };
        let jobs = examples.iter().flat_map(|example| {
            example.recipes[..used(example)].iter().map(|&recipe| Job { path: example.path.clone(), recipe })
        });
        let mut maps = Maps::open(cache, weights, px)?;
        let mut keys = maps.ensure(&jobs.collect::<Vec<_>>(), config.threads, told("mapped"))?.into_iter();
        let (mut learned, mut held_out) = (Vec::new(), Vec::new());
        for example in examples {
            let keys: Vec<Key> = keys.by_ref().take(used(example)).filter(|key| maps.holds(key)).collect();
            if !keys.is_empty() {
                let item = Item { keys, covered: example.covered.clone(), words: example.words.clone() };
                if example.learned { learned.push(item) } else { held_out.push(item) }
            }
        }
        if learned.is_empty() {
            return Err(Error::Input("no photo to learn from".into()));
        }
        let (backbone, _card) = checkpoint::load_model(weights, backbone::NAME)?;
        let mut params = Params::default();
        params.extend_with_prefix("tail.", &Tail::params_of(&backbone).deep_clone());
        let mut builder = Builder::fresh(seed);
        let said = words::log_odds(learned.iter().filter_map(|item| item.words.as_deref()));
        let _ = Linear::new(&mut builder, "logits", EMBEDDING, outputs as i64, Init::Zeros);
        params.extend_with_prefix("", &builder.finish()?);
        if !said.is_empty() {
            let shape = [said.len() as i64, EMBEDDING];
            params.insert("words.weight", Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu)));
            params.insert("words.bias", Tensor::from_slice(&said));
        }
        let adam = Adam::new(&params, AdamConfig { weight_decay: config.weight_decay, ..AdamConfig::default() });
        let average = params.deep_clone();
        let words = said.len();
        Ok(Self { config: config.clone(), seed, outputs, words, params, average, adam, maps, learned, held_out })
    }

    /// One optimiser step; returns the loss.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when the loss is no number.
    pub fn step(&mut self, step: u64) -> Result<f64> {
        let Config { steps, head_rate, tail_rate, rate_decay, precision, smoothing, .. } = self.config;
        let shards = self.shards(step)?;
        let (outputs, of_words, px) = (self.outputs as i64, self.config.words, self.maps.px());
        let (gradients, parts) = gradients(&self.params, &shards, step, |leaves, shard| {
            let n = shard.shares.len() as i64;
            let rows = |values: &[f32]| Tensor::from_slice(values).view([n, -1]);
            let maps = stacked(&shard.maps, px);
            let (tail, head) = build(&still(leaves), precision, outputs)?;
            let embedding = tail.forward(&maps) * rows(&shard.kept);
            let logits = head.forward(&embedding);
            let shares = Tensor::from_slice(&shard.shares);
            let [own, other] = shard.allowed.each_ref().map(|allowed| surprise(&logits, &rows(allowed)));
            let mixed: Tensor = &shares * own + (1.0 - &shares) * other;
            let surprise = mixed.mean(Kind::Float);
            let spread = logits.log_softmax(1, Kind::Float).mean(Kind::Float).neg();
            let value = surprise.f_double_value(&[])?;
            let mut losses = Losses {
                total: surprise * (1.0 - smoothing) + spread * smoothing,
                parts: vec![("cross-entropy", value)],
            };
            if let (Some(weight), Some(bias)) = (leaves.get("words.weight"), leaves.get("words.bias")) {
                let logits = embedding.linear(weight, Some(bias));
                let known = Tensor::from_slice(&shard.known);
                let surprise = words::surprise(&logits, &rows(&shard.said), &known).mean(Kind::Float);
                losses.parts.push(("words", surprise.f_double_value(&[])?));
                losses.total += surprise * of_words;
            }
            Ok(losses)
        })?;
        clip_norm(&gradients, 5.0);
        let factor = cosine_with_warmup(step, steps / 10, steps);
        self.adam.step(&gradients, |name| factor * rate_of(name, head_rate, tail_rate, rate_decay));
        update_average(&self.average, &self.params, self.config.average);
        Ok(parts.iter().find(|(name, _)| *name == "cross-entropy").map_or(0.0, |(_, value)| *value))
    }

    /// What each thread learns from in a step.
    fn shards(&self, step: u64) -> Result<Vec<Shard>> {
        let mut stream = Stream::new(self.seed, "tail batch", step);
        let Config { batch, threads, dropout, mixed, hidden, .. } = self.config;
        let sizes = (0..threads).map(|thread| (batch + thread) / threads);
        sizes
            .map(|n| {
                let mut shard = Shard {
                    maps: Vec::with_capacity(n * self.maps.values()),
                    allowed: [vec![], vec![]],
                    shares: vec![],
                    kept: vec![],
                    said: vec![],
                    known: vec![],
                };
                for _ in 0..n {
                    let (mut map, item) = self.draw(&mut stream)?;
                    let mut other_item = item;
                    let mut share = 1.0;
                    if stream.chance(mixed) {
                        let (other, item) = self.draw(&mut stream)?;
                        other_item = item;
                        // Mostly one of the two: the square root of a uniform number.
                        share = 0.5 + 0.5 * stream.unit().sqrt();
                        map.iter_mut().zip(other).for_each(|(a, b)| *a = *a * share + b * (1.0 - share));
                    }
                    if stream.chance(hidden) {
                        self.maps.hide(&mut map, &mut stream);
                    }
                    shard.maps.extend(map);
                    shard.shares.push(share);
                    for (allowed, Item { covered, .. }) in shard.allowed.iter_mut().zip([item, other_item]) {
                        allowed.extend((0..self.outputs).map(|o| if covered.contains(&o) { 0.0 } else { IMPOSSIBLE }));
                    }
                    let both = [(share, item), (1.0 - share, other_item)];
                    let both = both.map(|(share, item)| (share, item.words.as_deref()));
                    let (said, known) = words::mixed(both, self.words);
                    shard.said.extend(said);
                    shard.known.push(known);
                    let scale = 1.0 / (1.0 - dropout as f32);
                    let kept = (0..EMBEDDING).map(|_| if stream.chance(dropout as f32) { 0.0 } else { scale });
                    shard.kept.extend(kept);
                }
                Ok(shard)
            })
            .collect()
    }

    /// A random picture of a random photo, mirrored or not.
    fn draw(&self, stream: &mut Stream) -> Result<(Vec<f32>, &Item)> {
        let item = &self.learned[stream.below(self.learned.len())];
        let mut map = self.maps.get(&item.keys[stream.below(item.keys.len())])?;
        if stream.chance(0.5) {
            self.maps.mirror(&mut map);
        }
        Ok((map, item))
    }

    /// Accuracy and cross-entropy of the averaged weights on what is held out; accuracy with mirrored pictures averaged.
    ///
    /// # Errors
    /// When a map is damaged or libtorch refuses.
    pub fn measure(&self) -> Result<[(&'static str, f64); 3]> {
        let (tail, head) = build(&self.average, self.config.precision, self.outputs as i64)?;
        let (mut right, mut right_mirrored, mut sum) = (0.0, 0.0, 0.0);
        for items in self.held_out.chunks(MEASURED) {
            let maps = items.iter().map(|item| self.maps.get(&item.keys[0])).collect::<Result<Vec<_>>>()?;
            let allowed: Vec<f32> = items
                .iter()
                .flat_map(|item| (0..self.outputs).map(|o| if item.covered.contains(&o) { 0.0 } else { IMPOSSIBLE }))
                .collect();
            let allowed = Tensor::from_slice(&allowed).view([items.len() as i64, -1]);
            let maps = stacked(&maps.concat(), self.maps.px());
            let logits_of =
                |maps: &Tensor| -> Result<Tensor> { Ok(tch::no_grad(|| head.forward(&tail.forward(maps)))) };
            let (logits, mirrored) = (logits_of(&maps)?, logits_of(&maps.flip([3]))?);
            let rights = |logits: &Tensor| {
                let right = (logits + &allowed).argmax(1, false).eq_tensor(&logits.argmax(1, false));
                right.to_kind(Kind::Float).sum(Kind::Float).f_double_value(&[])
            };
            right += rights(&logits)?;
            right_mirrored += rights(&(&logits + mirrored))?;
            sum += surprise(&logits, &allowed).sum(Kind::Float).f_double_value(&[])?;
        }
        let n = self.held_out.len().max(1) as f64;
        Ok([("accuracy", right / n), ("cross_entropy", sum / n), ("accuracy_mirrored_too", right_mirrored / n)])
    }

    /// Everything that a checkpoint needs.
    pub fn state(&self) -> Params {
        let mut state = Params::default();
        state.extend_with_prefix("model.", &self.params);
        state.extend_with_prefix("average.", &self.average);
        state.extend_with_prefix("adam.", &self.adam.state());
        state
    }

    /// Takes a checkpoint back.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn restore(&mut self, saved: &Params) -> Result<()> {
        copy_into(&self.params, &saved.with_prefix("model."))?;
        copy_into(&self.average, &saved.with_prefix("average."))?;
        self.adam.restore(&saved.with_prefix("adam."))
    }

    /// Trains to the end, from a checkpoint if there is one.
    ///
    /// # Errors
    /// As [`Tuner::step`]; when the disk fails.
    pub fn fit(&mut self, run: &mut Run, saved: Option<Saved>) -> Result<Tuned> {
        let mut first = 0;
        if let Some(saved) = saved {
            self.restore(&saved.tensors)?;
            first = saved.step;
        }
        let mut accuracy = if first == self.config.steps { self.measure()?[0].1 } else { 0.0 };
        for step in first..self.config.steps {
            let loss = self.step(step)?;
            let done = step + 1;
            let saves = done % self.config.save_every == 0 || done == self.config.steps;
            if saves {
                let found = self.measure()?;
                accuracy = found[0].1;
                let values = found.map(|(name, value)| (format!("selection/{name}"), value));
                let values = if self.held_out.is_empty() { &values[..0] } else { &values[..] };
                let values = values.iter().map(|(name, value)| (name.as_str(), *value));
                run.log(step, &values.chain([("tail/cross_entropy", loss)]).collect::<Vec<_>>())?;
                run.save(done, &self.state())?;
            } else if done % self.config.log_every == 0 {
                run.log(step, &[("tail/cross_entropy", loss)])?;
            }
        }
        Ok(Tuned { tail: self.average.with_prefix("tail."), head: self.average.with_prefix("logits."), accuracy })
    }
}

/// A line on the terminal now and then, saying how many pictures are done.
pub fn told(done: &'static str) -> impl Fn(usize, usize) {
    move |n, all| {
        if n % 1600 < 16 || n == all {
            eprintln!("{done} {n} of {all}");
        }
    }
}

/// The tensors with the depthwise kernels out of the gradient's way.
fn still(leaves: &Params) -> Params {
    let each = leaves.iter().map(|(name, leaf)| {
        (name.to_owned(), if name.contains(".depthwise.") { leaf.detach() } else { leaf.shallow_clone() })
    });
    each.collect()
}

fn build(params: &Params, precision: Precision, outputs: i64) -> Result<(Tail, Linear)> {
    let own: Params = params.iter().filter(|(name, _)| !name.starts_with("words.")).map(owned).collect();
    let mut builder = Builder::loaded(&own);
    let tail = builder.scope("tail", |b| Tail::build(b, precision));
    let head = Linear::new(&mut builder, "logits", EMBEDDING, outputs, Init::Zeros);
    builder.finish()?;
    Ok((tail, head))
}

fn rate_of(name: &str, head: f64, tail: f64, decay: f64) -> f64 {
    let Some(rest) = name.strip_prefix("tail.") else { return head };
    let block = rest.strip_prefix("blocks.").and_then(|rest| rest.split('.').next()?.parse().ok());
    block.map_or(tail, |block: i32| tail * decay.powi(BLOCKS - 1 - block))
}

fn owned((name, tensor): (&str, &Tensor)) -> (String, Tensor) {
    (name.to_owned(), tensor.shallow_clone())
}

#[cfg(test)]
mod tests;
