//! The named tensors of a model, and the builder that makes a model from a seed or, strictly, from a checkpoint.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::stream::Stream;
use crate::{Error, Result};

/// Named tensors of one model, sorted by name.
#[derive(Debug, Default)]
pub struct Params(BTreeMap<String, Tensor>);

impl Clone for Params {
    /// Shares the storage of every tensor.
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect())
    }
}

impl FromIterator<(String, Tensor)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl Params {
    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.0.insert(name.into(), tensor);
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers they hold together.
    pub fn count(&self) -> usize {
        self.0.values().map(Tensor::numel).sum()
    }

    /// Aliases of the same storage that collect gradients of their own, so that threads do not share `.grad`.
    pub fn leaves(&self) -> Self {
        self.map(|tensor| tensor.detach().set_requires_grad(true))
    }

    /// A copy with storage of its own.
    pub fn deep_clone(&self) -> Self {
        self.map(|tensor| tensor.detach().copy())
    }

    /// The same names with other tensors.
    pub fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        Self(self.0.iter().map(|(name, tensor)| (name.clone(), f(tensor))).collect())
    }

    /// The tensors whose names begin with `prefix`, the prefix taken off.
    pub fn with_prefix(&self, prefix: &str) -> Self {
        let strip = |(name, tensor): (&String, &Tensor)| {
            name.strip_prefix(prefix).map(|rest| (rest.to_owned(), tensor.shallow_clone()))
        };
        Self(self.0.iter().filter_map(strip).collect())
    }

    /// Adds another model's tensors under `prefix`.
    pub fn extend_with_prefix(&mut self, prefix: &str, other: &Self) {
        for (name, tensor) in &other.0 {
            self.0.insert(format!("{prefix}{name}"), tensor.shallow_clone());
        }
    }
}

/// How a fresh tensor is filled.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    /// All zero: a residual that starts as nothing.
    Zeros,
    /// All one.
    Ones,
    /// Normal with deviation √(2 / fan-in) (He et al. 2015); fan-in is all dimensions but the first.
    He,
}

enum Origin<'a> {
    Fresh { seed: u64 },
    Loaded(&'a Params),
}

/// Hands out the tensors a model asks for by name and shape, and notes every mismatch.
pub struct Builder<'a> {
    origin: Origin<'a>,
    prefix: String,
    tensors: Params,
    problems: Vec<String>,
}

impl<'a> Builder<'a> {
    /// Fresh tensors from a seed; equal names get equal values whatever the order.
    pub fn fresh(seed: u64) -> Self {
        Self { origin: Origin::Fresh { seed }, prefix: String::new(), tensors: Params::default(), problems: Vec::new() }
    }

    /// The tensors of a loaded model, sharing their storage.
    pub fn loaded(params: &'a Params) -> Self {
        Self { origin: Origin::Loaded(params), prefix: String::new(), tensors: Params::default(), problems: Vec::new() }
    }

    /// Runs `build` with `name.` put before every name it asks for.
    pub fn scope<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.len();
        self.prefix.push_str(name);
        self.prefix.push('.');
        let built = build(self);
        self.prefix.truncate(outer);
        built
    }

    /// The tensor of that name and shape; when a loaded one does not fit, zeros stand in and [`Builder::finish`] fails.
    pub fn tensor(&mut self, name: &str, shape: &[i64], init: Init) -> Tensor {
        let name = format!("{}{name}", self.prefix);
        let tensor = match self.origin {
            Origin::Fresh { seed } => fresh(seed, &name, shape, init),
            Origin::Loaded(params) => match params.get(&name) {
                Some(found) if found.size() == shape && found.kind() == Kind::Float => found.shallow_clone(),
                Some(found) => {
                    let (size, kind) = (found.size(), found.kind());
                    self.problems.push(format!("{name}: expected {shape:?} Float, got {size:?} {kind:?}"));
                    Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu))
                }
                None => {
                    self.problems.push(format!("{name}: missing"));
                    Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu))
                }
            },
        };
        self.tensors.insert(name, tensor.shallow_clone());
        tensor
    }

    /// All tensors that were asked for.
    ///
    /// # Errors
    /// One [`Error::Input`] that lists every missing, unexpected and misshapen tensor.
    pub fn finish(mut self) -> Result<Params> {
        if let Origin::Loaded(params) = self.origin {
            let unexpected = params.iter().filter(|(name, _)| self.tensors.get(name).is_none());
            self.problems.extend(unexpected.map(|(name, _)| format!("{name}: unexpected")));
        }
        if self.problems.is_empty() { Ok(self.tensors) } else { Err(Error::Input(self.problems.join("; "))) }
    }
}

fn fresh(seed: u64, name: &str, shape: &[i64], init: Init) -> Tensor {
    match init {
        Init::Zeros => Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu)),
        Init::Ones => Tensor::ones(shape, (Kind::Float, tch::Device::Cpu)),
        Init::He => {
            let fan_in = shape.iter().skip(1).product::<i64>().max(1) as f32;
            Stream::new(seed, name, 0).normal_tensor(shape, (2.0 / fan_in).sqrt())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mismatch_is_reported_at_once() {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu));
        let stored: Params = [("a".to_owned(), zeros(&[2, 3])), ("c".to_owned(), zeros(&[1]))].into_iter().collect();
        let mut builder = Builder::loaded(&stored);
        let _ = builder.tensor("a", &[3, 2], Init::He);
        let _ = builder.tensor("b", &[1], Init::Zeros);
        let message = builder.finish().unwrap_err().to_string();
        for part in ["a: expected [3, 2] Float, got [2, 3] Float", "b: missing", "c: unexpected"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
