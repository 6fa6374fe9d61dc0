//! Exit codes, and errors that know theirs.

use std::process::ExitCode;

/// How a run ended, from best to worst: the worst thing that happened decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything asked for was done (0).
    Done,
    /// Some variants were rejected by the gate (1).
    Rejected,
    /// Some input could not be read or some output not be written (3).
    Input,
    /// The command line or a file it names as configuration is wrong (2).
    Usage,
    /// Weights are missing or invalid (4).
    Weights,
    /// The user interrupted the run (130).
    Interrupted,
}

impl Exit {
    /// The number given to the shell.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Rejected => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Weights => 4,
            Self::Interrupted => 130,
        }
    }

    /// The worse of two endings.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends a command, or a photo's way through the pipeline, with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The code it ends with.
    pub exit: Exit,
    /// What happened, in one line when printed with `{:#}`.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure from a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(message.into()) }
    }

    /// The user's command line is at fault.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// An input or output file is at fault.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, message)
    }

    /// The chain of causes as one line, leaving out what a cause's text says already.
    pub fn line(&self) -> String {
        self.error.chain().map(ToString::to_string).fold(String::new(), |line, cause| match line.as_str() {
            "" => cause,
            said if said.contains(&cause) => line,
            said => format!("{said}: {cause}"),
        })
    }

    /// Whether the disk cannot take any more files, so that trying the next photo is pointless.
    pub fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        self.error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| matches!(e.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem))
        })
    }
}

/// `std::result::Result` with [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

/// Gives an error of any kind its exit code.
pub trait OrExit<T> {
    /// Maps the error to a [`Failure`] with this exit code.
    ///
    /// # Errors
    /// The same error, with the code.
    fn or_exit(self, exit: Exit) -> Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for std::result::Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T> {
        self.map_err(|e| Failure { exit, error: e.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_ending_decides() {
        assert_eq!(Exit::Rejected.or_worse(Exit::Input).code(), 3);
        assert_eq!(Exit::Input.or_worse(Exit::Usage).code(), 2);
        assert_eq!(Exit::Usage.or_worse(Exit::Interrupted).code(), 130);
        assert_eq!(Exit::Done.or_worse(Exit::Rejected).code(), 1);
    }
}
