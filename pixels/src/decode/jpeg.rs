//! JPEG: a walk over the markers for everything but the pixels, then zune-jpeg, or jpeg-decoder for rare layouts.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{Limits, Raw, Samples};
use crate::exif;
use crate::icc::ColorModel;
use crate::{Error, Format, Result};

const FORMAT: Format = Format::Jpeg;

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
    /// Whether baseline channels come one after the other, each in a scan of its own.
    separate_scans: bool,
    is_progressive: bool,
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
                let in_scan = segment.first().copied().unwrap_or_default();
                header.separate_scans |= !header.is_progressive && in_scan < header.components;
                at = end_of_scan(bytes, at);
            }
            _ => {}
        }
    }
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

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Raw> {
    let header = walk(bytes, limits)?;
    if !header.complete {
        return Err(Error::Truncated { format: FORMAT, got_bytes: bytes.len() as u64 });
    }
    if header.components == 0 {
        return Err(corrupt("it has no frame header"));
    }
    let mut notes = Vec::new();
    let icc = join_icc(header.icc_chunks, &mut notes);
    let mut samples = if header.separate_scans || header.components == 4 {
        decode_unusual(bytes, header.components)?
    } else {
        decode_usual(bytes, header.components)?
    };
    let model = match header.components {
        1 => ColorModel::Gray,
        3 => ColorModel::Rgb,
        _ => {
            cmyk_from_stored(&mut samples, header.adobe_transform);
            ColorModel::Cmyk
        }
    };
    let expected = header.width as usize * header.height as usize * model.channels();
    if samples.len() != expected {
        return Err(corrupt(format!("{} of {expected} channel values decoded", samples.len())));
    }
    Ok(Raw {
        width: header.width,
        height: header.height,
        samples: Samples::Eight(samples),
        model,
        alpha: None,
        icc,
        orientation: header.orientation,
        bit_depth: 8,
        notes,
    })
}

/// Grey or RGB of a file whose channels are interleaved or progressive, by the fast decoder.
fn decode_usual(bytes: &[u8], components: u8) -> Result<Vec<u8>> {
    // Strict, because the lenient mode fills what is missing with grey.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(if components == 1 { ColorSpace::Luma } else { ColorSpace::RGB });
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode().map_err(|error| corrupt(format!("{error:?}")))
}

/// Grey, RGB, or four channels as they are stored.
///
/// zune-jpeg 0.5 loses the last rows of baseline files with one scan per channel, and misplaces the channels of subsampled
/// CMYK; jpeg-decoder is slower and right.
fn decode_unusual(bytes: &[u8], components: u8) -> Result<Vec<u8>> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    if components == 4 {
        decoder.set_color_transform(jpeg_decoder::ColorTransform::CMYK);
    }
    let mut samples = decoder.decode().map_err(|error| corrupt(error.to_string()))?;
    if components == 4 {
        // This decoder hands out CMYK inverted, whatever the file says.
        for value in &mut samples {
            *value = 255 - *value;
        }
    }
    Ok(samples)
}

/// Full ink for 255, from the file's own four channels.
fn cmyk_from_stored(samples: &mut [u8], adobe_transform: Option<u8>) {
    if adobe_transform == Some(2) {
        cmyk_from_ycck(samples);
    }
    if adobe_transform.is_some() {
        for ink in samples {
            *ink = 255 - *ink;
        }
    }
}

/// Undoes Adobe's YCCK transform in place: C = 255 − R(YCbCr) and so on; K is stored as it is.
fn cmyk_from_ycck(samples: &mut [u8]) {
    for pixel in samples.chunks_exact_mut(4) {
        let [y, cb, cr] = [f32::from(pixel[0]), f32::from(pixel[1]) - 128.0, f32::from(pixel[2]) - 128.0];
        let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        for (ink, light) in pixel.iter_mut().zip(rgb) {
            *ink = (255.0 - light).round().clamp(0.0, 255.0) as u8;
        }
    }
}
