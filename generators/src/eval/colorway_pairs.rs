//! Real colourway pairs: the same product photographed in two colours, registered, and how far a dyed photo is from
//! the real one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use pixels::color::{LabImage, delta_e00};
use pixels::garment_stats::percentile;
use pixels::{Limits, SrgbImage};
use rayon::prelude::*;

use super::colorway_view::{Protocol, View};
use crate::registration::Flow;
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
    /// What may be compared when photo 0 or photo 1 is dyed, per [`Protocol`] in its order.
    views: [[Option<View>; 3]; 2],
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
/// Pairs whose folds differ by more, in L*, show another drape or another product and are left out once registered.
pub const MISMATCH_LIMIT: f32 = 5.0;
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
    let rows = rows(list)?;
    let groups = groups(&rows);
    let photo = |id: &str| images.join(format!("{id}.jpg"));
    let (present, absent): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| photo(&row.a).is_file() && photo(&row.b).is_file());
    let wanted: Vec<&Row> = present.iter().filter(|row| part.holds(&groups[&row.a])).copied().collect();
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

/// Ids of all photos in one part of a list, present or not.
///
/// # Errors
/// [`Error::Data`] when the list cannot be read or holds no pairs.
pub fn ids(list: &Path, part: Part) -> Result<BTreeSet<String>> {
    let rows = rows(list)?;
    let groups = groups(&rows);
    let of = rows.into_iter().filter(|row| part.holds(&groups[&row.a]));
    Ok(of.flat_map(|row| [row.a, row.b]).collect())
}

fn rows(list: &Path) -> Result<Vec<Row>> {
    let bad = |reason: String| Error::Data { path: list.to_owned(), reason };
    let mut reader = csv::Reader::from_path(list).map_err(|error| bad(error.to_string()))?;
    let rows: Vec<Row> =
        reader.deserialize().collect::<std::result::Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    if rows.is_empty() {
        return Err(bad("holds no pairs".into()));
    }
    Ok(rows)
}

impl Part {
    /// What reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Train => "training two thirds",
            Self::Validation => "validation third",
        }
    }

    /// Whether a group of pairs belongs to this part.
    fn holds(self, group: &str) -> bool {
        match self {
            Self::All => true,
            Self::Train => split_fraction(group) >= VALIDATION_SHARE,
            Self::Validation => split_fraction(group) < VALIDATION_SHARE,
        }
    }
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
    /// Registers a pair both ways; `None` when sizes differ or nearly nothing can be compared as it comes.
    pub fn new(ids: [String; 2], group: String, images: [SrgbImage; 2]) -> Option<Self> {
        let size = |i: &SrgbImage| (i.width_px(), i.height_px());
        if size(&images[0]) != size(&images[1]) {
            return None;
        }
        let labs = [LabImage::from_srgb(&images[0]), LabImage::from_srgb(&images[1])];
        let views = [0, 1].map(|from| {
            let (own, other) = (&labs[from], &labs[1 - from]);
            let flow = Flow::between(own, other);
            Protocol::ALL.map(|protocol| View::new(protocol, own, other, &flow))
        });
        views[0][0].as_ref()?;
        Some(Self { ids, group, images, labs, views })
    }

    /// What may be compared when photo `from` is dyed; `None` when too little can.
    pub fn view(&self, protocol: Protocol, from: usize) -> Option<&View> {
        let views = &self.views[from];
        let registered =
            || views[Protocol::Plain as usize].as_ref().is_some_and(|v| v.mean_mismatch() < MISMATCH_LIMIT);
        views[protocol as usize].as_ref().filter(|_| protocol == Protocol::Given || registered())
    }

    /// Mean ΔE00 per pixel of the view's region between `dyed` and the real photo, both blurred by 1.5 px.
    pub fn difference(dyed: &SrgbImage, view: &View) -> f64 {
        let (dyed, real) = (blur(&LabImage::from_srgb(dyed)), blur(&view.answer));
        let indices = view.indices();
        let sum: f64 = indices.iter().map(|&i| f64::from(delta_e00(dyed.at(i), real.at(i)))).sum();
        sum / indices.len().max(1) as f64
    }
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
    use pixels::color::Lab;

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
        let pair = pair();
        let covered =
            |protocol: Protocol| pair.view(protocol, 0).unwrap().region.data().iter().filter(|&&a| a > 0).count();
        assert_eq!(covered(Protocol::Given), 38 * 28);
        // Registration may move an edge that is nowhere told from its neighbours.
        assert!(covered(Protocol::Plain) > 36 * 24);
    }

    #[test]
    fn the_true_photo_is_at_distance_zero() {
        let pair = pair();
        let view = pair.view(Protocol::Given, 0).unwrap();
        assert!(ColorwayPair::difference(&pair.images[1], view) < 0.5);
        assert!(ColorwayPair::difference(&pair.images[0], view) > 20.0);
        assert_eq!(view.target(), Lab::from_srgb8([30, 60, 160]));
    }

    #[test]
    fn photos_linked_through_others_are_one_group() {
        let row = |a: &str, b: &str| Row { a: a.into(), b: b.into() };
        let groups = groups(&[row("9", "10"), row("11", "12"), row("12", "9"), row("3", "4")]);
        assert_eq!((&*groups["10"], &*groups["11"], &*groups["4"]), ("9", "9", "3"));
    }
}
