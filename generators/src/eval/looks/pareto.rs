//! Style against content over strength, on the features of a judge that nothing was trained with.

use std::path::PathBuf;

use pixels::{SrgbImage, resize_linear};
use serde::Serialize;
use tch::{Kind, Tensor};

use super::{METHODS, judge, methods};
use crate::Result;
use crate::backbone::Backbone;
use crate::look::looker::Looker;
use crate::seam::{floats_of, tensor_from_srgb};
use crate::stream::Stream;
use crate::style::Painter;
use crate::style::painter::Counted;
use crate::train::segmenter_data::read_photo;
use crate::train::style::paintings::painting;

/// References and photos: every photo in every look.
const REFERENCES: usize = 6;
const PHOTOS: usize = 8;
/// Strengths of the curve.
pub const STRENGTHS: [f32; 4] = [0.25, 0.5, 0.75, 1.0];
/// Side of the pictures that the judge sees, in pixels, a multiple of 32.
const SIDE: u32 = 256;
/// Directions of the sliced distance.
const SLICES: i64 = 48;
/// Maps that tell the style, from the finest; the next deeper ones tell the content.
const STYLE_MAPS: usize = 3;

/// One method at one strength.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The method.
    pub method: String,
    /// Strength, 0 to 1.
    pub strength: f32,
    /// Distance of Gram matrices to the reference's, over that of the photo as it is.
    pub gram: f64,
    /// Sliced Wasserstein distance of features to the reference's, over that of the photo as it is.
    pub sliced: f64,
    /// Distance of deep features to the photo's own, over that between the photo and the reference.
    pub content: f64,
}

/// The curve.
#[derive(Clone, Debug, Serialize)]
pub struct Pareto {
    /// Photos times references.
    pub n: usize,
    /// Means over all of them.
    pub points: Vec<Point>,
}

/// What the judge sees of a picture.
struct Seen {
    gram: Vec<Tensor>,
    /// Sorted projections per map, `[SLICES, P]`.
    slices: Vec<Tensor>,
    content: Tensor,
}

/// What the references are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// Street photos.
    Photos,
    /// Held-out photos painted by procedure, as the painter's references in training.
    Paintings,
}

/// Measures the curve; also the sheet: photo, reference, every method at full strength.
pub(super) fn measure(
    (looker, painter): (&Looker, &Painter),
    held: &[Vec<PathBuf>; 3],
    kind: References,
    sheet: bool,
) -> Result<(Option<Pareto>, Option<SrgbImage>)> {
    let judge = judge();
    let mut stream = Stream::new(2, "looks/pareto", 0);
    let mut pick = |of: &[PathBuf]| read_photo(&of[stream.below(of.len())]);
    let shown: Vec<SrgbImage> = (0..REFERENCES).map(|_| pick(&held[0])).collect::<Result<_>>()?;
    let photos: Vec<SrgbImage> =
        (0..PHOTOS).map(|i| pick(&held[if i % 4 == 3 { 2 } else { 1 }])).collect::<Result<_>>()?;
    let references = match kind {
        References::Photos => shown,
        References::Paintings => {
            let paint = |(i, photo)| painting(photo, &mut Stream::new(2, "looks/painting", i));
            (0..).zip(&shown).map(paint).collect::<Result<_>>()?
        }
    };
    let mut sums: Vec<(usize, f32, [f64; 3])> = Vec::new();
    let mut rows = Vec::new();
    for reference in &references {
        let style = judge.as_ref().map(|judge| seen(judge, reference)).transpose()?;
        let touch = painter.statistics(reference, Counted::Whole)?;
        for photo in &photos {
            let looks = methods(looker, reference, photo)?;
            let made = |k: usize, strength: f32| match looks.get(k) {
                Some(look) => look.apply(photo, strength, None, None),
                None => painter.paint(photo, &touch, strength, Counted::Whole)?.to_srgb8(),
            };
            if sheet {
                let pictures = [0, 1, 2, looks.len()].into_iter().map(|k| made(k, 1.0));
                let shown = [photo.clone(), reference.clone()].into_iter().map(Ok).chain(pictures);
                rows.push(shown.collect::<Result<Vec<_>>>()?);
            }
            let (Some(judge), Some(style)) = (&judge, &style) else { continue };
            let own = seen(judge, photo)?;
            let apart = (gram(&own, style)?, sliced(&own, style)?, content(&own, style)?);
            for k in 0..=looks.len() {
                let strengths: &[f32] = if name(k) == "as it is" { &[1.0] } else { &STRENGTHS };
                for &strength in strengths {
                    let made = seen(judge, &made(k, strength)?)?;
                    let values = [
                        gram(&made, style)? / apart.0.max(1e-12),
                        sliced(&made, style)? / apart.1.max(1e-12),
                        content(&made, &own)? / apart.2.max(1e-12),
                    ];
                    match sums.iter_mut().find(|(method, at, _)| (*method, *at) == (k, strength)) {
                        Some((_, _, sum)) => sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
                        None => sums.push((k, strength, values)),
                    }
                }
            }
        }
    }
    let n = (references.len() * photos.len()) as f64;
    let point = |(k, strength, sum): &(usize, f32, [f64; 3])| Point {
        method: name(*k).to_owned(),
        strength: *strength,
        gram: sum[0] / n,
        sliced: sum[1] / n,
        content: sum[2] / n,
    };
    let points: Vec<Point> = sums.iter().map(point).collect();
    let pareto = judge.is_some().then_some(Pareto { n: n as usize, points });
    let sheet = if sheet { Some(crate::eval::solids::sheet::sheet(&rows)?) } else { None };
    Ok((pareto, sheet))
}

