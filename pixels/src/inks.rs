//! Which of a garment's colours each pixel is made of: soft shares that folds do not change.
//!
//! An ink is one colour of the cloth or its print, in light and in shadow. A pixel's distance to an ink is measured across
//! the line on which shading moves that ink, with lightness at reduced weight; between its two nearest inks a pixel is
//! taken for a mixture of both, as pixels on the border of a print are. What is far from every ink and every such
//! mixture (logos, zips, buttons, labels) is foreign.

use rayon::prelude::*;

use crate::Mask;
use crate::color::Lab;
use crate::dye_lanes::InkLanes;
use crate::garment_frame::GarmentFrame;
use crate::garment_stats::GarmentStats;
use crate::ink_distance::{Centre, InkCentres, classify};
use crate::lab_planes::LabPlanes;
use crate::smooth_plane::{SmoothPlane, reduction};
use crate::vector::{LANES, Lanes};

/// One ink of a garment.
#[derive(Clone, Debug)]
pub struct Ink {
    /// Indices of the palette colours that are this ink.
    pub entries: Vec<usize>,
    /// Statistics of the pixels that are mostly this ink.
    pub stats: GarmentStats,
    /// The ink's lightness without fine detail.
    pub(crate) low: SmoothPlane,
}

/// The inks of a garment and their shares of every pixel of its frame.
#[derive(Clone, Debug)]
pub struct Inks {
    width: usize,
    each: Vec<Ink>,
    /// Shares of the second ink and those after it, 255 for all of a pixel; the first has the rest.
    shares: Vec<Vec<u8>>,
    /// Share that is no ink; empty when there is hardly any.
    foreign: Vec<u8>,
}

/// What the inks are measured on.
pub(crate) struct Cloth<'a> {
    pub lab: &'a LabPlanes,
    pub mask: &'a Mask,
    pub frame: GarmentFrame,
    pub stats: &'a GarmentStats,
    pub inner: &'a SmoothPlane,
    pub low: &'a SmoothPlane,
    /// Reach of the low-pass, in pixels.
    pub radius: usize,
    /// The cloth's core, as columns and rows of the frame.
    pub core: &'a [(usize, usize)],
}

/// Share of a pixel from which it speaks for its ink, of 255.
const MOSTLY: u8 = 154;
/// Keeps ratios finite where an ink is not.
const TRACE: f32 = 1e-3;
/// A foreign pixel must have this share of foreign ones around it to be a part and not a speck, and this for sure.
const PART_DENSITY: (f32, f32) = (0.12, 0.35);
/// Foreign parts below this share of the garment are noise.
const FOREIGN_LEAST: f32 = 1e-4;
/// An ink below this share of the garment must have pixels near that are surely its own, from this share of 255 on.
const SMALL_INK: f32 = 0.05;
const SURELY: u8 = 217;
/// Half-width of the window in which they are looked for, of the frame's longer side.
const CORE_REACH: f32 = 0.01;
/// Half-width of the window in which that share is taken, of the frame's longer side.
const PART_REACH: f32 = 0.004;

impl Inks {
    /// One ink for each group of palette colours; the first group is the main one.
    pub(crate) fn measure(cloth: &Cloth, groups: &[Vec<usize>]) -> Self {
        let centres = centres(cloth.stats, groups);
        let (width, height) = (cloth.lab.width(), cloth.lab.height());
        let mut shares: Vec<Vec<u8>> = (1..centres.len()).map(|_| vec![0; width * height]).collect();
        let mut foreign = vec![0; width * height];
        let mut rows: Vec<Vec<&mut [u8]>> = (0..height).map(|_| Vec::with_capacity(shares.len() + 1)).collect();
        for plane in std::iter::once(&mut foreign).chain(&mut shares) {
            rows.iter_mut().zip(plane.chunks_exact_mut(width.max(1))).for_each(|(row, line)| row.push(line));
        }
        rows.par_iter_mut().enumerate().for_each(|(y, row)| classify_row(cloth, &centres, y, row));
        drop(rows);
        let mut inks = Self { width, each: Vec::new(), shares, foreign };
        inks.drop_specks(cloth);
        inks.hold_to_cores(cloth, groups);
        inks.measure_inks(cloth, groups);
        inks
    }

    /// The inks, the main one first.
    pub fn inks(&self) -> &[Ink] {
        &self.each
    }

    /// Share of ink `k` at column `x`, row `y` of the frame, 0 to 1.
    pub fn share(&self, k: usize, x: usize, y: usize) -> f32 {
        f32::from(self.share_code(k, y * self.width + x)) / 255.0
    }

    /// Share that is no ink of the cloth at column `x`, row `y` of the frame, 0 to 1.
    pub fn foreign(&self, x: usize, y: usize) -> f32 {
        self.foreign.get(y * self.width + x).map_or(0.0, |&f| f32::from(f) / 255.0)
    }

    fn share_code(&self, k: usize, i: usize) -> u8 {
        if k > 0 {
            return self.shares[k - 1][i];
        }
        let others: u8 = self.shares.iter().fold(0, |sum, plane| sum.saturating_add(plane[i]));
        255 - others.saturating_add(self.foreign.get(i).copied().unwrap_or(0))
    }

