//! Pictures to JPEG, PNG, WebP and TIFF bytes. No metadata is embedded: what is written is sRGB, upright.

mod deep;
mod huffman;
mod tiff;

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder, SamplingFactor};

pub use deep::{Deep, encode_deep};
pub use tiff::TiffPages;

use crate::color::{linear_from_srgb8, srgb8_from_linear};
use crate::libwebp::{self, Coding};
use crate::{Error, Format, Mask, Result, SrgbImage};

/// From this JPEG quality on, colour is stored at full resolution, so that saturated cloth keeps its edges.
const FULL_CHROMA_QUALITY: u8 = 90;

/// Encodes a picture.
///
/// `alpha` is written to PNG, WebP and TIFF; JPEG has none, so the picture is blended over white. `quality` is 1 to 100: JPEG
/// stores colour at full resolution from 90 on and at half resolution below; WebP at 100 is lossless; PNG and TIFF always are.
///
/// # Errors
/// [`Error::SizeMismatch`] when `alpha` has another size; [`Error::Encode`] when the format cannot hold a picture of
/// this size (JPEG sides end at 65,535 px, WebP sides at 16,383 px).
///
/// # Examples
/// ```
/// use pixels::{Format, SrgbImage};
/// let jpeg = pixels::encode(&SrgbImage::filled(32, 32, [10, 120, 200]), None, Format::Jpeg, 92)?;
/// assert_eq!(Format::sniff(&jpeg), Some(Format::Jpeg));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn encode(image: &SrgbImage, alpha: Option<&Mask>, format: Format, quality: u8) -> Result<Vec<u8>> {
    let (width, height) = (image.width_px(), image.height_px());
    if let Some(alpha) = alpha {
        alpha.check_size(width, height)?;
    }
    let fail = |reason: String| Error::Encode { format, width, height, reason };
    if width == 0 || height == 0 {
        return Err(fail("it has no pixels".to_owned()));
    }
    match (format, alpha) {
        (Format::Jpeg, None) => encode_jpeg(image, quality).map_err(fail),
        (Format::Jpeg, Some(alpha)) => encode_jpeg(&flatten_on_white(image, alpha), quality).map_err(fail),
        (Format::Png, None) => {
            encode_png(image.data(), width, height, png::ColorType::Rgb, png::BitDepth::Eight).map_err(fail)
        }
        (Format::Png, Some(alpha)) => {
            encode_png(&interleave(image, alpha), width, height, png::ColorType::Rgba, png::BitDepth::Eight)
                .map_err(fail)
        }
        (Format::Tiff, alpha) => {
            let mut pages = TiffPages::new()?;
            pages.add("", image, alpha)?;
            Ok(pages.finish())
        }
        (Format::Webp, alpha) => {
            let coding = if quality >= 100 { Coding::Lossless } else { Coding::Lossy(quality) };
            match alpha {
                None => libwebp::encode(image.data(), width, height, 3, coding),
                Some(alpha) => libwebp::encode(&interleave(image, alpha), width, height, 4, coding),
            }
            .map_err(fail)
        }
    }
}

/// Encodes a mask as 8-bit greyscale PNG, 255 inside.
///
/// # Errors
/// [`Error::Encode`] when the mask has no pixels.
pub fn encode_mask_png(mask: &Mask) -> Result<Vec<u8>> {
    let (width, height) = (mask.width_px(), mask.height_px());
    encode_png(mask.data(), width, height, png::ColorType::Grayscale, png::BitDepth::Eight)
        .map_err(|reason| Error::Encode { format: Format::Png, width, height, reason })
}

fn encode_jpeg(image: &SrgbImage, quality: u8) -> std::result::Result<Vec<u8>, String> {
    let side = |px: u32| u16::try_from(px).map_err(|_| "JPEG sides are at most 65535 px".to_owned());
    let (width, height) = (side(image.width_px())?, side(image.height_px())?);
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new(&mut out, quality.clamp(1, 100));
    let full_chroma = quality >= FULL_CHROMA_QUALITY;
    encoder.set_sampling_factor(if full_chroma { SamplingFactor::R_4_4_4 } else { SamplingFactor::R_4_2_0 });
    encoder.encode(image.data(), width, height, JpegColor::Rgb).map_err(|error| error.to_string())?;
    Ok(huffman::optimize(&out).unwrap_or(out))
}

fn encode_png(
    data: &[u8],
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
) -> std::result::Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(data).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(out)
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
