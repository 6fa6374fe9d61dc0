//! Gradients over shards of a batch, one thread and one libtorch thread each, summed in a fixed order.
//!
//! libtorch's own threads scale badly on small convolutions; whole shards scale well and stay deterministic.

use tch::{Kind, Tensor};

use crate::params::Params;
use crate::{Error, Result};

/// A total loss and its named parts.
pub struct Losses {
    /// Scalar to minimise.
    pub total: Tensor,
    /// Named parts, for the log.
    pub parts: Vec<(&'static str, f64)>,
}

impl Losses {
    /// Parts by name, each with how much it counts; those that count nothing are only logged.
    ///
    /// # Errors
    /// When a part is no scalar.
    pub fn sum(parts: Vec<(&'static str, Tensor, f64)>) -> Result<Self> {
        let mut total = Tensor::zeros([], (Kind::Float, tch::Device::Cpu));
        let mut named = Vec::new();
        for (name, value, weight) in parts {
            named.push((name, value.f_double_value(&[])?));
            if weight > 0.0 {
                total += value * weight;
            }
        }
        Ok(Self { total, parts: named })
    }
}

/// Mean gradients and mean parts of `loss` over `shards`.
///
/// `loss` gets aliases of `params` that collect gradients; it must build its model from them.
///
/// # Errors
/// The first shard's error, or [`Error::NotFinite`] naming the part.
pub fn gradients<B: Sync>(
    params: &Params,
    shards: &[B],
    step: u64,
    loss: impl Fn(&Params, &B) -> Result<Losses> + Sync,
) -> Result<(Params, Vec<(&'static str, f64)>)> {
    let one = |leaves: Params, shard: &B| -> Result<(Params, Vec<(&'static str, f64)>)> {
        tch::set_num_threads(1);
        let losses = loss(&leaves, shard)?;
        let mut parts = losses.parts;
        parts.push(("total", losses.total.f_double_value(&[])?));
        if let Some(&(part, value)) = parts.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite { step, part: part.to_owned(), value });
        }
        losses.total.f_backward()?;
        let defined = leaves.iter().map(|(name, leaf)| (name.to_owned(), leaf.grad())).filter(|(_, g)| g.defined());
        Ok((defined.collect(), parts))
    };
    // Tensors may move between threads but not be shared, so each shard's aliases are made here.
    let leaves: Vec<Params> = shards.iter().map(|_| params.leaves()).collect();
    let results: Vec<Result<_>> = std::thread::scope(|scope| {
        let one = &one;
        let handles: Vec<_> =
            leaves.into_iter().zip(shards).map(|(leaves, shard)| scope.spawn(move || one(leaves, shard))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|_| Err(Error::Input("a training thread panicked".into()))))
            .collect()
    });
    let mut sum = Params::default();
    let mut parts: Vec<(&'static str, f64)> = Vec::new();
    let share = 1.0 / shards.len().max(1) as f64;
    for result in results {
        let (gradients, shard_parts) = result?;
        for (name, gradient) in gradients.iter() {
            let scaled = gradient * share;
            let total = sum.get(name).map_or_else(|| scaled.shallow_clone(), |before| before + &scaled);
            sum.insert(name, total);
        }
        for (name, value) in shard_parts {
            match parts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, total)) => *total += value * share,
                None => parts.push((name, value * share)),
            }
        }
    }
    Ok((sum, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn two_shards_give_the_gradient_of_the_mean() {
        let params: Params = [("w".to_owned(), Tensor::from_slice(&[2.0_f32]))].into_iter().collect();
        let (gradients, parts) = gradients(&params, &[1.0_f64, 3.0], 0, |leaves, shard| {
            let total = (leaves.get("w").unwrap() * *shard).square().sum(Kind::Float);
            Ok(Losses { parts: vec![("square", total.double_value(&[]))], total })
        })
        .unwrap();
        // d/dw mean((w·s)²) = mean(2·w·s²) = 2·2·(1 + 9)/2
        assert!((gradients.get("w").unwrap().double_value(&[0]) - 20.0).abs() < 1e-5);
        assert_eq!(parts[0], ("square", 20.0));
    }

    #[test]
    fn a_loss_that_is_not_finite_stops_the_run() {
        let params: Params = [("w".to_owned(), Tensor::from_slice(&[0.0_f32]))].into_iter().collect();
        let result = gradients(&params, &[()], 5, |leaves, ()| {
            Ok(Losses { total: leaves.get("w").unwrap().log().sum(Kind::Float), parts: vec![] })
        });
        assert!(matches!(result, Err(Error::NotFinite { step: 5, .. })));
    }
}
