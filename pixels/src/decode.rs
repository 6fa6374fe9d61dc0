//! Bytes of a photo file to sRGB pixels: sniffed by content, limited before allocation, upright, colour-managed.
//!
//! Every format goes the same way: its own reader checks the header against the [`Limits`] and returns raw channels with
//! whatever profile and orientation the file carries; the shared tail here converts them to upright sRGB.

mod jpeg;
mod png;
mod tiff;
mod webp;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::exif;
use crate::format::describe_unknown;
use crate::icc::{self, ColorModel};
use crate::jpeg_planes::JpegPlanes;
use crate::{Error, Format, Mask, Result, Srgb16Image, SrgbImage};

/// How much a file may ask for. Checked against the header, before pixels are allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest picture, in pixels (width times height).
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 256 MiB and 100 million pixels.
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_pixels: 100_000_000 }
    }
}

impl Limits {
    fn check_bytes(&self, got_bytes: u64) -> Result<()> {
        if got_bytes <= self.max_bytes {
            return Ok(());
        }
        Err(Error::TooManyBytes { got_bytes, limit_bytes: self.max_bytes })
    }

    fn check_pixels(&self, width: u64, height: u64) -> Result<()> {
        if width.saturating_mul(height) <= self.max_pixels {
            return Ok(());
        }
        Err(Error::TooManyPixels { width, height, limit_pixels: self.max_pixels })
    }
}

/// A decoded photo: upright, sRGB.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The picture. Straight (not premultiplied) colour when there is alpha.
    pub image: SrgbImage,
    /// The picture with all its bits, if the file has more than 8 per channel; `image` is this, rounded.
    pub deep: Option<Srgb16Image>,
    /// The file's alpha channel, if it has one that is not opaque everywhere.
    pub alpha: Option<Mask>,
    /// Format of the file, by content.
    pub format: Format,
    /// Size of the file's picture, upright, in pixels; larger than `image` only if it was read smaller.
    pub whole_px: (u32, u32),
    /// EXIF orientation that the file carried and that was applied, 1 to 8.
    pub orientation: u8,
    /// Bits per channel in the file.
    pub bit_depth: u8,
    /// Whether pixel values were changed by an embedded ICC profile.
    pub icc_converted: bool,
    /// What a person should know about this file, such as "broken ICC profile, treated as sRGB".
    pub notes: Vec<String>,
}

/// Channel values as the file holds them.
pub(crate) enum Samples {
    /// 8 bits or fewer per channel, scaled to 8.
    Eight(Vec<u8>),
    /// 16 bits per channel.
    Sixteen(Vec<u16>),
}

/// What a format's reader hands to the shared tail.
pub(crate) struct Raw {
    width: u32,
    height: u32,
    /// Size in the file, of which `width` and `height` are a fraction in a JPEG read smaller.
    whole: (u32, u32),
    samples: Samples,
    model: ColorModel,
    alpha: Option<Vec<u8>>,
    icc: Option<Vec<u8>>,
    orientation: u8,
    bit_depth: u8,
    notes: Vec<String>,
}

/// Of the upright size in pixels: 1, 2, 4 or 8, by which a JPEG is read smaller.
type Reduction<'a> = &'a dyn Fn(u32, u32) -> u32;

/// Decodes a JPEG, PNG, WebP or TIFF file's bytes.
///
/// # Errors
/// [`Error::Empty`], [`Error::UnknownFormat`], [`Error::TooManyBytes`] and [`Error::TooManyPixels`] before anything is
/// allocated; [`Error::Truncated`], [`Error::Corrupt`] and [`Error::Unsupported`] from the format's reader. A truncated
/// file is always an error, never a half-grey picture.
///
/// # Examples
/// ```
/// use pixels::{Format, Limits, SrgbImage};
/// let png = pixels::encode(&SrgbImage::filled(4, 3, [200, 30, 60]), None, Format::Png, 90)?;
/// let photo = pixels::decode(&png, &Limits::default())?;
/// assert_eq!((photo.image.width_px(), photo.image.height_px()), (4, 3));
/// assert_eq!(photo.image.pixel(0, 0), [200, 30, 60]);
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    decode_reduced(bytes, limits, |_, _| 1)
}

/// The same at 1/2, 1/4 or 1/8 of the size, where the format can be read so: a JPEG, whose frequencies above that are left out.
/// Several times faster, and visibly less exact than reading all of it and averaging.
///
/// `reduction` is asked with the upright size in pixels; other formats are read whole. [`Decoded::whole_px`] is that size.
///
/// # Errors
/// As [`decode`].
pub fn decode_reduced(bytes: &[u8], limits: &Limits, reduction: impl Fn(u32, u32) -> u32) -> Result<Decoded> {
    let (raw, format) = read_raw(bytes, limits, &reduction)?;
    guarded(format, || finish(raw, format))
}

