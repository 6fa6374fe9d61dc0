//! Seventh stage: the files of a cleared variant, each written whole.

use pixels::Mask;

use crate::exit::Result;
use crate::report::{FileEntry, format_name};

use super::judged::Cleared;
use super::out_dir::OutDir;
use super::sizes::{Encoded, Profile};

/// The files of one variant, on the disk.
#[derive(Debug, Default)]
pub struct Renditions {
    /// What was written.
    pub files: Vec<FileEntry>,
}

impl Renditions {
    /// Renders and writes the variant in every size and format.
    ///
    /// # Errors
    /// An input failure when a file can't be encoded or written.
    pub fn write(cleared: &Cleared, alpha: Option<&Mask>, base: &str, profile: &Profile, out: &OutDir) -> Result<Self> {
        let candidate = cleared.candidate();
        let mut files = Vec::new();
        for file in profile.render(base, &candidate.image, alpha, Some(&candidate.encoded)) {
            let Encoded { name, size, format, width_px, height_px, bytes } = file?;
            out.write(&name, &bytes)?;
            files.push(FileEntry {
                file: name,
                size,
                format: format_name(format),
                width_px,
                height_px,
                bytes: bytes.len(),
            });
        }
        Ok(Self { files })
    }
}
