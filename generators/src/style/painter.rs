//! Paints photos of any size, tile by tile, with the statistics of all of them.

use std::path::Path;

use pixels::{Mask, Srgb16Image, SrgbImage, resize_linear, resize_mask};
use tch::{Kind, Tensor};

use super::{Moments, Network, TAPS, grain, load, maps_of, strides};
use crate::backbone::Backbone;
use crate::seam::{floats_of, srgb_from_tensor, tensor_from_mask, tensor_from_srgb};
use crate::stream::Stream;
use crate::{Error, Result};

/// Longest side that a photo is painted at, in pixels; larger ones are painted smaller and enlarged, so that strokes keep
/// their size in the picture.
pub const PAINTED_PX: u32 = 1024;
/// Side of a tile that is kept, in pixels.
const CORE: i64 = 512;
/// What encoder and decoder see around it; more than both together reach.
const HALO: i64 = 96;
/// Sides of tiles are multiples of this, so that all strides meet.
const GRID: i64 = 32;

/// What of a photo its own statistics are of.
#[derive(Clone, Copy, Debug)]
pub enum Counted<'a> {
    /// All of it alike.
    Whole,
    /// What a mask covers.
    Inside(&'a Mask),
    /// What a mask covers and all the rest, one as much as the other: a wide plain ground does not outvote the garment.
    Both(&'a Mask),
}

/// Statistics of the maps that the decoder reads: the style of a picture.
#[derive(Clone, Debug)]
pub struct Statistics([Moments; 3]);

/// Paints photos like references.
pub struct Painter {
    backbone: Backbone,
    network: Network,
}

/// A painted picture before it is rounded.
pub struct Painted {
    /// `[3, H, W]`, sRGB codes 0 to 255.
    codes: Tensor,
}

impl Painted {
    /// In 8 bits.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn to_srgb8(&self) -> Result<SrgbImage> {
        srgb_from_tensor(&self.codes)
    }

    /// In 16 bits.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn to_srgb16(&self) -> Result<Srgb16Image> {
        let (_, height, width) = self.codes.size3()?;
        let values = floats_of(&self.codes.permute([1, 2, 0]))?;
        let data = values.into_iter().map(|code| (code * 257.0).round() as u16).collect();
        Ok(Srgb16Image::new(width as u32, height as u32, data)?)
    }
}

