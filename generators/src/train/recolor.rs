//! The recolour network's training loop: generator with autoencoder branch against a discriminator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tch::Kind;

mod data;
mod discriminator;
mod export;
mod image;
mod jitter;
mod losses;

use self::data::{Dataset, Item};
use self::discriminator::Discriminator;
use self::losses::Weights;
use super::optim::{Adam, AdamConfig, clip_norm, copy_into, cosine_with_warmup, update_average};
use super::parallel;
use super::run::{Run, Saved, read_config};
use super::state::{decay_at, loss_of};
use crate::params::{Builder, Params};
use crate::recolor::NAME;
use crate::recolor::network::{Network, NetworkConfig};
use crate::{Error, Result};

/// Everything that determines the weights, besides the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the run.
    pub run_dir: PathBuf,
    /// Root seed.
    pub seed: u64,
    /// Steps in all.
    pub steps: u64,
    /// Items of real pairs per step.
    pub pairs: usize,
    /// Jittered studio photos per step.
    pub jitters: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// Peak learning rate of the generator.
    pub rate: f64,
    /// Peak learning rate of the discriminator.
    pub judge_rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Step from which the discriminator is trained and listened to.
    pub judge_from: u64,
    /// Generator steps per discriminator step.
    pub judge_every: u64,
    /// Discriminator steps per gradient penalty.
    pub penalty_every: u64,
    /// Decoupled weight decay of the generator.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the averaged weights, which are the ones that ship.
    pub average_decay: f64,
    /// Probability that a real pair's embedding is shown to the network; 0 trains without the embedding.
    pub embedding_shown: f32,
    /// More pairs for training, in the columns of `pairs.csv`, from the working directory.
    #[serde(default)]
    pub mined: Option<PathBuf>,
    /// Weights folders of networks trained with a part left out, by name, to be measured beside this one.
    #[serde(default)]
    pub ablations: BTreeMap<String, PathBuf>,
    /// Steps between checks, sample grids and checkpoints.
    pub check_every: u64,
    /// The network.
    pub network: NetworkConfig,
    /// How much each loss counts.
    pub weights: Weights,
}

impl Config {
    fn validate(&self) -> std::result::Result<(), String> {
        self.network.validate().map_err(|error| error.to_string())?;
        let items = self.pairs + self.jitters;
        if items == 0 || self.shards == 0 || !items.is_multiple_of(self.shards) {
            return Err(format!("pairs + jitters = {items} must be a positive multiple of shards = {}", self.shards));
        }
        let counts = [("judge_every", self.judge_every), ("penalty_every", self.penalty_every)];
        for (name, every) in counts.into_iter().chain([("check_every", self.check_every)]) {
            if every == 0 {
                return Err(format!("{name} must be at least 1"));
            }
        }
        Ok(())
    }
}

/// Everything that changes during training.
struct State {
    step: u64,
    generator: Params,
    average: Params,
    best: Params,
    best_check: f64,
    judge: Params,
    vectors: Params,
    generator_adam: Adam,
    judge_adam: Adam,
}

impl State {
    fn fresh(config: &Config) -> Result<Self> {
        let mut builder = Builder::fresh(config.seed);
        let _network = Network::build(&mut builder, &config.network);
        let generator = builder.finish()?.deep_clone();
        let mut builder = Builder::fresh(config.seed ^ 0x6a75_6467);
        let discriminator = Discriminator::build(&mut builder);
        let vectors = discriminator.fresh_vectors(config.seed);
        let judge = builder.finish()?.deep_clone();
        let adam = |beta1, weight_decay| AdamConfig { beta1, beta2: 0.99, weight_decay, ..AdamConfig::default() };
        Ok(Self {
            step: 0,
            average: generator.deep_clone(),
            best: generator.deep_clone(),
            best_check: f64::INFINITY,
            generator_adam: Adam::new(&generator, adam(0.9, config.weight_decay)),
            judge_adam: Adam::new(&judge, adam(0.0, 0.0)),
            generator,
            judge,
            vectors,
        })
    }

