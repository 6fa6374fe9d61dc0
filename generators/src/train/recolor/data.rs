//! Training items of the recolour network: real colourway pairs, and studio photos with their colours jittered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pixels::color::{Lab, LabImage};
use pixels::dye_law::DyeLaw;
use pixels::dye_render::DyeSource;
use pixels::garment_stats::GarmentStats;
use pixels::{Limits, Mask, SrgbImage};
use rayon::prelude::*;
use tch::Tensor;

use super::Config;
use super::jitter::{jittered, random_color};
use super::losses::Batch;
use crate::backbone::EMBEDDING;
use crate::eval::colorway_measure::{Models, intersection_over_union};
use crate::eval::colorway_pairs::{self, ColorwayPair, Part};
use crate::eval::colorway_view::{Protocol, View, neighbours};
use crate::recolor::inputs::{BASE_PLANE, CLOTH_PLANE, CONDITION, PLANES, SIDE, SmallSource, condition};
use crate::registration::foreground;
use crate::seam::floats_of;
use crate::stream::{Stream, split_fraction};
use crate::{Error, Result};

/// One dyeing with its known answer.
#[derive(Clone)]
pub struct Item {
    /// `[PLANES][SIDE][SIDE]`.
    pub planes: Vec<f32>,
    /// `[CONDITION]`.
    pub condition: Vec<f32>,
    /// `[1280]`, or zeros.
    pub embedding: Vec<f32>,
    /// The true picture in Lab, `[3][HALF][HALF]`.
    pub answer: Vec<f32>,
    /// Where it is true, `[HALF][HALF]`.
    pub region: Vec<f32>,
    /// From a real pair.
    pub is_pair: bool,
}

/// Everything that a run draws from.
pub struct Dataset {
    /// Pairs to learn from, both directions.
    pub pairs: Vec<Item>,
    /// Pairs to choose the weights by, both directions; never learnt from.
    pub check: Vec<Item>,
    /// Studio photos for inverse jitter.
    pub studio: Vec<PathBuf>,
}

/// Side at which pictures are compared, in pixels.
pub const HALF: usize = SIDE / 2;
/// Share of the training groups that is only looked at.
const CHECK_SHARE: f64 = 0.15;
/// Photos that are tried for one jittered item.
const TRIES: usize = 400;

/// Reads all pairs of the training part, those of the `mined` list too, and lists the studio photos that no validation
/// pair holds.
///
/// # Errors
/// When data or backbone are missing or malformed, or the mined list names a photo of the validation part.
pub fn load(data: &Path, weights: &Path, mined: Option<&Path>) -> Result<Dataset> {
    let list = data.join("colorways/pairs.csv");
    let images = data.join("studio/images");
    let forbidden = colorway_pairs::ids(&list, Part::Validation)?;
    let given = colorway_pairs::load(&list, &images, Part::Train)?.pairs;
    let more = match mined {
        None => Vec::new(),
        Some(path) => {
            if let Some(id) = colorway_pairs::ids(path, Part::All)?.intersection(&forbidden).next() {
                let reason = format!("photo {id} belongs to the validation pairs");
                return Err(Error::Data { path: path.to_owned(), reason });
            }
            colorway_pairs::load(path, &images, Part::All)?.pairs
        }
    };
    let models = Models::load(weights, Vec::new())?;
    let (mut pairs, mut check) = (Vec::new(), Vec::new());
    for pair in &given {
        let items = both_directions(pair, &models)?;
        let chosen = split_fraction(&format!("recolor check {}", pair.group)) < CHECK_SHARE;
        if chosen { check.extend(items) } else { pairs.extend(items) }
    }
    let checked: BTreeSet<&str> = given
        .iter()
        .filter(|pair| split_fraction(&format!("recolor check {}", pair.group)) < CHECK_SHARE)
        .flat_map(|pair| pair.ids.iter().map(String::as_str))
        .collect();
    for pair in more.iter().filter(|pair| !pair.ids.iter().any(|id| checked.contains(id.as_str()))) {
        pairs.extend(both_directions(pair, &models)?);
    }
    let entries = std::fs::read_dir(&images).map_err(Error::io(&images))?;
    let mut studio: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    studio.retain(|path| {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        path.extension().is_some_and(|e| e == "jpg") && !forbidden.contains(stem)
    });
    studio.sort();
    if pairs.is_empty() || check.is_empty() || studio.is_empty() {
        return Err(Error::Data { path: data.to_owned(), reason: "too few colourway pairs or studio photos".into() });
    }
    Ok(Dataset { pairs, check, studio })
}

