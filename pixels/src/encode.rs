//! Pictures to JPEG, PNG, WebP, AVIF and TIFF bytes: sRGB, upright, without metadata unless some is given.

mod avif;
mod deep;
mod jpeg;
mod options;
mod png;
mod target;
mod tiff;

use ::png::{BitDepth, ColorType};

pub use deep::{Deep, encode_deep, encode_deep_with};
pub use options::{Chroma, Effort, EncodeOptions, Quality};
pub use target::{Encoding, Shown};
pub use tiff::TiffPages;

use crate::color::{linear_from_srgb8, srgb8_from_linear};
use crate::libwebp::{self, Coding};
use crate::{Error, Format, Mask, Metadata, Result, SrgbImage};

/// Encodes a picture without metadata at a level of quality, all else by default.
///
/// `alpha` is written to all but JPEG, which has none: there the picture is blended over white. `quality` is 1 to 100: JPEG
/// stores colour at full resolution from 90 on and at half resolution below; WebP at 100 is lossless; PNG and TIFF always are.
///
/// # Errors
/// As [`encode_with`].
///
/// # Examples
/// ```
/// use pixels::{Format, SrgbImage};
/// let jpeg = pixels::encode(&SrgbImage::filled(32, 32, [10, 120, 200]), None, Format::Jpeg, 92)?;
/// assert_eq!(Format::sniff(&jpeg), Some(Format::Jpeg));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn encode(image: &SrgbImage, alpha: Option<&Mask>, format: Format, quality: u8) -> Result<Vec<u8>> {
    encode_with(image, alpha, format, &EncodeOptions::at_level(quality), &Metadata::default())
}

/// Encodes a picture as the options say, with this metadata. The same arguments give the same bytes on any number of threads.
///
/// # Errors
/// [`Error::SizeMismatch`] when `alpha` has another size; [`Error::Encode`] when the format cannot hold a picture of
/// this size (JPEG sides end at 65,535 px, WebP sides at 16,383 px).
pub fn encode_with(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    format: Format,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Vec<u8>> {
    encode_measured(image, alpha, format, options, metadata).map(|encoding| encoding.bytes)
}

/// As [`encode_with`], telling the level found for a target and whether the target was reached.
///
/// # Errors
/// As [`encode_with`].
///
/// # Examples
/// ```
/// use pixels::{EncodeOptions, Format, Metadata, Quality, SrgbImage};
/// let image = SrgbImage::new(64, 64, (0..64 * 64 * 3).map(|i| (i * i % 251) as u8).collect())?;
/// let options = EncodeOptions { quality: Quality::MaxBytes(4000), ..EncodeOptions::default() };
/// let file = pixels::encode_measured(&image, None, Format::Jpeg, &options, &Metadata::default())?;
/// assert!(file.met && file.bytes.len() <= 4000);
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn encode_measured(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    format: Format,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Encoding> {
    let (width, height) = (image.width_px(), image.height_px());
    if let Some(alpha) = alpha {
        alpha.check_size(width, height)?;
    }
    if width == 0 || height == 0 {
        return Err(Error::Encode { format, width, height, reason: "it has no pixels".to_owned() });
    }
    let metadata = &metadata.sized(width, height);
    match alpha.filter(|_| !format.has_alpha()) {
        Some(alpha) => target::encode(&flatten_on_white(image, alpha), None, format, options, metadata),
        None => target::encode(image, alpha, format, options, metadata),
    }
}

/// Whether a level of this format keeps every byte.
fn is_lossless(format: Format, options: &EncodeOptions, level: u8) -> bool {
    match format {
        Format::Jpeg | Format::Avif => false,
        Format::Png | Format::Tiff => true,
        Format::Webp => options.lossless || level >= 100,
    }
}

/// The picture in this format at this level.
fn at_level(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    format: Format,
    level: u8,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<(Vec<u8>, Option<Shown>)> {
    let (width, height) = (image.width_px(), image.height_px());
    let fail = |reason| Error::Encode { format, width, height, reason };
    let done = match (format, alpha) {
        (Format::Jpeg, _) => jpeg::encode(image, level, options).and_then(|file| metadata.add_to_jpeg(file)),
        (Format::Png, None) => {
            png::encode(image.data(), width, height, ColorType::Rgb, BitDepth::Eight, options.effort, metadata)
        }
        (Format::Png, Some(alpha)) => png::encode(
            &interleave(image, alpha),
            width,
            height,
            ColorType::Rgba,
            BitDepth::Eight,
            options.effort,
            metadata,
        ),
        (Format::Tiff, alpha) => {
            let mut pages = TiffPages::new()?;
            pages.add_with("", image, alpha, metadata)?;
            Ok(pages.finish())
        }
        (Format::Webp, alpha) => {
            let lossless = is_lossless(format, options, level);
            let coding = if lossless { Coding::Lossless } else { Coding::Lossy(level) };
            let file = match alpha {
                None => libwebp::encode(image.data(), width, height, 3, coding, options.effort),
                Some(alpha) => libwebp::encode(&interleave(image, alpha), width, height, 4, coding, options.effort),
            };
            file.and_then(|file| metadata.add_to_webp(file, (width, height), alpha.is_some()))
        }
        (Format::Avif, alpha) => {
            let file = avif::encode(image, alpha, level, options, metadata).map_err(fail)?;
            return Ok((file.bytes, Some((file.image, file.alpha))));
        }
    };
    Ok((done.map_err(fail)?, None))
}

/// Encodes a mask as 8-bit greyscale PNG, 255 inside.
///
/// # Errors
/// [`Error::Encode`] when the mask has no pixels.
pub fn encode_mask_png(mask: &Mask) -> Result<Vec<u8>> {
    let (width, height) = (mask.width_px(), mask.height_px());
    png::encode(
        mask.data(),
        width,
        height,
        ColorType::Grayscale,
        BitDepth::Eight,
        Effort::Balanced,
        &Metadata::default(),
    )
    .map_err(|reason| Error::Encode { format: Format::Png, width, height, reason })
}

fn interleave(image: &SrgbImage, alpha: &Mask) -> Vec<u8> {
    image.data().chunks_exact(3).zip(alpha.data()).flat_map(|(p, &a)| [p[0], p[1], p[2], a]).collect()
}

/// Blends a picture with alpha over white, in linear light.
pub fn flatten_on_white(image: &SrgbImage, alpha: &Mask) -> SrgbImage {
    let mut out = image.clone();
    for (pixel, &a) in out.data_mut().chunks_exact_mut(3).zip(alpha.data()) {
        if a == 255 {
            continue;
        }
        let share = f32::from(a) / 255.0;
        for code in pixel {
            *code = srgb8_from_linear(linear_from_srgb8(*code) * share + (1.0 - share));
        }
    }
    out
}

#[cfg(test)]
mod tests;
