//! The short way from JPEG to JPEG: sizes of averaged codes are made of the file's own luma and chroma.

use pixels::{Format, Limits, Metadata, decode_planes};
use rayon::prelude::*;

use crate::exit::{Exit, OrExit, Result};
use crate::sizes::{Encoded, Profile};

/// All files of a picture called `base`, whose file has been read; `None` where the long way is needed: to light, to another
/// format, to a target, to a part or a padded whole, or from anything but an upright sRGB JPEG.
///
/// # Errors
/// An input failure (exit code 3): damaged or too large.
pub fn files(base: &str, bytes: &[u8], profile: &Profile) -> Result<Option<Vec<Encoded>>> {
    let Some(level) = profile.plain_jpeg() else { return Ok(None) };
    // Asked before anything is decoded.
    let fits = |header: &imagesize::ImageSize| profile.uncut((header.width as u32, header.height as u32)).is_some();
    if !imagesize::blob_size(bytes).is_ok_and(|header| fits(&header)) {
        return Ok(None);
    }
    let reduction = |width, height| profile.reduction(width, height);
    let Some(master) = decode_planes(bytes, &Limits::default(), reduction).or_exit(Exit::Input)? else {
        return Ok(None);
    };
    let Some(sizes) = profile.uncut(master.whole_px()) else { return Ok(None) };
    let metadata = Metadata::of_file(bytes, profile.keep()).or_exit(Exit::Input)?;
    let options = profile.options();
    let pixels: Vec<(u32, u32)> = sizes.iter().map(|(_, pixels)| *pixels).collect();
    let made = master.sizes(&pixels, level, options.chroma).or_exit(Exit::Input)?;
    master.recycle();
    let encoded: Result<Vec<Encoded>> = made
        .par_iter()
        .zip(&sizes)
        .map(|(picture, (size, (width_px, height_px)))| {
            Ok(Encoded {
                name: format!("{base}@{size}.{}", Format::Jpeg.extension()),
                size: size.clone(),
                format: Format::Jpeg,
                width_px: *width_px,
                height_px: *height_px,
                bytes: picture.encode(level, options, &metadata).or_exit(Exit::Input)?,
                target: None,
            })
        })
        .collect();
    made.into_iter().for_each(pixels::JpegPlanes::recycle);
    encoded.map(Some)
}
