//! Bad photos, folders, disks and arguments: one clear line, the right exit code, no partial file.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod support;

use std::fs;

use support::{as_ordinary_user, assert_whole, jpeg, names, rangrez, run, sample};

/// A folder with one good photo, and another with one file of these bytes.
fn with(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    fs::write(folder.path().join("zz-good.jpg"), jpeg(80, 60)).unwrap();
    folder
}

/// The bad photo fails with one line, the good one beside it is still written.
#[track_caller]
fn fails_alone(name: &str, bytes: &[u8], says: &[&str]) {
    let folder = with(name, bytes);
    let out = folder.path().join("out");
    let ended = run(rangrez().arg("resize").arg(folder.path()).args(["--sizes", "40w", "-o"]).arg(&out));
    ended.says(3, says);
    assert!(ended.err[0].contains(name), "the file is named: {:?}", ended.err[0]);
    assert_eq!(names(&out), ["zz-good@40w.jpg"]);
    assert_whole(&out);
}

#[test]
fn a_truncated_jpeg() {
    fails_alone("cut.jpg", &bad::truncated_jpeg(), &["cut off"]);
}

#[test]
fn zero_bytes() {
    fails_alone("empty.png", b"", &["empty", "0 bytes"]);
}

#[test]
fn a_text_file_named_jpg() {
    fails_alone("notes.jpg", b"Dear designer, the photo is in the other mail.\n", &["not a JPEG", "text file"]);
}

#[test]
fn a_png_bomb() {
    fails_alone("bomb.png", &bad::png_bomb(), &["30000×30000", "limit"]);
}

#[test]
fn an_animated_webp() {
    fails_alone("moving.webp", &bad::animated_webp(), &["animation"]);
}

