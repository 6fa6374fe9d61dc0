//! Rates with their intervals, and calibration error.

use serde::Serialize;

/// A share with its 95% Wilson interval (Wilson 1927).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Items counted.
    pub n: usize,
    /// Share of them.
    pub rate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Rate {
    /// The share of trues.
    pub fn of(items: impl IntoIterator<Item = bool>) -> Self {
        let (mut n, mut hits) = (0, 0);
        for hit in items {
            n += 1;
            hits += usize::from(hit);
        }
        Self::new(hits, n)
    }

    /// `hits` of `n`; an empty set is anything from 0 to 1.
    pub fn new(hits: usize, n: usize) -> Self {
        const Z: f64 = 1.959964;
        if n == 0 {
            return Self { n, rate: 0.0, low: 0.0, high: 1.0 };
        }
        let (total, rate) = (n as f64, hits as f64 / n as f64);
        let scale = 1.0 + Z * Z / total;
        let centre = (rate + Z * Z / (2.0 * total)) / scale;
        let half = Z * (rate * (1.0 - rate) / total + Z * Z / (4.0 * total * total)).sqrt() / scale;
        Self { n, rate, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

/// Expected calibration error over 15 equal bins of confidence (Guo et al. 2017).
pub fn calibration_error(answers: &[(f32, bool)]) -> f64 {
    const BINS: usize = 15;
    let mut bins = [(0.0_f64, 0.0_f64); BINS];
    for (confidence, right) in answers {
        let bin = &mut bins[((confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += f64::from(*confidence);
        bin.1 += f64::from(u8::from(*right));
    }
    bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum::<f64>() / answers.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // Newcombe 1998, Table I: 81 of 263 gives 0.2553 to 0.3662.
        let rate = Rate::new(81, 263);
        assert!((rate.low - 0.2553).abs() < 1e-4 && (rate.high - 0.3662).abs() < 1e-4, "{rate:?}");
        assert_eq!((Rate::new(0, 0).low, Rate::new(0, 0).high), (0.0, 1.0));
        assert!(Rate::new(0, 50).low == 0.0 && Rate::new(0, 50).high > 0.05);
    }

    #[test]
    fn calibration_error_is_the_gap_of_confidence_and_accuracy() {
        let answers: Vec<(f32, bool)> = (0..100).map(|i| (0.9, i < 60)).collect();
        assert!((calibration_error(&answers) - 0.3).abs() < 1e-6);
        assert_eq!(calibration_error(&[]), 0.0);
    }
}
