//! Photos over the processor's cores, with one libtorch thread per worker.

use generators::runtime;

use crate::exit::Result;
use crate::terminal::Progress;

use super::photo::Photo;

pub use resizing::batch::{Outcome, jobs};

/// As [`resizing::batch::run`], for workers that hold models.
///
/// # Errors
/// When the threads cannot be started.
pub fn run<W: Send, R: Default + Send>(
    photos: &[Photo],
    workers: Vec<W>,
    work: impl Fn(&W, &Photo, &mut R) -> Result<()> + Sync,
    done: impl Fn(&Progress, &Photo, &Outcome<R>) + Sync,
) -> Result<Vec<Option<Outcome<R>>>> {
    resizing::batch::run(photos, workers, runtime::limit_threads, work, done)
}
