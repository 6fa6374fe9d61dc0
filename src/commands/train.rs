//! `rangrez train`: one model, from its configuration to its weights.

use std::path::{Path, PathBuf};

use generators::train::{gate, gate_feedback, look, pattern, recolor, refiner, segmenter, shading, style};

use crate::cli::{TrainArgs, TrainedModel};
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::pipeline::weights;
use crate::terminal::{Progress, tell};

/// Files that trainings start from or measure with.
const STARTING_POINT: [&str; 15] = [
    "backbone.safetensors",
    "backbone.card.json",
    "taxonomy.toml",
    "segmenter.safetensors",
    "segmenter.card.json",
    "gate.safetensors",
    "gate.card.json",
    "recolor.safetensors",
    "recolor.card.json",
    "look.safetensors",
    "look.card.json",
    "shading.safetensors",
    "shading.card.json",
    "pattern.safetensors",
    "pattern.card.json",
];

/// Runs the command.
///
/// # Errors
/// Usage errors for a bad configuration, weights errors for a bad backbone, input failures for bad data.
pub fn run(args: &TrainArgs) -> Result<Exit> {
    let export = args.export.clone().unwrap_or_else(|| Path::new("runs").join(args.model.name()).join("weights"));
    prepare(&weights::folder(&args.weights), &export).or_exit(Exit::Input)?;
    if let Some(feedback) = &args.feedback {
        return recalibrate(args, feedback, &export);
    }
    let (config, data) = (args.config.as_deref().unwrap_or(Path::new("")), args.data.as_path());
    let progress = Progress::steps();
    let mut step = |done: u64, all: u64, loss: f64| progress.step(done, all, &format!("loss {loss:.4}"));
    let trained = match args.model {
        TrainedModel::Segmenter => {
            let paths = segmenter::Paths { config, data, weights: &export };
            segmenter::train(&paths, args.resume, &mut step)
        }
        TrainedModel::Recolor => recolor::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Pattern => pattern::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Shading => shading::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Look => look::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Style => style::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Refiner => refiner::train(config, data, &export, args.resume, &mut step),
        TrainedModel::Gate => gate::train(config, data, &export, args.resume, true),
    };
    progress.finish();
    super::blame(trained)?;
    tell(&format!("wrote {}", export.join(format!("{}.safetensors", args.model.name())).display()));
    Ok(Exit::Done)
}

/// Moves the gate's threshold by a person's decisions, into a folder of its own.
fn recalibrate(args: &TrainArgs, feedback: &Path, export: &Path) -> Result<Exit> {
    if args.model != TrainedModel::Gate {
        return Err(Failure::usage("--feedback is for the gate: rangrez train gate --feedback FILE"));
    }
    generators::runtime::limit_threads();
    let from = weights::folder(&args.weights);
    let made = super::blame(gate_feedback::recalibrate(feedback, &from, export, 2))?;
    made.to_string().lines().for_each(tell);
    tell(&format!("wrote {}", export.join("gate.card.json").display()));
    Ok(Exit::Done)
}

/// Makes the folder that the weights go to, with the files that the training needs beside it.
fn prepare(from: &Path, to: &PathBuf) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for name in STARTING_POINT {
        let (source, target) = (from.join(name), to.join(name));
        if source.is_file() && !target.exists() {
            std::fs::copy(source, target)?;
        }
    }
    Ok(())
}
