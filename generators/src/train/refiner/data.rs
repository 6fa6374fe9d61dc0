//! What the refiner learns from: printed garments cut anew from their own cloth, and plain ones cut from the cloth of
//! printed ones, each beside the photo of the printed garment that lent it.

use std::path::Path;

use pixels::color::Lab;
use pixels::fabric::{MakeTile, Placing, Repeat, Restyle, Tile};
use pixels::garment_stats::median_lab;
use pixels::{Mask, SrgbImage};
use rayon::prelude::*;
use tch::Tensor;

use super::Config;
use super::losses::Batch;
use crate::embedding::Embedder;
use crate::eval::fabric::measure::{cut, largest_square};
use crate::eval::workers;
use crate::refiner::{EMBEDDING, PLANES, light_picture, planes};
use crate::shading::view::SIDE;
use crate::stream::{Stream, split_fraction};
use crate::tailor::Tailor;
use crate::train::shading::garments::{Cloth, Garment, cloth_of};
use crate::{Error, Result, seam};

/// Products with a hash below are never trained on: `rangrez eval prints` compares on them.
pub const REPORT: f64 = 0.5;
/// Products with a hash from [`REPORT`] to here only show a run's progress.
const CHECK: f64 = 0.55;
/// Least side of a piece of cloth that a swatch is made of, in pixels of the small copy.
const LEAST_SWATCH: usize = 34;
/// Garments whose widths differ by more than this show their cloth at another sharpness.
const MOST_SCALE: f32 = 1.6;

/// A garment in its new cloth, and a photo of a garment of that cloth.
#[derive(Clone, Debug)]
pub struct Item {
    /// The garment in its new cloth, `SIDE` × `SIDE`.
    pub made: SrgbImage,
    /// Its light, on grey cloth.
    pub lit: SrgbImage,
    /// Where it is.
    pub mask: Mask,
    /// The cloth's embedding, `EMBEDDING` numbers.
    pub swatch: Vec<f32>,
    /// Median colour of the cloth.
    pub color: Lab,
    /// The photo.
    pub real: SrgbImage,
    /// Where the garment is in it.
    pub real_mask: Mask,
    /// Whether it is the same garment.
    pub own: bool,
}

/// Items to learn from and items to watch.
#[derive(Debug, Default)]
pub struct Dataset {
    /// To learn from.
    pub items: Vec<Item>,
    /// To watch a run by.
    pub check: Vec<Item>,
    /// Printed garments among those learnt from.
    pub printed: usize,
    /// Plain garments among those learnt from, nearly black ones too.
    pub plain: usize,
}

/// A printed garment and its cloth.
struct Lender<'a> {
    garment: &'a Garment,
    tile: Tile,
    swatch: Vec<f32>,
    color: Lab,
    /// Width of its body, in pixels.
    body_px: f32,
}

/// What a thread needs to make items.
struct Maker {
    tailor: Tailor,
    embedder: Embedder,
}

/// Makes the items of all products that may be trained on, `each` of every plain garment.
///
/// # Errors
/// When weights are missing, or the garments hold no prints.
pub fn make(garments: &[Garment], weights: &Path, each: usize, seed: u64) -> Result<Dataset> {
    let learnt: Vec<&Garment> = garments.iter().filter(|garment| hash(garment) >= REPORT).collect();
    let cloths: Vec<Cloth> = learnt.par_iter().map(|garment| cloth_of(garment)).collect();
    let of = |wanted: &[Cloth]| -> Vec<&Garment> {
        learnt.iter().zip(&cloths).filter(|(_, cloth)| wanted.contains(cloth)).map(|(garment, _)| *garment).collect()
    };
    // The light on nearly black cloth is mostly noise, which is to be known as well.
    let (printed, plain) = (of(&[Cloth::Printed]), of(&[Cloth::Plain, Cloth::Dark]));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let maker = |_| Ok(Maker { tailor: Tailor::load(weights)?, embedder: Embedder::load(weights)? });
    let mut makers = (0..threads).map(maker).collect::<Result<Vec<_>>>()?;
    let lenders = workers::each(&printed, &mut makers, |maker, &garment| lender(maker, garment))?;
    let lenders: Vec<Lender> = lenders.into_iter().flatten().collect();
    if lenders.is_empty() {
        return Err(Error::Input("refiner: the data holds no printed garments with enough cloth".into()));
    }
    let numbers: Vec<usize> = (0..lenders.len()).collect();
    let own = workers::each(&numbers, &mut makers, |maker, &i| item(maker, lenders[i].garment, &lenders[i], true))?;
    // A garment that is watched is in a cloth that is watched.
    let (watched, shown): (Vec<&Lender>, Vec<&Lender>) =
        lenders.iter().partition(|lender| hash(lender.garment) < CHECK);
    let wanted: Vec<(usize, &Garment)> = (0..each).flat_map(|_| &plain).copied().enumerate().collect();
    let others = workers::each(&wanted, &mut makers, |maker, &(number, garment)| {
        let mut stream = Stream::new(seed, "refiner/pair", number as u64);
        let same = if hash(garment) < CHECK { &watched } else { &shown };
        match same.get(stream.below(same.len().max(1))) {
            Some(lender) => item(maker, garment, lender, false),
            None => Ok(None),
        }
    })?;
    let mut dataset = Dataset { printed: lenders.len(), plain: plain.len(), ..Dataset::default() };
    for (key, item) in own.into_iter().chain(others).flatten() {
        let into = if split_fraction(&key) < CHECK { &mut dataset.check } else { &mut dataset.items };
        into.push(item);
    }
    if dataset.items.is_empty() || dataset.check.is_empty() {
        return Err(Error::Input("refiner: the data holds too few garments".into()));
    }
    Ok(dataset)
}

