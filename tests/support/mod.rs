//! What the end-to-end tests share: the program, its output, and pictures to feed it.
// Each test file uses its own part of this.
#![allow(dead_code)]

#[cfg(unix)]
pub mod s3;
pub mod season;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pixels::{Format, SrgbImage, encode};

/// The program, with the repository's weights and no progress bar.
pub fn rangrez() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rangrez"));
    command.env_remove("RUST_BACKTRACE").env_remove("RANGREZ_WEIGHTS").current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Lines on stdout.
    pub out: Vec<String>,
    /// Lines on stderr.
    pub err: Vec<String>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
        Self { code: output.status.code(), out: lines(&output.stdout), err: lines(&output.stderr) }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Run {
    command.output().unwrap().into()
}

impl Run {
    /// Asserts the exit code and that stderr is exactly one line with all of `parts`.
    #[track_caller]
    pub fn says(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.err.len(), 1, "one clear line: {self:#?}");
        for part in parts {
            assert!(self.err[0].contains(part), "{part:?} is missing in {:?}", self.err[0]);
        }
    }

    /// Asserts the exit code and that the first line on stderr has all of `parts`.
    #[track_caller]
    pub fn starts(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.err[0].contains(part), "{part:?} is missing in {:?}", self.err[0]);
        }
    }
}

/// Names of the files in a folder, hidden ones too; empty when it does not exist.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Asserts that every picture in the folder decodes and that no temporary file is left.
#[track_caller]
pub fn assert_whole(folder: &Path) {
    for name in names(folder) {
        assert!(!name.contains(".part"), "a temporary file is left: {name}");
        let path = folder.join(&name);
        if path.extension().is_some_and(|e| e == "jpg" || e == "png" || e == "webp") {
            pixels::decode_file(&path, &pixels::Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

/// A picture with some structure.
pub fn picture(width: u32, height: u32) -> SrgbImage {
    let texel = |i: u32| {
        let (x, y) = (i % width, i / width);
        [(x * 255 / width) as u8, (y * 255 / height) as u8, ((x ^ y) * 5 % 256) as u8]
    };
    SrgbImage::new(width, height, (0..width * height).flat_map(texel).collect()).unwrap()
}

/// A good photo's bytes.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encode(&picture(width, height), None, Format::Jpeg, 90).unwrap()
}

/// The repository's weights folder.
pub fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights")
}

/// The repository's sample photos.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/photos")
}

/// All sample photos.
pub fn samples_sorted() -> Vec<PathBuf> {
    let photos = fs::read_dir(samples()).unwrap().map(|e| e.unwrap().path());
    let mut photos: Vec<_> = photos.filter(|p| p.extension().is_some_and(|e| e == "jpg")).collect();
    photos.sort();
    photos
}

/// One sample photo.
pub fn sample() -> PathBuf {
    samples_sorted().remove(0)
}

/// Takes from the program the right to read and write against file permissions, which root has and users have not.
#[cfg(target_os = "linux")]
pub fn as_ordinary_user(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: prctl is async-signal-safe and touches only the new process.
    unsafe {
        command.pre_exec(|| {
            const CAP_DAC_OVERRIDE: libc::c_ulong = 1;
            const CAP_DAC_READ_SEARCH: libc::c_ulong = 2;
            for capability in [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH] {
                // Fails for ordinary users, who have neither.
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
            Ok(())
        })
    }
}
