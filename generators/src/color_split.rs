//! Parts a worn garment from what is worn or bare beside it by their colours in this very photo.
//!
//! Expectation–maximisation over two colour histograms, as in Rother, Kolmogorov and Blake, "GrabCut", 2004, without
//! the graph cut: the network's map is the prior, a local mean keeps prints and checks together. Colours that both
//! sides share say nothing, and the prior stays.

use pixels::color::LabImage;
use pixels::guided_filter::Plane;
use pixels::{SrgbImage, resize_linear};

use crate::Result;

/// Bins per axis: L* in steps of 5, a* and b* in steps of 8.
const BINS: [usize; 3] = [21, 33, 33];
/// The network is never surer than this, or colours could not overrule it.
const PRIOR: (f32, f32) = (0.2, 0.8);
/// Added to densities: how rare a colour must be to count as never seen.
pub(crate) const FLOOR: f32 = 3e-4;
/// Largest log ratio of a single point.
pub(crate) const EVIDENCE: f32 = 3.5;
/// Log ratio from which colours count fully.
const DECISIVE: f32 = 0.8;
/// Half-width of the local mean of the evidence, in grid points.
pub(crate) const LOCAL: usize = 2;
/// Rounds of estimation.
const ROUNDS: usize = 8;
/// Below this share of what is in front, there is nothing beside the garment to part it from.
const LEAST_OTHER: f32 = 0.03;

/// Sharpens `garment`, the probability of the wanted garment, against `front`, the probability of anything but
/// background, all on one grid over the photo. Colours never win a pixel back from `person`, the probability of skin and
/// hair: cloth in a skin's colour is common, and a dyed face is worse than a sleeve left out.
///
/// # Errors
/// When the photo cannot be resized to the grid.
pub fn separate(photo: &SrgbImage, garment: &mut Plane, front: &Plane, person: &Plane) -> Result<()> {
    let (w, h) = (garment.width, garment.height);
    let CellColors { bins } = CellColors::of(&resize_linear(photo, w as u32, h as u32)?);
    let inside: Vec<bool> = front.values.iter().map(|&p| p > 0.5).collect();
    let given: Vec<f32> = garment.values.iter().zip(&front.values).map(|(p, f)| (p / f.max(1e-3)).min(1.0)).collect();
    let prior: Vec<f32> = given.iter().map(|p| logit(p.clamp(PRIOR.0, PRIOR.1))).collect();
    let n = inside.iter().filter(|&&inside| inside).count() as f32;
    let mut belief = given.clone();
    let mut local = vec![0.0; w * h];
    for _ in 0..ROUNDS {
        let mut sums = [0.0_f32; 2];
        let mut counts = [vec![0.0_f32; BINS.iter().product()], vec![0.0_f32; BINS.iter().product()]];
        for i in (0..w * h).filter(|&i| inside[i]) {
            for (side, weight) in [belief[i], 1.0 - belief[i]].into_iter().enumerate() {
                sums[side] += weight;
                counts[side][bins[i]] += weight;
            }
        }
        if sums[0].min(sums[1]) < LEAST_OTHER * n {
            return Ok(());
        }
        for (side, sum) in sums.into_iter().enumerate() {
            counts[side].iter_mut().for_each(|count| *count /= sum);
            smooth(&mut counts[side]);
        }
        let evidence: Vec<f32> = (0..w * h)
            .map(|i| {
                let ratio = (counts[0][bins[i]] + FLOOR) / (counts[1][bins[i]] + FLOOR);
                if inside[i] { ratio.ln().clamp(-EVIDENCE, EVIDENCE) } else { 0.0 }
            })
            .collect();
        local = local_mean(&evidence, &inside, w, h, LOCAL);
        for i in (0..w * h).filter(|&i| inside[i]) {
            belief[i] = 1.0 / (1.0 + (-prior[i] - local[i]).exp());
        }
    }
    for i in (0..w * h).filter(|&i| inside[i]) {
        // The capped prior must not leave a sure garment translucent: colours only move what they speak against.
        let moved = if local[i] > 0.0 { belief[i].max(given[i]) } else { belief[i].min(given[i]) };
        let said = (local[i].abs() / DECISIVE).min(1.0);
        let sharpened = (given[i] + said * (moved - given[i])) * front.values[i];
        garment.values[i] = sharpened.min(1.0 - person.values[i]);
    }
    Ok(())
}

/// The histogram's bin of each point of the grid.
pub(crate) struct CellColors {
    bins: Vec<usize>,
}

impl CellColors {
    /// Of the photo at the grid's size.
    pub(crate) fn of(small: &SrgbImage) -> Self {
        let lab = LabImage::from_srgb(small);
        let points = small.width_px() as usize * small.height_px() as usize;
        Self { bins: (0..points).map(|i| bin(&lab, i)).collect() }
    }

