//! Ctrl-C: the first one asks the run to end with whole files, the second ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{Exit, Failure, OrExit, Result};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Installs the handler for SIGINT, SIGTERM and SIGHUP.
///
/// # Errors
/// When the system refuses a signal handler.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        crate::terminal::tell(
            "stopping: the files in work are finished or dropped; press Ctrl-C again to stop at once",
        );
    })
    .or_exit(Exit::Usage)
}

/// Whether the user asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Goes on, unless the user asked to stop.
///
/// # Errors
/// [`Exit::Interrupted`].
pub fn check() -> Result<()> {
    if asked() { Err(Failure::new(Exit::Interrupted, "interrupted")) } else { Ok(()) }
}
