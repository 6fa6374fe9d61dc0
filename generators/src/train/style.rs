//! The painter's training loop: photos painted like references, and like themselves.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub mod data;
mod export;
pub mod losses;
pub mod paintings;

use self::data::Batch;
use self::losses::Weights;
use super::look::data::Part;
use super::parallel::{self, Losses};
use super::run::{Run, read_config};
use super::state::{Pace, State, loss_of, validate_shares};
use crate::backbone::{self, Backbone};
use crate::layers::Precision;
use crate::params::{Builder, Params};
use crate::style::{Config as ModelConfig, Moments, NAME, Network, TAPS, maps_of};
use crate::{Error, Result, checkpoint, seam};

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
    /// Pictures per step.
    pub batch: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// Peak learning rate.
    pub rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the averaged weights, which are the ones that ship.
    pub average_decay: f64,
    /// Steps between checks, sample grids and checkpoints.
    pub check_every: u64,
    /// The decoder.
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

/// The decoder before training, with the usual moments of the maps it reads.
fn fresh(config: &Config, usual: &[Moments]) -> Result<State> {
    let mut builder = Builder::fresh(config.seed);
    let _network = Network::build(&mut builder, config.model);
    let mut params = builder.finish()?.deep_clone();
    for (k, tap) in TAPS.into_iter().enumerate() {
        params.insert(format!("center.{k}"), usual[tap].mean.copy());
        params.insert(format!("scale.{k}"), usual[tap].deviation.copy());
    }
    Ok(State::fresh(params, |_| true, 0.0))
}

/// What no step changes.
struct Fixed {
    photos: [Vec<PathBuf>; 2],
    backbone: Params,
    usual: Vec<Moments>,
}

/// What a thread works on; tensors may move between threads but not be shared.
struct Shard {
    batch: Batch,
    backbone: Params,
    usual: Vec<Moments>,
}

fn shards(batch: &Batch, fixed: &Fixed, config: &Config) -> Vec<Mutex<Shard>> {
    let size = (config.batch / config.shards) as i64;
    let of = |from: i64| {
        let part = |pictures: &Tensor| pictures.narrow(0, from * size, size);
        Mutex::new(Shard {
            batch: Batch {
                contents: part(&batch.contents),
                grained: part(&batch.grained),
                references: part(&batch.references),
            },
            backbone: fixed.backbone.map(Tensor::detach),
            usual: fixed.usual.clone(),
        })
    };
    (0..config.shards as i64).map(of).collect()
}

/// Trains the painter's decoder and writes `style.safetensors` with its card into `weights`; with `resume`, from the run's
/// last checkpoint to the same weights as an uninterrupted run.
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
    let (backbone, _card) = checkpoint::load_model(weights, backbone::NAME)?;
    let photos = data::photos(data, Part::Train)?;
    let usual = data::usual(&photos, config.seed, &Backbone::from_params(&backbone, Precision::F32)?)?;
    let fixed = Fixed { photos, backbone, usual };
    let mut state = fresh(&config, &fixed.usual)?;
    if let Some(saved) = &saved {
        state.restore(saved)?;
    }
    let watched = data::batch(&data::photos(data, Part::Check)?, config.seed, "style/check", 0, CHECKED)?;
    while state.step < config.steps {
        let values = step(&mut state, &config, &fixed)?;
        run.log(state.step, &values)?;
        state.step += 1;
        progress(state.step, config.steps, loss_of(&values));
        if state.step.is_multiple_of(config.check_every) || state.step == config.steps {
            check(&state, &config, &fixed, &watched, &mut run)?;
            run.save(state.step, &state.tensors())?;
        }
    }
    export::ship(&state.average, &config, &fixed.photos, data, weights)
}

/// The pictures that a decoder makes, and what they are held to.
struct Painted {
    codes: Tensor,
    content: Tensor,
    style: Tensor,
}

