//! What the gate says of true variants: the program's own recolourings, and real photos of a product's other colourway.

use std::collections::HashMap;
use std::path::Path;

use pixels::color::Lab;
use pixels::{Format, Limits, decode, encode};

use super::acceptance::{Acceptance, Judges, Picture, borrowed, named};
use super::accuracy::Item;
use crate::eval::program::{Generator, Program};
use crate::eval::workers;
use crate::train::gate_data::photos::Part;
use crate::{Error, Result};

/// Most report photos that are recoloured, each in two colours.
const PHOTOS: usize = 240;
/// JPEG quality at which the program writes, and at which variants are judged.
const QUALITY: u8 = 92;
/// Colours from light to dark and from dull to vivid, as sRGB codes; a photo takes two, in turn.
const SWATCHES: [[u8; 3]; 12] = [
    [31, 58, 95],
    [128, 0, 32],
    [0, 128, 128],
    [238, 232, 216],
    [85, 107, 47],
    [230, 120, 60],
    [20, 20, 22],
    [200, 40, 90],
    [150, 150, 155],
    [240, 200, 70],
    [90, 60, 130],
    [120, 180, 210],
];

/// Report photos dyed by the program as its users have it, each judged as the article that the photo was classified as.
///
/// # Errors
/// When a model cannot be loaded.
pub fn recoloured(judges: &Judges, items: &[Item], weights: &Path, threads: usize) -> Result<Vec<Acceptance>> {
    let reported: Vec<&Item> = items.iter().filter(|item| item.photo.part == Part::Report).collect();
    let chosen: Vec<(usize, &Item)> =
        reported.iter().step_by((reported.len() / PHOTOS).max(1)).copied().enumerate().collect();
    let mut programs = Program::load_some(weights, threads)?;
    let variants = workers::each(&chosen, &mut programs, |program, (i, item)| {
        let found = program.find(&item.photo.path)?;
        let targets = [2 * i, 2 * i + 1].map(|at| Lab::from_srgb8(SWATCHES[at % SWATCHES.len()]));
        // A photo without a garment ends before anything is dyed.
        let Ok(dyed) = program.dye(Generator::Base, &found, &targets) else { return Ok(Vec::new()) };
        let seen = dyed.iter().map(|dyed| {
            let bytes = encode(&dyed.image, None, Format::Jpeg, QUALITY)?;
            Ok(decode(&bytes, &Limits::default())?.image)
        });
        let seen = seen.collect::<Result<Vec<_>>>()?;
        let looks = program.looks(&seen.iter().collect::<Vec<_>>())?;
        let node = named(judges.gate(), &item.picture.scores);
        Ok(looks.iter().map(|look| (Picture::of(judges.gate(), look), node)).collect::<Vec<_>>())
    })?;
    let row = |name: &str, kind: Option<usize>| {
        let of_kind = chosen.iter().zip(&variants);
        let of_kind = of_kind.filter(|((_, item), _)| kind.is_none_or(|kind| item.photo.source.kind() == kind));
        let judged: Vec<_> = of_kind.flat_map(|(_, variants)| borrowed(variants)).collect();
        let title = format!("{name}photos recoloured by the program, as the article that the photo was classified as");
        judges.judge(&title, true, &judged)
    };
    Ok(vec![row("", None)?, row("studio ", Some(0))?, row("phone ", Some(1))?])
}

/// Real photos of a product in its other colour, judged as the article that the first photo was classified as.
///
/// # Errors
/// [`Error::Data`] when `colorways/pairs.csv` cannot be read; without the file there is nothing to measure.
pub fn colorways(judges: &Judges, items: &[Item], data: &Path) -> Result<Option<Acceptance>> {
    #[derive(serde::Deserialize)]
    struct Pair {
        a: String,
        b: String,
    }
    let path = data.join("colorways/pairs.csv");
    if !path.is_file() {
        return Ok(None);
    }
    let bad = |error: csv::Error| Error::Data { path: path.clone(), reason: error.to_string() };
    let by_id: HashMap<String, &Item> = items
        .iter()
        .filter(|item| item.photo.part == Part::Report)
        .filter_map(|item| Some((item.photo.path.file_stem()?.to_string_lossy().into_owned(), item)))
        .collect();
    let mut judged = Vec::new();
    for pair in csv::Reader::from_path(&path).map_err(bad)?.deserialize() {
        let Pair { a, b } = pair.map_err(bad)?;
        let (Some(a), Some(b)) = (by_id.get(&a), by_id.get(&b)) else { continue };
        judged.push((&b.picture, named(judges.gate(), &a.picture.scores)));
        judged.push((&a.picture, named(judges.gate(), &b.picture.scores)));
    }
    let title = "real photos of the other colourway, as the article that the first photo was classified as";
    judges.judge(title, true, &judged).map(Some)
}