    fn tensors(&self) -> Params {
        let mut all = Params::default();
        let parts = [
            ("generator.", &self.generator),
            ("average.", &self.average),
            ("best.", &self.best),
            ("judge.", &self.judge),
            ("vectors.", &self.vectors),
            ("generator_adam.", &self.generator_adam.state()),
            ("judge_adam.", &self.judge_adam.state()),
        ];
        for (prefix, params) in parts {
            all.extend_with_prefix(prefix, params);
        }
        all.insert("best_check", tch::Tensor::from_slice(&[self.best_check as f32]));
        all
    }

    fn restore(&mut self, saved: &Saved) -> Result<()> {
        let part = |prefix: &str| saved.tensors.with_prefix(prefix);
        copy_into(&self.generator, &part("generator."))?;
        copy_into(&self.average, &part("average."))?;
        copy_into(&self.best, &part("best."))?;
        copy_into(&self.judge, &part("judge."))?;
        copy_into(&self.vectors, &part("vectors."))?;
        self.generator_adam.restore(&part("generator_adam."))?;
        self.judge_adam.restore(&part("judge_adam."))?;
        let check = saved.tensors.get("best_check").ok_or_else(|| Error::Input("best_check: missing".into()))?;
        self.best_check = check.f_double_value(&[0])?;
        self.step = saved.step;
        Ok(())
    }
}

/// A thread's items and the opponent's parameters, which it may not train.
struct Shard<'a> {
    items: &'a [Item],
    /// Tensors may move between threads but not be shared.
    opponent: Mutex<Params>,
    vectors: Mutex<Params>,
}

fn shards<'a>(items: &'a [Item], config: &Config, opponent: &Params, vectors: &Params) -> Vec<Shard<'a>> {
    let lent = |params: &Params| Mutex::new(params.map(tch::Tensor::detach));
    let size = items.len() / config.shards;
    let shard = |items| Shard { items, opponent: lent(opponent), vectors: lent(vectors) };
    items.chunks(size.max(1)).map(shard).collect()
}

fn taken(lent: &Mutex<Params>) -> Result<std::sync::MutexGuard<'_, Params>> {
    lent.lock().map_err(|_| Error::Input("a training thread panicked".into()))
}

/// Trains the recolour network and writes `recolor.safetensors` with its card into `weights`; with `resume`, from the
/// run's last checkpoint to the same weights as an uninterrupted run.
///
/// Progress goes to `progress` as (step, steps, loss).
///
/// # Errors
/// When configuration, data or weights are missing or malformed, a file cannot be written, or a loss is not finite.
pub fn train(
    config_path: &Path,
    data: &Path,
    weights: &Path,
    resume: bool,
    progress: &mut dyn FnMut(u64, u64, f64),
) -> Result<()> {
    tch::set_num_threads(1);
    let config: Config = read_config(config_path)?;
    config.validate().map_err(|reason| Error::Config { path: config_path.to_owned(), reason })?;
    let (mut run, saved) = Run::open(&config.run_dir, NAME, &config, resume)?;
    let mut state = State::fresh(&config)?;
    if let Some(saved) = &saved {
        state.restore(saved)?;
    }
    let dataset = data::load(data, weights, config.mined.as_deref())?;
    while state.step < config.steps {
        let values = step(&mut state, &config, &dataset)?;
        run.log(state.step, &values)?;
        state.step += 1;
        progress(state.step, config.steps, loss_of(&values));
        if state.step.is_multiple_of(config.check_every) || state.step == config.steps {
            check(&mut state, &config, &dataset, &mut run)?;
            run.save(state.step, &state.tensors())?;
        }
    }
    export::ship(&state.best, &config, &dataset, data, weights)
}

