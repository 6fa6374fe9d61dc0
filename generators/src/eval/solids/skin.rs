//! What dyeing does to people's skin: street photos with labelled skin, dyed with the program's own mask.

use std::path::{Path, PathBuf};

use pixels::color::{Lab, LabImage, delta_e00};
use pixels::{Limits, Mask};
use rayon::prelude::*;
use serde::Serialize;

use super::{Part, SWATCHES, Swatch};
use crate::eval::interval::{Interval, RESAMPLES, quantile};
use crate::eval::program::{Generator, Program};
use crate::eval::workers;
use crate::stream::{Stream, split_fraction};
use crate::train::segmenter_data::index::VALIDATION;
use crate::{Error, Result};

/// Swatches that every photo is dyed in: a dark, a light and a vivid one.
const DYED: [&str; 3] = ["navy", "white", "red"];
/// Steps of the histograms, ΔE00.
const STEP: f64 = 0.05;
/// Steps of the histograms; the last holds all beyond.
const STEPS: usize = 1201;
/// ΔE00 from which skin counts as changed.
const CHANGED: f64 = 0.5;
/// Photos of the training side that are looked at, at most; the first by their hash.
const TUNED_ON: usize = 160;
/// Fewer labelled pixels than this are not measured.
const SKIN_FLOOR: usize = 100;

/// How labelled skin changed, over all photos and swatches.
#[derive(Clone, Debug, Serialize)]
pub struct Skin {
    /// How photos were chosen.
    pub split: String,
    /// Photos measured.
    pub photos: usize,
    /// Skin pixels measured, per swatch.
    pub pixels: u64,
    /// 99th percentile of ΔE00 over all skin pixels; intervals over photos.
    pub p99: Interval,
    /// Share of skin pixels that changed by at least 0.5.
    pub changed: f64,
    /// The same with the skin's label shrunk by three pixels in place of one: what is not the label's edge.
    pub changed_inside: f64,
    /// Median over photos of each photo's 99th percentile.
    pub median_p99: f64,
    /// Share of photos whose own 99th percentile is below 0.5.
    pub photos_kept: f64,
    /// The photos that changed most: name and 99th percentile.
    pub worst: Vec<(String, f64)>,
}

struct Photo {
    name: String,
    counts: Vec<u64>,
    inside: (u64, u64),
}

/// Dyes the street photos of a part and measures their skin: the segmenter's validation side is for figures, some of its
/// training side to look at and to tune on.
///
/// # Errors
/// When data cannot be read or a model fails.
pub fn measure(data: &Path, part: Part, programs: &mut [Program]) -> Result<Option<Skin>> {
    let Some(skin) = label(data)? else { return Ok(None) };
    let photos = photos(data, part)?;
    let targets: Vec<Lab> = SWATCHES.iter().filter(|swatch| DYED.contains(&swatch.name)).map(Swatch::color).collect();
    let measured = workers::each(&photos, programs, |program, name| {
        let truth = decode_label(&data.join(format!("street/masks/{name}.png")), skin)?;
        let found = program.find(&data.join(format!("street/photos/{name}.jpg")))?;
        let fits = truth.check_size(found.photo.width_px(), found.photo.height_px()).is_ok();
        let (near, inside) = (indices(&truth.eroded(1)), truth.eroded(3));
        if !fits || near.len() < SKIN_FLOOR || found.mask.data().iter().all(|&a| a == 0) {
            return Ok(None);
        }
        let before = LabImage::from_srgb(&found.photo);
        let mut photo = Photo { name: name.clone(), counts: vec![0; STEPS], inside: (0, 0) };
        for dyed in program.dye(Generator::Base, &found, &targets)? {
            let after = LabImage::from_srgb(&dyed.image);
            for &i in &near {
                let difference = f64::from(delta_e00(before.at(i), after.at(i)));
                photo.counts[((difference / STEP) as usize).min(STEPS - 1)] += 1;
                if inside.data()[i] > 0 {
                    photo.inside.1 += 1;
                    photo.inside.0 += u64::from(difference >= CHANGED);
                }
            }
        }
        Ok(Some(photo))
    })?;
    Ok(summary(part, &measured.into_iter().flatten().collect::<Vec<_>>()))
}

/// The number of the label `skin` in the masks, if they have it.
fn label(data: &Path) -> Result<Option<u8>> {
    let path = data.join("street/labels.txt");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    Ok(text.lines().position(|line| line.trim() == "skin").and_then(|i| u8::try_from(i).ok()))
}

/// Names of a part's photos, sorted.
fn photos(data: &Path, part: Part) -> Result<Vec<String>> {
    let folder: PathBuf = data.join("street/photos");
    let entries = std::fs::read_dir(&folder).map_err(Error::io(&folder))?;
    let stem = |entry: std::fs::DirEntry| Some(entry.path().file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.ok()?)).collect();
    names.retain(|name| data.join(format!("street/masks/{name}.png")).is_file());
    Ok(chosen(names, part))
}

