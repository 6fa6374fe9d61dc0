//! A swatch made a tile: cut on its repeat, or quilted where it has none, so that copies of it meet without a seam.

use super::period::Period;
use super::quilt::{closed_across, quilted};
use super::{Light, cubic, swatch};
use crate::{Error, Result, SrgbImage};

/// Root mean square contrast (linear light) below which a swatch is a flat colour.
const FLAT: f32 = 0.002;
/// A quilt's side, in swatches.
const QUILT: f32 = 1.6;
/// Overlap on which a seam is looked for: this share of the repeat, or of the side of a quilt.
const SEAM_SHARE: f32 = 0.3;
const QUILT_SEAM_SHARE: f32 = 0.18;
/// Longest and shortest overlap, in pixels.
const SEAM_MOST: f32 = 96.0;
const SEAM_LEAST: f32 = 24.0;
/// Correlation below which a repeat is loose.
const LOOSE: f32 = 0.8;
/// Any number will do.
const SEED: u64 = 6;
/// Pixels around a tile that repeat its other side, so that cubic sampling needs no wrapping.
const MARGIN: usize = 2;

/// How a swatch is made a tile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MakeTile {
    /// Length of the repeat across and down in the swatch's pixels, instead of what is found.
    pub repeat_px: Option<(f32, f32)>,
}

/// A piece of cloth whose sides meet, evenly lit, in linear light.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    light: Light,
    /// The repeat that was found in the swatch (or asked for), across and down; `None` where it was quilted.
    pub periods: [Option<Period>; 2],
    /// Mean change of colour across the tile's seams over that at the same places of the swatch: 1 is no seam.
    pub seam: f32,
    /// Tile pixels per swatch pixel: large swatches are reduced.
    pub scale: f32,
    /// Size of the swatch in pixels, width and height.
    pub swatch_px: (u32, u32),
}

impl Tile {
    /// Makes a swatch a tile.
    ///
    /// # Errors
    /// [`Error::Swatch`] when it is smaller than 32 px, a flat colour, or its repeat is longer than it is.
    pub fn of_swatch(image: &SrgbImage, make: &MakeTile) -> Result<Self> {
        let swatch::Prepared { light, scale, periods } = swatch::prepared(image, make.repeat_px)?;
        if swatch::contrast(&light) < FLAT {
            return Err(Error::Swatch {
                reason: "it is one flat colour; dye the garment instead: rangrez recolor --to".to_owned(),
            });
        }
        let (tile, seam) = if periods == [None, None] {
            let side = |n: usize| (n as f32 * QUILT) as usize;
            let (width, height) = (side(light.width), side(light.height));
            let overlap = |n: usize| ((n as f32 * QUILT_SEAM_SHARE).min(SEAM_MOST) as usize).max(1);
            let quilt = quilted(&light, width + overlap(width), height + overlap(height), SEED);
            let (strip, seam) = closed_across(&quilt, overlap(width), false);
            let (tile, other) = closed_across(&strip.transposed(), overlap(height), true);
            (tile.transposed(), seam.with(other))
        } else {
            let (cut, overlap_x) = on_period(&light, periods[0]);
            let (strip, seam) = closed_across(&cut, overlap_x, false);
            let (cut, overlap_y) = on_period(&strip.transposed(), periods[1]);
            let (tile, other) = closed_across(&cut, overlap_y, true);
            (tile.transposed(), seam.with(other))
        };
        let swatch_px = (image.width_px(), image.height_px());
        Ok(Self { light: tile, periods, seam: seam.ratio(), scale, swatch_px })
    }

    /// Width in pixels.
    pub fn width_px(&self) -> usize {
        self.light.width
    }

    /// Height in pixels.
    pub fn height_px(&self) -> usize {
        self.light.height
    }

    /// Length in the swatch's pixels of what [`super::Repeat`] sets: of the repeat across, else of that down, else of the
    /// swatch across.
    pub fn repeat_px(&self) -> f32 {
        self.length_px(usize::from(self.periods[0].is_none() && self.periods[1].is_some()))
    }

    /// Length of the repeat across (0) or down (1) in the swatch's pixels; of the swatch where it has none.
    pub(super) fn length_px(&self, axis: usize) -> f32 {
        let side = if axis == 0 { self.swatch_px.0 } else { self.swatch_px.1 };
        self.periods[axis].map_or(side as f32, |period| period.px / self.scale)
    }

    /// The tile as a picture.
    pub fn to_srgb(&self) -> SrgbImage {
        self.light.to_srgb()
    }

    /// Mean colour, linear light.
    pub fn mean(&self) -> [f32; 3] {
        let n = self.light.rgb.len().max(1) as f32;
        self.light.rgb.iter().fold([0.0; 3], |sum, p| [0, 1, 2].map(|c| sum[c] + p[c] / n))
    }

    /// The largest channel's value that this share of the tile's pixels stays below.
    pub fn highlight(&self, share: f32) -> f32 {
        let mut values: Vec<f32> = self.light.rgb.iter().map(|p| p[0].max(p[1]).max(p[2])).collect();
        crate::garment_stats::percentile(&mut values, share)
    }

