//! Fourth stage: what the photo is of, and with that, which of its garments are dyed.

use generators::gate::Classification;
use generators::region::Region;
use pixels::Mask;
use pixels::guided_filter::Plane;

use crate::exit::{Exit, Failure, OrExit, Result};

use super::decoded::Decoded;
use super::masked::{Choice, Masked};
use super::models::Finder;

/// Least share of the picture that counts as a garment.
const LEAST_COVERAGE: f32 = 0.0005;
/// A region that keeps less of itself than this beside regions that took cloth before it is the same cloth.
const LEAST_LEFT: f32 = 0.5;
/// The same for `auto`, which is what named regions leave of the article.
const LEAST_LEFT_AUTO: f32 = 0.15;

/// A photo with its category and the masks to work on.
#[derive(Debug)]
pub struct Embedded {
    /// The photo's pixels.
    pub decoded: Decoded,
    /// What it is of.
    pub category: Classification,
    /// What is dyed, in the order's order of regions; no pixel has more than one whole share in them.
    pub garments: Vec<Garment>,
    /// What is near enough to the cloth to catch its light, if it was looked for.
    pub surroundings: Option<Mask>,
    /// Probability of skin over the photo, if anybody looked.
    pub skin: Option<Plane>,
}

/// One region of a photo.
#[derive(Debug)]
pub struct Garment {
    /// The region chosen, or `mask` for a mask file.
    pub region: String,
    /// What is dyed, in the photo's own size.
    pub mask: Mask,
}

impl Embedded {
    /// Embeds and classifies the photo; with `--region auto`, the article decides what the mask covers.
    ///
    /// # Errors
    /// An input failure when nothing of a region is in the photo, or when two regions mean the same cloth.
    pub fn of(masked: Masked, finder: &Finder) -> Result<Self> {
        let found_in = |region| masked.article_region(region);
        let category = finder.classify(&masked.decoded.over_white(), found_in).or_exit(Exit::Input)?;
        let garments = garments(&masked, category.region)?;
        let surroundings = masked.surroundings(&whole(&masked.decoded, &garments));
        let skin = masked.skin();
        Ok(Self { decoded: masked.decoded, category, garments, surroundings, skin })
    }

    /// Names of the regions, joined by `+`.
    pub fn region(&self) -> String {
        self.garments.iter().map(|garment| garment.region.as_str()).collect::<Vec<_>>().join("+")
    }

    /// Everything that is dyed.
    pub fn mask(&self) -> Mask {
        whole(&self.decoded, &self.garments)
    }
}

fn whole(decoded: &Decoded, garments: &[Garment]) -> Mask {
    let mut all = Mask::filled(decoded.image.width_px(), decoded.image.height_px(), 0);
    for garment in garments {
        let shares = all.data_mut().iter_mut().zip(garment.mask.data());
        shares.for_each(|(sum, share)| *sum = sum.saturating_add(*share));
    }
    all
}

/// The regions' masks. Each takes what those before it left, `auto` what all others left.
fn garments(masked: &Masked, category: Region) -> Result<Vec<Garment>> {
    let auto = |choice: &Choice| matches!(choice, Choice::Region(None));
    let mut taken: Option<Mask> = None;
    let mut found: Vec<(usize, Garment)> = Vec::new();
    let mut turns: Vec<(usize, &Choice)> = masked.choices.iter().enumerate().collect();
    turns.sort_by_key(|(_, choice)| auto(choice));
    for (i, choice) in turns {
        let (mut mask, region) = masked.cover(choice, category)?;
        let whole = mask.coverage();
        if whole < LEAST_COVERAGE {
            return Err(Failure::input(match choice {
                Choice::Given(_) => "the mask covers nothing".to_owned(),
                Choice::Region(_) => {
                    format!("no garment found in region {region}: choose another --region, or give a --mask")
                }
            }));
        }
        match &mut taken {
            None => taken = (masked.choices.len() > 1).then(|| mask.clone()),
            Some(taken) => {
                for (share, taken) in mask.data_mut().iter_mut().zip(taken.data_mut()) {
                    *share = (*share).min(255 - *taken);
                    *taken += *share;
                }
                let left = mask.coverage();
                let least = if auto(choice) { LEAST_LEFT_AUTO } else { LEAST_LEFT };
                if left < LEAST_COVERAGE.max(whole * least) {
                    let others = found.iter().map(|(_, g)| g.region.as_str()).collect::<Vec<_>>().join(" and ");
                    return Err(Failure::input(format!(
                        "region {region} is the same cloth as {others} in this photo: name one of them"
                    )));
                }
            }
        }
        found.push((i, Garment { region, mask }));
    }
    found.sort_by_key(|(i, _)| *i);
    Ok(found.into_iter().map(|(_, garment)| garment).collect())
}
