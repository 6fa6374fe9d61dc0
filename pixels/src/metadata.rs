//! What a file says besides its pixels, and how it gets into files that are written.

use crate::{Format, exif_block, icc};

/// Metadata to write into a file; empty by default, so that nothing leaves by accident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Dots per inch at which a print has its size; JPEG, PNG and TIFF say it.
    pub dpi: Option<u16>,
    /// ICC profile. Pixels that are written are sRGB, so that any other profile would be a lie.
    pub icc: Option<Vec<u8>>,
    /// EXIF block: a TIFF structure, beginning with `II*\0` or `MM\0*`. Pixels that are written are upright, so that its
    /// orientation has to be 1.
    pub exif: Option<Vec<u8>>,
}

/// What of a photo's metadata goes into the files made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Dots per inch to write; not the photo's, but the user's.
    pub dpi: Option<u16>,
    /// A colour profile: sRGB's, since pixels are converted to sRGB and the photo's own would be wrong for them.
    pub icc: bool,
    /// The EXIF block, its orientation made 1, its size the file's own, without its thumbnail.
    pub exif: bool,
    /// Artist and copyright of the EXIF block and nothing else of it.
    pub copyright: bool,
}

/// Bytes of a JPEG segment besides its marker and length.
const SEGMENT_BYTES: usize = 65_533;
/// What the segment of an ICC part begins with, before the part's number and their count.
const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";
/// What the segment of an EXIF block begins with.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

impl Metadata {
    /// What of a photo's file is kept. A block that is broken is left out.
    ///
    /// EXIF is found in JPEG, PNG and WebP files; of a TIFF, whose EXIF is spread over the file, artist and copyright are.
    ///
    /// # Errors
    /// [`crate::Error::Profile`] when sRGB's profile can't be written, which has not been seen.
    pub fn of_file(bytes: &[u8], keep: Keep) -> crate::Result<Self> {
        let icc = keep.icc.then(icc::srgb_profile).transpose()?;
        let block = if keep.exif || keep.copyright { exif_of(bytes) } else { None };
        let exif = block.and_then(|block| match block {
            Exif::Block(block) if keep.exif => exif_block::upright(block),
            Exif::Block(block) | Exif::File(block) => exif_block::owner_only(block),
        });
        Ok(Self { dpi: keep.dpi, icc, exif })
    }

    /// The same, true of a picture of this size.
    pub(crate) fn sized(&self, width_px: u32, height_px: u32) -> Self {
        let exif = self.exif.as_ref().map(|block| exif_block::sized(block, width_px, height_px));
        Self { dpi: self.dpi, icc: self.icc.clone(), exif }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.dpi.is_none() && self.icc.is_none() && self.exif.is_none()
    }

    /// Adds the metadata to a JPEG file without any.
    pub(crate) fn add_to_jpeg(&self, file: Vec<u8>) -> Result<Vec<u8>, String> {
        if self.is_empty() {
            return Ok(file);
        }
        // The JFIF segment comes first.
        let at = match file.get(2..6) {
            Some(&[0xFF, 0xE0, high, low]) => 4 + usize::from(u16::from_be_bytes([high, low])),
            _ => 2,
        };
        let (head, tail) = file.split_at_checked(at).ok_or("the JPEG has no frame")?;
        let mut out = head.to_vec();
        // The density in the JFIF segment, in dots per inch.
        if let (Some(dpi), Some(place)) = (self.dpi, out.get_mut(13..18)) {
            place[0] = 1;
            place[1..3].copy_from_slice(&dpi.to_be_bytes());
            place[3..5].copy_from_slice(&dpi.to_be_bytes());
        }
        let mut segment = |marker: u8, parts: &[&[u8]]| {
            let length = parts.iter().map(|part| part.len()).sum::<usize>() + 2;
            out.extend([0xFF, marker]);
            out.extend((length as u16).to_be_bytes());
            parts.iter().for_each(|part| out.extend_from_slice(part));
        };
        if let Some(exif) = &self.exif {
            if exif.len() > SEGMENT_BYTES - EXIF_PREFIX.len() {
                return Err(format!("its EXIF block of {} bytes is more than JPEG can hold", exif.len()));
            }
            segment(0xE1, &[EXIF_PREFIX, exif]);
        }
        if let Some(icc) = &self.icc {
            let parts = icc.chunks(SEGMENT_BYTES - ICC_PREFIX.len() - 2);
            let count = u8::try_from(parts.len()).map_err(|_| "its ICC profile is more than JPEG can hold")?;
            for (part, number) in parts.zip(1_u8..) {
                segment(0xE2, &[ICC_PREFIX, &[number, count], part]);
            }
        }
        out.extend_from_slice(tail);
        Ok(out)
    }

