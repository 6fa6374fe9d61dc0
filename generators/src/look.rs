//! The photographic look of a reference picture, and photos in that look.
//!
//! A look is a map of colours by lightness, made from the reference alone: every photo of a folder goes through the same
//! one. What the reference was like before its look is not known, so a fixed prior stands in for it: the statistics of
//! ordinary photos ([`Look::of_statistics`]) or what [`Looker`] has learnt of them.

use pixels::color::{Lab, LabImage, srgb_code_from_linear};
use pixels::color_cube::ColorCube;
use pixels::guided_filter::Plane;
use pixels::{Mask, Srgb16Image, SrgbImage, shrunk};

use crate::{Error, Result};

pub mod looker;

pub use looker::Looker;

/// Lightness levels that a look has maps for, evenly from black to white.
pub const LEVELS: usize = 8;
/// Numbers of one map: a row-major 3×4 matrix on `[L − 50, a, b, 1]` in units of 50, added to the colour.
pub const COEFFICIENTS: usize = 12;
/// Unit of the maps, in Lab units.
const UNIT: f32 = 50.0;
/// Mean and standard deviation of L, a and b that stand for ordinary photos: medians over phone and street photos, which
/// `rangrez eval looks` prints.
pub const PRIOR: ([f32; 3], [f32; 3]) = ([54.4, 1.8, 2.4], [23.5, 4.7, 8.6]);
/// Scales beyond these come from references of one colour.
const SCALES: (f32, f32) = (0.5, 1.8);
/// How much of the look skin is spared.
const SPARED: f32 = 0.7;
/// Longest side that a reference is looked at, in pixels.
const REFERENCE_PX: u32 = 512;

/// A colour transform.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// What each lightness level adds.
    maps: [[f32; COEFFICIENTS]; LEVELS],
}

impl Look {
    /// Changes nothing.
    pub fn identity() -> Self {
        Self { maps: [[0.0; COEFFICIENTS]; LEVELS] }
    }

    /// Takes the numbers of a look, ordered `[level][coefficient]`.
    ///
    /// # Errors
    /// [`Error::Input`] when there are not `LEVELS · COEFFICIENTS` finite ones.
    pub fn new(values: &[f32]) -> Result<Self> {
        let (chunks, rest) = values.as_chunks::<COEFFICIENTS>();
        let maps: Option<[[f32; COEFFICIENTS]; LEVELS]> = chunks.try_into().ok();
        maps.filter(|_| rest.is_empty() && values.iter().all(|v| v.is_finite())).map(|maps| Self { maps }).ok_or_else(
            || Error::Input(format!("look: expected {} finite numbers, got {}", LEVELS * COEFFICIENTS, values.len())),
        )
    }

    /// The map from the mean and spread of ordinary photos to those of the reference, channel by channel in Lab.
    ///
    /// # Source
    /// Reinhard, Ashikhmin, Gooch and Shirley, "Color transfer between images", 2001, with a fixed source.
    pub fn of_statistics(reference: &SrgbImage) -> Self {
        let (mean, spread) = moments(&lab_of(reference));
        Self::between(PRIOR, (mean, spread))
    }

    /// The map from one mean and spread to another, channel by channel in Lab.
    pub fn between(from: ([f32; 3], [f32; 3]), to: ([f32; 3], [f32; 3])) -> Self {
        let mut map = [0.0; COEFFICIENTS];
        for c in 0..3 {
            let scale = (to.1[c] / from.1[c].max(0.5)).clamp(SCALES.0, SCALES.1);
            let centre = if c == 0 { 50.0 } else { 0.0 };
            map[4 * c + c] = scale - 1.0;
            map[4 * c + 3] = (to.0[c] - centre - scale * (from.0[c] - centre)) / UNIT;
        }
        Self { maps: [map; LEVELS] }
    }

    /// A colour in this look.
    pub fn of_color(&self, color: Lab, strength: f32) -> Lab {
        let place = (color.l / 100.0).clamp(0.0, 1.0) * (LEVELS - 1) as f32;
        let low = (place as usize).min(LEVELS - 2);
        let share = place - low as f32;
        let input = [(color.l - 50.0) / UNIT, color.a / UNIT, color.b / UNIT];
        let added = |c: usize| {
            let of = |map: &[f32; COEFFICIENTS]| {
                map[4 * c] * input[0] + map[4 * c + 1] * input[1] + map[4 * c + 2] * input[2] + map[4 * c + 3]
            };
            let (dark, light) = (of(&self.maps[low]), of(&self.maps[low + 1]));
            strength * UNIT * (dark + (light - dark) * share)
        };
        Lab::new((color.l + added(0)).clamp(0.0, 100.0), color.a + added(1), color.b + added(2))
    }

    /// The look at a strength of 0 (none) to 1 as a table for [`ColorCube::apply`].
    pub fn cube(&self, strength: f32) -> ColorCube {
        ColorCube::new(|codes| {
            let color = Lab::from_linear(codes.map(linear_from_code));
            let mapped = self.of_color(color, strength).to_linear();
            mapped.map(|v| srgb_code_from_linear(v.clamp(0.0, 1.0)))
        })
    }

    /// A photo in this look at a strength of 0 to 1: inside `scope` (the whole picture without one), skin spared by most.
    ///
    /// `skin` is the probability of skin over the photo, at any size. Where `scope` is 0 nothing changes, bit for bit.
    ///
    /// # Errors
    /// [`Error::Input`] for a strength out of range; when `scope` has another size than the photo.
    pub fn apply(
        &self,
        photo: &SrgbImage,
        strength: f32,
        scope: Option<&Mask>,
        skin: Option<&Plane>,
    ) -> Result<SrgbImage> {
        let share = spared((photo.width_px(), photo.height_px()), strength, scope, skin)?;
        Ok(self.cube(strength).apply(photo, &share)?)
    }

