//! One file per command.

pub mod batch;
pub mod classify;
pub mod doctor;
pub mod eval;
pub mod map;
pub mod mask;
pub mod recolor;
pub mod resize;
pub mod resize_garment;
pub mod restyle;
pub mod train;
pub mod variants;

use std::path::PathBuf;

use crate::exit::{Exit, Failure, Result};
use crate::interrupt;
use crate::pipeline::batch::Outcome;
use crate::pipeline::photo::Photo;
use crate::terminal::{Progress, tell};

/// Tells the user why a photo failed, if it did.
fn tell_failure(progress: &Progress, photo: &Photo, failure: Option<&Failure>) {
    if let Some(failure) = failure.filter(|f| f.exit != Exit::Interrupted) {
        progress.tell(&format!("{}: {}", photo.path.display(), failure.line()));
    }
}

/// Tells the user which folders could not be listed; the exit code that they lead to.
fn tell_unreadable(unreadable: &[(PathBuf, Failure)]) -> Exit {
    unreadable.iter().fold(Exit::Done, |exit, (path, failure)| {
        tell(&format!("{}: {}", path.display(), failure.line()));
        exit.or_worse(failure.exit)
    })
}

/// The exit code of a batch: its worst outcome, or interrupted.
fn exit_of<R>(outcomes: &[Option<Outcome<R>>]) -> Exit {
    let not_done = outcomes.iter().filter(|outcome| outcome.is_none()).count();
    if not_done > 0 && !interrupt::asked() {
        tell(&format!("stopped because nothing more can be written: {not_done} photos not started"));
    }
    let worst = outcomes.iter().flatten().fold(Exit::Done, |exit, outcome| exit.or_worse(outcome.exit()));
    if interrupt::asked() { worst.or_worse(Exit::Interrupted) } else { worst }
}

/// Gives an error of the models' crate the exit code of whoever is at fault.
fn blame<T>(result: generators::Result<T>) -> Result<T> {
    use generators::Error;
    result.map_err(|error| match &error {
        Error::WeightsMissing { .. } | Error::WeightsInvalid { .. } => {
            Failure { exit: Exit::Weights, error: error.into() }
        }
        Error::Config { path, reason } => {
            Failure::usage(format!("configuration {}: {}", path.display(), without_excerpt(reason)))
        }
        _ => Failure { exit: Exit::Input, error: error.into() },
    })
}

/// A parser's message in one line, without the excerpt of the file that it draws.
fn without_excerpt(reason: &str) -> String {
    let lines = reason.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|'));
    lines.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::without_excerpt;

    #[test]
    fn a_parsers_drawing_becomes_one_line() {
        let drawn = "TOML parse error at line 1, column 1\n  |\n1 | x = 1\n  | ^\nunknown field `x`\n";
        assert_eq!(without_excerpt(drawn), "TOML parse error at line 1, column 1: unknown field `x`");
    }
}
