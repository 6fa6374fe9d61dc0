//! The look predictor's training loop: references under random transforms, whose transform is to be told from the result.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub mod data;
mod export;
pub mod transforms;

use self::data::{COLORS, Example, Part};
use super::optim::copy_into;
use super::parallel::{self, Losses};
use super::run::{Run, Saved, read_config};
use super::state::{Pace, State, loss_of, validate_shares};
use crate::backbone::Backbone;
use crate::look::looker::{Config as ModelConfig, FEATURES, NAME, Network};
use crate::look::{COEFFICIENTS, LEVELS};
use crate::params::{Builder, Params};
use crate::stream::Stream;
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
    /// Examples per step.
    pub batch: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// References that are made, with their statistics, before the first step.
    pub examples: u64,
    /// References that choose the weights.
    pub checked: u64,
    /// Peak learning rate.
    pub rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Share of the statistics that a step does not see.
    pub hidden_share: f32,
    /// Decay of the averaged weights, the best of which ship.
    pub average_decay: f64,
    /// Steps between checks and checkpoints.
    pub check_every: u64,
    /// The network.
    pub model: ModelConfig,
}

impl Config {
    fn validate(&self) -> std::result::Result<(), String> {
        self.model.validate().map_err(|error| error.to_string())?;
        if self.examples == 0 || self.checked == 0 {
            return Err("examples and checked must be at least 1".into());
        }
        validate_shares(self.batch, self.shards, self.check_every)
    }

    fn pace(&self) -> Pace {
        let Self { rate, warmup_steps, steps, average_decay, .. } = *self;
        Pace { rate, warmup_steps, steps, clip_norm: 5.0, average_decay }
    }
}

/// The training's state, and the best weights so far.
struct Best {
    state: State,
    params: Params,
    check: f64,
}

/// Names of the tensors that are measured and not learnt.
const MEASURED: [&str; 2] = ["center", "scale"];

impl Best {
    fn fresh(config: &Config, examples: &[Example]) -> Result<Self> {
        let mut builder = Builder::fresh(config.seed);
        let _network = Network::build(&mut builder, config.model);
        let mut params = builder.finish()?.deep_clone();
        let (center, scale) = standard(examples);
        params.insert(MEASURED[0], Tensor::from_slice(&center));
        params.insert(MEASURED[1], Tensor::from_slice(&scale));
        let state = State::fresh(params, |name| !MEASURED.contains(&name), config.weight_decay);
        Ok(Self { params: state.params.deep_clone(), check: f64::INFINITY, state })
    }

    fn tensors(&self) -> Params {
        let mut all = self.state.tensors();
        all.extend_with_prefix("best.", &self.params);
        all.insert("best_check", Tensor::from_slice(&[self.check as f32]));
        all
    }

    fn restore(&mut self, saved: &Saved) -> Result<()> {
        self.state.restore(saved)?;
        copy_into(&self.params, &saved.tensors.with_prefix("best."))?;
        let check = saved.tensors.get("best_check").ok_or_else(|| Error::Input("best_check: missing".into()))?;
        self.check = check.f_double_value(&[0])?;
        Ok(())
    }
}

/// Mean of each statistic and one over its deviation.
fn standard(examples: &[Example]) -> (Vec<f32>, Vec<f32>) {
    let n = examples.len().max(1) as f64;
    let mean = |i: usize| examples.iter().map(|e| f64::from(e.features[i])).sum::<f64>() / n;
    let center: Vec<f64> = (0..FEATURES).map(mean).collect();
    let deviation = |i: usize| {
        let square = examples.iter().map(|e| (f64::from(e.features[i]) - center[i]).powi(2)).sum::<f64>() / n;
        (1.0 / square.sqrt().max(1e-3)) as f32
    };
    let scale = (0..FEATURES).map(deviation).collect();
    (center.into_iter().map(|v| v as f32).collect(), scale)
}

