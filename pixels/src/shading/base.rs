//! The analytic base: what is left of the light when the steps between the cloth's own colours are taken out.
//!
//! A fold darkens cloth over some distance, a print from one pixel to the next. So the garment's palette is clustered,
//! and for each two of its colours the jump where they touch is measured: a large one is a difference of the cloth and is
//! taken out of both sides, a small one is shadow and stays.
//!
//! # Source
//! Land and McCann, "Lightness and Retinex theory", 1971, for telling light from cloth by the sharpness of its borders;
//! He, Sun and Tang, "Guided Image Filtering", 2013, for the low-pass.

use rayon::prelude::*;

use super::{Base, Cells, LEAST_LIGHT};
use crate::color::{Curve, Lab};
use crate::garment_stats::{GarmentStats, PALETTE_LIMIT};
use crate::guided_filter::Plane;
use crate::{Mask, SrgbImage};

/// Longer side of the reduced picture, in cells.
const WORK_PX: usize = 512;
/// Distance over which a jump is measured, in cells: past the blur of a border.
const JUMP: usize = 3;
/// Borders between two colours that must have been seen.
const LEAST_BORDERS: usize = 24;
/// Share of the jumps, from the smallest, at which their size is read: thin prints have many that are too small.
const JUMP_RANK: f32 = 0.6;
/// Share of the difference between two colours that lies in the jump: below it is shadow, above it is print.
const SHADOW_PRINT: (f32, f32) = (0.4, 0.8);
/// Difference of two colours that light does not make: below it they may be one cloth, above it they are two.
const SAME_HUE: (f32, f32) = (10.0, 22.0);
/// The same below which two colours with a hue are one dye in different light, however sharp their borders: pleats.
const SAME_DYE: (f32, f32) = (3.0, 9.0);
/// Chroma at equal lightness up to which colours have no hue that would say so, and from which they have.
const NEUTRAL: (f32, f32) = (8.0, 18.0);
/// The same from which two colours are two dyes even on cloth that is plain but for a badge or a lining, up to where they
/// surely are.
const FOREIGN_HUE: (f32, f32) = (25.0, 45.0);
/// The same for jumps of light (natural logarithm) between colours without a hue.
const FOREIGN_JUMP: (f32, f32) = (1.7, 2.3);
/// Share of its chroma that cloth keeps in its shadows, where light from elsewhere makes it greyer.
const SHADOW_CHROMA: f32 = 0.5;
/// A step of this much (natural logarithm) on this share of the cloth makes it printed.
const STEP: f32 = 0.2;
const PRINTED_SHARE: f32 = 0.12;
/// Colours of the main one's hue on less of the cloth than this are seams, creases and glints.
const LEAST_PRINT: f32 = 0.04;
/// Times that colours and light are told apart.
const ROUNDS: usize = 4;
/// Half-widths of the low-pass on plain and on printed cloth, as shares of the longer side.
const PLAIN_REACH: f32 = 0.008;
const PRINT_REACH: f32 = 0.022;
/// Cloth this near to a border between two of its colours is printed, as a share of the longer side.
const PRINT_NEAR: f32 = 0.04;
/// Contrast (natural logarithm) that it smooths over on plain and on printed cloth, and that for each deviation of texture.
const PLAIN_CONTRAST: f32 = 0.03;
const TEXTURES: f32 = 3.0;
const PRINT_CONTRAST: f32 = 0.22;
/// Weight of a cell on the border between two colours.
const BORDER_WEIGHT: f32 = 0.05;
/// Share of a cell that must be of the garment.
const INSIDE: f32 = 0.6;
/// Deviations from the median, in logarithm, beyond which light is a hole or a hot spot.
const RANGE: (f32, f32) = (-2.6, 1.6);

pub(super) fn estimate(cloth: &SrgbImage, mask: &Mask, patterned: f32) -> Base {
    let cells = Cells::over(cloth.width_px() as usize, cloth.height_px() as usize, WORK_PX);
    let work = Work::average(cloth, mask, cells);
    let plane = |values| Plane { width: cells.width, height: cells.height, values };
    let mut values = vec![0.0; cells.width * cells.height];
    let mut printed = values.clone();
    let colors: Vec<Lab> = work.inside().map(|i| Lab::from_linear(work.light[i])).collect();
    let Some(stats) = GarmentStats::of_colors(&colors) else {
        return Base { log: plane(values), printed: plane(printed) };
    };
    // White in the shade is as dark as grey in the sun: what light was found tells the colours apart better next time.
    for _ in 0..ROUNDS {
        let classes = work.classes(&stats, &values);
        let steps = steps(&work, &classes, &stats, patterned);
        let any = printed_share(&steps, &stats) > 0.0;
        if any {
            printed = near_borders(&work, &classes, &steps, cells);
        } else {
            printed.fill(0.0);
        }
        values = light(&work, &classes, &steps, &printed, cells);
        if !any {
            break;
        }
    }
    let known: Vec<bool> = (0..values.len()).map(|i| work.share[i] >= INSIDE).collect();
    continue_outside(&mut values, known, cells);
    Base { log: plane(values), printed: plane(printed) }
}

