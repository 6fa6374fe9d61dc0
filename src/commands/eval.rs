//! `rangrez eval`: figures on data that the models were not trained on.

mod colorways;
mod fabric;
mod looks;
mod prints;
mod realism;
mod shading;
mod solids;
mod told;

use std::fmt::Display;
use std::path::Path;

use generators::eval::colorway_pairs::Part;
use generators::eval::{base_colour, classifier, gate, head, mask, masked, pattern};
use pixels::{Format, SrgbImage, encode, write_atomic};
use serde::Serialize;

use crate::cli::{EvalArgs, EvalClassifierArgs, EvalCommand, EvalDataArgs, EvalGateArgs, EvalHeadsArgs, EvalPart};
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::weights;
use crate::terminal::data_line;

/// Runs the command.
///
/// # Errors
/// Weights errors, and input failures for bad data.
pub fn run(args: &EvalArgs) -> Result<Exit> {
    generators::runtime::limit_threads();
    match &args.what {
        EvalCommand::Mask(args) => evaluate_mask(args),
        EvalCommand::Colorways(args) => colorways::evaluate(args),
        EvalCommand::Realism(args) => realism::evaluate(args),
        EvalCommand::Solids(args) => solids::evaluate(args),
        EvalCommand::BaseColour(args) => evaluate_heads(args, base_colour::evaluate),
        EvalCommand::Masked(args) => evaluate_heads(args, masked::evaluate),
        EvalCommand::Classifier(args) => evaluate_classifier(args),
        EvalCommand::Pattern(args) => evaluate_pattern(args),
        EvalCommand::Shading(args) => shading::evaluate(args),
        EvalCommand::Looks(args) => looks::evaluate(args),
        EvalCommand::Fabric(args) => fabric::evaluate(args),
        EvalCommand::Prints(args) => prints::evaluate(args),
        EvalCommand::Gate(args) => evaluate_gate(args),
    }
    .map(|()| Exit::Done)
}

fn evaluate_mask(args: &EvalDataArgs) -> Result<()> {
    let options = mask::Options::new(args.data.clone(), weights::folder(&args.weights));
    let report = super::blame(mask::evaluate(&options))?;
    if args.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

fn evaluate_pattern(args: &EvalDataArgs) -> Result<()> {
    let options = pattern::Options { data: args.data.clone(), weights: weights::folder(&args.weights) };
    let report = super::blame(pattern::evaluate(&options))?;
    if args.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

/// Trains and measures heads.
fn evaluate_heads<R: Serialize + Display>(
    args: &EvalHeadsArgs,
    evaluate: impl Fn(&head::Options) -> generators::Result<R>,
) -> Result<()> {
    let options = head::Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        config: args.config.clone(),
    };
    let report = super::blame(evaluate(&options))?;
    if args.common.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

fn evaluate_classifier(args: &EvalClassifierArgs) -> Result<()> {
    let options = classifier::Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        config: args.config.clone(),
        resume: args.resume,
    };
    let report = super::blame(classifier::evaluate(&options))?;
    if args.common.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

fn evaluate_gate(args: &EvalGateArgs) -> Result<()> {
    let common = &args.common;
    let mut options = gate::Options::new(common.data.clone(), weights::folder(&common.weights));
    (options.false_accept, options.judge) = (args.false_accept, args.judge);
    if args.no_unseen {
        options.unseen.clear();
    }
    let report = super::blame(gate::evaluate(&options))?;
    if common.json { print_json(&report) } else { print_lines(report.to_string().lines()) }
}

/// The colourway pairs of a part.
fn pairs(part: EvalPart) -> Part {
    match part {
        EvalPart::Tune => Part::Train,
        EvalPart::Report => Part::Validation,
    }
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
