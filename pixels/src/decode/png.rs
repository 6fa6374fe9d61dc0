//! PNG: 1 to 16 bits, grey, palette, colour, alpha, interlaced.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::{Limits, Raw, Samples};
use crate::exif;
use crate::icc::ColorModel;
use crate::{Error, Format, Result};

const FORMAT: Format = Format::Png;

/// Memory that metadata (a profile, say) may take when unpacked.
const METADATA_BYTES: usize = 32 << 20;

fn from_png(error: DecodingError, got_bytes: usize) -> Error {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Truncated { format: FORMAT, got_bytes: got_bytes as u64 }
        }
        other => Error::Corrupt { format: FORMAT, reason: other.to_string() },
    }
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Raw> {
    let fail = |error| from_png(error, bytes.len());
    let mut decoder = Decoder::new(Cursor::new(bytes));
    let (width, height) = decoder.read_header_info().map_err(fail)?.size();
    limits.check_pixels(width.into(), height.into())?;
    let row_bytes = width as usize * 8;
    decoder.set_limits(png::Limits { bytes: METADATA_BYTES + 4 * row_bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(fail)?;

    let info = reader.info();
    if let Some(animation) = info.animation_control() {
        return Err(Error::Unsupported {
            format: FORMAT,
            what: format!("an animation of {} frames", animation.num_frames),
            advice: "save the frame you want as a still picture",
        });
    }
    let icc = info.icc_profile.as_ref().map(|profile| profile.to_vec());
    let orientation = info.exif_metadata.as_ref().map_or(1, |block| exif::orientation(block));
    let bit_depth = info.bit_depth as u8;
    let mut notes = Vec::new();
    if icc.is_none() && has_chunk(bytes, *b"iCCP") {
        notes.push("the embedded ICC profile cannot be unpacked; colours are treated as sRGB".to_owned());
    }

    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Error::Corrupt { format: FORMAT, reason: format!("its size is {width}×{height} px") })?;
    let mut buffer = vec![0; size];
    let output = reader.next_frame(&mut buffer).map_err(fail)?;
    buffer.truncate(output.buffer_size());
    let (channels, model) = match output.color_type {
        ColorType::Grayscale => (1, ColorModel::Gray),
        ColorType::GrayscaleAlpha => (2, ColorModel::Gray),
        ColorType::Rgb => (3, ColorModel::Rgb),
        ColorType::Rgba => (4, ColorModel::Rgb),
        ColorType::Indexed => {
            return Err(Error::Corrupt { format: FORMAT, reason: "its palette is missing".to_owned() });
        }
    };
    let has_alpha = channels != model.channels();
    let (samples, alpha) = if output.bit_depth == BitDepth::Sixteen {
        let values: Vec<u16> = buffer.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let (colors, alpha) = split_alpha(values, channels, has_alpha);
        let alpha = alpha.map(|a| a.into_iter().map(crate::srgb16_image::eight_from_sixteen).collect());
        (Samples::Sixteen(colors), alpha)
    } else {
        let (colors, alpha) = split_alpha(buffer, channels, has_alpha);
        (Samples::Eight(colors), alpha)
    };
    Ok(Raw { width, height, whole: (width, height), samples, model, alpha, icc, orientation, bit_depth, notes })
}

/// Separates colour channels from a last alpha channel.
pub(super) fn split_alpha<T: Copy>(values: Vec<T>, channels: usize, has_alpha: bool) -> (Vec<T>, Option<Vec<T>>) {
    if !has_alpha {
        return (values, None);
    }
    let pixels = values.len() / channels;
    let mut colors = Vec::with_capacity(pixels * (channels - 1));
    let mut alpha = Vec::with_capacity(pixels);
    for pixel in values.chunks_exact(channels) {
        colors.extend_from_slice(&pixel[..channels - 1]);
        alpha.push(pixel[channels - 1]);
    }
    (colors, Some(alpha))
}

/// Whether a chunk of this type stands before the image data.
fn has_chunk(bytes: &[u8], kind: [u8; 4]) -> bool {
    let mut at = 8;
    while let Some(&[l3, l2, l1, l0, a, b, c, d]) = bytes.get(at..at + 8) {
        let found = [a, b, c, d];
        if found == kind {
            return true;
        }
        if &found == b"IDAT" {
            return false;
        }
        at = at.saturating_add(12).saturating_add(u32::from_be_bytes([l3, l2, l1, l0]) as usize);
        if at > bytes.len() {
            return false;
        }
    }
    false
}
