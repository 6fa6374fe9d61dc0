//! What is left of the old colour at a garment's edge.
//!
//! A pixel at the edge mixes cloth and ground. Beside the nearest mixture of the *new* cloth with the ground it is asked
//! how far it stands off towards the same mixture of the *old* cloth: that part is what people see as a fringe. Both cloths
//! and the ground are local means, so that neither the mask's alpha nor the renderer is believed.

use pixels::color::Lab;
use pixels::{Mask, SrgbImage};

use super::inspection::{Grid, pixel};

/// Pixels of the band that are looked at.
const MAX_BAND: usize = 4000;
/// Pixels of a row that are searched at a time.
const BLOCK_PX: usize = 64;
/// Reach of the local means, in cells.
const REACH: usize = 4;
/// Steps between ground and cloth.
const STEPS: usize = 8;
/// Colours closer than this, in CIE76 units, say nothing about which one a pixel leans to.
const APART: f32 = 6.0;

/// The edge's pixels, and what a photo's own cloth and ground look like around them.
#[derive(Debug)]
pub struct Fringe {
    band: Vec<usize>,
    /// Per cell: number and sum of linear light of solid cloth, and of ground.
    cloth: Vec<[f32; 4]>,
    ground: Vec<[f32; 4]>,
}

impl Fringe {
    /// Chooses pixels along the edge of `whole`, all that is dyed; `solid` are pixels of solid cloth.
    pub fn new(image: &SrgbImage, whole: &Mask, grid: Grid, solid: impl Iterator<Item = usize>) -> Self {
        let (width, height) = (image.width_px() as usize, image.height_px());
        let alpha = |i: usize| whole.data().get(i).copied().unwrap_or(0);
        let mut all = Vec::new();
        // Every second row has enough of any edge.
        for (y, row) in whole.data().chunks_exact(width.max(1)).enumerate().step_by(2) {
            for (block, alphas) in row.chunks(BLOCK_PX).enumerate() {
                let first = alphas.first().copied().unwrap_or(0);
                // One comparison for most of the picture, which is far from any edge.
                if matches!(first, 0 | 255) && alphas.iter().all(|&a| a == first) {
                    continue;
                }
                let edge = |x: usize| {
                    let beside = alphas.get(x + 1).is_some_and(|&next| (next >= 128) != (alphas[x] >= 128));
                    !matches!(alphas[x], 0 | 255) || beside
                };
                let start = y * width + block * BLOCK_PX;
                all.extend((0..alphas.len()).filter(|&x| edge(x)).map(|x| start + x));
            }
        }
        let band: Vec<usize> = all.iter().step_by(all.len() / MAX_BAND + 1).copied().collect();
        let mut cloth = vec![[0.0; 4]; grid.columns * grid.rows];
        let mut ground = cloth.clone();
        let put = |into: &mut Vec<[f32; 4]>, i: usize| {
            if let Some(sum) = into.get_mut(grid.cell(i, width)) {
                add(sum, light(pixel(image, i)));
            }
        };
        solid.for_each(|i| put(&mut cloth, i));
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                let outside = grid.pixels(column, row, image.width_px(), height).filter(|&i| alpha(i) == 0);
                outside.for_each(|i| put(&mut ground, i));
            }
        }
        Self { band, cloth: pooled(&cloth, grid), ground: pooled(&ground, grid) }
    }

    /// Mean distance towards the old colour over the band, CIE76 units, not below 0. `cells` hold per cell the number of
    /// solid pixels first and the sums of the variant's L*, a* and b* last.
    pub fn of(&self, seen: &SrgbImage, grid: Grid, cells: &[[f32; 7]]) -> Option<f32> {
        let new: Vec<[f32; 4]> = cells
            .iter()
            .map(|s| {
                let count = s[0].max(1.0);
                let mean = Lab::new(s[4] / count, s[5] / count, s[6] / count).to_linear();
                [s[0], mean[0] * s[0], mean[1] * s[0], mean[2] * s[0]]
            })
            .collect();
        let new = pooled(&new, grid);
        let mut ladders: Vec<Option<Option<Ladder>>> = vec![None; cells.len()];
        let (mut sum, mut count) = (0.0, 0_u32);
        for &i in &self.band {
            let cell = grid.cell(i, seen.width_px() as usize);
            let Some(ladder) = ladders.get_mut(cell) else { continue };
            let ladder = ladder.get_or_insert_with(|| {
                let (old, new, ground) = (mean(&self.cloth[cell])?, mean(&new[cell])?, mean(&self.ground[cell])?);
                Some(Ladder::new(old, new, ground))
            });
            if let Some(stands) = ladder.as_ref().and_then(|ladder| ladder.stands_off(Lab::from_srgb8(pixel(seen, i))))
            {
                sum += stands;
                count += 1;
            }
        }
        (count > 20).then(|| (sum / count as f32).max(0.0))
    }
}

