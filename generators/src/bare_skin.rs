//! Finds bare skin that the network takes for cloth: arms beside a shirt, hands on it, legs below a skirt, necklines.
//!
//! Skin that the network is sure of (a face, arms) says what skin looks like in this very photo, and sure cloth what each kind of
//! garment does; all as colour histograms, as in Jones and Rehg, "Statistical color models with application to skin detection",
//! 2002. The network's own odds are weighed in, so that the surer it is of cloth the clearer colours must speak. What then is
//! likelier skin, and is joined to sure skin or clear by itself, is skin; so is a piece too narrow for local means that stands out
//! from its cloth. Tan shoes at bare legs are compared with shoes, not with all cloth.

use pixels::SrgbImage;

use crate::color_split::{CellColors, EVIDENCE, FLOOR, LOCAL, local_mean};
use crate::components::components;
use crate::segmentation::Segmentation;
use crate::segmenter::{Class, ClassSet};

/// Probability of skin from which a point is no cloth, whatever its colour.
const NO_CLOTH: f32 = 0.3;
/// Probability of skin from which its colour is learnt.
const SURE_SKIN: f32 = 0.6;
/// Probabilities of cloth and of skin between which cloth's colour is learnt.
const SURE_CLOTH: (f32, f32) = (0.9, 0.05);
/// Fewest grid points that a colour is learnt from.
const LEAST: usize = 30;
/// How much the network's log odds of skin to cloth count beside those of colours.
const NETWORK: f32 = 0.25;
/// Added to its probabilities, so that its odds stay finite and colours can overrule it.
const DOUBT: f32 = 0.003;
/// Probability of skin from which what is joined to it is followed.
const SEED: f32 = 0.5;
/// Mean log odds from which a piece is skin without being joined to any, such as a hand before a coat.
const CLEAR: f32 = 0.5;
/// Log odds of colours from which a point is compared by itself, without what is around it: a hand before a coat is narrower
/// than the local mean.
const ALONE: f32 = 1.5;
/// Fewest points that stand out as one hand does; fewer are noise.
const ALONE_LEAST: usize = 6;
/// Mean log odds from which they are skin, and how much the network's count there.
const ALONE_CLEAR: (f32, f32) = (1.0, 0.4);
/// Where they are looked for: leather of shoes, bags and belts often has a skin's colour.
const ALONE_IN: [Class; 6] = [Class::Skin, Class::Hair, Class::Upper, Class::Lower, Class::Full, Class::Outer];
/// How often cloth's colours are learnt again without what was found to be skin.
const ROUNDS: usize = 3;