impl Painter {
    /// Loads `style.safetensors` and the backbone from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self { network: load(weights)?, backbone: Backbone::load(weights)? })
    }

    /// Joins a backbone and a decoder.
    pub fn new(backbone: Backbone, network: Network) -> Self {
        Self { backbone, network }
    }

    /// The style of a picture.
    ///
    /// # Errors
    /// When the picture has no pixels, a mask another size or nothing in it, or libtorch refuses.
    pub fn statistics(&self, picture: &SrgbImage, counted: Counted) -> Result<Statistics> {
        let size = painted_size(picture);
        let canvas = Canvas::of(&resize_linear(picture, size.0, size.1)?);
        let weight = canvas.weight(picture, counted)?;
        tch::no_grad(|| self.statistics_of(&canvas, &weight, CORE))
    }

    /// A photo painted in a style, at a strength of 0 (as it is) to 1. All of it is painted: lay it over the photo through a
    /// mask where less is wanted.
    ///
    /// # Errors
    /// [`Error::Input`] for a strength out of range; as [`Painter::statistics`].
    pub fn paint(&self, photo: &SrgbImage, style: &Statistics, strength: f32, counted: Counted) -> Result<Painted> {
        if !(0.0..=1.0).contains(&strength) {
            return Err(Error::Input(format!("strength: expected 0 to 1, got {strength}")));
        }
        let size = painted_size(photo);
        let canvas = Canvas::of(&resize_linear(photo, size.0, size.1)?).grained();
        let weight = canvas.weight(photo, counted)?;
        tch::no_grad(|| {
            let own = self.statistics_of(&canvas, &weight, CORE)?;
            let full = (i64::from(photo.height_px()), i64::from(photo.width_px()));
            let whole = |tiles: &Tensor| enlarged(&canvas.cropped(tiles), full);
            if strength == 1.0 {
                let [painted] = self.tiles(&canvas, &own, style, [strength], CORE);
                return Ok(Painted { codes: whole(&painted).clamp(0.0, 255.0) });
            }
            // What grain and decoder do to the photo goes away as the strength falls.
            let [painted, repeated] = self.tiles(&canvas, &own, style, [strength, 0.0], CORE);
            let lost = tensor_from_srgb(photo) - whole(&repeated);
            Ok(Painted { codes: (whole(&painted) + lost * f64::from(1.0 - strength)).clamp(0.0, 255.0) })
        })
    }

    /// Largest difference, in codes, between a photo painted in its own size whole and in tiles.
    ///
    /// # Errors
    /// As [`Painter::statistics`].
    pub fn seams(&self, photo: &SrgbImage, style: &Statistics) -> Result<f64> {
        let canvas = Canvas::of(photo).grained();
        let weight = canvas.weight(photo, Counted::Whole)?;
        tch::no_grad(|| {
            let own = self.statistics_of(&canvas, &weight, CORE)?;
            let painted = |core| {
                let [painted] = self.tiles(&canvas, &own, style, [1.0], core);
                painted
            };
            Ok((painted(CORE) - painted(i64::MAX / 4)).abs().max().f_double_value(&[])?)
        })
    }

    /// The canvas's statistics under weights, `[1, 1, H, W]`, that add up to 1.
    fn statistics_of(&self, canvas: &Canvas, weight: &Tensor, core: i64) -> Result<Statistics> {
        // Sum of weights, of values and of squares, in `f64`.
        let mut sums: [Option<[Tensor; 3]>; 3] = [None, None, None];
        for tile in canvas.tiles(core) {
            let maps = maps_of(&self.backbone, &tile.of(&canvas.codes));
            let weight = tile.of(weight);
            for ((map, stride), sum) in maps.iter().zip(strides()).zip(&mut sums) {
                let pooled = weight.avg_pool2d([stride; 2], [stride; 2], [0, 0], false, true, None);
                let (map, share) = (tile.core_of(map, stride), tile.core_of(&pooled, stride));
                let total = |x: &Tensor| x.sum_dim_intlist([0, 2, 3].as_slice(), true, Kind::Double);
                let here = [total(&share), total(&(&map * &share)), total(&(map.square() * &share))];
                *sum = Some(match sum.take() {
                    Some(before) => [0, 1, 2].map(|i| &before[i] + &here[i]),
                    None => here,
                });
            }
        }
        let moments = |sum: Option<[Tensor; 3]>| -> Result<Moments> {
            let [weight, value, square] = sum.ok_or_else(|| Error::Input("style: the picture has no pixels".into()))?;
            let mean = value / &weight;
            let deviation = (square / weight - mean.square()).clamp_min(1e-8).sqrt();
            Ok(Moments { mean: mean.to_kind(Kind::Float), deviation: deviation.to_kind(Kind::Float) })
        };
        let [fine, middle, coarse] = sums;
        Ok(Statistics([moments(fine)?, moments(middle)?, moments(coarse)?]))
    }

    /// The canvas painted tile by tile at each of the strengths, `[1, 3, H, W]`, padding and all.
    fn tiles<const N: usize>(
        &self,
        canvas: &Canvas,
        own: &Statistics,
        style: &Statistics,
        strengths: [f32; N],
        core: i64,
    ) -> [Tensor; N] {
        let painted = strengths.map(|_| canvas.codes.zeros_like());
        for tile in canvas.tiles(core) {
            let maps = maps_of(&self.backbone, &tile.of(&canvas.codes));
            let wanted: [Tensor; TAPS.len()] =
                std::array::from_fn(|k| own.0[k].moved_to(&style.0[k], &maps[k], &self.network.usual(k)));
            for (picture, strength) in painted.iter().zip(strengths) {
                let moved: [Tensor; TAPS.len()] =
                    std::array::from_fn(|k| &maps[k] + (&wanted[k] - &maps[k]) * f64::from(strength));
                tile.place_in(picture).copy_(&tile.core_of(&self.network.forward(&moved), 1));
            }
        }
        painted
    }
}

/// Width and height that a picture is painted at.
fn painted_size(picture: &SrgbImage) -> (u32, u32) {
    let (width, height) = (picture.width_px(), picture.height_px());
    let scale = (PAINTED_PX as f32 / width.max(height).max(1) as f32).min(1.0);
    let side = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    (side(width), side(height))
}

/// # Shapes
/// `[1, 3, h, w]` → `[3, height, width]`.
fn enlarged(codes: &Tensor, (height, width): (i64, i64)) -> Tensor {
    if codes.size()[2..] == [height, width] {
        return codes.squeeze_dim(0);
    }
    codes.upsample_bicubic2d([height, width], false, None, None).squeeze_dim(0)
}

