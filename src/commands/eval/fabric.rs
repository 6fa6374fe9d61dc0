//! `rangrez eval fabric`.

use generators::eval::fabric::{self, Figure, Options, Report};

use super::{print_json, print_lines};
use crate::cli::EvalFabricArgs;
use crate::exit::Result;
use crate::pipeline::weights;

pub fn evaluate(args: &EvalFabricArgs) -> Result<()> {
    let options = Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        fabrics: args.fabrics.clone(),
        garments: args.garments,
    };
    let report = crate::commands::blame(fabric::evaluate(&options))?;
    if args.common.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let row = |name: &str, limit: &str, f: &Figure| {
        format!("{name:<48} n {:>6}  {limit:<7} {:.3}  median {:.4}  tail {:.4}", f.n, f.within, f.median, f.tail)
    };
    let mut lines = vec![
        format!("{} swatches on {} garments", report.swatches, report.garments),
        row("repeat found in the swatch, relative error", "≤ 0.03", &report.repeats),
        row("colour across the tile's seams over the usual", "≤ 1.1", &report.seams),
        row("patches on flat parts, correlation with the tile", "≥ 0.9", &report.patches),
        row("repeat on the finished garment, relative error", "≤ 0.03", &report.finished),
        row("the same without folds", "≤ 0.03", &report.without_folds),
    ];
    for r in &report.retrieval {
        lines.push(format!("swatch found by the garment, {:<20} n {:>6}  R@1 {:.3}", r.method, r.n, r.recall_at_1));
    }
    lines.push(format!("bytes changed outside the masks: {}", report.changed_outside));
    lines
}
