//! The light that cloth throws on what lies beside it: a red dress warms the arm next to it, and a teal one must not.
//!
//! One bounce of diffuse interreflection (Forsyth & Zisserman 1991, "Reflections on shading"): a surface in light 1 next to
//! cloth of radiance `c` receives `1 + s·c·f`, where `f` is how much of its surroundings the cloth fills. Replacing the cloth
//! multiplies what the surface shows by the ratio of both lights, so that its own colour and texture need not be known.

use rayon::prelude::*;

use crate::color::{linear_from_srgb_code16, linear_from_srgb8, srgb_code_from_linear, srgb8_from_linear};
use crate::guided_filter::Plane;
use crate::image_types::check_size;
use crate::{Mask, Result, Srgb16Image, SrgbImage, resize_linear, resize_mask};

/// Longest side of the grid on which light is spread; it is far smoother than this.
const GRID_PX: u32 = 192;
/// How far light is spread: standard deviation as a share of the square root of the cloth's area.
const REACH: f32 = 0.07;
/// Times that a box filter is run, which makes nearly a Gaussian.
const PASSES: usize = 3;
/// Linear light from which a surface counts as a lamp or a blown-out backdrop: less and less is added up to the second.
const BACKDROP: (f32, f32) = (0.75, 0.92);

/// What the photo's cloth throws on its surroundings, measured once for all variants.
#[derive(Clone, Debug)]
pub struct Bounce {
    width_px: u32,
    height_px: u32,
    cloth: Mask,
    receivers: Mask,
    radius: usize,
    before: [Plane; 3],
    strength: f32,
}

impl Bounce {
    /// Measures the light that the cloth throws in the photo.
    ///
    /// `receivers` are the surfaces that are near enough to the cloth to catch its light (skin, or the floor under a
    /// flat-lay), `strength` the share of its light that reaches a surface which it surrounds: 0 none, 1 all; 0.25 suits
    /// skin beside cloth.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] unless both masks have the photo's size.
    pub fn new(photo: &SrgbImage, cloth: &Mask, receivers: &Mask, strength: f32) -> Result<Self> {
        let (width_px, height_px) = (photo.width_px(), photo.height_px());
        cloth.check_size(width_px, height_px)?;
        receivers.check_size(width_px, height_px)?;
        let scale = (f64::from(GRID_PX) / f64::from(width_px.max(height_px).max(1))).min(1.0);
        let small = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let cloth = resize_mask(cloth, small(width_px), small(height_px))?;
        let area: f32 = cloth.data().iter().map(|&a| f32::from(a) / 255.0).sum();
        // A box of radius r has the variance r(r + 1)/3, and variances add up.
        let variance = REACH * REACH * area / PASSES as f32;
        let radius = ((0.25 + 3.0 * variance).sqrt() - 0.5).round().max(1.0) as usize;
        let mut bounce = Self {
            width_px,
            height_px,
            cloth,
            receivers: receivers.clone(),
            radius,
            before: std::array::from_fn(|_| Plane { width: 0, height: 0, values: Vec::new() }),
            strength: strength.clamp(0.0, 1.0),
        };
        bounce.before = bounce.light(photo)?;
        Ok(bounce)
    }

    /// Takes the old cloth's light off the surroundings and puts the new cloth's on. The cloth itself is left alone.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the variant has another size than the photo.
    pub fn apply(&self, variant: &mut SrgbImage) -> Result<()> {
        check_size((self.width_px, self.height_px), (variant.width_px(), variant.height_px()))?;
        let gain = self.gain(variant)?;
        self.relight(variant.data_mut(), &gain, linear_from_srgb8, srgb8_from_linear);
        Ok(())
    }

    /// As [`Bounce::apply`], for 16 bits a channel.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when the variant has another size than the photo.
    pub fn apply_deep(&self, variant: &mut Srgb16Image) -> Result<()> {
        check_size((self.width_px, self.height_px), (variant.width_px(), variant.height_px()))?;
        let gain = self.gain(&variant.to_srgb8())?;
        let code = |linear| (srgb_code_from_linear(linear) * 257.0 + 0.5) as u16;
        self.relight(variant.data_mut(), &gain, linear_from_srgb_code16, code);
        Ok(())
    }

    /// Light that reaches each place of the grid from the cloth, per channel.
    fn light(&self, picture: &SrgbImage) -> Result<[Plane; 3]> {
        let (width, height) = (self.cloth.width_px(), self.cloth.height_px());
        let small = resize_linear(picture, width, height)?;
        let of_channel = |channel: usize| {
            let shares = small.data().chunks_exact(3).zip(self.cloth.data());
            let values = shares.map(|(p, &a)| linear_from_srgb8(p[channel]) * f32::from(a) / 255.0).collect();
            let plane = Plane { width: width as usize, height: height as usize, values };
            (0..PASSES).fold(plane, |plane, _| plane.box_mean(self.radius))
        };
        Ok([0, 1, 2].map(of_channel))
    }

    /// New light over old light, less one, at every place of the grid.
    fn gain(&self, variant: &SrgbImage) -> Result<[Plane; 3]> {
        let mut planes = self.light(variant)?;
        for (after, before) in planes.iter_mut().zip(&self.before) {
            for (after, before) in after.values.iter_mut().zip(&before.values) {
                *after = self.strength * (*after - before) / (1.0 + self.strength * before);
            }
        }
        Ok(planes)
    }

