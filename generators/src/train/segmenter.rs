//! The segmenter's training loop.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::optim::{Adam, AdamConfig, clip_norm, copy_into, cosine_with_warmup, update_average};
use super::parallel::{self, Losses};
use super::run::{Run, read_config};
use super::segmenter_data::{self as data, Batch, Known, Mix, index};
use super::{segmenter_export as export, segmenter_pseudo as pseudo};
use crate::params::{Builder, Params};
use crate::segmenter::{Class, ClassSet, Config as ModelConfig, NAME, Network};
use crate::{Error, Result, backbone, checkpoint};

/// Everything that determines the weights, besides the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Root seed.
    pub seed: u64,
    /// Second stage: starts from the segmenter in the weights folder rather than from ImageNet's encoder, knows the heads
    /// of models, cuts articles out without a halo, and masks flat-lays by their borders' colours.
    #[serde(default)]
    pub refine: bool,
    /// Steps of the learning-rate schedule.
    pub steps: u64,
    /// Step at which the run ends all the same, because a refining one takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at: Option<u64>,
    /// Pictures per step.
    pub batch: usize,
    /// Threads that share a step; part of the result, since sums are rounded.
    pub shards: usize,
    /// Folder of the run.
    pub run_dir: PathBuf,
    /// Encoder blocks, from the input, that are not trained.
    pub frozen_blocks: usize,
    /// Peak learning rate of the encoder.
    pub encoder_rate: f64,
    /// Peak learning rate of the decoder.
    pub decoder_rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the averaged weights, which are the ones that ship.
    pub average_decay: f64,
    /// Weight of the Dice loss beside cross-entropy.
    pub dice_weight: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between sample grids.
    pub sample_every: u64,
    /// Step from which colours hint at where flat-lay garments are: "background or the class" alone is also satisfied by
    /// calling everything background.
    pub hints_from: u64,
    /// Step at which flat-lay photos get masks of their own; at or past `steps` for never.
    pub self_training_from: u64,
    /// The network.
    pub model: ModelConfig,
    /// How often each source is drawn.
    pub mix: Mix,
}

impl Config {
    fn validate(&self, path: &Path) -> Result<()> {
        let bad = |reason: String| Error::Config { path: path.to_owned(), reason };
        self.model.validate().map_err(|error| bad(error.to_string()))?;
        if self.batch == 0 || self.shards == 0 || !self.batch.is_multiple_of(self.shards) {
            return Err(bad(format!("batch {} must be a positive multiple of shards {}", self.batch, self.shards)));
        }
        for (name, every) in [("checkpoint_every", self.checkpoint_every), ("sample_every", self.sample_every)] {
            if every == 0 {
                return Err(bad(format!("{name} must be at least 1")));
            }
        }
        Ok(())
    }
}

/// Where a training run reads and writes.
pub struct Paths<'a> {
    /// The TOML configuration.
    pub config: &'a Path,
    /// Data folder: `street`, `studio`, `clothing`, `colorways`.
    pub data: &'a Path,
    /// Weights folder: the backbone is read from it, the segmenter written to it.
    pub weights: &'a Path,
}

