//! The level of a lossy format that reaches a target, found by bisection over encodes.

use super::{EncodeOptions, Quality, at_level, is_lossless};
use crate::ssim::Reference;
use crate::{Format, Limits, Mask, Metadata, Result, SrgbImage, decode, flatten_on_white};

/// A picture and its alpha, if it has one.
pub type Shown = (SrgbImage, Option<Mask>);

/// A file made for a target, or the nearest to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// The file.
    pub bytes: Vec<u8>,
    /// The level that it was encoded at; `None` when it is lossless.
    pub level: Option<u8>,
    /// Its structural similarity, if that was the target.
    pub ssim: Option<f32>,
    /// Whether the target was reached; true when there was none.
    pub met: bool,
    /// How many encodes it took.
    pub encodes: u32,
    /// What a decoder will show, of formats that are written and not read (AVIF).
    pub seen: Option<Shown>,
}

impl Encoding {
    /// What a viewer of the file will see.
    ///
    /// # Errors
    /// As [`decode`]; in practice none, since the file has just been made.
    pub fn shown(&self) -> Result<Shown> {
        if let Some(seen) = &self.seen {
            return Ok(seen.clone());
        }
        let decoded = decode(&self.bytes, &Limits { max_bytes: u64::MAX, max_pixels: u64::MAX })?;
        Ok((decoded.image, decoded.alpha))
    }
}

/// Levels that bisection looks at: 7 encodes at most.
const LEVELS: std::ops::RangeInclusive<u8> = 1..=100;

/// Encodes to the options' quality; the sizes have been checked.
pub(super) fn encode(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    format: Format,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Encoding> {
    let lossless = |level| is_lossless(format, options, level);
    let make = |level: u8| -> Result<Encoding> {
        let (bytes, seen) = at_level(image, alpha, format, level, options, metadata)?;
        Ok(Encoding { bytes, level: (!lossless(level)).then_some(level), ssim: None, met: true, encodes: 1, seen })
    };
    let reference = match options.quality {
        Quality::Level(level) => return make(level),
        Quality::Ssim(_) => Some(Reference::new(&over_white(image, alpha))),
        Quality::MaxBytes(_) => None,
    };
    let attempt = |level: u8| -> Result<Encoding> {
        let file = make(level)?;
        let (ssim, met) = match (options.quality, &reference) {
            (Quality::Ssim(least), Some(reference)) => {
                let (image, alpha) = file.shown()?;
                let ssim = reference.similarity(&over_white(&image, alpha.as_ref()))?;
                (Some(ssim), ssim >= least)
            }
            (Quality::MaxBytes(most), _) => (None, file.bytes.len() as u64 <= most),
            _ => (None, true),
        };
        Ok(Encoding { ssim, met, ..file })
    };
    if lossless(1) {
        return attempt(1);
    }
    // Everything below `low` misses a similarity (or meets a size), everything above `high` the other way round.
    let smallest = matches!(options.quality, Quality::Ssim(_));
    let (mut low, mut high) = (u16::from(*LEVELS.start()), u16::from(*LEVELS.end()));
    let (mut best, mut last, mut encodes) = (None, None, 0);
    while low <= high {
        let level = low.midpoint(high);
        let tried = attempt(level as u8)?;
        encodes += 1;
        if tried.met == smallest {
            high = level - 1;
        } else {
            low = level + 1;
        }
        if tried.met { best = Some(tried) } else { last = Some(tried) }
    }
    // The last miss of a bisection that never hit is the level nearest to the target.
    let found = best.or(last).map_or_else(|| attempt(*LEVELS.end()), Ok)?;
    Ok(Encoding { encodes, ..found })
}

/// What a viewer sees: the picture over white.
fn over_white<'a>(image: &'a SrgbImage, alpha: Option<&Mask>) -> std::borrow::Cow<'a, SrgbImage> {
    match alpha {
        None => std::borrow::Cow::Borrowed(image),
        Some(alpha) => std::borrow::Cow::Owned(flatten_on_white(image, alpha)),
    }
}