    /// Loads shares and foreign part of `n` pixels from `start` of row `y`; lanes past them are left as they are.
    pub(crate) fn read(&self, y: usize, start: usize, n: usize, inks: &mut [InkLanes], foreign: &mut Lanes) {
        let from = y * self.width + start;
        if !self.foreign.is_empty() {
            load(&self.foreign[from..from + n], foreign);
        }
        let Some((first, others)) = inks.split_first_mut() else { return };
        let first = &mut first.share;
        for (first, foreign) in first.iter_mut().zip(foreign.iter()).take(n) {
            *first = 1.0 - foreign;
        }
        for (ink, plane) in others.iter_mut().zip(&self.shares) {
            load(&plane[from..from + n], &mut ink.share);
            for (first, share) in first.iter_mut().zip(&ink.share).take(n) {
                *first -= share;
            }
        }
        for value in &mut first[..n] {
            *value = value.max(0.0);
        }
    }

    /// Whether every pixel is of the first ink.
    pub(crate) fn is_plain(&self) -> bool {
        self.shares.is_empty() && self.foreign.is_empty()
    }

    /// Takes single foreign pixels away, which are noise or fibres and no parts.
    fn drop_specks(&mut self, cloth: &Cloth) {
        let total: u64 = self.foreign.par_iter().map(|&f| u64::from(f)).sum();
        if (total as f32 / 255.0) < FOREIGN_LEAST * self.foreign.len() as f32 {
            self.foreign = Vec::new();
            return;
        }
        let (width, height) = (cloth.lab.width(), cloth.lab.height());
        let reach = ((width.max(height) as f32 * PART_REACH).round() as usize).max(1);
        let mut density =
            cell_means(width, height, reduction(reach), |x, y| f32::from(self.foreign[y * width + x]) / 255.0);
        density.spread(reach);
        self.foreign.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            for (x, value) in row.iter_mut().enumerate().filter(|(_, value)| **value > 0) {
                let (from, to) = PART_DENSITY;
                let sure = ((density.at(x, y) - from) / (to - from)).clamp(0.0, 1.0);
                *value = (f32::from(*value) * sure + 0.5) as u8;
            }
        });
        // What was taken from the foreign part falls to the first ink by itself.
    }

    /// Takes small inks back to where they are surely seen: in dark cloth, JPEG's blocks of colour look like a little of
    /// the lining, and a sleeve made cream would keep them as stains.
    fn hold_to_cores(&mut self, cloth: &Cloth, groups: &[Vec<usize>]) {
        let (width, height) = (cloth.lab.width(), cloth.lab.height());
        let reach = ((width.max(height) as f32 * CORE_REACH).round() as usize).max(2);
        for (plane, entries) in self.shares.iter_mut().zip(groups.iter().skip(1)) {
            let share: f32 = entries.iter().filter_map(|&e| cloth.stats.palette.get(e)).map(|p| p.share).sum();
            if share >= SMALL_INK {
                continue;
            }
            let sure = |x: usize, y: usize| f32::from(u8::from(plane[y * width + x] >= SURELY));
            let mut density = cell_means(width, height, reduction(reach), sure);
            density.spread(reach);
            plane.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
                for (x, value) in row.iter_mut().enumerate().filter(|(_, value)| **value > 0) {
                    let (from, to) = PART_DENSITY;
                    let seen = ((density.at(x, y) - from) / (to - from)).clamp(0.0, 1.0);
                    *value = (f32::from(*value) * seen + 0.5) as u8;
                }
            });
        }
    }

    /// Fills in each ink's lightness and statistics, and gives pixels of the garment's soft edge the inks around them.
    fn measure_inks(&mut self, cloth: &Cloth, groups: &[Vec<usize>]) {
        if self.shares.is_empty() {
            let entries = groups.first().cloned().unwrap_or_default();
            self.each = vec![Ink { entries, stats: cloth.stats.clone(), low: cloth.low.clone() }];
            return;
        }
        let stats: Vec<GarmentStats> = (0..groups.len()).map(|k| self.stats_of(cloth, k, &groups[k])).collect();
        let (width, height) = (cloth.lab.width(), cloth.lab.height());
        let factor = reduction(cloth.radius);
        let alpha = |x: usize, y: usize| {
            let (x, y) = (x + cloth.frame.x_px as usize, y + cloth.frame.y_px as usize);
            f32::from(cloth.mask.data()[y * cloth.mask.width_px() as usize + x]) / 255.0
        };
        let mut weights = Vec::new();
        let mut lows = Vec::new();
        for (k, stats) in stats.iter().enumerate() {
            let share = |x: usize, y: usize| {
                f32::from(self.share_code(k, y * width + x)) / 255.0 * alpha(x, y) * cloth.inner.at(x, y)
            };
            let mut weight = cell_means(width, height, factor, |x, y| share(x, y) + TRACE);
            let mut light = cell_means(width, height, factor, |x, y| {
                share(x, y) * cloth.lab.lightness(x, y) + TRACE * stats.median.l
            });
            weight.spread(cloth.radius);
            light.spread(cloth.radius);
            lows.push(light.divided(&weight));
            weights.push(weight);
        }
        self.fill_edges(cloth, &weights);
        self.each = (stats.into_iter().zip(lows).zip(groups))
            .map(|((stats, low), entries)| Ink { entries: entries.clone(), stats, low })
            .collect();
    }

    /// A pixel at the garment's edge is a mixture with what is behind, so that only the cloth around it tells its inks.
    fn fill_edges(&mut self, cloth: &Cloth, weights: &[SmoothPlane]) {
        let width = self.width;
        for (plane, weight) in self.shares.iter_mut().zip(&weights[1..]) {
            plane.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
                let inner = cloth.inner.line(y);
                for (x, value) in row.iter_mut().enumerate() {
                    let inner = inner.at(x);
                    if inner < 1.0 {
                        let around = weight.at(x, y) / weights.iter().map(|w| w.at(x, y)).sum::<f32>();
                        *value = (f32::from(*value) * inner + 255.0 * around * (1.0 - inner) + 0.5) as u8;
                    }
                }
            });
        }
    }

    /// Statistics of the core's pixels that are mostly ink `k`; of the palette colour alone where there are none.
    fn stats_of(&self, cloth: &Cloth, k: usize, entries: &[usize]) -> GarmentStats {
        let mostly = |&&(x, y): &&(usize, usize)| self.share_code(k, y * self.width + x) >= MOSTLY;
        let colors: Vec<Lab> = cloth.core.iter().filter(mostly).map(|&(x, y)| cloth.lab.color(x, y)).collect();
        let named = || entries.iter().filter_map(|&e| cloth.stats.palette.get(e)).map(|p| p.color).collect::<Vec<_>>();
        let own = GarmentStats::of_colors(&colors).or_else(|| GarmentStats::of_colors(&named()));
        own.unwrap_or_else(|| cloth.stats.clone())
    }
}

