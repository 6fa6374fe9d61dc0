//! `rangrez eval realism`.

use generators::eval::realism::{self, Options, Report};

use super::{print_json, print_lines, told};
use crate::cli::EvalRealismArgs;
use crate::commands::blame;
use crate::exit::Result;
use crate::pipeline::weights;

/// Measures and prints.
pub fn evaluate(args: &EvalRealismArgs) -> Result<()> {
    let report = blame(realism::evaluate(&Options {
        pairs: args.pairs.clone(),
        images: args.images.clone(),
        part: super::pairs(args.part),
        weights: weights::folder(&args.weights),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }))?;
    if args.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = told::lines(&report.rows);
    lines.push(told::verdict(report.nearer_than_every_baseline));
    lines.push(format!("{} directions of {} groups; {}", report.directions, report.groups, report.protocol));
    lines
}
