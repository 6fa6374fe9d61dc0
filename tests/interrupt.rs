//! Ctrl-C: only whole files, exit code 130, and a report of what was done.
#![cfg(unix)]
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use support::{assert_whole, jpeg, names, rangrez, sample};

/// Starts a run, presses Ctrl-C at its first line of data and waits for its end.
fn interrupted(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().expect("the first line of data").unwrap();
    press_ctrl_c(&child);
    lines.for_each(drop);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

fn press_ctrl_c(child: &Child) {
    // SAFETY: the process is our own child and has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
}

#[test]
fn resize_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = jpeg(900, 700);
    for i in 0..60 {
        fs::write(folder.path().join(format!("p{i:02}.jpg")), &bytes).unwrap();
    }
    let out = folder.path().join("out");
    let (code, said) =
        interrupted(rangrez().arg("resize").arg(folder.path()).args(["--sizes", "800w", "-o"]).arg(&out));
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!((1..60).contains(&names(&out).len()), "{:?}", names(&out));
    assert_whole(&out);
}

#[test]
fn recolor_leaves_whole_files_and_a_report_of_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..40 {
        fs::copy(sample(), folder.path().join(format!("p{i:02}.jpg"))).unwrap();
    }
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("recolor").arg(folder.path()).args(["--to", "teal", "--to", "maroon", "--gate", "report", "-o"]);
    let (code, said) = interrupted(command.arg(&out));
    assert_eq!(code, Some(130), "{said}");
    assert_whole(&out);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["status"], "interrupted");
    let photos = report["photos"].as_array().unwrap();
    assert_eq!(photos.len(), 40);
    assert_eq!(photos[39]["status"], "not_started");
    // Every file in the folder is in the report and the other way round.
    let mut listed = ["report.json", "index.html", "recipe.toml", "tolerance.csv"].map(str::to_owned).to_vec();
    for photo in photos {
        listed.extend(photo["source"]["mask"].as_str().map(str::to_owned));
        let variants = photo["variants"].as_array().unwrap();
        let files = variants.iter().flat_map(|v| v["files"].as_array().unwrap());
        listed.extend(files.map(|f| f["file"].as_str().unwrap().to_owned()));
    }
    listed.sort();
    assert_eq!(names(&out), listed);
}
