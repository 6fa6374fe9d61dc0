//! First stage: the photos that a command line names.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::terminal::{clean_path, tell};

/// File name endings that are taken from a folder.
pub const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];

/// A photo that is going to be worked on; nothing of it has been read.
#[derive(Clone, Debug)]
pub struct Photo {
    /// The file.
    pub path: PathBuf,
    /// File name without its ending; output names start with it, and no other photo of the run has the same.
    pub stem: String,
}

impl Photo {
    /// Reads the file.
    ///
    /// # Errors
    /// An input failure (exit code 3): unreadable or too large.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        pixels::read_limited(&self.path, pixels::Limits::default().max_bytes).or_exit(Exit::Input)
    }
}

/// The photos of a run, and the folders that could not be listed.
#[derive(Debug)]
pub struct Photos {
    /// Photos in the order named, those of a folder sorted by name.
    pub photos: Vec<Photo>,
    /// One failure per folder that could not be read.
    pub unreadable: Vec<(PathBuf, Failure)>,
}

/// Finds the photos: files as they are named, folders by the pictures directly in them.
///
/// A file named twice is taken once.
///
/// # Errors
/// A usage error when there are no photos at all, or when two of them would write the same output names.
pub fn find(arguments: &[PathBuf]) -> Result<Photos> {
    let mut paths = Vec::new();
    let mut unreadable = Vec::new();
    for argument in arguments {
        if !argument.is_dir() {
            paths.push(argument.clone());
            continue;
        }
        match list(argument) {
            Ok(found) => {
                if found.is_empty() {
                    tell(&format!("{}: holds no JPEG, PNG, WebP or TIFF photos", argument.display()));
                }
                paths.extend(found);
            }
            Err(error) => {
                let failure = Failure::input(format!("cannot list the folder: {error}"));
                unreadable.push((argument.clone(), failure));
            }
        }
    }
    let photos = unique(paths)?;
    if photos.is_empty() && unreadable.is_empty() {
        return Err(Failure::usage(
            "no photos to work on: name a JPEG, PNG, WebP or TIFF file or a folder that holds some",
        ));
    }
    Ok(Photos { photos, unreadable })
}

/// Photos whose files are known, such as those of a recipe: where each lies now, and the path that named it.
///
/// # Errors
/// A usage error when two of them would write the same output names.
pub fn known(files: impl Iterator<Item = (PathBuf, PathBuf)>) -> Result<Photos> {
    let (now, named): (Vec<_>, Vec<_>) = files.unzip();
    let mut photos = unique(named)?;
    if photos.len() != now.len() {
        return Err(Failure::usage("a photo is named twice"));
    }
    photos.iter_mut().zip(now).for_each(|(photo, path)| photo.path = path);
    Ok(Photos { photos, unreadable: Vec::new() })
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        if ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn unique(paths: Vec<PathBuf>) -> Result<Vec<Photo>> {
    let mut photos = Vec::with_capacity(paths.len());
    let mut by_stem: HashMap<String, PathBuf> = HashMap::new();
    for path in paths {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if stem.is_empty() {
            return Err(Failure::usage(format!("{}: not a file name", path.display())));
        }
        match by_stem.get(&stem) {
            None => {
                by_stem.insert(stem.clone(), path.clone());
                photos.push(Photo { path, stem });
            }
            Some(other) if same_file(other, &path) => {}
            Some(other) => {
                return Err(Failure::usage(format!(
                    "{} and {} would both write the files {}…: rename one, or run them into two output folders",
                    clean_path(other),
                    clean_path(&path),
                    stem
                )));
            }
        }
    }
    Ok(photos)
}

/// Whether two paths lead to the same file.
pub fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Tells the user which folders could not be listed; the exit code that they lead to.
pub fn tell_unreadable(unreadable: &[(PathBuf, Failure)]) -> Exit {
    unreadable.iter().fold(Exit::Done, |exit, (path, failure)| {
        tell(&format!("{}: {}", path.display(), failure.line()));
        exit.or_worse(failure.exit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_sorted_and_files_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", "notes.txt", "c.webp"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        let found = find(&[folder.path().to_owned(), folder.path().join("a.png")]).unwrap();
        let stems: Vec<_> = found.photos.iter().map(|p| p.stem.as_str()).collect();
        assert_eq!(stems, ["a", "b", "c"]);
    }

    #[test]
    fn equal_stems_are_refused_before_work_starts() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("shirt.jpg"), folder.path().join("shirt.png"));
        fs::write(&a, b"x").unwrap();
        fs::write(&b, b"x").unwrap();
        let failure = find(&[a, b]).unwrap_err();
        assert_eq!(failure.exit.code(), 2);
        assert!(failure.line().contains("would both write"), "{}", failure.line());
    }

    #[test]
    fn an_empty_folder_is_nothing_to_do() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(&[folder.path().to_owned()]).unwrap_err().exit.code(), 2);
    }
}
