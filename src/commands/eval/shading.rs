//! `rangrez eval shading`.

use generators::eval::shading::{self, Figure, Options, Report};

use super::{print_json, print_lines, write_png};
use crate::cli::EvalShadingArgs;
use crate::exit::Result;
use crate::pipeline::weights;

pub fn evaluate(args: &EvalShadingArgs) -> Result<()> {
    let options = Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        composites: args.composites,
        sheet: args.sheet.is_some(),
    };
    let (report, sheet) = crate::commands::blame(shading::evaluate(&options))?;
    if let (Some(path), Some(sheet)) = (&args.sheet, &sheet) {
        write_png(path, sheet)?;
    }
    if args.common.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let figure = |f: &Figure, least: f64| {
        let saved = 100.0 * (1.0 - least / f.error.value);
        let error = f.error;
        format!(
            "  {:<24} {:.3} [{:.3}, {:.3}]  the first's error is {saved:.0}% less",
            f.method, error.value, error.low, error.high
        )
    };
    let block = |figures: &[Figure]| -> Vec<String> {
        let least = figures.first().map_or(0.0, |f| f.error.value);
        figures.iter().map(|f| figure(f, least)).collect()
    };
    let mut lines = vec![
        report.split.clone(),
        format!(
            "composites: n {}, light of {} plain garments; RMSE of log shading",
            report.composites, report.garments
        ),
    ];
    lines.extend(block(&report.figures));
    lines.extend(report.figures.iter().map(|f| format!("  {:<24} PSNR {:.1} dB", f.method, f.psnr)));
    for family in &report.families {
        let errors: Vec<String> = family.errors.iter().map(|e| format!("{e:.3}")).collect();
        lines.push(format!(
            "  {:<24} n {:>3}  {}",
            format!("{:?}", family.family).to_lowercase(),
            family.n,
            errors.join("  ")
        ));
    }
    let siblings = &report.siblings;
    lines.push(format!("printed garments beside their plain siblings: n {}", siblings.n));
    lines.extend(block(&siblings.figures));
    if let Some(flat) = siblings.flat {
        lines.push(format!("  {:<24} {:.3} [{:.3}, {:.3}]", "no shading at all", flat.value, flat.low, flat.high));
    }
    lines.push(format!("plain methods: {:?}", report.baselines));
    lines
}
