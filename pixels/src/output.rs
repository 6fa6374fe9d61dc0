//! Files that are whole or absent: temporary file in the same folder, fsync, rename.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result};

/// Writes a file so that it is either whole or absent, whatever happens in between.
///
/// The bytes go to a temporary file in the same folder, are flushed to the disk and renamed. On any error the temporary
/// file is removed and an older file of that name stays as it was.
///
/// # Errors
/// [`Error::Exists`] when the file is there and `force` is not set; [`Error::Io`] when the folder is missing or cannot
/// be written, or the disk is full.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.txt");
/// pixels::write_atomic(&path, b"one", false)?;
/// assert!(matches!(pixels::write_atomic(&path, b"two", false), Err(pixels::Error::Exists { .. })));
/// pixels::write_atomic(&path, b"two", true)?;
/// assert_eq!(std::fs::read(&path)?, b"two");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_atomic(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let io_error = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let exists = || Error::Exists { path: path.to_owned() };
    if !force && fs::symlink_metadata(path).is_ok() {
        return Err(exists());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rangrez-").suffix(".part");
    // Ordinary file permissions (less the umask), not the owner-only ones of secret temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder).map_err(io_error)?;
    temporary.as_file_mut().write_all(bytes).map_err(io_error)?;
    temporary.as_file().sync_all().map_err(io_error)?;
    // Dropping a `PersistError` drops the temporary file in it, which removes it.
    if force {
        temporary.persist(path).map_err(|failed| io_error(failed.error))?;
    } else {
        temporary.persist_noclobber(path).map_err(|failed| match failed.error.kind() {
            ErrorKind::AlreadyExists => exists(),
            _ => io_error(failed.error),
        })?;
    }
    // The rename itself survives a power cut only once the folder is flushed; some file systems cannot, which is no error.
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_named_file_remains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.png");
        write_atomic(&path, b"first", false).unwrap();
        assert!(matches!(write_atomic(&path, b"second", false), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_atomic(&path, b"third", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(names(folder.path()), ["out.png"]);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder stands where the file should go, so the rename fails after the bytes are written.
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"x").unwrap();
        assert!(matches!(write_atomic(&path, b"bytes", true), Err(Error::Io { .. })));
        assert_eq!(names(folder.path()), ["taken"]);
        let missing = folder.path().join("no").join("such").join("file");
        let error = write_atomic(&missing, b"bytes", false).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        write_atomic(&ours, b"x", false).unwrap();
        fs::write(&theirs, b"x").unwrap();
        assert_eq!(ours.metadata().unwrap().permissions().mode(), theirs.metadata().unwrap().permissions().mode());
    }
}