/// A picture padded by its border all around, so that all strides meet and the zeros that convolutions see beyond an edge
/// stay outside.
struct Canvas {
    /// `[1, 3, H, W]`.
    codes: Tensor,
    /// The picture's own height and width.
    size: (i64, i64),
}

/// A piece of a canvas: what is kept of it and what is seen, as first and end of rows and columns.
struct Tile {
    core: [(i64, i64); 2],
    seen: [(i64, i64); 2],
}

impl Canvas {
    fn of(picture: &SrgbImage) -> Self {
        let codes = tensor_from_srgb(picture).unsqueeze(0);
        let (height, width) = (i64::from(picture.height_px()), i64::from(picture.width_px()));
        let rest = |length: i64| GRID + (GRID - length % GRID) % GRID;
        let codes = codes.replication_pad2d([GRID, rest(width), GRID, rest(height)]);
        Self { codes, size: (height, width) }
    }

    /// With grain, the same whenever a picture of this size is painted.
    fn grained(self) -> Self {
        let size = self.codes.size();
        let grain = grain([1, size[2], size[3]], &mut Stream::new(0, "style/grain", 0));
        Self { codes: self.codes + grain, ..self }
    }

    /// How much each pixel counts, 1 in all and nothing in the padding; masks have the size of `picture`, which the canvas
    /// shows. `[1, 1, H, W]`.
    fn weight(&self, picture: &SrgbImage, counted: Counted) -> Result<Tensor> {
        let (height, width) = self.size;
        let read = |mask: &Mask| -> Result<Tensor> {
            mask.check_size(picture.width_px(), picture.height_px())?;
            Ok(tensor_from_mask(&resize_mask(mask, width as u32, height as u32)?).unsqueeze(0))
        };
        let shared = |alpha: &Tensor| -> Result<Option<Tensor>> {
            let total = alpha.sum(Kind::Double).f_double_value(&[])?;
            Ok((total >= 1.0).then(|| alpha / total))
        };
        let whole = Tensor::ones([1, 1, height, width], (Kind::Float, tch::Device::Cpu));
        let own = match counted {
            Counted::Whole => shared(&whole)?,
            Counted::Inside(mask) => shared(&read(mask)?)?,
            Counted::Both(mask) => {
                let alpha = read(mask)?;
                match (shared(&alpha)?, shared(&(whole - &alpha))?) {
                    (Some(inside), Some(around)) => Some((inside + around) / 2.0),
                    (one, other) => one.or(other),
                }
            }
        };
        let own = own.ok_or_else(|| Error::Input("style: there is nothing to take statistics of".into()))?;
        let padded = self.codes.size();
        Ok(own.constant_pad_nd([GRID, padded[3] - width - GRID, GRID, padded[2] - height - GRID]))
    }

    fn cropped(&self, painted: &Tensor) -> Tensor {
        painted.narrow(2, GRID, self.size.0).narrow(3, GRID, self.size.1)
    }

    fn tiles(&self, core: i64) -> Vec<Tile> {
        let size = self.codes.size();
        let spans = |length: i64| -> Vec<[(i64, i64); 2]> {
            let from = (0..length).step_by(core as usize);
            from.map(|from| {
                let end = (from + core).min(length);
                [(from, end), ((from - HALO).max(0), (end + HALO).min(length))]
            })
            .collect()
        };
        let columns = spans(size[3]);
        let row = |rows: [(i64, i64); 2]| {
            columns.iter().map(move |columns| Tile { core: [rows[0], columns[0]], seen: [rows[1], columns[1]] })
        };
        spans(size[2]).into_iter().flat_map(row).collect()
    }
}

impl Tile {
    /// What the tile sees of a plane of the canvas.
    fn of(&self, plane: &Tensor) -> Tensor {
        let [(top, bottom), (left, right)] = self.seen;
        plane.narrow(2, top, bottom - top).narrow(3, left, right - left)
    }

    /// What is kept of a map of what the tile sees.
    fn core_of(&self, map: &Tensor, stride: i64) -> Tensor {
        let part = |map: Tensor, axis: usize| {
            let ((from, end), (seen, _)) = (self.core[axis], self.seen[axis]);
            map.narrow(axis as i64 + 2, (from - seen) / stride, (end - from) / stride)
        };
        part(part(map.shallow_clone(), 0), 1)
    }

