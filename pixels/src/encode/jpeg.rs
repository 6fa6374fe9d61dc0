//! Pictures to JPEG.

use super::{Chroma, EncodeOptions};
use crate::SrgbImage;
use crate::libjpeg::{self, Coding};

/// Encodes at quality `level` (1 to 100) with the options' chroma and scan order; its other fields don't concern JPEG.
pub(super) fn encode(image: &SrgbImage, level: u8, options: &EncodeOptions) -> Result<Vec<u8>, String> {
    let coding = Coding {
        quality: level,
        full_chroma: options.chroma.at_level(level) == Chroma::Full,
        progressive: options.progressive,
    };
    libjpeg::encode(image.data(), image.width_px(), image.height_px(), coding)
}
