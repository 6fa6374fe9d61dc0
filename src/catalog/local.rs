//! A folder of outputs: temporary files in a corner of their own, synced, renamed, and the folder synced once for a photo.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure, OrExit, Result};

use super::CONTROL;
use super::store::{Existing, Listed, Trouble, exists};

/// Folder of files that are being written. Whatever lies there was left by a program that died.
const UNFINISHED: &str = "unfinished";

/// A folder on a disk of this machine, or one that many machines share.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    /// Where this process has its unfinished files.
    unfinished: PathBuf,
    /// Folders that were made and synced.
    made: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// Makes the folder if it is missing and tries to write in it.
    ///
    /// # Errors
    /// A usage error when it cannot be made or written, or is a file.
    pub fn open(root: &Path) -> Result<Self> {
        if root.exists() && !root.is_dir() {
            return Err(Failure::usage(format!("{}: is a file; name a folder with -o", root.display())));
        }
        let refused = |error: std::io::Error| {
            Failure::usage(format!("cannot write to the output folder {}: {error}", root.display()))
        };
        let store = Self::at(root);
        fs::create_dir_all(root.join(CONTROL)).map_err(refused)?;
        tempfile::tempfile_in(root).map_err(refused)?;
        Ok(store)
    }

    /// The folder as it is.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), unfinished: root.join(CONTROL).join(UNFINISHED), made: Mutex::default() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Gives this process a corner of its own for unfinished files, and sweeps what a dead one left there. Nobody else may
    /// be using it, which the caller's lock says.
    ///
    /// # Errors
    /// A usage error when it cannot be made.
    pub fn claim(&mut self, corner: &str) -> Result<()> {
        let unfinished = self.root.join(CONTROL).join(UNFINISHED).join(corner);
        let claimed = match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&unfinished),
        };
        claimed.map_err(|error| {
            Failure::usage(format!("cannot write to the output folder {}: {error}", self.root.display()))
        })?;
        self.unfinished = unfinished;
        Ok(())
    }

    /// Removes the corner of unfinished files, at the end of a run.
    pub fn release(&self) {
        // What cannot be removed is swept by the next run.
        let _ = fs::remove_dir_all(&self.unfinished);
        if let Some(all) = self.unfinished.parent() {
            // Other shards may still have theirs, and then it stays.
            let _ = fs::remove_dir(all);
        }
    }

    /// A file's bytes; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::input(format!("cannot read {}: {error}", path.display()))),
        }
    }

    /// Length of a file in bytes; `None` when it is not there.
    pub fn bytes(&self, name: &str) -> Option<u64> {
        fs::metadata(self.root.join(name)).ok().filter(fs::Metadata::is_file).map(|found| found.len())
    }

    /// Writes files: all temporary ones first, then the names, then one sync of every folder concerned.
    ///
    /// # Errors
    /// [`Trouble::Object`] when a file that is not of this batch is in the way, [`Trouble::Store`] for anything that the next
    /// photo would meet as well.
    pub fn put_all(&self, files: &[(String, Vec<u8>)], existing: Existing) -> std::result::Result<(), Trouble> {
        let written = files.iter().map(|(name, bytes)| {
            let mut temporary = self.temporary().map_err(|error| self.trouble(name, error))?;
            let wrote = temporary.write_all(bytes).and_then(|()| temporary.as_file().sync_all());
            wrote.map_err(|error| self.trouble(name, error))?;
            Ok(temporary)
        });
        let written: Vec<NamedTempFile> = written.collect::<std::result::Result<_, Trouble>>()?;
        let mut folders: HashSet<PathBuf> = HashSet::new();
        for ((name, bytes), temporary) in files.iter().zip(written) {
            let path = self.root.join(name);
            let folder = path.parent().unwrap_or(&self.root).to_owned();
            self.make(&folder).map_err(|error| self.trouble(name, error))?;
            self.give_name(temporary, &path, name, bytes, existing)?;
            folders.insert(folder);
        }
        folders.iter().for_each(|folder| sync(folder));
        Ok(())
    }

    fn temporary(&self) -> std::io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        // Ordinary file permissions (less the umask), not the owner-only ones of secret temporary files.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.prefix("").suffix(".part").tempfile_in(&self.unfinished)
    }

    fn give_name(
        &self,
        temporary: NamedTempFile,
        path: &Path,
        name: &str,
        bytes: &[u8],
        existing: Existing,
    ) -> std::result::Result<(), Trouble> {
        let failed = match temporary.persist_noclobber(path) {
            Ok(_) => return Ok(()),
            Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => failed,
            Err(failed) => return Err(self.trouble(name, failed.error)),
        };
        if !matches!(existing, Existing::Replace) {
            let there = fs::read(path).map_err(|error| self.trouble(name, error))?;
            if there == bytes {
                return Ok(());
            }
            if !existing.may_replace(&there) {
                return Err(exists(name));
            }
        }
        failed.file.persist(path).map(drop).map_err(|failed| self.trouble(name, failed.error))
    }

    /// Makes a folder below the root, which must be there: were the root made again, outputs would land on the disk under
    /// a mount that has gone.
    fn make(&self, folder: &Path) -> std::io::Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.contains(folder) {
            return Ok(());
        }
        if !self.root.is_dir() {
            return Err(ErrorKind::NotFound.into());
        }
        fs::create_dir_all(folder)?;
        for above in folder.ancestors().take_while(|above| above.starts_with(&self.root)) {
            sync(above);
            made.insert(above.to_owned());
        }
        Ok(())
    }

    /// Blames a failed write on the disk or the folder, which ends the run, rather than on the photo.
    fn trouble(&self, name: &str, error: std::io::Error) -> Trouble {
        if !self.root.join(CONTROL).is_dir() {
            return Trouble::Store(Failure::input(format!("the output folder {} is gone", self.root.display())));
        }
        let own_fault =
            matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::InvalidFilename | ErrorKind::NotADirectory);
        let failure = Failure {
            exit: Exit::Input,
            error: anyhow::Error::new(error).context(format!("cannot write {}", self.root.join(name).display())),
        };
        if own_fault { Trouble::Object(failure) } else { Trouble::Store(failure) }
    }

    /// Writes a file as a copy of another.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn put_file(&self, name: &str, from: &Path) -> Result<()> {
        let failed = |error: std::io::Error| self.trouble(name, error).into_failure();
        fs::create_dir_all(&self.unfinished).map_err(failed)?;
        let mut temporary = self.temporary().map_err(failed)?;
        std::io::copy(&mut File::open(from).map_err(failed)?, &mut temporary).map_err(failed)?;
        temporary.as_file().sync_all().map_err(failed)?;
        let path = self.root.join(name);
        temporary.persist(&path).map_err(|error| failed(error.error))?;
        sync(path.parent().unwrap_or(&self.root));
        Ok(())
    }

    /// Files below `prefix`, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.join(prefix)];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Failure::input(format!("cannot list {}: {error}", folder.display()))),
            };
            for entry in entries {
                let entry = entry.or_exit(Exit::Input)?;
                // A file may be renamed while the folder is listed.
                let Ok(metadata) = entry.metadata() else { continue };
                let path = entry.path();
                if metadata.is_dir() {
                    folders.push(path);
                } else if let Ok(name) = path.strip_prefix(&self.root) {
                    let name = name.to_string_lossy().into_owned();
                    found.push(Listed { name, bytes: metadata.len(), etag: None });
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Removes files.
    ///
    /// # Errors
    /// When one is there and cannot be removed.
    pub fn delete(&self, names: &[String]) -> Result<()> {
        for name in names {
            match fs::remove_file(self.root.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(self.trouble(name, error).into_failure());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Makes names outlast a power cut. Some file systems cannot, which is no error.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::key::sha256;

    fn store(root: &Path) -> LocalStore {
        let mut store = LocalStore::open(root).unwrap();
        store.claim("run").unwrap();
        store
    }

    fn file(name: &str, content: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), content.to_vec())]
    }

    #[test]
    fn what_is_there_is_kept_replaced_or_refused() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let strict = Existing::ReplaceOwn(&[]);
        store.put_all(&file("a/b/x.jpg", b"one"), strict).unwrap();
        store.put_all(&file("a/b/x.jpg", b"one"), strict).unwrap();
        let refused = store.put_all(&file("a/b/x.jpg", b"two"), strict).unwrap_err();
        assert!(matches!(&refused, Trouble::Object(_)) && refused.line().contains("exists already"), "{refused:?}");
        let own = [sha256(b"one")];
        store.put_all(&file("a/b/x.jpg", b"two"), Existing::ReplaceOwn(&own)).unwrap();
        assert_eq!(store.get("a/b/x.jpg").unwrap().unwrap(), b"two");
        assert!(store.put_all(&file("a/b/x.jpg", b"three"), Existing::ReplaceOwn(&own)).is_err());
        store.put_all(&file("a/b/x.jpg", b"three"), Existing::Replace).unwrap();
        store.release();
        let names: Vec<String> = store.list("").unwrap().into_iter().map(|listed| listed.name).collect();
        assert_eq!(names, ["a/b/x.jpg"], "nothing unfinished is left");
    }

    #[test]
    fn a_folder_that_is_gone_ends_the_run_and_is_not_made_again() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("out");
        let store = store(&root);
        fs::remove_dir_all(&root).unwrap();
        let gone = store.put_all(&file("a.jpg", b"x"), Existing::Replace).unwrap_err();
        assert!(matches!(&gone, Trouble::Store(_)) && gone.line().contains("is gone"), "{gone:?}");
        assert!(!root.exists());
    }

    #[test]
    fn what_a_dead_program_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let first = store(root.path());
        fs::write(first.unfinished.join("dead.part"), b"half").unwrap();
        let second = store(root.path());
        assert_eq!(second.list("").unwrap(), []);
    }
}