/// Trains the look predictor and writes `look.safetensors` with its card into `weights`; with `resume`, from the run's last
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
    let mut backbones: Vec<Backbone> = (0..config.shards).map(|_| Backbone::load(weights)).collect::<Result<_>>()?;
    let mut made = |part, seed, count| data::examples(&data::photos(data, part)?, seed, count, &mut backbones);
    let learnt = made(Part::Train, config.seed, config.examples)?;
    let checked = made(Part::Check, config.seed ^ 1, config.checked)?;
    let mut best = Best::fresh(&config, &learnt)?;
    if let Some(saved) = &saved {
        best.restore(saved)?;
    }
    while best.state.step < config.steps {
        let values = step(&mut best.state, &config, &learnt)?;
        best.state.step += 1;
        let at = best.state.step;
        progress(at, config.steps, loss_of(&values));
        if at.is_multiple_of(config.check_every) || at == config.steps {
            let found = distance(&Network::from_params(&best.state.average, config.model)?, &checked)?;
            // One step earlier, so that a resumed run keeps the line.
            run.log(at - 1, &[values, vec![("check", found)]].concat())?;
            if found < best.check {
                best.check = found;
                copy_into(&best.params, &best.state.average)?;
            }
            run.save(at, &best.tensors())?;
        }
    }
    export::ship(&best.params, &config, data, weights)
}

/// One step; returns the logged values.
fn step(state: &mut State, config: &Config, examples: &[Example]) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let mut stream = Stream::new(config.seed, "look/step", at);
    let chosen: Vec<&Example> = (0..config.batch).map(|_| &examples[stream.below(examples.len())]).collect();
    let shards: Vec<(&[&Example], u64)> = chosen.chunks(config.batch / config.shards).zip(0..).collect();
    let (gradients, mut values) = parallel::gradients(&state.params, &shards, at, |leaves, (some, shard)| {
        let network = Network::from_params(leaves, config.model)?;
        let [features, before, after] = tensors(some);
        let mut stream = Stream::new(config.seed, "look/hidden", at * config.shards as u64 + shard);
        let kept: Vec<f32> = (0..FEATURES)
            .map(|_| if stream.chance(config.hidden_share) { 0.0 } else { 1.0 / (1.0 - config.hidden_share) })
            .collect();
        let seen = network.standardized(&features) * Tensor::from_slice(&kept);
        let total = distances(&network.forward(&seen), &before, &after).mean(Kind::Float);
        Ok(Losses { total, parts: Vec::new() })
    })?;
    values.extend(state.descend(&gradients, &config.pace()));
    Ok(values)
}

/// # Shapes
/// `[N, FEATURES]`, `[N, COLORS, 3]` and `[N, COLORS, 3]`.
fn tensors(examples: &[&Example]) -> [Tensor; 3] {
    let joined = |pick: fn(&Example) -> &Vec<f32>, shape: &[i64]| {
        let values: Vec<f32> = examples.iter().flat_map(|e| pick(e)).copied().collect();
        Tensor::from_slice(&values).view(shape)
    };
    let colors = [-1, COLORS as i64, 3];
    [joined(|e| &e.features, &[-1, FEATURES as i64]), joined(|e| &e.before, &colors), joined(|e| &e.after, &colors)]
}

/// Distance in Lab of each colour in the look from the colour under the true transform; as [`crate::look::Look::of_color`].
///
/// # Shapes
/// maps `[N, LEVELS · COEFFICIENTS]`, colours `[N, P, 3]` → `[N, P]`.
fn distances(maps: &Tensor, before: &Tensor, after: &Tensor) -> Tensor {
    let n = maps.size()[0];
    let maps = maps.view([n, LEVELS as i64, COEFFICIENTS as i64]);
    let place = before.narrow(2, 0, 1) / 100.0 * (LEVELS - 1) as f64; // [N, P, 1]
    let levels = Tensor::arange(LEVELS as i64, (Kind::Float, before.device()));
    let tent = (1.0_f64 - (place - levels).abs()).relu(); // [N, P, LEVELS]
    let own = tent.bmm(&maps).view([n, -1, 3, 4]);
    let centre = Tensor::from_slice(&[50.0_f32, 0.0, 0.0]);
    let input = ((before - centre) / 50.0).unsqueeze(2); // [N, P, 1, 3]
    let added = (own.narrow(3, 0, 3) * input).sum_dim_intlist([3].as_slice(), false, Kind::Float) + own.select(3, 3);
    let off = before + added * 50.0 - after;
    (off.square().sum_dim_intlist([2].as_slice(), false, Kind::Float) + 0.01).sqrt()
}

/// Mean distance over all colours of the examples, in Lab units.
fn distance(network: &Network, examples: &[Example]) -> Result<f64> {
    let all: Vec<&Example> = examples.iter().collect();
    let [features, before, after] = tensors(&all);
    let maps = tch::no_grad(|| network.forward(&network.standardized(&features)));
    Ok(distances(&maps, &before, &after).mean(Kind::Double).f_double_value(&[])?)
}

#[cfg(test)]
mod tests;
