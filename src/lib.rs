//! The command line of Rangrez.

mod allocation;
mod catalog;
mod cli;
mod commands;
mod crash;
mod exit;
mod interrupt;
mod pipeline;
mod recipe;
mod report;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::{Exit, Result};

/// Runs any command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    guarded(|| command(&cli.command))
}

fn guarded(work: impl FnOnce() -> Result<Exit>) -> ExitCode {
    crash::install();
    let exit = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            terminal::tell(&failure.line());
            failure.exit
        }
        Err(payload) => {
            terminal::tell(&crash::message(payload.as_ref()));
            Exit::Input
        }
    };
    exit.into()
}

fn command(command: &Command) -> Result<Exit> {
    // A killed training resumes exactly, so Ctrl-C may end `train` and `eval` at once.
    if !matches!(command, Command::Train(_) | Command::Eval(_)) {
        interrupt::install()?;
    }
    match command {
        Command::Recolor(args) => commands::recolor::run(args),
        Command::Restyle(args) => commands::restyle::run(args),
        Command::Resize(args) => commands::resize_garment::run(args),
        Command::Batch(args) => commands::batch::run(&args.command),
        Command::Classify(args) => commands::classify::run(args),
        Command::Mask(args) => commands::mask::run(args),
        Command::Map(args) => commands::map::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Eval(args) => commands::eval::run(args),
        Command::Doctor(args) => Ok(commands::doctor::run(args)),
    }
}
