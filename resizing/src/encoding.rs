//! How files are encoded, as recipes and size profiles write it.

use pixels::{Chroma, Effort, EncodeOptions, Keep, Quality};
use serde::{Deserialize, Serialize};

/// How files are encoded, besides their formats and their quality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encoding {
    /// Least structural similarity, in place of a quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssim: Option<f32>,
    /// Most kilobytes (of 1000 bytes), in place of a quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_kb: Option<u32>,
    /// Colour resolution.
    #[serde(skip_serializing_if = "is_default")]
    pub chroma: Chroma,
    /// JPEGs in several scans.
    #[serde(skip_serializing_if = "is_default")]
    pub progressive: bool,
    /// WebPs without loss.
    #[serde(skip_serializing_if = "is_default")]
    pub lossless: bool,
    /// How long encoders may search.
    #[serde(skip_serializing_if = "is_default")]
    pub effort: Effort,
    /// Bits per channel of PNG and TIFF.
    #[serde(skip_serializing_if = "is_default")]
    pub depth: Depth,
    /// Dots per inch that JPEG, PNG and TIFF say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpi: Option<u16>,
    /// Metadata that is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<KeepPart>,
}

/// Bits per channel of PNG and TIFF; the other formats have 8 (AVIF 10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    /// 16 when the photo has more than 8.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// 8 bits.
    #[serde(rename = "8")]
    Eight,
    /// 16 bits.
    #[serde(rename = "16")]
    Sixteen,
}

/// A part of a photo's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepPart {
    /// sRGB's colour profile.
    Icc,
    /// The EXIF block.
    Exif,
    /// Artist and copyright.
    Copyright,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Encoding {
    /// Checks what the types don't hold.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn check(&self) -> Result<(), String> {
        if self.ssim.is_some_and(|ssim| !(ssim > 0.0 && ssim <= 1.0)) {
            return Err("ssim is above 0 and at most 1".to_owned());
        }
        if self.ssim.is_some() && self.max_kb.is_some() {
            return Err("ssim and max_kb are two targets: name one".to_owned());
        }
        if self.dpi == Some(0) {
            return Err("dpi is at least 1".to_owned());
        }
        if self.max_kb == Some(0) { Err("max_kb is at least 1".to_owned()) } else { Ok(()) }
    }

    /// The encoder's options at a quality, which counts where no target is named.
    pub fn options(&self, quality: u8) -> EncodeOptions {
        let quality = match (self.ssim, self.max_kb) {
            (Some(ssim), _) => Quality::Ssim(ssim),
            (None, Some(kb)) => Quality::MaxBytes(u64::from(kb) * 1000),
            (None, None) => Quality::Level(quality),
        };
        let Self { chroma, progressive, lossless, effort, .. } = *self;
        EncodeOptions { quality, chroma, progressive, lossless, effort }
    }

    /// What of a photo's metadata goes into its files.
    pub fn kept(&self) -> Keep {
        let has = |part| self.keep.contains(&part);
        Keep { dpi: self.dpi, icc: has(KeepPart::Icc), exif: has(KeepPart::Exif), copyright: has(KeepPart::Copyright) }
    }
}
