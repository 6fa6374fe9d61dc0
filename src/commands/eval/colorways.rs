//! `rangrez eval colorways`.

use std::path::Path;

use generators::eval::colorway_measure::{Generator, Models};
use generators::eval::colorway_pairs;
use generators::eval::interval::Interval;
use generators::eval::{colorway_sheet, colorways};
use generators::recolor::Recolorer;

use super::{print_json, print_lines, write_png};
use crate::cli::EvalColorwaysArgs;
use crate::commands::blame;
use crate::exit::Result;
use crate::pipeline::weights;

/// Pairs that `--grid` draws.
const GRID_ROWS: usize = 24;
/// Directions that `--worst` draws.
const WORST_ROWS: usize = 40;

/// Measures and prints.
pub fn evaluate(args: &EvalColorwaysArgs) -> Result<()> {
    let folder = weights::folder(&args.weights);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let worker = |_| Models::load(&folder, vec![Generator::base(), Generator::corrected(Recolorer::load(&folder)?)]);
    let mut workers: Vec<Models> = blame((0..threads).map(worker).collect())?;
    let part = super::pairs(args.part);
    let set = blame(colorway_pairs::load(&args.pairs, &args.images, part))?;
    let report = blame(colorways::evaluate(&set, part, &args.images, &mut workers))?;
    let draw = |path: &Path, directions: &[(usize, usize)]| {
        write_png(path, &blame(colorway_sheet::draw(&set.pairs, directions, &workers[0]))?)
    };
    if let Some(path) = &args.grid {
        let stride = (set.pairs.len() / GRID_ROWS).max(1);
        let some = (0..set.pairs.len()).step_by(stride).take(GRID_ROWS);
        draw(path, &some.enumerate().map(|(n, pair)| (pair, n % 2)).collect::<Vec<_>>())?;
    }
    if let Some(path) = &args.worst {
        let worst = colorways::worst(&report, WORST_ROWS).into_iter();
        draw(path, &worst.map(|(pair, from, _)| (pair, from)).collect::<Vec<_>>())?;
    }
    if args.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &colorways::Report) -> Vec<String> {
    let interval = |i: &Interval| format!("{:>6.2} [{:>5.2}, {:>5.2}]", i.value, i.low, i.high);
    let mut lines = vec![format!(
        "{:<12} {:>5} {:<38} {:>6} {:<16} {:>7} {:>5}",
        "protocol", "mask", "mean ΔE00 per pixel", "mean", " 95 %", "median", "n"
    )];
    lines.extend(report.figures.iter().map(|f| {
        let (protocol, mask) = (format!("{:?}", f.protocol).to_lowercase(), format!("{:?}", f.mask).to_lowercase());
        let mean = interval(&f.mean_delta_e00);
        format!("{protocol:<12} {mask:>5} {:<38} {mean} {:>7.2} {:>5}", f.name, f.median_delta_e00, f.n)
    }));
    lines.push(String::new());
    lines.push(format!(
        "{:<16} {:>4} {:<24} {:>7} {:>9} {:<24}  best baseline",
        "hard case", "n", "  analytic base", "network", "baseline", " base − baseline"
    ));
    lines.extend(report.strata.iter().map(|s| {
        let (model, difference) = (interval(&s.model), interval(&s.difference));
        let stratum = format!("{:?}", s.stratum);
        format!(
            "{stratum:<16} {:>4} {model} {:>7.2} {:>9.2} {difference}  {}",
            s.n, s.network, s.baseline, s.best_baseline
        )
    }));
    lines.push(String::new());
    if let Some(iou) = report.own_mask_median_iou {
        lines.push(format!("own mask, median IoU with the plain region: {iou:.3}"));
    }
    lines.push(format!("below every baseline: {}", if report.below_every_baseline { "yes" } else { "no" }));
    lines.push(format!(
        "{} pairs of {} listed ({} without both photos); {}",
        report.pairs, report.listed, report.missing, report.split
    ));
    lines.push(format!("left out once registered: {}", colorways::registration_note(report)));
    lines
}
