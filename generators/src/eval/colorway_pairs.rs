//! Real colourway pairs: the same product photographed in two colours, where they differ, and how far a dyed photo
//! is from the real one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use pixels::color::{Lab, LabImage, delta_e00};
use pixels::garment_stats::{median_lab, percentile};
use pixels::{Limits, Mask, SrgbImage};
use rayon::prelude::*;

use crate::stream::split_fraction;
use crate::{Error, Result};

/// Photos of one product in two colours, of equal size.
pub struct ColorwayPair {
    /// Ids of both photos.
    pub ids: [String; 2],
    /// Key of the group of pairs that share photos; splits go by it.
    pub group: String,
    /// Both photos.
    pub images: [SrgbImage; 2],
    /// Both photos in Lab.
    pub labs: [LabImage; 2],
    /// Where the garment is in both and its colour differs, 0 or 255.
    pub region: Mask,
}

/// Which part of the pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Two thirds, for fitting.
    Train,
    /// One third, for measuring.
    Validation,
    /// Everything.
    All,
}

/// The pairs of one part, and how many could not be used.
pub struct ColorwaySet {
    /// Usable pairs in the file's order.
    pub pairs: Vec<ColorwayPair>,
    /// Rows in the list, all parts.
    pub listed: usize,
    /// Rows without both photos, all parts.
    pub missing: usize,
}

/// Share of the groups that is kept for validation.
pub const VALIDATION_SHARE: f64 = 1.0 / 3.0;
/// ΔE76 from which a pixel differs from the backdrop or from the other photo.
const DIFFERENT: f32 = 8.0;
/// Fewer pixels than this are no garment.
const REGION_FLOOR: usize = 50;
/// Blur before comparing, in pixels.
const BLUR_PX: f32 = 1.5;

#[derive(serde::Deserialize)]
struct Row {
    a: String,
    b: String,
}

/// Reads `pairs.csv` and the photos `IMAGES/ID.jpg`; pairs without both photos are counted, not errors.
///
/// # Errors
/// [`Error::Data`] when the list cannot be read, holds no pairs, or a photo is damaged.
pub fn load(list: &Path, images: &Path, part: Part) -> Result<ColorwaySet> {
    let bad = |reason: String| Error::Data { path: list.to_owned(), reason };
    let mut reader = csv::Reader::from_path(list).map_err(|error| bad(error.to_string()))?;
    let rows: Vec<Row> =
        reader.deserialize().collect::<std::result::Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    if rows.is_empty() {
        return Err(bad("holds no pairs".into()));
    }
    let groups = groups(&rows);
    let photo = |id: &str| images.join(format!("{id}.jpg"));
    let (present, absent): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| photo(&row.a).is_file() && photo(&row.b).is_file());
    let wanted = |row: &&&Row| match part {
        Part::All => true,
        Part::Train => split_fraction(&groups[&row.a]) >= VALIDATION_SHARE,
        Part::Validation => split_fraction(&groups[&row.a]) < VALIDATION_SHARE,
    };
    let wanted: Vec<&Row> = present.iter().filter(wanted).copied().collect();
    let pairs: Result<Vec<Option<ColorwayPair>>> = wanted
        .par_iter()
        .map(|row| {
            let read =
                |id: &str| -> Result<SrgbImage> { Ok(pixels::decode_file(&photo(id), &Limits::default())?.image) };
            let images = [read(&row.a)?, read(&row.b)?];
            Ok(ColorwayPair::new([row.a.clone(), row.b.clone()], groups[&row.a].clone(), images))
        })
        .collect();
    let pairs: Vec<ColorwayPair> = pairs?.into_iter().flatten().collect();
    Ok(ColorwaySet { pairs, listed: rows.len(), missing: absent.len() })
}

/// The smallest id among all photos that are linked by pairs, for every photo.
fn groups(rows: &[Row]) -> HashMap<String, String> {
    let mut group: BTreeMap<&str, &str> = rows.iter().flat_map(|r| [(&*r.a, &*r.a), (&*r.b, &*r.b)]).collect();
    let order = |id: &str| (id.len(), id.to_owned());
    loop {
        let mut changed = false;
        for row in rows {
            let (a, b) = (group[&*row.a], group[&*row.b]);
            let least = if order(a) <= order(b) { a } else { b };
            if a != b {
                group.insert(&row.a, least);
                group.insert(&row.b, least);
                changed = true;
            }
        }
        if !changed {
            return group.into_iter().map(|(id, least)| (id.to_owned(), least.to_owned())).collect();
        }
    }
}

impl ColorwayPair {
    /// Finds the region of a pair; `None` when sizes differ or nearly nothing does.
    pub fn new(ids: [String; 2], group: String, images: [SrgbImage; 2]) -> Option<Self> {
        let size = |i: &SrgbImage| (i.width_px(), i.height_px());
        if size(&images[0]) != size(&images[1]) {
            return None;
        }
        let labs = [LabImage::from_srgb(&images[0]), LabImage::from_srgb(&images[1])];
        let foreground = [foreground(&labs[0]), foreground(&labs[1])];
        let (width, height) = size(&images[0]);
        let differs: Vec<bool> = (0..(width * height) as usize)
            .map(|i| foreground[0][i] && foreground[1][i] && delta_e76(labs[0].at(i), labs[1].at(i)) > DIFFERENT)
            .collect();
        let width = width as usize;
        let eroded = neighbours(&neighbours(&neighbours(&differs, width, true), width, false), width, true);
        if eroded.iter().filter(|&&inside| inside).count() < REGION_FLOOR {
            return None;
        }
        let mut region = Mask::filled(images[0].width_px(), height, 0);
        for (alpha, inside) in region.data_mut().iter_mut().zip(eroded) {
            *alpha = if inside { 255 } else { 0 };
        }
        Some(Self { ids, group, images, labs, region })
    }