/// A JPEG's own planes for resizing its codes, at 1/2, 1/4 or 1/8 of its size if `reduction` says so; `None` unless it is
/// upright sRGB in luma and chroma, so that nothing else is to be done with it.
///
/// # Errors
/// As [`decode`].
pub fn decode_planes(bytes: &[u8], limits: &Limits, reduction: impl Fn(u32, u32) -> u32) -> Result<Option<JpegPlanes>> {
    if Format::sniff(bytes) != Some(Format::Jpeg) {
        return Ok(None);
    }
    limits.check_bytes(bytes.len() as u64)?;
    guarded(Format::Jpeg, || jpeg::read_planes(bytes, limits, &reduction))
}

/// Runs codec code; its bug on hostile bytes must cost one photo, not the batch.
fn guarded<T>(format: Format, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Corrupt { format, reason: "the decoder gave up on it".to_owned() }))
}

fn read_raw(bytes: &[u8], limits: &Limits, reduction: Reduction<'_>) -> Result<(Raw, Format)> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    limits.check_bytes(bytes.len() as u64)?;
    let format = Format::sniff(bytes).ok_or_else(|| Error::UnknownFormat { looks_like: describe_unknown(bytes) })?;
    let raw = guarded(format, || match format {
        Format::Jpeg => jpeg::read(bytes, limits, reduction),
        Format::Png => png::read(bytes, limits),
        Format::Webp => webp::read(bytes, limits),
        Format::Tiff => tiff::read(bytes, limits),
        Format::Avif => Err(unread_avif(bytes)),
    })?;
    Ok((raw, format))
}

/// AVIF is a delivery format, and no decoder of it both builds without C and takes hostile bytes without ending the program.
fn unread_avif(bytes: &[u8]) -> Error {
    let sequence = bytes.get(8..12) == Some(b"avis");
    let (what, advice) = if sequence {
        ("an image sequence (animation)", "save the frame you want as a still JPEG, PNG, WebP or TIFF")
    } else {
        ("a picture in this format", "it is written, not read: take the JPEG, PNG, WebP or TIFF that it was made of")
    };
    Error::Unsupported { format: Format::Avif, what: what.to_owned(), advice }
}

/// Reads and decodes a file; a file over the byte limit is refused before it is read.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, otherwise as [`decode`].
pub fn decode_file(path: &Path, limits: &Limits) -> Result<Decoded> {
    decode(&read_limited(path, limits.max_bytes)?, limits)
}

/// Reads a whole file of at most `max_bytes`.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::TooManyBytes`] when it is larger.
pub fn read_limited(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let io_error = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error)?;
    let announced = file.metadata().map_err(io_error)?.len();
    if announced > max_bytes {
        return Err(Error::TooManyBytes { got_bytes: announced, limit_bytes: max_bytes });
    }
    let mut bytes = Vec::with_capacity(announced as usize + 1);
    // The file may grow while it is read, and a pipe announces nothing.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::TooManyBytes { got_bytes: bytes.len() as u64, limit_bytes: max_bytes });
    }
    Ok(bytes)
}

fn finish(raw: Raw, format: Format) -> Result<Decoded> {
    let Raw { width, height, whole, samples, model, alpha, icc, orientation, bit_depth, mut notes } = raw;
    let (rgb, icc_converted) = icc::to_srgb(samples, model, icc.as_deref(), &mut notes);
    let (image, deep) = match rgb {
        Samples::Eight(codes) => (exif::orient_image(SrgbImage::new(width, height, codes)?, orientation)?, None),
        Samples::Sixteen(values) => {
            let deep = exif::orient_deep(Srgb16Image::new(width, height, values)?, orientation)?;
            (deep.to_srgb8(), Some(deep))
        }
    };
    let alpha = match alpha {
        Some(values) if values.iter().any(|&a| a != 255) => {
            Some(exif::orient_mask(&Mask::new(width, height, values)?, orientation)?)
        }
        _ => None,
    };
    let whole_px = if orientation >= 5 { (whole.1, whole.0) } else { whole };
    Ok(Decoded { image, deep, alpha, format, whole_px, orientation, bit_depth, icc_converted, notes })
}

/// Decodes a mask file: any readable picture; alpha if it has one, else luma, of a greyscale file its grey value exactly.
///
/// An embedded profile is ignored, since alpha values are numbers and not colours.
///
/// # Errors
/// As [`decode`].
pub fn decode_mask(bytes: &[u8], limits: &Limits) -> Result<Mask> {
    let (mut raw, format) = read_raw(bytes, limits, &|_, _| 1)?;
    raw.icc = None;
    let decoded = guarded(format, || finish(raw, format))?;
    if let Some(alpha) = decoded.alpha {
        return Ok(alpha);
    }
    let luma = decoded.image.data().chunks_exact(3).map(|p| match *p {
        [r, g, b] if r == g && g == b => r,
        [r, g, b] => ((2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b) + 5000) / 10000) as u8,
        _ => 0,
    });
    Mask::new(decoded.image.width_px(), decoded.image.height_px(), luma.collect())
}

#[cfg(test)]
mod tests;
