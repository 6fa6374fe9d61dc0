//! The command line of Rangrez.

mod catalog;
mod cli;
mod commands;
mod pipeline;
mod recipe;
mod report;

use std::process::ExitCode;

use clap::Parser;

use resizing::{crash, exit, interrupt, terminal};

use cli::{Cli, Command};
use exit::{Exit, Result};

/// The version, which names libaom where it writes AVIF: programs of one version make the same bytes.
const VERSION: &str =
    if cfg!(feature = "libaom") { concat!(env!("CARGO_PKG_VERSION"), "+libaom") } else { env!("CARGO_PKG_VERSION") };

/// Runs any command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    resizing::guarded(|| command(&cli.command))
}

fn command(command: &Command) -> Result<Exit> {
    // A killed training resumes exactly, so Ctrl-C may end `train` and `eval` at once.
    if !matches!(command, Command::Train(_) | Command::Eval(_)) {
        interrupt::install()?;
    }
    pixels::allocation::keep_freed();
    // Also of this thread, which loads the models: libtorch's own threads would wait for each other at full speed.
    generators::runtime::limit_threads();
    match command {
        Command::Recolor(args) => commands::recolor::run(args),
        Command::Restyle(args) => commands::restyle::run(args),
        Command::Resize(args) => commands::resize::run(args),
        Command::Batch(args) => commands::batch::run(&args.command),
        Command::Classify(args) => commands::classify::run(args),
        Command::Mask(args) => commands::mask::run(args),
        Command::Map(args) => commands::map::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Eval(args) => commands::eval::run(args),
        Command::Doctor(args) => Ok(commands::doctor::run(args)),
    }
}