    /// The tile made `scale` times as large, filtered so that it can be read pixel by pixel.
    pub(crate) fn scaled(&self, scale: f32) -> Cloth {
        let side = |n: usize| ((n as f32 * scale).round() as usize).max(1);
        let (width, height) = (side(self.light.width), side(self.light.height));
        let narrow = resampled(&self.light, width);
        let light = resampled(&narrow.transposed(), height).transposed();
        Cloth::of(&light)
    }
}

/// As many whole repeats across as the picture holds with an overlap, stretched by a fraction of a pixel so that they end
/// on one; without a repeat all of the picture but the overlap.
fn on_period(light: &Light, period: Option<Period>) -> (Light, usize) {
    let width = light.width as f32;
    let wide = (width * SEAM_SHARE).min(SEAM_MOST);
    let Some(Period { px, strength }) = period else { return (light.clone(), (wide as usize).max(1)) };
    // What repeats loosely, as the threads of a weave, needs room to find a way through.
    let overlap = if strength < LOOSE { wide } else { (px * SEAM_SHARE).clamp(SEAM_LEAST.min(wide), SEAM_MOST) };
    let count = ((width - overlap) / px).floor().max(1.0);
    let exact = count * px;
    let whole = exact.round().max(1.0);
    let step = exact / whole;
    let room = ((width - exact) / step).max(0.0).min(overlap) as usize;
    let columns = whole as usize + room;
    if (step - 1.0).abs() < 1e-6 {
        return (light.part(0, 0, columns, light.height), room);
    }
    let rgb = (0..light.height).flat_map(|y| (0..columns).map(move |x| light.at(x as f32 * step, y as f32))).collect();
    (Light { width: columns, height: light.height, rgb }, room)
}

/// Rows made `width` long, wrapping around: a windowed sinc over the coarser of both spacings.
fn resampled(light: &Light, width: usize) -> Light {
    let from = light.width;
    if from == width {
        return light.clone();
    }
    let ratio = from as f32 / width as f32;
    let reach = 3.0 * ratio.max(1.0);
    let taps: Vec<(isize, Vec<f32>)> = (0..width)
        .map(|x| {
            let middle = (x as f32 + 0.5) * ratio - 0.5;
            let first = (middle - reach).ceil() as isize;
            let last = (middle + reach).floor() as isize;
            let mut weights: Vec<f32> = (first..=last).map(|i| lanczos((i as f32 - middle) / ratio.max(1.0))).collect();
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            (first, weights)
        })
        .collect();
    let line = |row: &[[f32; 3]]| {
        let at = |(first, weights): &(isize, Vec<f32>)| {
            let mut sum = [0.0; 3];
            for (i, weight) in weights.iter().enumerate() {
                let pixel = row[(first + i as isize).rem_euclid(from as isize) as usize];
                sum.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += weight * v);
            }
            sum.map(|v| v.max(0.0))
        };
        taps.iter().map(at).collect::<Vec<_>>()
    };
    Light { width, height: light.height, rgb: light.rgb.chunks_exact(from).flat_map(line).collect() }
}

fn lanczos(t: f32) -> f32 {
    let sinc =
        |t: f32| if t.abs() < 1e-5 { 1.0 } else { (std::f32::consts::PI * t).sin() / (std::f32::consts::PI * t) };
    if t.abs() >= 3.0 { 0.0 } else { sinc(t) * sinc(t / 3.0) }
}

/// A place brought into `0..n`: a hair before zero rounds to the far side, which is zero again.
#[inline]
fn wrapped(at: f32, n: usize) -> f32 {
    let n = n as f32;
    let inside = at - (at / n).floor() * n;
    if inside < n { inside } else { 0.0 }
}

/// A tile at the scale at which it is read, with a margin that repeats its other side.
pub(crate) struct Cloth {
    width: usize,
    height: usize,
    stride: usize,
    rgb: Vec<[f32; 3]>,
}

impl Cloth {
    fn of(light: &Light) -> Self {
        let (width, height) = (light.width, light.height);
        let stride = width + 2 * MARGIN;
        let wrapped = |i: usize, n: usize| (i + n * MARGIN - MARGIN) % n;
        let row = |y: usize| (0..stride).map(move |x| light.rgb[wrapped(y, height) * width + wrapped(x, width)]);
        let rgb = (0..height + 2 * MARGIN).flat_map(row).collect();
        Self { width, height, stride, rgb }
    }

    /// The colour at a place of the endless cloth, in its pixels.
    #[inline]
    pub(crate) fn at(&self, u: f32, v: f32) -> [f32; 3] {
        let (u, v) = (wrapped(u, self.width), wrapped(v, self.height));
        let ((wx, x0), (wy, y0)) = (cubic(u), cubic(v));
        let (x0, y0) = ((x0 + MARGIN as isize).max(0) as usize, (y0 + MARGIN as isize).max(0) as usize);
        let mut sum = [0.0; 3];
        for (j, wy) in wy.iter().enumerate() {
            let row = (y0 + j) * self.stride + x0;
            for (pixel, wx) in self.rgb[row..row + 4].iter().zip(wx) {
                let weight = wx * wy;
                sum.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        sum.map(|v| v.max(0.0))
    }
}
