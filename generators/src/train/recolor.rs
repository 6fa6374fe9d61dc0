//! The recolour network's training loop: generator with autoencoder branch against a discriminator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Kind;

mod data;
mod export;
mod image;
mod jitter;
mod losses;

use self::data::{Dataset, Item};
use self::losses::Weights;
use super::discriminator::Discriminator;
use super::opponents::{Opponents, shards};
use super::optim::copy_into;
use super::parallel;
use super::run::{Run, Saved, read_config};
use super::state::{Pace, loss_of};
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

    fn pace(&self) -> Pace {
        let Self { rate, warmup_steps, steps, clip_norm, average_decay, .. } = *self;
        Pace { rate, warmup_steps, steps, clip_norm, average_decay }
    }
}

/// Everything that changes during training.
struct State {
    opponents: Opponents,
    best: Params,
    best_check: f64,
}

impl State {
    fn fresh(config: &Config) -> Result<Self> {
        let mut builder = Builder::fresh(config.seed);
        let _network = Network::build(&mut builder, &config.network);
        let generator = builder.finish()?.deep_clone();
        let best = generator.deep_clone();
        let opponents = Opponents::fresh(generator, config.seed, config.weight_decay)?;
        Ok(Self { opponents, best, best_check: f64::INFINITY })
    }

    fn tensors(&self) -> Params {
        let mut all = self.opponents.tensors();
        all.extend_with_prefix("best.", &self.best);
        all.insert("best_check", tch::Tensor::from_slice(&[self.best_check as f32]));
        all
    }

    fn restore(&mut self, saved: &Saved) -> Result<()> {
        self.opponents.restore(saved)?;
        copy_into(&self.best, &saved.tensors.with_prefix("best."))?;
        let check = saved.tensors.get("best_check").ok_or_else(|| Error::Input("best_check: missing".into()))?;
        self.best_check = check.f_double_value(&[0])?;
        Ok(())
    }
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
    while state.opponents.step < config.steps {
        let values = step(&mut state.opponents, &config, &dataset)?;
        run.log(state.opponents.step, &values)?;
        state.opponents.step += 1;
        let done = state.opponents.step;
        progress(done, config.steps, loss_of(&values));
        if done.is_multiple_of(config.check_every) || done == config.steps {
            check(&mut state, &config, &dataset, &mut run)?;
            run.save(done, &state.tensors())?;
        }
    }
    export::ship(&state.best, &config, &dataset, data, weights)
}

/// One step of both networks; returns the logged values.
fn step(state: &mut Opponents, config: &Config, dataset: &Dataset) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let items = data::draw(dataset, config, at)?;
    // Every shard gets its share of pairs and of jittered photos.
    let mixed: Vec<Item> =
        (0..config.shards).flat_map(|s| items.iter().skip(s).step_by(config.shards).cloned()).collect();
    let pace = config.pace();
    let judged = at >= config.judge_from;
    let mut values = Vec::new();
    if judged && at.is_multiple_of(config.judge_every) {
        let penalty = (at / config.judge_every).is_multiple_of(config.penalty_every);
        let shards = shards(&mixed, config.shards, &state.generator, &state.vectors);
        let (gradients, parts) = parallel::gradients(&state.judge, &shards, at, |leaves, shard| {
            let judge = Discriminator::from_params(leaves)?;
            let norms = judge.norms(&*shard.vectors()?)?;
            let network = Network::from_params(&*shard.opponent()?, &config.network)?;
            losses::discriminator(&network, &judge, &norms, &data::batch(shard.items)?, &config.weights, penalty)
        })?;
        state.descend_judge(&gradients, &Pace { rate: config.judge_rate, ..pace })?;
        values.extend(parts.into_iter().filter(|(name, _)| *name != "total"));
    }
    let shards = shards(&mixed, config.shards, &state.judge, &state.vectors);
    let (gradients, parts) = parallel::gradients(&state.generator, &shards, at, |leaves, shard| {
        let network = Network::from_params(leaves, &config.network)?;
        let batch = data::batch(shard.items)?;
        if !judged {
            return losses::generator(&network, None, &batch, &config.weights);
        }
        let judge = Discriminator::from_params(&*shard.opponent()?)?;
        let norms = judge.norms(&*shard.vectors()?)?;
        losses::generator(&network, Some((&judge, &norms)), &batch, &config.weights)
    })?;
    values.extend(parts);
    values.extend(state.descend(&gradients, &pace));
    Ok(values)
}

/// Measures the averaged weights on the pairs set aside, keeps the best, and draws a sample grid.
fn check(state: &mut State, config: &Config, dataset: &Dataset, run: &mut Run) -> Result<()> {
    let step = state.opponents.step;
    let network = Network::from_params(&state.opponents.average, &config.network)?;
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
    run.log(step - 1, &[[("check/network", ours), ("check/base", base)], spreads].concat())?;
    // Colour and contrast together, as in the loss: by colour alone the flattest weights would be kept.
    let weights = &config.weights;
    let score = weights.pairs * ours + weights.spread * ours_spread;
    if score < state.best_check {
        state.best_check = score;
        copy_into(&state.best, &state.opponents.average)?;
    }
    let sheet = image::contact_sheet(&rows)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    run.sample_png(step, "source-true-ours-base", sheet.width_px(), sheet.height_px(), &png)
}

#[cfg(test)]
mod tests;
