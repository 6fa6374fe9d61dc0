//! Everything of a run that needs no models: finding photos, sizes and files, progress, exit codes, and `rangrez resize`.
//!
//! It is a crate of its own because libtorch takes a fifth of a CPU second to load, more than a photo takes in all its
//! sizes: a program that cannot reach the models isn't tied to them by the linker.

pub mod batch;
pub mod budget;
pub mod crash;
pub mod decoded;
pub mod encoding;
pub mod exit;
pub mod interrupt;
pub mod memory;
pub mod options;
pub mod out_dir;
pub mod photo;
pub mod planes;
pub mod resize;
pub mod resized;
pub mod size_profiles;
pub mod sizes;
pub mod srcset;
pub mod terminal;

use std::process::ExitCode;

use exit::{Exit, Result};

/// Runs a command and turns how it ended, a panic too, into one line and an exit code.
pub fn guarded(work: impl FnOnce() -> Result<Exit>) -> ExitCode {
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
