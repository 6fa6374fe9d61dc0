//! Files by name, in a folder or in an object store, with one rule for what is there already.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::exit::{Exit, Failure, OrExit, Result};

use super::key;
use super::local::LocalStore;
use super::location::Location;
use super::masters;
use super::remote::Remote;

/// Why a file could not be read or written.
#[derive(Debug)]
pub enum Trouble {
    /// Only this file is concerned, others may go well.
    Object(Failure),
    /// Nothing more can be read or written: the disk is full, the folder gone, the network down.
    Store(Failure),
}

impl Trouble {
    /// What happened, in one line.
    pub fn line(&self) -> String {
        match self {
            Self::Object(failure) | Self::Store(failure) => failure.line(),
        }
    }

    /// The failure, whomever it concerns.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Object(failure) | Self::Store(failure) => failure,
        }
    }
}

/// A file in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name below the folder that was listed.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// The store's tag of its content.
    pub etag: Option<String>,
}

/// What happens to a file of the same name that is there already and differs.
#[derive(Clone, Copy, Debug)]
pub enum Existing<'a> {
    /// It is replaced.
    Replace,
    /// It is replaced if its SHA-256 is one of these, those of files that a former run made.
    ReplaceOwn(&'a [String]),
}

impl Existing<'_> {
    /// Whether a file with this content may be replaced.
    pub fn may_replace(self, content: &[u8]) -> bool {
        match self {
            Self::Replace => true,
            Self::ReplaceOwn(own) => own.contains(&key::sha256(content)),
        }
    }
}

/// The refusal of [`Existing::ReplaceOwn`].
pub fn exists(name: &str) -> Trouble {
    Trouble::Object(Failure::input(format!(
        "{name} exists already and is not of this batch: pass --force to replace it, or name another output"
    )))
}

/// Where the outputs of a batch go.
#[derive(Debug)]
pub enum Store {
    /// A folder.
    Local(LocalStore),
    /// An address in an object store.
    Remote(Remote),
}

impl Store {
    /// Opens a place for reading and writing; a folder is made if it is missing.
    ///
    /// # Errors
    /// Usage errors: it cannot be made or written, or the address or its credentials are wrong.
    pub fn open(at: &Location) -> Result<Self> {
        match at {
            Location::Local(folder) => LocalStore::open(folder).map(Self::Local),
            Location::Remote(address) => Remote::open(address).map(Self::Remote),
        }
    }

    /// Opens a place that must be there, for reading.
    ///
    /// # Errors
    /// A usage error when it is not.
    pub fn existing(at: &Location) -> Result<Self> {
        match at {
            Location::Local(folder) if !folder.is_dir() => {
                Err(Failure::usage(format!("{}: no such folder", folder.display())))
            }
            Location::Local(folder) => Ok(Self::Local(LocalStore::at(folder))),
            Location::Remote(address) => Remote::open(address).map(Self::Remote),
        }
    }

    /// A file's bytes; `None` when it is not there.
    ///
    /// # Errors
    /// When it is there and cannot be read, or the store cannot be reached.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Local(store) => store.get(name),
            Self::Remote(store) => store.get(name, None).map_err(Trouble::into_failure),
        }
    }

    /// Writes files, each whole or not at all; when this returns they outlast a power cut.
    ///
    /// # Errors
    /// [`Trouble`]; files before the one that failed may have been written.
    pub fn put_all(&self, files: &[(String, Vec<u8>)], existing: Existing) -> std::result::Result<(), Trouble> {
        match self {
            Self::Local(store) => store.put_all(files, existing),
            Self::Remote(store) => store.put_all(files, existing),
        }
    }

    /// Writes one file, in place of an older one.
    ///
    /// # Errors
    /// As [`Store::put_all`].
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.put_all(&[(name.to_owned(), bytes)], Existing::Replace).map_err(Trouble::into_failure)
    }

    /// Writes a file of any length from one on the disk.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_file(&self, name: &str, from: &Path) -> Result<()> {
        match self {
            Self::Local(store) => store.put_file(name, from),
            Self::Remote(store) => store.put_file(name, from).map_err(Trouble::into_failure),
        }
    }

    /// Files whose names, parts between slashes, begin with those of `prefix`; sorted.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        match self {
            Self::Local(store) => store.list(prefix),
            Self::Remote(store) => store.list(prefix),
        }
    }

    /// Removes files; those that are not there count as removed.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn delete(&self, names: &[String]) -> Result<()> {
        match self {
            Self::Local(store) => store.delete(names),
            Self::Remote(store) => store.delete(names),
        }
    }

    /// How many requests are worth making at the same time.
    pub fn width(&self) -> usize {
        match self {
            Self::Local(_) => 2,
            Self::Remote(_) => 16,
        }
    }
}

