//! Finding masters: folders and prefixes listed, files hashed, each with the name that its outputs start with.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use pixels::Limits;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use resizing::memory::pixels_of;

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::interrupt;
use crate::pipeline::photo::ENDINGS;
use crate::terminal::clean;

use super::CONTROL;
use super::key;
use super::location::Location;
use super::store::{Listed, Sources};

/// A master of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Master {
    /// Its name below the folder that was named, with `/` between parts; unique in the plan.
    pub name: String,
    /// Where it lies: an absolute path or an address.
    pub at: String,
    /// Length in bytes; 0 when it could not be read.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The store's tag of its content, when it was not read for planning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Pixels (width times height), when the header was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<u64>,
    /// Which of the plan's operations are done with it.
    pub operations: Vec<usize>,
    /// Why nothing can be made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Master {
    /// What decides its content: checksum, store's tag, or what is wrong with it.
    pub fn identity(&self) -> String {
        match (&self.sha256, &self.etag, &self.problem) {
            (Some(sum), ..) => format!("sha256 {sum}"),
            (None, Some(tag), _) => format!("etag {tag} {}", self.bytes),
            (None, None, problem) => format!("problem {}", problem.as_deref().unwrap_or_default()),
        }
    }

    /// Its name without ending.
    pub fn stem(&self) -> &str {
        let start = self.name.rfind('/').map_or(0, |slash| slash + 1);
        match self.name[start..].rfind('.') {
            Some(dot) if dot > 0 => &self.name[..start + dot],
            _ => &self.name,
        }
    }
}

/// Finds all masters, sorted by name. Those in stores are known by the store's tag unless `read_remote`.
///
/// # Errors
/// Usage errors: a folder that cannot be listed, nothing found, two masters of one name. What is wrong with a single file
/// becomes its [`Master::problem`].
pub fn find(named: &[(Location, Vec<usize>)], sources: &Sources, read_remote: bool) -> Result<Vec<Master>> {
    let mut found: Vec<Master> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (location, operations) in named {
        interrupt::check()?;
        for (name, at, remote) in list(location, sources)? {
            let at = at.to_string();
            if let Some(&place) = known.get(&at) {
                let master: &mut Master = &mut found[place];
                master
                    .operations
                    .extend(operations.iter().filter(|o| !master.operations.contains(o)).copied().collect::<Vec<_>>());
                master.operations.sort_unstable();
                continue;
            }
            known.insert(at.clone(), found.len());
            let operations = operations.clone();
            let (bytes, etag) = remote.map_or((0, None), |listed| (listed.bytes, listed.etag));
            found.push(Master { name, at, bytes, sha256: None, etag, pixels: None, operations, problem: None });
        }
    }
    if found.is_empty() {
        return Err(Failure::usage("no masters found: name JPEG, PNG, WebP or TIFF files, or folders that hold some"));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Failure::usage(format!(
            "{} and {} would both be called {} in the output: name the folder above both, or run them into two outputs",
            clean(&pair[0].at),
            clean(&pair[1].at),
            clean(&pair[0].name)
        )));
    }
    found.par_iter_mut().try_for_each(|master| {
        interrupt::check()?;
        match Location::parse(&master.at, Path::new("/"))? {
            Location::Remote(_) if !read_remote => Ok(()),
            at => {
                inspect(master, &at, sources);
                Ok(())
            }
        }
    })?;
    Ok(found)
}

/// Reads, hashes and measures one master, or notes why that is impossible.
fn inspect(master: &mut Master, at: &Location, sources: &Sources) {
    match sources.get(at, None) {
        Ok(bytes) => {
            master.bytes = bytes.len() as u64;
            master.sha256 = Some(key::sha256(&bytes));
            master.etag = None;
            master.pixels = pixels_of(&bytes);
        }
        Err(trouble) => master.problem = Some(trouble.line()),
    }
}

type Found = (String, Location, Option<Listed>);