/// Where the cloth is printed, 0 to 1: around borders between colours that differ by more than light. A badge says nothing
/// about the sleeves.
fn near_borders(work: &Work, classes: &[u8], steps: &[f32], cells: Cells) -> Vec<f32> {
    let reach = ((cells.width.max(cells.height) as f32 * PRINT_NEAR).round() as usize).max(1);
    let mut border = vec![0.0; classes.len()];
    for i in work.inside().filter(|&i| work.touches(i, classes, steps)) {
        border[i] = 1.0;
    }
    let plane = Plane { width: cells.width, height: cells.height, values: border };
    // Both sides of one straight border fill two of the columns around it; twice the mean goes over smoothly.
    let enough = 1.0 / (2 * reach + 1) as f32;
    let near = plane.box_mean(reach).values.into_iter().map(|share| (share / enough).min(1.0)).collect();
    Plane { width: cells.width, height: cells.height, values: near }.box_mean((reach / 2).max(1)).values
}

/// The logarithm of the light, once the steps between colours are known.
fn light(work: &Work, classes: &[u8], steps: &[f32], printed: &[f32], cells: Cells) -> Vec<f32> {
    let mut log = vec![0.0; cells.width * cells.height];
    let mut weight = vec![0.0; log.len()];
    for i in work.inside() {
        log[i] = work.log(i) - steps[usize::from(classes[i])];
        weight[i] = if work.touches(i, classes, steps) { BORDER_WEIGHT } else { work.share[i] };
    }
    let longest = cells.width.max(cells.height) as f32;
    let reach = |share: f32| ((longest * share).round() as usize).max(1);
    let plain_contrast = PLAIN_CONTRAST + TEXTURES * super::roughness(&log, work.width, |i| weight[i] >= 0.9);
    let mut values = smoothed(&log, &weight, cells, reach(PLAIN_REACH), plain_contrast.powi(2));
    if printed.iter().any(|&p| p > 0.0) {
        let print_contrast = plain_contrast.max(PRINT_CONTRAST);
        let coarse = smoothed(&log, &weight, cells, reach(PRINT_REACH), print_contrast.powi(2));
        values.iter_mut().zip(coarse).zip(printed).for_each(|((fine, coarse), p)| *fine += (coarse - *fine) * p);
    }
    let mut inner: Vec<f32> = work.inside().map(|i| values[i]).collect();
    let median = crate::garment_stats::percentile(&mut inner, 0.5);
    values.iter_mut().for_each(|value| *value = (*value - median).clamp(RANGE.0, RANGE.1));
    values
}

/// The garment at reduced size.
struct Work {
    width: usize,
    /// Mean linear light of what is of the garment.
    light: Vec<[f32; 3]>,
    /// Share of the cell that is of the garment.
    share: Vec<f32>,
}

impl Work {
    fn average(cloth: &SrgbImage, mask: &Mask, cells: Cells) -> Self {
        let (curve, width) = (Curve::get(), cloth.width_px() as usize);
        let mut each = vec![([0.0_f32; 3], 0.0_f32); cells.width * cells.height];
        each.par_chunks_mut(cells.width.max(1)).enumerate().for_each(|(y, row)| {
            for (x, (light, share)) in row.iter_mut().enumerate() {
                let (mut weight, mut count) = (0.0, 0);
                for v in cells.rows(y) {
                    for u in cells.columns(x) {
                        count += 1;
                        let i = v * width + u;
                        let alpha = f32::from(mask.data()[i]) / 255.0;
                        if alpha > 0.0 {
                            weight += alpha;
                            for (sum, &code) in light.iter_mut().zip(&cloth.data()[3 * i..]) {
                                *sum += alpha * curve.linear(code);
                            }
                        }
                    }
                }
                light.iter_mut().for_each(|sum| *sum /= weight.max(1e-6));
                *share = weight / count.max(1) as f32;
            }
        });
        let (light, share) = each.into_iter().unzip();
        Self { width: cells.width, light, share }
    }

