//! The gate through the program's front door: what is guaranteed, retried and shown.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use serde_json::Value;
use support::{rangrez, run, sample, samples};

#[test]
fn a_certified_share_is_told_and_any_other_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (out, cache) = (folder.path().join("out"), folder.path().join("cache"));
    let mut command = rangrez();
    command.arg("recolor").arg(sample()).args([
        "--to",
        "teal",
        "--gate",
        "report",
        "--false-accept",
        "0.05",
        "--catalog",
    ]);
    let ended = run(command.arg(samples()).arg("-o").arg(&out).env("XDG_CACHE_HOME", &cache));
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let guarantee = &report["settings"]["guarantee"];
    assert_eq!(guarantee["false_accept"], 0.05);
    let count = |key: &str| guarantee[key].as_array().unwrap().len();
    assert!(count("negatives") >= 2 && count("certified") + count("uncertified") >= 8, "{guarantee:#}");
    let gate = &report["photos"][0]["variants"][0]["gate"];
    assert!(gate["certified"].is_boolean() && gate["attempts"].as_u64().unwrap() >= 1, "{gate:#}");
    // The photo itself is in the catalogue, and nothing is nearer to its own recolouring than it.
    let nearest = gate["nearest"].as_array().unwrap();
    let own = sample().file_name().unwrap().to_string_lossy().into_owned();
    assert!(nearest.len() == 3 && nearest[0]["path"].as_str().unwrap().ends_with(&own), "{nearest:#?}");
    assert!(fs::read_to_string(out.join("recipe.toml")).unwrap().contains("false_accept = 0.05"));
    assert!(fs::read_to_string(out.join("index.html")).unwrap().contains("nearest in the catalogue"));

    let mut command = rangrez();
    command.arg("recolor").arg(sample()).args(["--to", "teal", "--false-accept", "0.033", "-o"]);
    let ended = run(command.arg(folder.path().join("refused")));
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    let said = ended.err.join("\n");
    assert!(said.contains("0.033") && said.contains("0.05"), "{said}");

    // A night's work is not even planned on it.
    let manifest = folder.path().join("night.toml");
    let operation = "[[operation]]\nkind = 'recolor'\nto = ['teal']\nfalse_accept =";
    for (share, code) in [(0.033, 2), (0.05, 0)] {
        fs::write(&manifest, format!("masters = ['{}']\n{operation} {share}\n", sample().display())).unwrap();
        let ended =
            run(rangrez().args(["batch", "plan"]).arg(&manifest).arg("-o").arg(folder.path().join("plan.jsonl")));
        assert_eq!(ended.code, Some(code), "{ended:#?}");
    }
}

#[test]
fn too_few_decisions_of_a_person_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("decisions.csv");
    let photo = sample();
    fs::write(&list, format!("file,article,decision\n{},Shirts,accept\n", photo.display())).unwrap();
    let out = folder.path().join("weights");
    let mut command = rangrez();
    let ended = run(command.args(["train", "gate", "--feedback"]).arg(&list).arg("--export").arg(&out));
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let said = ended.err.join("\n");
    assert!(said.contains("at least 40 of each"), "{said}");
}
