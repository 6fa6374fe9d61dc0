//! `rangrez eval`: figures on data that the models were not trained on.

mod solids;

use std::path::Path;

use generators::eval::colorway_pairs::Part;
use generators::eval::{colorways, gate, mask};
use pixels::color::Lab;
use pixels::{Format, Mask, SrgbImage, encode, write_atomic};
use serde::Serialize;

use crate::cli::{EvalArgs, EvalColorwaysArgs, EvalCommand, EvalDataArgs};
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::models::Models;
use crate::pipeline::weights;
use crate::terminal::data_line;

/// Pairs that `--grid` draws.
const GRID_ROWS: usize = 24;

/// Runs the command.
///
/// # Errors
/// Weights errors, and input failures for bad data.
pub fn run(args: &EvalArgs) -> Result<Exit> {
    generators::runtime::limit_threads();
    match &args.what {
        EvalCommand::Mask(args) => evaluate_mask(args),
        EvalCommand::Colorways(args) => evaluate_colorways(args),
        EvalCommand::Solids(args) => solids::evaluate(args),
        EvalCommand::Gate(args) => evaluate_gate(args),
    }
    .map(|()| Exit::Done)
}

fn evaluate_mask(args: &EvalDataArgs) -> Result<()> {
    let options = mask::Options::new(args.data.clone(), weights::folder(&args.weights));
    let report = super::blame(mask::evaluate(&options))?;
    if args.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

fn evaluate_gate(args: &EvalDataArgs) -> Result<()> {
    let options = gate::Options::new(args.data.clone(), weights::folder(&args.weights));
    let report = super::blame(gate::evaluate(&options))?;
    if args.json { print_json(&report) } else { print_lines(gate_lines(&report)) }
}

fn evaluate_colorways(args: &EvalColorwaysArgs) -> Result<()> {
    let models = Models::load(&weights::folder(&args.weights))?;
    let dye = |photo: &SrgbImage, mask: &Mask, target: Lab| dye(&models, photo, mask, target);
    let own_mask = |photo: &SrgbImage| own_mask(&models, photo).map(Some);
    let report = colorways::evaluate(&args.pairs, &args.images, Part::Validation, Some(&dye), Some(&own_mask));
    let report = super::blame(report)?;
    if let Some(path) = &args.grid {
        let sheet = colorways::contact_sheet(&args.pairs, &args.images, Part::Validation, &dye, GRID_ROWS);
        write_png(path, &super::blame(sheet)?)?;
    }
    if args.json { print_json(&report) } else { print_lines(colorway_lines(&report)) }
}

fn dye(models: &Models, photo: &SrgbImage, mask: &Mask, target: Lab) -> generators::Result<SrgbImage> {
    let embedding = models.finder.embedding(photo)?;
    let source = models.recolorer.prepare(photo, mask, &embedding)?;
    Ok(models.recolorer.dye(&source, target)?.image)
}

/// The mask that `--region auto` would give.
fn own_mask(models: &Models, photo: &SrgbImage) -> generators::Result<Mask> {
    let category = models.finder.gate.classify(&models.finder.embedding(photo)?)?;
    models.finder.segmenter.segment(photo)?.article_alpha(category.region, photo)
}

fn write_png(path: &Path, sheet: &SrgbImage) -> Result<()> {
    let png = encode(sheet, None, Format::Png, 100).or_exit(Exit::Input)?;
    write_atomic(path, &png, true).or_exit(Exit::Input)
}

fn print_json(report: &impl Serialize) -> Result<()> {
    data_line(&serde_json::to_string(report).or_exit(Exit::Input)?);
    Ok(())
}

// The same shape as `print_json`, so that the two are alternatives of one expression.
#[allow(clippy::unnecessary_wraps)]
fn print_lines<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<()> {
    lines.into_iter().for_each(|line| data_line(line.as_ref()));
    Ok(())
}

fn colorway_lines(report: &colorways::Report) -> Vec<String> {
    let mut lines =
        vec![format!("{:<40} {:>5} {:>6} {:>7} {:>5}", "mean ΔE00 per pixel", "mask", "mean", "median", "n")];
    lines.extend(report.figures.iter().map(|f| {
        format!("{:<40} {:>5} {:>6.2} {:>7.2} {:>5}", f.name, f.mask, f.mean_delta_e00, f.median_delta_e00, f.n)
    }));
    if let Some(iou) = report.own_mask_median_iou {
        lines.push(format!("{:<40} {:>5} {:>6} {iou:>7.3}", "own mask, IoU with the changed area", "own", ""));
    }
    lines.push(format!("below every baseline: {}", if report.below_every_baseline { "yes" } else { "no" }));
    lines.push(format!(
        "{} pairs of {} listed ({} without both photos); {}",
        report.pairs, report.listed, report.missing, report.split
    ));
    lines
}

fn gate_lines(report: &gate::Report) -> Vec<String> {
    let rate = |r: &gate::Rate| format!("{:>6.3} [{:.3}, {:.3}] {:>6}", r.rate, r.low, r.high, r.n);
    let mut lines = vec![format!("{:<44} {:>6} {:<14} {:>6}  balanced", "accuracy", "rate", " 95 %", "n")];
    for a in &report.accuracy.levels {
        lines.push(format!("{:<44} {}  {:.3}", format!("{} {}", a.photos, a.level), rate(&a.rate), a.balanced));
    }
    for b in &report.accuracy.by_label {
        lines.push(format!("  {:<42} {}", format!("{} {}", b.photos, b.name), rate(&b.rate)));
    }
    for b in &report.accuracy.by_sender {
        lines.push(format!("  {:<42} {}", format!("{} sender {}", b.photos, b.name), rate(&b.rate)));
    }
    if let Some(c) = &report.accuracy.calibration {
        lines.push(format!("expected calibration error {:.4} (before scaling {:.4}), n {}", c.after, c.before, c.n));
    }
    lines.push(format!("accepted from a score of {:.4} on; in brackets softmax alone", report.threshold));
    for a in report.acceptance.iter().chain(&report.unseen) {
        let should = if a.should_pass { "should pass" } else { "should not" };
        lines.push(format!("{:<44} {}  ({:.3})  {should}", a.pictures, rate(&a.gate), a.softmax_only.rate));
    }
    lines
}