    fn inside(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.share.len()).filter(|&i| self.share[i] >= INSIDE)
    }

    fn log(&self, i: usize) -> f32 {
        let [r, g, b] = self.light[i];
        (0.2126 * r + 0.7152 * g + 0.0722 * b).max(LEAST_LIGHT).ln()
    }

    /// The palette colour nearest to each cell without its light (a logarithm), lightness at half weight.
    fn classes(&self, stats: &GarmentStats, light: &[f32]) -> Vec<u8> {
        let class = |(rgb, light): (&[f32; 3], &f32)| {
            let lab = Lab::from_linear(rgb.map(|v| (v / light.exp()).min(1.0)));
            let distance = |c: Lab| (0.5 * (c.l - lab.l)).powi(2) + (c.a - lab.a).powi(2) + (c.b - lab.b).powi(2);
            let by = |(_, one): &(usize, f32), (_, other): &(usize, f32)| one.total_cmp(other);
            let all = stats.palette.iter().map(|entry| distance(entry.color)).enumerate();
            all.min_by(by).map_or(0, |(k, _)| k as u8)
        };
        self.light.par_iter().zip(light).map(class).collect()
    }

    /// Whether a cell lies beside one of another colour of the cloth.
    fn touches(&self, i: usize, classes: &[u8], steps: &[f32]) -> bool {
        let step = steps[usize::from(classes[i])];
        let near = [i.checked_sub(1), Some(i + 1), i.checked_sub(self.width), Some(i + self.width)];
        near.into_iter().flatten().filter_map(|j| classes.get(j)).any(|&k| (steps[usize::from(k)] - step).abs() > STEP)
    }
}

/// By how much each colour of the cloth is lighter than the main one in the same light, as natural logarithm. What may be
/// light or print is print as far as the cloth is known to be `patterned`.
fn steps(work: &Work, classes: &[u8], stats: &GarmentStats, patterned: f32) -> Vec<f32> {
    let n = stats.palette.len();
    let mut jumps: Vec<Vec<f32>> = vec![Vec::new(); PALETTE_LIMIT * PALETTE_LIMIT];
    let mut sums = vec![(0.0_f64, 0_usize); n];
    for i in work.inside() {
        let class = usize::from(classes[i]);
        sums[class] = (sums[class].0 + f64::from(work.log(i)), sums[class].1 + 1);
        let right = (i % work.width + JUMP < work.width).then_some(i + JUMP);
        for j in [right, Some(i + JUMP * work.width)].into_iter().flatten() {
            let (Some(&other), Some(&share)) = (classes.get(j), work.share.get(j)) else { continue };
            if share < INSIDE || usize::from(other) == class {
                continue;
            }
            let (low, high) = (class.min(other.into()), class.max(other.into()));
            let jump = work.log(j) - work.log(i);
            jumps[low * PALETTE_LIMIT + high].push(if class == low { jump } else { -jump });
        }
    }
    let mean = |k: usize| (sums[k].0 / sums[k].1.max(1) as f64) as f32;
    let mut pairs = Vec::new();
    for low in 0..n {
        for high in low + 1..n {
            let seen = &mut jumps[low * PALETTE_LIMIT + high];
            if seen.len() < LEAST_BORDERS {
                continue;
            }
            let apart = mean(high) - mean(low);
            let rank = if apart > 0.0 { JUMP_RANK } else { 1.0 - JUMP_RANK };
            let jump = crate::garment_stats::percentile(seen, rank);
            let (one, other) = (stats.palette[low], stats.palette[high]);
            let small = one.share.min(other.share) < LEAST_PRINT;
            let sharp =
                if small { 0.0 } else { ramp(SHADOW_PRINT, jump / if apart.abs() > 1e-3 { apart } else { 1e-3 }) };
            let apart = dyes_apart(one.color, other.color);
            let chroma = at_equal_light(one.color).chroma().min(at_equal_light(other.color).chroma());
            let neutral = 1.0 - ramp(NEUTRAL, chroma);
            let likely = (sharp * ramp(SAME_DYE, apart).max(neutral)).max(ramp(SAME_HUE, apart));
            let sure = (sharp * neutral * ramp(FOREIGN_JUMP, jump.abs())).max(ramp(FOREIGN_HUE, apart));
            let print = sure.max(likely * patterned);
            pairs.push((low, high, jump * print, seen.len() as f32));
        }
    }
    settled(&pairs, n)
}

