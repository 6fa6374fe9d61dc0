//! Third stage: where in the photo which garments are.

use generators::region::Region;
use generators::segmenter::Segmentation;
use pixels::Mask;

use crate::exit::{Exit, OrExit, Result};

use super::decoded::Decoded;
use super::models::Finder;

/// What the user wants dyed.
#[derive(Clone, Debug)]
pub enum Choice {
    /// A region; `None` for what the photo is of.
    Region(Option<Region>),
    /// What this mask covers.
    Given(Mask),
}

/// A photo whose garments have been found.
#[derive(Debug)]
pub struct Masked {
    /// The photo's pixels.
    pub decoded: Decoded,
    /// What the user wants dyed.
    pub choice: Choice,
    garments: Option<Segmentation>,
}

impl Masked {
    /// Finds the garments, unless a mask is given.
    ///
    /// # Errors
    /// A usage error when the given mask has another size than the photo; an input failure otherwise.
    pub fn find(decoded: Decoded, finder: &Finder, choice: Choice) -> Result<Self> {
        let garments = match &choice {
            Choice::Region(_) => Some(finder.segmenter.segment(&decoded.over_white()).or_exit(Exit::Input)?),
            Choice::Given(mask) => {
                let fits = mask.check_size(decoded.image.width_px(), decoded.image.height_px());
                fits.map_err(|error| anyhow::Error::new(error).context("the --mask does not fit the photo"))
                    .or_exit(Exit::Usage)?;
                None
            }
        };
        Ok(Self { decoded, choice, garments })
    }

    /// The mask of what the user wants, in the photo's own size, and its name. `category` is what the photo is of.
    ///
    /// # Errors
    /// An input failure when the mask can't be made.
    pub fn cover(&self, category: Region) -> Result<(Mask, String)> {
        let photo = self.decoded.over_white();
        let (mask, name) = match (&self.choice, &self.garments) {
            (Choice::Region(Some(region)), Some(garments)) => (garments.alpha(*region, &photo), region.name()),
            (Choice::Region(None), Some(garments)) => (garments.article_alpha(category, &photo), category.name()),
            (Choice::Given(mask), _) => (Ok(mask.clone()), "mask"),
            (Choice::Region(_), None) => (Ok(Mask::filled(photo.width_px(), photo.height_px(), 0)), "nothing"),
        };
        Ok((self.where_opaque(mask.or_exit(Exit::Input)?), name.to_owned()))
    }

    /// The mask without the photo's transparent pixels, whose hidden colour is nobody's cloth.
    fn where_opaque(&self, mut mask: Mask) -> Mask {
        if let Some(alpha) = &self.decoded.alpha {
            for (cover, _) in mask.data_mut().iter_mut().zip(alpha.data()).filter(|(_, a)| **a == 0) {
                *cover = 0;
            }
        }
        mask
    }
}
