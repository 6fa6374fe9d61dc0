//! The tolerance table: per swatch, how far the variants are from the colour asked for.

use serde::Serialize;

use super::{PhotoEntry, SwatchEntry, Verdict};

/// One swatch over all photos. ΔE00 figures are over reachable variants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tolerance {
    /// Name of the swatch.
    pub swatch: String,
    /// The swatch's part of output names.
    pub slug: String,
    /// Variants made.
    pub variants: usize,
    /// Median ΔE00.
    pub median: Option<f64>,
    /// 90th percentile of ΔE00.
    pub p90: Option<f64>,
    /// Largest ΔE00.
    pub largest: Option<f64>,
    /// Reachable variants within ΔE00 1.
    pub within_1: usize,
    /// Variants beyond the tolerance that was set, whether in reach or not.
    pub beyond: usize,
    /// Variants that the cloth cannot reach.
    pub out_of_reach: usize,
    /// Variants that the gate rejected.
    pub rejected: usize,
}

impl Tolerance {
    /// Gathers the swatch's variants.
    pub fn of(swatch: &SwatchEntry, photos: &[PhotoEntry]) -> Self {
        let variants: Vec<_> = photos.iter().flat_map(|p| &p.variants).filter(|v| v.slug == swatch.slug).collect();
        let deltas = sorted(variants.iter().filter(|v| v.reachable).map(|v| v.delta_e00));
        Self {
            swatch: swatch.name.clone(),
            slug: swatch.slug.clone(),
            variants: variants.len(),
            median: percentile(&deltas, 0.5),
            p90: percentile(&deltas, 0.9),
            largest: deltas.last().copied(),
            within_1: deltas.iter().filter(|&&d| d <= 1.0).count(),
            beyond: variants.iter().filter(|v| !v.figures.within_tolerance).count(),
            out_of_reach: variants.len() - deltas.len(),
            rejected: variants.iter().filter(|v| v.gate.verdict == Verdict::Rejected).count(),
        }
    }
}

/// Values in ascending order.
pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest value that at least `share` of the ascending values do not exceed (nearest rank).
pub fn percentile<T: Copy>(ascending: &[T], share: f64) -> Option<T> {
    Some(ascending[nearest_rank(ascending.len(), share)?])
}

/// The index of that value among so many in ascending order; `None` when there are none.
pub fn nearest_rank(count: usize, share: f64) -> Option<usize> {
    let rank = (share * count as f64).ceil() as usize;
    Some(rank.saturating_sub(1)).filter(|&index| index < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        let values = sorted([0.5, 0.1, 0.4, 0.2, 0.3].into_iter());
        assert_eq!(percentile(&values, 0.5), Some(0.3));
        assert_eq!(percentile(&values, 0.9), Some(0.5));
        assert_eq!(percentile::<f64>(&[], 0.9), None);
    }
}
