//! The refiner's training loop: a generator of small changes of light against a discriminator of patches.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Kind;

pub mod data;
mod export;
mod losses;

use self::data::{Dataset, Item};
use self::losses::Weights;
use super::discriminator::Discriminator;
use super::opponents::{Opponents, shards};
use super::parallel;
use super::run::{Run, read_config};
use super::shading::garments;
use super::state::{Pace, loss_of, validate_shares};
use crate::params::Builder;
use crate::refiner::{Config as ModelConfig, NAME, Network};
use crate::{Error, Result, seam};

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
    /// Garments per step.
    pub batch: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// Photos of each data set that garments are cut from.
    pub photos: usize,
    /// Cloths that every plain garment is cut from.
    pub cloths: usize,
    /// Peak learning rate of the generator.
    pub rate: f64,
    /// Peak learning rate of the discriminator.
    pub judge_rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Step from which the discriminator is listened to; it is trained from the first.
    pub judge_from: u64,
    /// Discriminator steps per gradient penalty.
    pub penalty_every: u64,
    /// Decoupled weight decay of the generator.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the averaged weights, which are the ones that ship.
    pub average_decay: f64,
    /// Steps between checks, sample grids and checkpoints.
    pub check_every: u64,
    /// The network.
    pub model: ModelConfig,
    /// How much each loss counts.
    pub weights: Weights,
}

impl Config {
    fn validate(&self) -> std::result::Result<(), String> {
        self.model.validate().map_err(|error| error.to_string())?;
        if self.penalty_every == 0 {
            return Err("penalty_every must be at least 1".into());
        }
        validate_shares(self.batch, self.shards, self.check_every)
    }

    fn pace(&self) -> Pace {
        let Self { rate, warmup_steps, steps, clip_norm, average_decay, .. } = *self;
        Pace { rate, warmup_steps, steps, clip_norm, average_decay }
    }
}

fn fresh(config: &Config) -> Result<Opponents> {
    let mut builder = Builder::fresh(config.seed);
    let _network = Network::build(&mut builder, config.model);
    Opponents::fresh(builder.finish()?.deep_clone(), config.seed, config.weight_decay)
}

/// Trains the refiner and writes `refiner.safetensors` with its card into `weights`; with `resume`, from the run's last
/// checkpoint to the same weights as an uninterrupted run.
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
    let mut state = fresh(&config)?;
    if let Some(saved) = &saved {
        state.restore(saved)?;
    }
    let all = garments::load(data, weights, &config.run_dir.join("garments.bin"), config.photos)?;
    let dataset = data::make(&all, weights, config.cloths, config.seed)?;
    drop(all);
    while state.step < config.steps {
        let values = step(&mut state, &config, &dataset)?;
        run.log(state.step, &values)?;
        state.step += 1;
        progress(state.step, config.steps, loss_of(&values));
        if state.step.is_multiple_of(config.check_every) || state.step == config.steps {
            check(&state, &config, &dataset, &mut run)?;
            run.save(state.step, &state.tensors())?;
        }
    }
    export::ship(&state.average, &config, &dataset, data, weights)
}

/// One step of both networks; returns the logged values.
fn step(state: &mut Opponents, config: &Config, dataset: &Dataset) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let items = data::draw(dataset, config, at);
    // Every shard gets its share of garments in their own cloth.
    let mixed: Vec<&Item> =
        (0..config.shards).flat_map(|s| items.iter().skip(s).step_by(config.shards).copied()).collect();
    let pace = config.pace();
    let penalty = at.is_multiple_of(config.penalty_every);
    let lent = shards(&mixed, config.shards, &state.generator, &state.vectors);
    let (gradients, mut values) = parallel::gradients(&state.judge, &lent, at, |leaves, shard| {
        let judge = Discriminator::from_params(leaves)?;
        let norms = judge.norms(&*shard.vectors()?)?;
        let network = Network::from_params(&*shard.opponent()?, config.model)?;
        losses::discriminator(&network, &judge, &norms, &data::batch(shard.items)?, &config.weights, penalty)
    })?;
    state.descend_judge(&gradients, &Pace { rate: config.judge_rate, ..pace })?;
    values.retain(|(name, _)| *name != "total");
    let lent = shards(&mixed, config.shards, &state.judge, &state.vectors);
    let (gradients, parts) = parallel::gradients(&state.generator, &lent, at, |leaves, shard| {
        let network = Network::from_params(leaves, config.model)?;
        let batch = data::batch(shard.items)?;
        if at < config.judge_from {
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

/// Garments that a check draws.
const DRAWN: usize = 16;

/// Measures the averaged weights on garments set aside for it: light missed on those in their own cloth, with and without
/// the network, and the size of its change; draws some: real, as it is laid, refined.
fn check(state: &Opponents, config: &Config, dataset: &Dataset, run: &mut Run) -> Result<()> {
    let network = Network::from_params(&state.average, config.model)?;
    let (mut ours, mut base, mut size, mut own, mut n) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut rows = Vec::new();
    let check: Vec<&Item> = dataset.check.iter().collect();
    for items in check.chunks(8) {
        let batch = data::batch(items)?;
        let light = tch::no_grad(|| network.forward(&batch.planes, &batch.embedding));
        let made = losses::relit(&batch.made, &batch.mask, &light);
        let missed = |picture: &tch::Tensor| -> Result<f64> {
            let missed = losses::light_missed(picture, &batch.real, &batch.mask) * &batch.own;
            Ok(missed.sum(Kind::Double).f_double_value(&[])?)
        };
        ours += missed(&made)?;
        base += missed(&batch.made)?;
        size += (light.abs() * &batch.mask).sum(Kind::Double).f_double_value(&[])?;
        n += batch.mask.sum(Kind::Double).f_double_value(&[])?;
        own += batch.own.sum(Kind::Double).f_double_value(&[])?;
        for (i, item) in items.iter().enumerate().take(DRAWN.saturating_sub(rows.len())) {
            let refined = seam::srgb_from_tensor(&(made.get(i as i64) * 255.0))?;
            rows.push(vec![item.real.clone(), item.made.clone(), refined]);
        }
    }
    let values = [("check/light", ours / own), ("check/light_as_laid", base / own), ("check/change", size / n)];
    // One step earlier, so that a resumed run keeps the line.
    run.log(state.step - 1, &values)?;
    let sheet = crate::eval::solids::sheet::sheet(&rows)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    run.sample_png(state.step, "real-laid-refined", sheet.width_px(), sheet.height_px(), &png)
}

#[cfg(test)]
mod tests;