/// Those of a part among all names.
fn chosen(mut names: Vec<String>, part: Part) -> Vec<String> {
    let hash = |name: &String| split_fraction(&format!("street/{name}"));
    names.retain(|name| (hash(name) < VALIDATION) == (part == Part::Report));
    if part == Part::Tune {
        names.sort_by(|a, b| hash(a).total_cmp(&hash(b)));
        names.truncate(TUNED_ON);
    }
    names.sort();
    names
}

/// Where the label's number stands, as 0 or 255.
fn decode_label(path: &Path, number: u8) -> Result<Mask> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let mut mask = pixels::decode_mask(&bytes, &Limits::default())
        .map_err(|error| Error::Data { path: path.to_owned(), reason: error.to_string() })?;
    mask.data_mut().iter_mut().for_each(|code| *code = if *code == number { 255 } else { 0 });
    Ok(mask)
}

fn indices(mask: &Mask) -> Vec<usize> {
    (0..mask.data().len()).filter(|&i| mask.data()[i] > 0).collect()
}

/// The upper end of the step in which the 99th percentile lies.
fn p99(counts: &[u64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let mut above = total - total * 99 / 100;
    for (i, &count) in counts.iter().enumerate().rev() {
        if count >= above {
            return if i == 0 { 0.0 } else { (i + 1) as f64 * STEP };
        }
        above -= count;
    }
    0.0
}

fn summary(part: Part, photos: &[Photo]) -> Option<Skin> {
    if photos.is_empty() {
        return None;
    }
    let pooled = |chosen: &mut dyn Iterator<Item = &Photo>| {
        let mut counts = vec![0; STEPS];
        chosen.for_each(|photo| counts.iter_mut().zip(&photo.counts).for_each(|(sum, n)| *sum += n));
        counts
    };
    let all = pooled(&mut photos.iter());
    let resampled = |draw: u64| {
        let mut stream = Stream::new(0, "bootstrap skin", draw);
        p99(&pooled(&mut (0..photos.len()).map(|_| &photos[stream.below(photos.len())])))
    };
    let mut resamples: Vec<f64> = (0..RESAMPLES).into_par_iter().map(resampled).collect();
    let total: u64 = all.iter().sum();
    let first = (CHANGED / STEP).round() as usize;
    let mut own: Vec<(String, f64)> = photos.iter().map(|photo| (photo.name.clone(), p99(&photo.counts))).collect();
    own.sort_by(|a, b| b.1.total_cmp(&a.1));
    let inside = photos.iter().fold((0, 0), |sum, photo| (sum.0 + photo.inside.0, sum.1 + photo.inside.1));
    Some(Skin {
        split: match part {
            Part::Report => format!(
                "street photos with sha256 of `street/NAME` below {VALIDATION}, the segmenter's validation side"
            ),
            Part::Tune => {
                format!("the first {TUNED_ON} street photos with sha256 of `street/NAME` from {VALIDATION} on")
            }
        },
        photos: photos.len(),
        pixels: total / DYED.len() as u64,
        p99: Interval { value: p99(&all), low: quantile(&mut resamples, 0.025), high: quantile(&mut resamples, 0.975) },
        changed: all[first..].iter().sum::<u64>() as f64 / total.max(1) as f64,
        changed_inside: inside.0 as f64 / inside.1.max(1) as f64,
        median_p99: quantile(&mut own.iter().map(|(_, p)| *p).collect::<Vec<_>>(), 0.5),
        photos_kept: own.iter().filter(|(_, p)| *p < CHANGED).count() as f64 / own.len() as f64,
        worst: own.into_iter().take(12).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(name: &str, changed: u64, kept: u64) -> Photo {
        let mut counts = vec![0; STEPS];
        (counts[0], counts[200]) = (kept, changed);
        Photo { name: name.into(), counts, inside: (changed, changed + kept) }
    }

    #[test]
    fn the_99th_percentile_sees_two_in_a_hundred_and_not_one_in_two_hundred() {
        assert_eq!(p99(&photo("a", 1, 199).counts), 0.0);
        assert!((p99(&photo("a", 2, 98).counts) - 10.05).abs() < 1e-9);
    }

    #[test]
    fn no_photo_is_tuned_on_and_reported() {
        let names = || (0..1500).map(|i| format!("{i:04}")).collect::<Vec<_>>();
        let (tune, report) = (chosen(names(), Part::Tune), chosen(names(), Part::Report));
        assert_eq!(tune.len(), TUNED_ON);
        assert!(report.len() > 100 && report.iter().all(|name| !tune.contains(name)));
    }

    #[test]
    fn the_summary_pools_pixels_and_counts_photos() {
        let skin = summary(Part::Report, &[photo("kept", 0, 1000), photo("dyed", 100, 900)]).unwrap();
        assert_eq!((skin.photos, skin.pixels), (2, 666));
        assert!((skin.changed - 0.05).abs() < 1e-9 && (skin.photos_kept - 0.5).abs() < 1e-9);
        assert_eq!(skin.worst[0].0, "dyed");
        assert!(skin.p99.low <= skin.p99.value && skin.p99.value <= skin.p99.high);
    }
}
