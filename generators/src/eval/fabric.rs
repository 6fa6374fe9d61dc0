//! `rangrez eval fabric`: what becomes of a swatch on a garment. Repeats and seams of tiles, the print on flat parts, the
//! repeat on the finished garment, whether a judge finds the swatch again, and what changed outside the mask.
//!
//! Garments are solid-coloured CC0 phone photos of senders that nothing was tuned on, enlarged so that prints have pixels;
//! swatches are made by `scripts/make-fabrics --varied`, which also says what their repeats are.

pub(crate) mod measure;
mod retrieval;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pixels::fabric::{MakeTile, Placing, Restyle, Tile, find_period};
use pixels::shading::Shading;
use pixels::{Limits, Mask, SrgbImage, decode_file, foreground, resize_linear, resize_mask};
use serde::Serialize;

use super::interval::{mean, median, quantile};
use super::program::Program;
use super::solids::garments::{self, Part};
use crate::embedding::Embedder;
use crate::tailor::Tailor;
use crate::{Error, Result, judge};

pub use retrieval::Retrieval;
pub(super) use retrieval::multiplied;

/// Garments that every swatch is put on, unless told otherwise.
pub const GARMENTS: usize = 6;
/// Longer side of a photo on which prints are measured, in pixels.
const LONGEST_PX: u32 = 816;
/// Relative error up to which a repeat counts as right.
const RIGHT: f64 = 0.03;
/// Correlation from which a patch counts as the swatch's.
const SAME: f64 = 0.9;
/// A square of cloth must be this long to be looked at, in pixels.
const LEAST_SQUARE: usize = 128;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Folder of swatches with `fabrics.json`.
    pub fabrics: PathBuf,
    /// Garments that every swatch is put on.
    pub garments: usize,
}

/// A share of right ones, and how far off the values are.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// How many were measured.
    pub n: usize,
    /// Share within the limit, 0 to 1.
    pub within: f64,
    /// Median value.
    pub median: f64,
    /// 95th percentile, or the 5th where more is better.
    pub tail: f64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Swatches.
    pub swatches: usize,
    /// Garments.
    pub garments: usize,
    /// Relative error of repeats found in swatches; a repeat that is not found is off by 1. Limit 0.03.
    pub repeats: Figure,
    /// Change of colour across a tile's seams over that in the swatch. Limit 1.1.
    pub seams: Figure,
    /// Correlation of patches on flat parts with the tile where the warp says they lie. Limit 0.9.
    pub patches: Figure,
    /// Relative error of the repeat that is found again on the finished garment. Limit 0.03.
    pub finished: Figure,
    /// The same on a garment without folds, as far as the masks' shape alone bends the cloth. Limit 0.03.
    pub without_folds: Figure,
    /// Whether the judge finds the swatch by the finished garment; ours first.
    pub retrieval: Vec<Retrieval>,
    /// Bytes outside the masks that differ from the photos'.
    pub changed_outside: usize,
}

/// A swatch with its true repeats (0: none) and its tile.
struct Swatch {
    image: SrgbImage,
    repeats: [f32; 2],
    tile: Tile,
}

/// A garment at the size that is measured at.
struct Garment {
    photo: SrgbImage,
    mask: Mask,
}

