//! Masks from the segmenter's class map: which classes a region takes, cleaned of strays, with the photo's own edges.

use pixels::guided_filter::{GuidedFilter, GuidedModel, Plane};
use pixels::matting::refine_edges;
use pixels::spare::spare;
use pixels::{Mask, SrgbImage, resize_linear};

use crate::bare_skin;
use crate::color_split::separate;
use crate::components::components;
use crate::ground;
use crate::region::Region;
use crate::segmenter::{Class, ClassSet};
use crate::{Error, Result};

/// Probability of every class on a coarse grid over a photo.
#[derive(Clone, Debug)]
pub struct Segmentation {
    width: usize,
    height: usize,
    /// Class-major, 0 to 1.
    probabilities: Vec<f32>,
}

/// Skin and hair must cover this share of what is in front for a photo to count as one of a person.
const PERSON_SHARE: f32 = 0.03;
/// And this share of the whole photo.
const PERSON_LEAST: f32 = 0.004;
/// A compatible class up to this share of the asked one is taken for confusion within one garment.
const CONFUSION_SHARE: f32 = 0.2;
/// In a photo without a person, the asked region must make up this share of the cloth for all cloth to count as it.
const ONE_ARTICLE_SHARE: f32 = 0.6;
/// Clothes, shoes, and bags and the like that make up less of what a person wears are not what the photo is of. Photos of shoes
/// show little else, and whole figures far less of them.
const HARDLY_WORN: (f32, f32, f32) = (0.05, 0.2, 0.002);
/// Regions of clothes.
const CLOTHES: [Region; 4] = [Region::Upper, Region::Lower, Region::Full, Region::Outer];
/// Pieces smaller than this share of the largest are strays.
const STRAY_SHARE: f32 = 0.06;
/// Pieces cut off by the photo's edge must be this large beside the largest to stay.
const EDGE_SHARE: f32 = 0.4;
/// Holes up to this share of the mask are filled: prints, buttons, highlights.
const HOLE_SHARE: f32 = 0.012;
/// Score from which cloth's colour is learnt beside skin.
const SURE_CLOTH: f32 = 0.8;
/// How far alpha is spread around one half, so that soft tails end in true 0 and 255.
const CONTRAST: f32 = 1.6;

impl Segmentation {
    /// Wraps class-major probabilities.
    ///
    /// # Errors
    /// [`Error::Input`] when the length is not `11 * width * height`.
    pub fn new(width: usize, height: usize, probabilities: Vec<f32>) -> Result<Self> {
        let expected = Class::EVERY.len() * width * height;
        if probabilities.len() != expected || expected == 0 {
            let got = probabilities.len();
            return Err(Error::Input(format!("segmentation: expected {expected} values, got {got}")));
        }
        Ok(Self { width, height, probabilities })
    }

    /// Width of the grid.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height of the grid.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Probability of one class over the grid, row-major.
    pub fn class(&self, class: Class) -> &[f32] {
        let n = self.width * self.height;
        &self.probabilities[class as usize * n..][..n]
    }

    /// Probability that a pixel is of any class of the set, over the grid.
    pub fn probability(&self, set: ClassSet) -> Plane {
        let mut values = vec![0.0; self.width * self.height];
        for class in set.classes() {
            values.iter_mut().zip(self.class(class)).for_each(|(sum, p)| *sum += p);
        }
        Plane { width: self.width, height: self.height, values }
    }

    /// The likeliest class per grid point, row-major.
    pub fn classes(&self) -> Vec<Class> {
        let n = self.width * self.height;
        let best = |i: usize| {
            let mut best = Class::Background;
            for class in Class::EVERY {
                if self.probabilities[class as usize * n + i] > self.probabilities[best as usize * n + i] {
                    best = class;
                }
            }
            best
        };
        (0..n).map(best).collect()
    }

    /// Share of the photo that a class covers, 0 to 1.
    pub fn share(&self, class: Class) -> f32 {
        self.class(class).iter().sum::<f32>() / (self.width * self.height) as f32
    }

