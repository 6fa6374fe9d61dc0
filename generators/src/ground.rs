//! Parts a garment from the ground behind it by their colours in this very photo: the floor between two shoes, the wall between a
//! sleeve and the body, a hanger in a neckline.
//!
//! As in [`crate::color_split`], two colour histograms and what belongs to which are estimated in turns (Rother, Kolmogorov and
//! Blake, "GrabCut", 2004, without the graph cut), with the network's odds as the prior. Colours count only where they are joined
//! to their own side, so that a print in the ground's colour stays on the cloth, and a dark tile off a dark coat.

use pixels::SrgbImage;
use pixels::guided_filter::Plane;

use crate::color_split::{CellColors, FLOOR, local_mean, logit};
use crate::components::components;

/// The network is never surer than this, or colours could not overrule it.
const PRIOR: f32 = 0.95;
/// Largest log odds that colours give.
const EVIDENCE: f32 = 4.0;
/// How much the ground's colours count on what nobody wears; floors and walls are evener than streets.
const GROUND_ALONE: f32 = 1.5;
/// Log odds from which a colour speaks for a side.
const TELLING: f32 = 0.5;
/// Probability up to which the network is sure of a side, for colours to be joined to.
const SURE: f32 = 0.2;
/// Half-width of the local mean of the log odds, in grid points.
const LOCAL: usize = 1;
/// Fewest grid points that a colour is learnt from.
const LEAST: usize = 30;
/// Rounds of estimation.
const ROUNDS: usize = 8;

/// Moves the odds of `garment`, the probability of the wanted garment, against `ground`, that of background, by the colours of
/// `small`, the photo at their grid's size. The sum of both stays, and so do skin and other garments. `worn`: whether by someone.
pub fn part(small: &SrgbImage, garment: &mut Plane, ground: &mut Plane, worn: bool) {
    let (w, h) = (garment.width, garment.height);
    let n = w * h;
    let sum: Vec<f32> = garment.values.iter().zip(&ground.values).map(|(p, g)| p + g).collect();
    let given: Vec<f32> = garment.values.iter().zip(&sum).map(|(p, sum)| p / sum.max(1e-6)).collect();
    let either: Vec<bool> = sum.iter().map(|&sum| sum > 0.5).collect();
    let prior: Vec<f32> = given.iter().map(|p| logit(p.clamp(1.0 - PRIOR, PRIOR))).collect();
    let colors = CellColors::of(small);
    let mut belief = given.clone();
    let mut told = vec![0.0; n];
    for _ in 0..ROUNDS {
        let is_cloth = |i: usize| either[i] && belief[i] > 0.5;
        let is_ground = |i: usize| either[i] && belief[i] <= 0.5;
        if (0..n).filter(|&i| is_cloth(i)).count() < LEAST || (0..n).filter(|&i| is_ground(i)).count() < LEAST {
            return;
        }
        let (of_cloth, of_ground) = (colors.histogram(is_cloth), colors.histogram(is_ground));
        let odds = |i: usize| {
            let ratio = (colors.density(&of_cloth, i) + FLOOR) / (colors.density(&of_ground, i) + FLOOR);
            if either[i] { ratio.ln().clamp(-EVIDENCE, EVIDENCE) } else { 0.0 }
        };
        let local = local_mean(&(0..n).map(odds).collect::<Vec<_>>(), &either, w, h, LOCAL);
        told = vec![0.0; n];
        let ground_weight = if worn { 1.0 } else { GROUND_ALONE };
        joined(&mut told, (w, h), |i| given[i] < SURE, |i| (local[i] < -TELLING).then(|| ground_weight * local[i]));
        joined(&mut told, (w, h), |i| given[i] > 1.0 - SURE, |i| (local[i] > TELLING).then(|| local[i]));
        for i in 0..n {
            belief[i] = 1.0 / (1.0 + (-prior[i] - told[i]).exp());
        }
    }
    for i in (0..n).filter(|&i| told[i] != 0.0) {
        // The capped prior must not leave a sure garment translucent: colours only move what they speak against.
        let moved = if told[i] > 0.0 { belief[i].max(given[i]) } else { belief[i].min(given[i]) };
        garment.values[i] = moved * sum[i];
        ground.values[i] = sum[i] - garment.values[i];
    }
}

