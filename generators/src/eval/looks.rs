//! `rangrez eval looks`: how near a look comes to the true transform of its reference, how much style it brings for how much
//! content, whether a folder gets one transform, and whether tiles show.

mod pareto;

use std::path::{Path, PathBuf};

use pixels::SrgbImage;
use pixels::color::{Lab, LabImage, delta_e00};
use serde::Serialize;

use super::interval::{Interval, bootstrap, mean};
use super::workers;
use crate::backbone::Backbone;
use crate::look::looker::Looker;
use crate::look::{Look, moments};
use crate::style::Painter;
use crate::style::painter::Counted;
use crate::train::look::data::{Drawn, Part, draw, photos, transformed};
use crate::{Error, Result};

pub use pareto::{Pareto, Point, References};

/// References with a known transform that are measured, unless told otherwise.
pub const EXAMPLES: u64 = 300;
/// Every so many-th pixel is compared.
const STRIDE: usize = 23;

/// Mean and spread of L, a and b.
pub type Moments = ([f32; 3], [f32; 3]);

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// References with a known transform.
    pub examples: u64,
    /// Threads, one libtorch thread each.
    pub threads: usize,
    /// Draw some photos in some looks.
    pub sheet: bool,
}

/// How far photos in the look found are from photos under the true transform.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The method.
    pub method: String,
    /// Whether every photo gets the same transform of one reference.
    pub consistent: bool,
    /// Mean ΔE00, with a 95% interval over references.
    pub delta_e00: Interval,
    /// References.
    pub n: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Against known transforms: the learned look first.
    pub recovery: Vec<Figure>,
    /// Mean and spread of L, a and b over ordinary photos, for [`crate::look::PRIOR`].
    pub ordinary: Moments,
    /// Style against content on the judge's features; `None` without the judge's weights.
    pub pareto: Option<Pareto>,
    /// The same for paintings as references.
    pub paintings: Option<Pareto>,
    /// Largest variance over a folder's photos of what one reference does to a colour.
    pub folder_variance: f64,
    /// Largest difference, in codes, between a picture of 3000 px done whole and done in tiles.
    pub tile_difference: u8,
    /// The same of painting, before it is rounded.
    pub painted_seams: f64,
}

/// Measures everything.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<(Report, Vec<SrgbImage>)> {
    let recovery = recovery(&options.data, &options.weights, options.examples, options.threads)?;
    let looker = Looker::load(&options.weights)?;
    let held = photos(&options.data, Part::Report)?;
    let painter = Painter::load(&options.weights)?;
    let models = (&looker, &painter);
    let (pareto, sheet) = pareto::measure(models, &held, References::Photos, options.sheet)?;
    let (paintings, painted) = pareto::measure(models, &held, References::Paintings, options.sheet)?;
    let report = Report {
        recovery,
        ordinary: ordinary(&options.data)?,
        pareto,
        paintings,
        folder_variance: folder_variance(&looker, &held)?,
        tile_difference: tile_difference(&looker, &held)?,
        painted_seams: painted_seams(&painter, &held)?,
    };
    Ok((report, [sheet, painted].into_iter().flatten().collect()))
}

/// Style against content on the judge's features, per method and strength; none without the judge's weights.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn curve(data: &Path, weights: &Path, kind: References) -> Result<Option<Pareto>> {
    let (looker, painter) = (Looker::load(weights)?, Painter::load(weights)?);
    Ok(pareto::measure((&looker, &painter), &photos(data, Part::Report)?, kind, false)?.0)
}

/// Names of the methods, whether they give one transform to all photos, in the order of [`methods`].
const METHODS: [(&str, bool); 4] = [
    ("learned look", true),
    ("statistics, fixed prior", true),
    ("Reinhard, each photo's own statistics", false),
    ("as it is", true),
];

/// The transform that each method gives to a photo.
fn methods(looker: &Looker, reference: &SrgbImage, photo: &SrgbImage) -> Result<[Look; 4]> {
    let own = moments(&LabImage::from_srgb(photo));
    let wanted = moments(&LabImage::from_srgb(reference));
    Ok([looker.look(reference)?, Look::of_statistics(reference), Look::between(own, wanted), Look::identity()])
}

/// Mean ΔE00 to the true transform, per method, on held-out photos under new transforms.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn recovery(data: &Path, weights: &Path, examples: u64, threads: usize) -> Result<Vec<Figure>> {
    const SEED: u64 = 0x6c6f_6f6b;
    let held = photos(data, Part::Report)?;
    let mut lookers: Vec<Looker> = (0..threads.max(1)).map(|_| Looker::load(weights)).collect::<Result<_>>()?;
    let numbers: Vec<u64> = (0..examples).collect();
    let off = workers::each(&numbers, &mut lookers, |looker, &number| {
        let Drawn { reference, others, transform } = draw(&held, SEED, number)?;
        let reference = transformed(&reference, &transform);
        let mut sums = [0.0; METHODS.len()];
        for photo in &others {
            let looks = methods(looker, &reference, photo)?;
            let truth = transformed(photo, &transform);
            for (sum, look) in sums.iter_mut().zip(&looks) {
                *sum += difference(look, photo, &truth) / others.len() as f64;
            }
        }
        Ok(sums)
    })?;
    let figure = |(k, (method, consistent)): (usize, &(&str, bool))| {
        let clusters: Vec<Vec<f64>> = off.iter().map(|sums| vec![sums[k]]).collect();
        let delta_e00 = bootstrap(&clusters, mean).ok_or_else(|| Error::Input("looks: nothing to measure".into()))?;
        Ok(Figure { method: (*method).to_owned(), consistent: *consistent, delta_e00, n: off.len() })
    };
    METHODS.iter().enumerate().map(figure).collect()
}

