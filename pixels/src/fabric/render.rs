//! Recomposition: the cloth's colour times the garment's light, in linear light, under the photo's own edge.

use std::ops::Range;

use rayon::prelude::*;

use super::placement::{Placement, Placing, Repeat, SWATCH_CM};
use super::tile::Tile;
use crate::color::{Curve, Lab, linear_from_srgb_code, srgb_code_from_linear};
use crate::composite::Channel;
use crate::foreground;
use crate::garment_stats::{SAMPLE_LIMIT, core_sample, percentile};
use crate::shading::{Shading, luminance};
use crate::{Error, Mask, Result, Srgb16Image, SrgbImage};

/// Light above this many times the median is a glint: it lies on the cloth and is not coloured by it.
const GLINT: f32 = 1.9;
/// Share of a glint that is kept.
const GLINT_KEPT: f32 = 0.7;
/// Change of the shading's contrast per unit of lightness by which the cloth becomes lighter, and its bounds: light cloth
/// throws light into its own folds, dark cloth doesn't.
const CONTRAST_SLOPE: f32 = 0.003;
const CONTRAST: (f32, f32) = (0.62, 1.3);
/// Light that even black cloth sends back: lint, sheen and the lens.
const FLARE: f32 = 0.006;
/// Light from which highlights are compressed so that they don't clip.
const SHOULDER: f32 = 0.82;
/// Where the lighter part of the cloth comes to lie in the brightest folds; how far all may be darkened for it, and by how
/// much folds may be brighter than the cloth at least.
const HEADROOM: f32 = 0.95;
const DARKEST: f32 = 0.92;
const LEAST_ROOM: f32 = 0.08;
/// A repeat may be this many times as long as the garment is wide.
const MOST_REPEAT: f32 = 4.0;
/// Shortest repeat that can be asked for, in pixels of the photo.
const LEAST_REPEAT: f32 = 2.0;

/// A photo's garment, ready to be cut from other cloths.
pub struct Restyle<'a> {
    photo: &'a SrgbImage,
    mask: &'a Mask,
    /// The photo with the cloth's own colour at the mask's edges.
    cloth: SrgbImage,
    shading: Shading,
    placement: Placement,
    /// Linear light at the median of the old cloth.
    light: f32,
    /// The light that a tenth of the garment exceeds, over the median.
    bright: f32,
}

/// A photo whose garment has been cut from another cloth.
#[derive(Clone, Debug)]
pub struct Restyled {
    /// The picture: outside the mask the photo's bytes.
    pub image: SrgbImage,
    /// Length of a swatch's pixel in the photo's pixels.
    pub scale: f32,
    /// Length of the repeat (of the swatch, where it has none) across and down, in the photo's pixels.
    pub repeat_px: (f32, f32),
}

impl<'a> Restyle<'a> {
    /// Prepares a garment with the analytic shading.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when the mask has another size than the photo.
    pub fn new(photo: &'a SrgbImage, mask: &'a Mask) -> Result<Self> {
        let cloth = foreground::estimate(photo, mask)?;
        let shading = Shading::estimate(&cloth, mask)?;
        Self::with_shading(photo, mask, cloth, shading)
    }

    /// Prepares a garment whose light is known; `cloth` is [`foreground::estimate`] of the photo.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when the sizes differ.
    pub fn with_shading(photo: &'a SrgbImage, mask: &'a Mask, cloth: SrgbImage, shading: Shading) -> Result<Self> {
        mask.check_size(photo.width_px(), photo.height_px())?;
        mask.check_size(shading.width_px, shading.height_px)?;
        mask.check_size(cloth.width_px(), cloth.height_px())?;
        let placement = Placement::of(mask, &shading);
        let curve = Curve::get();
        let sample = core_sample(mask, SAMPLE_LIMIT);
        let mut lights: Vec<f32> =
            sample.iter().map(|&i| luminance(curve, [0, 1, 2].map(|c| cloth.data()[3 * i + c]))).collect();
        let mut shades: Vec<f32> = sample.iter().map(|&i| shading.values[i]).collect();
        let (light, bright) = (percentile(&mut lights, 0.5), percentile(&mut shades, 0.9).max(1.0));
        Ok(Self { photo, mask, cloth, shading, placement, light, bright })
    }

    /// The light on the garment.
    pub fn shading(&self) -> &Shading {
        &self.shading
    }

