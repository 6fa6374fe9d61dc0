//! WebP: the RIFF chunks for profile and orientation, libwebp for the pixels.

use super::{Limits, Raw, Samples};
use crate::exif;
use crate::icc::ColorModel;
use crate::libwebp;
use crate::{Error, Format, Result};

const FORMAT: Format = Format::Webp;

/// What the chunks say.
#[derive(Default)]
struct Chunks<'a> {
    icc: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    frames: usize,
}

fn walk(bytes: &[u8]) -> Result<Chunks<'_>> {
    let truncated = || Error::Truncated { format: FORMAT, got_bytes: bytes.len() as u64 };
    let u32_at = |at: usize| -> Option<usize> {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(four) as usize)
    };
    let end = u32_at(4).ok_or_else(truncated)?.saturating_add(8);
    if end > bytes.len() {
        return Err(truncated());
    }
    let mut chunks = Chunks::default();
    let mut at = 12;
    while at + 8 <= end {
        let length = u32_at(at + 4).ok_or_else(truncated)?;
        let body = bytes.get(at + 8..(at + 8).saturating_add(length)).ok_or_else(truncated)?;
        match &bytes[at..at + 4] {
            b"ICCP" => chunks.icc = Some(body),
            b"EXIF" => chunks.exif = Some(body),
            b"ANMF" => chunks.frames += 1,
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    Ok(chunks)
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Raw> {
    let corrupt = |reason: &str| Error::Corrupt { format: FORMAT, reason: reason.to_owned() };
    let features = libwebp::features(bytes).ok_or_else(|| corrupt("its header cannot be read"))?;
    limits.check_pixels(features.width.into(), features.height.into())?;
    let chunks = walk(bytes)?;
    if features.has_animation {
        return Err(Error::Unsupported {
            format: FORMAT,
            what: format!("an animation of {} frames", chunks.frames),
            advice: "save the frame you want as a still picture",
        });
    }
    let pixels = libwebp::decode(bytes, &features).ok_or_else(|| corrupt("its picture data cannot be decoded"))?;
    let (samples, alpha) = if features.has_alpha {
        let alpha = pixels.chunks_exact(4).map(|p| p[3]).collect();
        (pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(), Some(alpha))
    } else {
        (pixels, None)
    };
    Ok(Raw {
        width: features.width,
        height: features.height,
        whole: (features.width, features.height),
        samples: Samples::Eight(samples),
        model: ColorModel::Rgb,
        alpha,
        icc: chunks.icc.map(<[u8]>::to_vec),
        orientation: chunks.exif.map_or(1, exif::orientation),
        bit_depth: 8,
        notes: Vec::new(),
    })
}
