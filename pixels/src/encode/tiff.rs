//! TIFF files of one or several pages, ZIP-compressed, with straight alpha.

use std::io::{Cursor, Result as IoResult, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tiff::TiffResult;
use tiff::encoder::colortype::{ColorType, Gray8, RGB8, RGB16, RGBA8, RGBA16};
use tiff::encoder::{Compression, DeflateLevel, Predictor, Rational, TiffEncoder, TiffKindStandard, TiffValue};
use tiff::tags::{ResolutionUnit, Tag};

use super::Deep;
use crate::{Error, Format, Mask, Metadata, Result, SrgbImage, exif_block};

/// Tag that names a page.
const PAGE_NAME: Tag = Tag::Unknown(285);
/// Value of the tag for extra channels that says straight alpha.
const STRAIGHT: u16 = 2;
/// A file over this size cannot be addressed by classic TIFF's 32-bit offsets.
const MAX_BYTES: u64 = u32::MAX as u64;

/// A TIFF in the making, page by page.
pub struct TiffPages {
    encoder: TiffEncoder<Buffer, TiffKindStandard>,
    buffer: Buffer,
    bytes: u64,
}

impl std::fmt::Debug for TiffPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TiffPages").field("raw_bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The file in memory, shared with the encoder, which doesn't give its writer back.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Buffer {
    fn cursor(&self) -> MutexGuard<'_, Cursor<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.cursor().write(bytes)
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Seek for Buffer {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.cursor().seek(to)
    }
}

impl TiffPages {
    /// A TIFF without pages.
    ///
    /// # Errors
    /// Never in practice: it is written to memory.
    pub fn new() -> Result<Self> {
        let buffer = Buffer::default();
        let encoder = TiffEncoder::new(buffer.clone()).map_err(|error| failed(0, 0, &error))?;
        let encoder = encoder
            .with_compression(Compression::Deflate(DeflateLevel::Balanced))
            .with_predictor(Predictor::Horizontal);
        Ok(Self { encoder, buffer, bytes: 0 })
    }

    /// Adds a picture, with its alpha if it has one.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when `alpha` has another size, [`Error::Encode`] when the file gets too large for TIFF.
    pub fn add(&mut self, name: &str, image: &SrgbImage, alpha: Option<&Mask>) -> Result<()> {
        self.add_with(name, image, alpha, &Metadata::default())
    }

    /// Adds a picture with metadata; of EXIF, TIFF has artist and copyright.
    pub(super) fn add_with(
        &mut self,
        name: &str,
        image: &SrgbImage,
        alpha: Option<&Mask>,
        metadata: &Metadata,
    ) -> Result<()> {
        let (width, height) = (image.width_px(), image.height_px());
        match alpha {
            None => self.page::<RGB8>(name, width, height, image.data(), None, metadata),
            Some(alpha) => {
                alpha.check_size(width, height)?;
                self.page::<RGBA8>(name, width, height, &super::interleave(image, alpha), Some(STRAIGHT), metadata)
            }
        }
    }

    /// Adds a picture of 16 bits.
    ///
    /// # Errors
    /// As [`TiffPages::add`].
    pub fn add_deep(&mut self, name: &str, deep: Deep<'_>) -> Result<()> {
        self.add_deep_with(name, deep, &Metadata::default())
    }

    /// Adds a picture of 16 bits with metadata.
    pub(super) fn add_deep_with(&mut self, name: &str, deep: Deep<'_>, metadata: &Metadata) -> Result<()> {
        let (width, height) = (deep.image.width_px(), deep.image.height_px());
        match deep.alpha {
            None => self.page::<RGB16>(name, width, height, deep.image.data(), None, metadata),
            Some(_) => self.page::<RGBA16>(name, width, height, &deep.interleaved()?, Some(STRAIGHT), metadata),
        }
    }

    /// Adds a mask as a grey page.
    ///
    /// # Errors
    /// [`Error::Encode`] when the file gets too large for TIFF.
    pub fn add_mask(&mut self, name: &str, mask: &Mask) -> Result<()> {
        self.page::<Gray8>(name, mask.width_px(), mask.height_px(), mask.data(), None, &Metadata::default())
    }

    /// The file's bytes.
    pub fn finish(self) -> Vec<u8> {
        std::mem::take(self.buffer.cursor().get_mut())
    }

    fn page<C: ColorType>(
        &mut self,
        name: &str,
        width: u32,
        height: u32,
        data: &[C::Inner],
        extra: Option<u16>,
        metadata: &Metadata,
    ) -> Result<()>
    where
        [C::Inner]: TiffValue,
    {
        if width == 0 || height == 0 {
            return Err(failed(width, height, &"it has no pixels"));
        }
        // Compression may not help, so that the raw size counts.
        self.bytes = self.bytes.saturating_add(std::mem::size_of_val(data) as u64);
        if self.bytes > MAX_BYTES {
            return Err(failed(width, height, &"all pages together have more than 4 GB; write layers as PNG"));
        }
        write::<C, _>(&mut self.encoder, name, width, height, data, (extra, metadata))
            .map_err(|error| failed(width, height, &error))
    }
}

fn write<C: ColorType, W: Write + Seek>(
    encoder: &mut TiffEncoder<W, TiffKindStandard>,
    name: &str,
    width: u32,
    height: u32,
    data: &[C::Inner],
    (extra, metadata): (Option<u16>, &Metadata),
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let mut page = encoder.new_image::<C>(width, height)?;
    if let Some(kind) = extra {
        page.encoder().write_tag(Tag::ExtraSamples, &[kind][..])?;
    }
    // TIFF's strings are ASCII.
    let ascii: String = name.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    page.encoder().write_tag(PAGE_NAME, ascii.as_str())?;
    if let Some(dpi) = metadata.dpi {
        page.resolution(ResolutionUnit::Inch, Rational { n: u32::from(dpi), d: 1 });
    }
    if let Some(icc) = &metadata.icc {
        page.encoder().write_tag(Tag::IccProfile, icc.as_slice())?;
    }
    for (tag, text) in metadata.exif.as_deref().map(exif_block::owner).unwrap_or_default() {
        let text = String::from_utf8_lossy(&text).replace(|c: char| !c.is_ascii(), "?");
        page.encoder().write_tag(Tag::Unknown(tag), text.as_str())?;
    }
    page.write_data(data)
}

fn failed(width: u32, height: u32, reason: &dyn std::fmt::Display) -> Error {
    Error::Encode { format: Format::Tiff, width, height, reason: reason.to_string() }
}
