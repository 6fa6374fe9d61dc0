//! 95% intervals by bootstrap over clusters: figures of one photo, sender or product are not independent.

use rayon::prelude::*;
use serde::Serialize;

use crate::stream::Stream;

/// Resamples behind an interval.
pub const RESAMPLES: u64 = 1000;

/// A statistic and its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The statistic of what was measured.
    pub value: f64,
    /// 2.5th percentile over the resamples.
    pub low: f64,
    /// 97.5th percentile over the resamples.
    pub high: f64,
}

/// Mean; NaN of nothing.
pub fn mean(values: &mut [f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median; NaN of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// 90th percentile; NaN of nothing.
pub fn p90(values: &mut [f64]) -> f64 {
    quantile(values, 0.9)
}

/// The value at `share` (0 to 1) of the sorted order, nearest rank; NaN of nothing.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = ((values.len() - 1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// Bootstraps a statistic over clusters: `clusters` holds the values of each. `None` without any value.
///
/// # Source
/// Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
pub fn bootstrap(clusters: &[Vec<f64>], statistic: impl Fn(&mut [f64]) -> f64 + Sync) -> Option<Interval> {
    let filled: Vec<&Vec<f64>> = clusters.iter().filter(|values| !values.is_empty()).collect();
    let mut all: Vec<f64> = filled.iter().flat_map(|values| values.iter().copied()).collect();
    if all.is_empty() {
        return None;
    }
    let value = statistic(&mut all);
    let resampled = |draw: u64| {
        let mut stream = Stream::new(0, "bootstrap", draw);
        let mut values: Vec<f64> = Vec::with_capacity(all.len());
        for _ in 0..filled.len() {
            values.extend_from_slice(filled[stream.below(filled.len())]);
        }
        statistic(&mut values)
    };
    let mut resamples: Vec<f64> = (0..RESAMPLES).into_par_iter().map(resampled).collect();
    Some(Interval { value, low: quantile(&mut resamples, 0.025), high: quantile(&mut resamples, 0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_has_the_width_of_the_normal_theory() {
        let mut stream = Stream::new(3, "interval", 0);
        let clusters: Vec<Vec<f64>> = (0..400).map(|_| vec![f64::from(stream.normal())]).collect();
        let Interval { value, low, high } = bootstrap(&clusters, mean).unwrap();
        assert!(low < value && value < high);
        // ±1.96 / √400.
        assert!((high - low - 0.196).abs() < 0.03, "{low} {high}");
    }

    #[test]
    fn values_that_repeat_within_clusters_do_not_narrow_the_interval() {
        let mut stream = Stream::new(4, "interval", 0);
        let single: Vec<Vec<f64>> = (0..100).map(|_| vec![f64::from(stream.normal())]).collect();
        let repeated: Vec<Vec<f64>> = single.iter().map(|values| values.repeat(20)).collect();
        let width = |clusters: &[Vec<f64>]| bootstrap(clusters, mean).map(|i| i.high - i.low).unwrap();
        assert!((width(&single) - width(&repeated)).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_nearest_ranks_and_nothing_has_none() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(p90(&mut (0..=10).map(f64::from).collect::<Vec<_>>()), 9.0);
        assert!(bootstrap(&[vec![]], median).is_none());
    }
}
