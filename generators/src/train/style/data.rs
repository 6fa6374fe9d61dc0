//! What the decoder is trained on: pieces of photos, and pieces of paintings, cloths and photos as references.

use std::path::{Path, PathBuf};

use pixels::color::srgb8_from_linear;
use pixels::{SrgbImage, resize_linear};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::paintings::painting;
use crate::backbone::Backbone;
use crate::seam::tensor_from_srgb;
use crate::shading::view::crop;
use crate::stream::Stream;
use crate::style::{Moments, grain};
use crate::train::look::data::{self, Part};
use crate::train::look::transforms::Transform;
use crate::train::segmenter_data::read_photo;
use crate::train::shading::prints::{Print, TRAINED};
use crate::{Error, Result};

/// Side of the pieces in pixels.
pub const SIDE: u32 = 192;
/// Longest sides that photos are brought to before a piece is cut, in pixels.
const LONGEST_PX: (f32, f32) = (280.0, 1100.0);
/// Pieces of photos that say what is usual.
const USUAL: u64 = 64;

/// A step's pictures, `[N, 3, SIDE, SIDE]` sRGB codes each.
pub struct Batch {
    /// What is painted.
    pub contents: Tensor,
    /// The same with grain, as the encoder sees it.
    pub grained: Tensor,
    /// What it is painted like.
    pub references: Tensor,
}

/// Photos to paint, street photos first; the studio's are too small.
///
/// # Errors
/// When a folder is missing.
pub fn photos(data: &Path, part: Part) -> Result<[Vec<PathBuf>; 2]> {
    let [street, clothing, _] = data::photos(data, part)?;
    Ok([street, clothing])
}

/// A piece of a photo at a random scale, mirrored at times.
fn piece(photos: &[Vec<PathBuf>; 2], stream: &mut Stream) -> Result<SrgbImage> {
    let folder = &photos[usize::from(stream.chance(0.35))];
    let photo = read_photo(&folder[stream.below(folder.len())])?;
    let (width, height) = (photo.width_px() as f32, photo.height_px() as f32);
    let longest = LONGEST_PX.0 * (stream.unit() * (LONGEST_PX.1 / LONGEST_PX.0).ln()).exp();
    let scale = (longest / width.max(height)).max((SIDE as f32 + 1.0) / width.min(height));
    let sides = ((width * scale) as u32, (height * scale) as u32);
    cut(&resize_linear(&photo, sides.0.max(SIDE), sides.1.max(SIDE))?, stream)
}

/// A square piece of a picture, mirrored at times.
fn cut(picture: &SrgbImage, stream: &mut Stream) -> Result<SrgbImage> {
    let left = stream.below((picture.width_px() - SIDE + 1) as usize) as u32;
    let top = stream.below((picture.height_px() - SIDE + 1) as usize) as u32;
    let frame = pixels::garment_frame::GarmentFrame { x_px: left, y_px: top, width_px: SIDE, height_px: SIDE };
    let mut piece = crop(picture, frame)?;
    if stream.chance(0.5) {
        for row in piece.data_mut().chunks_exact_mut(3 * SIDE as usize) {
            let (pixels, _) = row.as_chunks_mut::<3>();
            pixels.reverse();
        }
    }
    Ok(piece)
}

/// A reference: mostly paintings, some cloths, some photos under a transform.
fn reference(photos: &[Vec<PathBuf>; 2], stream: &mut Stream) -> Result<SrgbImage> {
    let kind = stream.unit();
    if kind < 0.2 {
        return cloth(stream);
    }
    let photo = piece(photos, stream)?;
    if kind < 0.7 {
        return painting(&photo, stream);
    }
    Ok(data::transformed(&photo, &Transform::draw(stream)))
}

/// A printed cloth, evenly lit.
fn cloth(stream: &mut Stream) -> Result<SrgbImage> {
    let print = Print::draw(TRAINED[1 + stream.below(TRAINED.len() - 2)], &[], stream);
    let scale = stream.uniform(0.4, 1.6);
    let codes = (0..SIDE * SIDE).flat_map(|i| {
        let (x, y) = ((i % SIDE) as f32 * scale, (i / SIDE) as f32 * scale);
        print.at(x, y).map(srgb8_from_linear)
    });
    Ok(SrgbImage::new(SIDE, SIDE, codes.collect())?)
}

fn stacked(pictures: &[SrgbImage]) -> Tensor {
    Tensor::stack(&pictures.iter().map(tensor_from_srgb).collect::<Vec<_>>(), 0)
}

/// The pictures of a step.
///
/// # Errors
/// When a photo cannot be read.
pub fn batch(photos: &[Vec<PathBuf>; 2], seed: u64, purpose: &str, step: u64, size: usize) -> Result<Batch> {
    let pairs: Vec<(SrgbImage, SrgbImage)> = (0..size as u64)
        .into_par_iter()
        .map(|i| {
            let mut stream = Stream::new(seed, purpose, step * size as u64 + i);
            let content = piece(photos, &mut stream)?;
            Ok((content, reference(photos, &mut stream)?))
        })
        .collect::<Result<_>>()?;
    let (contents, references): (Vec<SrgbImage>, Vec<SrgbImage>) = pairs.into_iter().unzip();
    let contents = stacked(&contents);
    let side = i64::from(SIDE);
    let mut stream = Stream::new(seed, &format!("{purpose}/grain"), step);
    let grained = &contents + grain([size as i64, side, side], &mut stream);
    Ok(Batch { contents, grained, references: stacked(&references) })
}

/// Means and deviations of all expanded maps over pieces of photos, `[1, C, 1, 1]` each.
///
/// # Errors
/// When a photo cannot be read.
pub fn usual(photos: &[Vec<PathBuf>; 2], seed: u64, backbone: &Backbone) -> Result<Vec<Moments>> {
    let pieces = batch(photos, seed, "style/usual", 0, USUAL as usize)?.contents;
    let mut sums: Vec<[Tensor; 2]> = Vec::new();
    for few in pieces.split(16, 0) {
        let maps = tch::no_grad(|| backbone.expanded(&few, crate::backbone::EXPANDED_CHANNELS.len()));
        for (k, map) in maps.iter().enumerate() {
            let map = map.to_kind(Kind::Float);
            let mean = |x: &Tensor| x.mean_dim([0, 2, 3].as_slice(), true, Kind::Float) * (1.0 / 4.0);
            let both = [mean(&map), mean(&map.square())];
            match sums.get_mut(k) {
                Some(sum) => *sum = [&sum[0] + &both[0], &sum[1] + &both[1]],
                None => sums.push(both),
            }
        }
    }
    if sums.is_empty() {
        return Err(Error::Input("style: nothing is usual".into()));
    }
    let moments =
        |[mean, square]: [Tensor; 2]| Moments { deviation: (square - mean.square()).clamp_min(1e-6).sqrt(), mean };
    Ok(sums.into_iter().map(moments).collect())
}
