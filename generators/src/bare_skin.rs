//! Leaves bare skin out of a worn garment's mask: legs below a skirt and necklines, which the network half takes for cloth.
//!
//! Skin that the network is sure of (a face, arms) says what skin looks like in this very photo, and sure cloth what cloth does;
//! both as colour histograms, as in Jones and Rehg, "Statistical color models with application to skin detection", 2002.
//! What the network does not rule out to be skin, has skin's colour rather than the cloth's, and is joined to sure skin, is skin.

use pixels::guided_filter::Plane;
use pixels::{SrgbImage, resize_linear};

use crate::Result;
use crate::color_split::{CellColors, EVIDENCE, FLOOR, local_mean};
use crate::components::components;

/// Probability of skin from which a point is no cloth, whatever its colour.
const NO_CLOTH: f32 = 0.3;
/// Probability of skin from which its colour is learnt.
const SURE_SKIN: f32 = 0.6;
/// Probabilities of cloth and of skin between which cloth's colour is learnt.
const SURE_CLOTH: (f32, f32) = (0.9, 0.05);
/// Fewest grid points that a colour is learnt from.
const LEAST: usize = 30;
/// Probability of skin from which a point may be it.
const POSSIBLE: f32 = 0.08;
/// Probability of skin from which what is joined to it is followed.
const SEED: f32 = 0.5;
/// How often cloth's colour is learnt again without what was found to be skin.
const ROUNDS: usize = 3;

/// Takes bare skin out of `garment`, the probability of the wanted garment; `front` is that of anything but background, `skin` of
/// skin, all on one grid over the photo.
///
/// # Errors
/// When the photo cannot be resized to the grid.
pub fn leave_out(photo: &SrgbImage, garment: &mut Plane, front: &Plane, skin: &Plane) -> Result<()> {
    let (w, h) = (garment.width, garment.height);
    let n = w * h;
    let inside: Vec<bool> = front.values.iter().map(|&p| p > 0.5).collect();
    let sure = |i: usize| skin.values[i] > SURE_SKIN;
    let mut bare: Vec<bool> = skin.values.iter().map(|&p| p > NO_CLOTH).collect();
    if (0..n).filter(|&i| sure(i)).count() >= LEAST {
        let colors = CellColors::of(&resize_linear(photo, w as u32, h as u32)?);
        let of_skin = colors.histogram(sure);
        let mut found = vec![false; n];
        for _ in 0..ROUNDS {
            let is_cloth = |i: usize| garment.values[i] > SURE_CLOTH.0 && skin.values[i] < SURE_CLOTH.1 && !found[i];
            if (0..n).filter(|&i| is_cloth(i)).count() < LEAST {
                break;
            }
            let of_cloth = colors.histogram(is_cloth);
            let evidence: Vec<f32> = (0..n)
                .map(|i| {
                    let ratio = (colors.density(&of_skin, i) + FLOOR) / (colors.density(&of_cloth, i) + FLOOR);
                    if inside[i] { ratio.ln().clamp(-EVIDENCE, EVIDENCE) } else { 0.0 }
                })
                .collect();
            let local = local_mean(&evidence, &inside, w, h);
            let like = |i: usize| inside[i] && evidence[i] > 0.0 && local[i] > 0.0 && skin.values[i] > POSSIBLE;
            let seed = |i: usize| inside[i] && skin.values[i] > SEED;
            found = vec![false; n];
            for piece in components(w, h, |i| like(i) || seed(i)) {
                if piece.iter().any(|&i| seed(i)) {
                    piece.into_iter().filter(|&i| like(i)).for_each(|i| found[i] = true);
                }
            }
        }
        bare.iter_mut().zip(&found).for_each(|(bare, found)| *bare |= found);
    }
    garment.values.iter_mut().zip(&bare).filter(|(_, bare)| **bare).for_each(|(p, _)| *p = 0.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIN: [u8; 3] = [205, 160, 135];

    /// A face above, a dress below it, legs below that, of which the network takes the upper half for cloth.
    fn scene(dress: [u8; 3]) -> (SrgbImage, Plane, Plane, Plane) {
        let mut photo = SrgbImage::filled(40, 60, [250; 3]);
        let plane = || Plane { width: 40, height: 60, values: vec![0.0; 2400] };
        let (mut garment, mut front, mut skin) = (plane(), plane(), plane());
        for i in (0..2400).filter(|i| (10..30).contains(&(i % 40))) {
            let (color, cloth, bare) = match i / 40 {
                0..10 => (SKIN, 0.02, 0.95),
                10..30 => (dress, 0.97, 0.01),
                30..45 => (SKIN, 0.8, 0.15),
                _ => (SKIN, 0.1, 0.85),
            };
            photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&color);
            (garment.values[i], front.values[i], skin.values[i]) = (cloth, 1.0, bare);
        }
        (photo, garment, front, skin)
    }

    #[test]
    fn bare_legs_leave_the_dress() {
        let (photo, mut garment, front, skin) = scene([30, 60, 150]);
        leave_out(&photo, &mut garment, &front, &skin).unwrap();
        let at = |y: usize| garment.values[y * 40 + 20];
        assert_eq!([at(5), at(20), at(35), at(50)], [0.0, 0.97, 0.0, 0.0]);
    }

    #[test]
    fn cloth_in_the_skins_colour_is_left_to_the_network() {
        let (photo, mut garment, front, skin) = scene(SKIN);
        leave_out(&photo, &mut garment, &front, &skin).unwrap();
        assert!(garment.values[20 * 40 + 20] > 0.9 && garment.values[35 * 40 + 20] > 0.7);
    }
}
