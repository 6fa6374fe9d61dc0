//! A folder of masters with a manifest, and what a batch made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A season's masters, in a folder that is removed in the end.
pub struct Season {
    folder: tempfile::TempDir,
}

impl Season {
    /// All sample photos, so many times each.
    pub fn new(times: usize, manifest: &str) -> Self {
        Self::of(&super::samples_sorted(), times, manifest)
    }

    /// A few sample photos.
    pub fn few(photos: usize, manifest: &str) -> Self {
        Self::of(&super::samples_sorted()[..photos], 1, manifest)
    }

    fn of(photos: &[PathBuf], times: usize, manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let masters = folder.path().join("masters");
        for i in 0..times {
            let part = if times > 1 { masters.join(format!("part{i:02}")) } else { masters.clone() };
            fs::create_dir_all(&part).unwrap();
            for photo in photos {
                fs::copy(photo, part.join(photo.file_name().unwrap())).unwrap();
            }
        }
        let season = Self { folder };
        season.write(manifest);
        season
    }

    /// Replaces the manifest.
    pub fn write(&self, manifest: &str) {
        fs::write(self.manifest(), format!("masters = ['masters']\n{manifest}")).unwrap();
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.path("autumn.toml")
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The masters directly in their folder, sorted.
    pub fn masters(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> =
            fs::read_dir(self.path("masters")).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    }
}

/// All files below a folder by name, except those for control; empty when there is no folder.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files(folder)
        .into_iter()
        .filter(|name| !name.starts_with(".rangrez/"))
        .map(|name| {
            let bytes = fs::read(folder.join(&name)).unwrap();
            (name, bytes)
        })
        .collect()
}

/// Files that were left half written.
pub fn unfinished(folder: &Path) -> Vec<String> {
    files(folder).into_iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "part")).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// The rows of an output's report.
pub fn rows(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("report.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
