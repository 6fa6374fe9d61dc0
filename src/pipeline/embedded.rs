//! Fourth stage: what the photo is of, and with that, which of its garments is dyed.

use generators::embedding::Embedding;
use generators::gate::Classification;
use pixels::Mask;

use crate::exit::{Exit, Failure, OrExit, Result};

use super::decoded::Decoded;
use super::masked::{Choice, Masked};
use super::models::Finder;

/// Least share of the picture that counts as a garment.
const LEAST_COVERAGE: f32 = 0.0005;

/// A photo with its place in the backbone's space, its category and the mask to work on.
#[derive(Debug)]
pub struct Embedded {
    /// The photo's pixels.
    pub decoded: Decoded,
    /// Where it lies in the backbone's space.
    pub embedding: Embedding,
    /// What it is of.
    pub category: Classification,
    /// The region chosen, or `mask` for a mask file.
    pub region: String,
    /// What is dyed, in the photo's own size.
    pub mask: Mask,
}

impl Embedded {
    /// Embeds and classifies the photo; with `--region auto`, the article decides what the mask covers.
    ///
    /// # Errors
    /// An input failure when nothing of the region is in the photo.
    pub fn of(masked: Masked, finder: &Finder) -> Result<Self> {
        let embedding = finder.embedding(&masked.decoded.over_white()).or_exit(Exit::Input)?;
        let category = finder.gate.classify(&embedding).or_exit(Exit::Input)?;
        let (mask, region) = masked.cover(category.region)?;
        if mask.coverage() < LEAST_COVERAGE {
            return Err(Failure::input(match masked.choice {
                Choice::Given(_) => "the mask covers nothing".to_owned(),
                Choice::Region(_) => {
                    format!("no garment found in region {region}: choose another --region, or give a --mask")
                }
            }));
        }
        Ok(Self { decoded: masked.decoded, embedding, category, region, mask })
    }
}