    /// Adds the metadata to a WebP file without any.
    pub(crate) fn add_to_webp(
        &self,
        file: Vec<u8>,
        (width, height): (u32, u32),
        has_alpha: bool,
    ) -> Result<Vec<u8>, String> {
        if self.is_empty() {
            return Ok(file);
        }
        let chunks = file.get(12..).ok_or("the WebP has no chunks")?;
        // An extended file begins with its flags already; a simple one gets them.
        let (extended, rest) = match chunks.get(..18) {
            Some(head) if head.starts_with(b"VP8X") => (head[8], &chunks[18..]),
            _ => (0, chunks),
        };
        let flag = |on: bool, bit: u8| if on { 1 << bit } else { 0 };
        let flags = extended | flag(self.icc.is_some(), 5) | flag(has_alpha, 4) | flag(self.exif.is_some(), 3);
        let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
        let side = |px: u32| (px - 1).to_le_bytes();
        let ([w0, w1, w2, _], [h0, h1, h2, _]) = (side(width), side(height));
        riff_chunk(&mut out, *b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
        if let Some(icc) = &self.icc {
            riff_chunk(&mut out, *b"ICCP", icc);
        }
        out.extend_from_slice(rest);
        if let Some(exif) = &self.exif {
            riff_chunk(&mut out, *b"EXIF", exif);
        }
        let length = u32::try_from(out.len() - 8).map_err(|_| "it is more than WebP can hold")?;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        Ok(out)
    }
}

fn riff_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(kind);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend_from_slice(data);
    out.extend(std::iter::repeat_n(0, data.len() % 2));
}

/// Where a file has its EXIF.
enum Exif<'a> {
    /// In a block of its own.
    Block(&'a [u8]),
    /// All over the file.
    File(&'a [u8]),
}

fn exif_of(bytes: &[u8]) -> Option<Exif<'_>> {
    match Format::sniff(bytes)? {
        Format::Jpeg => jpeg_segment(bytes).map(Exif::Block),
        Format::Png => chunk(bytes, 8, *b"eXIf", u32::from_be_bytes, 4, 12).map(Exif::Block),
        Format::Webp => chunk(bytes, 12, *b"EXIF", u32::from_le_bytes, 0, 8).map(Exif::Block),
        Format::Tiff => Some(Exif::File(bytes)),
        Format::Avif => None,
    }
}

/// The first EXIF segment before the picture's data.
fn jpeg_segment(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 2;
    loop {
        let &[mark, marker, high, low] = bytes.get(at..at + 4)? else { return None };
        if mark != 0xFF || marker == 0xDA {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        let segment = bytes.get(at + 4..at + 2 + length)?;
        if marker == 0xE1 && segment.starts_with(EXIF_PREFIX) {
            return Some(segment);
        }
        at += 2 + length;
    }
}

/// The first chunk of a kind, in a file of chunks from `at` on: kind and length of four bytes each, the kind at `kind_at`, the
/// whole chunk `around` bytes longer than its data; those of RIFF are padded to even lengths.
fn chunk(
    bytes: &[u8],
    mut at: usize,
    kind: [u8; 4],
    number: fn([u8; 4]) -> u32,
    kind_at: usize,
    around: usize,
) -> Option<&[u8]> {
    loop {
        let head = bytes.get(at..at.checked_add(8)?)?;
        let length = number(head[4 - kind_at..8 - kind_at].try_into().ok()?) as usize;
        if head[kind_at..kind_at + 4] == kind {
            return bytes.get(at + 8..(at + 8).checked_add(length)?);
        }
        let padding = if around == 8 { length % 2 } else { 0 };
        at = at.checked_add(length)?.checked_add(around + padding)?;
    }
}

#[cfg(test)]
mod tests;