/// Trains the segmenter; with `resume`, from the run's last checkpoint to the same weights as an uninterrupted run.
///
/// Progress goes to `progress` as (step, steps, loss).
///
/// # Errors
/// When configuration, data or weights are missing or malformed, a file cannot be written, or a loss is not finite.
pub fn train(paths: &Paths, resume: bool, progress: &mut dyn FnMut(u64, u64, f64)) -> Result<()> {
    let config: Config = read_config(paths.config)?;
    config.validate(paths.config)?;
    let (mut run, saved) = Run::open(&config.run_dir, NAME, &config, resume)?;
    let params = initial(&config, paths.weights)?;
    let average = params.deep_clone();
    let mut adam = Adam::new(&params, AdamConfig { weight_decay: config.weight_decay, ..AdamConfig::default() });
    let mut step = 0;
    if let Some(saved) = saved {
        copy_into(&params, &saved.tensors.with_prefix("params."))?;
        copy_into(&average, &saved.tensors.with_prefix("average."))?;
        adam.restore(&saved.tensors.with_prefix("adam."))?;
        step = saved.step;
    }
    let index = index::read(paths.data)?;
    let pseudo_dir = config.run_dir.join("pseudo");
    tch::set_num_threads(1);
    let end = config.stop_at.unwrap_or(config.steps).min(config.steps);
    while step < end {
        let own_masks = step >= config.self_training_from;
        if own_masks {
            pseudo::draw_once(&average, &config, &index, &pseudo_dir)?;
        }
        let known = Known {
            hints: step >= config.hints_from,
            pseudo: own_masks.then_some(pseudo_dir.as_path()),
            refined: config.refine,
        };
        let canvases =
            data::canvases(&index, &config.mix, known, (config.seed, step), config.batch, config.model.input_px)?;
        let shards = data::shards(&canvases, config.shards)?;
        let (gradients, parts) =
            parallel::gradients(&params, &shards, step, |leaves, batch| losses(leaves, batch, &config))?;
        let norm = clip_norm(&gradients, config.clip_norm);
        let factor = cosine_with_warmup(step, config.warmup_steps, config.steps);
        adam.step(&gradients, |name| {
            factor * if name.starts_with("encoder.") { config.encoder_rate } else { config.decoder_rate }
        });
        // Early on the average follows closely, or it would still hold the random decoder.
        let decay = config.average_decay.min((1.0 + step as f64) / (10.0 + step as f64));
        update_average(&average, &params, decay);
        let mut values = parts.clone();
        values.extend([("gradient_norm", norm), ("rate_factor", factor)]);
        run.log(step, &values)?;
        if step.is_multiple_of(config.sample_every) || step + 1 == end {
            export::sample_grid(&mut run, step, &average, &config, &canvases)?;
        }
        step += 1;
        progress(step, end, parts.iter().find(|(name, _)| *name == "total").map_or(0.0, |(_, v)| *v));
        if step.is_multiple_of(config.checkpoint_every) || step == end {
            run.save(step, &state(&params, &average, &adam))?;
        }
    }
    export::ship(&average, &config, &index, paths.weights)
}

fn initial(config: &Config, weights: &Path) -> Result<Params> {
    if config.refine {
        return Ok(checkpoint::load_model(weights, NAME)?.0);
    }
    let mut builder = Builder::fresh(config.seed);
    let _network = Network::build(&mut builder, config.model);
    let mut params = builder.finish()?;
    let (encoder, _card) = checkpoint::load_model(weights, backbone::NAME)?;
    params.extend_with_prefix("encoder.", &encoder);
    Ok(params.deep_clone())
}

fn state(params: &Params, average: &Params, adam: &Adam) -> Params {
    let mut state = Params::default();
    state.extend_with_prefix("params.", params);
    state.extend_with_prefix("average.", average);
    state.extend_with_prefix("adam.", &adam.state());
    state
}

fn losses(leaves: &Params, batch: &Batch, config: &Config) -> Result<Losses> {
    let network = Network::from_params(leaves, config.model)?;
    let logits = network.forward(&batch.codes, config.frozen_blocks);
    let cross_entropy = partial_cross_entropy(&logits, &batch.sets);
    let dice = garment_dice(&logits, &batch.sets);
    let total = &cross_entropy + &dice * config.dice_weight;
    let parts =
        vec![("cross_entropy", cross_entropy.f_double_value(&[])?), ("garment_dice", dice.f_double_value(&[])?)];
    Ok(Losses { total, parts })
}

/// Which classes each pixel may be of.
///
/// # Shapes
/// `[N, H, W]` bit sets → `[N, 11, H, W]` booleans.
fn allowed(sets: &Tensor) -> Tensor {
    let bits: Vec<i32> = Class::EVERY.iter().map(|&class| 1 << class as i32).collect();
    sets.unsqueeze(1).bitwise_and_tensor(&Tensor::from_slice(&bits).view([1, -1, 1, 1])).not_equal(0)
}

