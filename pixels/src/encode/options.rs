//! How a picture is encoded: the quality or what it must reach, and what each format can do besides.

/// From this JPEG quality on, [`Chroma::Auto`] stores colour at full resolution, so that saturated cloth keeps its edges.
const FULL_CHROMA_LEVEL: u8 = 90;

/// How a picture is encoded. The default is the program's: level 85, everything else automatic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EncodeOptions {
    /// The quality of lossy formats.
    pub quality: Quality,
    /// Resolution of colour in JPEG and AVIF; WebP has half.
    pub chroma: Chroma,
    /// Whether a JPEG comes in several scans, coarse to fine.
    pub progressive: bool,
    /// Whether a WebP keeps every byte.
    pub lossless: bool,
    /// How long an encoder may look for a smaller file.
    pub effort: Effort,
}

/// The quality of a lossy format, or what it must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quality {
    /// The encoder's own scale, 1 (small) to 100; WebP at 100 is lossless.
    Level(u8),
    /// The least level whose structural similarity on luma ([`crate::ssim`]) is at least this, 0 to 1.
    Ssim(f32),
    /// The largest level whose file has at most this many bytes.
    MaxBytes(u64),
}

impl Default for Quality {
    fn default() -> Self {
        Self::Level(85)
    }
}

/// Resolution of colour in a JPEG or AVIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Chroma {
    /// JPEG: full from level 90 on, half below. AVIF: full, which costs it little.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Every pixel (4:4:4).
    #[serde(rename = "444")]
    Full,
    /// Every second pixel in both directions (4:2:0).
    #[serde(rename = "420")]
    Half,
}

impl Chroma {
    /// What is meant in a JPEG at a level: [`Chroma::Full`] or [`Chroma::Half`].
    pub fn at_level(self, level: u8) -> Self {
        match self {
            Self::Auto if level >= FULL_CHROMA_LEVEL => Self::Full,
            Self::Auto => Self::Half,
            given => given,
        }
    }
}

/// How long an encoder may look for a smaller file of the same quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As quick as the format allows without being wasteful.
    Fast,
    /// The usual.
    #[default]
    Balanced,
    /// Small files whatever it takes.
    Best,
}

impl EncodeOptions {
    /// The default with another level, 1 to 100.
    pub fn at_level(level: u8) -> Self {
        Self { quality: Quality::Level(level), ..Self::default() }
    }
}
