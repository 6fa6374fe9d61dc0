//! JPEG: a walk over the markers for everything but the pixels, then libjpeg-turbo.

use super::{Limits, Raw, Reduction, Samples};
use crate::exif;
use crate::icc::{self, ColorModel};
use crate::jpeg_planes::JpegPlanes;
use crate::libjpeg::{self, Channels};
use crate::pool;
use crate::{Error, Format, Result};

const FORMAT: Format = Format::Jpeg;

/// Most scans of a file; encoders write about ten.
const MAX_SCANS: u32 = 100;
/// Most pixels times scans, unless there are no more than [`USUAL_SCANS`].
const MAX_SCANNED_PIXELS: u64 = 1 << 30;
const USUAL_SCANS: u64 = 16;

/// What the markers say.
#[derive(Debug, Default)]
struct Header {
    width: u32,
    height: u32,
    components: u8,
    /// The colour transform of Adobe's APP14 segment; its presence also means that CMYK is stored inverted.
    adobe_transform: Option<u8>,
    orientation: u8,
    icc_chunks: Vec<(u8, u8, Vec<u8>)>,
    is_progressive: bool,
    scans: u32,
    /// Whether the end-of-image marker was reached.
    complete: bool,
}

fn corrupt(reason: impl Into<String>) -> Error {
    Error::Corrupt { format: FORMAT, reason: reason.into() }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { format: FORMAT, what: what.into(), advice: "save it as an ordinary 8-bit JPEG" }
}

/// Walks the marker segments up to the end of the first image.
fn walk(bytes: &[u8], limits: &Limits) -> Result<Header> {
    let mut header = Header { orientation: 1, ..Header::default() };
    let mut at = 2;
    loop {
        // Between segments, anything up to the next 0xFF is skipped, as decoders do.
        while bytes.get(at).is_some_and(|&b| b != 0xFF) {
            at += 1;
        }
        while bytes.get(at).is_some_and(|&b| b == 0xFF) {
            at += 1;
        }
        let Some(&marker) = bytes.get(at) else { return Ok(header) };
        at += 1;
        match marker {
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => {
                header.complete = true;
                return Ok(header);
            }
            _ => {}
        }
        let Some(&[high, low]) = bytes.get(at..at + 2) else { return Ok(header) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(corrupt(format!("marker FF{marker:02X} has no length")));
        }
        let Some(segment) = bytes.get(at + 2..at + length) else { return Ok(header) };
        at += length;
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => read_frame(marker, segment, limits, &mut header)?,
            0xE1 if segment.starts_with(b"Exif\0\0") => header.orientation = exif::orientation(segment),
            0xE2 => {
                if let Some(&[part, of, ref data @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") {
                    header.icc_chunks.push((part, of, data.to_vec()));
                }
            }
            0xEE if segment.starts_with(b"Adobe") => header.adobe_transform = segment.get(11).copied(),
            0xDA => {
                header.scans += 1;
                check_scans(&header)?;
                at = end_of_scan(bytes, at);
            }
            _ => {}
        }
    }
}

/// Refuses files whose scans alone cost seconds: each goes over the whole picture, and an empty one takes a few bytes.
fn check_scans(header: &Header) -> Result<()> {
    let pixels = u64::from(header.width) * u64::from(header.height);
    if header.scans <= MAX_SCANS && u64::from(header.scans) * pixels <= MAX_SCANNED_PIXELS.max(pixels * USUAL_SCANS) {
        return Ok(());
    }
    Err(unsupported(format!("{} scans of {}×{} px", header.scans, header.width, header.height)))
}

/// Index of the 0xFF of the first marker after entropy-coded data.
fn end_of_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF)) {
        at += step;
        match bytes.get(at + 1) {
            Some(0x00 | 0xD0..=0xD7) => at += 2,
            Some(0xFF) => at += 1,
            _ => return at,
        }
    }
    bytes.len()
}

