//! Random streams derived by hash(seed, purpose, step): no state to save, so resume is exact.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use tch::Tensor;

/// A deterministic stream of random numbers.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of one purpose at one step under a root seed.
    pub fn new(seed: u64, purpose: &str, step: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(step.to_le_bytes());
        hash.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform integer in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        // The bias of a 64-bit remainder is below 1e-12 for any data set here.
        if n == 0 { 0 } else { (self.0.next_u64() % n as u64) as usize }
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }

    /// A tensor of normal values with the given standard deviation.
    pub fn normal_tensor(&mut self, shape: &[i64], deviation: f32) -> Tensor {
        let n = shape.iter().product::<i64>() as usize;
        let values: Vec<f32> = (0..n).map(|_| self.normal() * deviation).collect();
        Tensor::from_slice(&values).view(shape)
    }
}

/// Where a source item falls in 0 to 1, by hash of its key: splits never depend on order or on the other items.
pub fn split_fraction(key: &str) -> f64 {
    let digest = Sha256::digest(key.as_bytes());
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(head) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_purpose_and_step() {
        let draw = |purpose: &str, step| Stream::new(7, purpose, step).unit();
        assert_eq!(draw("crop", 3), draw("crop", 3));
        assert_ne!(draw("crop", 3), draw("crop", 4));
        assert_ne!(draw("crop", 3), draw("flip", 3));
    }

    #[test]
    fn normal_values_have_the_moments_of_a_standard_normal() {
        let mut stream = Stream::new(1, "moments", 0);
        let values: Vec<f32> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
