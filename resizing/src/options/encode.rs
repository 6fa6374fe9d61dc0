//! How files are encoded: `--quality` or a target, and what each format can do besides.

use clap::{Args, ValueEnum};
use pixels::{Chroma, Effort};

use crate::encoding::{Depth, Encoding, KeepPart};

/// How files are encoded.
#[derive(Clone, Debug, Args)]
pub struct EncodeArgs {
    /// Quality of JPEG, WebP and AVIF; a level means about the same similarity in JPEG and AVIF [default: 92 for recolor, 85
    /// for resize].
    #[arg(long, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100))]
    #[arg(conflicts_with_all = ["ssim", "max_kb"])]
    pub quality: Option<u8>,
    /// In place of a quality, the smallest file whose structural similarity on luma is at least this, such as 0.98.
    #[arg(long, value_name = "0-1", value_parser = similarity, conflicts_with = "max_kb")]
    pub ssim: Option<f32>,
    /// In place of a quality, the best file of at most this many kilobytes (of 1000 bytes).
    #[arg(long, value_name = "KB", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_kb: Option<u32>,
    /// Colour resolution of JPEG and AVIF: auto (JPEG: full from quality 90 on, half below; AVIF: full), 444 (full), 420 (half).
    #[arg(long, value_name = "CHROMA", value_parser = chroma, default_value = "auto", hide_default_value = true)]
    pub chroma: Chroma,
    /// Write JPEGs in several scans, coarse to fine; they are a little smaller too.
    #[arg(long)]
    pub progressive: bool,
    /// Write WebPs that keep every byte.
    #[arg(long)]
    pub lossless: bool,
    /// How long encoders may look for a smaller file: fast, balanced, best (which also optimises PNGs).
    #[arg(long, value_name = "EFFORT", value_parser = effort, default_value = "balanced", hide_default_value = true)]
    pub effort: Effort,
    /// Bits per channel of PNG and TIFF: 8, 16, or auto, which is 16 for photos of more than 8.
    #[arg(long, value_name = "BITS", value_parser = depth, default_value = "auto", hide_default_value = true)]
    pub depth: Depth,
    /// Metadata to keep; nothing is kept unless named. icc writes sRGB's profile, since that is what pixels are converted to; exif
    /// the EXIF block, upright and without its thumbnail; copyright only its artist and copyright.
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',')]
    pub metadata: Vec<KeepArg>,
}

/// `--metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepArg {
    /// sRGB's colour profile.
    Icc,
    /// The EXIF block.
    Exif,
    /// Artist and copyright.
    Copyright,
    /// All of these.
    All,
}

impl EncodeArgs {
    /// All of it but the quality.
    pub fn encoding(&self) -> Encoding {
        let has = |part| self.metadata.contains(&part) || self.metadata.contains(&KeepArg::All);
        let keep =
            [(KeepArg::Icc, KeepPart::Icc), (KeepArg::Exif, KeepPart::Exif), (KeepArg::Copyright, KeepPart::Copyright)];
        Encoding {
            ssim: self.ssim,
            max_kb: self.max_kb,
            chroma: self.chroma,
            progressive: self.progressive,
            lossless: self.lossless,
            effort: self.effort,
            depth: self.depth,
            dpi: None,
            keep: keep.into_iter().filter(|(arg, _)| has(*arg)).map(|(_, part)| part).collect(),
        }
    }
}

fn similarity(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().map_err(|error| error.to_string())?;
    if value > 0.0 && value <= 1.0 { Ok(value) } else { Err("a similarity is above 0 and at most 1".to_owned()) }
}

fn chroma(text: &str) -> Result<Chroma, String> {
    match text {
        "auto" => Ok(Chroma::Auto),
        "444" => Ok(Chroma::Full),
        "420" => Ok(Chroma::Half),
        _ => Err("write auto, 444 or 420".to_owned()),
    }
}

fn depth(text: &str) -> Result<Depth, String> {
    match text {
        "auto" => Ok(Depth::Auto),
        "8" => Ok(Depth::Eight),
        "16" => Ok(Depth::Sixteen),
        _ => Err("write 8, 16 or auto".to_owned()),
    }
}

fn effort(text: &str) -> Result<Effort, String> {
    match text {
        "fast" => Ok(Effort::Fast),
        "balanced" => Ok(Effort::Balanced),
        "best" => Ok(Effort::Best),
        _ => Err("write fast, balanced or best".to_owned()),
    }
}
