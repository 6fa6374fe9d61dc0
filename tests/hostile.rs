//! Hostile files through the real program: hundreds made by seeded mutation of good ones, and bombs made by hand.
//!
//! Every file that cannot be read is a line with a reason; none crashes the program, hangs it, or makes it take memory.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile_files;
mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use support::{Run, names, rangrez, run};

/// Mutants per format and seed picture.
const MUTANTS: usize = 560;
/// Longest time that one file may take, even beside other tests on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(5);
/// Most memory that the program may have had: 64 MiB of pixels may be asked for, several times over, and the rest is the program's own.
const MAX_RESIDENT_BYTES: u64 = 1 << 30;

fn resize(folder: &Path, out: &Path) -> Run {
    run(rangrez()
        .arg("resize")
        .arg(folder)
        .args(["--sizes", "32w,24x24:pad=blur", "--jobs", "2", "--memory", "512MiB", "-o"])
        .arg(out))
}

/// The most memory that any child of this test has had.
fn children_resident_bytes() -> u64 {
    // SAFETY: all-zero is a valid rusage, and getrusage writes nothing else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage), 0);
        usage
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss).unwrap() * unit
}

/// Runs all files, and asserts that each either became pictures or a line with its name and a reason.
fn survives(files: &[(String, Vec<u8>)]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    fs::create_dir(&photos).unwrap();
    for (name, bytes) in files {
        fs::write(photos.join(name), bytes).unwrap();
        let start = Instant::now();
        let _ = pixels::decode(bytes, &pixels::Limits::default());
        assert!(start.elapsed() < MAX_TIME, "{name} takes {:?}", start.elapsed());
    }
    let ended = resize(&photos, &out);
    assert!(matches!(ended.code, Some(0 | 3)), "{:?} {:#?}", ended.code, ended.err.last());
    let made = names(&out);
    let mut refused = 0;
    for (name, _) in files {
        let stem = name.rsplit_once('.').unwrap().0;
        let whole = made.iter().filter(|file| file.starts_with(&format!("{stem}@"))).count();
        let row = ended.err.iter().find(|line| line.contains(&format!("/{name}: ")));
        match row {
            Some(row) => {
                let reason = row.rsplit_once(&format!("/{name}: ")).unwrap().1;
                assert!(reason.len() > 15 && !reason.contains("panicked") && !reason.contains("a bug"), "{row}");
                refused += 1;
            }
            None => assert_eq!(whole, 2, "{name} has neither pictures nor a reason: {:#?}", ended.err.last()),
        }
        assert!(whole == 2 || row.is_some(), "{name}");
    }
    support::assert_whole(&out);
    let resident = children_resident_bytes();
    assert!(resident < MAX_RESIDENT_BYTES, "{resident} bytes");
    refused
}

#[test]
fn mutated_files_are_rows_and_nothing_else() {
    let files = hostile_files::mutants(MUTANTS);
    assert!(files.len() >= 500);
    let refused = survives(&files);
    // Some mutations hit pixels only and leave a picture; most must have been noticed.
    assert!(refused > files.len() / 4 && refused < files.len(), "{refused} of {}", files.len());
}

#[test]
fn bombs_by_hand_are_rows_with_their_reasons() {
    let bombs = hostile_files::bombs();
    let refused = survives(&bombs.iter().map(|(name, bytes, _)| (name.clone(), bytes.clone())).collect::<Vec<_>>());
    assert_eq!(refused, bombs.iter().filter(|(_, _, says)| says.is_some()).count());
    for (name, bytes, says) in &bombs {
        match (pixels::decode(bytes, &pixels::Limits::default()), says) {
            (Ok(_), None) => {}
            (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{name}: {error}"),
            (result, _) => panic!("{name}: {:?}", result.map(|photo| photo.notes)),
        }
    }
}
