//! What can go wrong with models, by whose fault it is.

use std::path::PathBuf;

/// An error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A weights file or its card is not where it should be.
    #[error("weights not found: {}: run scripts/setup, or name their folder with --weights", path.display())]
    WeightsMissing {
        /// The file looked for.
        path: PathBuf,
    },
    /// A weights file or its card is damaged, of another version or of another architecture.
    #[error("invalid weights {}: {reason}", path.display())]
    WeightsInvalid {
        /// The file read.
        path: PathBuf,
        /// Everything that is wrong with it.
        reason: String,
    },
    /// A configuration cannot be read or makes no sense.
    #[error("configuration {}: {reason}", path.display())]
    Config {
        /// The file read.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Training or evaluation data is missing or malformed.
    #[error("data {}: {reason}", path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A value given to a public function is out of its domain.
    #[error("{0}")]
    Input(String),
    /// A loss stopped being a finite number.
    #[error("training stopped at step {step}: loss `{part}` is {value}")]
    NotFinite {
        /// Training step, from 0.
        step: u64,
        /// Name of the loss part.
        part: String,
        /// Its value.
        value: f64,
    },
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An image operation failed.
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl Error {
    /// Wraps a file-system error with the path it came from.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
