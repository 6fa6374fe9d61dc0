//! `rangrez eval realism`.

use generators::eval::interval::Interval;
use generators::eval::realism::{self, Options, Report};

use super::{print_json, print_lines};
use crate::cli::EvalRealismArgs;
use crate::commands::blame;
use crate::exit::Result;
use crate::pipeline::weights;

/// Measures and prints.
pub fn evaluate(args: &EvalRealismArgs) -> Result<()> {
    let report = blame(realism::evaluate(&Options {
        pairs: args.pairs.clone(),
        images: args.images.clone(),
        weights: weights::folder(&args.weights),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }))?;
    if args.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let interval = |i: &Interval| format!("{:.3} [{:.3}, {:.3}]", i.value, i.low, i.high);
    let mut lines = vec![format!(
        "{:<38} {:>22} {:>24} {:>6}",
        "told from real photos", "accuracy [95%]", "minus the network's", "crops"
    )];
    lines.extend(report.rows.iter().map(|row| {
        let behind = row.behind_ours.as_ref().map_or_else(String::new, interval);
        format!("{:<38} {:>22} {behind:>24} {:>6}", row.name, interval(&row.accuracy), row.crops)
    }));
    let verdict = if report.nearer_than_every_baseline { "yes" } else { "no" };
    lines.push(format!("nearer to one half than every baseline: {verdict}"));
    lines.push(format!("{} directions of {} groups; {}", report.directions, report.groups, report.protocol));
    lines
}