/// Steps that agree best with what was measured between pairs; the main colour's is 0.
fn settled(pairs: &[(usize, usize, f32, f32)], n: usize) -> Vec<f32> {
    let mut steps = vec![0.0; n];
    for _ in 0..200 {
        for k in 1..n {
            let (mut sum, mut weight) = (0.0, 0.0);
            for &(low, high, jump, count) in pairs {
                if high == k {
                    sum += count * (steps[low] + jump);
                    weight += count;
                } else if low == k {
                    sum += count * (steps[high] - jump);
                    weight += count;
                }
            }
            if weight > 0.0 {
                steps[k] = sum / weight;
            }
        }
    }
    steps
}

/// How far two colours are apart by what light can't make of one cloth: another hue, or another chroma at equal lightness,
/// but for the greyer shadows that cloth has.
fn dyes_apart(one: Lab, other: Lab) -> f32 {
    let (light, dark) = if one.l > other.l { (one, other) } else { (other, one) };
    let (light, dark) = (at_equal_light(light), at_equal_light(dark));
    let (bright, deep) = (light.chroma(), dark.chroma());
    let flat = (light.a - dark.a).hypot(light.b - dark.b);
    let hue = (flat * flat - (bright - deep).powi(2)).max(0.0).sqrt();
    let chroma = (deep - bright).max(SHADOW_CHROMA * bright - deep).max(0.0);
    hue.hypot(chroma)
}

/// The colour in light that gives it a lightness of 50: light scales L* + 16, a* and b* alike.
fn at_equal_light(c: Lab) -> Lab {
    // The darkest colours are mostly noise.
    let scale = 66.0 / (c.l + 16.0).max(30.0);
    Lab::new(50.0, c.a * scale, c.b * scale)
}

fn printed_share(steps: &[f32], stats: &GarmentStats) -> f32 {
    let shares = stats.palette.iter().zip(steps).skip(1);
    let share: f32 = shares.map(|(entry, step)| entry.share * (step.abs() / STEP).min(1.0)).sum();
    (share / PRINTED_SHARE).min(1.0)
}

fn ramp((from, to): (f32, f32), at: f32) -> f32 {
    ((at - from) / (to - from)).clamp(0.0, 1.0)
}

/// Guided filter of a map by itself, in which cells count by their weight.
fn smoothed(log: &[f32], weight: &[f32], cells: Cells, reach: usize, epsilon: f32) -> Vec<f32> {
    let plane = |values: Vec<f32>| Plane { width: cells.width, height: cells.height, values };
    let mean = |values: Vec<f32>| plane(values).box_mean(reach).values;
    let weighted = |f: &dyn Fn(usize) -> f32| mean((0..log.len()).map(|i| weight[i] * f(i)).collect());
    let (w, first, second) = (weighted(&|_| 1.0), weighted(&|i| log[i]), weighted(&|i| log[i] * log[i]));
    let models: Vec<(f32, f32)> = (0..log.len())
        .map(|i| {
            let w = w[i].max(1e-9);
            let (m, variance) = (first[i] / w, (second[i] / w - (first[i] / w).powi(2)).max(0.0));
            let slope = variance / (variance + epsilon);
            (slope, m * (1.0 - slope))
        })
        .collect();
    let (slopes, offsets) = (weighted(&|i| models[i].0), weighted(&|i| models[i].1));
    let local = |i: usize| first[i] / w[i].max(1e-9);
    (0..log.len())
        .map(|i| {
            if w[i] <= 1e-9 {
                return log[i];
            }
            // A cell that says little for itself is taken to be like its surroundings.
            let own = local(i) + (log[i] - local(i)) * weight[i].min(1.0);
            (slopes[i] * own + offsets[i]) / w[i]
        })
        .collect()
}

/// Gives cells outside the garment the mean of their known neighbours, ring by ring, and 0 far away.
fn continue_outside(values: &mut [f32], mut known: Vec<bool>, cells: Cells) {
    const RINGS: usize = 8;
    for _ in 0..RINGS {
        let mut found = Vec::new();
        for y in 0..cells.height {
            for x in (0..cells.width).filter(|x| !known[y * cells.width + x]) {
                let (mut sum, mut count) = (0.0, 0);
                for v in y.saturating_sub(1)..(y + 2).min(cells.height) {
                    for u in x.saturating_sub(1)..(x + 2).min(cells.width) {
                        let j = v * cells.width + u;
                        if known[j] {
                            sum += values[j];
                            count += 1;
                        }
                    }
                }
                if count > 0 {
                    found.push((y * cells.width + x, sum / count as f32));
                }
            }
        }
        for (i, value) in found {
            values[i] = value;
            known[i] = true;
        }
    }
    values.iter_mut().zip(&known).filter(|(_, known)| !**known).for_each(|(value, _)| *value = 0.0);
}