fn load(from: &[u8], lanes: &mut Lanes) {
    for (lane, &code) in lanes.iter_mut().zip(from) {
        *lane = f32::from(code) * (1.0 / 255.0);
    }
}

fn centres(stats: &GarmentStats, groups: &[Vec<usize>]) -> Vec<InkCentres> {
    let one = groups.len() == 1;
    let of = |entry: &usize| stats.palette.get(*entry).map(|p| p.color);
    groups
        .iter()
        .map(|group| {
            let entries = group.iter().filter_map(of).map(|color| Centre::new(color, 6.0));
            // A cloth of one ink is known best by its median and its whole range.
            let whole = one.then(|| Centre::new(stats.median, ((stats.l95 - stats.l5) / 3.3).max(2.0)));
            InkCentres { centres: entries.chain(whole).collect() }
        })
        .collect()
}

/// Colour alone decides here; `row` has the foreign line first, then one for each ink after the first.
fn classify_row(cloth: &Cloth, centres: &[InkCentres], y: usize, row: &mut [&mut [u8]]) {
    let width = cloth.lab.width();
    let mut color = [[0.0; LANES]; 3];
    let mut shares = vec![[0.0; LANES]; centres.len()];
    let mut foreign = [0.0; LANES];
    let alpha = &cloth.mask.data()[(y + cloth.frame.y_px as usize) * cloth.mask.width_px() as usize..];
    let alpha = &alpha[cloth.frame.x_px as usize..][..width];
    let inner = cloth.inner.line(y);
    for start in (0..width).step_by(LANES) {
        let n = LANES.min(width - start);
        if alpha[start..start + n].iter().all(|&a| a == 0) {
            continue;
        }
        for (c, lanes) in color.iter_mut().enumerate() {
            cloth.lab.read(c, y, start, &mut lanes[..n]);
        }
        classify(&color, centres, &mut shares, &mut foreign);
        let (first, others) = row.split_at_mut(1);
        for i in 0..n {
            let foreign = if alpha[start + i] == 0 { 0.0 } else { foreign[i] * inner.at(start + i) };
            first[0][start + i] = (255.0 * foreign + 0.5) as u8;
            for (line, lanes) in others.iter_mut().zip(&shares[1..]) {
                line[start + i] = (255.0 * lanes[i] * (1.0 - foreign) + 0.5) as u8;
            }
        }
    }
}

/// Mean over each cell of a value of the frame's pixels (column and row).
pub(crate) fn cell_means(
    width: usize,
    height: usize,
    factor: usize,
    value: impl Fn(usize, usize) -> f32 + Sync,
) -> SmoothPlane {
    SmoothPlane::fill(width, height, factor, |row, cells| {
        let ys = row * factor..((row + 1) * factor).min(height);
        for (column, cell) in cells.iter_mut().enumerate() {
            let xs = column * factor..((column + 1) * factor).min(width);
            let mut sum = 0.0;
            for y in ys.clone() {
                for x in xs.clone() {
                    sum += value(x, y);
                }
            }
            *cell = sum / (ys.len() * xs.len()).max(1) as f32;
        }
    })
}