/// Writes what points say where they are joined to sure ones through points that say something.
fn joined(told: &mut [f32], (w, h): (usize, usize), sure: impl Fn(usize) -> bool, says: impl Fn(usize) -> Option<f32>) {
    for piece in components(w, h, |i| sure(i) || says(i).is_some()) {
        if piece.iter().any(|&i| sure(i)) {
            piece.into_iter().for_each(|i| told[i] = says(i).unwrap_or(told[i]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 40;
    const CLOTH: [u8; 3] = [60, 70, 140];
    const GROUND: [u8; 3] = [215, 205, 190];

    /// Cloth from column 10 to 29 and row 8 to 31 on even ground, of which the network is sure.
    fn scene() -> (SrgbImage, Plane) {
        let mut photo = SrgbImage::filled(SIDE as u32, SIDE as u32, GROUND);
        let mut garment = Plane { width: SIDE, height: SIDE, values: vec![0.01; SIDE * SIDE] };
        paint(&mut photo, (10..30, 8..32), CLOTH);
        believe(&mut garment, (10..30, 8..32), 0.99);
        (photo, garment)
    }

    type Box = (std::ops::Range<usize>, std::ops::Range<usize>);

    fn paint(photo: &mut SrgbImage, (xs, ys): Box, color: [u8; 3]) {
        for i in ys.flat_map(|y| xs.clone().map(move |x| y * SIDE + x)) {
            photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&color);
        }
    }

    fn believe(garment: &mut Plane, (xs, ys): Box, probability: f32) {
        for i in ys.flat_map(|y| xs.clone().map(move |x| y * SIDE + x)) {
            garment.values[i] = probability;
        }
    }

    fn parted(photo: &SrgbImage, garment: &Plane) -> impl Fn(usize, usize) -> f32 {
        let mut ground = Plane { values: garment.values.iter().map(|p| 1.0 - p).collect(), ..*garment };
        let mut after = garment.clone();
        part(photo, &mut after, &mut ground, false);
        move |x, y| after.values[y * SIDE + x]
    }

    #[test]
    fn ground_between_two_legs_is_no_cloth() {
        let (mut photo, garment) = scene();
        paint(&mut photo, (18..22, 20..32), GROUND);
        let after = parted(&photo, &garment);
        assert!(after(19, 30) < 0.25 && after(20, 22) < 0.25, "{} {}", after(19, 30), after(20, 22));
        assert!(after(14, 25) > 0.95 && after(5, 5) < 0.05);
    }

    #[test]
    fn a_print_in_the_grounds_colour_stays_cloth() {
        let (mut photo, garment) = scene();
        paint(&mut photo, (17..22, 15..22), GROUND);
        assert!(parted(&photo, &garment)(19, 18) > 0.95);
    }

    #[test]
    fn a_sleeve_of_which_the_network_doubts_is_cloth_and_a_tile_of_its_colour_is_not() {
        let (mut photo, mut garment) = scene();
        paint(&mut photo, (30..36, 8..12), CLOTH);
        believe(&mut garment, (30..36, 8..12), 0.3);
        paint(&mut photo, (2..6, 34..38), CLOTH);
        believe(&mut garment, (2..6, 34..38), 0.3);
        let after = parted(&photo, &garment);
        assert!(after(33, 10) > 0.8, "{}", after(33, 10));
        assert!(after(4, 36) < 0.35, "{}", after(4, 36));
    }

    #[test]
    fn cloth_of_the_grounds_colour_is_left_to_the_network() {
        let (mut photo, garment) = scene();
        paint(&mut photo, (10..30, 8..32), GROUND);
        let after = parted(&photo, &garment);
        assert_eq!((after(20, 20), after(3, 3)), (0.99, 0.01));
    }

    #[test]
    fn what_is_neither_cloth_nor_ground_stays() {
        let (photo, mut garment) = scene();
        believe(&mut garment, (10..30, 8..12), 0.05);
        let mut ground = Plane {
            values: garment.values.iter().map(|p| if *p == 0.05 { 0.05 } else { 1.0 - p }).collect(),
            ..garment
        };
        let mut after = garment.clone();
        part(&photo, &mut after, &mut ground, true);
        assert!((after.values[9 * SIDE + 20] - 0.05).abs() < 1e-6);
    }
}