/// Mean ΔE00 between a photo in a look and the truth.
fn difference(look: &Look, photo: &SrgbImage, truth: &SrgbImage) -> f64 {
    let color = |image: &SrgbImage, i: usize| Lab::from_srgb8([0, 1, 2].map(|c| image.data()[3 * i + c]));
    let places: Vec<usize> = (0..photo.data().len() / 3).step_by(STRIDE).collect();
    let off = |&i: &usize| {
        let found = Lab::from_srgb8(look.of_color(color(photo, i), 1.0).to_srgb8());
        f64::from(delta_e00(found, color(truth, i)))
    };
    places.iter().map(off).sum::<f64>() / places.len().max(1) as f64
}

/// Medians of the moments of phone photos that looks are trained on.
fn ordinary(data: &Path) -> Result<Moments> {
    let [street, clothing, _] = photos(data, Part::Train)?;
    let chosen: Vec<&PathBuf> = street.iter().step_by(4).chain(clothing.iter().step_by(20)).collect();
    let mut states = vec![(); 2];
    let all = workers::each(&chosen, &mut states, |(), path| {
        let photo = crate::train::segmenter_data::read_photo(path)?;
        let factor = photo.width_px().max(photo.height_px()).div_ceil(256).max(1);
        Ok(moments(&LabImage::from_srgb(&pixels::shrunk(&photo, factor)?)))
    })?;
    let median = |pick: &dyn Fn(&Moments) -> f32| {
        pixels::garment_stats::percentile(&mut all.iter().map(pick).collect::<Vec<_>>(), 0.5)
    };
    Ok(([0, 1, 2].map(|c| median(&|m| m.0[c])), [0, 1, 2].map(|c| median(&|m| m.1[c]))))
}

/// Applies one reference's look to a folder of photos that share some colours, and compares what became of these.
fn folder_variance(looker: &Looker, held: &[Vec<PathBuf>; 3]) -> Result<f64> {
    let reference = crate::train::segmenter_data::read_photo(&held[0][0])?;
    let patches: Vec<u8> =
        (0..27_u32).flat_map(|i| [i / 9 * 110, i / 3 % 3 * 110, i % 3 * 110].map(|v| v as u8)).collect();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for path in held[1].iter().take(12) {
        let photo = crate::train::segmenter_data::read_photo(path)?;
        // The patches as a strip above the photo.
        let width = photo.width_px().max(27);
        let mut strip = SrgbImage::filled(width, 1, [0; 3]);
        strip.data_mut()[..patches.len()].copy_from_slice(&patches);
        let mut data = strip.data().to_vec();
        for row in photo.data().chunks_exact(3 * photo.width_px() as usize) {
            data.extend(row);
            data.extend(std::iter::repeat_n(0, 3 * (width - photo.width_px()) as usize));
        }
        let joined = SrgbImage::new(width, photo.height_px() + 1, data)?;
        let out = looker.look(&reference)?.apply(&joined, 1.0, None, None)?;
        seen.push(out.data()[..patches.len()].to_vec());
    }
    let n = seen.len().max(1) as f64;
    let variance = |i: usize| {
        let mean = seen.iter().map(|s| f64::from(s[i])).sum::<f64>() / n;
        seen.iter().map(|s| (f64::from(s[i]) - mean).powi(2)).sum::<f64>() / n
    };
    Ok((0..patches.len()).map(variance).fold(0.0, f64::max))
}

/// A photo enlarged to 3000 px, done whole and in tiles of 512 px.
fn tile_difference(looker: &Looker, held: &[Vec<PathBuf>; 3]) -> Result<u8> {
    const TILE: u32 = 512;
    let look = looker.look(&crate::train::segmenter_data::read_photo(&held[0][0])?)?;
    let photo = pixels::resize_linear(&crate::train::segmenter_data::read_photo(&held[1][0])?, 2000, 3000)?;
    let whole = look.apply(&photo, 1.0, None, None)?;
    let mut worst = 0;
    for top in (0..3000).step_by(TILE as usize) {
        for left in (0..2000).step_by(TILE as usize) {
            let (width, height) = (TILE.min(2000 - left), TILE.min(3000 - top));
            let frame =
                pixels::garment_frame::GarmentFrame { x_px: left, y_px: top, width_px: width, height_px: height };
            let tile = look.apply(&crate::shading::view::crop(&photo, frame)?, 1.0, None, None)?;
            let same = crate::shading::view::crop(&whole, frame)?;
            let off = tile.data().iter().zip(same.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
            worst = worst.max(off);
        }
    }
    Ok(worst)
}

/// As [`tile_difference`], of painting at that size.
fn painted_seams(painter: &Painter, held: &[Vec<PathBuf>; 3]) -> Result<f64> {
    let reference = crate::train::segmenter_data::read_photo(&held[0][0])?;
    let photo = pixels::resize_linear(&crate::train::segmenter_data::read_photo(&held[1][0])?, 2000, 3000)?;
    painter.seams(&photo, &painter.statistics(&reference, Counted::Whole)?)
}

/// The judge's weights, where they are.
fn judge() -> Option<Backbone> {
    crate::judge::load().ok()
}