/// The methods' names; the painter follows those that are transforms of colours.
fn name(k: usize) -> &'static str {
    METHODS.get(k).map_or("painted: AdaIN in the backbone", |(name, _)| name)
}

fn seen(judge: &Backbone, picture: &SrgbImage) -> Result<Seen> {
    let small = tensor_from_srgb(&resize_linear(picture, SIDE, SIDE)?).unsqueeze(0);
    let maps = tch::no_grad(|| judge.features(&small, usize::MAX));
    let flat = |map: &Tensor| map.to_kind(Kind::Float).view([map.size()[1], -1]); // [C, P]
    let gram = |x: Tensor| x.matmul(&x.tr()) / (x.size()[1] as f64);
    let sliced = |(level, x): (usize, Tensor)| {
        let mut stream = Stream::new(3, "looks/slices", level as u64);
        let directions = stream.normal_tensor(&[SLICES, x.size()[0]], 1.0);
        let directions = &directions / directions.norm_scalaropt_dim(2.0, [1_i64].as_slice(), true);
        directions.matmul(&x).sort(1, false).0
    };
    Ok(Seen {
        gram: maps[..STYLE_MAPS].iter().map(|map| gram(flat(map))).collect(),
        slices: maps[..STYLE_MAPS].iter().map(flat).enumerate().map(sliced).collect(),
        content: flat(&maps[STYLE_MAPS]),
    })
}

/// Relative distance of Gram matrices, mean over maps.
///
/// # Source
/// Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", 2016, equation 4.
fn gram(one: &Seen, other: &Seen) -> Result<f64> {
    let apart = |(a, b): (&Tensor, &Tensor)| (a - b).square().sum(Kind::Double) / b.square().sum(Kind::Double);
    mean(one.gram.iter().zip(&other.gram).map(apart))
}

/// Sliced Wasserstein distance, mean over maps.
///
/// # Source
/// Heitz, Vanhoey, Chambon and Belcour, "A sliced Wasserstein loss for neural texture synthesis", 2021.
fn sliced(one: &Seen, other: &Seen) -> Result<f64> {
    let apart = |(a, b): (&Tensor, &Tensor)| (a - b).square().mean(Kind::Double) / b.square().mean(Kind::Double);
    mean(one.slices.iter().zip(&other.slices).map(apart))
}

/// Relative distance of deep features, place by place.
fn content(one: &Seen, other: &Seen) -> Result<f64> {
    mean(std::iter::once((&one.content - &other.content).square().mean(Kind::Double)))
}

fn mean(values: impl Iterator<Item = Tensor>) -> Result<f64> {
    let values: Vec<f32> = values.map(|v| floats_of(&v)).collect::<Result<Vec<_>>>()?.concat();
    Ok(values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64)
}