    fn share_of(&self, set: ClassSet) -> f32 {
        set.classes().map(|class| self.share(class)).sum()
    }

    /// Whether someone wears what the photo shows.
    pub fn shows_person(&self) -> bool {
        let person = self.share(Class::Skin) + self.share(Class::Hair);
        person > PERSON_LEAST && person > PERSON_SHARE * self.share_of(ClassSet::FOREGROUND)
    }

    /// Probability, over the grid, that something lies near enough to the cloth to catch its light: the skin and hair of who
    /// wears it, or else the surface that it lies on.
    pub fn surroundings(&self) -> Plane {
        let person = ClassSet::of(&[Class::Skin, Class::Hair]);
        self.probability(if self.shows_person() { person } else { ClassSet::of(&[Class::Background]) })
    }

    /// Classes that an explicitly asked region takes from this photo.
    fn asked(&self, region: Region) -> ClassSet {
        let Some(class) = class_of(region) else { return ClassSet::GARMENT };
        let own = ClassSet::of(&[class]);
        if !self.shows_person() {
            let family = family(region);
            if self.share_of(family) > ONE_ARTICLE_SHARE * self.share_of(ClassSet::GARMENT) {
                return ClassSet::GARMENT;
            }
        }
        let confused = |other: &Class| self.share(*other) < CONFUSION_SHARE * self.share(class);
        family(region).classes().filter(confused).fold(own, |set, other| set.or(ClassSet::of(&[other])))
    }

    /// Classes that belong to the article that the photo is of, when that article lies in `region`.
    fn article(&self, region: Region) -> ClassSet {
        if !self.shows_person() {
            // Nothing but the article is worn here, so that a doubt about its class must not hole the mask.
            return ClassSet::GARMENT;
        }
        match region {
            Region::All => ClassSet::GARMENT,
            // A skirt or trousers beside a dress are only taken when they are few: then they are its hem.
            Region::Full => {
                let top = family(Region::Full);
                let hem = self.share(Class::Lower) < CONFUSION_SHARE * self.share_of(top);
                if hem { top.or(ClassSet::of(&[Class::Lower])) } else { top }
            }
            Region::Lower => self.asked(region),
            _ => family(region),
        }
    }

    /// Whether the photo may be of something that is worn in `region`: not when a person in it wears hardly any of it.
    fn may_show(&self, region: Region) -> bool {
        let least = match region {
            Region::Footwear => HARDLY_WORN.1,
            region if CLOTHES.contains(&region) => HARDLY_WORN.0,
            _ => HARDLY_WORN.2,
        };
        let points = |set| self.probability(set).values.into_iter().filter(|&p| p > 0.5).count() as f32;
        !self.shows_person() || points(self.article(region)) >= least * points(ClassSet::GARMENT)
    }

    /// Where the article that the photo is of lies, given where its kind is worn: there, unless it can't be of that. Then it is
    /// what the person wears most of.
    pub fn article_region(&self, kind: Region) -> Region {
        if self.may_show(kind) {
            return kind;
        }
        let share = |region: &Region| class_of(*region).map_or(0.0, |class| self.share(class));
        CLOTHES.into_iter().max_by(|a, b| share(a).total_cmp(&share(b))).unwrap_or(kind)
    }

    /// Alpha of an explicitly asked region, at the photo's size: 0 outside, 255 inside, soft along edges.
    ///
    /// Without a person in the photo, all cloth counts as one article if most of it is of the asked kind.
    ///
    /// # Errors
    /// When the photo cannot be resized.
    pub fn alpha(&self, region: Region, photo: &SrgbImage) -> Result<Mask> {
        self.mask_of(self.asked(region), photo)
    }

    /// Alpha of the article that the photo is of (`--region auto`), given the region in which such articles are worn: see
    /// [`Segmentation::article_region`].
    ///
    /// # Errors
    /// When the photo cannot be resized.
    pub fn article_alpha(&self, kind: Region, photo: &SrgbImage) -> Result<Mask> {
        self.mask_of(self.article(self.article_region(kind)), photo)
    }

