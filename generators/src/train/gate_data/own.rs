//! Photos of one's own to train a gate on: a folder per category, or a table; the tree is given or read off the folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::photos::{Part, Photo, Source, gradient_hash, groups, part_of, read};
use crate::taxonomy::{FILE, Taxonomy};
use crate::{Error, Result, checkpoint};

/// Name of the department or category that folders do not name.
const UNNAMED: [&str; 2] = ["Catalogue", "Everything"];
/// Endings of the files that are photos.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];

/// Where photos of one's own are: the table `photos` of a gate's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPhotos {
    /// A folder `ARTICLE/…`, `CATEGORY/ARTICLE/…` or `DEPARTMENT/CATEGORY/ARTICLE/…` of photos.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// A CSV with a header and the columns `path` (from the CSV's own folder) and `label`, and perhaps `group`: photos of
    /// one group, such as those of one product or one sender, are never on both sides of a split.
    #[serde(default)]
    pub table: Option<PathBuf>,
    /// A tree as `weights/taxonomy.toml`; `labels.own` may say what labels mean in it, otherwise they are its articles.
    /// Without it the folders make the tree, and labels of a table are articles of one category.
    #[serde(default)]
    pub tree: Option<PathBuf>,
}

#[derive(Deserialize)]
struct TableRow {
    path: PathBuf,
    label: String,
    #[serde(default)]
    group: String,
}

/// A labelled file: its path, the names above it from the innermost on, and its group, empty for none.
struct Found {
    path: PathBuf,
    crumbs: Vec<String>,
    group: String,
}

impl OwnPhotos {
    /// What the card calls them.
    pub fn name(&self) -> String {
        let source = self.folder.as_ref().or(self.table.as_ref());
        format!("own photos, {}", source.map_or_else(String::new, |path| path.display().to_string()))
    }

    /// The photos, sorted by file. Near-duplicates share a part, and so do the photos of a group.
    ///
    /// # Errors
    /// [`Error::Data`] for a missing or malformed table, folder or photo.
    pub fn load(&self) -> Result<Vec<Photo>> {
        let found = self.found()?;
        let hashes = found.par_iter().map(|found| gradient_hash(&read(&found.path)?)).collect::<Result<Vec<_>>>()?;
        // By its place among the photos, so that a folder that is moved or copied is split as before.
        let root = self.folder.as_deref().or(self.table.as_deref().and_then(Path::parent)).unwrap_or(Path::new(""));
        let place = |path: &Path| {
            let place = path.strip_prefix(root).unwrap_or(path);
            place.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
        };
        let name = |found: &Found| {
            if found.group.is_empty() { place(&found.path) } else { format!("group {}", found.group) }
        };
        let names: Vec<String> = found.iter().map(name).collect();
        let first = groups(&names, &hashes);
        let photos = found.into_iter().zip(first).map(|(found, first)| Photo {
            part: part_of(&format!("own {}", names[first])),
            label: found.crumbs[0].clone(),
            source: Source::Own,
            sender: found.group,
            path: found.path,
        });
        let photos: Vec<Photo> = photos.collect();
        for part in [Part::Train, Part::Selection, Part::Calibration, Part::Report] {
            if !photos.iter().any(|photo| photo.part == part) {
                return Err(self.bad(format!("too few photos: none of {} falls into the part {part:?}", photos.len())));
            }
        }
        Ok(photos)
    }

    /// Writes the tree to `taxonomy.toml` of the weights folder: the given one, or the folders'.
    ///
    /// # Errors
    /// [`Error::Config`] for a tree that contradicts itself or a photo's label, [`Error::Io`] when it cannot be written.
    pub fn write_tree(&self, photos: &[Photo], weights: &Path) -> Result<()> {
        let (path, text) = match &self.tree {
            Some(path) => (path.clone(), std::fs::read_to_string(path).map_err(Error::io(path))?),
            None => (weights.join(FILE), self.drawn_tree()?),
        };
        let bad = |reason: String| Error::Config { path: path.clone(), reason };
        let tree = Taxonomy::parse(&text).map_err(&bad)?;
        let covered = |photo: &&Photo| tree.covered(Source::Own.name(), &photo.label).is_none();
        if let Some(photo) = photos.iter().find(covered) {
            return Err(bad(format!("no article for the label `{}` of {}", photo.label, photo.path.display())));
        }
        checkpoint::write_atomic(&weights.join(FILE), text.as_bytes())
    }

    /// The tree that folders or labels make.
    fn drawn_tree(&self) -> Result<String> {
        let mut tree: BTreeMap<String, BTreeMap<String, BTreeMap<String, &str>>> = BTreeMap::new();
        for found in self.found()? {
            let above = |level: usize| found.crumbs.get(level).map_or(UNNAMED[2 - level], String::as_str).to_owned();
            let category = tree.entry(above(2)).or_default().entry(above(1)).or_default();
            category.insert(found.crumbs[0].clone(), "all");
        }
        toml::to_string(&BTreeMap::from([("tree", tree)])).map_err(|error| self.bad(error.to_string()))
    }

