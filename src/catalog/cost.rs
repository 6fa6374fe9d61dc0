//! What a plan will take, measured on a few of its own masters.
//!
//! Masters are drawn evenly over their sizes, because a few large ones often take most of the time. What is reported is
//! the mean with its 95% interval: a handful of photos says how long a night will be, not how long a photo.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::exit::Result;
use crate::interrupt;

use super::location::Location;
use super::masters::Master;
use super::operation::Steps;
use super::plan::Plan;
use super::row::State;
use super::schedule;
use super::store::Sources;
use super::unit::{self, Task};
use super::work::{self, Worker};

/// What a plan will take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Masters that were measured.
    pub sampled: u64,
    /// Seconds of one worker for all tasks: mean, and the bounds of its 95% interval.
    pub worker_seconds: [f64; 3],
    /// Bytes of all files: mean and bounds.
    pub bytes: [f64; 3],
    /// Seconds of the fastest and of the slowest master measured.
    pub seconds_per_master: [f64; 2],
    /// Tasks of the sample that were rejected by the gate.
    pub rejected: u64,
    /// Tasks of the sample that failed.
    pub failed: u64,
}

/// Masters to measure: evenly over the order of their lengths.
fn sample(masters: &[Master], n: usize) -> Vec<usize> {
    let mut by_length: Vec<usize> = (0..masters.len()).filter(|&i| masters[i].problem.is_none()).collect();
    by_length.sort_by_key(|&i| (masters[i].bytes, i));
    let n = n.min(by_length.len());
    (0..n).map(|k| by_length[(2 * k + 1) * by_length.len() / (2 * n)]).collect()
}

/// Measures up to `n` masters, one after the other on one worker. `None` when there is none to measure.
///
/// # Errors
/// Weights, or an interruption; a master that fails is counted instead.
pub fn measure(plan: &Plan, sources: &Sources, weights: PathBuf, n: usize) -> Result<Option<Cost>> {
    let mut worker = Worker::new(weights);
    if plan.steps.iter().any(Steps::needs_models) {
        worker.models()?;
    }
    let mut measured: Vec<(f64, f64)> = Vec::new();
    let mut cost = Cost::default();
    let chosen = sample(&plan.masters, n);
    let first: Vec<Task> = plan.tasks().filter(|task| chosen.contains(&task.master)).collect();
    for master in chosen {
        interrupt::check()?;
        let tasks = first.iter().filter(|task| task.master == master).map(|&task| (task, plan.key(task)));
        let entry = &plan.masters[master];
        let start = Instant::now();
        let Ok(bytes) = sources.get(&Location::parse(&entry.at, Path::new("/"))?, entry.etag.as_deref()) else {
            continue;
        };
        let mut written = 0;
        for unit in unit::gather(tasks) {
            let rows = schedule::rows(plan, &unit);
            let made = work::make(&mut worker, &plan.steps[unit.operation], entry, &unit, &rows, &bytes)?;
            written += made.iter().flat_map(|made| &made.files).map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
            cost.rejected += made.iter().filter(|made| made.row.state == State::Rejected).count() as u64;
            cost.failed += made.iter().filter(|made| made.row.state == State::Failed).count() as u64;
        }
        measured.push((start.elapsed().as_secs_f64(), written as f64));
    }
    if measured.is_empty() {
        return Ok(None);
    }
    let readable = plan.masters.iter().filter(|master| master.problem.is_none()).count();
    let seconds: Vec<f64> = measured.iter().map(|(seconds, _)| *seconds).collect();
    let bytes: Vec<f64> = measured.iter().map(|(_, bytes)| *bytes).collect();
    cost.sampled = measured.len() as u64;
    cost.worker_seconds = total(&seconds, readable).map(|s| (s * 10.0).round() / 10.0);
    cost.bytes = total(&bytes, readable).map(f64::round);
    let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = seconds.iter().copied().fold(0.0, f64::max);
    cost.seconds_per_master = [least, most].map(|s| (s * 1e3).round() / 1e3);
    Ok(Some(cost))
}

/// The sum over `n` items from some of them: mean and 95% interval by Student's t.
fn total(some: &[f64], n: usize) -> [f64; 3] {
    let (count, n) = (some.len() as f64, n as f64);
    let mean = some.iter().sum::<f64>() / count;
    let variance = some.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    // Of a sample of one nothing is known but its value; of the whole there is nothing left to know.
    let t = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26];
    let half = match some.len() {
        0 | 1 => mean,
        len => t.get(len - 2).copied().unwrap_or(2.1) * (variance / count).sqrt(),
    };
    let half = half * (1.0 - count / n).max(0.0).sqrt();
    [mean * n, (mean - half).max(0.0) * n, (mean + half) * n]
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::resize_plan;
    use super::*;

    #[test]
    fn the_interval_is_students_and_closes_on_the_whole() {
        let [mean, low, high] = total(&[1.0, 2.0, 3.0], 300);
        assert_eq!(mean, 600.0);
        let half = 4.30 * (1.0_f64 / 3.0).sqrt() * 0.99_f64.sqrt() * 300.0;
        assert!((high - mean - half).abs() < 1e-9 && (mean - low - half.min(600.0)).abs() < 1e-9);
        assert_eq!(total(&[1.0, 2.0, 3.0], 3), [6.0, 6.0, 6.0]);
        assert_eq!(total(&[2.0], 10), [20.0, 2.0 * 10.0 * (1.0 - 0.9_f64.sqrt()), 2.0 * 10.0 * (1.0 + 0.9_f64.sqrt())]);
    }

    #[test]
    fn the_sample_spreads_over_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (1..=100).map(|n| "x".repeat(n)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let plan = resize_plan(folder.path(), &texts);
        assert_eq!(sample(&plan.masters, 4), [12, 37, 62, 87]);
        assert_eq!(sample(&plan.masters, 1000).len(), 100);
        // None of these is a picture.
        let cost = measure(&plan, &Sources::default(), "weights".into(), 4).unwrap().unwrap();
        assert_eq!((cost.failed, cost.sampled), (4, 4));
    }
}