    /// How cloth lies on the garment.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Cuts the garment from a cloth. `strength` 0 is the photo, 1 the new cloth alone.
    ///
    /// # Errors
    /// [`Error::Swatch`] when the repeat asked for is far longer than the garment or shorter than two pixels.
    pub fn render(&self, tile: &Tile, placing: &Placing, strength: f32) -> Result<Restyled> {
        let laid = Laid::new(tile, placing, self.placement.body_px)?;
        let mut image = self.photo.clone();
        self.render_rows(image.data_mut(), &laid, &self.look(tile), strength);
        Ok(Restyled { image, scale: laid.scale, repeat_px: laid.repeat_px })
    }

    /// The same of the photo with 16 bits a channel, of which the one that was prepared is the rounded copy.
    ///
    /// # Errors
    /// As [`Restyle::render`]; [`Error::SizeMismatch`] when the two copies differ in size.
    pub fn render_deep(
        &self,
        deep: &Srgb16Image,
        tile: &Tile,
        placing: &Placing,
        strength: f32,
    ) -> Result<Srgb16Image> {
        self.mask.check_size(deep.width_px(), deep.height_px())?;
        let laid = Laid::new(tile, placing, self.placement.body_px)?;
        let mut image = deep.clone();
        self.render_rows(image.data_mut(), &laid, &self.look(tile), strength);
        Ok(image)
    }

    fn render_rows<T: Channel>(&self, picture: &mut [T], laid: &Laid, look: &Look, strength: f32) {
        let (width, strength) = ((self.photo.width_px() as usize).max(1), strength.clamp(0.0, 1.0));
        let curve = Curve::get();
        let rows = picture.par_chunks_mut(3 * width).zip(self.mask.data().par_chunks(width));
        let shades = self.shading.values.par_chunks(width);
        let own = self.cloth.data().par_chunks(3 * width);
        rows.zip(shades).zip(own).enumerate().for_each(|(y, (((row, alpha), shades), own))| {
            if alpha.iter().all(|&a| a == 0) {
                return;
            }
            let place = self.placement.row(y);
            for x in (0..width).filter(|&x| alpha[x] > 0) {
                let new = look.light(laid.color(place(x)), shades[x]);
                let share = f32::from(alpha[x]) / 255.0;
                let pixel = &mut row[3 * x..3 * x + 3];
                for (c, value) in pixel.iter_mut().enumerate() {
                    // Only the cloth's share of the pixel is exchanged, so that no fringe of the old cloth is left. What
                    // lies behind it is no darker than black and no lighter than white: where the estimate of the old
                    // cloth says otherwise it is wrong, and would leave its complement's colour.
                    let before = linear_from_srgb_code(value.code());
                    let behind = (before - share * curve.linear(own[3 * x + c])).clamp(0.0, 1.0 - share);
                    let after = share * new[c] + behind;
                    *value = T::of_code(srgb_code_from_linear(before + strength * (after - before)));
                }
            }
        });
    }

    /// Where on the tile the pixels of these rows lie (columns and rows of the tile, which goes on beyond its sides), row by
    /// row, for measuring.
    ///
    /// # Errors
    /// As [`Restyle::render`].
    pub fn swatch_places(&self, tile: &Tile, placing: &Placing, rows: Range<usize>) -> Result<Vec<Vec<(f32, f32)>>> {
        let laid = Laid::new(tile, placing, self.placement.body_px)?;
        let of_row = |y: usize| {
            let place = self.placement.row(y);
            (0..self.photo.width_px() as usize).map(|x| laid.on_tile(place(x))).collect()
        };
        Ok(rows.into_par_iter().map(of_row).collect())
    }

    fn look(&self, tile: &Tile) -> Look {
        let of = |light: f32| Lab::from_linear([light.min(1.0); 3]).l;
        let [r, g, b] = tile.mean();
        let target = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let contrast = (1.0 - CONTRAST_SLOPE * (of(target) - of(self.light))).clamp(CONTRAST.0, CONTRAST.1);
        // On black cloth most of what differs is what it reflects of the room.
        let contrast = contrast * self.light / (self.light + FLARE);
        let highlight = tile.highlight(0.9).max(1e-3);
        let level = (HEADROOM / (highlight * self.bright.min(GLINT).powf(contrast))).clamp(DARKEST, 1.0);
        let room = (HEADROOM / (highlight * level) - 1.0).max(LEAST_ROOM);
        Look { contrast, level, room, light: self.light }
    }
}

