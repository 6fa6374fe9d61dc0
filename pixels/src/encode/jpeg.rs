//! Pictures to JPEG.

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder, SamplingFactor};

use super::{Chroma, EncodeOptions, huffman};
use crate::SrgbImage;

/// Encodes at quality `level` (1 to 100) with the options' chroma and scan order; its other fields don't concern JPEG.
pub(super) fn encode(image: &SrgbImage, level: u8, options: &EncodeOptions) -> Result<Vec<u8>, String> {
    let side = |px: u32| u16::try_from(px).map_err(|_| "JPEG sides are at most 65535 px".to_owned());
    let (width, height) = (side(image.width_px())?, side(image.height_px())?);
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new(&mut out, level.clamp(1, 100));
    let full = options.chroma.at_level(level) == Chroma::Full;
    encoder.set_sampling_factor(if full { SamplingFactor::R_4_4_4 } else { SamplingFactor::R_4_2_0 });
    if options.progressive {
        encoder.set_progressive(true);
        encoder.set_optimized_huffman_tables(true);
    }
    encoder.encode(image.data(), width, height, JpegColor::Rgb).map_err(|error| error.to_string())?;
    if options.progressive {
        return Ok(out);
    }
    Ok(huffman::optimize(&out).unwrap_or(out))
}
