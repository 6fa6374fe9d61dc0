//! Finding a recipe's inputs, which may have moved, by their checksums.

use std::path::{Path, PathBuf};

use generators::checkpoint::sha256_hex;

use crate::exit::{Failure, Result};
use crate::terminal::clean_path;

use super::InputFile;

/// Where inputs are looked for.
#[derive(Clone, Debug, Default)]
pub struct Finder {
    /// Folders to look in besides the path as it is written, those first that the user named.
    root: Option<PathBuf>,
    beside: Option<PathBuf>,
}

impl Finder {
    /// Looks in `root` if it is given, then for the path as written, then beside the recipe.
    pub fn of_recipe(recipe: &Path, root: Option<&Path>) -> Self {
        Self { root: root.map(Path::to_owned), beside: recipe.parent().map(Path::to_owned) }
    }

    /// The file whose content the recipe names; of an input without a checksum, the first that exists. What a command line
    /// names is taken as it is.
    ///
    /// # Errors
    /// Usage errors (exit code 2): no such file, or another content.
    pub fn find(&self, input: &InputFile) -> Result<PathBuf> {
        if self.root.is_none() && self.beside.is_none() {
            return Ok(input.path.clone());
        }
        let mut other = None;
        for path in self.candidates(&input.path) {
            let Some(expected) = &input.sha256 else {
                if path.is_file() {
                    return Ok(path);
                }
                continue;
            };
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let found = sha256_hex(&bytes);
            if found.eq_ignore_ascii_case(expected) {
                return Ok(path);
            }
            other.get_or_insert((path, found));
        }
        let name = clean_path(&input.path);
        Err(Failure::usage(match (other, &input.sha256) {
            (Some((path, found)), Some(expected)) => format!(
                "{} is not the file that the recipe was made with: its sha256 is {found}, the recipe says {expected}",
                clean_path(&path)
            ),
            _ => format!("{name}: the recipe's input is not there; name the folder that it is in with --input-root"),
        }))
    }

    fn candidates(&self, path: &Path) -> Vec<PathBuf> {
        let within = |folder: &PathBuf| {
            let name = path.file_name().map(|name| folder.join(name));
            // Joining an absolute path would leave the folder.
            path.is_relative().then(|| folder.join(path)).into_iter().chain(name)
        };
        let root = self.root.iter().flat_map(within);
        root.chain([path.to_owned()]).chain(self.beside.iter().flat_map(within)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn inputs_are_found_by_content_wherever_they_moved() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::create_dir_all(old.join("in")).unwrap();
        fs::create_dir_all(&new).unwrap();
        fs::write(old.join("in/a.jpg"), b"abc").unwrap();
        fs::write(new.join("a.jpg"), b"changed").unwrap();
        let sum = sha256_hex(b"abc");
        let input = InputFile { path: "in/a.jpg".into(), sha256: Some(sum.clone()) };
        let recipe = folder.path().join("r/recipe.toml");
        assert_eq!(Finder::of_recipe(&recipe, Some(&old)).find(&input).unwrap(), old.join("in/a.jpg"));
        assert_eq!(Finder::of_recipe(&old.join("recipe.toml"), None).find(&input).unwrap(), old.join("in/a.jpg"));
        let changed = Finder::of_recipe(&recipe, Some(&new)).find(&input).unwrap_err();
        assert!(changed.exit.code() == 2 && changed.line().contains(&sum), "{}", changed.line());
        let missing = Finder::of_recipe(&recipe, None).find(&input).unwrap_err();
        assert!(missing.exit.code() == 2 && missing.line().contains("--input-root"), "{}", missing.line());
        let any = InputFile { sha256: None, ..input };
        assert_eq!(Finder::of_recipe(&recipe, Some(&new)).find(&any).unwrap(), new.join("a.jpg"));
    }
}
