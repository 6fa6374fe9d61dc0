//! `rangrez eval mask`: how well masks agree with people's labels, on items that the segmenter was not trained on.
//!
//! Measured is what the program writes: alpha at the photo's own size, inside from one half on.

use std::fmt;
use std::path::PathBuf;

use pixels::{Mask, SrgbImage};
use serde::Serialize;

use crate::region::Region;
use crate::segmenter::{Class, ClassSet, Segmenter};
use crate::train::segmenter_data::index::{self, Index};
use crate::train::segmenter_data::{self as data, backdrop, cutout, is_garment, labels, read_photo, sources};
use crate::{Error, Result};

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `street/`, `studio/`, `clothing/` and `colorways/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Most items per set; the first ones in order.
    pub limit: usize,
    /// Threads, one libtorch thread each.
    pub threads: usize,
}

impl Options {
    /// Everything, on two threads.
    pub fn new(data: PathBuf, weights: PathBuf) -> Self {
        Self { data, weights, limit: usize::MAX, threads: 2 }
    }
}

/// Composites that are drawn for the flat-lay figure.
const COMPOSITES: usize = 300;

/// Intersection over union on one set of photos, each photo counting the same.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// What is compared with what.
    pub name: String,
    /// Photos.
    pub n: usize,
    /// Mean over the photos.
    pub mean: f64,
    /// Median over the photos.
    pub median: f64,
    /// Tenth percentile over the photos.
    pub p10: f64,
    /// What a dumb method reaches on the same photos.
    pub baseline: Dumb,
}

/// A dumb method beside a measured figure.
#[derive(Clone, Debug, Serialize)]
pub struct Dumb {
    /// The method.
    pub name: String,
    /// Mean over the photos.
    pub mean: f64,
    /// Median over the photos.
    pub median: f64,
}

/// Intersection over union of one class, pooled over the pixels of the street photos.
#[derive(Clone, Debug, Serialize)]
pub struct ClassAgreement {
    /// The class.
    pub class: Class,
    /// Photos whose labels hold the class.
    pub n: usize,
    /// Pooled over pixels; `None` when the class does not occur.
    pub iou: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How items were told apart from those trained on.
    pub split: String,
    /// Any garment on street photos.
    pub street: Agreement,
    /// Any garment on studio photos without a person.
    pub studio: Agreement,
    /// Any garment on cut-outs laid on backgrounds of unseen senders.
    pub flat_lay_composites: Agreement,
    /// Region of the article against the changed area of colourway pairs.
    pub colorways: Agreement,
    /// Per class, street photos.
    pub classes: Vec<ClassAgreement>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<58} {:>5} {:>6} {:>6} {:>6}   baseline (mean, median)", "IoU", "n", "mean", "median", "p10")?;
        for a in [&self.street, &self.studio, &self.flat_lay_composites, &self.colorways] {
            let b = &a.baseline;
            writeln!(
                f,
                "{:<58} {:>5} {:>6.3} {:>6.3} {:>6.3}   {} {:.3} {:.3}",
                a.name, a.n, a.mean, a.median, a.p10, b.name, b.mean, b.median
            )?;
        }
        for c in &self.classes {
            let iou = c.iou.map_or("n/a".to_owned(), |iou| format!("{iou:.3}"));
            writeln!(f, "street, {:<50} {:>5} {iou:>6}", c.class.name(), c.n)?;
        }
        writeln!(f, "{}", self.split)
    }
}

/// Loads the shipped segmenter and measures it.
///
/// # Errors
/// When weights or data are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let segmenter = Segmenter::load(&options.weights)?;
    measure(&segmenter, &index::read(&options.data)?, options.limit, options.threads)
}

/// Measures a segmenter on the validation side of an index.
///
/// # Errors
/// When data cannot be read or libtorch fails.
pub fn measure(segmenter: &Segmenter, index: &Index, limit: usize, threads: usize) -> Result<Report> {
    let items = &index.validation;
    let over = Workers { segmenter, threads };
    let street = over.each(first(&items.street, limit), |segmenter, item| {
        let truth = sources::labelled_street(index, item)?;
        let seen = segmenter.segment(&truth.image)?;
        let mask = seen.alpha(Region::All, &truth.image)?;
        let known: Vec<Option<bool>> = truth.sets.iter().map(|set| is_garment(*set)).collect();
        let size = (truth.image.width_px() as usize, truth.image.height_px() as usize);
        let counts = class_counts(&seen.classes(), (seen.width(), seen.height()), &truth.sets, size);
        Ok(Some((iou(&mask, &known), iou(&middle(&truth.image), &known), counts)))
    })?;
    let studio = over.each(first(&items.packshots, limit), |segmenter, item| {
        let image = read_photo(&item.photo)?;
        let Some(found) = backdrop::find(&image) else { return Ok(None) };
        let truth = cutout::packshot(image, &found, item.article);
        let known: Vec<Option<bool>> = truth.sets.iter().map(|set| is_garment(*set)).collect();
        let mask = segmenter.segment(&truth.image)?.alpha(Region::All, &truth.image)?;
        Ok(Some((iou(&mask, &known), iou(&not_white(&truth.image), &known))))
    })?;
    let numbers: Vec<u64> = (0..COMPOSITES.min(limit) as u64).collect();
    let composites = over.each(&numbers, |segmenter, &number| {
        let (image, sets) = data::validation_composite(index, number)?;
        let mask = segmenter.segment(&image)?.alpha(Region::All, &image)?;
        let known: Vec<Option<bool>> = sets.iter().map(|set| is_garment(*set)).collect();
        Ok(Some((iou(&halved(&mask)?, &known), iou(&halved(&middle(&image))?, &known))))
    })?;
    let colorways = over.each(first(&items.colorways, limit), |segmenter, pair| {
        let (a, b) = (read_photo(&pair.a)?, read_photo(&pair.b)?);
        let (Some(changed), Some(region)) = (cutout::changed_area(&a, &b), labels::region(&pair.article_type)) else {
            return Ok(None);
        };
        let known: Vec<Option<bool>> = changed.iter().map(|&inside| Some(inside)).collect();
        let of = |photo: &SrgbImage| -> Result<(f64, f64)> {
            let mask = segmenter.segment(photo)?.article_alpha(region, photo)?;
            Ok((iou(&mask, &known), iou(&not_white(photo), &known)))
        };
        let (first, second) = (of(&a)?, of(&b)?);
        Ok(Some((f64::midpoint(first.0, second.0), f64::midpoint(first.1, second.1))))
    })?;
    let pairs = street.iter().map(|(model, dumb, _)| (*model, *dumb)).collect::<Vec<_>>();
    let counts: Vec<_> = street.into_iter().map(|(.., counts)| counts).collect();
    Ok(Report {
        split: format!(
            "validation: {:.0}% of street photos, of flat-lay senders and of studio products; {:.0}% of colourway components; \
             by hash of the source item",
            100.0 * index::VALIDATION,
            100.0 * index::COLORWAY_VALIDATION
        ),
        street: agreement("any garment, street", &pairs, "fixed box in the middle"),
        studio: agreement("any garment, studio without a person", &studio, "all that is not white"),
        flat_lay_composites: agreement(
            "any garment, cut-outs on unseen backgrounds",
            &composites,
            "fixed box in the middle",
        ),
        colorways: agreement("article's region vs changed area, colourways", &colorways, "all that is not white"),
        classes: per_class(&counts),
    })
}

fn first<T>(items: &[T], limit: usize) -> &[T] {
    &items[..limit.min(items.len())]
}

struct Workers<'a> {
    segmenter: &'a Segmenter,
    threads: usize,
}

impl Workers<'_> {
    /// Runs `of` over the items on some threads, each with a handle of its own on the network; keeps the order.
    fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        of: impl Fn(&Segmenter, &T) -> Result<Option<R>> + Sync,
    ) -> Result<Vec<R>> {
        let threads = self.threads.max(1);
        let mut handles = Vec::new();
        for _ in 0..threads {
            handles.push(self.segmenter.handle()?);
        }
        let results: Vec<Result<Vec<(usize, R)>>> = std::thread::scope(|scope| {
            let of = &of;
            let spawned: Vec<_> = handles
                .into_iter()
                .enumerate()
                .map(|(thread, segmenter)| {
                    scope.spawn(move || {
                        tch::set_num_threads(1);
                        let mut results = Vec::new();
                        for (i, item) in items.iter().enumerate().skip(thread).step_by(threads) {
                            results.extend(of(&segmenter, item)?.map(|result| (i, result)));
                        }
                        Ok(results)
                    })
                })
                .collect();
            let joined = spawned.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Error::Input("a measuring thread panicked".into())))
            });
            joined.collect()
        });
        let mut all: Vec<(usize, R)> = results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        all.sort_by_key(|(i, _)| *i);
        Ok(all.into_iter().map(|(_, result)| result).collect())
    }
}

/// Of the pixels of which it is known whether they are inside; 1 when both are empty.
fn iou(mask: &Mask, known: &[Option<bool>]) -> f64 {
    let (mut both, mut either) = (0_u64, 0_u64);
    for (alpha, known) in mask.data().iter().zip(known) {
        if let Some(inside) = *known {
            let seen = *alpha > 127;
            both += u64::from(seen && inside);
            either += u64::from(seen || inside);
        }
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// A box over the middle, where photographers put what they sell.
fn middle(image: &SrgbImage) -> Mask {
    let (w, h) = (image.width_px(), image.height_px());
    let mut mask = Mask::filled(w, h, 0);
    for y in h * 2 / 10..h * 9 / 10 {
        let row = (y * w) as usize;
        mask.data_mut()[row + (w * 3 / 10) as usize..row + (w * 7 / 10) as usize].fill(255);
    }
    mask
}

fn not_white(image: &SrgbImage) -> Mask {
    let mut mask = Mask::filled(image.width_px(), image.height_px(), 0);
    for (alpha, rgb) in mask.data_mut().iter_mut().zip(image.data().chunks_exact(3)) {
        *alpha = if rgb.iter().any(|&code| code < 240) { 255 } else { 0 };
    }
    mask
}

/// The mask at the centres of the half-size picture's pixels, where composites keep their truth.
fn halved(mask: &Mask) -> Result<Mask> {
    let (w, h) = (mask.width_px() / 2, mask.height_px() / 2);
    let at = |i: u32| mask.data()[((2 * (i / w) + 1) * mask.width_px() + 2 * (i % w) + 1) as usize];
    Ok(Mask::new(w, h, (0..w * h).map(at).collect())?)
}

/// Per class: pixels in both, pixels in either, and whether the truth holds it.
type Counts = [(u64, u64, bool); 11];

fn class_counts(seen: &[Class], grid: (usize, usize), truth: &[ClassSet], size: (usize, usize)) -> Counts {
    let mut counts = Counts::default();
    for (i, set) in truth.iter().enumerate() {
        let Some(class) = set.single() else { continue };
        let (x, y) = (i % size.0 * grid.0 / size.0, i / size.0 * grid.1 / size.1);
        let guess = seen[y * grid.0 + x];
        counts[class as usize].2 = true;
        counts[class as usize].1 += 1;
        if guess == class {
            counts[class as usize].0 += 1;
        } else {
            counts[guess as usize].1 += 1;
        }
    }
    counts
}

fn per_class(counts: &[Counts]) -> Vec<ClassAgreement> {
    let of = |class: Class| {
        let both: u64 = counts.iter().map(|c| c[class as usize].0).sum();
        let either: u64 = counts.iter().map(|c| c[class as usize].1).sum();
        let n = counts.iter().filter(|c| c[class as usize].2).count();
        ClassAgreement { class, n, iou: (n > 0).then(|| both as f64 / either.max(1) as f64) }
    };
    Class::EVERY.into_iter().map(of).collect()
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (at - low as f64),
        _ => f64::NAN,
    }
}

fn agreement(name: &str, photos: &[(f64, f64)], baseline: &str) -> Agreement {
    let sorted = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = photos.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (model, dumb) = (sorted(|p| p.0), sorted(|p| p.1));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    Agreement {
        name: name.into(),
        n: photos.len(),
        mean: mean(&model),
        median: quantile(&model, 0.5),
        p10: quantile(&model, 0.1),
        baseline: Dumb { name: baseline.into(), mean: mean(&dumb), median: quantile(&dumb, 0.5) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_pixels_do_not_count() {
        let mask = Mask::new(4, 1, vec![255, 255, 0, 255]).unwrap();
        let known = [Some(true), Some(false), Some(true), None];
        assert!((iou(&mask, &known) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn quantiles_interpolate() {
        assert!((quantile(&[1.0, 2.0, 4.0], 0.5) - 2.0).abs() < 1e-9);
        assert!((quantile(&[0.0, 1.0], 0.1) - 0.1).abs() < 1e-9);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
