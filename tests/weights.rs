//! Weights that are missing, damaged or of another program: exit code 4 and what to do.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod support;

use std::fs;
use std::path::Path;

use generators::checkpoint::sha256_hex;
use support::{Run, names, rangrez, run, sample, weights};

/// A copy of the repository's weights.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(weights()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Replaces a weights file and makes its card agree, so that only the content is wrong.
fn replace(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(format!("{name}.safetensors")), bytes).unwrap();
    let path = folder.join(format!("{name}.card.json"));
    let mut card: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    card["sha256"] = sha256_hex(bytes).into();
    fs::write(path, serde_json::to_vec(&card).unwrap()).unwrap();
}

fn recolor_with(folder: &Path) -> Run {
    let out = tempfile::tempdir().unwrap();
    let mut command = rangrez();
    command.arg("recolor").arg(sample()).args(["--to", "teal", "-o"]).arg(out.path().join("out"));
    let ended = run(command.arg("--weights").arg(folder));
    assert!(names(out.path()).is_empty(), "nothing is made before the weights are loaded");
    ended
}

#[test]
fn no_weights() {
    let folder = tempfile::tempdir().unwrap();
    recolor_with(folder.path()).says(4, &["weights not found", ".safetensors", "--weights"]);
}

#[test]
fn truncated_weights() {
    for name in ["backbone", "segmenter", "recolor", "gate"] {
        let folder = copied();
        let path = folder.path().join(format!("{name}.safetensors"));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        recolor_with(folder.path()).says(4, &[&format!("{name}.safetensors"), "invalid weights"]);
    }
}

#[test]
fn a_swapped_shape() {
    for name in ["backbone", "segmenter", "recolor", "gate"] {
        let folder = copied();
        let whole = fs::read(folder.path().join(format!("{name}.safetensors"))).unwrap();
        replace(folder.path(), name, &bad::with_swapped_shape(&whole));
        recolor_with(folder.path()).says(4, &[&format!("{name}.safetensors"), "expected"]);
    }
}

#[test]
fn another_version() {
    let folder = copied();
    let whole = fs::read(folder.path().join("segmenter.safetensors")).unwrap();
    replace(folder.path(), "segmenter", &bad::of_another_version(&whole));
    recolor_with(folder.path()).says(4, &["segmenter.safetensors", "version 999"]);
}

#[test]
fn the_doctor_finds_a_changed_file() {
    let folder = copied();
    let healthy = run(rangrez().arg("doctor").arg("--weights").arg(folder.path()));
    assert_eq!(healthy.code, Some(0), "{healthy:#?}");
    assert!(healthy.out.iter().any(|line| line.starts_with("libtorch") && line.contains("2.13.0")), "{healthy:#?}");
    let path = folder.path().join("gate.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ill = run(rangrez().arg("doctor").arg("--weights").arg(folder.path()));
    assert_eq!(ill.code, Some(4), "{ill:#?}");
    assert!(ill.out.iter().any(|line| line.starts_with("problem") && line.contains("gate.safetensors")), "{ill:#?}");
}