    fn found(&self) -> Result<Vec<Found>> {
        let mut found = match (&self.folder, &self.table) {
            (Some(folder), None) => {
                let mut found = Vec::new();
                list(folder, &mut Vec::new(), &mut found)?;
                found
            }
            (None, Some(table)) => rows(table)?,
            _ => return Err(self.bad("`photos` needs a `folder` or a `table`, and not both".into())),
        };
        found.sort_by(|a, b| a.path.cmp(&b.path));
        if found.is_empty() { Err(self.bad("holds no photo".into())) } else { Ok(found) }
    }

    fn bad(&self, reason: String) -> Error {
        let path = self.folder.clone().or(self.table.clone()).unwrap_or_default();
        Error::Data { path, reason }
    }
}

fn rows(table: &Path) -> Result<Vec<Found>> {
    let bad = |error: csv::Error| Error::Data { path: table.to_owned(), reason: error.to_string() };
    let folder = table.parent().unwrap_or(Path::new(""));
    let read = |row: std::result::Result<TableRow, csv::Error>| {
        let row = row.map_err(bad)?;
        Ok(Found { path: folder.join(row.path), crumbs: vec![row.label], group: row.group })
    };
    csv::Reader::from_path(table).map_err(bad)?.deserialize().map(read).collect()
}

/// Photos below a folder, the names of the folders on the way to them from the innermost on.
fn list(folder: &Path, crumbs: &mut Vec<String>, found: &mut Vec<Found>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let reason = |reason: &str| Error::Data { path: path.clone(), reason: reason.into() };
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        if path.is_dir() {
            if crumbs.len() == 3 {
                return Err(reason("lies deeper than DEPARTMENT/CATEGORY/ARTICLE"));
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            crumbs.insert(0, name);
            list(&path, crumbs, found)?;
            crumbs.remove(0);
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            if crumbs.is_empty() {
                return Err(reason("lies in no folder that names what it is of"));
            }
            found.push(Found { path, crumbs: crumbs.clone(), group: String::new() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_photo(path: &Path, seed: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let codes = (0..24 * 24 * 3u32).map(|i| (i.wrapping_mul(seed * 2654435761 + 97) >> 7) as u8).collect();
        let photo = pixels::SrgbImage::new(24, 24, codes).unwrap();
        std::fs::write(path, pixels::encode(&photo, None, pixels::Format::Png, 90).unwrap()).unwrap();
    }

    fn own(folder: Option<&Path>, table: Option<&Path>) -> OwnPhotos {
        OwnPhotos { folder: folder.map(Path::to_owned), table: table.map(Path::to_owned), tree: None }
    }

    #[test]
    fn folders_name_labels_and_the_tree() {
        let root = tempfile::tempdir().unwrap();
        for i in 0..40 {
            let name = if i % 2 == 0 { "Mugs" } else { "Plates" };
            write_photo(&root.path().join(format!("Kitchen/{name}/{i}.png")), i + 1);
        }
        std::fs::write(root.path().join("notes.txt"), "not a photo").unwrap();
        let own = own(Some(root.path()), None);
        let photos = own.load().unwrap();
        assert_eq!((photos.len(), photos[0].label.as_str()), (40, "Mugs"));
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::rename(root.path().join("Kitchen"), elsewhere.path().join("Kitchen")).unwrap();
        let moved = super::tests::own(Some(elsewhere.path()), None).load().unwrap();
        assert!(photos.iter().zip(&moved).all(|(before, after)| before.part == after.part));
        std::fs::rename(elsewhere.path().join("Kitchen"), root.path().join("Kitchen")).unwrap();
        let weights = root.path().join("weights");
        own.write_tree(&photos, &weights).unwrap();
        let tree = Taxonomy::load(&weights).unwrap();
        assert_eq!(tree.breadcrumb(tree.find("Plates").unwrap()), ["Catalogue", "Kitchen", "Plates"]);
    }

    #[test]
    fn a_group_of_a_table_shares_a_part_and_unknown_labels_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let mut table = String::from("path,label,group\n");
        for i in 0..60 {
            write_photo(&root.path().join(format!("{i}.png")), i + 1);
            let label = ["Mugs", "Plates"][i as usize % 2];
            table.push_str(&[format!("{i}.png"), label.to_owned(), format!("product {}\n", i / 3)].join(","));
        }
        let path = root.path().join("photos.csv");
        std::fs::write(&path, table).unwrap();
        let mut own = own(None, Some(&path));
        let photos = own.load().unwrap();
        for photo in &photos {
            assert!(photos.iter().filter(|other| other.sender == photo.sender).all(|other| other.part == photo.part));
        }
        let tree = root.path().join("tree.toml");
        std::fs::write(&tree, "[tree.A.B]\n\"Mugs\" = \"all\"").unwrap();
        own.tree = Some(tree);
        let refused = own.write_tree(&photos, root.path()).unwrap_err().to_string();
        assert!(refused.contains("`Plates`"), "{refused}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        assert!(own(None, None).load().unwrap_err().to_string().contains("`folder` or a `table`"));
        assert!(own(Some(root.path()), None).load().unwrap_err().to_string().contains("no photo"));
        write_photo(&root.path().join("loose.png"), 1);
        assert!(own(Some(root.path()), None).load().unwrap_err().to_string().contains("in no folder"));
    }
}
