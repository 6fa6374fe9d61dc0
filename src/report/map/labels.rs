//! Labels of photos from a table.

use std::collections::HashMap;
use std::path::Path;

use crate::exit::{Failure, Result};

/// Labels by the photo's file name, in lower case, with and without ending.
#[derive(Debug, Default)]
pub struct Labels {
    by_name: HashMap<String, Option<String>>,
}

impl Labels {
    /// Reads the columns `photo` (or `path`, `image`, `id`) and `label` of a CSV.
    ///
    /// # Errors
    /// Usage errors: a file that cannot be read, or one without these columns.
    pub fn read(path: &Path) -> Result<Self> {
        let named = |error: csv::Error| Failure::usage(format!("labels {}: {error}", path.display()));
        let mut table = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(named)?;
        let header = table.headers().map_err(named)?.clone();
        let column = |names: &[&str]| header.iter().position(|h| names.contains(&h.trim().to_lowercase().as_str()));
        let (Some(photo), Some(label)) = (column(&["photo", "path", "image", "id"]), column(&["label"])) else {
            let found = header.iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!(
                "labels {}: needs the columns photo and label, has {found}",
                path.display()
            )));
        };
        let mut labels = Self::default();
        for row in table.records() {
            let row = row.map_err(named)?;
            if let (Some(photo), Some(label)) = (row.get(photo), row.get(label).filter(|l| !l.trim().is_empty())) {
                labels.add(Path::new(photo.trim()), label.trim());
            }
        }
        Ok(labels)
    }

    fn add(&mut self, photo: &Path, label: &str) {
        for name in names(photo) {
            // Two photos of one name with different labels: neither is told of.
            let known = self.by_name.entry(name).or_insert_with(|| Some(label.to_owned()));
            if known.as_deref() != Some(label) {
                *known = None;
            }
        }
    }

    /// A photo's label; none when the table does not name it or contradicts itself.
    pub fn of(&self, photo: &Path) -> Option<&str> {
        names(photo).into_iter().find_map(|name| self.by_name.get(&name)).and_then(Option::as_deref)
    }
}

/// What a photo may be called in a table: its file name, and that without its ending.
fn names(photo: &Path) -> Vec<String> {
    let lower = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().to_lowercase());
    lower(photo.file_name()).into_iter().chain(lower(photo.file_stem())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Labels> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Labels::read(file.path())
    }

    #[test]
    fn photos_are_found_by_name_with_or_without_ending() {
        let labels = read("ID,Label\n17,Shirts\nphotos/B.JPG,Tops\n18,\n").unwrap();
        assert_eq!(labels.of(Path::new("x/17.jpg")), Some("Shirts"));
        assert_eq!(labels.of(Path::new("b.jpg")), Some("Tops"));
        assert_eq!(labels.of(Path::new("18.jpg")), None);
    }

    #[test]
    fn a_table_that_contradicts_itself_or_lacks_columns() {
        let labels = read("photo,label\na.jpg,Shirts\na.jpg,Tops\n").unwrap();
        assert_eq!(labels.of(Path::new("a.jpg")), None);
        let refused = read("photo,kind\na,b\n").unwrap_err();
        assert!(refused.exit.code() == 2 && refused.line().contains("has photo, kind"), "{}", refused.line());
    }
}
