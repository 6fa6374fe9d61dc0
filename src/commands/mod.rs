//! One file per command.

pub mod batch;
pub mod classify;
pub mod doctor;
pub mod eval;
pub mod map;
pub mod mask;
pub mod recolor;
pub mod resize;
pub mod restyle;
pub mod train;
pub mod variants;

use resizing::batch::{exit_of, tell_failure};
use resizing::photo::tell_unreadable;

use crate::exit::{Exit, Failure, Result};

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
