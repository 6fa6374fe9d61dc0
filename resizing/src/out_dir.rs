//! The output folder: what will be written is known, and refused, before work starts.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pixels::sha256_hex;

use crate::exit::{Exit, Failure, OrExit, Result};

use crate::photo::Photo;

/// An output folder that was checked against a run's plan.
#[derive(Debug)]
pub struct OutDir {
    dir: PathBuf,
    force: bool,
    /// SHA-256 of what has been written, by file name.
    written: Mutex<BTreeMap<String, String>>,
}

impl OutDir {
    /// Checks that every planned file may be written; nothing is made yet.
    ///
    /// `names` are file names inside the folder.
    ///
    /// # Errors
    /// Usage errors: a file that exists (without `force`), or that is one of the photos (always).
    pub fn plan(dir: &Path, force: bool, names: &[String], photos: &[Photo]) -> Result<Self> {
        if dir.exists() && !dir.is_dir() {
            return Err(Failure::usage(format!("{}: is a file; name a folder with -o", dir.display())));
        }
        if let Ok(dir) = dir.canonicalize() {
            let inputs: HashSet<PathBuf> = photos.iter().filter_map(|p| p.path.canonicalize().ok()).collect();
            if let Some(name) = names.iter().find(|name| inputs.contains(&dir.join(name))) {
                return Err(Failure::usage(format!(
                    "{} is one of the photos and would be overwritten: name another folder with -o",
                    dir.join(name).display()
                )));
            }
        }
        let taken: Vec<&String> =
            names.iter().filter(|name| !force && fs::symlink_metadata(dir.join(name)).is_ok()).collect();
        match taken.as_slice() {
            [] => Ok(Self { dir: dir.to_owned(), force, written: Mutex::default() }),
            [first, rest @ ..] => Err(Failure::usage(format!(
                "{} exists already{}: pass --force to replace, or name another folder with -o",
                dir.join(first).display(),
                if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) }
            ))),
        }
    }

    /// Makes the folder and tries to write in it.
    ///
    /// # Errors
    /// A usage error when it cannot be made or written.
    pub fn make(&self) -> Result<()> {
        let refused = |error: std::io::Error| {
            Failure::usage(format!("cannot write to the output folder {}: {error}", self.dir.display()))
        };
        fs::create_dir_all(&self.dir).map_err(refused)?;
        tempfile::tempfile_in(&self.dir).map_err(refused)?;
        Ok(())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Writes a file, whole or not at all, and notes its checksum.
    ///
    /// # Errors
    /// An input-output failure (exit code 3), such as a full disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_about(name, bytes)?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(name.to_owned(), sha256_hex(bytes));
        Ok(())
    }

    /// Writes a file about the run, such as its report, whose times differ from run to run: no checksum is noted.
    ///
    /// # Errors
    /// As [`OutDir::write`].
    pub fn write_about(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if let Some(folder) = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(self.dir.join(folder)).or_exit(Exit::Input)?;
        }
        pixels::write_atomic(&self.dir.join(name), bytes, self.force).or_exit(Exit::Input)
    }

    /// Checksums of the files written so far, by name.
    pub fn written(&self) -> BTreeMap<String, String> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_files_and_inputs_are_refused_up_front() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a@320w.jpg");
        fs::write(&path, b"x").unwrap();
        let names = ["a@320w.jpg".to_owned(), "b@320w.jpg".to_owned()];
        let failure = OutDir::plan(folder.path(), false, &names, &[]).unwrap_err();
        assert!(failure.line().contains("exists already:"), "{}", failure.line());
        OutDir::plan(folder.path(), true, &names, &[]).unwrap();
        let photo = Photo { path, stem: "a@320w".to_owned() };
        let failure = OutDir::plan(folder.path(), true, &names, &[photo]).unwrap_err();
        assert!(failure.line().contains("is one of the photos"), "{}", failure.line());
    }
}
