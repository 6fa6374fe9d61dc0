//! One run at a time on one output, held by the system so that a dead program holds nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::exit::{Failure, Result};
use crate::terminal::tell;

/// A lock that is held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock. Shared locks go together, an exclusive one goes alone.
///
/// # Errors
/// A usage error when another run has it.
pub fn take(path: &Path, shared: bool) -> Result<Lock> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path);
    let file = file.map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
    let locked = if shared { file.try_lock_shared() } else { file.try_lock() };
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Failure::usage(format!(
                "another run is working on this output (it holds {}): wait for it, or name another output",
                path.display()
            )));
        }
        // Some network file systems have no locks.
        Err(TryLockError::Error(error)) => tell(&format!("no lock on {}: {error}", path.display())),
    }
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_goes_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = take(&path, false).unwrap();
        assert!(take(&path, false).unwrap_err().line().contains("another run"));
        assert!(take(&path, true).is_err());
        drop(first);
        let _shared = (take(&path, true).unwrap(), take(&path, true).unwrap());
        assert!(take(&path, false).is_err());
    }
}