/// Paints the contents like the references, and says what maps it read; gradients go to the decoder.
fn painted(network: &Network, backbone: &Backbone, batch: &Batch, usual: &[Moments]) -> (Painted, [Tensor; 3]) {
    let (own, shown, wanted) = tch::no_grad(|| {
        let read = maps_of(backbone, &batch.grained);
        (read, losses::maps(backbone, &batch.contents), losses::maps(backbone, &batch.references))
    });
    let moved: [Tensor; 3] = std::array::from_fn(|k| {
        let (map, wanted) = (&own[k], Moments::of(&wanted[TAPS[k]]));
        Moments::of(map).moved_to(&wanted, map, &network.usual(k))
    });
    let codes = network.forward(&moved);
    let made = losses::maps(backbone, &codes);
    let (content, style) = (losses::content(&made, &shown), losses::style(&made, &wanted, usual));
    (Painted { codes, content, style }, own)
}

/// One step; returns the logged values.
fn step(state: &mut State, config: &Config, fixed: &Fixed) -> Result<Vec<(&'static str, f64)>> {
    let at = state.step;
    let batch = data::batch(&fixed.photos, config.seed, "style/step", at, config.batch)?;
    let shards = shards(&batch, fixed, config);
    let (gradients, mut values) = parallel::gradients(&state.params, &shards, at, |leaves, shard| {
        let shard = shard.lock().map_err(|_| Error::Input("a training thread panicked".into()))?;
        let network = Network::from_params(leaves, config.model)?;
        let backbone = Backbone::from_params(&shard.backbone, config.model.precision)?;
        let (made, own) = painted(&network, &backbone, &shard.batch, &shard.usual);
        // One photo of the shard is enough to keep the way back open.
        let same = network.forward(&own.map(|map| map.narrow(0, 0, 1)));
        let itself = (same - shard.batch.contents.narrow(0, 0, 1)).abs().mean(Kind::Float) / 64.0;
        let range = losses::range(&made.codes);
        let weights = &config.weights;
        let total = &made.content + &made.style * weights.style + &itself * weights.itself + &range * weights.range;
        let part = |name, value: &Tensor| -> Result<(&'static str, f64)> { Ok((name, value.f_double_value(&[])?)) };
        let parts = [("content", &made.content), ("style", &made.style), ("itself", &itself), ("range", &range)];
        let parts = parts.into_iter().map(|(name, value)| part(name, value)).collect::<Result<_>>()?;
        Ok(Losses { total, parts })
    })?;
    values.extend(state.descend(&gradients, &config.pace()));
    Ok(values)
}

/// Pictures that a check looks at.
const CHECKED: usize = 32;
/// Pictures that it draws.
const DRAWN: usize = 12;

/// Measures the averaged weights on photos set aside for it, and draws some: photo, reference, painted.
fn check(state: &State, config: &Config, fixed: &Fixed, watched: &Batch, run: &mut Run) -> Result<()> {
    let network = Network::from_params(&state.average, ModelConfig { precision: Precision::F32, ..config.model })?;
    let backbone = Backbone::from_params(&fixed.backbone, Precision::F32)?;
    let (mut content, mut style, mut rows) = (0.0, 0.0, Vec::new());
    for from in (0..CHECKED).step_by(8) {
        let part = |pictures: &Tensor| pictures.narrow(0, from as i64, 8);
        let few = Batch {
            contents: part(&watched.contents),
            grained: part(&watched.grained),
            references: part(&watched.references),
        };
        let (made, _) = tch::no_grad(|| painted(&network, &backbone, &few, &fixed.usual));
        content += made.content.f_double_value(&[])? * 8.0 / CHECKED as f64;
        style += made.style.f_double_value(&[])? * 8.0 / CHECKED as f64;
        for i in 0..8.min(DRAWN.saturating_sub(rows.len()) as i64) {
            let picture = |of: &Tensor| seam::srgb_from_tensor(&of.get(i));
            rows.push(vec![picture(&few.contents)?, picture(&few.references)?, picture(&made.codes)?]);
        }
    }
    // One step earlier, so that a resumed run keeps the line.
    run.log(state.step - 1, &[("check/content", content), ("check/style", style)])?;
    let sheet = crate::eval::solids::sheet::sheet(&rows)?;
    let png = pixels::encode(&sheet, None, pixels::Format::Png, 100)?;
    run.sample_png(state.step, "photo-reference-painted", sheet.width_px(), sheet.height_px(), &png)
}

#[cfg(test)]
mod tests;
