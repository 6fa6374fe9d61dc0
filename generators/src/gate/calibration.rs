//! Conformal p-values: how many real photos of the same kind looked at most as typical as this picture.
//!
//! Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005 (Mondrian conformal prediction, by article
//! and kind of photo). Departure: the calibration scores are stored as quantiles, between which ranks are interpolated.

use crate::params::Params;
use crate::seam::floats_of;
use crate::{Error, Result};

/// How many quantiles are kept of each set of calibration scores.
pub const QUANTILES: usize = 129;

/// Calibration scores of one category, higher being more typical.
#[derive(Clone, Debug)]
pub struct Reference {
    quantiles: Vec<f32>,
    n: f32,
}

impl Reference {
    /// Summarises calibration scores; none when there are none.
    pub fn of(mut scores: Vec<f32>) -> Option<Self> {
        scores.retain(|s| s.is_finite());
        scores.sort_unstable_by(f32::total_cmp);
        let last = scores.len().checked_sub(1)?;
        let at = |i: usize| {
            let rank = i as f32 * last as f32 / (QUANTILES - 1) as f32;
            let low = (rank as usize).min(last);
            let high = (low + 1).min(last);
            scores[low] + (scores[high] - scores[low]) * (rank - low as f32)
        };
        // Half precision counts whole numbers up to 2048 exactly.
        Some(Self { quantiles: (0..QUANTILES).map(at).collect(), n: scores.len().min(2048) as f32 })
    }

    /// The quantiles and the number of scores, as stored.
    pub fn parts(&self) -> (&[f32], f32) {
        (&self.quantiles, self.n)
    }

    /// p-value of a new score: `(1 + scores at or below it) / (n + 1)`.
    pub fn p_value(&self, score: f32) -> f32 {
        let below = self.quantiles.partition_point(|&q| q <= score);
        let share = if below == 0 {
            0.0
        } else if below == self.quantiles.len() {
            1.0
        } else {
            let (low, high) = (self.quantiles[below - 1], self.quantiles[below]);
            let part = if high > low { (score - low) / (high - low) } else { 0.0 };
            ((below - 1) as f32 + part) / (self.quantiles.len() - 1) as f32
        };
        (share * self.n + 1.0) / (self.n + 1.0)
    }
}

/// Reads `NAME` `[rows, QUANTILES]` and `NAME_n` `[rows]`.
///
/// # Errors
/// [`Error::Input`] when they are missing or misshapen.
pub fn references(params: &Params, name: &str, rows: usize) -> Result<Vec<Reference>> {
    let (Some(table), Some(counts)) = (params.get(name), params.get(&format!("{name}_n"))) else {
        return Err(Error::Input(format!("{name}: missing")));
    };
    if table.size() != [rows as i64, QUANTILES as i64] || counts.size() != [rows as i64] {
        let (size, count) = (table.size(), counts.size());
        return Err(Error::Input(format!("{name}: expected {rows} rows of {QUANTILES}, got {size:?} and {count:?}")));
    }
    let (table, counts) = (floats_of(table)?, floats_of(counts)?);
    let rows = table.chunks_exact(QUANTILES).zip(counts);
    Ok(rows.map(|(quantiles, n)| Reference { quantiles: quantiles.to_vec(), n }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_ranks_among_the_calibration_scores() {
        let reference = Reference::of((0..100).map(|i| i as f32).collect()).unwrap();
        assert!((reference.p_value(-1.0) - 1.0 / 101.0).abs() < 1e-6);
        assert_eq!(reference.p_value(1000.0), 1.0);
        for (score, rank) in [(9.5, 0.1), (49.5, 0.5), (89.5, 0.9)] {
            assert!((reference.p_value(score) - rank).abs() < 0.02, "{score}");
        }
        assert!(Reference::of(vec![]).is_none());
    }

    #[test]
    fn one_score_cannot_reject_anything_below_one_half() {
        let reference = Reference::of(vec![3.0]).unwrap();
        assert_eq!((reference.p_value(2.0), reference.p_value(3.0)), (0.5, 1.0));
    }
}
