//! Whether the judge finds the swatch again by a piece of the finished garment, beside the same in other light and
//! two dumb ways of putting it there.

use pixels::SrgbImage;
use pixels::fabric::Restyled;
use serde::Serialize;

use super::Garment;
use super::measure::{Square, cut};
use crate::backbone::Backbone;
use crate::{Result, judge, seam};

/// How often the swatch whose cloth a garment is cut from is the nearest one.
#[derive(Clone, Debug, Serialize)]
pub struct Retrieval {
    /// How the cloth was put on the garment.
    pub method: String,
    /// Share of garments whose nearest swatch is their own.
    pub recall_at_1: f64,
    /// Garments times swatches.
    pub n: usize,
}

const METHODS: [&str; 5] = ["ours", "in the analytic light", "in even light", "pasted flat", "multiplied"];

/// Features of pieces of garments and of the swatches as photographed.
#[derive(Default)]
pub(super) struct Queries {
    /// Per method: the swatch's number and the piece's features.
    pieces: [Vec<(usize, Vec<f32>)>; 5],
    /// A view of every swatch at the scale of a garment, by garment: its number and features.
    gallery: Vec<(usize, Vec<f32>)>,
}

impl Queries {
    /// Adds a finished garment: the middle of its square, at most as much cloth as the swatch shows.
    pub(super) fn add(
        &mut self,
        judge: &Backbone,
        number: usize,
        swatch: &SrgbImage,
        garment: &Garment,
        [made, analytic, even]: [&Restyled; 3],
        (x, y, side): Square,
    ) -> Result<()> {
        let shorter = swatch.width_px().min(swatch.height_px()) as f32;
        let piece = side.min((shorter * made.scale) as usize).max(32).min(side);
        let at = (x + (side - piece) / 2, y + (side - piece) / 2, piece);
        let flat = pasted(swatch, made.scale, piece)?;
        let old = cut(&garment.photo, at)?;
        let multiplied = multiplied(&flat, &old)?;
        // The view that it is to be found by: the swatch's other corner, so that "pasted" isn't its own answer.
        let view = corner(swatch, (piece as f32 / made.scale) as usize)?;
        let [made, analytic, even] = [cut(&made.image, at)?, cut(&analytic.image, at)?, cut(&even.image, at)?];
        let rows = judge::embed(judge, &[&made, &analytic, &even, &flat, &multiplied, &view])?;
        let values = seam::floats_of(&rows)?;
        let mut rows = values.chunks_exact(values.len() / (METHODS.len() + 1)).map(<[f32]>::to_vec);
        for (pieces, row) in self.pieces.iter_mut().zip(rows.by_ref()) {
            pieces.push((number, row));
        }
        self.gallery.extend(rows.map(|row| (number, row)));
        Ok(())
    }

    /// Cosine of features less the gallery's mean, over one view of every swatch.
    pub(super) fn found(&self) -> Vec<Retrieval> {
        let mut views: Vec<&(usize, Vec<f32>)> = Vec::new();
        for view in &self.gallery {
            if !views.iter().any(|other| other.0 == view.0) {
                views.push(view);
            }
        }
        let n = views.len().max(1) as f32;
        let width = views.first().map_or(0, |view| view.1.len());
        let mean: Vec<f32> = (0..width).map(|i| views.iter().map(|view| view.1[i]).sum::<f32>() / n).collect();
        let centred = |row: &[f32]| -> Vec<f32> {
            let row: Vec<f32> = row.iter().zip(&mean).map(|(v, m)| v - m).collect();
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
            row.into_iter().map(|v| v / length).collect()
        };
        let views: Vec<(usize, Vec<f32>)> = views.into_iter().map(|(i, row)| (*i, centred(row))).collect();
        let nearest = |row: &[f32]| {
            let row = centred(row);
            let likeness = |view: &Vec<f32>| view.iter().zip(&row).map(|(a, b)| a * b).sum::<f32>();
            let best = views.iter().max_by(|one, other| likeness(&one.1).total_cmp(&likeness(&other.1)));
            best.map(|view| view.0)
        };
        let of = |(method, pieces): (&&str, &Vec<(usize, Vec<f32>)>)| {
            let right = pieces.iter().filter(|(number, row)| nearest(row) == Some(*number)).count();
            let n = pieces.len();
            Retrieval { method: (*method).to_owned(), recall_at_1: right as f64 / n.max(1) as f64, n }
        };
        METHODS.iter().zip(&self.pieces).map(of).collect()
    }
}

/// The swatch at the garment's scale, from its upper left corner.
fn pasted(swatch: &SrgbImage, scale: f32, side: usize) -> Result<SrgbImage> {
    let length = |n: u32| ((n as f32 * scale).round() as u32).max(side as u32);
    let whole = pixels::resize_linear(swatch, length(swatch.width_px()), length(swatch.height_px()))?;
    cut(&whole, (0, 0, side))
}

/// Codes times codes, as image editors multiply layers.
pub fn multiplied(cloth: &SrgbImage, old: &SrgbImage) -> Result<SrgbImage> {
    let product = |(a, b): (&u8, &u8)| ((u16::from(*a) * u16::from(*b) + 127) / 255) as u8;
    let codes = cloth.data().iter().zip(old.data()).map(product).collect();
    Ok(SrgbImage::new(cloth.width_px(), cloth.height_px(), codes)?)
}

/// The lower right corner of a swatch.
fn corner(swatch: &SrgbImage, side: usize) -> Result<SrgbImage> {
    let (width, height) = (swatch.width_px() as usize, swatch.height_px() as usize);
    let side = side.clamp(1, width.min(height));
    cut(swatch, (width - side, height - side, side))
}