fn list(location: &Location, sources: &Sources) -> Result<Vec<Found>> {
    match location {
        Location::Local(path) if path.is_dir() => {
            let mut found = Vec::new();
            walk(path, "", &mut found)?;
            Ok(found)
        }
        Location::Local(path) => Ok(vec![(last_part(path), location.clone(), None)]),
        Location::Remote(address) if is_picture(address) => {
            let (folder, name) = location.split();
            let listed = sources.list(&folder, &name)?.into_iter().find(|listed| listed.name == name);
            // What is not there stays in the plan, and fails with a reason.
            Ok(vec![(name, location.clone(), listed)])
        }
        Location::Remote(_) => {
            let listed = sources.list(location, "")?.into_iter();
            let pictures = listed.filter(|listed| is_picture(&listed.name) && !hidden(&listed.name));
            Ok(pictures.map(|listed| (listed.name.clone(), location.join(&listed.name), Some(listed))).collect())
        }
    }
}

/// Pictures below a folder. Hidden folders are left out, and so are the outputs of batches.
fn walk(folder: &Path, name: &str, found: &mut Vec<Found>) -> Result<()> {
    let cannot =
        |error: std::io::Error| Failure::usage(format!("{}: cannot list the folder: {error}", folder.display()));
    if folder.join(CONTROL).is_dir() {
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect()).map_err(cannot)?;
    entries.sort();
    for path in entries {
        let part = last_part(&path);
        let below = if name.is_empty() { part.clone() } else { format!("{name}/{part}") };
        if part.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, &below, found)?;
        } else if is_picture(&part) {
            found.push((below, Location::Local(path), None));
        }
    }
    Ok(())
}

fn last_part(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.'))
}

fn is_picture(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// Reads a local file within the limits.
///
/// # Errors
/// An input failure: unreadable or too large.
pub fn read_local(path: &Path) -> Result<Vec<u8>> {
    pixels::read_limited(path, Limits::default().max_bytes).or_exit(Exit::Input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let named = [(Location::Local(folder.to_owned()), vec![0])];
        find(&named, &Sources::default(), false).unwrap().into_iter().map(|master| master.name).collect()
    }

    #[test]
    fn folders_are_walked_but_not_outputs_or_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in ["b.jpg", "a/c.PNG", "a/notes.txt", ".hidden/d.jpg", "out/e.jpg"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), b"x").unwrap();
        }
        fs::create_dir(root.join("out").join(CONTROL)).unwrap();
        assert_eq!(names(root), ["a/c.PNG", "b.jpg"]);
    }

    #[test]
    fn a_bad_file_is_a_problem_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Location::Local(folder.path().join("gone.jpg"));
        fs::write(folder.path().join("a.jpg"), b"abc").unwrap();
        let named = [(Location::Local(folder.path().to_owned()), vec![0, 2]), (missing, vec![1])];
        let found = find(&named, &Sources::default(), false).unwrap();
        assert_eq!(found[0].identity(), format!("sha256 {}", key::sha256(b"abc")));
        assert!(found[1].problem.as_ref().unwrap().contains("No such file"), "{found:?}");
        assert_eq!((found[1].stem(), found[1].operations.as_slice()), ("gone", &[1][..]));
        let again = [
            (Location::Local(folder.path().to_owned()), vec![1]),
            (Location::Local(folder.path().join("a.jpg")), vec![0]),
        ];
        assert_eq!(find(&again, &Sources::default(), false).unwrap()[0].operations, [0, 1]);
    }

    #[test]
    fn two_masters_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for side in ["x", "y"] {
            fs::create_dir(folder.path().join(side)).unwrap();
            fs::write(folder.path().join(side).join("a.jpg"), b"x").unwrap();
        }
        let named = ["x", "y"].map(|side| (Location::Local(folder.path().join(side)), vec![0]));
        let failure = find(&named, &Sources::default(), false).unwrap_err();
        assert!(
            failure.exit == Exit::Usage && failure.line().contains("would both be called a.jpg"),
            "{}",
            failure.line()
        );
    }
}
