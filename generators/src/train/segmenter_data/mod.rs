//! Training samples of the segmenter, made on the fly from a root seed: the same step gives the same batch.

pub mod backdrop;
mod background;
pub mod border_model;
pub mod cutout;
mod hints;
pub mod index;
pub mod labels;
mod photometric;
pub mod sources;
pub mod warp;

use std::path::Path;

use pixels::{Limits, SrgbImage};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use self::index::Index;
use crate::segmenter::{Class, ClassSet};
use crate::stream::Stream;
use crate::{Error, Result};

/// Widths and heights of batches of a network whose input is [`SHAPES_OF_PX`]: one area, all aspects that photos come in.
const SHAPES: [(usize, usize); 5] = [(192, 256), (192, 256), (224, 224), (192, 288), (256, 192)];

const SHAPES_OF_PX: u32 = 256;

/// How often each source is drawn; any positive scale.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Street photos with full masks.
    pub street: f32,
    /// People of street photos on studio backdrops and other backgrounds.
    pub street_cutout: f32,
    /// Studio photos without a person, as they are.
    pub packshot: f32,
    /// Studio photos with a person: only the backdrop is known.
    pub model: f32,
    /// Colourway pairs: the changed area is the article.
    pub colorway: f32,
    /// Cut-out garments on other backgrounds.
    pub composite: f32,
    /// Flat-lay photos: every pixel is background or the labelled class.
    pub flat_lay: f32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            street: 4.0,
            street_cutout: 1.5,
            packshot: 1.5,
            model: 1.5,
            colorway: 1.5,
            composite: 4.0,
            flat_lay: 2.0,
        }
    }
}

/// What is known of flat-lay photos besides their class.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Colour hints of where the garment is.
    pub hints: bool,
    /// Folder of masks that an earlier state of the network drew.
    pub pseudo: Option<&'a Path>,
    /// Heads of models are known, and cut-outs have no halo.
    pub refined: bool,
}

/// Some pictures of one size, with what is known of them.
pub struct Batch {
    /// `[N, 3, H, W]`, codes 0 to 255, `f32`.
    pub codes: Tensor,
    /// `[N, H / 2, W / 2]`, bit sets of classes, `i32`.
    pub sets: Tensor,
}

// Only read from the thread that takes the shard; tensors are not shared between two.
// SAFETY: libtorch tensors may be read from several threads; nothing writes to a batch after it is made.
unsafe impl Sync for Batch {}

/// Reads one photo of the training data.
///
/// # Errors
/// With the path, when it cannot be read.
pub fn read_photo(path: &Path) -> Result<SrgbImage> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let decoded = pixels::decode(&bytes, &Limits::default());
    Ok(decoded.map_err(|error| Error::Data { path: path.to_owned(), reason: error.to_string() })?.image)
}

/// The samples of one training step of a network whose input has about `input_px`² pixels.
///
/// # Errors
/// When a photo cannot be read.
pub fn canvases(
    index: &Index,
    mix: &Mix,
    known: Known,
    (seed, step): (u64, u64),
    size: usize,
    input_px: u32,
) -> Result<Vec<warp::Canvas>> {
    let shape = SHAPES[Stream::new(seed, "shape", step).below(SHAPES.len())];
    let (width, height) = (side_px(shape.0, input_px), side_px(shape.1, input_px));
    let source = sources::Source { index, known, width, height };
    (0..size as u64)
        .into_par_iter()
        .map(|i| source.sample(mix, &mut Stream::new(seed, "sample", step * size as u64 + i)))
        .collect()
}

/// A side of one of [`SHAPES`] for another input, a multiple of 32.
fn side_px(side_px: usize, input_px: u32) -> usize {
    let side_px = side_px as f64 * f64::from(input_px) / f64::from(SHAPES_OF_PX);
    ((side_px / 32.0).round() as usize).max(2) * 32
}

/// A cut-out of the validation side on a background of the validation side, and what is known at half size.
///
/// # Errors
/// When a photo cannot be read.
pub fn validation_composite(index: &Index, number: u64) -> Result<(SrgbImage, Vec<ClassSet>)> {
    const SEED: u64 = 4;
    let (width, height) = SHAPES[number as usize % SHAPES.len()];
    let source = sources::Source { index, known: Known { refined: true, ..Known::default() }, width, height };
    let canvas = source.validation_composite(&mut Stream::new(SEED, "validation composite", number))?;
    let codes = canvas.codes.iter().map(|&code| (code + 0.5) as u8).collect();
    Ok((SrgbImage::new(width as u32, height as u32, codes)?, canvas.sets))
}

/// Stacks samples into shards of equal size.
///
/// # Errors
/// When libtorch refuses.
pub fn shards(canvases: &[warp::Canvas], shards: usize) -> Result<Vec<Batch>> {
    canvases.chunks(canvases.len().div_ceil(shards.max(1)).max(1)).map(batch).collect()
}

fn batch(canvases: &[warp::Canvas]) -> Result<Batch> {
    let (mut codes, mut sets) = (Vec::new(), Vec::new());
    for canvas in canvases {
        let size = [canvas.height as i64, canvas.width as i64, 3];
        codes.push(Tensor::from_slice(&canvas.codes).f_view(size)?.permute([2, 0, 1]));
        let bits: Vec<i32> = canvas.sets.iter().map(|set| i32::from(set.bits())).collect();
        sets.push(Tensor::from_slice(&bits).f_view([size[0] / 2, size[1] / 2])?);
    }
    Ok(Batch { codes: Tensor::f_stack(&codes, 0)?, sets: Tensor::f_stack(&sets, 0)?.to_kind(Kind::Int) })
}

/// A colour per class, for grids that people look at.
pub const PALETTE: [[u8; 3]; 11] = [
    [20, 20, 20],
    [255, 200, 170],
    [130, 80, 40],
    [230, 50, 50],
    [240, 150, 30],
    [50, 110, 230],
    [170, 60, 200],
    [40, 180, 90],
    [240, 220, 60],
    [60, 210, 220],
    [250, 120, 190],
];

/// Colour of a set: that of its class, or the mean of its classes.
pub fn set_color(set: ClassSet) -> [u8; 3] {
    if set == ClassSet::ANY {
        return [128; 3];
    }
    let (mut sum, mut n) = ([0_u32; 3], 0);
    for class in set.classes() {
        n += 1;
        for c in 0..3 {
            sum[c] += u32::from(PALETTE[class as usize][c]);
        }
    }
    sum.map(|s| (s / n.max(1)) as u8)
}

/// Whether a set says for sure that a garment is there, or that none is; `None` when it does not say.
pub fn is_garment(set: ClassSet) -> Option<bool> {
    if set.within(ClassSet::GARMENT) {
        Some(true)
    } else if set.within(ClassSet::of(&[Class::Background, Class::Skin, Class::Hair])) {
        Some(false)
    } else {
        None
    }
}
