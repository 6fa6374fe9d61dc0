//! Adam with a state that can be saved (Kingma and Ba 2015; decoupled weight decay of Loshchilov and Hutter 2019).

use tch::{Kind, Tensor};

use crate::params::Params;
use crate::{Error, Result};

/// Settings of [`Adam`].
#[derive(Clone, Copy, Debug)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay, applied to tensors of two or more dimensions.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// The optimiser over a set of named tensors.
pub struct Adam {
    config: AdamConfig,
    params: Params,
    first: Params,
    second: Params,
    steps: i64,
}

impl Adam {
    /// Optimises `params` in place; tensors left out are never touched.
    pub fn new(params: &Params, config: AdamConfig) -> Self {
        let zeros = || params.map(Tensor::zeros_like);
        Self { config, params: params.clone(), first: zeros(), second: zeros(), steps: 0 }
    }

    /// One step. `gradients` has the names of the parameters; a missing one counts as zero gradient without a step.
    /// `rate` gives the learning rate of a tensor by name.
    pub fn step(&mut self, gradients: &Params, rate: impl Fn(&str) -> f64) {
        self.steps += 1;
        let AdamConfig { beta1, beta2, epsilon, weight_decay } = self.config;
        let exponent = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (correct1, correct2) = (1.0 - beta1.powi(exponent), 1.0 - beta2.powi(exponent));
        tch::no_grad(|| {
            for (name, param) in self.params.iter() {
                let (Some(gradient), Some(first), Some(second)) =
                    (gradients.get(name), self.first.get(name), self.second.get(name))
                else {
                    continue;
                };
                let rate = rate(name);
                let (mut param, mut first, mut second) =
                    (param.detach(), first.shallow_clone(), second.shallow_clone());
                let _ = first.g_mul_scalar_(beta1).g_add_(&(gradient * (1.0 - beta1)));
                let _ = second.g_mul_scalar_(beta2).g_add_(&(gradient * gradient * (1.0 - beta2)));
                if weight_decay > 0.0 && param.dim() > 1 {
                    let _ = param.g_mul_scalar_(1.0 - rate * weight_decay);
                }
                let update = &first / correct1 / ((&second / correct2).sqrt() + epsilon) * rate;
                let _ = param.g_sub_(&update);
            }
        });
    }

    /// The moments and step count, by name, to be saved under a prefix of the caller's.
    pub fn state(&self) -> Params {
        let mut state = Params::default();
        state.extend_with_prefix("first.", &self.first);
        state.extend_with_prefix("second.", &self.second);
        state.insert("steps", Tensor::from_slice(&[self.steps as f32]));
        state
    }

    /// Takes a saved state back.
    ///
    /// # Errors
    /// When names or shapes differ from the parameters'.
    pub fn restore(&mut self, state: &Params) -> Result<()> {
        copy_into(&self.first, &state.with_prefix("first."))?;
        copy_into(&self.second, &state.with_prefix("second."))?;
        let steps = state.get("steps").ok_or_else(|| Error::Input("optimiser state: no step count".into()))?;
        self.steps = steps.f_double_value(&[0])? as i64;
        Ok(())
    }
}

/// Copies equal-named tensors of `from` into `to`'s storage.
///
/// # Errors
/// When names or shapes differ.
pub fn copy_into(to: &Params, from: &Params) -> Result<()> {
    if to.len() != from.len() {
        return Err(Error::Input(format!("expected {} tensors, got {}", to.len(), from.len())));
    }
    tch::no_grad(|| {
        for (name, target) in to.iter() {
            let source = from.get(name).ok_or_else(|| Error::Input(format!("{name}: missing")))?;
            if source.size() != target.size() {
                return Err(Error::Input(format!("{name}: expected {:?}, got {:?}", target.size(), source.size())));
            }
            target.detach().copy_(source);
        }
        Ok(())
    })
}

/// Moves an exponential moving average towards the current parameters.
pub fn update_average(average: &Params, params: &Params, decay: f64) {
    tch::no_grad(|| {
        for (name, mean) in average.iter() {
            if let Some(current) = params.get(name) {
                let _ = mean.detach().g_mul_scalar_(decay).g_add_(&(current.detach() * (1.0 - decay)));
            }
        }
    });
}

/// Scales gradients so that their common norm is at most `limit`; returns the norm before.
pub fn clip_norm(gradients: &Params, limit: f64) -> f64 {
    let square: f64 = gradients.iter().map(|(_, g)| g.square().sum(Kind::Double).double_value(&[])).sum();
    let norm = square.sqrt();
    if norm > limit {
        tch::no_grad(|| {
            for (_, gradient) in gradients.iter() {
                let _ = gradient.shallow_clone().g_mul_scalar_(limit / norm);
            }
        });
    }
    norm
}

/// Learning-rate factor: linear warm-up, then half a cosine to zero at `total`.
pub fn cosine_with_warmup(step: u64, warmup: u64, total: u64) -> f64 {
    if step < warmup {
        return (step + 1) as f64 / warmup as f64;
    }
    let progress = (step - warmup) as f64 / (total.saturating_sub(warmup)).max(1) as f64;
    0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_steps_match_the_papers_formula() {
        let param = Tensor::from_slice(&[1.0_f32, -2.0]);
        let params: Params = [("p".to_owned(), param.shallow_clone())].into_iter().collect();
        let mut adam = Adam::new(&params, AdamConfig::default());
        let gradient = [0.3_f64, -0.1];
        let (mut m, mut v, mut expected) = ([0.0; 2], [0.0; 2], [1.0_f64, -2.0]);
        for t in 1..=3 {
            let grads = [("p".to_owned(), Tensor::from_slice(&gradient.map(|g| g as f32)))].into_iter().collect();
            adam.step(&grads, |_| 0.01);
            for i in 0..2 {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                let (mh, vh) = (m[i] / (1.0 - 0.9_f64.powi(t)), v[i] / (1.0 - 0.999_f64.powi(t)));
                expected[i] -= 0.01 * mh / (vh.sqrt() + 1e-8);
                assert!((param.double_value(&[i as i64]) - expected[i]).abs() < 1e-5);
            }
        }
    }
}
