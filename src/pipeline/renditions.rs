//! Seventh stage: the files of a cleared variant, each written whole.

use pixels::{Focus, Mask, Metadata};

use crate::exit::Result;
use crate::report::{FileEntry, TargetEntry, format_name};

use super::judged::Cleared;
use super::out_dir::OutDir;
use super::sizes::{Encoded, Picture, Profile};

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
    pub fn write(
        cleared: &Cleared,
        (alpha, metadata, garment): (Option<&Mask>, &Metadata, Option<Focus>),
        base: &str,
        profile: &Profile,
        out: &OutDir,
    ) -> Result<Self> {
        let candidate = cleared.candidate();
        let mut files = Vec::new();
        let ready = Some(&candidate.encoded);
        let deep = candidate.deep.as_ref();
        let picture = Picture { image: &candidate.image, deep, alpha, metadata, ready, garment, whole: None };
        for file in profile.render(base, picture) {
            let Encoded { name, size, format, width_px, height_px, bytes, target } = file?;
            out.write(&name, &bytes)?;
            files.push(FileEntry {
                file: name,
                size,
                format: format_name(format),
                width_px,
                height_px,
                bytes: bytes.len(),
                target: target.as_ref().map(TargetEntry::from),
            });
        }
        Ok(Self { files })
    }
}