/// How the garment's light falls on a cloth.
struct Look {
    contrast: f32,
    level: f32,
    /// By how much folds can be brighter than the cloth before it clips, over the cloth.
    room: f32,
    light: f32,
}

impl Look {
    #[inline]
    fn light(&self, color: [f32; 3], shade: f32) -> [f32; 3] {
        // Past the threshold light still rises, ever less.
        let matte = if shade <= GLINT { shade } else { GLINT + 0.25 * (1.0 - (-(shade - GLINT)).exp()) };
        let gain = matte.powf(self.contrast);
        // The lighter the cloth, the more its folds are shadows alone: its own colour stays near the middle of the light.
        let gain =
            self.level * if gain <= 1.0 { gain } else { 1.0 + self.room * (1.0 - (-(gain - 1.0) / self.room).exp()) };
        let glint = GLINT_KEPT * self.light * (shade - matte).max(0.0);
        let lit = color.map(|v| v * gain + glint);
        let most = lit[0].max(lit[1]).max(lit[2]);
        if most <= SHOULDER {
            return lit;
        }
        let room = 1.0 - SHOULDER;
        let pressed = SHOULDER + room * (1.0 - (-(most - SHOULDER) / room).exp());
        lit.map(|v| v * pressed / most)
    }
}

/// A tile at its size in the photo.
struct Laid {
    cloth: super::tile::Cloth,
    /// Photo pixels per swatch pixel.
    scale: f32,
    /// Pixels of the scaled tile per photo pixel, across and down, turned.
    matrix: [[f32; 2]; 2],
    shift: (f32, f32),
    /// Scaled pixels per tile pixel.
    shrunk: (f32, f32),
    repeat_px: (f32, f32),
}

impl Laid {
    fn new(tile: &Tile, placing: &Placing, body_px: f32) -> Result<Self> {
        let per_cm = body_px / placing.garment_cm.max(1.0);
        let scale = match placing.repeat {
            None => SWATCH_CM * per_cm / tile.swatch_px.0 as f32,
            Some(Repeat::Px(px)) => px / tile.repeat_px(),
            Some(Repeat::Cm(cm)) => cm * per_cm / tile.repeat_px(),
        };
        let repeat = scale * tile.repeat_px();
        // Weave that is finer than the photo's pixels shows as its mean, as it would to the camera.
        let too_fine = repeat < LEAST_REPEAT && placing.repeat.is_some();
        if !repeat.is_finite() || too_fine || repeat > MOST_REPEAT * body_px.max(2.0) {
            return Err(Error::Swatch {
                reason: format!(
                    "a repeat of {repeat:.1} px on a garment {body_px:.0} px wide; give --repeat between {LEAST_REPEAT} px and {MOST_REPEAT} times the garment"
                ),
            });
        }
        // A photo pixel spans `fine` pixels of the tile; cloth that is to shrink is filtered first.
        let fine = tile.scale / scale;
        let shrink = (1.0 / fine).min(1.0);
        let scaled = |n: usize| ((n as f32 * shrink).round().max(1.0)) / n as f32;
        let shrunk = (scaled(tile.width_px()), scaled(tile.height_px()));
        let (sin, cos) = placing.rotation_deg.to_radians().sin_cos();
        let matrix = [[fine * shrunk.0 * cos, fine * shrunk.0 * sin], [-fine * shrunk.1 * sin, fine * shrunk.1 * cos]];
        let shift = (
            -placing.offset.0 * tile.length_px(0) * tile.scale * shrunk.0,
            -placing.offset.1 * tile.length_px(1) * tile.scale * shrunk.1,
        );
        Ok(Self {
            cloth: tile.scaled(shrink),
            scale,
            matrix,
            shift,
            shrunk,
            repeat_px: (scale * tile.length_px(0), scale * tile.length_px(1)),
        })
    }

    #[inline]
    fn scaled_place(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let [across, down] = self.matrix;
        (across[0] * x + across[1] * y + self.shift.0, down[0] * x + down[1] * y + self.shift.1)
    }

    #[inline]
    fn color(&self, place: (f32, f32)) -> [f32; 3] {
        let (u, v) = self.scaled_place(place);
        self.cloth.at(u, v)
    }

    fn on_tile(&self, place: (f32, f32)) -> (f32, f32) {
        let (u, v) = self.scaled_place(place);
        (u / self.shrunk.0, v / self.shrunk.1)
    }
}
