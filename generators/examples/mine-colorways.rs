//! Finds further pairs of studio photos that show one product in two colours, for the recolour network's training.
//!
//! usage: cargo run --release -p generators --example mine-colorways -- DATA OUT.csv
//!
//! DATA holds `studio/` and `colorways/pairs.csv`. A pair must agree in article and in its title without the words for
//! colours, differ in its named colour, and agree in geometry: outlines that overlap, folds that correlate once lightness is
//! normalised by its neighbourhood, and a registration that leaves enough to compare. Look at what is found: prints of one
//! name may still be other prints. Photos that a listed pair holds, or that are linked
//! to the validation third by one, are left out. OUT.csv has the columns of `pairs.csv`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use generators::eval::colorway_pairs::{self, ColorwayPair, Part};
use generators::eval::colorway_view::Protocol;
use generators::registration::{Plane, delta_e76, foreground, normalized};
use pixels::color::{Lab, LabImage};
use pixels::garment_stats::median_lab;
use pixels::{Limits, SrgbImage, decode_file};
use rayon::prelude::*;

/// Least overlap of the outlines, intersection over union.
const OUTLINE: f32 = 0.93;
/// Least correlation of normalised lightness where both photos show the product, before they are registered: the listed
/// pairs begin there.
const STRUCTURE: f32 = 0.3;
/// Least ΔE76 between the medians of both products: below, two photos of one colour.
const COLOURS_APART: f32 = 14.0;
/// Width of the neighbourhood that lightness is normalised over, in pixels.
const NEIGHBOURHOOD_PX: f32 = 5.0;

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    #[serde(rename = "articleType")]
    article: String,
    #[serde(rename = "baseColour")]
    colour: String,
    #[serde(rename = "productDisplayName")]
    title: String,
}

struct Photo {
    id: String,
    colour: String,
    path: PathBuf,
    size: (u32, u32),
    inside: Vec<bool>,
    structure: Vec<f32>,
    median: Lab,
}

#[derive(serde::Serialize)]
struct Found {
    a: String,
    b: String,
    source: &'static str,
    iou: f32,
    structure: f32,
    delta_e76: f32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, out] = arguments.as_slice() else { return Err("usage: mine-colorways DATA OUT.csv".into()) };
    let known = colorway_pairs::ids(&data.join("colorways/pairs.csv"), Part::All)?;
    let kinds = kinds(&data.join("studio"), &known)?;
    let (mut close, mut found) = (0, Vec::new());
    for rows in kinds.values().filter(|rows| rows.len() > 1) {
        let photos: Vec<Photo> = rows.par_iter().filter_map(|row| read(row, &data.join("studio/images"))).collect();
        let pairs: Vec<(usize, usize)> =
            (0..photos.len()).flat_map(|a| (a + 1..photos.len()).map(move |b| (a, b))).collect();
        let alike: Vec<Found> = pairs.par_iter().filter_map(|&(a, b)| compare(&photos[a], &photos[b])).collect();
        close += alike.len();
        let by_id: BTreeMap<&str, &Photo> = photos.iter().map(|photo| (photo.id.as_str(), photo)).collect();
        found.extend(alike.into_par_iter().filter(|pair| registers(pair, &by_id)).collect::<Vec<_>>());
    }
    let photos: usize = kinds.values().map(Vec::len).sum();
    let mut table = csv::Writer::from_path(out)?;
    found.iter().try_for_each(|pair| table.serialize(pair))?;
    table.flush()?;
    println!(
        "{photos} photos outside the listed pairs; {close} pairs alike in outline and folds; {} register",
        found.len()
    );
    Ok(())
}

/// Photos by article and title without colours.
fn kinds(studio: &Path, known: &BTreeSet<String>) -> Result<BTreeMap<(String, String), Vec<Row>>, csv::Error> {
    let rows = csv::Reader::from_path(studio.join("styles.csv"))?.deserialize().collect::<Result<Vec<Row>, _>>()?;
    let colours: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| row.colour.to_lowercase().split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut kinds: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| !known.contains(&row.id)) {
        let title = row.title.to_lowercase();
        let words = title.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !colours.contains(*w));
        kinds.entry((row.article.clone(), words.collect::<Vec<_>>().join(" "))).or_default().push(row);
    }
    Ok(kinds)
}

fn picture(path: &Path) -> Option<SrgbImage> {
    Some(decode_file(path, &Limits::default()).ok()?.image)
}

/// `None` for a photo that is missing or shows nothing.
fn read(row: &Row, images: &Path) -> Option<Photo> {
    let path = images.join(format!("{}.jpg", row.id));
    let lab = LabImage::from_srgb(&picture(&path)?);
    let (width, height) = (lab.width_px(), lab.height_px());
    let inside = foreground(&lab);
    let colors: Vec<Lab> = (0..inside.len()).filter(|&i| inside[i]).map(|i| lab.at(i)).collect();
    if colors.is_empty() {
        return None;
    }
    let plane = |data| Plane { width: width as usize, height: height as usize, data };
    let mask = plane(inside.iter().map(|&v| f32::from(u8::from(v))).collect());
    let lightness = plane(lab.data().iter().step_by(3).copied().collect());
    let structure = normalized(&lightness, &mask, NEIGHBOURHOOD_PX).blurred(1.0).data;
    let (id, colour) = (row.id.clone(), row.colour.clone());
    Some(Photo { id, colour, path, size: (width, height), inside, structure, median: median_lab(&colors) })
}

fn compare(one: &Photo, other: &Photo) -> Option<Found> {
    let delta_e76 = delta_e76(one.median, other.median);
    if one.colour == other.colour || one.size != other.size || delta_e76 < COLOURS_APART {
        return None;
    }
    let both = || one.inside.iter().zip(&other.inside);
    let shared = both().filter(|(a, b)| **a && **b).count();
    let iou = shared as f32 / both().filter(|(a, b)| **a || **b).count().max(1) as f32;
    if iou < OUTLINE {
        return None;
    }
    let structure =
        correlation(both().zip(one.structure.iter().zip(&other.structure)).filter_map(|(inside, values)| {
            (*inside.0 && *inside.1).then_some((f64::from(*values.0), f64::from(*values.1)))
        }));
    let round = |v: f32| (v * 1000.0).round() / 1000.0;
    (structure >= STRUCTURE).then(|| Found {
        a: one.id.clone(),
        b: other.id.clone(),
        source: "mined",
        iou: round(iou),
        structure: round(structure),
        delta_e76: round(delta_e76),
    })
}

fn correlation(pairs: impl Iterator<Item = (f64, f64)>) -> f32 {
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0_f64, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in pairs {
        (n, x, y) = (n + 1.0, x + a, y + b);
        (xx, yy, xy) = (xx + a * a, yy + b * b, xy + a * b);
    }
    let spread = ((n * xx - x * x) * (n * yy - y * y)).sqrt();
    if spread > 0.0 { ((n * xy - x * y) / spread) as f32 } else { 0.0 }
}

/// Whether enough is left to compare once one photo is laid over the other.
fn registers(pair: &Found, photos: &BTreeMap<&str, &Photo>) -> bool {
    let image = |id: &str| photos.get(id).and_then(|photo| picture(&photo.path));
    let (Some(a), Some(b)) = (image(&pair.a), image(&pair.b)) else { return false };
    let pair = ColorwayPair::new([pair.a.clone(), pair.b.clone()], pair.a.clone(), [a, b]);
    pair.is_some_and(|pair| [0, 1].iter().all(|&from| pair.view(Protocol::Plain, from).is_some()))
}
