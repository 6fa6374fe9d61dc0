//! The program as its users have it: what the photo is of, its mask, and its garment in other colours.

use std::path::Path;

use pixels::color::Lab;
use pixels::color_map::ColorMap;
use pixels::{Limits, Mask, SrgbImage, decode_file};

use crate::dye::{Dyed, Source};
use crate::embedding::{Embedder, Point};
use crate::gate::{Classification, Gate, Look};
use crate::recolor::Recolorer;
use crate::segmentation::Segmentation;
use crate::segmenter::Segmenter;
use crate::{Error, Result};

/// All models of one worker.
pub struct Program {
    embedder: Embedder,
    segmenter: Segmenter,
    gate: Gate,
    network: Recolorer,
}

/// What the program found in a photo.
pub struct Found {
    /// The photo.
    pub photo: SrgbImage,
    /// What it is of.
    pub category: Classification,
    /// The garment that `--region auto` takes.
    pub mask: Mask,
}

/// Which recolour generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// The analytic dye, as every variant is made unless something else is asked for.
    Base,
    /// The network's whole correction over it, `--network`.
    Network,
}

impl Program {
    /// Loads every model from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self {
            embedder: Embedder::load(weights)?,
            segmenter: Segmenter::load(weights)?,
            gate: Gate::load(weights)?,
            network: Recolorer::load(weights)?,
        })
    }

    /// Loads one set of models per thread.
    ///
    /// # Errors
    /// As [`Program::load`].
    pub fn load_some(weights: &Path, threads: usize) -> Result<Vec<Self>> {
        (0..threads.max(1)).map(|_| Self::load(weights)).collect()
    }

    /// Reads a photo and finds its article, as `--region auto` does.
    ///
    /// # Errors
    /// When the photo cannot be read or libtorch refuses.
    pub fn find(&self, path: &Path) -> Result<Found> {
        let photo = decode_file(path, &Limits::default())
            .map_err(|error| Error::Data { path: path.to_owned(), reason: error.to_string() })?
            .image;
        let garments = self.segmenter.segment(&photo)?;
        let category =
            self.gate.classify_worn(&self.embedder.for_gate(&photo)?, |region| garments.article_region(region))?;
        let mask = garments.article_alpha(category.region, &photo)?;
        Ok(Found { photo, category, mask })
    }

    /// The mask that `--region auto` gives.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn mask(&self, photo: &SrgbImage) -> Result<Mask> {
        let garments = self.segmenter.segment(photo)?;
        let category =
            self.gate.classify_worn(&self.embedder.for_gate(photo)?, |region| garments.article_region(region))?;
        garments.article_alpha(category.region, photo)
    }

    /// What is where in a photo.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn segment(&self, photo: &SrgbImage) -> Result<Segmentation> {
        self.segmenter.segment(photo)
    }

    /// Dyes what was found in each colour.
    ///
    /// # Errors
    /// When the mask is empty or libtorch refuses.
    pub fn dye(&self, generator: Generator, found: &Found, targets: &[Lab]) -> Result<Vec<Dyed>> {
        self.dye_within(generator, &found.photo, &found.mask, targets)
    }

    /// Dyes what a given mask covers.
    ///
    /// # Errors
    /// As [`Program::dye`].
    pub fn dye_within(
        &self,
        generator: Generator,
        photo: &SrgbImage,
        mask: &Mask,
        targets: &[Lab],
    ) -> Result<Vec<Dyed>> {
        let source = Source::new(photo, mask)?;
        let maps: Vec<ColorMap> = targets.iter().map(|&target| ColorMap::to_main(source.stats(), target)).collect();
        match generator {
            Generator::Base => source.dye(&maps),
            Generator::Network => self.network.dye(&source, &self.general(photo)?, &maps, 1.0),
        }
    }

    /// What the gate sees of pictures.
    ///
    /// # Errors
    /// When a picture has no pixels or libtorch refuses.
    pub fn looks(&self, pictures: &[&SrgbImage]) -> Result<Vec<Look>> {
        self.embedder.looks(pictures)
    }

    /// Where the backbone puts the photo.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn general(&self, photo: &SrgbImage) -> Result<Point> {
        self.embedder.general(photo)
    }
}