#[test]
fn a_photo_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(rangrez().args(["resize", "nowhere.jpg", "--sizes", "40w", "-o"]).arg(folder.path().join("out")));
    ended.says(3, &["nowhere.jpg", "No such file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_folder_does_not_stop_the_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = with("a.jpg", &jpeg(50, 50));
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("resize").arg(&locked).arg(folder.path()).args(["--sizes", "40w", "-o"]).arg(&out);
    let ended = run(as_ordinary_user(&mut command));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    ended.says(3, &["locked", "cannot list the folder", "Permission denied"]);
    assert_eq!(names(&out), ["a@40w.jpg", "zz-good@40w.jpg"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_output_folder_is_found_before_work_starts() {
    use std::os::unix::fs::PermissionsExt;
    let folder = with("a.jpg", &jpeg(50, 50));
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = rangrez();
    command.arg("resize").arg(folder.path()).args(["--sizes", "40w", "-o"]).arg(&out);
    let ended = run(as_ordinary_user(&mut command));
    ended.says(2, &["cannot write to the output folder", "Permission denied"]);
    assert!(names(&out).is_empty());
}

#[test]
fn an_output_folder_that_is_a_file() {
    let folder = with("a.jpg", &jpeg(50, 50));
    let out = folder.path().join("a.jpg");
    let before = fs::read(&out).unwrap();
    run(rangrez().arg("resize").arg(folder.path()).args(["--sizes", "40w", "-o"]).arg(&out)).says(2, &["is a file"]);
    assert_eq!(fs::read(&out).unwrap(), before);
}

/// Runs the program with a small file system mounted on the output folder. `None` where mounting isn't allowed.
#[cfg(target_os = "linux")]
fn on_a_small_disk(command: &str) -> Option<support::Run> {
    let script = format!("mount -t tmpfs -o size=400k none \"$OUT\" || exit 99; {command}");
    let folder = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    shell.env("OUT", folder.path()).env("RANGREZ", env!("CARGO_BIN_EXE_rangrez")).env_remove("RUST_BACKTRACE");
    let output = shell.output().ok()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(99) || stderr.starts_with("unshare:") {
        eprintln!("skipped, no mounting here: {stderr}");
        return None;
    }
    Some(output.into())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_with_whole_files_only() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..6 {
        fs::write(folder.path().join(format!("p{i}.jpg")), jpeg(300, 200)).unwrap();
    }
    let photos = folder.path().display();
    let resize = format!(
        "\"$RANGREZ\" resize {photos} --sizes 290w,280w --format png --jobs 1 -o \"$OUT\"; code=$?; \
         ls -A \"$OUT\" | sed 's/^/left /'; for f in \"$OUT\"/*.png; do tail -c 8 \"$f\" | grep -q IEND || echo broken $f; done; \
         exit $code"
    );
    let Some(ended) = on_a_small_disk(&resize) else { return };
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.err[0].contains("No space left on device"), "{ended:#?}");
    assert!(ended.err[1].contains("photos not started"), "{ended:#?}");
    assert_eq!(ended.err.len(), 2, "{ended:#?}");
    let left: Vec<_> = ended.out.iter().filter(|line| line.starts_with("left ")).collect();
    assert!(!left.is_empty() && left.iter().all(|name| name.contains(".png") && !name.contains(".part")), "{ended:#?}");
    assert!(!ended.out.iter().any(|line| line.starts_with("broken")), "{ended:#?}");
}

#[test]
fn an_unknown_colour() {
    let out = tempfile::tempdir().unwrap();
    let ended = run(rangrez().arg("recolor").arg(sample()).args(["--to", "purpel", "-o"]).arg(out.path().join("o")));
    ended.says(2, &["purpel", "purple"]);
    assert!(names(out.path()).is_empty());
}

#[test]
fn a_palette_with_a_broken_record() {
    let folder = tempfile::tempdir().unwrap();
    let palette = folder.path().join("autumn.csv");
    fs::write(&palette, "name,hex\nRust,#b7410e\nMoss,#8a9a5\n").unwrap();
    let ended = run(rangrez()
        .arg("recolor")
        .arg(sample())
        .arg("--palette")
        .arg(&palette)
        .arg("-o")
        .arg(folder.path().join("out")));
    ended.says(2, &["autumn.csv", "line 3"]);
    assert_eq!(names(folder.path()), ["autumn.csv"]);
}

#[test]
fn a_size_that_is_none_and_a_format_of_later() {
    let ended = run(rangrez().args(["resize", "x.jpg", "--sizes", "320w,huge"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err[0].contains("huge"), "{ended:#?}");
    let ended = run(rangrez().args(["resize", "x.jpg", "--sizes", "320w", "--format", "jpeg,gif"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err[0].contains("jpeg, png, webp, avif or tiff"), "{ended:#?}");
}

#[test]
fn equal_names_existing_files_and_inputs_are_refused_before_work_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for side in [&a, &b] {
        fs::create_dir(side).unwrap();
        fs::write(side.join("front.jpg"), jpeg(60, 60)).unwrap();
    }
    let out = folder.path().join("out");
    let resize = |from: &std::path::Path, to: &std::path::Path, more: &[&str]| {
        run(rangrez().arg("resize").arg(from).args(["--sizes", "30w", "-o"]).arg(to).args(more))
    };
    run(rangrez().arg("resize").args([&a, &b]).args(["--sizes", "30w", "-o"]).arg(&out)).says(2, &["both write"]);
    assert!(!out.exists());
    assert_eq!(resize(&a, &out, &[]).code, Some(0));
    let before = fs::read(out.join("front@30w.jpg")).unwrap();
    resize(&b, &out, &[]).says(2, &["front@30w.jpg exists already", "--force"]);
    assert_eq!(fs::read(out.join("front@30w.jpg")).unwrap(), before);
    assert_eq!(resize(&b, &out, &["--force"]).code, Some(0));
    // An output that would be the input itself is refused even with --force.
    let input = a.join("front.jpg");
    let before = fs::read(&input).unwrap();
    let ended = run(rangrez().arg("resize").arg(&input).args(["--sizes", "full", "--force", "-o"]).arg(&a));
    ended.says(2, &["is one of the photos"]);
    assert_eq!(fs::read(&input).unwrap(), before);
}

#[test]
fn names_are_told_without_steering_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let evil = folder.path().join("red\u{1b}[31m\nalert.jpg");
    fs::write(&evil, b"").unwrap();
    let ended = run(rangrez().arg("resize").arg(&evil).args(["--sizes", "30w", "-o"]).arg(folder.path().join("out")));
    ended.says(3, &["red\\u{1b}[31m\\u{a}alert.jpg"]);
}