    /// The median colour of the garment in photo `side` (0 or 1).
    pub fn median(&self, side: usize) -> Lab {
        let inside = self.region.data().iter().enumerate().filter(|&(_, &a)| a > 0);
        median_lab(&inside.map(|(i, _)| self.labs[side].at(i)).collect::<Vec<_>>())
    }

    /// Mean ΔE00 per pixel of the region between `dyed` and the real photo `side`, both blurred by 1.5 px.
    pub fn difference(&self, dyed: &SrgbImage, side: usize) -> f64 {
        let (dyed, real) = (blur(&LabImage::from_srgb(dyed)), blur(&self.labs[side]));
        let inside = self.region.data().iter().enumerate().filter(|&(_, &a)| a > 0);
        let differences: Vec<f64> = inside.map(|(i, _)| f64::from(delta_e00(dyed.at(i), real.at(i)))).collect();
        differences.iter().sum::<f64>() / differences.len().max(1) as f64
    }
}

fn delta_e76(one: Lab, other: Lab) -> f32 {
    ((one.l - other.l).powi(2) + (one.a - other.a).powi(2) + (one.b - other.b).powi(2)).sqrt()
}

/// Pixels farther than ΔE76 8 from the backdrop, the median of a four-pixel border.
pub fn foreground(lab: &LabImage) -> Vec<bool> {
    const BORDER: usize = 4;
    let (width, height) = (lab.width_px() as usize, lab.height_px() as usize);
    let on_border = |i: usize| {
        let (x, y) = (i % width, i / width);
        x < BORDER || y < BORDER || x + BORDER >= width || y + BORDER >= height
    };
    let border: Vec<Lab> = (0..width * height).filter(|&i| on_border(i)).map(|i| lab.at(i)).collect();
    let backdrop = median_lab(&border);
    (0..width * height).map(|i| delta_e76(lab.at(i), backdrop) > DIFFERENT).collect()
}

/// Erosion (`all`) or dilation over 3×3 neighbours; outside the picture counts as not inside.
pub fn neighbours(inside: &[bool], width: usize, all: bool) -> Vec<bool> {
    let height = inside.len() / width.max(1);
    let at = |x: usize, y: usize| {
        // Wrapping below zero lands beyond the size.
        x < width && y < height && inside[y * width + x]
    };
    (0..inside.len())
        .map(|i| {
            let (x, y) = (i % width, i / width);
            let mut around = (0..9).map(|k| at((x + k % 3).wrapping_sub(1), (y + k / 3).wrapping_sub(1)));
            if all { around.all(|v| v) } else { around.any(|v| v) }
        })
        .collect()
}

/// Gaussian blur of [`BLUR_PX`], the edge repeated.
fn blur(lab: &LabImage) -> LabImage {
    let radius = (3.0 * BLUR_PX).ceil() as isize;
    let weights: Vec<f32> = (-radius..=radius).map(|i| (-(i * i) as f32 / (2.0 * BLUR_PX * BLUR_PX)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let (width, height) = (lab.width_px() as isize, lab.height_px() as isize);
    let pass = |data: &[f32], dx: isize, dy: isize| -> Vec<f32> {
        let mut out = vec![0.0; data.len()];
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0_f32; 3];
                for (k, weight) in weights.iter().enumerate() {
                    let step = k as isize - radius;
                    let (sx, sy) = ((x + step * dx).clamp(0, width - 1), (y + step * dy).clamp(0, height - 1));
                    let i = 3 * (sy * width + sx) as usize;
                    for c in 0..3 {
                        sum[c] += weight * data[i + c];
                    }
                }
                let i = 3 * (y * width + x) as usize;
                out[i..i + 3].copy_from_slice(&sum.map(|s| s / total));
            }
        }
        out
    };
    let mut out = lab.clone();
    let blurred = pass(&pass(lab.data(), 1, 0), 0, 1);
    out.data_mut().copy_from_slice(&blurred);
    out
}

/// Mean and median of some figures.
pub fn mean_and_median(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut sorted: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    (mean, f64::from(percentile(&mut sorted, 0.5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dyed_square(rgb: [u8; 3]) -> SrgbImage {
        let mut image = SrgbImage::filled(60, 60, [255; 3]);
        for y in 15..45 {
            for x in 10..50 {
                let i = 3 * (y * 60 + x);
                image.data_mut()[i..i + 3].copy_from_slice(&rgb);
            }
        }
        image
    }

    fn pair() -> ColorwayPair {
        let images = [dyed_square([200, 30, 40]), dyed_square([30, 60, 160])];
        ColorwayPair::new(["1".into(), "2".into()], "1".into(), images).unwrap()
    }

    #[test]
    fn the_region_is_opened_and_eroded_by_one_pixel() {
        let region = pair().region;
        assert_eq!(region.data().iter().filter(|&&a| a > 0).count(), 38 * 28);
    }

    #[test]
    fn the_true_photo_is_at_distance_zero() {
        let pair = pair();
        assert!(pair.difference(&pair.images[1], 1) < 1e-6);
        assert!(pair.difference(&pair.images[0], 1) > 20.0);
        assert_eq!(pair.median(1), Lab::from_srgb8([30, 60, 160]));
    }

    #[test]
    fn photos_linked_through_others_are_one_group() {
        let row = |a: &str, b: &str| Row { a: a.into(), b: b.into() };
        let groups = groups(&[row("9", "10"), row("11", "12"), row("12", "9"), row("3", "4")]);
        assert_eq!((&*groups["10"], &*groups["11"], &*groups["4"]), ("9", "9", "3"));
    }
}
