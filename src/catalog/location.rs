//! Where masters, plans and outputs lie: a path, or an address in an object store.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, OrExit, Result};

/// Schemes of object stores.
const SCHEMES: [&str; 8] = ["s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss"];

/// A file or folder, here or in an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// On a disk of this machine.
    Local(PathBuf),
    /// An address such as `s3://bucket/folder`, without a slash at its end.
    Remote(String),
}

impl Location {
    /// Reads an address, or a path: one that is relative is meant from `base`.
    ///
    /// # Errors
    /// An input failure when the current folder is gone.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) {
            return Ok(Self::Remote(text.trim_end_matches('/').to_owned()));
        }
        Ok(Self::Local(std::path::absolute(base.join(text)).or_exit(Exit::Input)?))
    }

    /// The place that a command line names.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn named(path: &Path) -> Result<Self> {
        match path.to_str() {
            Some(text) => Self::parse(text, Path::new("")),
            None => Ok(Self::Local(std::path::absolute(path).or_exit(Exit::Input)?)),
        }
    }

    /// The folder and the name in it.
    pub fn split(&self) -> (Self, String) {
        match self {
            Self::Local(path) => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                (Self::Local(path.parent().unwrap_or(Path::new("/")).to_owned()), name)
            }
            Self::Remote(address) => match address.rsplit_once('/') {
                Some((folder, name)) if !folder.ends_with('/') => (Self::Remote(folder.to_owned()), name.to_owned()),
                _ => (self.clone(), String::new()),
            },
        }
    }

    /// What lies under this name in the folder.
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(name)),
            Self::Remote(address) => Self::Remote(format!("{address}/{name}")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        let base = Path::new("/data/season");
        let at = |text: &str| Location::parse(text, base).unwrap();
        assert_eq!(at("masters/"), Location::Local("/data/season/masters/".into()));
        assert_eq!(at("/abs/a.jpg"), Location::Local("/abs/a.jpg".into()));
        assert_eq!(at("s3://bucket/in/"), Location::Remote("s3://bucket/in".into()));
        assert_eq!(at("c3://odd"), Location::Local("/data/season/c3://odd".into()));
        let (folder, name) = at("gs://b/x/a.jpg").split();
        assert_eq!((folder.to_string().as_str(), name.as_str()), ("gs://b/x", "a.jpg"));
        assert_eq!(folder.join("b.jpg").to_string(), "gs://b/x/b.jpg");
        assert_eq!(at("s3://bucket").split(), (at("s3://bucket"), String::new()));
    }
}
