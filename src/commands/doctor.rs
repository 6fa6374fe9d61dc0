//! `rangrez doctor`: what is installed, and what is wrong with it.

use std::path::Path;

use generators::backbone::{self, Backbone};
use generators::card::Card;
use generators::checkpoint::card_path;
use generators::embedding::Embedder;
use generators::gate::Gate;
use generators::recolor::{self, Recolorer};
use generators::runtime;
use generators::segmenter::{self, Segmenter};

use crate::cli::DoctorArgs;
use crate::exit::Exit;
use crate::pipeline::{models, weights};
use crate::terminal::{clean, data_line};

/// Runs the command: what is wrong is printed, and bad weights lead to exit code 4.
pub fn run(args: &DoctorArgs) -> Exit {
    let libtorch = runtime::inspect();
    let place = libtorch.library.map(|path| format!(" ({})", path.display())).unwrap_or_default();
    line("rangrez", &format!("{} {}", crate::VERSION, target()));
    line("libtorch", &format!("{}{place}", libtorch.version));
    line("device", &format!("{} · {}", libtorch.device, libtorch.features.join(", ")));
    line("processor", &format!("{} threads · {}", threads(), cpu_features().join(", ")));

    let folder = weights::folder(&args.weights);
    line("weights", &folder.display().to_string());
    let problems = check_weights(&folder);
    if problems.is_empty() {
        line("verdict", "all is well");
        return Exit::Done;
    }
    for problem in &problems {
        line("problem", problem);
    }
    line("remedy", "copy the weights folder of this version again, or name it with --weights or RANGREZ_WEIGHTS");
    Exit::Weights
}

fn line(name: &str, value: &str) {
    data_line(&format!("{name:<10} {}", clean(value)));
}

/// Prints every weights file with its checksum, and the models with their cards' figures; returns what is wrong.
fn check_weights(folder: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    match weights::listed(folder) {
        Err(failure) => problems.push(failure.line()),
        Ok(listed) => {
            for (file, sum) in &listed {
                let checked = weights::check(folder, file, sum);
                line("  file", &format!("{file}  {}", if checked.is_ok() { sum } else { "BAD" }));
                problems.extend(checked.err().map(|failure| failure.line()));
            }
        }
    }
    for name in models::NAMES {
        match load(folder, name) {
            Ok(card) => line("  model", &describe(name, &card)),
            Err(error) => {
                line("  model", &format!("{name}  BAD"));
                let problem = error.to_string();
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

/// Loads a model as every command would, and returns its card.
fn load(folder: &Path, name: &str) -> generators::Result<Card> {
    match name {
        backbone::NAME => drop(Backbone::load(folder)?),
        segmenter::NAME => drop(Segmenter::load(folder)?),
        recolor::NAME => drop(Recolorer::load(folder)?),
        _ => drop((Gate::load(folder)?, Embedder::load(folder)?)),
    }
    Card::read(&card_path(folder, name), name)
}

fn describe(name: &str, card: &Card) -> String {
    let figures: Vec<_> = card.metrics.iter().map(|m| format!("{} {:.3} (n {})", m.name, m.value, m.n)).collect();
    let figures = if figures.is_empty() { String::new() } else { format!(" · {}", figures.join(" · ")) };
    format!("{name}  {}{figures}", card.architecture)
}

fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    let known = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}
