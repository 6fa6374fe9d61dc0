//! `rangrez eval shading`: the light that ShadeNet finds on held-out garments in held-out prints, and on printed garments
//! whose plain siblings were photographed too, beside the analytic estimate and plain methods.

mod baselines;
mod pairs;

use std::path::PathBuf;

use pixels::color::srgb8_from_linear;
use pixels::{Mask, SrgbImage};
use rayon::prelude::*;
use serde::Serialize;

use self::baselines::Baseline;
use super::interval::{Interval, bootstrap, mean};
use crate::shading::{ShadeNet, agreed, view};
use crate::stream::Stream;
use crate::train::shading::composites::{self, Sample};
use crate::train::shading::garments::{self, Garments, Part};
use crate::train::shading::prints::Family;
use crate::{Error, Result};

pub use pairs::Siblings;

/// Composites that are measured, unless told otherwise.
pub const COMPOSITES: u64 = 360;
/// Composites of the trained families, on garments that only watched the training, that plain methods are set by.
const TUNED_ON: u64 = 48;
/// Photos of each data set that garments are cut from, as in training.
const PHOTOS: usize = 1200;
/// Rows of the sheet.
const SHOWN: usize = 24;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `clothing/`, `studio/` and `colorways/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Composites.
    pub composites: u64,
    /// Draw some of them and the sibling pairs.
    pub sheet: bool,
}

/// How far one method is from the truth.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The method.
    pub method: String,
    /// Root mean square error of log shading, its mean taken away; mean over items, with a 95% interval.
    pub error: Interval,
    /// Peak signal-to-noise ratio of mid-grey cloth in that light, in 8-bit codes, in dB.
    pub psnr: f64,
}

/// The figures of one kind of print.
#[derive(Clone, Debug, Serialize)]
pub struct OfFamily {
    /// The print.
    pub family: Family,
    /// Composites.
    pub n: usize,
    /// Mean error per method, in the order of [`Report::figures`].
    pub errors: Vec<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How garments and prints were told apart.
    pub split: String,
    /// Composites measured.
    pub composites: usize,
    /// Plain garments that lent their light.
    pub garments: usize,
    /// What both see, ShadeNet, the analytic estimate, plain methods.
    pub figures: Vec<Figure>,
    /// Settings of the plain methods.
    pub baselines: Vec<Baseline>,
    /// The same per print.
    pub families: Vec<OfFamily>,
    /// Real pairs.
    pub siblings: Siblings,
}

/// Names of the methods that are the program's own; the first is how it lights prints.
const OWN: [&str; 3] = ["what both see", "ShadeNet", "analytic estimate"];

/// Measures everything; the sheet shows garment, truth, what both see, ShadeNet, analytic estimate and Retinex.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<(Report, Option<SrgbImage>)> {
    let network = ShadeNet::load(&options.weights)?;
    measure(&network, options)
}

/// As [`evaluate`], of a network in memory.
///
/// # Errors
/// As [`evaluate`].
pub fn measure(network: &ShadeNet, options: &Options) -> Result<(Report, Option<SrgbImage>)> {
    let cut = garments::cut(&options.data, &options.weights, PHOTOS, &|part| part != Part::Train)?;
    let held = garments::sorted(&cut, Part::Report);
    let baselines = tuned(&garments::sorted(&cut, Part::Check))?;
    let samples: Vec<Sample> =
        (0..options.composites).into_par_iter().map(|i| composites::held_out(&held, i)).collect::<Result<_>>()?;
    let found: Vec<Vec<Vec<f32>>> =
        samples.iter().map(|s| methods(network, &baselines, &s.image, &s.mask)).collect::<Result<_>>()?;
    let errors: Vec<Vec<f64>> =
        samples.iter().zip(&found).map(|(s, f)| f.iter().map(|log| error(log, s)).collect()).collect();
    let psnr: Vec<Vec<f64>> =
        samples.iter().zip(&found).map(|(s, f)| f.iter().map(|log| peak_ratio(log, s)).collect()).collect();
    let (siblings, sibling_rows) = pairs::measure(network, &baselines, options)?;
    let report = Report {
        split: format!(
            "garments: products and senders with a hash below {}; prints: families that nothing is trained on, and pieces \
             of held-out printed garments; plain methods set on {TUNED_ON} composites of other garments",
            garments::REPORT
        ),
        composites: samples.len(),
        garments: held.plain.len(),
        figures: figures(&names(&baselines), &errors, &psnr)?,
        families: families(&samples, &errors),
        baselines,
        siblings,
    };
    let sheet = if options.sheet {
        let mut rows = Vec::new();
        for (sample, found) in samples.iter().zip(&found).take(SHOWN) {
            rows.push(shown(&sample.image, &sample.mask, &sample.truth, found)?);
        }
        rows.extend(sibling_rows);
        Some(super::solids::sheet::sheet(&rows)?)
    } else {
        None
    };
    Ok((report, sheet))
}

fn names(baselines: &[Baseline]) -> Vec<String> {
    OWN.into_iter().chain(baselines.iter().map(|baseline| baseline.name())).map(str::to_owned).collect()
}

/// Log shading by every method, in the order of [`names`].
fn methods(network: &ShadeNet, baselines: &[Baseline], image: &SrgbImage, mask: &Mask) -> Result<Vec<Vec<f32>>> {
    let (learnt, analytic) = (network.log_shading(image, mask)?, view::base(image, mask)?);
    let both = learnt.iter().zip(&analytic).map(|(&one, &other)| agreed(one, other)).collect();
    let mut all = vec![both, learnt, analytic];
    all.extend(baselines.par_iter().map(|baseline| baseline.log_shading(image, mask)).collect::<Vec<_>>());
    Ok(all)
}

/// The setting of each plain method that is best on garments and prints that are not reported on.
fn tuned(garments: &Garments) -> Result<Vec<Baseline>> {
    let drawn = |i| composites::draw(garments, &mut Stream::new(1, "shading/tuning", i));
    let samples: Vec<Sample> = (0..TUNED_ON).map(drawn).collect::<Result<_>>()?;
    let total = |baseline: &Baseline| -> f64 {
        samples.par_iter().map(|s| error(&baseline.log_shading(&s.image, &s.mask), s)).sum()
    };
    let best = |candidates: Vec<Baseline>| {
        let scored = candidates.into_iter().map(|baseline| (total(&baseline), baseline));
        scored.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, baseline)| baseline)
    };
    Ok(Baseline::candidates().into_iter().filter_map(best).collect())
}

/// Root mean square error of log shading where the truth counts, its mean taken away.
fn error(log: &[f32], sample: &Sample) -> f64 {
    let off = aligned(log, &sample.truth, &sample.weight);
    (off.iter().map(|v| v * v).sum::<f64>() / off.len().max(1) as f64).sqrt()
}

/// What is left of the difference where the weight is 1, its mean taken away.
fn aligned(log: &[f32], truth: &[f32], weight: &[f32]) -> Vec<f64> {
    let counted = (0..log.len()).filter(|&i| weight[i] > 0.5);
    let off: Vec<f64> = counted.map(|i| f64::from(log[i] - truth[i])).collect();
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    off.into_iter().map(|v| v - mean).collect()
}

/// Peak signal-to-noise ratio of mid-grey cloth in the light found, at the best gain, against the true light.
fn peak_ratio(log: &[f32], sample: &Sample) -> f64 {
    let off = aligned(log, &sample.truth, &sample.weight);
    let counted = (0..log.len()).filter(|&i| sample.weight[i] > 0.5);
    let code = |log: f64| f64::from(srgb8_from_linear((0.22 * log.exp()).clamp(0.0, 1.0) as f32));
    let square = |(i, off): (usize, &f64)| {
        let truth = f64::from(sample.truth[i]);
        (code(truth + off) - code(truth)).powi(2)
    };
    let mse = counted.zip(&off).map(square).sum::<f64>() / off.len().max(1) as f64;
    10.0 * (255.0 * 255.0 / mse.max(1e-3)).log10()
}

/// Means over items, one item one cluster.
fn figures(names: &[String], errors: &[Vec<f64>], psnr: &[Vec<f64>]) -> Result<Vec<Figure>> {
    let figure = |(k, method): (usize, &String)| {
        let clusters: Vec<Vec<f64>> = errors.iter().map(|item| vec![item[k]]).collect();
        let error = bootstrap(&clusters, mean).ok_or_else(|| Error::Input("shading: nothing to measure".into()))?;
        let psnr = psnr.iter().map(|item| item[k]).sum::<f64>() / psnr.len().max(1) as f64;
        Ok(Figure { method: method.clone(), error, psnr })
    };
    names.iter().enumerate().map(figure).collect()
}

fn families(samples: &[Sample], errors: &[Vec<f64>]) -> Vec<OfFamily> {
    let mut seen: Vec<Family> = Vec::new();
    samples.iter().for_each(|sample| {
        if !seen.contains(&sample.family) {
            seen.push(sample.family);
        }
    });
    let of = |family: Family| {
        let own: Vec<&Vec<f64>> =
            samples.iter().zip(errors).filter(|(s, _)| s.family == family).map(|(_, e)| e).collect();
        let methods = own.first().map_or(0, |item| item.len());
        let mean = |k: usize| own.iter().map(|item| item[k]).sum::<f64>() / own.len() as f64;
        OfFamily { family, n: own.len(), errors: (0..methods).map(mean).collect() }
    };
    seen.into_iter().map(of).collect()
}

/// Garment, truth, what both see, ShadeNet, analytic estimate, Retinex.
fn shown(image: &SrgbImage, mask: &Mask, truth: &[f32], found: &[Vec<f32>]) -> Result<Vec<SrgbImage>> {
    let mut row = vec![image.clone(), composites::picture(truth, mask)?];
    for log in [found.first(), found.get(1), found.get(2), found.last()].into_iter().flatten() {
        let median = view::median_inside(log, &view::core(mask));
        let relative: Vec<f32> = log.iter().map(|v| v - median).collect();
        row.push(composites::picture(&relative, mask)?);
    }
    Ok(row)
}