    /// Where the kept part lies in a canvas.
    fn place_in(&self, canvas: &Tensor) -> Tensor {
        let [(top, bottom), (left, right)] = self.core;
        canvas.narrow(2, top, bottom - top).narrow(3, left, right - left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Precision;
    use crate::params::Builder;
    use crate::style::Config;

    /// A painter of random weights that paints near the middle of the range.
    fn painter() -> Painter {
        let network = Network::build(&mut Builder::fresh(3), Config { width: 8, precision: Precision::F32 });
        Painter::new(Backbone::build(&mut Builder::fresh(1), Precision::F32), network)
    }

    fn picture(width: u32, height: u32, seed: u32) -> SrgbImage {
        let code = |i: u32| (i.wrapping_mul(2_654_435_761).rotate_left(seed) >> 25) as u8 + (i / 900 % 100) as u8;
        SrgbImage::new(width, height, (0..3 * width * height).map(code).collect()).unwrap()
    }

    #[test]
    fn tiles_have_no_seams() {
        let (painter, photo) = (painter(), picture(300, 230, 5));
        let canvas = Canvas::of(&photo);
        let style = painter.statistics(&picture(90, 70, 9), Counted::Whole).unwrap();
        let weight = canvas.weight(&photo, Counted::Whole).unwrap();
        let whole = painter.statistics_of(&canvas, &weight, 4096).unwrap();
        let parts = painter.statistics_of(&canvas, &weight, 64).unwrap();
        for (one, two) in whole.0.iter().zip(&parts.0) {
            let off = (&one.mean - &two.mean).abs().max() / one.deviation.max();
            assert!(off.double_value(&[]) < 1e-4);
        }
        let [one] = painter.tiles(&canvas, &whole, &style, [1.0], 4096);
        let [two] = painter.tiles(&canvas, &whole, &style, [1.0], 64);
        let spread = one.std(false).double_value(&[]);
        assert!(spread > 1.0 && (one - two).abs().max().double_value(&[]) < 1e-3 * spread);
    }

    #[test]
    fn no_strength_changes_nothing_and_what_counts_is_told() {
        let painter = painter();
        let (photo, reference) = (picture(70, 50, 5), picture(64, 64, 11));
        let style = painter.statistics(&reference, Counted::Whole).unwrap();
        let painted = |strength, counted| painter.paint(&photo, &style, strength, counted);
        let codes = |strength, counted| painted(strength, counted).unwrap().to_srgb8().unwrap();
        assert_eq!(codes(0.0, Counted::Whole), photo);
        assert_eq!(painted(0.0, Counted::Whole).unwrap().to_srgb16().unwrap(), Srgb16Image::from_srgb8(&photo));
        assert!(painted(1.01, Counted::Whole).is_err());
        let mut left = Mask::filled(70, 50, 0);
        left.data_mut().chunks_exact_mut(70).for_each(|row| row[..20].fill(255));
        let made = [Counted::Whole, Counted::Inside(&left), Counted::Both(&left)].map(|counted| codes(1.0, counted));
        assert!(made[0] != made[1] && made[1] != made[2] && made[0] != made[2] && made[0] != photo);
        // A mask of everything leaves nothing around it.
        let (all, none) = (Mask::filled(70, 50, 255), Mask::filled(70, 50, 0));
        assert_eq!(codes(1.0, Counted::Both(&all)), made[0]);
        assert_eq!(codes(1.0, Counted::Both(&none)), made[0]);
        assert!(painted(1.0, Counted::Inside(&none)).is_err());
        assert!(painter.statistics(&photo, Counted::Inside(&Mask::filled(7, 5, 255))).is_err());
    }

    #[test]
    fn large_photos_are_painted_smaller_and_come_back_in_their_size() {
        assert_eq!(painted_size(&SrgbImage::filled(2 * PAINTED_PX, 10, [0; 3])), (PAINTED_PX, 5));
        assert_eq!(painted_size(&SrgbImage::filled(500, 800, [0; 3])), (500, 800));
        let painter = painter();
        let photo = picture(PAINTED_PX + 400, 40, 7);
        let style = painter.statistics(&picture(64, 64, 11), Counted::Whole).unwrap();
        let half = painter.paint(&photo, &style, 0.5, Counted::Whole).unwrap().to_srgb8().unwrap();
        assert_eq!((half.width_px(), half.height_px()), (photo.width_px(), 40));
    }
}