/// Measures.
///
/// # Errors
/// When data, swatches or weights are missing, or a model fails.
pub fn evaluate(options: &Options) -> Result<Report> {
    let swatches = swatches(&options.fabrics)?;
    let garments = found(options)?;
    let judge = judge::load()?;
    let (tailor, embedder) = (Tailor::load(&options.weights)?, Embedder::load(&options.weights)?);
    let mut errors: Vec<f64> = Vec::new();
    for swatch in &swatches {
        let periods = find_period(&swatch.image);
        for (truth, found) in swatch.repeats.iter().zip(periods).filter(|(truth, _)| **truth > 0.0) {
            errors.push(found.map_or(1.0, |period| f64::from((period.px - truth).abs() / truth)));
        }
    }
    let mut seams: Vec<f64> = swatches.iter().map(|swatch| f64::from(swatch.tile.seam)).collect();
    let (mut patches, mut finished, mut without_folds, mut outside) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut queries = retrieval::Queries::default();
    for garment in &garments {
        let restyle = tailor.cut(&embedder, &garment.photo, &garment.mask)?;
        let analytic = Restyle::new(&garment.photo, &garment.mask)?;
        let even = in_even_light(&garment.photo, &garment.mask)?;
        let Some(square) = measure::largest_square(&garment.mask, LEAST_SQUARE) else { continue };
        for (i, swatch) in swatches.iter().enumerate() {
            let placing = Placing::default();
            let made = restyle.render(&swatch.tile, &placing, 1.0)?;
            outside += measure::changed_outside(&garment.photo, &made.image, &garment.mask);
            patches.extend(measure::patches(&restyle, &swatch.tile, &placing, &made.image, square)?);
            finished.extend(measure::repeat_errors(&made, swatch.repeats, &swatch.tile, square)?);
            let analytic = analytic.render(&swatch.tile, &placing, 1.0)?;
            let even = even.render(&swatch.tile, &placing, 1.0)?;
            without_folds.extend(measure::repeat_errors(&even, swatch.repeats, &swatch.tile, square)?);
            queries.add(&judge, i, &swatch.image, garment, [&made, &analytic, &even], square)?;
        }
    }
    Ok(Report {
        swatches: swatches.len(),
        garments: garments.len(),
        repeats: figure(&mut errors, |v| v <= RIGHT, 0.95),
        seams: figure(&mut seams, |v| v <= 1.1, 0.95),
        patches: figure(&mut patches, |v| v >= SAME, 0.05),
        finished: figure(&mut finished, |v| v <= RIGHT, 0.95),
        without_folds: figure(&mut without_folds, |v| v <= RIGHT, 0.95),
        retrieval: queries.found(),
        changed_outside: outside,
    })
}

/// The garment without folds or shadows, which tells what of a swatch is lost by its light and what by its lie.
pub(super) fn in_even_light<'a>(photo: &'a SrgbImage, mask: &'a Mask) -> Result<Restyle<'a>> {
    let (width_px, height_px) = (photo.width_px(), photo.height_px());
    let light = Shading { width_px, height_px, values: vec![1.0; mask.data().len()] };
    Ok(Restyle::with_shading(photo, mask, foreground::estimate(photo, mask)?, light)?)
}

fn figure(values: &mut [f64], within: impl Fn(f64) -> bool, tail: f64) -> Figure {
    let mut right: Vec<f64> = values.iter().map(|&v| f64::from(u8::from(within(v)))).collect();
    Figure { n: values.len(), within: mean(&mut right), median: median(values), tail: quantile(values, tail) }
}

fn swatches(folder: &Path) -> Result<Vec<Swatch>> {
    let list = folder.join("fabrics.json");
    let bad = |path: &Path, reason: String| Error::Data { path: path.to_owned(), reason };
    let hint = "make them: scripts/make-fabrics --varied 50 FOLDER";
    let text = std::fs::read_to_string(&list).map_err(|error| bad(&list, format!("{error}; {hint}")))?;
    let repeats: BTreeMap<String, [f32; 2]> =
        serde_json::from_str(&text).map_err(|error| bad(&list, error.to_string()))?;
    let swatch = |(name, repeats): (&String, &[f32; 2])| {
        let path = folder.join(name);
        let image = decode_file(&path, &Limits::default()).map_err(|error| bad(&path, error.to_string()))?.image;
        let tile = Tile::of_swatch(&image, &MakeTile::default()).map_err(|error| bad(&path, error.to_string()))?;
        Ok(Swatch { image, repeats: *repeats, tile })
    };
    repeats.iter().map(swatch).collect()
}

fn found(options: &Options) -> Result<Vec<Garment>> {
    let candidates = garments::candidates(&options.data, Part::Report, 4)?;
    let mut programs = Program::load_some(&options.weights, 1)?;
    garments::solids(&candidates, (1, options.garments), &mut programs, |_, garment| {
        let (photo, mask) = (&garment.found.photo, &garment.found.mask);
        let longest = photo.width_px().max(photo.height_px());
        let side = |n: u32| (f64::from(n) * f64::from(LONGEST_PX) / f64::from(longest)).round() as u32;
        let (width, height) = (side(photo.width_px()), side(photo.height_px()));
        Ok(Garment { photo: resize_linear(photo, width, height)?, mask: resize_mask(mask, width, height)? })
    })
}
