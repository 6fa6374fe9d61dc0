//! Pictures to PNG.

use std::borrow::Cow;

use png::{BitDepth, ColorType, Compression, Encoder, Info, PixelDimensions, Unit};

use super::Effort;
use crate::Metadata;

/// Encodes rows of `color` and `depth`, 16-bit values in big-endian order.
pub(super) fn encode(
    data: &[u8],
    width: u32,
    height: u32,
    color: ColorType,
    depth: BitDepth,
    effort: Effort,
    metadata: &Metadata,
) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut info = Info::with_size(width, height);
    info.pixel_dims = metadata.dpi.map(|dpi| {
        let per_meter = (f64::from(dpi) / 0.0254).round() as u32;
        PixelDimensions { xppu: per_meter, yppu: per_meter, unit: Unit::Meter }
    });
    info.icc_profile = metadata.icc.as_deref().map(Cow::Borrowed);
    info.exif_metadata = metadata.exif.as_deref().map(Cow::Borrowed);
    let mut encoder = Encoder::with_info(&mut out, info).map_err(|error| error.to_string())?;
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(match effort {
        Effort::Fast => Compression::Fast,
        Effort::Balanced => Compression::Balanced,
        Effort::Best => Compression::High,
    });
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(data).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    if effort == Effort::Best { smallest(&out, depth) } else { Ok(out) }
}

/// The same picture and depth in fewer bytes: other filters, fewer channels, a palette.
fn smallest(file: &[u8], depth: BitDepth) -> Result<Vec<u8>, String> {
    let mut options = oxipng::Options::from_preset(3);
    // Whoever asks for 16 bits gets them.
    options.bit_depth_reduction = depth != BitDepth::Sixteen;
    // Colours under transparent pixels are part of the picture.
    options.optimize_alpha = false;
    oxipng::optimize_from_memory(file, &options).map_err(|error| error.to_string())
}