/// Which points of the segmentation's grid are bare skin, by the photo at the grid's size.
pub fn find(small: &SrgbImage, seen: &Segmentation) -> Vec<bool> {
    let (w, h) = (seen.width(), seen.height());
    let n = w * h;
    let skin = seen.class(Class::Skin);
    let cloth = seen.probability(ClassSet::GARMENT).values;
    let inside: Vec<bool> = seen.probability(ClassSet::FOREGROUND).values.iter().map(|&p| p > 0.5).collect();
    let sure = |i: usize| skin[i] > SURE_SKIN;
    let mut bare: Vec<bool> = skin.iter().map(|&p| p > NO_CLOTH).collect();
    if (0..n).filter(|&i| sure(i)).count() < LEAST {
        return bare;
    }
    let classes = seen.classes();
    let colors = CellColors::of(small);
    let of_skin = colors.histogram(sure);
    let within = ClassSet::of(&ALONE_IN);
    let mut found = vec![false; n];
    for _ in 0..ROUNDS {
        let is_cloth = |i: usize| cloth[i] > SURE_CLOTH.0 && skin[i] < SURE_CLOTH.1 && !found[i];
        let learnt = |is_one: &dyn Fn(usize) -> bool| {
            ((0..n).filter(|&i| is_one(i)).count() >= LEAST).then(|| colors.histogram(is_one))
        };
        let Some(of_cloth) = learnt(&is_cloth) else { break };
        let of_class = Class::EVERY.map(|class| learnt(&|i| is_cloth(i) && classes[i] == class));
        let evidence: Vec<f32> = (0..n)
            .map(|i| {
                let own = of_class[classes[i] as usize].as_ref().unwrap_or(&of_cloth);
                let ratio = (colors.density(&of_skin, i) + FLOOR) / (colors.density(own, i) + FLOOR);
                if inside[i] { ratio.ln().clamp(-EVIDENCE, EVIDENCE) } else { 0.0 }
            })
            .collect();
        let network = |i: usize| ((skin[i] + DOUBT) / (cloth[i] + DOUBT)).ln();
        let local = local_mean(&evidence, &inside, w, h, LOCAL);
        let odds: Vec<f32> = (0..n).map(|i| local[i] + NETWORK * network(i)).collect();
        let like = |i: usize| inside[i] && evidence[i] > 0.0 && odds[i] > 0.0;
        let seed = |i: usize| inside[i] && skin[i] > SEED;
        let mut now = vec![false; n];
        for piece in components(w, h, |i| like(i) || seed(i)) {
            let mean = piece.iter().map(|&i| odds[i]).sum::<f32>() / piece.len() as f32;
            if mean > CLEAR || piece.iter().any(|&i| seed(i)) {
                piece.into_iter().filter(|&i| like(i)).for_each(|i| now[i] = true);
            }
        }
        let alone: Vec<bool> = (0..n).map(|i| inside[i] && evidence[i] > ALONE && within.has(classes[i])).collect();
        // Rows of single points are mixtures along an edge.
        let mut wide = vec![false; n];
        for i in (0..n.saturating_sub(w)).filter(|i| i % w + 1 < w) {
            let block = [i, i + 1, i + w, i + w + 1];
            if block.iter().all(|&j| alone[j]) {
                block.iter().for_each(|&j| wide[j] = true);
            }
        }
        for piece in components(w, h, |i| wide[i]).into_iter().filter(|piece| piece.len() >= ALONE_LEAST) {
            let (clear, weight) = ALONE_CLEAR;
            let sum: f32 = piece.iter().map(|&i| evidence[i] + weight * network(i)).sum();
            if sum > clear * piece.len() as f32 {
                piece.into_iter().for_each(|i| now[i] = true);
            }
        }
        found = now;
    }
    bare.iter_mut().zip(&found).for_each(|(bare, found)| *bare |= found);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIN: [u8; 3] = [205, 160, 135];
    const TAN: [u8; 3] = [196, 150, 110];

    /// A face above, a dress below it with a hand on it, legs below that, of which the network takes the upper part for cloth, and shoes.
    fn scene(dress: [u8; 3], shoes: [u8; 3]) -> Vec<bool> {
        let mut photo = SrgbImage::filled(40, 80, [250; 3]);
        let mut probabilities = vec![0.0; 11 * 3200];
        for i in 0..3200 {
            let (x, y) = (i % 40, i / 40);
            let (color, class, sure, bare) = match (x, y) {
                (10..30, 0..10) => (SKIN, Class::Full, 0.02, 0.95),
                (16..24, 16..24) => (SKIN, Class::Full, 0.97, 0.02),
                (10..30, 10..35) => (dress, Class::Full, 0.97, 0.01),
                (10..30, 35..50) => (SKIN, Class::Full, 0.9, 0.05),
                (10..30, 50..65) => (SKIN, Class::Full, 0.1, 0.85),
                (10..30, 65..75) => (shoes, Class::Footwear, 0.95, 0.04),
                _ => ([250; 3], Class::Full, 0.0, 0.0),
            };
            photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&color);
            probabilities[class as usize * 3200 + i] = sure;
            probabilities[Class::Skin as usize * 3200 + i] = bare;
            probabilities[i] = 1.0 - sure - bare;
        }
        find(&photo, &Segmentation::new(40, 80, probabilities).unwrap())
    }

    /// Face, hand, dress, upper legs, lower legs, shoes.
    fn middles(bare: &[bool]) -> [bool; 6] {
        [(20, 5), (20, 20), (12, 25), (20, 42), (20, 58), (20, 70)].map(|(x, y)| bare[y * 40 + x])
    }

    #[test]
    fn bare_legs_and_a_hand_are_no_dress() {
        assert_eq!(middles(&scene([30, 60, 150], [20; 3])), [true, true, false, true, true, false]);
    }

    #[test]
    fn fingers_narrower_than_the_local_mean_are_no_coat() {
        let mut photo = SrgbImage::filled(40, 80, [250; 3]);
        let mut probabilities = vec![0.0; 11 * 3200];
        for i in 0..3200 {
            let (color, class) = match (i % 40, i / 40) {
                (10..30, 0..10) => (SKIN, Class::Skin),
                (15..23, 30..32) => (SKIN, Class::Outer),
                (10..30, 10..70) => ([30, 60, 150], Class::Outer),
                _ => ([250; 3], Class::Background),
            };
            photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&color);
            probabilities[class as usize * 3200 + i] = 1.0;
        }
        let bare = find(&photo, &Segmentation::new(40, 80, probabilities).unwrap());
        assert!(bare[30 * 40 + 18] && bare[31 * 40 + 18] && !bare[28 * 40 + 18] && !bare[34 * 40 + 18]);
    }

    #[test]
    fn cloth_in_the_skins_colour_is_left_to_the_network() {
        assert_eq!(middles(&scene(SKIN, [20; 3])), [true, false, false, false, true, false]);
    }

    #[test]
    fn tan_shoes_at_bare_legs_are_shoes() {
        assert!(!middles(&scene([30, 60, 150], TAN))[5] && !middles(&scene([30, 60, 150], SKIN))[5]);
    }
}