fn read_frame(marker: u8, segment: &[u8], limits: &Limits, header: &mut Header) -> Result<()> {
    match marker {
        0xC3 | 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF => return Err(unsupported("lossless or hierarchical coding")),
        0xC9 | 0xCA => return Err(unsupported("arithmetic coding")),
        _ => {}
    }
    let Some(&[precision, h1, h0, w1, w0, components, ..]) = segment.get(..6) else {
        return Err(corrupt("the frame header is too short"));
    };
    if header.components != 0 {
        return Err(corrupt("it has two frame headers"));
    }
    if precision != 8 {
        return Err(unsupported(format!("{precision} bits per channel")));
    }
    header.width = u32::from(u16::from_be_bytes([w1, w0]));
    header.height = u32::from(u16::from_be_bytes([h1, h0]));
    header.components = components;
    header.is_progressive = marker == 0xC2;
    if header.width == 0 || header.height == 0 {
        return Err(corrupt(format!("its size is {}×{} px", header.width, header.height)));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(unsupported(format!("{components} colour channels")));
    }
    limits.check_pixels(header.width.into(), header.height.into())
}

/// The profile from its numbered parts; `None` with a note when parts are missing.
fn join_icc(mut chunks: Vec<(u8, u8, Vec<u8>)>, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let count = chunks.first()?.1;
    chunks.sort_by_key(|chunk| chunk.0);
    let whole = chunks.len() == usize::from(count) && chunks.iter().zip(1..).all(|(c, n)| c.0 == n && c.1 == count);
    if !whole {
        notes.push("the embedded ICC profile is incomplete; colours are treated as sRGB".to_owned());
        return None;
    }
    Some(chunks.into_iter().flat_map(|chunk| chunk.2).collect())
}

/// The header of a file that is whole and has a picture.
fn read_header(bytes: &[u8], limits: &Limits) -> Result<Header> {
    let header = walk(bytes, limits)?;
    if !header.complete {
        return Err(Error::Truncated { format: FORMAT, got_bytes: bytes.len() as u64 });
    }
    if header.components == 0 {
        return Err(corrupt("it has no frame header"));
    }
    Ok(header)
}

/// The planes of a file that is upright sRGB in luma and chroma, at the size that `reduction` says; `None` of any other.
pub(super) fn read_planes(bytes: &[u8], limits: &Limits, reduction: Reduction<'_>) -> Result<Option<JpegPlanes>> {
    let header = read_header(bytes, limits)?;
    if header.components != 3 || header.orientation != 1 {
        return Ok(None);
    }
    let mut notes = Vec::new();
    let icc = join_icc(header.icc_chunks, &mut notes);
    if !notes.is_empty() || icc.is_some_and(|profile| !icc::is_srgb(&profile)) {
        return Ok(None);
    }
    let whole = (header.width, header.height);
    let shrink = reduction(whole.0, whole.1);
    let planes = libjpeg::decode_planes(bytes, whole, shrink).map_err(corrupt)?;
    Ok(planes.map(|planes| JpegPlanes::of_file(whole, shrink, planes)))
}

pub(super) fn read(bytes: &[u8], limits: &Limits, reduction: Reduction<'_>) -> Result<Raw> {
    let header = read_header(bytes, limits)?;
    let mut notes = Vec::new();
    let icc = join_icc(header.icc_chunks, &mut notes);
    let (model, channels) = match header.components {
        1 => (ColorModel::Gray, Channels::Grey),
        3 => (ColorModel::Rgb, Channels::Rgb),
        _ => (ColorModel::Cmyk, Channels::Cmyk),
    };
    let whole = (header.width, header.height);
    let upright = if header.orientation >= 5 { (whole.1, whole.0) } else { whole };
    let shrink = reduction(upright.0, upright.1);
    let (width, height) = libjpeg::shrunk_size(whole.0, whole.1, shrink);
    // Every byte is written, or an error returned.
    let mut samples = pool::bytes(width as usize * height as usize * channels.count());
    libjpeg::decode(bytes, whole, channels, shrink, &mut samples).map_err(corrupt)?;
    // Adobe's programs store 255 for no ink, and mark it.
    if channels == Channels::Cmyk && header.adobe_transform.is_some() {
        samples.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    Ok(Raw {
        width,
        height,
        whole,
        samples: Samples::Eight(samples),
        model,
        alpha: None,
        icc,
        orientation: header.orientation,
        bit_depth: 8,
        notes,
    })
}
