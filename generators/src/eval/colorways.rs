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
    /// One row per method and mask.
    pub figures: Vec<Figure>,
    /// Whether the model is below every baseline that was given the same mask, for every mask.
    pub below_every_baseline: bool,
    /// Whether the model with the program's own mask is below every baseline that was given the true region.
    pub own_mask_below_true_mask_baselines: Option<bool>,
    /// Median intersection over union of the program's own mask with the true region.
    pub own_mask_median_iou: Option<f64>,
}

/// Dyes the garment inside the mask to a target's median.
pub type Dye<'a> = dyn Fn(&SrgbImage, &Mask, Lab) -> Result<SrgbImage> + 'a;
/// Finds the garment in a photo; `None` where it finds none.
pub type FindMask<'a> = dyn Fn(&SrgbImage) -> Result<Option<Mask>> + 'a;

/// Both photos' masks of every pair, under one name.
struct Masks {
    name: &'static str,
    pairs: Vec<[Mask; 2]>,
}

/// Measures everything on one part of the pairs, with the true regions and, when `own_mask` is given, with its masks.
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
    let regions = set.pairs.iter().map(|pair| [pair.region.clone(), pair.region.clone()]).collect();
    let mut kinds = vec![Masks { name: "true", pairs: regions }];
    let mut own_mask_median_iou = None;
    if let Some(find) = own_mask {
        let own = own_masks(&set, find)?;
        let overlaps: Vec<f64> = set
            .pairs
            .iter()
            .zip(&own.pairs)
            .flat_map(|(pair, masks)| masks.each_ref().map(|mask| intersection_over_union(mask, &pair.region)))
            .collect();
        own_mask_median_iou = Some(mean_and_median(&overlaps).1);
        kinds.push(own);
    }
    let mut figures = Vec::new();
    for masks in &kinds {
        if let Some(model) = model {
            figures.push(measure(&set, masks, "recolour network", |pair, from, mask| {
                if mask.data().iter().all(|&a| a == 0) {
                    return Ok(pair.images[from].clone());
                }
                model(&pair.images[from], mask, pair.median(1 - from))
            })?);
        }
        figures.push(Figure { role: Role::Base, ..measure(&set, masks, "analytic base", base)? });
        for baseline in Baseline::ALL {
            let role = if baseline == Baseline::FittedQuadratic { Role::Floor } else { Role::Baseline };
            let figure =
                measure_parallel(&set, masks, baseline.name(), |pair, from, mask| baseline.dye(pair, from, mask));
            figures.push(Figure { role, ..figure });
        }
    }
    let below = |own: &str, given: &str| {
        let of = |role: Role, mask: &str| {
            figures.iter().filter(|f| f.role == role && f.mask == mask).map(|f| f.mean_delta_e00).reduce(f64::min)
        };
        matches!((of(Role::Model, own), of(Role::Baseline, given)), (Some(ours), Some(best)) if ours < best)
    };
    Ok(Report {
        part,
        split: "pairs that share a photo form a group; validation: sha256 of its smallest id < 1/3".into(),
        listed: set.listed,
        missing: set.missing,
        pairs: set.pairs.len(),
        below_every_baseline: kinds.iter().all(|masks| below(masks.name, masks.name)),
        own_mask_below_true_mask_baselines: own_mask.map(|_| below("own", "true")),
        own_mask_median_iou,
        figures,
    })
}

fn own_masks(set: &ColorwaySet, find: &FindMask) -> Result<Masks> {
    let mask = |photo: &SrgbImage| -> Result<Mask> {
        Ok(find(photo)?.unwrap_or_else(|| Mask::filled(photo.width_px(), photo.height_px(), 0)))
    };
    let both = |pair: &ColorwayPair| Ok([mask(&pair.images[0])?, mask(&pair.images[1])?]);
    Ok(Masks { name: "own", pairs: set.pairs.iter().map(both).collect::<Result<_>>()? })
}

/// The analytic law alone, in one pass, laid over the photo.
fn base(pair: &ColorwayPair, from: usize, mask: &Mask) -> Result<SrgbImage> {
    let photo = &pair.images[from];
    let Some(source) = DyeSource::new(photo, mask)? else { return Ok(photo.clone()) };
    let law = DyeLaw::new(&source.stats, pair.median(1 - from));
    Ok(composite(photo, &source.render(photo, &law, &BilateralGrid::zero()), mask)?)
}

fn figure(name: &str, mask: &'static str, values: &[f64]) -> Figure {
    let (mean_delta_e00, median_delta_e00) = mean_and_median(values);
    Figure { name: name.to_owned(), role: Role::Model, mask, mean_delta_e00, median_delta_e00, n: values.len() }
}

fn measure(
    set: &ColorwaySet,
    masks: &Masks,
    name: &str,
    dye: impl Fn(&ColorwayPair, usize, &Mask) -> Result<SrgbImage>,
) -> Result<Figure> {
    let mut values = Vec::new();
    for (pair, masks) in set.pairs.iter().zip(&masks.pairs) {
        for (from, mask) in masks.iter().enumerate() {
            values.push(pair.difference(&dye(pair, from, mask)?, 1 - from));
        }
    }
    Ok(figure(name, masks.name, &values))
}

fn measure_parallel(
    set: &ColorwaySet,
    masks: &Masks,
    name: &str,
    dye: impl Fn(&ColorwayPair, usize, &Mask) -> SrgbImage + Sync,
) -> Figure {
    let both = |(pair, masks): (&ColorwayPair, &[Mask; 2])| {
        [0, 1].map(|from| pair.difference(&dye(pair, from, &masks[from]), 1 - from))
    };
    let values: Vec<[f64; 2]> = set.pairs.par_iter().zip(&masks.pairs).map(both).collect();
    figure(name, masks.name, values.as_flattened())
}

/// A contact sheet: source, true photo, the model's and the spread-matched curve's, `rows` pairs of the part.
///
/// # Errors
/// As [`evaluate`].
pub fn contact_sheet(list: &Path, images: &Path, part: Part, model: &Dye, rows: usize) -> Result<SrgbImage> {
    let set = load(list, images, part)?;
    let stride = (set.pairs.len() / rows.max(1)).max(1);
    let (mut data, mut width, mut height) = (Vec::new(), 0, 0);
    for (n, pair) in set.pairs.iter().step_by(stride).take(rows).enumerate() {
        let from = n % 2;
        let ours = model(&pair.images[from], &pair.region, pair.median(1 - from))?;
        let curve = Baseline::SpreadMatchedCurve.dye(pair, from, &pair.region);
        let row = [&pair.images[from], &pair.images[1 - from], &ours, &curve];
        let size = (ours.width_px(), ours.height_px());
        if width != 0 && size.0 * 4 != width {
            continue;
        }
        (width, height) = (size.0 * 4, height + size.1);
        let line = size.0 as usize * 3;
        for y in 0..size.1 as usize {
            for picture in row {
                data.extend_from_slice(&picture.data()[y * line..(y + 1) * line]);
            }
        }
    }
    Ok(SrgbImage::new(width, height, data)?)
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
