//! The program `rangrez`: resizes by itself, and becomes `rangrez-models`, which has every command, for all else.
//!
//! Nothing that is reachable from here may need libtorch, or every resize waits for it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use resizing::exit::{Exit, Failure, OrExit, Result};
use resizing::options::ResizeArgs;
use resizing::{interrupt, resize};

/// The part of the command line that needs no models.
#[derive(Parser)]
#[command(name = "rangrez")]
struct Cli {
    #[command(subcommand)]
    command: WithoutModels,
}

#[derive(Subcommand)]
enum WithoutModels {
    Resize(ResizeArgs),
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new("resize")) {
        let WithoutModels::Resize(args) = Cli::parse().command;
        if !args.needs_garment() {
            return resizing::guarded(|| {
                interrupt::install()?;
                resize::run(&args)
            });
        }
    }
    resizing::guarded(become_models)
}

/// Replaces this program by `rangrez-models`, with the same arguments.
fn become_models() -> Result<Exit> {
    let path = models_path()?;
    let mut command = Command::new(&path);
    command.args(std::env::args_os().skip(1));
    start(command).map_err(|error| {
        Failure::new(Exit::Usage, format!("{}: {error}; it belongs beside the program `rangrez`", path.display()))
    })
}

/// The other program, in this one's folder.
fn models_path() -> Result<PathBuf> {
    let here = std::env::current_exe().or_exit(Exit::Usage)?;
    Ok(here.with_file_name(format!("rangrez-models{}", std::env::consts::EXE_SUFFIX)))
}

/// Becomes the command: the process keeps its number, so that signals reach it.
#[cfg(unix)]
fn start(mut command: Command) -> std::io::Result<Exit> {
    use std::os::unix::process::CommandExt;
    let name = std::env::args_os().next().unwrap_or_else(|| "rangrez".into());
    Err(command.arg0(name).exec())
}

/// Waits for the command, where a process can't become another.
#[cfg(not(unix))]
fn start(mut command: Command) -> std::io::Result<Exit> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(i32::from(Exit::Input.code())));
}