    /// As [`Segmentation::alpha`], when other regions are asked for beside it: none of their classes belong to this one, and
    /// a photo without a person is no longer one article.
    ///
    /// # Errors
    /// When the photo cannot be resized.
    pub fn alpha_beside(&self, region: Region, others: &[Region], photo: &SrgbImage) -> Result<Mask> {
        let set = if self.shows_person() || region == Region::All { self.asked(region) } else { family(region) };
        self.mask_of(set.without(classes_of(others.iter().copied().filter(|&other| other != region))), photo)
    }

    /// As [`Segmentation::article_alpha`], when other regions are asked for beside it.
    ///
    /// # Errors
    /// When the photo cannot be resized.
    pub fn article_alpha_beside(&self, kind: Region, others: &[Region], photo: &SrgbImage) -> Result<Mask> {
        self.mask_of(self.article(self.article_region(kind)).without(classes_of(others.iter().copied())), photo)
    }

    fn mask_of(&self, set: ClassSet, photo: &SrgbImage) -> Result<Mask> {
        let mut score = self.probability(set);
        let small = resize_linear(photo, self.width as u32, self.height as u32)?;
        let worn = self.shows_person();
        let mut ground = self.probability(ClassSet::BACKGROUND);
        ground::part(&small, &mut score, &mut ground, worn);
        let bare = if worn {
            if set != ClassSet::GARMENT {
                let person = self.probability(ClassSet::of(&[Class::Skin, Class::Hair]));
                let front = Plane { values: ground.values.iter().map(|p| 1.0 - p).collect(), ..ground };
                separate(&small, &mut score, &front, &person)?;
            }
            Some(bare_skin::find(&small, self))
        } else {
            None
        };
        if let Some(bare) = &bare {
            score.values.iter_mut().zip(bare).filter(|(_, bare)| **bare).for_each(|(p, _)| *p = 0.0);
        }
        self.clean(&mut score, set);
        // The filter may sharpen the coarse map but not contradict it.
        let (least, most) = (extreme(&score, f32::min), extreme(&score, f32::max));
        let alpha = GuidedModel::fit(photo, &score, &GuidedFilter::default())?.alpha(photo, (&least, &most), CONTRAST);
        let most = Plane { values: most.values.iter().map(|v| (v - 0.5) * CONTRAST + 0.5).collect(), ..most };
        let mut mask = refine_edges(photo, &Mask::new(photo.width_px(), photo.height_px(), alpha)?, &most)?;
        if let Some(bare) = &bare {
            let plane = |is: &dyn Fn(usize) -> bool| {
                let values = (0..bare.len()).map(|i| f32::from(u8::from(is(i)))).collect();
                Plane { width: self.width, height: self.height, values }
            };
            spare(photo, &small, &mut mask, &plane(&|i| score.values[i] > SURE_CLOTH), &plane(&|i| bare[i]))?;
        }
        Ok(mask)
    }

    /// Takes out strays and fills small holes that are not skin or hair.
    fn clean(&self, score: &mut Plane, set: ClassSet) {
        let (w, h) = (self.width, self.height);
        let inside: Vec<bool> = score.values.iter().map(|&v| v > 0.5).collect();
        let pieces = components(w, h, |i| inside[i]);
        let Some(largest) = pieces.iter().map(Vec::len).max() else { return };
        let total: usize = pieces.iter().map(Vec::len).sum();
        let worn = self.shows_person();
        let mut kept = vec![false; w * h];
        for piece in &pieces {
            let share = piece.len() as f32 / largest as f32;
            let at_edge = piece.iter().any(|&i| i % w == 0 || i % w == w - 1 || i < w || i >= w * (h - 1));
            let least = if at_edge && !worn { EDGE_SHARE } else { STRAY_SHARE };
            if share >= least {
                piece.iter().for_each(|&i| kept[i] = true);
            }
        }
        let reach = grow(&grow(&kept, w, h), w, h);
        score.values.iter_mut().zip(&reach).filter(|(_, near)| !**near).for_each(|(v, _)| *v = 0.0);
        let person = self.probability(ClassSet::of(&[Class::Skin, Class::Hair]));
        let other = self.probability(ClassSet::GARMENT.without(set));
        for hole in components(w, h, |i| !inside[i]) {
            let at_edge = hole.iter().any(|&i| i % w == 0 || i % w == w - 1 || i < w || i >= w * (h - 1));
            let small = (hole.len() as f32) < HOLE_SHARE * total as f32;
            let taken = hole.iter().filter(|&&i| person.values[i] + other.values[i] > 0.4).count();
            if small && !at_edge && taken * 3 < hole.len() {
                hole.iter().for_each(|&i| score.values[i] = 1.0);
            }
        }
    }
}

