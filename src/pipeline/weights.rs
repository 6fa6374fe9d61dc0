//! Where the weights are, and which files they should be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use generators::backbone;
use generators::checkpoint::{sha256_hex, weights_path};

use crate::cli::WeightsArgs;
use crate::exit::{Exit, Failure, Result};

/// The list of checksums in a weights folder.
pub const SUMS: &str = "SHA256SUMS";

/// Finds the folder: `--weights`, else `RANGREZ_WEIGHTS`, else `weights` beside the program or up to three folders above
/// it, else `./weights`.
pub fn folder(args: &WeightsArgs) -> PathBuf {
    if let Some(named) = &args.weights {
        return named.clone();
    }
    if let Some(named) = std::env::var_os("RANGREZ_WEIGHTS").filter(|v| !v.is_empty()) {
        return named.into();
    }
    let program = std::env::current_exe().ok().and_then(|exe| exe.canonicalize().ok());
    let beside = program.iter().flat_map(|exe| exe.ancestors().skip(1).take(4)).map(|dir| dir.join("weights"));
    beside
        .into_iter()
        .find(|dir| weights_path(dir, backbone::NAME).is_file())
        .unwrap_or_else(|| PathBuf::from("weights"))
}

/// File names and checksums of `SHA256SUMS`, by name.
///
/// # Errors
/// A weights failure (exit code 4) when the list is missing or has a malformed line.
pub fn listed(folder: &Path) -> Result<BTreeMap<String, String>> {
    let path = folder.join(SUMS);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(
            Exit::Weights,
            format!(
                "no weights in {}: {SUMS}: {error}; name their folder with --weights or RANGREZ_WEIGHTS",
                folder.display()
            ),
        )
    })?;
    let malformed = |number| {
        Failure::new(Exit::Weights, format!("{}: line {number}: not a checksum and a file name", path.display()))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| sum_and_name(line).ok_or_else(|| malformed(i + 1))).collect()
}

fn sum_and_name(line: &str) -> Option<(String, String)> {
    let (sum, name) = line.split_once(char::is_whitespace)?;
    let valid = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then(|| (name.trim_start_matches([' ', '*']).trim_end().to_owned(), sum.to_ascii_lowercase()))
}

/// Checks one file against its checksum.
///
/// # Errors
/// A weights failure (exit code 4).
pub fn check(folder: &Path, file: &str, expected: &str) -> Result<()> {
    let path = folder.join(file);
    let bad = |what: String| Failure::new(Exit::Weights, format!("weights {}: {what}", path.display()));
    let bytes = fs::read(&path).map_err(|error| bad(format!("{error}; copy the weights folder again")))?;
    let found = sha256_hex(&bytes);
    if found != expected {
        return Err(bad(format!("sha256 is {found}, {SUMS} says {expected}; copy the weights folder again")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_and_compared() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(listed(folder.path()).unwrap_err().exit.code(), 4);
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        fs::write(folder.path().join(SUMS), format!("{sum}  a.bin\n")).unwrap();
        assert_eq!(listed(folder.path()).unwrap()["a.bin"], sum);
        fs::write(folder.path().join("a.bin"), b"abc").unwrap();
        check(folder.path(), "a.bin", sum).unwrap();
        fs::write(folder.path().join("a.bin"), b"abd").unwrap();
        let failure = check(folder.path(), "a.bin", sum).unwrap_err();
        assert!(failure.exit == Exit::Weights && failure.line().contains("a.bin: sha256 is"), "{}", failure.line());
        fs::write(folder.path().join(SUMS), "nonsense\n").unwrap();
        assert!(listed(folder.path()).unwrap_err().line().contains("line 1"));
    }
}