    /// Share of each colour among the points for which `is_one` holds, smoothed; all 0 without any.
    pub(crate) fn histogram(&self, is_one: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut counts = vec![0.0_f32; BINS.iter().product()];
        let mut sum = 0.0_f32;
        for (_, &bin) in self.bins.iter().enumerate().filter(|(i, _)| is_one(*i)) {
            counts[bin] += 1.0;
            sum += 1.0;
        }
        counts.iter_mut().for_each(|count| *count /= sum.max(1.0));
        smooth(&mut counts);
        counts
    }

    /// How usual the colour of a point is in a histogram.
    pub(crate) fn density(&self, histogram: &[f32], point: usize) -> f32 {
        histogram[self.bins[point]]
    }
}

fn bin(lab: &LabImage, i: usize) -> usize {
    let p = lab.at(i);
    let at = |v: f32, n: usize| (v.max(0.0) as usize).min(n - 1);
    (at(p.l / 5.0, BINS[0]) * BINS[1] + at((p.a + 128.0) / 8.0, BINS[1])) * BINS[2] + at((p.b + 128.0) / 8.0, BINS[2])
}

/// Binomial (1 2 1) / 4 along each axis of the histogram.
fn smooth(counts: &mut [f32]) {
    for (axis, stride) in [BINS[1] * BINS[2], BINS[2], 1].into_iter().enumerate() {
        let before = counts.to_vec();
        for (i, count) in counts.iter_mut().enumerate() {
            let at = i / stride % BINS[axis];
            let low = if at == 0 { before[i] } else { before[i - stride] };
            let high = if at + 1 == BINS[axis] { before[i] } else { before[i + stride] };
            *count = (low + 2.0 * before[i] + high) / 4.0;
        }
    }
}

/// Mean over the points inside a window of this half-width that are inside at all.
pub(crate) fn local_mean(values: &[f32], inside: &[bool], w: usize, h: usize, reach: usize) -> Vec<f32> {
    let mean = |i: usize| {
        let (x, y) = (i % w, i / w);
        let (mut sum, mut n) = (0.0, 0.0_f32);
        for v in y.saturating_sub(reach)..(y + reach + 1).min(h) {
            for u in x.saturating_sub(reach)..(x + reach + 1).min(w) {
                if inside[v * w + u] {
                    sum += values[v * w + u];
                    n += 1.0;
                }
            }
        }
        sum / n.max(1.0)
    };
    (0..w * h).map(|i| if inside[i] { mean(i) } else { 0.0 }).collect()
}

pub(crate) fn logit(p: f32) -> f32 {
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shirt above y = 20, trousers below, sides are floor; the network takes the upper half of the trousers for shirt.
    fn scene(shirt: [u8; 3], trousers: [u8; 3]) -> (SrgbImage, Plane, Plane) {
        let mut photo = SrgbImage::filled(40, 40, [255; 3]);
        let (mut garment, mut front) = (vec![0.0; 1600], vec![0.0; 1600]);
        for i in (0..1600).filter(|i| (10..30).contains(&(i % 40))) {
            let y = i / 40;
            photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&if y < 20 { shirt } else { trousers });
            garment[i] = if y < 26 { 0.95 } else { 0.05 };
            front[i] = 1.0;
        }
        let plane = |values| Plane { width: 40, height: 40, values };
        (photo, plane(garment), plane(front))
    }

    fn nobody() -> Plane {
        Plane { width: 40, height: 40, values: vec![0.0; 1600] }
    }

    #[test]
    fn a_hand_in_the_shirts_colour_stays_a_hand() {
        let (photo, mut garment, front) = scene([200, 150, 130], [60, 60, 60]);
        let mut person = nobody();
        for y in 12..18 {
            (12..18).for_each(|x| person.values[40 * y + x] = 0.7);
            (12..18).for_each(|x| garment.values[40 * y + x] = 0.3);
        }
        separate(&photo, &mut garment, &front, &person).unwrap();
        assert!(garment.values[15 * 40 + 15] <= 0.3 && garment.values[15 * 40 + 25] > 0.8);
    }

    #[test]
    fn trousers_of_another_colour_leave_the_shirt() {
        let (photo, mut garment, front) = scene([40, 60, 160], [60, 60, 60]);
        separate(&photo, &mut garment, &front, &nobody()).unwrap();
        assert!(garment.values[10 * 40 + 20] > 0.8, "{}", garment.values[10 * 40 + 20]);
        assert!(garment.values[23 * 40 + 20] < 0.5, "{}", garment.values[23 * 40 + 20]);
        assert!(garment.values[23 * 40 + 2] < 0.01);
    }

    #[test]
    fn one_colour_leaves_the_decision_to_the_network() {
        let (photo, mut garment, front) = scene([50; 3], [50; 3]);
        separate(&photo, &mut garment, &front, &nobody()).unwrap();
        assert!(garment.values[10 * 40 + 20] > 0.7 && garment.values[35 * 40 + 20] < 0.3);
    }
}