fn class_of(region: Region) -> Option<Class> {
    Some(match region {
        Region::Upper => Class::Upper,
        Region::Lower => Class::Lower,
        Region::Full => Class::Full,
        Region::Outer => Class::Outer,
        Region::Footwear => Class::Footwear,
        Region::Bag => Class::Bag,
        Region::Headwear => Class::Headwear,
        Region::Accessory => Class::Accessory,
        Region::All => return None,
    })
}

/// The classes that are certainly of these regions.
fn classes_of(regions: impl Iterator<Item = Region>) -> ClassSet {
    regions.filter_map(class_of).fold(ClassSet::of(&[]), |set, class| set.or(ClassSet::of(&[class])))
}

/// Classes that the network may take a garment of this region for.
fn family(region: Region) -> ClassSet {
    match region {
        Region::Upper | Region::Outer | Region::Full => ClassSet::of(&[Class::Upper, Class::Outer, Class::Full]),
        Region::Lower => ClassSet::of(&[Class::Lower, Class::Full]),
        Region::Footwear => ClassSet::of(&[Class::Footwear]),
        Region::Bag => ClassSet::of(&[Class::Bag]),
        Region::Headwear => ClassSet::of(&[Class::Headwear]),
        Region::Accessory => ClassSet::of(&[Class::Accessory]),
        Region::All => ClassSet::GARMENT,
    }
}

/// Least or greatest value of each 3×3 window.
fn extreme(plane: &Plane, pick: fn(f32, f32) -> f32) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let values = (0..w * h).map(|i| {
        let (x, y) = (i % w, i / w);
        let (xs, ys) = (x.saturating_sub(1)..(x + 2).min(w), y.saturating_sub(1)..(y + 2).min(h));
        ys.flat_map(|y| xs.clone().map(move |x| y * w + x)).map(|j| plane.values[j]).fold(plane.values[i], pick)
    });
    Plane { width: w, height: h, values: values.collect() }
}

