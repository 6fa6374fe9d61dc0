//! The command line of Rangrez, as two programs.
//!
//! libtorch takes a fifth of a second to start, more than a photo takes in all its sizes. So `rangrez` is a small program
//! that resizes by itself, and becomes `rangrez-models`, which has everything, for all other commands.

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
use exit::{Exit, Failure, OrExit, Result};

/// Runs any command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    guarded(|| command(&cli.command))
}

/// Runs `resize`; for any other command, becomes the program that has it.
///
/// Nothing that is reachable from here may need libtorch, or the linker ties this program to it.
pub fn run_without_models() -> ExitCode {
    if std::env::args_os().nth(1).is_none_or(|first| first != "resize") {
        return guarded(become_models);
    }
    let cli = Cli::parse();
    guarded(|| {
        interrupt::install()?;
        match &cli.command {
            Command::Resize(args) if !args.needs_garment() => commands::resize::run(args),
            _ => become_models(),
        }
    })
}

/// Name of the program that has every command; it lies beside this one.
const MODELS: &str = "rangrez-models";

/// Replaces this program by the one that has every command, with the same arguments.
fn become_models() -> Result<Exit> {
    let here = std::env::current_exe().or_exit(Exit::Usage)?;
    let program = here.with_file_name(format!("{MODELS}{}", std::env::consts::EXE_SUFFIX));
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(&program);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.arg0(arguments.next().unwrap_or_else(|| "rangrez".into())).args(arguments);
        // Returns only when it could not be started.
        let error = command.exec();
        Err(Failure::usage(format!("cannot start {}, which belongs beside this program: {error}", program.display())))
    }
    #[cfg(not(unix))]
    {
        let status = command.args(arguments.skip(1)).status().or_exit(Exit::Usage)?;
        std::process::exit(status.code().unwrap_or(1));
    }
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
