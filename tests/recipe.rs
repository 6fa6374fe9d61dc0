//! Recipes through the program's front door: what a run writes reproduces it byte for byte, or is refused by name.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Run, names, rangrez, run, samples, weights};

/// Two small photos and a run over them with nearly every option.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir(&photos).unwrap();
        for name in ["teal-polo-carpet.jpg", "floral-dress-wood.jpg"] {
            fs::copy(samples().join(name), photos.join(name)).unwrap();
        }
        let made = Self { folder };
        let mut command = rangrez();
        command.current_dir(made.path()).arg("recolor").arg("photos").args([
            "--to",
            "#8a1538",
            "--to",
            "lab(70 -10.5 20)",
        ]);
        command.args([
            "--sizes",
            "full,90w",
            "--format",
            "png,jpeg",
            "--quality",
            "80",
            "--gate",
            "report",
            "-o",
            "first",
        ]);
        let ended = run(command.arg("--weights").arg(weights()));
        assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
        made
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn recipe(&self) -> PathBuf {
        self.path().join("first/recipe.toml")
    }

    /// Replays a recipe from the repository's folder, where none of its relative paths lead anywhere.
    fn replay(&self, recipe: &Path, out: &str, more: &[&str]) -> Run {
        let mut command = rangrez();
        command.arg("recolor").arg("--recipe").arg(recipe).arg("-o").arg(self.path().join(out));
        run(command.args(more))
    }

    fn edited(&self, edit: impl Fn(&str) -> String) -> PathBuf {
        let path = self.path().join("first/edited.toml");
        fs::write(&path, edit(&fs::read_to_string(self.recipe()).unwrap())).unwrap();
        path
    }
}

/// All files of a folder but those that say when and where the run was made.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let about = |name: &String| ["report.json", "index.html", "tolerance.csv", "edited.toml"].contains(&name.as_str());
    names(folder).into_iter().filter(|n| !about(n)).map(|n| (n.clone(), fs::read(folder.join(n)).unwrap())).collect()
}

/// The report without times and places.
fn report(folder: &Path) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    report["created"] = serde_json::Value::Null;
    report["summary"]["seconds"] = serde_json::Value::Null;
    for photo in report["photos"].as_array_mut().unwrap() {
        photo["path"] = serde_json::Value::Null;
    }
    report
}

#[test]
fn a_replay_makes_the_same_bytes_or_names_what_differs() {
    let made = Made::new();
    let root = made.path().to_str().unwrap().to_owned();

    // Elsewhere, with the weights copied elsewhere too.
    let copied = made.path().join("copied-weights");
    fs::create_dir(&copied).unwrap();
    for entry in fs::read_dir(weights()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copied.join(entry.file_name())).unwrap();
    }
    let copied = copied.to_str().unwrap().to_owned();
    let ended = made.replay(&made.recipe(), "second", &["--input-root", &root, "--weights", &copied]);
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    let (first, second) = (contents(&made.path().join("first")), contents(&made.path().join("second")));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert!(first.len() >= 2 + 2 * 2 * 2 * 2 && first.contains_key("recipe.toml"), "{:?}", first.keys());
    for (name, bytes) in &first {
        assert!(&second[name] == bytes, "{name} differs");
    }
    assert_eq!(report(&made.path().join("first")), report(&made.path().join("second")));

    // Inputs that moved are found by their content, in one folder too.
    fs::rename(made.path().join("photos"), made.path().join("moved")).unwrap();
    made.replay(&made.recipe(), "lost", &[]).says(2, &["floral-dress-wood.jpg", "--input-root"]);
    let moved = made.path().join("moved").to_str().unwrap().to_owned();
    assert!(matches!(made.replay(&made.recipe(), "third", &["--input-root", &moved, "--dry-run"]).code, Some(0)));

    // A changed input.
    let photo = made.path().join("moved/teal-polo-carpet.jpg");
    let whole = fs::read(&photo).unwrap();
    fs::write(&photo, [whole.as_slice(), b"x"].concat()).unwrap();
    let changed = made.replay(&made.recipe(), "changed", &["--input-root", &moved]);
    changed.says(2, &["moved/teal-polo-carpet.jpg", "not the file that the recipe was made with"]);
    fs::write(&photo, &whole).unwrap();

    // Other weights: the recipe names others than there are.
    let other = made.edited(|text| text.replace("\"gate.safetensors\" = \"", "\"gate.safetensors\" = \"00"));
    made.replay(&other, "w", &["--input-root", &moved]).says(4, &["gate.safetensors", "the recipe says 00"]);

    // Another generation of the program.
    let other = made.edited(|text| text.replace("version = \"", "version = \"9"));
    made.replay(&other, "v", &["--input-root", &moved]).says(2, &["the recipe is of rangrez 9"]);

    // What was made is compared: here the recipe expects another file.
    let name = "teal-polo-carpet.mask.png";
    let other = made.edited(|text| text.replace(&format!("\"{name}\" = \""), &format!("\"{name}\" = \"00")));
    let ended = made.replay(&other, "compared", &["--input-root", &moved]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(
        ended.err.iter().any(|line| line.contains("not what the recipe made") && line.contains(name)),
        "{ended:#?}"
    );
    for refused in ["lost", "changed", "w", "v"] {
        assert!(names(&made.path().join(refused)).is_empty(), "{refused} was refused, and yet something was made");
    }
}

#[test]
fn a_recipe_by_hand_takes_photos_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("mine.toml");
    let photo = samples().join("teal-polo-carpet.jpg");
    let recolor = |text: &str, more: &[&str]| {
        fs::write(&recipe, text).unwrap();
        run(rangrez().arg("recolor").arg("--recipe").arg(&recipe).args(more).arg("-o").arg(folder.path().join("out")))
    };
    let photo = photo.to_str().unwrap();
    let hand = "gate = 'off'\nsizes = ['60w']\n[[region]]\nname = 'upper'\nto = ['teal', { name = 'Deep Rust', hex = '#b7410e' }]\n";
    let ended = recolor(hand, &[photo]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let out = folder.path().join("out");
    assert!(out.join("teal-polo-carpet--deep-rust@60w.jpg").is_file(), "{:?}", names(&out));

    recolor(hand, &[]).says(2, &["names no photos"]);
    recolor("[[region]]\ntoo = ['teal']\n", &[photo]).says(2, &["mine.toml", "line 2", "unknown field `too`"]);
    recolor("[[region]]\nto = ['tael']\n", &[photo]).says(2, &["tael", "teal"]);
    recolor("[[region]]\n", &[photo]).says(2, &["no colours"]);
    recolor("to = ['teal']", &[photo]).says(2, &["mine.toml", "unknown field `to`"]);
    recolor("[[region]]\nto = ['teal'\n", &[photo]).says(2, &["mine.toml", "line "]);
    recolor("sizes = ['huge']\n[[region]]\nto = ['teal']\n", &[photo]).says(2, &["huge"]);
    let both = recolor(hand, &[photo, "--to", "red"]);
    assert_eq!(both.code, Some(2), "{both:#?}");
    assert!(both.err[0].contains("cannot be used with"), "{both:#?}");
    fs::remove_file(&recipe).unwrap();
    let missing = run(rangrez().args(["recolor", "--recipe"]).arg(&recipe));
    missing.says(2, &["mine.toml", "No such file"]);
}
