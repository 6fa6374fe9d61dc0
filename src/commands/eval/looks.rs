//! `rangrez eval looks`.

use std::path::{Path, PathBuf};

use generators::eval::looks::{self, Options, Report};

use super::{print_json, print_lines, write_png};
use crate::cli::EvalLooksArgs;
use crate::exit::Result;
use crate::pipeline::weights;

pub fn evaluate(args: &EvalLooksArgs) -> Result<()> {
    let options = Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        examples: args.examples,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        sheet: args.sheet.is_some(),
    };
    let (report, sheets) = crate::commands::blame(looks::evaluate(&options))?;
    if let Some(path) = &args.sheet {
        for (sheet, of) in sheets.iter().zip(["", "-paintings"]) {
            write_png(&beside(path, of), sheet)?;
        }
    }
    if args.common.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines =
        vec!["mean ΔE00 to photos under the reference's true transform; held-out photos, new transforms".to_owned()];
    for f in &report.recovery {
        let d = f.delta_e00;
        let one = if f.consistent { "one transform per reference" } else { "another for every photo" };
        lines.push(format!("  {:<40} {:.2} [{:.2}, {:.2}]  n {}  {one}", f.method, d.value, d.low, d.high, f.n));
    }
    lines.push(format!(
        "ordinary photos, mean and spread of L, a, b: {:.1?} {:.1?}",
        report.ordinary.0, report.ordinary.1
    ));
    let curves = [("street photos", &report.pareto), ("paintings", &report.paintings)];
    for (references, pareto) in curves.into_iter().filter_map(|(name, curve)| Some((name, curve.as_ref()?))) {
        lines.push(format!(
            "judge's features, {references} as references, n {}; style left (Gram, sliced Wasserstein) and content lost",
            pareto.n
        ));
        for p in &pareto.points {
            let (method, strength) = (&p.method, p.strength);
            lines.push(format!("  {method:<40} {strength:.2}  {:.3}  {:.3}  {:.3}", p.gram, p.sliced, p.content));
        }
    }
    if report.pareto.is_none() {
        lines.push("no judge: run scripts/convert-backbone --judge for style against content".to_owned());
    }
    lines.push(format!("variance over a folder of what one reference does to a colour: {}", report.folder_variance));
    lines.push(format!("2000 × 3000 px whole and in tiles: largest difference {} codes", report.tile_difference));
    lines.push(format!("the same, painted: largest difference {:.4} codes before rounding", report.painted_seams));
    lines
}

/// The path with `more` behind its stem.
fn beside(path: &Path, more: &str) -> PathBuf {
    let of = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{}{more}.{}", of(path.file_stem()), of(path.extension())))
}