fn hash(garment: &Garment) -> f64 {
    split_fraction(&garment.key)
}

/// A printed garment with enough cloth in one piece.
fn lender<'a>(maker: &Maker, garment: &'a Garment) -> Result<Option<Lender<'a>>> {
    let Some(square) = largest_square(&garment.mask, LEAST_SWATCH) else { return Ok(None) };
    let swatch = cut(&garment.image, square)?;
    let Ok(tile) = Tile::of_swatch(&swatch, &MakeTile::default()) else { return Ok(None) };
    let body_px = Restyle::new(&garment.image, &garment.mask)?.placement().body_px;
    let colors: Vec<Lab> = swatch.data().chunks_exact(3).map(|p| Lab::from_srgb8([p[0], p[1], p[2]])).collect();
    let swatch = seam::floats_of(&maker.embedder.general(&tile.to_srgb())?)?;
    Ok(Some(Lender { garment, tile, swatch, color: median_lab(&colors), body_px }))
}

/// A garment in a lender's cloth, with what splits go by; `None` where the two are of too different sizes.
fn item(maker: &Maker, garment: &Garment, lender: &Lender, own: bool) -> Result<Option<(String, Item)>> {
    let restyle = maker.tailor.cut(&maker.embedder, &garment.image, &garment.mask)?;
    let scale = restyle.placement().body_px / lender.body_px.max(1.0);
    if !(1.0 / MOST_SCALE..=MOST_SCALE).contains(&scale) {
        return Ok(None);
    }
    let placing = Placing { repeat: Some(Repeat::Px(lender.tile.repeat_px() * scale)), ..Placing::default() };
    let Ok(made) = restyle.render(&lender.tile, &placing, 1.0) else { return Ok(None) };
    let side = SIDE as u32;
    let item = Item {
        made: made.image,
        lit: light_picture(&restyle.shading().values, side, side)?,
        mask: garment.mask.clone(),
        swatch: lender.swatch.clone(),
        color: lender.color,
        real: lender.garment.image.clone(),
        real_mask: lender.garment.mask.clone(),
        own,
    };
    Ok(Some((garment.key.clone(), item)))
}

/// A step's items: the same for the same seed and step, half of them garments in their own cloth.
pub fn draw<'a>(dataset: &'a Dataset, config: &Config, step: u64) -> Vec<&'a Item> {
    let of = |own: bool| -> Vec<&Item> { dataset.items.iter().filter(|item| item.own == own).collect() };
    let kinds = [of(true), of(false)];
    (0..config.batch)
        .filter_map(|slot| {
            let kind = if kinds[slot % 2].is_empty() { &dataset.items.iter().collect() } else { &kinds[slot % 2] };
            let mut stream = Stream::new(config.seed, "refiner/item", step * config.batch as u64 + slot as u64);
            kind.get(stream.below(kind.len())).copied()
        })
        .collect()
}

/// Items as tensors.
///
/// # Errors
/// When libtorch refuses.
pub fn batch(items: &[&Item]) -> Result<Batch> {
    let (n, side) = (items.len() as i64, SIDE as i64);
    let floats = |values: Vec<f32>, shape: &[i64]| Tensor::from_slice(&values).f_view(shape);
    let codes = |pick: fn(&Item) -> &SrgbImage| {
        Tensor::f_stack(&items.iter().map(|item| seam::tensor_from_srgb(pick(item)) / 255.0).collect::<Vec<_>>(), 0)
    };
    let masks = |pick: fn(&Item) -> &Mask| {
        Tensor::f_stack(&items.iter().map(|item| seam::tensor_from_mask(pick(item))).collect::<Vec<_>>(), 0)?
            .f_view([n, 1, side, side])
    };
    let seen: Vec<f32> = items.iter().flat_map(|item| planes(&item.made, &item.lit, &item.mask)).collect();
    let color = |c: Lab| [c.l / 50.0 - 1.0, c.a / 50.0, c.b / 50.0];
    Ok(Batch {
        planes: floats(seen, &[n, PLANES as i64, side, side])?,
        embedding: floats(items.iter().flat_map(|item| item.swatch.iter().copied()).collect(), &[n, EMBEDDING])?,
        color: floats(items.iter().flat_map(|item| color(item.color)).collect(), &[n, 3])?,
        made: codes(|item| &item.made)?,
        mask: masks(|item| &item.mask)?,
        real: codes(|item| &item.real)?,
        real_mask: masks(|item| &item.real_mask)?,
        own: floats(items.iter().map(|item| f32::from(u8::from(item.own))).collect(), &[n])?,
    })
}