/// Both photos of a pair dyed like the other one: within the garment as the pair shows it, and within the program's own
/// mask where it found that garment, since the statistics of a mask that takes a little too much are what a user's are.
fn both_directions(pair: &ColorwayPair, models: &Models) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for from in [0, 1] {
        let Some(view) = pair.view(Protocol::Plain, from) else { continue };
        let photo = &pair.images[from];
        let garment = garment(view)?;
        let own = models.own_mask(photo)?;
        let own = own.filter(|own| intersection_over_union(own, &garment) > OWN_OVERLAP);
        let embedding = floats_of(&models.general(photo)?)?;
        for mask in [Some(garment), own].into_iter().flatten() {
            if let Some(item) = item(photo, &mask, &view.answer, view.target(), &confidence(view))? {
                items.push(Item { embedding: embedding.clone(), is_pair: true, ..item });
            }
        }
    }
    Ok(items)
}

/// Least overlap of the program's mask with the pair's garment for the two to be the same thing.
const OWN_OVERLAP: f64 = 0.4;
/// Lightness of folds that differ, in L*, at which a pixel counts half.
const HALF_TRUST: f32 = 3.0;

/// How much each pixel of a view is believed: less where the two photos show other folds.
fn confidence(view: &View) -> Vec<f32> {
    let trust = |(&alpha, &mismatch): (&u8, &f32)| f32::from(alpha) / 255.0 / (1.0 + (mismatch / HALF_TRUST).powi(2));
    view.region.data().iter().zip(&view.mismatch.data).map(trust).collect()
}

/// The garment that a view's plain cloth is part of: grown over small prints, buttons and the eroded edge.
fn garment(view: &View) -> Result<Mask> {
    const GROWTH: usize = 4;
    let width = view.region.width_px() as usize;
    let mut inside: Vec<bool> = view.region.data().iter().map(|&a| a > 0).collect();
    for all in [[false; GROWTH], [true; GROWTH]].concat().into_iter().chain([false]) {
        inside = neighbours(&inside, width, all);
    }
    let alpha = inside.into_iter().map(|v| if v { 255 } else { 0 }).collect();
    Ok(Mask::new(view.region.width_px(), view.region.height_px(), alpha)?)
}

/// An item without embedding, its answer believed as far as `trust` says per pixel; `None` when the mask is empty.
fn item(photo: &SrgbImage, mask: &Mask, answer: &LabImage, target: Lab, trust: &[f32]) -> Result<Option<Item>> {
    let Some(source) = DyeSource::new(photo, mask)? else { return Ok(None) };
    let small = SmallSource::new(&source, mask);
    let index = |x: usize, y: usize| y * photo.width_px() as usize + x;
    let answer = |x: usize, y: usize| [0, 1, 2].map(|channel| answer.data()[3 * index(x, y) + channel]);
    Ok(Some(Item {
        planes: small.planes(&DyeLaw::new(&source.stats, target)),
        condition: condition(&source.stats, target),
        embedding: vec![0.0; EMBEDDING as usize],
        answer: source.frame.sample(HALF, answer),
        region: source.frame.sample(HALF, |x, y| [trust[index(x, y)]]),
        is_pair: false,
    }))
}

/// A step's items, the pairs first; the same for the same seed and step.
///
/// # Errors
/// When no usable studio photo is found.
pub fn draw(data: &Dataset, config: &Config, step: u64) -> Result<Vec<Item>> {
    (0..config.pairs + config.jitters)
        .into_par_iter()
        .map(|slot| {
            let mut stream = Stream::new(config.seed, &format!("recolor item {slot}"), step);
            let mut item = if slot < config.pairs {
                let mut item = data.pairs[stream.below(data.pairs.len())].clone();
                if !stream.chance(config.embedding_shown) {
                    item.embedding.fill(0.0);
                }
                item
            } else {
                jittered_item(data, &mut stream)?
            };
            if stream.chance(0.5) {
                flip(&mut item);
            }
            // Cloth does not know hue angles: source and answer turned together are another true pair.
            let angle = stream.normal() * 0.45;
            turn_hue(&mut item, angle);
            Ok(item)
        })
        .collect()
}

/// A studio photo restored from jittered colours.
fn jittered_item(data: &Dataset, stream: &mut Stream) -> Result<Item> {
    for _ in 0..TRIES {
        let path = &data.studio[stream.below(data.studio.len())];
        let Ok(decoded) = pixels::decode_file(path, &Limits::default()) else { continue };
        let real = decoded.image;
        let lab = LabImage::from_srgb(&real);
        let Some(mask) = product_mask(&lab) else { continue };
        let Some(stats) = GarmentStats::measure(&lab, &mask)? else { continue };
        let dyed = jittered(&lab, &real, &mask, &stats, random_color(stream), stream);
        let everywhere: Vec<f32> = mask.data().iter().map(|&a| f32::from(a) / 255.0).collect();
        if let Some(item) = item(&dyed, &mask, &lab, stats.median, &everywhere)? {
            return Ok(item);
        }
    }
    Err(Error::Input(format!("no usable studio photo in {TRIES} draws")))
}