    /// The same with 16 bits a channel.
    ///
    /// # Errors
    /// As [`Look::apply`].
    pub fn apply_deep(
        &self,
        photo: &Srgb16Image,
        strength: f32,
        scope: Option<&Mask>,
        skin: Option<&Plane>,
    ) -> Result<Srgb16Image> {
        let share = spared((photo.width_px(), photo.height_px()), strength, scope, skin)?;
        Ok(self.cube(strength).apply_deep(photo, &share)?)
    }
}

/// How much of the look each pixel of a photo takes.
fn spared(size_px: (u32, u32), strength: f32, scope: Option<&Mask>, skin: Option<&Plane>) -> Result<Mask> {
    if !(0.0..=1.0).contains(&strength) {
        return Err(Error::Input(format!("strength: expected 0 to 1, got {strength}")));
    }
    let mut share = scope.cloned().unwrap_or_else(|| Mask::filled(size_px.0, size_px.1, 255));
    if let Some(skin) = skin {
        let skin = skin.resized(size_px.0 as usize, size_px.1 as usize);
        for (share, skin) in share.data_mut().iter_mut().zip(&skin.values) {
            *share = (f32::from(*share) * (1.0 - SPARED * skin.clamp(0.0, 1.0))).round() as u8;
        }
    }
    Ok(share)
}

/// Linear light of an sRGB code that need not be whole.
pub fn linear_from_code(code: f32) -> f32 {
    let v = (code / 255.0).clamp(0.0, 1.0);
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// The reference at a size that is enough for its statistics.
fn lab_of(reference: &SrgbImage) -> LabImage {
    let longest = reference.width_px().max(reference.height_px());
    let factor = longest.div_ceil(REFERENCE_PX).max(1);
    LabImage::from_srgb(&shrunk(reference, factor).unwrap_or_else(|_| reference.clone()))
}

/// Mean and standard deviation of each Lab channel.
pub fn moments(lab: &LabImage) -> ([f32; 3], [f32; 3]) {
    let n = (lab.data().len() / 3).max(1) as f64;
    let channel = |c: usize| lab.data().iter().skip(c).step_by(3).map(|&v| f64::from(v));
    let mean = [0, 1, 2].map(|c| channel(c).sum::<f64>() / n);
    let spread = [0, 1, 2].map(|c| (channel(c).map(|v| (v - mean[c]).powi(2)).sum::<f64>() / n).sqrt() as f32);
    (mean.map(|v| v as f32), spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(seed: u32) -> SrgbImage {
        let data =
            (0..64 * 48 * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761).rotate_left(seed) >> 24) as u8).collect();
        SrgbImage::new(64, 48, data).unwrap()
    }

    #[test]
    fn the_identity_and_no_strength_change_nothing() {
        let photo = picture(3);
        assert_eq!(Look::identity().apply(&photo, 1.0, None, None).unwrap(), photo);
        let warm = Look::between(([50.0, 0.0, 0.0], [20.0; 3]), ([60.0, 5.0, 20.0], [15.0; 3]));
        assert_eq!(warm.apply(&photo, 0.0, None, None).unwrap(), photo);
        assert!(warm.apply(&photo, 1.5, None, None).is_err() && warm.apply(&photo, f32::NAN, None, None).is_err());
        assert!(Look::new(&[0.0; 5]).is_err() && Look::new(&[f32::NAN; LEVELS * COEFFICIENTS]).is_err());
    }

    #[test]
    fn mean_and_spread_become_those_of_the_reference() {
        let from = ([40.0, 2.0, 3.0], [12.0, 6.0, 7.0]);
        let to = ([58.0, -4.0, 12.0], [10.0, 8.0, 5.0]);
        let look = Look::between(from, to);
        let moved = look.of_color(Lab::new(from.0[0], from.0[1], from.0[2]), 1.0);
        assert!((moved.l - 58.0).abs() + (moved.a + 4.0).abs() + (moved.b - 12.0).abs() < 1e-3, "{moved:?}");
        let wide = look.of_color(Lab::new(52.0, 8.0, 10.0), 1.0);
        assert!((wide.l - 68.0).abs() + (wide.a - 4.0).abs() + (wide.b - 17.0).abs() < 1e-3, "{wide:?}");
    }

    #[test]
    fn outside_the_scope_nothing_changes_and_skin_changes_less() {
        let photo = SrgbImage::filled(20, 10, [180, 140, 120]);
        let look = Look::between(PRIOR, ([40.0, -10.0, -20.0], [15.0, 6.0, 8.0]));
        let mut scope = Mask::filled(20, 10, 255);
        scope.data_mut()[..100].fill(0);
        let out = look.apply(&photo, 0.8, Some(&scope), None).unwrap();
        assert_eq!(out.data()[..300], photo.data()[..300]);
        assert_ne!(out.data()[300..], photo.data()[300..]);
        let skin = Plane { width: 1, height: 1, values: vec![1.0] };
        let spared = look.apply(&photo, 0.8, None, Some(&skin)).unwrap();
        let moved = |image: &SrgbImage| (i32::from(image.data()[450]) - 180).abs();
        assert!(moved(&spared) * 2 < moved(&out), "{} {}", moved(&spared), moved(&out));
    }
}
