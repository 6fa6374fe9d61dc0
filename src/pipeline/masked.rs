//! Third stage: where in the photo which garments are.

use generators::region::Region;
use generators::segmenter::{Class, Segmentation};
use pixels::Mask;
use pixels::guided_filter::Plane;

use crate::cli::AUTO;
use crate::exit::{Exit, OrExit, Result};

use super::decoded::Decoded;
use super::models::Finder;

/// What a region is called that a mask file gives.
pub const MASK: &str = "mask";

/// What the user wants dyed.
#[derive(Clone, Debug)]
pub enum Choice {
    /// A region; `None` for what the photo is of.
    Region(Option<Region>),
    /// What this mask covers.
    Given(Mask),
}

impl Choice {
    /// What people call it: a region's name, `auto`, or `mask`.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Given(_) => MASK,
            Self::Region(region) => region.map_or(AUTO, Region::name),
        }
    }
}

/// A photo whose garments have been found.
#[derive(Debug)]
pub struct Masked {
    /// The photo's pixels.
    pub decoded: Decoded,
    /// What the user wants dyed.
    pub choices: Vec<Choice>,
    garments: Option<Segmentation>,
    bounce: bool,
}

impl Masked {
    /// Finds the garments, unless masks are given for all of them and nobody asks for what surrounds them (`bounce`).
    ///
    /// # Errors
    /// A usage error when the given mask has another size than the photo; an input failure otherwise.
    pub fn find(decoded: Decoded, finder: &Finder, choices: Vec<Choice>, bounce: bool) -> Result<Self> {
        for choice in &choices {
            if let Choice::Given(mask) = choice {
                let fits = mask.check_size(decoded.image.width_px(), decoded.image.height_px());
                fits.map_err(|error| anyhow::Error::new(error).context("the --mask does not fit the photo"))
                    .or_exit(Exit::Usage)?;
            }
        }
        let find = bounce || choices.iter().any(|choice| matches!(choice, Choice::Region(_)));
        let garments =
            if find { Some(finder.segmenter.segment(&decoded.over_white()).or_exit(Exit::Input)?) } else { None };
        Ok(Self { decoded, choices, garments, bounce })
    }

    /// Where the article is that the photo is of, given where its kind is worn, as far as anybody looked.
    pub fn article_region(&self, kind: Region) -> Region {
        self.garments.as_ref().map_or(kind, |garments| garments.article_region(kind))
    }

    /// The mask of one choice, in the photo's own size, and its name. `category` is what the photo is of.
    ///
    /// # Errors
    /// An input failure when the mask can't be made.
    pub fn cover(&self, choice: &Choice, category: Region) -> Result<(Mask, String)> {
        let photo = self.decoded.over_white();
        let (mask, name) = match (choice, &self.garments) {
            (Choice::Region(asked), Some(garments)) if self.choices.len() > 1 => {
                let others = self.named_beside(*asked);
                let mask = match asked {
                    Some(region) => garments.alpha_beside(*region, &others, &photo),
                    None => garments.article_alpha_beside(category, &others, &photo),
                };
                (mask, asked.unwrap_or_else(|| garments.article_region(category)).name())
            }
            (Choice::Region(Some(region)), Some(garments)) => (garments.alpha(*region, &photo), region.name()),
            (Choice::Region(None), Some(garments)) => {
                (garments.article_alpha(category, &photo), garments.article_region(category).name())
            }
            (Choice::Given(mask), _) => (Ok(mask.clone()), MASK),
            (Choice::Region(_), None) => (Ok(Mask::filled(photo.width_px(), photo.height_px(), 0)), "nothing"),
        };
        Ok((self.where_opaque(mask.or_exit(Exit::Input)?), name.to_owned()))
    }

    /// What is near enough to the cloth to catch its light, in the photo's own size; `None` if nobody looked for it.
    pub fn surroundings(&self, cloth: &Mask) -> Option<Mask> {
        let (width, height) = (cloth.width_px(), cloth.height_px());
        let near =
            self.garments.as_ref().filter(|_| self.bounce)?.surroundings().resized(width as usize, height as usize);
        let share = |(near, cloth): (f32, &u8)| (near.clamp(0.0, 1.0) * f32::from(255 - cloth)).round() as u8;
        Mask::new(width, height, near.values.into_iter().zip(cloth.data()).map(share).collect()).ok()
    }

    /// Probability of skin over the photo, at the segmenter's size; `None` if nobody looked.
    pub fn skin(&self) -> Option<Plane> {
        let plane = |garments: &Segmentation| Plane {
            width: garments.width(),
            height: garments.height(),
            values: garments.class(Class::Skin).to_vec(),
        };
        self.garments.as_ref().map(plane)
    }

    /// The regions named beside this one.
    fn named_beside(&self, asked: Option<Region>) -> Vec<Region> {
        let named = self.choices.iter().filter_map(|choice| match choice {
            Choice::Region(region) => *region,
            Choice::Given(_) => None,
        });
        named.filter(|&region| Some(region) != asked).collect()
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