fn grow(mask: &[bool], w: usize, h: usize) -> Vec<bool> {
    let near = |i: usize| {
        let (x, y) = (i % w, i / w);
        let (xs, ys) = (x.saturating_sub(1)..(x + 2).min(w), y.saturating_sub(1)..(y + 2).min(h));
        ys.flat_map(|y| xs.clone().map(move |x| y * w + x)).any(|j| mask[j])
    };
    (0..w * h).map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 40×40 grid where `class_at` says what is certain.
    fn certain(class_at: impl Fn(usize, usize) -> Class) -> Segmentation {
        let mut probabilities = vec![0.0; 11 * 1600];
        for i in 0..1600 {
            probabilities[class_at(i % 40, i / 40) as usize * 1600 + i] = 1.0;
        }
        Segmentation::new(40, 40, probabilities).unwrap()
    }

    fn dressed(x: usize, y: usize) -> Class {
        match (x, y) {
            (12..28, 2..8) => Class::Skin,
            (12..28, 8..22) => Class::Upper,
            (12..28, 22..36) => Class::Lower,
            _ => Class::Background,
        }
    }

    #[test]
    fn what_is_hardly_worn_is_not_what_the_photo_is_of() {
        let seen = certain(dressed);
        assert_eq!(seen.article_region(Region::Lower), Region::Lower);
        // Nobody carries a bag here, and a dress may be taken for an upper garment.
        assert_eq!(seen.article_region(Region::Bag), Region::Lower);
        assert_eq!(seen.article_region(Region::Full), Region::Full);
        let dress = certain(|x, y| match dressed(x, y) {
            Class::Upper | Class::Lower if y < 35 => Class::Upper,
            class => class,
        });
        assert_eq!(dress.article_region(Region::Lower), Region::Upper);
        // Shoes below a whole figure, and below trousers alone.
        let whole = certain(|x, y| if y == 36 { Class::Footwear } else { dressed(x, y) });
        assert_eq!(whole.article_region(Region::Footwear), Region::Lower);
        let shoes = certain(|x, y| match y {
            0..14 => Class::Background,
            36..40 => Class::Footwear,
            20..22 => Class::Skin,
            _ => dressed(x, y),
        });
        assert_eq!(shoes.article_region(Region::Footwear), Region::Footwear);
        // Small things are worn all the same.
        let watch = certain(|x, y| if (x, y) == (20, 20) { Class::Accessory } else { dressed(x, y) });
        assert_eq!(watch.article_region(Region::Accessory), Region::Accessory);
    }

    fn covers(mask: &Mask, x: u32, y: u32) -> u8 {
        mask.data()[(y * mask.width_px() + x) as usize]
    }

    #[test]
    fn a_region_of_a_dressed_person_leaves_skin_and_the_rest_alone() {
        let photo = SrgbImage::filled(80, 80, [90, 90, 90]);
        let mask = certain(dressed).alpha(Region::Upper, &photo).unwrap();
        assert_eq!((covers(&mask, 40, 30), covers(&mask, 40, 8), covers(&mask, 40, 60)), (255, 0, 0));
        let all = certain(dressed).alpha(Region::All, &photo).unwrap();
        assert_eq!((covers(&all, 40, 30), covers(&all, 40, 60), covers(&all, 40, 8)), (255, 255, 0));
    }

    #[test]
    fn doubt_about_the_class_does_not_hole_a_packshot() {
        let photo = SrgbImage::filled(80, 80, [90, 90, 90]);
        let patchy = certain(|x, y| match (x, y) {
            (16..22, 16..22) => Class::Bag,
            (8..32, 8..32) => Class::Upper,
            (0..3, 0..3) => Class::Accessory,
            _ => Class::Background,
        });
        let mask = patchy.article_alpha(Region::Upper, &photo).unwrap();
        assert_eq!((covers(&mask, 38, 38), covers(&mask, 2, 2), covers(&mask, 76, 40)), (255, 0, 0));
    }

    /// A flat-lay of two pieces: one article when one region is asked for, two when both are.
    #[test]
    fn regions_asked_for_together_part_a_flat_lay() {
        let photo = SrgbImage::filled(80, 80, [90, 90, 90]);
        let pieces = certain(|x, y| match (x, y) {
            (8..32, 4..22) => Class::Upper,
            (8..32, 22..36) => Class::Lower,
            _ => Class::Background,
        });
        let alone = pieces.alpha(Region::Upper, &photo).unwrap();
        let [upper, lower] = [(Region::Upper, Region::Lower), (Region::Lower, Region::Upper)]
            .map(|(region, other)| pieces.alpha_beside(region, &[other], &photo).unwrap());
        assert_eq!((covers(&upper, 40, 24), covers(&upper, 40, 60)), (255, 0));
        assert_eq!((covers(&lower, 40, 24), covers(&lower, 40, 60)), (0, 255));
        assert_eq!(covers(&alone, 40, 24), 255);
        let rest = pieces.article_alpha_beside(Region::Upper, &[Region::Lower], &photo).unwrap();
        assert_eq!((covers(&rest, 40, 24), covers(&rest, 40, 60)), (255, 0));
    }

    #[test]
    fn a_photo_without_the_region_gives_an_empty_mask() {
        let photo = SrgbImage::filled(80, 80, [90, 90, 90]);
        let mask = certain(dressed).alpha(Region::Bag, &photo).unwrap();
        assert!(mask.data().iter().all(|&a| a == 0));
    }
}
