//! What a training of a generator against a discriminator keeps from step to step, and how a step is shared by threads.

use std::sync::{Mutex, MutexGuard};

use super::discriminator::Discriminator;
use super::optim::{Adam, AdamConfig, clip_norm, copy_into, cosine_with_warmup, update_average};
use super::run::Saved;
use super::state::{Pace, decay_at};
use crate::params::{Builder, Params};
use crate::{Error, Result};

/// Told apart from the generator's seed, so that the two do not start alike.
const JUDGE_SEED: u64 = 0x6a75_6467;

/// Everything that changes during such a training.
pub struct Opponents {
    /// Steps done.
    pub step: u64,
    /// The generator's weights.
    pub generator: Params,
    /// Their running mean, which is what ships.
    pub average: Params,
    /// The discriminator's weights.
    pub judge: Params,
    /// The vectors of its power iterations.
    pub vectors: Params,
    generator_adam: Adam,
    judge_adam: Adam,
}

impl Opponents {
    /// Before the first step.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn fresh(generator: Params, seed: u64, weight_decay: f64) -> Result<Self> {
        let mut builder = Builder::fresh(seed ^ JUDGE_SEED);
        let discriminator = Discriminator::build(&mut builder);
        let vectors = discriminator.fresh_vectors(seed);
        let judge = builder.finish()?.deep_clone();
        let adam = |beta1, weight_decay| AdamConfig { beta1, beta2: 0.99, weight_decay, ..AdamConfig::default() };
        Ok(Self {
            step: 0,
            average: generator.deep_clone(),
            generator_adam: Adam::new(&generator, adam(0.9, weight_decay)),
            judge_adam: Adam::new(&judge, adam(0.0, 0.0)),
            generator,
            judge,
            vectors,
        })
    }

    /// All of it, for a checkpoint.
    pub fn tensors(&self) -> Params {
        let mut all = Params::default();
        let parts = [
            ("generator.", &self.generator),
            ("average.", &self.average),
            ("judge.", &self.judge),
            ("vectors.", &self.vectors),
            ("generator_adam.", &self.generator_adam.state()),
            ("judge_adam.", &self.judge_adam.state()),
        ];
        parts.into_iter().for_each(|(prefix, params)| all.extend_with_prefix(prefix, params));
        all
    }

    /// Takes a checkpoint back.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn restore(&mut self, saved: &Saved) -> Result<()> {
        let part = |prefix: &str| saved.tensors.with_prefix(prefix);
        copy_into(&self.generator, &part("generator."))?;
        copy_into(&self.average, &part("average."))?;
        copy_into(&self.judge, &part("judge."))?;
        copy_into(&self.vectors, &part("vectors."))?;
        self.generator_adam.restore(&part("generator_adam."))?;
        self.judge_adam.restore(&part("judge_adam."))?;
        self.step = saved.step;
        Ok(())
    }

    /// The generator goes one step down these gradients, which are clipped; the caller counts it. Returns what is worth
    /// logging.
    pub fn descend(&mut self, gradients: &Params, pace: &Pace) -> [(&'static str, f64); 2] {
        let norm = clip_norm(gradients, pace.clip_norm);
        let factor = cosine_with_warmup(self.step, pace.warmup_steps, pace.steps);
        self.generator_adam.step(gradients, |_| factor * pace.rate);
        update_average(&self.average, &self.generator, decay_at(self.step, pace.average_decay));
        [("gradient_norm", norm), ("rate_factor", factor)]
    }

    /// The discriminator goes one step down these gradients at the pace's rate, and its power iterations go on.
    ///
    /// # Errors
    /// When a vector is missing.
    pub fn descend_judge(&mut self, gradients: &Params, pace: &Pace) -> Result<()> {
        clip_norm(gradients, pace.clip_norm);
        let factor = cosine_with_warmup(self.step, pace.warmup_steps, pace.steps);
        self.judge_adam.step(gradients, |_| factor * pace.rate);
        Discriminator::from_params(&self.judge)?.advance(&self.vectors)
    }
}

/// A thread's items and the opponent's parameters, which it may not train.
pub struct Shard<'a, I> {
    /// The thread's items.
    pub items: &'a [I],
    /// Tensors may move between threads but not be shared.
    opponent: Mutex<Params>,
    vectors: Mutex<Params>,
}

impl<I> Shard<'_, I> {
    /// The opponent's parameters.
    ///
    /// # Errors
    /// When a training thread panicked.
    pub fn opponent(&self) -> Result<MutexGuard<'_, Params>> {
        taken(&self.opponent)
    }

    /// The vectors of the discriminator's power iterations.
    ///
    /// # Errors
    /// When a training thread panicked.
    pub fn vectors(&self) -> Result<MutexGuard<'_, Params>> {
        taken(&self.vectors)
    }
}

/// The items in as many parts as there are threads.
pub fn shards<'a, I>(items: &'a [I], count: usize, opponent: &Params, vectors: &Params) -> Vec<Shard<'a, I>> {
    let lent = |params: &Params| Mutex::new(params.map(tch::Tensor::detach));
    let size = items.len() / count.max(1);
    let shard = |items| Shard { items, opponent: lent(opponent), vectors: lent(vectors) };
    items.chunks(size.max(1)).map(shard).collect()
}

fn taken(lent: &Mutex<Params>) -> Result<MutexGuard<'_, Params>> {
    lent.lock().map_err(|_| Error::Input("a training thread panicked".into()))
}
