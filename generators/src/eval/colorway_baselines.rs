//! The dumb methods that the recolour network must beat, and the floor that nothing can pass.
//!
//! All of them are given the true median colour, and the mask that the network is given.

use pixels::color::{Lab, LabImage};
use pixels::garment_stats::GarmentStats;
use pixels::{Mask, SrgbImage, composite};

use super::colorway_view::View;

/// A way to recolour without a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The photo as it is.
    LeaveAsIs,
    /// The target's chroma, and lightness deviations scaled to the spread that garments of that lightness usually have.
    SpreadMatchedCurve,
    /// Every pixel moved by the difference of the medians.
    LabMeanShift,
    /// Reinhard et al. 2001 in Lab, knowing the answer's spread.
    Reinhard,
    /// Linear light multiplied by the ratio of the medians.
    AlbedoRatio,
    /// A quadratic map fitted to the answer, per pair: a floor, not a baseline.
    FittedQuadratic,
}

impl Baseline {
    /// All of them, the floor last.
    pub const ALL: [Self; 6] = [
        Self::LeaveAsIs,
        Self::SpreadMatchedCurve,
        Self::LabMeanShift,
        Self::Reinhard,
        Self::AlbedoRatio,
        Self::FittedQuadratic,
    ];

    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaveAsIs => "leave as is",
            Self::SpreadMatchedCurve => "spread-matched curve",
            Self::LabMeanShift => "Lab mean shift",
            Self::Reinhard => "Reinhard knowing the answer's spread",
            Self::AlbedoRatio => "linear-light albedo ratio",
            Self::FittedQuadratic => "fitted quadratic",
        }
    }

    /// A photo dyed like the real one of a view inside `mask`. What a method knows of the answer it knows from the
    /// view's region.
    pub fn dye(self, photo: &SrgbImage, lab: &LabImage, view: &View, mask: &Mask) -> SrgbImage {
        let colors = |lab: &LabImage, indices: &[usize]| -> Vec<Lab> { indices.iter().map(|&i| lab.at(i)).collect() };
        let region = view.indices();
        let own = GarmentStats::of_colors(&colors(lab, &indices(mask, 128)));
        let (source, answer) = (colors(lab, &region), colors(&view.answer, &region));
        let (Some(own), Some(other)) = (own, GarmentStats::of_colors(&answer)) else {
            return photo.clone();
        };
        let map = self.map(&own, &other, &source, &answer);
        let mut dyed = lab.clone();
        for i in indices(mask, 1) {
            let Lab { l, a, b } = map(lab.at(i));
            dyed.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[l, a, b]);
        }
        composite(photo, &dyed.to_srgb(), mask).unwrap_or_else(|_| photo.clone())
    }

    fn map(self, own: &GarmentStats, other: &GarmentStats, source: &[Lab], answer: &[Lab]) -> Box<dyn Fn(Lab) -> Lab> {
        let (s, t) = (own.median, other.median);
        let ratio = |answer: f32, own: f32| answer / own.max(1e-3);
        match self {
            Self::LeaveAsIs => Box::new(|c| c),
            Self::SpreadMatchedCurve => {
                let gain = ratio(usual_spread(t.l), own.spread.l);
                Box::new(move |c| Lab::new(t.l + gain * (c.l - s.l), t.a, t.b))
            }
            Self::LabMeanShift => Box::new(move |c| Lab::new(c.l + t.l - s.l, c.a + t.a - s.a, c.b + t.b - s.b)),
            Self::Reinhard => {
                let gain = Lab::new(
                    ratio(other.spread.l, own.spread.l),
                    ratio(other.spread.a, own.spread.a),
                    ratio(other.spread.b, own.spread.b),
                );
                Box::new(move |c| {
                    Lab::new(t.l + gain.l * (c.l - s.l), t.a + gain.a * (c.a - s.a), t.b + gain.b * (c.b - s.b))
                })
            }
            Self::AlbedoRatio => {
                let light = |c: Lab| c.to_linear().map(|v| v.clamp(0.0, 1.0) + 1e-3);
                let (from, to) = (light(s), light(t));
                Box::new(move |c| {
                    let own = c.to_linear();
                    Lab::from_linear(std::array::from_fn(|i| (own[i] * to[i] / from[i]).clamp(0.0, 1.0)))
                })
            }
            Self::FittedQuadratic => {
                let weights = fit_quadratic(source, answer);
                Box::new(move |c| {
                    let terms = quadratic_terms(c);
                    let value = |w: &[f64; TERMS]| w.iter().zip(terms).map(|(w, t)| w * t).sum::<f64>() as f32;
                    Lab::new(value(&weights[0]), value(&weights[1]), value(&weights[2]))
                })
            }
        }
    }
}

