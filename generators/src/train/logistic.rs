//! A linear classifier of two classes on features, fitted at once to all rows.

use tch::{Kind, Tensor};

/// Steps of gradient descent over all rows.
const STEPS: usize = 300;
/// Rate of them.
const RATE: f64 = 0.5;
/// Deviations from the mean beyond which a feature says no more.
const MOST: f64 = 4.0;

/// A fitted classifier.
pub struct Logistic {
    mean: Tensor,
    spread: Tensor,
    weights: Tensor,
    bias: Tensor,
}

impl Logistic {
    /// Fits to rows of features, each standardised and divided by the root of their number; `ridge` is the weight of the
    /// classifier's squared length.
    ///
    /// # Shapes
    /// `rows` `[N, F]`, `classes` `[N]` (0 or 1), `importance` `[N]`, which sum to 1.
    pub fn fit(rows: &Tensor, classes: &Tensor, importance: &Tensor, ridge: f64) -> Self {
        let over = [0_i64];
        let mean = rows.mean_dim(over.as_slice(), true, Kind::Float);
        let spread = rows.std_dim(over.as_slice(), false, true).clamp_min(1e-3);
        let zeros = |n: i64| Tensor::zeros([n], (Kind::Float, tch::Device::Cpu));
        let features = rows.size()[1];
        let length = (features as f64).sqrt();
        let mut fitted = Self { mean, spread, weights: zeros(features), bias: zeros(1) };
        let known = fitted.standard(rows);
        for _ in 0..STEPS {
            // The gradient of the mean cross-entropy, written out.
            let off = ((known.matmul(&fitted.weights) + &fitted.bias).sigmoid() - classes) * importance;
            let gradient = known.tr().matmul(&off) + &fitted.weights * ridge;
            fitted.weights -= gradient * (RATE * length);
            fitted.bias -= off.sum(Kind::Float) * RATE;
        }
        fitted
    }

    /// Above 0 where the second class is likelier.
    ///
    /// # Shapes
    /// `[N, F]` → `[N]`
    pub fn scores(&self, rows: &Tensor) -> Tensor {
        self.standard(rows).matmul(&self.weights) + &self.bias
    }

    /// Weight and bias of the same scores for rows without outliers.
    ///
    /// # Shapes
    /// `[1, F]` and `[1]`
    pub fn linear(&self) -> (Tensor, Tensor) {
        let length = (self.weights.size()[0] as f64).sqrt();
        let weight = &self.weights / &self.spread / length;
        let bias = &self.bias - (&weight * &self.mean).sum(Kind::Float);
        (weight, bias)
    }

    fn standard(&self, rows: &Tensor) -> Tensor {
        let length = (rows.size()[1] as f64).sqrt();
        ((rows - &self.mean) / &self.spread).clamp(-MOST, MOST) / length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::floats_of;
    use crate::stream::Stream;

    #[test]
    fn two_classes_are_told_apart_and_the_folded_scores_are_the_same() {
        let mut stream = Stream::new(2, "logistic", 0);
        let classes: Vec<f32> = (0..200).map(|i| f32::from(u8::from(i % 2 == 0))).collect();
        let rows: Vec<f32> = classes
            .iter()
            .flat_map(|class| [stream.normal().clamp(-3.0, 3.0), 5.0 + stream.unit() + 2.0 * class])
            .collect();
        let (rows, n) = (Tensor::from_slice(&rows).view([200, 2]), 200.0_f32);
        let fitted = Logistic::fit(&rows, &Tensor::from_slice(&classes), &Tensor::from_slice(&[1.0 / n; 200]), 1e-3);
        let scores = floats_of(&fitted.scores(&rows)).unwrap();
        let right = scores.iter().zip(&classes).filter(|(score, class)| (**score > 0.0) == (**class > 0.5)).count();
        assert!(right > 195, "{right}");
        let (weight, bias) = fitted.linear();
        let folded = floats_of(&rows.linear(&weight, Some(&bias))).unwrap();
        assert!(scores.iter().zip(folded).all(|(one, other)| (one - other).abs() < 1e-3));
    }
}