/// The product of a photo on a plain backdrop; `None` when it fills too little or too much, or skin shows.
fn product_mask(lab: &LabImage) -> Option<Mask> {
    let width = lab.width_px() as usize;
    let inside = foreground(lab);
    let inside = neighbours(&neighbours(&inside, width, true), width, false);
    let covered = inside.iter().filter(|&&v| v).count();
    let share = covered as f32 / inside.len().max(1) as f32;
    let skin = |c: Lab| {
        (35.0..88.0).contains(&c.l) && (7.0..28.0).contains(&c.a) && (8.0..34.0).contains(&c.b) && c.b > 0.6 * c.a
    };
    let bare = inside.iter().enumerate().filter(|&(i, &v)| v && skin(lab.at(i))).count();
    if !(0.04..0.85).contains(&share) || bare as f32 > 0.06 * covered as f32 {
        return None;
    }
    let alpha = inside.into_iter().map(|v| if v { 255 } else { 0 }).collect();
    Mask::new(lab.width_px(), lab.height_px(), alpha).ok()
}

fn flip(item: &mut Item) {
    item.planes.chunks_exact_mut(SIDE).for_each(<[f32]>::reverse);
    for plane in [&mut item.answer, &mut item.region] {
        plane.chunks_exact_mut(HALF).for_each(<[f32]>::reverse);
    }
}

/// Turns the hue of everything in an item by an angle in radians.
fn turn_hue(item: &mut Item, angle: f32) {
    let (sin, cos) = angle.sin_cos();
    let turn = |a: &mut f32, b: &mut f32| (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    let turn_planes = |planes: &mut [f32], first: usize, pixels: usize| {
        let (a, b) = planes[first * pixels..(first + 2) * pixels].split_at_mut(pixels);
        a.iter_mut().zip(b).for_each(|(a, b)| turn(a, b));
    };
    for first in [BASE_PLANE - 2, BASE_PLANE + 1, CLOTH_PLANE - 2] {
        turn_planes(&mut item.planes, first, SIDE * SIDE);
    }
    turn_planes(&mut item.answer, 1, HALF * HALF);
    // Target, source and difference, then the palette's colours: each an (a, b) after its lightness.
    let palette = 16;
    let places = [1, 4, 7].into_iter().chain((palette..CONDITION).step_by(4).map(|i| i + 1));
    for i in places {
        let (head, tail) = item.condition.split_at_mut(i + 1);
        turn(&mut head[i], &mut tail[0]);
    }
}

/// Items as tensors.
///
/// # Errors
/// When an item is malformed.
pub fn batch(items: &[Item]) -> Result<Batch> {
    let n = items.len() as i64;
    let side = SIDE as i64;
    let stack = |pick: fn(&Item) -> &Vec<f32>, shape: &[i64]| -> Result<Tensor> {
        let values: Vec<f32> = items.iter().flat_map(|item| pick(item).iter().copied()).collect();
        Ok(Tensor::from_slice(&values).f_view(shape)?)
    };
    let is_pair: Vec<f32> = items.iter().map(|item| f32::from(u8::from(item.is_pair))).collect();
    let half = HALF as i64;
    let planes = stack(|i| &i.planes, &[n, PLANES as i64, side, side])?;
    Ok(Batch {
        small: planes.f_adaptive_avg_pool2d([half, half])?,
        planes,
        condition: stack(|i| &i.condition, &[n, CONDITION as i64])?,
        embedding: stack(|i| &i.embedding, &[n, EMBEDDING])?,
        answer: stack(|i| &i.answer, &[n, 3, half, half])?,
        region: stack(|i| &i.region, &[n, 1, half, half])?,
        is_pair: Tensor::from_slice(&is_pair),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_the_hue_there_and_back_changes_nothing_and_once_turns_the_target() {
        let mut photo = SrgbImage::filled(40, 40, [150, 60, 80]);
        photo.data_mut()[..60].fill(20);
        let mask = Mask::filled(40, 40, 255);
        let answer = LabImage::from_srgb(&photo);
        let target = Lab::new(60.0, 30.0, 0.0);
        let before = item(&photo, &mask, &answer, target, &[1.0; 1600]).unwrap().unwrap();
        let mut turned = before.clone();
        turn_hue(&mut turned, std::f32::consts::FRAC_PI_2);
        assert!(turned.condition[1].abs() < 1e-6 && (turned.condition[2] - 0.6).abs() < 1e-6);
        turn_hue(&mut turned, -std::f32::consts::FRAC_PI_2);
        let close = |one: &[f32], other: &[f32]| one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-3);
        assert!(close(&turned.planes, &before.planes) && close(&turned.condition, &before.condition));
        assert!(close(&turned.answer, &before.answer));
    }
}