/// Places that masters are read from, each opened once.
#[derive(Debug, Default)]
pub struct Sources {
    open: Mutex<HashMap<String, Arc<Remote>>>,
}

impl Sources {
    /// A master's bytes. With `etag`, other content than the tag's is refused.
    ///
    /// # Errors
    /// [`Trouble`]: missing, too large or unreadable, or the store cannot be reached.
    pub fn get(&self, at: &Location, etag: Option<&str>) -> std::result::Result<Vec<u8>, Trouble> {
        match at {
            Location::Local(path) => masters::read_local(path).map_err(|failure| match path.parent() {
                // One file may be missing; when its folder is, so are all others.
                Some(folder) if !folder.is_dir() => {
                    Trouble::Store(Failure::input(format!("the folder of masters {} is gone", folder.display())))
                }
                _ => Trouble::Object(failure),
            }),
            Location::Remote(address) => {
                let (folder, name) = at.split();
                let remote = self.remote(&folder.to_string()).map_err(Trouble::Store)?;
                let found = remote.get(&name, etag)?;
                found.ok_or_else(|| Trouble::Object(Failure::input(format!("cannot read {address}: no such object"))))
            }
        }
    }

    /// Files below an address.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub fn list(&self, at: &Location, prefix: &str) -> Result<Vec<Listed>> {
        match at {
            Location::Local(folder) => LocalStore::at(folder).list(prefix),
            Location::Remote(address) => self.remote(address)?.list(prefix),
        }
    }

    fn remote(&self, address: &str) -> Result<Arc<Remote>> {
        // The bucket, so that a deep tree of folders shares its connections.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = open.get(address) {
            return Ok(Arc::clone(remote));
        }
        let remote = Arc::new(match open.values().find(|other| other.is_of(address)) {
            Some(other) => other.beside(address)?,
            None => Remote::open(address)?,
        });
        open.insert(address.to_owned(), Arc::clone(&remote));
        Ok(remote)
    }
}

/// Reads a file that a command line names, here or in a store.
///
/// # Errors
/// A usage error when it cannot be read.
pub fn read(at: &Location) -> Result<Vec<u8>> {
    let named = |error: anyhow::Error| error.context(format!("{at}"));
    match at {
        Location::Local(path) => std::fs::read(path).map_err(|error| named(error.into())).or_exit(Exit::Usage),
        Location::Remote(_) => {
            let (folder, name) = at.split();
            let found = Store::existing(&folder)?.get(&name)?;
            found.ok_or_else(|| Failure::usage(format!("{at}: not there")))
        }
    }
}

/// Writes a file that a command line names, here or in a store. An older one is kept unless `force`.
///
/// # Errors
/// A usage error when it exists, or cannot be written.
pub fn write(at: &Location, bytes: Vec<u8>, force: bool) -> Result<()> {
    match at {
        Location::Local(path) => pixels::write_atomic(path, &bytes, force).or_exit(Exit::Usage),
        Location::Remote(_) => {
            let (folder, name) = at.split();
            let existing = if force { Existing::Replace } else { Existing::ReplaceOwn(&[]) };
            let store = Store::open(&folder)?;
            store.put_all(&[(name, bytes)], existing).map_err(|trouble| Failure::usage(trouble.line()))
        }
    }
}