/// Mixtures of the ground with the new and with the old cloth.
#[derive(Clone)]
struct Ladder([(Lab, Lab); STEPS + 1]);

impl Ladder {
    fn new(old: [f32; 3], new: [f32; 3], ground: [f32; 3]) -> Self {
        Self(std::array::from_fn(|i| {
            let share = i as f32 / STEPS as f32;
            let mix =
                |cloth: [f32; 3]| Lab::from_linear(std::array::from_fn(|c| ground[c] + (cloth[c] - ground[c]) * share));
            (mix(new), mix(old))
        }))
    }

    fn stands_off(&self, color: Lab) -> Option<f32> {
        let square =
            |one: Lab, other: Lab| (one.l - other.l).powi(2) + (one.a - other.a).powi(2) + (one.b - other.b).powi(2);
        let nearest = self.0.iter().min_by(|one, other| square(one.0, color).total_cmp(&square(other.0, color)));
        let &(new, old) = nearest?;
        let apart = square(new, old).sqrt();
        if apart < APART {
            return None;
        }
        let towards = [old.l - new.l, old.a - new.a, old.b - new.b];
        let off = [color.l - new.l, color.a - new.a, color.b - new.b];
        let dot: f32 = towards.iter().zip(off).map(|(t, o)| t * o).sum();
        Some((dot / apart).clamp(-apart, apart))
    }
}

fn light(codes: [u8; 3]) -> [f32; 3] {
    codes.map(pixels::color::linear_from_srgb8)
}

fn add(sum: &mut [f32; 4], rgb: [f32; 3]) {
    sum[0] += 1.0;
    sum[1..].iter_mut().zip(rgb).for_each(|(sum, value)| *sum += value);
}

fn mean(sum: &[f32; 4]) -> Option<[f32; 3]> {
    (sum[0] >= 4.0).then(|| [sum[1] / sum[0], sum[2] / sum[0], sum[3] / sum[0]])
}

/// Sums over a square of cells, rows first.
fn pooled(cells: &[[f32; 4]], grid: Grid) -> Vec<[f32; 4]> {
    let along = |from: &[[f32; 4]], count: usize, stride: usize, lines: usize, line: usize| {
        let mut out = from.to_vec();
        for start in (0..lines).map(|i| i * line) {
            for at in 0..count {
                let mut total = [0.0; 4];
                for near in at.saturating_sub(REACH)..(at + REACH + 1).min(count) {
                    total.iter_mut().zip(from[start + near * stride]).for_each(|(total, value)| *total += value);
                }
                out[start + at * stride] = total;
            }
        }
        out
    };
    let wide = along(cells, grid.columns, 1, grid.rows, grid.columns);
    along(&wide, grid.rows, grid.columns, grid.columns, 1)
}

#[cfg(test)]
mod tests {
    use super::super::inspection::Inspection;
    use super::*;

    const SIDE: u32 = 400;
    const OLD: [u8; 3] = [180, 20, 40];
    const NEW: [u8; 3] = [30, 60, 150];
    const GROUND: [u8; 3] = [225, 222, 215];

    fn alpha(i: u32, soft: f32) -> f32 {
        let (x, y) = ((i % SIDE) as f32 - 200.0, (i / SIDE) as f32 - 200.0);
        ((120.0 - x.hypot(y)) / soft + 0.5).clamp(0.0, 1.0)
    }

    fn mixed(cloth: impl Fn(f32) -> [u8; 3]) -> SrgbImage {
        let pixel = |i: u32| {
            let a = alpha(i, 6.0);
            let (cloth, ground) = (light(cloth(a)), light(GROUND));
            Lab::from_linear([0, 1, 2].map(|c| ground[c] + (cloth[c] - ground[c]) * a)).to_srgb8()
        };
        SrgbImage::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(pixel).collect()).unwrap()
    }

    fn fringe(variant: &SrgbImage) -> f32 {
        let mask = (0..SIDE * SIDE).map(|i| (alpha(i, 6.0) * 255.0).round() as u8).collect();
        let mask = Mask::new(SIDE, SIDE, mask).unwrap();
        let inspection = Inspection::new(&mixed(|_| OLD), &mask, &[&mask]);
        let expected = vec![vec![Lab::from_srgb8(NEW); inspection.indices(0).len()]];
        inspection.compare(variant, &expected).fringe.unwrap()
    }

    #[test]
    fn a_clean_edge_has_none_and_an_old_one_much() {
        let clean = fringe(&mixed(|_| NEW));
        let old = fringe(&mixed(|a| if a > 0.98 { NEW } else { OLD }));
        let half = fringe(&mixed(|a| if a > 0.98 { NEW } else { [105, 40, 95] }));
        assert!(clean < 1.0, "{clean}");
        assert!(old > 15.0, "{old}");
        assert!(half > 4.0 && half < old, "{half}");
    }
}
