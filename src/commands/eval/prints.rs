//! `rangrez eval prints`.

use generators::eval::prints::{self, Options, Part, Report};

use super::{print_json, print_lines, told, write_png};
use crate::cli::{EvalPart, EvalPrintsArgs};
use crate::commands::blame;
use crate::exit::Result;
use crate::pipeline::weights;

/// Measures and prints.
pub fn evaluate(args: &EvalPrintsArgs) -> Result<()> {
    let (report, sheet) = blame(prints::evaluate(&Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        part: match args.part {
            EvalPart::Tune => Part::Tune,
            EvalPart::Report => Part::Report,
        },
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        sheet: args.sheet.is_some(),
    }))?;
    if let (Some(path), Some(sheet)) = (&args.sheet, &sheet) {
        write_png(path, sheet)?;
    }
    if args.common.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &report.tables {
        lines.push(format!("{} (n {})", table.name, table.pairs));
        lines.extend(told::lines(&table.rows));
        lines.push(told::verdict(table.nearer_than_every_baseline));
    }
    lines.push(report.protocol.clone());
    lines
}
