//! TIFF: 8 and 16 bits, grey, RGB and CMYK, alpha, strips and tiles; the first page.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffFormatError};

use super::png::split_alpha;
use super::{Limits, Raw, Samples};
use crate::icc::ColorModel;
use crate::srgb16_image::eight_from_sixteen;
use crate::{Error, Format, Result};

const FORMAT: Format = Format::Tiff;

/// Memory that a single tag (a profile, say) may take.
const TAG_BYTES: usize = 32 << 20;
/// Tag that marks reduced pictures, which camera raw files have first.
const NEW_SUBFILE_TYPE: Tag = Tag::Unknown(254);
/// Tag of Adobe's raw format.
const DNG_VERSION: Tag = Tag::Unknown(50706);
/// Planes stored one after the other.
const PLANAR: u16 = 2;
/// What an extra channel is: premultiplied or straight alpha.
const ASSOCIATED: u16 = 1;
const STRAIGHT: u16 = 2;

/// What to do about a TIFF that is not read here.
const SAVE_PLAIN: &str = "save it as RGB with 8 or 16 bits, LZW, ZIP or no compression";

fn from_tiff(error: TiffError, got_bytes: usize) -> Error {
    let corrupt = |reason: String| Error::Corrupt { format: FORMAT, reason };
    match error {
        TiffError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Truncated { format: FORMAT, got_bytes: got_bytes as u64 }
        }
        TiffError::UnsupportedError(what) => {
            Error::Unsupported { format: FORMAT, what: what.to_string(), advice: SAVE_PLAIN }
        }
        TiffError::FormatError(TiffFormatError::RequiredTagNotFound(tag)) => corrupt(format!("it has no {tag:?}")),
        other => corrupt(other.to_string()),
    }
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Raw> {
    let fail = |error| from_tiff(error, bytes.len());
    let unsupported = |what: String| Error::Unsupported { format: FORMAT, what, advice: SAVE_PLAIN };
    let room = usize::try_from(limits.max_pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut allowed = TiffLimits::default();
    allowed.decoding_buffer_size = room;
    allowed.intermediate_buffer_size = room;
    allowed.ifd_value_size = TAG_BYTES;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(fail)?.with_limits(allowed);
    let (width, height) = decoder.dimensions().map_err(fail)?;
    limits.check_pixels(width.into(), height.into())?;

    let number = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u32>(tag).map_err(fail);
    let reduced = number(&mut decoder, NEW_SUBFILE_TYPE)?.is_some_and(|kind| kind & 1 == 1);
    if reduced || decoder.find_tag(DNG_VERSION).map_err(fail)?.is_some() || bytes.get(8..10) == Some(b"CR") {
        return Err(Error::Unsupported {
            format: FORMAT,
            what: "a camera raw file".to_owned(),
            advice: "develop it and save the picture as TIFF, PNG or JPEG",
        });
    }
    let planar = number(&mut decoder, Tag::PlanarConfiguration)? == Some(u32::from(PLANAR));
    let color = decoder.colortype().map_err(fail)?;
    let (model, channels, depth) = match color {
        ColorType::Gray(depth) => (ColorModel::Gray, 1, depth),
        ColorType::Multiband { bit_depth, num_samples: 2 } => (ColorModel::Gray, 2, bit_depth),
        ColorType::RGB(depth) => (ColorModel::Rgb, 3, depth),
        ColorType::RGBA(depth) => (ColorModel::Rgb, 4, depth),
        ColorType::CMYK(depth) => (ColorModel::Cmyk, 4, depth),
        other => return Err(unsupported(format!("{other:?}"))),
    };
    if !matches!(depth, 8 | 16) || (planar && channels > 1) {
        let planes = if planar { " in separate planes" } else { "" };
        return Err(unsupported(format!("{depth} bits per channel{planes}")));
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(fail)?.unwrap_or_default();
    let icc = decoder.find_tag(Tag::IccProfile).map_err(fail)?.and_then(|value| value.into_u8_vec().ok());
    let orientation = number(&mut decoder, Tag::Orientation)?.filter(|v| (1..=8).contains(v)).unwrap_or(1) as u8;
    let mut notes = Vec::new();
    if decoder.more_images() {
        notes.push("the TIFF has several pages; the first is taken".to_owned());
    }

    let values = decoder.read_image().map_err(fail)?;
    let expected = width as usize * height as usize * channels;
    let has_alpha = channels != model.channels();
    let kind = if has_alpha { extra.first().copied().unwrap_or(STRAIGHT) } else { STRAIGHT };
    let wrong_length = || Error::Corrupt { format: FORMAT, reason: "its data does not fill its size".to_owned() };
    let (samples, alpha) = match values {
        DecodingResult::U8(values) if values.len() == expected => {
            let (mut colors, alpha) = split_alpha(values, channels, has_alpha);
            if let (ASSOCIATED, Some(alpha)) = (kind, &alpha) {
                straighten(&mut colors, alpha, model.channels(), 255);
            }
            (Samples::Eight(colors), alpha)
        }
        DecodingResult::U16(values) if values.len() == expected => {
            let (mut colors, alpha) = split_alpha(values, channels, has_alpha);
            if let (ASSOCIATED, Some(alpha)) = (kind, &alpha) {
                straighten(&mut colors, alpha, model.channels(), 65535);
            }
            (Samples::Sixteen(colors), alpha.map(|a| a.into_iter().map(eight_from_sixteen).collect()))
        }
        DecodingResult::U8(_) | DecodingResult::U16(_) => return Err(wrong_length()),
        _ => return Err(unsupported("signed or floating-point channels".to_owned())),
    };
    // An extra channel that is not said to be alpha is a selection or a spot colour, which covers nothing.
    let alpha = alpha.filter(|_| matches!(kind, ASSOCIATED | STRAIGHT));
    if has_alpha && alpha.is_none() {
        notes.push("the TIFF's extra channel is not transparency and is left out".to_owned());
    }
    Ok(Raw { width, height, whole: (width, height), samples, model, alpha, icc, orientation, bit_depth: depth, notes })
}

/// Divides premultiplied colours by their alpha.
fn straighten<T: Copy + Into<u32> + TryFrom<u32>>(colors: &mut [T], alpha: &[T], channels: usize, full: u32) {
    for (pixel, &alpha) in colors.chunks_exact_mut(channels).zip(alpha) {
        let alpha: u32 = alpha.into();
        if alpha == 0 || alpha == full {
            continue;
        }
        for value in pixel {
            let straight = (((*value).into() * full + alpha / 2) / alpha).min(full);
            *value = T::try_from(straight).unwrap_or(*value);
        }
    }
}