/// Mean of −log p(class in the pixel's set); a pixel of which nothing is known costs nothing.
///
/// # Shapes
/// logits `[N, 11, H, W]`, sets `[N, H, W]` → scalar.
pub fn partial_cross_entropy(logits: &Tensor, sets: &Tensor) -> Tensor {
    let log_p = logits.log_softmax(1, Kind::Float);
    let barred = log_p.masked_fill(&allowed(sets).logical_not(), -1e4);
    -barred.logsumexp([1].as_slice(), false).mean(Kind::Float)
}

/// 1 − soft Dice of "any garment" (Milletari et al. 2016) per picture, over the pixels of which that is known;
/// pictures in which no garment is known count as zero.
///
/// # Shapes
/// logits `[N, 11, H, W]`, sets `[N, H, W]` → scalar.
pub fn garment_dice(logits: &Tensor, sets: &Tensor) -> Tensor {
    let garment = i64::from(ClassSet::GARMENT.bits());
    let first = garment.trailing_zeros() as i64;
    let count = i64::from(garment.count_ones());
    let p = logits.softmax(1, Kind::Float).narrow(1, first, count).sum_dim_intlist([1].as_slice(), false, Kind::Float);
    let outside = sets.bitwise_and(!garment);
    let inside = sets.bitwise_and(garment);
    let yes = outside.eq(0).to_kind(Kind::Float);
    let known = &yes + inside.eq(0).to_kind(Kind::Float);
    let over = [1_i64, 2];
    let sum = |x: Tensor| x.sum_dim_intlist(over.as_slice(), false, Kind::Float);
    let both = sum(&p * &yes);
    let either = sum(&p * &known) + sum(yes.shallow_clone());
    let dice: Tensor = (both * 2.0 + 1.0) / (either + 1.0);
    let present = sum(yes).gt(0.0).to_kind(Kind::Float);
    (present.ones_like() - dice).g_mul(&present).mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_pixels() -> (Tensor, Tensor) {
        let logits = Tensor::zeros([1, 11, 1, 2], (Kind::Float, tch::Device::Cpu));
        let sets = [ClassSet::BACKGROUND, ClassSet::FOREGROUND].map(|set| i32::from(set.bits()));
        (logits, Tensor::from_slice(&sets).view([1, 1, 2]))
    }

    #[test]
    fn cross_entropy_of_a_set_is_that_of_its_summed_probability() {
        let (logits, sets) = two_pixels();
        let expected = -((1.0_f64 / 11.0).ln() + (10.0_f64 / 11.0).ln()) / 2.0;
        assert!((partial_cross_entropy(&logits, &sets).double_value(&[]) - expected).abs() < 1e-5);
        let any = Tensor::from_slice(&[i32::from(ClassSet::ANY.bits()); 2]).view([1, 1, 2]);
        assert!(partial_cross_entropy(&logits, &any).double_value(&[]).abs() < 1e-5);
    }

    #[test]
    fn dice_falls_as_the_garment_is_found() {
        let sets = [ClassSet::BACKGROUND, ClassSet::of(&[Class::Upper])].map(|set| i32::from(set.bits()));
        let sets = Tensor::from_slice(&sets).view([1, 1, 2]);
        let logits = Tensor::zeros([1, 11, 1, 2], (Kind::Float, tch::Device::Cpu));
        let before = garment_dice(&logits, &sets).double_value(&[]);
        let _ = logits.narrow(1, Class::Upper as i64, 1).narrow(3, 1, 1).fill_(20.0);
        let _ = logits.narrow(1, 0, 1).narrow(3, 0, 1).fill_(20.0);
        let after = garment_dice(&logits, &sets).double_value(&[]);
        assert!(before > 0.25 && after < 0.01, "{before} {after}");
    }
}