/// One step of both networks; returns the logged values.
fn step(state: &mut State, config: &Config, dataset: &Dataset) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let items = data::draw(dataset, config, at)?;
    // Every shard gets its share of pairs and of jittered photos.
    let mixed: Vec<Item> =
        (0..config.shards).flat_map(|s| items.iter().skip(s).step_by(config.shards).cloned()).collect();
    let factor = cosine_with_warmup(at, config.warmup_steps, config.steps);
    let judged = at >= config.judge_from;
    let mut values = Vec::new();
    if judged && at.is_multiple_of(config.judge_every) {
        let penalty = (at / config.judge_every).is_multiple_of(config.penalty_every);
        let shards = shards(&mixed, config, &state.generator, &state.vectors);
        let (gradients, parts) = parallel::gradients(&state.judge, &shards, at, |leaves, shard| {
            let judge = Discriminator::from_params(leaves)?;
            let norms = judge.norms(&*taken(&shard.vectors)?)?;
            let network = Network::from_params(&*taken(&shard.opponent)?, &config.network)?;
            losses::discriminator(&network, &judge, &norms, &data::batch(shard.items)?, &config.weights, penalty)
        })?;
        clip_norm(&gradients, config.clip_norm);
        state.judge_adam.step(&gradients, |_| factor * config.judge_rate);
        Discriminator::from_params(&state.judge)?.advance(&state.vectors)?;
        values.extend(parts.into_iter().filter(|(name, _)| *name != "total"));
    }
    let shards = shards(&mixed, config, &state.judge, &state.vectors);
    let (gradients, parts) = parallel::gradients(&state.generator, &shards, at, |leaves, shard| {
        let network = Network::from_params(leaves, &config.network)?;
        let batch = data::batch(shard.items)?;
        if !judged {
            return losses::generator(&network, None, &batch, &config.weights);
        }
        let judge = Discriminator::from_params(&*taken(&shard.opponent)?)?;
        let norms = judge.norms(&*taken(&shard.vectors)?)?;
        losses::generator(&network, Some((&judge, &norms)), &batch, &config.weights)
    })?;
    let norm = clip_norm(&gradients, config.clip_norm);
    state.generator_adam.step(&gradients, |_| factor * config.rate);
    update_average(&state.average, &state.generator, decay_at(at, config.average_decay));
    values.extend(parts);
    values.extend([("gradient_norm", norm), ("rate_factor", factor)]);
    Ok(values)
}

/// Measures the averaged weights on the pairs set aside, keeps the best, and draws a sample grid.
fn check(state: &mut State, config: &Config, dataset: &Dataset, run: &mut Run) -> Result<()> {
    let network = Network::from_params(&state.average, &config.network)?;
    let (mut ours, mut base, mut ours_spread, mut base_spread) = (0.0, 0.0, 0.0, 0.0);
    let mut rows = Vec::new();
    tch::no_grad(|| -> Result<()> {
        for items in dataset.check.chunks(8) {
            let batch = data::batch(items)?;
            let made = losses::dyed(&network, &batch);
            let plain = crate::recolor::network::base_planes(&batch.small);
            ours += losses::differences(&made.picture, &batch).sum(Kind::Double).f_double_value(&[])?;
            base += losses::differences(&plain, &batch).sum(Kind::Double).f_double_value(&[])?;
            let spread = |picture: &tch::Tensor| {
                losses::spread_missed(picture, &batch.answer, &batch.region).sum(Kind::Double).f_double_value(&[])
            };
            ours_spread += spread(&made.picture)?;
            base_spread += spread(&plain)?;
            if rows.len() < 8 {
                let pick = |t: &tch::Tensor| t.get(0);
                let source = image::source_planes(&batch.small);
                let ours = image::composite(&made.picture, &batch);
                rows.push(vec![pick(&source), pick(&batch.answer), pick(&ours), pick(&plain)]);
            }
        }
        Ok(())
    })?;
    let n = dataset.check.len() as f64;
    let (ours, base, ours_spread, base_spread) = (ours / n, base / n, ours_spread / n, base_spread / n);
    // One step earlier, so that a resumed run keeps the line.
    let spreads = [("check/network_spread", ours_spread), ("check/base_spread", base_spread)];
    run.log(state.step - 1, &[[("check/network", ours), ("check/base", base)], spreads].concat())?;
    // Colour and contrast together, as in the loss: by colour alone the flattest weights would be kept.
    let weights = &config.weights;
    let score = weights.pairs * ours + weights.spread * ours_spread;
    if score < state.best_check {
        state.best_check = score;
        copy_into(&state.best, &state.average)?;
    }
    let sheet = image::contact_sheet(&rows)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    run.sample_png(state.step, "source-true-ours-base", sheet.width_px(), sheet.height_px(), &png)
}

#[cfg(test)]
mod tests;
