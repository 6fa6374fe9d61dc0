//! ShadeNet's training loop: light of plain garments on random prints, to be recovered.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::Tensor;

pub mod composites;
mod export;
pub mod garments;
pub mod losses;
pub mod prints;

use self::composites::Sample;
use self::garments::{Garments, Part};
use self::losses::Weights;
use super::parallel::{self, Losses};
use super::run::{Run, read_config};
use super::state::{Pace, State, loss_of, validate_shares};
use crate::params::Builder;
use crate::shading::view::{PLANES, SIDE};
use crate::shading::{Config as ModelConfig, NAME, Network};
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
    /// Samples per step.
    pub batch: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// Photos of each data set that garments are cut from.
    pub photos: usize,
    /// Peak learning rate.
    pub rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Decoupled weight decay.
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
        validate_shares(self.batch, self.shards, self.check_every)
    }

    fn pace(&self) -> Pace {
        let Self { rate, warmup_steps, steps, clip_norm, average_decay, .. } = *self;
        Pace { rate, warmup_steps, steps, clip_norm, average_decay }
    }
}

fn fresh(config: &Config) -> Result<State> {
    let mut builder = Builder::fresh(config.seed);
    let _network = Network::build(&mut builder, config.model);
    Ok(State::fresh(builder.finish()?.deep_clone(), |_| true, config.weight_decay))
}

/// A thread's share of a step: planes, truth and weight of its samples.
struct Batch {
    planes: Vec<f32>,
    truth: Vec<f32>,
    weight: Vec<f32>,
}

impl Batch {
    fn of(samples: &[Sample]) -> Result<Self> {
        let planes: Result<Vec<Vec<f32>>> = samples.par_iter().map(composites::planes).collect();
        let joined = |pick: fn(&Sample) -> &Vec<f32>| samples.iter().flat_map(pick).copied().collect();
        Ok(Self { planes: planes?.concat(), truth: joined(|s| &s.truth), weight: joined(|s| &s.weight) })
    }

    /// # Shapes
    /// `[N, PLANES, SIDE, SIDE]`, `[N, 1, SIDE, SIDE]` and `[N, 1, SIDE, SIDE]`.
    fn tensors(&self) -> [Tensor; 3] {
        let shaped = |values: &[f32], planes| Tensor::from_slice(values).view([-1, planes, SIDE as i64, SIDE as i64]);
        [shaped(&self.planes, PLANES as i64), shaped(&self.truth, 1), shaped(&self.weight, 1)]
    }
}

/// Trains ShadeNet and writes `shading.safetensors` with its card into `weights`; with `resume`, from the run's last
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
    let (learnt, watched) = (garments::sorted(&all, Part::Train), garments::sorted(&all, Part::Check));
    while state.step < config.steps {
        let values = step(&mut state, &config, &learnt)?;
        run.log(state.step, &values)?;
        state.step += 1;
        progress(state.step, config.steps, loss_of(&values));
        if state.step.is_multiple_of(config.check_every) || state.step == config.steps {
            check(&state, &config, &watched, &mut run)?;
            run.save(state.step, &state.tensors())?;
        }
    }
    export::ship(&state.average, &config, &learnt, data, weights)
}

/// The samples of a step.
fn samples(garments: &Garments, config: &Config, step: u64) -> Result<Vec<Sample>> {
    (0..config.batch)
        .into_par_iter()
        .map(|i| {
            let number = step * config.batch as u64 + i as u64;
            composites::draw(garments, &mut Stream::new(config.seed, "shading/sample", number))
        })
        .collect()
}

/// One step; returns the logged values.
fn step(state: &mut State, config: &Config, garments: &Garments) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let samples = samples(garments, config, at)?;
    let shards: Vec<Batch> = samples.chunks(config.batch / config.shards).map(Batch::of).collect::<Result<_>>()?;
    let (gradients, mut values) = parallel::gradients(&state.params, &shards, at, |leaves, shard| {
        let network = Network::from_params(leaves, config.model)?;
        let [planes, truth, weight] = shard.tensors();
        let (total, parts) = losses::total(&network.forward(&planes), &truth, &weight, &config.weights)?;
        Ok(Losses { total, parts })
    })?;
    values.extend(state.descend(&gradients, &config.pace()));
    Ok(values)
}

/// Samples that a check looks at.
const CHECKED: u64 = 64;

/// Measures the averaged weights on garments set aside for it, on prints of the trained families, beside the analytic
/// estimate, and draws some of them: garment, truth, network, analytic.
fn check(state: &State, config: &Config, garments: &Garments, run: &mut Run) -> Result<()> {
    let network = Network::from_params(&state.average, config.model)?;
    let drawn = |i: u64| composites::draw(garments, &mut Stream::new(config.seed, "shading/check", i));
    let samples: Vec<Sample> = (0..CHECKED).map(drawn).collect::<Result<_>>()?;
    let (mut ours, mut analytic, mut rows) = (0.0, 0.0, Vec::new());
    for few in samples.chunks(8) {
        let [planes, truth, weight] = Batch::of(few)?.tensors();
        let output = tch::no_grad(|| network.forward(&planes));
        let base = planes.narrow(1, crate::shading::view::BASE_PLANE, 1);
        let error = |of: &Tensor| losses::scale_invariant(&(of - &truth), &weight).sum(tch::Kind::Double);
        ours += error(&output).f_double_value(&[])?;
        analytic += error(&base).f_double_value(&[])?;
        let (output, base) = (crate::seam::floats_of(&output)?, crate::seam::floats_of(&base)?);
        for (i, sample) in few.iter().enumerate().take(2) {
            let range = i * SIDE * SIDE..(i + 1) * SIDE * SIDE;
            let shown = |log: &[f32]| composites::picture(log, &sample.mask);
            rows.push(vec![
                sample.image.clone(),
                shown(&sample.truth)?,
                shown(&output[range.clone()])?,
                shown(&base[range])?,
            ]);
        }
    }
    let n = samples.len() as f64;
    // One step earlier, so that a resumed run keeps the line.
    run.log(state.step - 1, &[("check/network", ours / n), ("check/analytic", analytic / n)])?;
    let sheet = crate::eval::solids::sheet::sheet(&rows)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    run.sample_png(state.step, "garment-true-ours-analytic", sheet.width_px(), sheet.height_px(), &png)
}

#[cfg(test)]
mod tests;
