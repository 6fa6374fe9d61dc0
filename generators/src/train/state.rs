//! What a training of one network keeps from step to step: weights, their running mean, the optimiser's moments.

use super::optim::{Adam, AdamConfig, clip_norm, copy_into, cosine_with_warmup, update_average};
use super::run::Saved;
use crate::Result;
use crate::params::Params;

/// Everything that changes during training.
pub struct State {
    /// Steps done.
    pub step: u64,
    /// The weights.
    pub params: Params,
    /// Their running mean, which is what ships.
    pub average: Params,
    adam: Adam,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Peak learning rate.
    pub rate: f64,
    /// Steps of linear warm-up, and steps in all: then half a cosine.
    pub warmup_steps: u64,
    /// Steps in all.
    pub steps: u64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the running mean once it has run for a while.
    pub average_decay: f64,
}

impl State {
    /// Before the first step; of `params`, those that `learnt` names are learnt.
    pub fn fresh(params: Params, learnt: impl Fn(&str) -> bool, weight_decay: f64) -> Self {
        let own = params.iter().filter(|(name, _)| learnt(name));
        let own: Params = own.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect();
        let adam = Adam::new(&own, AdamConfig { weight_decay, ..AdamConfig::default() });
        Self { step: 0, average: params.deep_clone(), adam, params }
    }

    /// All of it, for a checkpoint.
    pub fn tensors(&self) -> Params {
        let mut all = Params::default();
        let parts = [("params.", &self.params), ("average.", &self.average), ("adam.", &self.adam.state())];
        parts.into_iter().for_each(|(prefix, params)| all.extend_with_prefix(prefix, params));
        all
    }

    /// Takes a checkpoint back.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn restore(&mut self, saved: &Saved) -> Result<()> {
        copy_into(&self.params, &saved.tensors.with_prefix("params."))?;
        copy_into(&self.average, &saved.tensors.with_prefix("average."))?;
        self.adam.restore(&saved.tensors.with_prefix("adam."))?;
        self.step = saved.step;
        Ok(())
    }

    /// Goes one step down these gradients, which it clips; the caller counts it. Returns what is worth logging.
    pub fn descend(&mut self, gradients: &Params, pace: &Pace) -> [(&'static str, f64); 2] {
        let norm = clip_norm(gradients, pace.clip_norm);
        let factor = cosine_with_warmup(self.step, pace.warmup_steps, pace.steps);
        self.adam.step(gradients, |_| factor * pace.rate);
        update_average(&self.average, &self.params, decay_at(self.step, pace.average_decay));
        [("gradient_norm", norm), ("rate_factor", factor)]
    }
}

/// Decay of a running mean at a step: it forgets its beginning sooner.
pub fn decay_at(step: u64, decay: f64) -> f64 {
    decay.min((1.0 + step as f64) / (10.0 + step as f64))
}

/// Whether the threads of a step can share its batch evenly, and how often is checked.
///
/// # Errors
/// What is wrong, by the names of the settings.
pub fn validate_shares(batch: usize, shards: usize, check_every: u64) -> std::result::Result<(), String> {
    if batch == 0 || shards == 0 || !batch.is_multiple_of(shards) {
        return Err(format!("batch {batch} must be a positive multiple of shards {shards}"));
    }
    if check_every == 0 { Err("check_every must be at least 1".into()) } else { Ok(()) }
}

/// The loss among a step's values, for those who watch.
pub fn loss_of(values: &[(&'static str, f64)]) -> f64 {
    values.iter().find(|(name, _)| *name == "total").map_or(0.0, |(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn only_what_is_learnt_moves_and_a_restored_state_goes_on_the_same() {
        let of = |value: f32| Tensor::from_slice(&[value]);
        let params = || -> Params { [("w".to_owned(), of(2.0)), ("scale".to_owned(), of(3.0))].into_iter().collect() };
        let fresh = || State::fresh(params(), |name| name == "w", 0.1);
        let pace = Pace { rate: 0.1, warmup_steps: 1, steps: 4, clip_norm: 1.0, average_decay: 0.9 };
        let gradients: Params = [("w".to_owned(), of(5.0)), ("scale".to_owned(), of(5.0))].into_iter().collect();
        let mut straight = fresh();
        let values = straight.descend(&gradients, &pace);
        assert!(values[0].1 > 7.0, "{values:?}");
        straight.step += 1;
        let saved = Saved { step: straight.step, tensors: straight.tensors().deep_clone() };
        straight.descend(&gradients, &pace);
        let mut resumed = fresh();
        resumed.restore(&saved).unwrap();
        resumed.descend(&gradients, &pace);
        for (name, tensor) in straight.tensors().iter() {
            assert_eq!(tensor, resumed.tensors().get(name).unwrap(), "{name}");
        }
        let value = |name: &str| straight.params.get(name).unwrap().double_value(&[0]);
        assert!(value("w") < 2.0 && value("scale") == 3.0);
    }

    #[test]
    fn batches_are_shared_evenly_or_refused() {
        assert!(validate_shares(8, 2, 10).is_ok());
        assert!(validate_shares(8, 3, 10).unwrap_err().contains("shards 3"));
        assert!(validate_shares(8, 2, 0).unwrap_err().contains("check_every"));
    }
}
