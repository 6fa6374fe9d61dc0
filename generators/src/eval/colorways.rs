//! `rangrez eval colorways`: the recolour network and every baseline on real colourway pairs.

use std::path::Path;

use pixels::bilateral_grid::BilateralGrid;
use pixels::color::Lab;
use pixels::dye_law::DyeLaw;
use pixels::dye_render::DyeSource;
use pixels::{Mask, SrgbImage, composite};
use rayon::prelude::*;
use serde::Serialize;

use super::colorway_baselines::Baseline;
use super::colorway_pairs::{ColorwayPair, ColorwaySet, Part, load, mean_and_median};
use crate::Result;

/// What a row of the report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The trained network.
    Model,
    /// The network's analytic base alone.
    Base,
    /// A dumb method, given the true region.
    Baseline,
    /// Fitted to the answer: nothing passes below by much.
    Floor,
}

/// One method's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Method.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Whose mask it was given: `true` region or the program's `own`.
    pub mask: &'static str,
    /// Mean over directions of the mean ΔE00 per pixel.
    pub mean_delta_e00: f64,
    /// Median over directions.
    pub median_delta_e00: f64,
    /// Directions measured (two per pair).
    pub n: usize,
}

/// What `rangrez eval colorways` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which part of the pairs.
    pub part: Part,
    /// How the parts were told apart.
    pub split: String,
    /// Pairs in the list.
    pub listed: usize,
    /// Pairs left out because a photo is missing.
    pub missing: usize,
    /// Pairs measured.
    pub pairs: usize,
    /// One row per method.
    pub figures: Vec<Figure>,
    /// Whether the model is below every baseline.
    pub below_every_baseline: bool,
    /// Median intersection over union of the program's own mask with the true region.
    pub own_mask_median_iou: Option<f64>,
}

/// Dyes the garment inside the mask to a target's median.
pub type Dye<'a> = dyn Fn(&SrgbImage, &Mask, Lab) -> Result<SrgbImage> + 'a;
/// Finds the garment in a photo; `None` where it finds none.
pub type FindMask<'a> = dyn Fn(&SrgbImage) -> Result<Option<Mask>> + 'a;

/// Measures everything on one part of the pairs.
///
/// `model` is measured with the true region and, when `own_mask` is given, with that mask too.
///
/// # Errors
/// When data cannot be read or the model fails.
pub fn evaluate(
    list: &Path,
    images: &Path,
    part: Part,
    model: Option<&Dye>,
    own_mask: Option<&FindMask>,
) -> Result<Report> {
    let set = load(list, images, part)?;
    let mut figures = Vec::new();
    if let Some(model) = model {
        figures.push(measure(&set, "recolour network", "true", |pair, from| {
            model(&pair.images[from], &pair.region, pair.median(1 - from))
        })?);
    }
    let mut overlaps = Vec::new();
    if let (Some(model), Some(own_mask)) = (model, own_mask) {
        let overlaps = std::cell::RefCell::new(&mut overlaps);
        figures.push(measure(&set, "recolour network", "own", |pair, from| {
            let photo = &pair.images[from];
            let mask = own_mask(photo)?.unwrap_or_else(|| Mask::filled(photo.width_px(), photo.height_px(), 0));
            overlaps.borrow_mut().push(intersection_over_union(&mask, &pair.region));
            if mask.data().iter().all(|&a| a == 0) {
                return Ok(photo.clone());
            }
            model(photo, &mask, pair.median(1 - from))
        })?);
    }
    figures.push(Figure { role: Role::Base, ..measure(&set, "analytic base", "true", base)? });
    for baseline in Baseline::ALL {
        let role = if baseline == Baseline::FittedQuadratic { Role::Floor } else { Role::Baseline };
        figures.push(Figure { role, ..measure_parallel(&set, baseline.name(), |pair, from| baseline.dye(pair, from)) });
    }
    let of = |role: Role| figures.iter().filter(move |f| f.role == role).map(|f| f.mean_delta_e00);
    let best_baseline = of(Role::Baseline).fold(f64::INFINITY, f64::min);
    let below_every_baseline = model.is_some() && of(Role::Model).all(|value| value < best_baseline);
    Ok(Report {
        part,
        split: "pairs that share a photo form a group; validation: sha256 of its smallest id < 1/3".into(),
        listed: set.listed,
        missing: set.missing,
        pairs: set.pairs.len(),
        below_every_baseline,
        own_mask_median_iou: (!overlaps.is_empty()).then(|| mean_and_median(&overlaps).1),
        figures,
    })
}

/// The analytic law alone, in one pass, laid over the photo.
///
/// # Errors
/// When sizes differ.
pub fn base(pair: &ColorwayPair, from: usize) -> Result<SrgbImage> {
    let photo = &pair.images[from];
    let Some(source) = DyeSource::new(photo, &pair.region)? else { return Ok(photo.clone()) };
    let law = DyeLaw::new(&source.stats, pair.median(1 - from));
    Ok(composite(photo, &source.render(photo, &law, &BilateralGrid::zero()), &pair.region)?)
}

fn figure(name: &str, mask: &'static str, values: &[f64]) -> Figure {
    let (mean_delta_e00, median_delta_e00) = mean_and_median(values);
    Figure { name: name.to_owned(), role: Role::Model, mask, mean_delta_e00, median_delta_e00, n: values.len() }
}

fn measure(
    set: &ColorwaySet,
    name: &str,
    mask: &'static str,
    dye: impl Fn(&ColorwayPair, usize) -> Result<SrgbImage>,
) -> Result<Figure> {
    let mut values = Vec::new();
    for pair in &set.pairs {
        for from in 0..2 {
            values.push(pair.difference(&dye(pair, from)?, 1 - from));
        }
    }
    Ok(figure(name, mask, &values))
}

fn measure_parallel(set: &ColorwaySet, name: &str, dye: impl Fn(&ColorwayPair, usize) -> SrgbImage + Sync) -> Figure {
    let both = |pair: &ColorwayPair| [0, 1].map(|from| pair.difference(&dye(pair, from), 1 - from));
    let values: Vec<[f64; 2]> = set.pairs.par_iter().map(both).collect();
    figure(name, "true", values.as_flattened())
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