    fn relight<T: Copy + Send + PartialEq>(
        &self,
        codes: &mut [T],
        gain: &[Plane; 3],
        linear: impl Fn(T) -> f32 + Sync,
        code: impl Fn(f32) -> T + Sync,
    ) {
        let (width, height) = (self.width_px as usize, self.height_px as usize);
        let columns: Vec<_> = (0..width).map(|x| between(self.cloth.width_px() as usize, width, x)).collect();
        codes.par_chunks_mut(3 * width.max(1)).enumerate().for_each(|(y, row)| {
            let (top, bottom, down) = between(self.cloth.height_px() as usize, height, y);
            let catch = &self.receivers.data()[y * width..];
            for ((pixel, &catch), &(left, right, along)) in row.chunks_exact_mut(3).zip(catch).zip(&columns) {
                if catch == 0 {
                    continue;
                }
                let old = [linear(pixel[0]), linear(pixel[1]), linear(pixel[2])];
                let share = f32::from(catch) / 255.0 * below_backdrop(old);
                for ((value, old), plane) in pixel.iter_mut().zip(old).zip(gain) {
                    let line = |y: usize| {
                        let line = &plane.values[y * plane.width..];
                        line[left] + (line[right] - line[left]) * along
                    };
                    let here = line(top) + (line(bottom) - line(top)) * down;
                    // A code that light too faint to show would not move stays itself whatever the rounding.
                    if here * share != 0.0 {
                        *value = code(old * (1.0 + here * share));
                    }
                }
            }
        });
    }
}

/// The two grid places around a pixel's centre, and how far it is from the first to the second.
fn between(grid: usize, length: usize, at: usize) -> (usize, usize, f32) {
    let position = ((at as f32 + 0.5) * grid as f32 / length as f32 - 0.5).clamp(0.0, (grid - 1) as f32);
    let first = position as usize;
    (first, (first + 1).min(grid - 1), position - first as f32)
}

/// 1 for a surface, 0 for a blown-out backdrop, whose white a shop wants white.
fn below_backdrop(linear: [f32; 3]) -> f32 {
    let least = linear.into_iter().fold(f32::INFINITY, f32::min);
    let t = ((BACKDROP.1 - least) / (BACKDROP.1 - BACKDROP.0)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIN: [u8; 3] = [200, 150, 120];

    /// A square of cloth on skin, with a white backdrop in the right quarter.
    fn scene(cloth: [u8; 3]) -> (SrgbImage, Mask, Mask) {
        let inside = |x: u32, y: u32| (60..120).contains(&x) && (60..120).contains(&y);
        let mut photo = SrgbImage::filled(240, 181, SKIN);
        let mut masks = [Mask::filled(240, 181, 0), Mask::filled(240, 181, 0)];
        for (i, pixel) in photo.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (i as u32 % 240, i as u32 / 240);
            if inside(x, y) {
                pixel.copy_from_slice(&cloth);
                masks[0].data_mut()[i] = 255;
            } else {
                masks[1].data_mut()[i] = 255;
                if x >= 180 {
                    pixel.copy_from_slice(&[255; 3]);
                }
            }
        }
        let [cloth, receivers] = masks;
        (photo, cloth, receivers)
    }

    fn bounced(from: [u8; 3], to: [u8; 3]) -> SrgbImage {
        let (photo, cloth, receivers) = scene(from);
        let bounce = Bounce::new(&photo, &cloth, &receivers, 0.5).unwrap();
        let (mut variant, ..) = scene(to);
        bounce.apply(&mut variant).unwrap();
        variant
    }

    #[test]
    fn red_cloth_warms_the_skin_beside_it_and_fades_with_distance() {
        let out = bounced([10, 10, 10], [220, 20, 20]);
        let (near, mid, far) = (out.pixel(57, 90), out.pixel(53, 90), out.pixel(4, 4));
        assert!(near[0] > SKIN[0] + 3 && near[1] <= SKIN[1] + 1, "{near:?}");
        assert!(mid[0] > SKIN[0] && mid[0] < near[0], "{mid:?} {near:?}");
        assert_eq!((far, out.pixel(90, 90)), (SKIN, [220, 20, 20]), "far away and on the cloth nothing moves");
        assert_eq!(out.pixel(200, 90), [255; 3], "a white backdrop stays white");
    }

    #[test]
    fn the_old_colour_goes_as_it_came() {
        let there = bounced([10, 10, 10], [220, 20, 20]);
        let (_, cloth, receivers) = scene([0; 3]);
        let bounce = Bounce::new(&there, &cloth, &receivers, 0.5).unwrap();
        let mut back = there.clone();
        for (pixel, &a) in back.data_mut().chunks_exact_mut(3).zip(cloth.data()) {
            if a == 255 {
                pixel.copy_from_slice(&[10; 3]);
            }
        }
        bounce.apply(&mut back).unwrap();
        let (original, ..) = scene([10; 3]);
        let off = back.data().iter().zip(original.data()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(1), "{off:?}");
    }

    #[test]
    fn the_same_cloth_changes_nothing_and_sixteen_bits_agree() {
        assert_eq!(bounced([30, 90, 60], [30, 90, 60]), scene([30, 90, 60]).0);
        let (photo, cloth, receivers) = scene([10; 3]);
        let bounce = Bounce::new(&photo, &cloth, &receivers, 0.5).unwrap();
        let mut shallow = scene([20, 40, 230]).0;
        let mut deep = Srgb16Image::from_srgb8(&shallow);
        bounce.apply(&mut shallow).unwrap();
        bounce.apply_deep(&mut deep).unwrap();
        assert_eq!(deep.to_srgb8(), shallow);
        assert!(bounce.apply(&mut SrgbImage::filled(3, 3, [0; 3])).is_err());
    }
}