/// Median standard deviation of lightness of garments by their own lightness, in bands of 20 L*, on the training part.
fn usual_spread(lightness: f32) -> f32 {
    const SPREAD: [f32; 5] = [11.0, 11.9, 11.1, 11.8, 14.2];
    SPREAD[((lightness / 20.0) as usize).min(4)]
}

/// Pixels of at least that alpha.
fn indices(mask: &Mask, alpha: u8) -> Vec<usize> {
    mask.data().iter().enumerate().filter(|&(_, &a)| a >= alpha).map(|(i, _)| i).collect()
}

/// 1, L, a, b and their six products.
const TERMS: usize = 10;

fn quadratic_terms(c: Lab) -> [f64; TERMS] {
    let [l, a, b] = [c.l, c.a, c.b].map(|v| f64::from(v) / 50.0);
    [1.0, l, a, b, l * l, l * a, l * b, a * a, a * b, b * b]
}

/// Least squares by normal equations with a trace of ridge, one weight vector per Lab channel.
fn fit_quadratic(source: &[Lab], answer: &[Lab]) -> [[f64; TERMS]; 3] {
    let mut square = [[0.0; TERMS]; TERMS];
    let mut right = [[0.0; TERMS]; 3];
    for (&s, t) in source.iter().zip(answer) {
        let terms = quadratic_terms(s);
        for (i, row) in square.iter_mut().enumerate() {
            for (j, sum) in row.iter_mut().enumerate() {
                *sum += terms[i] * terms[j];
            }
        }
        for (sums, value) in right.iter_mut().zip([t.l, t.a, t.b]) {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += f64::from(value) * term;
            }
        }
    }
    for (i, row) in square.iter_mut().enumerate() {
        row[i] += 1e-6 * source.len() as f64;
    }
    right.map(|values| solve(square, values))
}

/// Gaussian elimination; the matrix is positive definite, so no pivoting is needed.
fn solve(mut square: [[f64; TERMS]; TERMS], mut right: [f64; TERMS]) -> [f64; TERMS] {
    for pivot in 0..TERMS {
        let pivot_row = square[pivot];
        for row in pivot + 1..TERMS {
            let factor = square[row][pivot] / pivot_row[pivot];
            for (value, above) in square[row].iter_mut().zip(pivot_row).skip(pivot) {
                *value -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    let mut solution = [0.0; TERMS];
    for row in (0..TERMS).rev() {
        let known: f64 = (row + 1..TERMS).map(|column| square[row][column] * solution[column]).sum();
        solution[row] = (right[row] - known) / square[row][row];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quadratic_finds_a_quadratic() {
        let source: Vec<Lab> =
            (0..200).map(|i| Lab::new((i % 97) as f32, (i % 31) as f32 - 15.0, (i % 17) as f32 - 8.0)).collect();
        let map = |c: Lab| Lab::new(90.0 - c.l * c.l / 200.0, c.a * 0.5 + 3.0, c.b * c.l / 50.0);
        let answer: Vec<Lab> = source.iter().map(|&c| map(c)).collect();
        let weights = fit_quadratic(&source, &answer);
        let c = Lab::new(40.0, 5.0, -4.0);
        let terms = quadratic_terms(c);
        for (w, expected) in weights.iter().zip([map(c).l, map(c).a, map(c).b]) {
            let value: f64 = w.iter().zip(terms).map(|(w, t)| w * t).sum();
            assert!((value - f64::from(expected)).abs() < 0.05, "{value} {expected}");
        }
    }
}
