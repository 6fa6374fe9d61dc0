//! Dyes both photos of every colourway pair by every method and measures how far each comes from the real photo.

use std::path::Path;

use pixels::color::Lab;
use pixels::color_map::ColorMap;
use pixels::{Mask, SrgbImage};
use serde::Serialize;

use super::colorway_baselines::Baseline;
use super::colorway_pairs::ColorwayPair;
use super::colorway_view::{Protocol, View};
use super::workers;
use crate::backbone::{Backbone, INPUT_PX};
use crate::dye::Source;
use crate::embedding::{Embedder, Point};
use crate::gate::{self, Gate};
use crate::params::Params;
use crate::recolor::Recolorer;
use crate::segmenter::{self, Segmenter};
use crate::{Error, Result, checkpoint};

/// What a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The analytic base, as every variant is made unless something else is asked for.
    Model,
    /// The network's whole correction over it.
    Network,
    /// A network trained with a part of the recipe left out.
    Ablation,
    /// A dumb method.
    Baseline,
    /// Fitted to the answer: nothing passes below by much.
    Floor,
}

/// Whose mask a method was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskKind {
    /// The program's.
    Own,
    /// The region that is compared.
    True,
}

/// A recolour generator under test.
pub struct Generator {
    /// Its name in reports.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The network; none for the analytic base.
    pub network: Option<Recolorer>,
}

/// Everything that a measuring thread needs.
pub struct Models {
    /// Embeds photos for the generators.
    pub embedder: Embedder,
    /// Find the program's own mask; without them only true masks are measured.
    pub finder: Option<(Segmenter, Gate)>,
    /// The generators under test.
    pub generators: Vec<Generator>,
}

/// One method on one photo.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Index of the pair.
    pub pair: usize,
    /// Which photo was dyed.
    pub from: usize,
    /// How it was compared.
    pub protocol: Protocol,
    /// Whose mask.
    pub mask: MaskKind,
    /// Method.
    pub method: String,
    /// What the method is.
    pub role: Role,
    /// Mean ΔE00 per pixel.
    pub delta_e00: f64,
    /// Overlap of the program's own mask with the region, where that mask was given.
    pub overlap: f64,
}

/// Measures every pair, one thread for each of the `workers`.
///
/// # Errors
/// When a model refuses.
pub fn measure(pairs: &[ColorwayPair], workers: &mut [Models]) -> Result<Vec<Sample>> {
    let directions: Vec<(usize, usize)> = (0..pairs.len()).flat_map(|pair| [(pair, 0), (pair, 1)]).collect();
    let samples = workers::each(&directions, workers, |models, &(pair, from)| {
        let mut samples = direction(&pairs[pair], from, models)?;
        samples.iter_mut().for_each(|sample| sample.pair = pair);
        Ok(samples)
    })?;
    Ok(samples.into_iter().flatten().collect())
}

fn direction(pair: &ColorwayPair, from: usize, models: &Models) -> Result<Vec<Sample>> {
    let views: Vec<(Protocol, &View)> =
        Protocol::ALL.into_iter().filter_map(|protocol| Some((protocol, pair.view(protocol, from)?))).collect();
    let photo = &pair.images[from];
    let embedding = models.general(photo)?;
    let own = models.own_mask(photo)?;
    let mut samples = Vec::new();
    for &(protocol, view) in &views {
        let masks = own.iter().map(|mask| (MaskKind::Own, mask)).chain([(MaskKind::True, &view.region)]);
        for (kind, mask) in masks {
            let overlap = intersection_over_union(mask, &view.region);
            let mut add = |method: &str, role: Role, dyed: &SrgbImage| {
                let delta_e00 = ColorwayPair::difference(dyed, view);
                samples.push(Sample {
                    pair: 0,
                    from,
                    protocol,
                    mask: kind,
                    method: method.to_owned(),
                    role,
                    delta_e00,
                    overlap,
                });
            };
            for generator in &models.generators {
                let dyed = dye(generator.network.as_ref(), photo, mask, &embedding, view.target())?;
                add(&generator.name, generator.role, &dyed);
            }
            for baseline in Baseline::ALL {
                let role = if baseline == Baseline::FittedQuadratic { Role::Floor } else { Role::Baseline };
                add(baseline.name(), role, &baseline.dye(photo, &pair.labs[from], view, mask));
            }
        }
    }
    Ok(samples)
}

impl Generator {
    /// The network's correction over the analytic base.
    pub fn corrected(network: Recolorer) -> Self {
        Self { name: "recolour network".to_owned(), role: Role::Network, network: Some(network) }
    }

    /// The analytic base.
    pub fn base() -> Self {
        Self { name: "analytic base".to_owned(), role: Role::Model, network: None }
    }
}

impl Models {
    /// Loads the models that find masks from the weights folder, where it has them.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] without a backbone, [`Error::WeightsInvalid`].
    pub fn load(weights: &Path, generators: Vec<Generator>) -> Result<Self> {
        let has = |name: &str| checkpoint::weights_path(weights, name).is_file();
        let finder = if has(segmenter::NAME) && has(gate::NAME) {
            Some((Segmenter::load(weights)?, Gate::load(weights)?))
        } else {
            None
        };
        let embedder = if has(gate::NAME) {
            Embedder::load(weights)?
        } else {
            Embedder::of(Backbone::load(weights)?, &Params::default(), INPUT_PX)?
        };
        Ok(Self { embedder, finder, generators })
    }

    /// Where the backbone puts the photo.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn general(&self, photo: &SrgbImage) -> Result<Point> {
        self.embedder.general(photo)
    }

    /// The mask that `--region auto` gives; `None` without a segmenter.
    ///
    /// # Errors
    /// When a model refuses.
    pub fn own_mask(&self, photo: &SrgbImage) -> Result<Option<Mask>> {
        let Some((segmenter, gate)) = &self.finder else { return Ok(None) };
        let garments = segmenter.segment(photo)?;
        let category = gate.classify_worn(&self.embedder.for_gate(photo)?, |region| garments.article_region(region))?;
        garments.article_alpha(category.region, photo).map(Some)
    }
}

/// The photo dyed inside the mask, by the laws alone without a network; as it is where the mask is empty.
///
/// # Errors
/// When the generator refuses.
pub fn dye(
    network: Option<&Recolorer>,
    photo: &SrgbImage,
    mask: &Mask,
    embedding: &Point,
    target: Lab,
) -> Result<SrgbImage> {
    if mask.data().iter().all(|&a| a == 0) {
        return Ok(photo.clone());
    }
    let source = Source::new(photo, mask)?;
    let maps = [ColorMap::to_main(source.stats(), target)];
    let dyed = match network {
        Some(network) => network.dye(&source, embedding, &maps, 1.0)?,
        None => source.dye(&maps)?,
    };
    let dyed = dyed.into_iter().next().ok_or_else(|| Error::Input("recolour: nothing was dyed".into()))?;
    Ok(dyed.image)
}

/// Of two masks, at half alpha.
pub fn intersection_over_union(one: &Mask, other: &Mask) -> f64 {
    let (mut both, mut either) = (0_u64, 0_u64);
    for (&a, &b) in one.data().iter().zip(other.data()) {
        both += u64::from(a >= 128 && b >= 128);
        either += u64::from(a >= 128 || b >= 128);
    }
    both as f64 / either.max(1) as f64
}
