//! A garment in another's cloth by every method, as the judge sees it.

use std::path::Path;

use pixels::fabric::{MakeTile, Placing, Repeat, Restyle, Tile, relight};
use pixels::{Format, Limits, Mask, SrgbImage, decode, encode};

use super::Found;
use crate::backbone::Backbone;
use crate::embedding::Embedder;
use crate::eval::fabric::measure::{cut, largest_square};
use crate::eval::fabric::{in_even_light, multiplied};
use crate::eval::told::whole;
use crate::refiner::Refiner;
use crate::tailor::Tailor;
use crate::{Result, judge};

/// The methods, in the order of [`Item::made`].
pub const METHODS: [&str; 6] =
    ["refined", "ours", "ours in even light", "pasted flat", "multiplied", "outlines alone, no cloth"];
/// The place of the last, which is compared with real outlines.
pub const FILLED: usize = METHODS.len() - 1;
/// What fills an outline.
const FILL: [u8; 3] = [200; 3];
/// Least side of a piece of cloth that a swatch is made of, in pixels.
const LEAST_SWATCH: usize = 36;
/// How much smaller and larger the plain garment may be in its photo, so that its print is about as sharp as the other's.
const LEAST_SCALE: f32 = 0.6;
const MOST_SCALE: f32 = 1.7;
/// Quality of the compression that all pictures go through.
const QUALITY: u8 = 92;

/// Features of a printed garment, and of a garment in its cloth by every method.
pub struct Item {
    /// The photo.
    pub real: Vec<f32>,
    /// Its outline alone.
    pub real_filled: Vec<f32>,
    /// In the order of [`METHODS`].
    pub made: Vec<Vec<f32>>,
}

/// What a thread needs.
pub struct Networks {
    tailor: Tailor,
    refiner: Refiner,
    embedder: Embedder,
    judge: Backbone,
}

impl Networks {
    /// Loads them.
    ///
    /// # Errors
    /// When weights are missing or invalid.
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self {
            tailor: Tailor::load(weights)?,
            refiner: Refiner::load(weights)?,
            embedder: Embedder::load(weights)?,
            judge: judge::load()?,
        })
    }

    /// What the judge sees. All pictures are compressed once more, so that how a photo was stored tells nothing.
    fn features(&self, picture: &SrgbImage, mask: &Mask) -> Result<Option<Vec<f32>>> {
        let bytes = encode(picture, None, Format::Jpeg, QUALITY)?;
        whole::features(&self.judge, &decode(&bytes, &Limits::default())?.image, mask)
    }
}

/// Features of a pair, and its pictures; `None` when either has too little cloth.
pub fn item(networks: &Networks, [printed, plain]: [&Found; 2]) -> Result<Option<(Item, Vec<SrgbImage>)>> {
    let Some(square) = largest_square(&printed.mask, LEAST_SWATCH) else { return Ok(None) };
    let swatch = cut(&printed.photo, square)?;
    let Ok(tile) = Tile::of_swatch(&swatch, &MakeTile::default()) else { return Ok(None) };
    let ours = networks.tailor.cut(&networks.embedder, &plain.photo, &plain.mask)?;
    let lender = Restyle::new(&printed.photo, &printed.mask)?;
    let scale = ours.placement().body_px / lender.placement().body_px.max(1.0);
    if !(LEAST_SCALE..=MOST_SCALE).contains(&scale) {
        return Ok(None);
    }
    let placing = Placing { repeat: Some(Repeat::Px(tile.repeat_px() * scale)), ..Placing::default() };
    let Ok(made) = ours.render(&tile, &placing, 1.0) else { return Ok(None) };
    let even = in_even_light(&plain.photo, &plain.mask)?.render(&tile, &placing, 1.0)?;
    let flat = pasted(&swatch, scale, &plain.photo, &plain.mask)?;
    let multiplied = within(&multiplied(&flat, &plain.photo)?, &plain.photo, &plain.mask);
    let mut refined = made.image.clone();
    let embedding = networks.embedder.general(&tile.to_srgb())?;
    if let Some(light) = networks.refiner.light(&ours, &made.image, &plain.mask, &embedding)? {
        relight(&mut refined, &plain.mask, &light)?;
    }
    let filled =
        |of: &Found| within(&SrgbImage::filled(of.photo.width_px(), of.photo.height_px(), FILL), &of.photo, &of.mask);
    let Some(real) = networks.features(&printed.photo, &printed.mask)? else { return Ok(None) };
    let Some(real_filled) = networks.features(&filled(printed), &printed.mask)? else { return Ok(None) };
    let pictures = [refined, made.image, even.image, flat, multiplied, filled(plain)];
    let of_plain =
        pictures.iter().map(|picture| networks.features(picture, &plain.mask)).collect::<Result<Vec<_>>>()?;
    let made: Vec<Vec<f32>> = of_plain.into_iter().flatten().collect();
    let complete = made.len() == METHODS.len();
    let shown = [printed.photo.clone()].into_iter().chain(pictures.into_iter().take(FILLED)).collect();
    Ok(complete.then_some((Item { real, real_filled, made }, shown)))
}

/// The photo with copies of a swatch, side by side, where the mask is.
fn pasted(swatch: &SrgbImage, scale: f32, photo: &SrgbImage, mask: &Mask) -> Result<SrgbImage> {
    let side = |n: u32| ((n as f32 * scale).round() as u32).max(1);
    let piece = pixels::resize_linear(swatch, side(swatch.width_px()), side(swatch.height_px()))?;
    let mut cloth = photo.clone();
    let width = photo.width_px();
    for (i, pixel) in cloth.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        pixel.copy_from_slice(&piece.pixel(x % piece.width_px(), y % piece.height_px()));
    }
    Ok(within(&cloth, photo, mask))
}

/// The picture inside the mask, the photo outside, mixed as codes.
fn within(picture: &SrgbImage, photo: &SrgbImage, mask: &Mask) -> SrgbImage {
    let mut out = photo.clone();
    let pixels = out.data_mut().chunks_exact_mut(3).zip(picture.data().chunks_exact(3)).zip(mask.data());
    for ((own, new), &alpha) in pixels {
        for (code, &new) in own.iter_mut().zip(new) {
            let mixed = u32::from(*code) * u32::from(255 - alpha) + u32::from(new) * u32::from(alpha);
            *code = ((mixed + 127) / 255) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_cloth_repeats_at_its_scale_inside_the_mask_alone() {
        let swatch = SrgbImage::new(2, 1, vec![200, 0, 0, 0, 0, 200]).unwrap();
        let photo = SrgbImage::filled(8, 2, [90, 90, 90]);
        let mut mask = Mask::filled(8, 2, 255);
        mask.data_mut()[..8].fill(0);
        mask.data_mut()[8] = 51;
        let out = pasted(&swatch, 1.0, &photo, &mask).unwrap();
        assert_eq!(out.data()[..24], photo.data()[..24]);
        // A fifth of the cloth, mixed as codes.
        assert_eq!(out.pixel(0, 1), [112, 72, 72]);
        let row: Vec<[u8; 3]> = (1..8).map(|x| out.pixel(x, 1)).collect();
        let (red, blue) = ([200, 0, 0], [0, 0, 200]);
        assert_eq!(row, [blue, red, blue, red, blue, red, blue]);
        let twice = pasted(&swatch, 2.0, &photo, &Mask::filled(8, 2, 255)).unwrap();
        assert_eq!(twice.pixel(0, 0), twice.pixel(4, 0));
        assert_ne!(twice.pixel(0, 0), twice.pixel(2, 0));
    }
}
