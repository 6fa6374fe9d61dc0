//! Losses on log shading: scale-invariant error and gradients at several scales, inside the garment alone.

use tch::{Kind, Tensor};

/// How much each loss counts beside the scale-invariant error.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Gradients, summed over [`SCALES`] scales.
    pub gradients: f64,
    /// The mean error, which the scale-invariant error does not see.
    pub level: f64,
}

/// Scales at which gradients are compared, each half the size of the one before.
pub const SCALES: usize = 4;

/// Errors below this are small.
const SMALL: f64 = 0.15;

/// Root of the mean squared error of each item once its mean error is taken away.
///
/// # Shapes
/// `[N, 1, S, S]` each → `[N]`.
///
/// # Source
/// Eigen, Puhrsch and Fergus, "Depth map prediction from a single image", 2014, equation 1, with λ = 1.
pub fn scale_invariant(error: &Tensor, weight: &Tensor) -> Tensor {
    let off = (error - mean(error, weight)).square();
    (mean(&off, weight).view(-1) + 1e-6).sqrt()
}

/// Weighted mean of each item.
///
/// # Shapes
/// `[N, 1, S, S]` each → `[N, 1, 1, 1]`.
fn mean(x: &Tensor, weight: &Tensor) -> Tensor {
    let over = [1_i64, 2, 3];
    let sum = |x: Tensor| x.sum_dim_intlist(over.as_slice(), true, Kind::Float);
    sum(x * weight) / (sum(weight.shallow_clone()) + 1e-3)
}

/// Mean absolute difference of neighbouring errors, over [`SCALES`] scales.
///
/// # Shapes
/// `[N, 1, S, S]` each → scalar.
pub fn gradients(error: &Tensor, weight: &Tensor) -> Tensor {
    let (mut error, mut weight) = (error.shallow_clone(), weight.shallow_clone());
    let mut total = Tensor::zeros([], (Kind::Float, error.device()));
    for scale in 0..SCALES {
        if scale > 0 {
            let pooled = weight.avg_pool2d_default(2);
            error = (&error * &weight).avg_pool2d_default(2) / (&pooled + 1e-3);
            weight = pooled;
        }
        for dim in [2_i64, 3] {
            let n = error.size()[dim as usize] - 1;
            let both = weight.narrow(dim, 0, n) * weight.narrow(dim, 1, n);
            let step = (error.narrow(dim, 1, n) - error.narrow(dim, 0, n)).abs();
            total += (step * &both).sum(Kind::Float) / (both.sum(Kind::Float) + 1e-3);
        }
    }
    total
}

/// Everything together, with the named parts.
///
/// # Shapes
/// `[N, 1, S, S]` each → scalar.
///
/// # Errors
/// When libtorch refuses.
pub fn total(
    output: &Tensor,
    truth: &Tensor,
    weight: &Tensor,
    weights: &Weights,
) -> crate::Result<(Tensor, Vec<(&'static str, f64)>)> {
    let error = output - truth;
    let root = scale_invariant(&error, weight);
    let invariant = root.mean(Kind::Float);
    // Quadratic near zero: the root alone pulls as hard at garments that are right but for their noise as at wrong ones.
    let soft = ((&root * &root + SMALL * SMALL).sqrt() - SMALL).mean(Kind::Float);
    let steps = gradients(&error, weight);
    let level = mean(&error, weight).abs().mean(Kind::Float);
    let parts = vec![
        ("scale_invariant", invariant.f_double_value(&[])?),
        ("gradients", steps.f_double_value(&[])?),
        ("level", level.f_double_value(&[])?),
    ];
    Ok((soft + steps * weights.gradients + level * weights.level, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_costs_nothing_but_level_and_a_step_costs_gradients() {
        let flat = Tensor::ones([2, 1, 16, 16], (Kind::Float, tch::Device::Cpu)) * 0.4;
        let weight = flat.ones_like();
        assert!(scale_invariant(&flat, &weight).max().double_value(&[]) < 2e-3);
        assert!(gradients(&flat, &weight).double_value(&[]) < 1e-2);
        let step = flat.copy();
        let _ = step.narrow(3, 8, 8).fill_(1.4);
        // Half the pixels are 0.5 above and half 0.5 below the mean.
        assert!((scale_invariant(&step, &weight).double_value(&[0]) - 0.5).abs() < 1e-3);
        // One of 15 columns of steps at the finest scale, one of 7, of 3 and the only one at the coarser ones.
        let expected = 1.0 / 15.0 + 1.0 / 7.0 + 1.0 / 3.0 + 1.0;
        assert!((gradients(&step, &weight).double_value(&[]) - expected).abs() < 0.03);
        // Outside the weight nothing counts.
        let _ = weight.narrow(3, 8, 8).fill_(0.0);
        assert!(scale_invariant(&step, &weight).max().double_value(&[]) < 2e-3);
    }
}
