//! The cloth's own colour in pixels that mix it with what is behind.
//!
//! Dyeing a mixture dyes the ground in it too, which is the fringe of the old colour that people see at collars and hair.
//! In the band where alpha is neither 0 nor 255, cloth and ground are each described by the mean and the variance of
//! their surroundings, and the most probable pair that mixes to the pixel is taken.
//!
//! # Source
//! Chuang, Curless, Salesin and Szeliski, "A Bayesian approach to digital matting", 2001, for the estimate (here with
//! alpha given, which may be wrong, and channels independent); Germer et al., "Fast multi-level foreground estimation",
//! 2020, for going from coarse to fine.

use rayon::prelude::*;

use crate::color::Curve;
use crate::{Mask, Result, SrgbImage};

/// Cells along the photo's longer side on the finest level.
const CELLS: u32 = 500;
/// Cells of a level that one cell of the next coarser level holds, per axis.
const STEP: usize = 4;
/// Levels, each [`STEP`] times coarser than the one before.
const LEVELS: usize = 3;
/// How far from the band surroundings are looked at, in cells.
const REACH: usize = 6;
/// Weight of what the coarser level says, in pixels per pixel of a cell.
const PRIOR: f32 = 0.25;
/// Standard deviation of alpha at one half; it falls to nothing towards 0 and 1.
const ALPHA_ERROR: f32 = 0.12;
/// Share of a pixel from which it speaks for its side.
const PURE: f32 = 0.98;
/// Weight of all others, which falls further by the eighth power of their share.
const MIXTURE: f32 = 1e-3;
/// How far the estimate may leave the range between pixel and cloth, in standard deviations of the cloth.
const OVERSHOOT: f32 = 0.5;
/// Weight below which a side has not been seen at all.
const LEAST_WEIGHT: f32 = 1e-6;
/// Least variance of either side, squared linear light: noise and rounding.
const LEAST_VARIANCE: f32 = 1e-5;

/// Pixels that are searched for mixtures at a time.
const SCAN_PX: usize = 64;

/// Weight, weighted sums and weighted sums of squares of linear light of one side: w, r, g, b, rr, gg, bb.
type Sums = [f32; 7];
/// Cloth and ground.
type Sides = [Sums; 2];

/// The cells of one level, row-major.
struct Level {
    cell_px: usize,
    width: usize,
    height: usize,
    cells: Vec<Sides>,
    /// Whether a cell is near enough to the band to count.
    near: Vec<bool>,
}

/// The picture with the cloth's own colour wherever alpha says that a pixel mixes it with the ground.
///
/// Pixels whose alpha is 0 or 255 keep their bytes. To lay a changed cloth over the picture, add
/// alpha · (changed(F) − F) in linear light.
///
/// # Errors
/// [`crate::Error::SizeMismatch`] when the mask has another size.
///
/// # Examples
/// ```
/// use pixels::{Mask, SrgbImage, foreground};
/// let photo = SrgbImage::filled(3, 1, [90, 20, 30]);
/// assert_eq!(foreground::estimate(&photo, &Mask::new(3, 1, vec![0, 128, 255])?)?.pixel(2, 0), [90, 20, 30]);
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn estimate(image: &SrgbImage, mask: &Mask) -> Result<SrgbImage> {
    mask.check_size(image.width_px(), image.height_px())?;
    let mut out = image.clone();
    let width = image.width_px() as usize;
    let Some(finest) = surroundings(image, mask) else { return Ok(out) };
    let curve = Curve::get();
    let cell_px = finest.cell_px;
    let bands = out.data_mut().par_chunks_mut(3 * width * cell_px).zip(mask.data().par_chunks(width * cell_px));
    bands.enumerate().for_each(|(row, (codes, alphas))| {
        for column in (0..finest.width).filter(|column| finest.near[row * finest.width + column]) {
            let columns = column * cell_px..((column + 1) * cell_px).min(width);
            for y in 0..alphas.len() / width {
                for x in columns.clone() {
                    let alpha = alphas[y * width + x];
                    if !mixes(alpha) {
                        continue;
                    }
                    let sides = finest.at(x as f32, (row * cell_px + y) as f32);
                    let rgb = &mut codes[3 * (y * width + x)..][..3];
                    most_probable(rgb, f32::from(alpha) / 255.0, &sides, curve);
                }
            }
        }
    });
    Ok(out)
}

/// Replaces a mixture by the cloth's share of it; keeps it where one side is not to be seen anywhere near.
fn most_probable(rgb: &mut [u8], alpha: f32, [cloth, ground]: &Sides, curve: Curve) {
    if cloth[0] <= LEAST_WEIGHT || ground[0] <= LEAST_WEIGHT {
        return;
    }
    let doubt = (ALPHA_ERROR * 4.0 * alpha * (1.0 - alpha)).powi(2);
    for (c, code) in rgb.iter_mut().enumerate() {
        let describe = |side: &Sums| {
            let mean = side[1 + c] / side[0];
            (mean, (side[4 + c] / side[0] - mean * mean).max(LEAST_VARIANCE))
        };
        let ((cloth, cloth_variance), (ground, ground_variance)) = (describe(cloth), describe(ground));
        let light = curve.linear(*code);
        let unexplained = light - alpha * cloth - (1.0 - alpha) * ground;
        let variance = alpha * alpha * cloth_variance
            + (1.0 - alpha) * (1.0 - alpha) * ground_variance
            + doubt * (cloth - ground).powi(2);
        let found = cloth + alpha * cloth_variance * unexplained / variance;
        // Where the mask takes something else for cloth, nothing bounds the estimate but the pixel and the cloth themselves.
        let slack = OVERSHOOT * cloth_variance.sqrt();
        *code = curve.byte(found.clamp(light.min(cloth) - slack, light.max(cloth) + slack));
    }
}

/// What cloth and ground look like around the band; `None` when there is no band.
fn surroundings(image: &SrgbImage, mask: &Mask) -> Option<Level> {
    let mut levels = vec![Level::measure(image, mask)?];
    for _ in 1..LEVELS {
        let coarser = levels.last()?.coarser();
        levels.push(coarser);
    }
    let mut known = levels.pop()?.pooled(None);
    while let Some(level) = levels.pop() {
        known = level.pooled(Some(&known));
    }
    Some(known)
}

impl Level {
    fn measure(image: &SrgbImage, mask: &Mask) -> Option<Self> {
        let (picture_width, picture_height) = (image.width_px() as usize, image.height_px() as usize);
        if picture_width == 0 || picture_height == 0 {
            return None;
        }
        let cell_px = (image.width_px().max(image.height_px()) / CELLS).max(2) as usize;
        let (width, height) = (picture_width.div_ceil(cell_px), picture_height.div_ceil(cell_px));
        let mut band = vec![false; width * height];
        let lines = mask.data().par_chunks(picture_width * cell_px);
        band.par_chunks_mut(width).zip(lines).for_each(|(flags, lines)| {
            for line in lines.chunks_exact(picture_width) {
                for (start, block) in line.chunks(SCAN_PX).enumerate() {
                    // Without a branch inside, the scan becomes vector code; most blocks end here.
                    if block.iter().fold(false, |found, &a| found | mixes(a)) {
                        for x in (0..block.len()).filter(|&x| mixes(block[x])) {
                            flags[(start * SCAN_PX + x) / cell_px] = true;
                        }
                    }
                }
            }
        });
        if !band.contains(&true) {
            return None;
        }
        let near = widened(&band, width, REACH);
        let curve = Curve::get();
        let mut cells = vec![[[0.0; 7]; 2]; width * height];
        cells.par_chunks_mut(width).enumerate().for_each(|(row, cells)| {
            for y in row * cell_px..((row + 1) * cell_px).min(picture_height) {
                // Away from the band every second row says enough.
                let wanted = if y % 2 == 0 { &near } else { &band };
                let wanted = &wanted[row * width..][..width];
                for (column, sides) in cells.iter_mut().enumerate().filter(|(column, _)| wanted[*column]) {
                    for x in column * cell_px..((column + 1) * cell_px).min(picture_width) {
                        let i = y * picture_width + x;
                        let rgb = [0, 1, 2].map(|c| curve.linear(image.data()[3 * i + c]));
                        add(sides, f32::from(mask.data()[i]) / 255.0, rgb);
                    }
                }
            }
        });
        Some(Self { cell_px, width, height, cells, near })
    }

    fn coarser(&self) -> Self {
        let (width, height) = (self.width.div_ceil(STEP), self.height.div_ceil(STEP));
        let mut cells = vec![[[0.0; 7]; 2]; width * height];
        let mut near = vec![false; width * height];
        for (i, fine) in self.cells.iter().enumerate().filter(|(i, _)| self.near[*i]) {
            let into = i / self.width / STEP * width + i % self.width / STEP;
            near[into] = true;
            accumulate(&mut cells[into], fine, 1.0);
        }
        Self { cell_px: self.cell_px * STEP, width, height, cells, near }
    }

    /// Sums over 3 × 3 cells, with what the coarser level says added as if it had been seen in a few pixels.
    fn pooled(&self, coarser: Option<&Self>) -> Self {
        let prior = PRIOR * (self.cell_px * self.cell_px) as f32;
        let half = self.cell_px as f32 / 2.0;
        let mut cells = vec![[[0.0; 7]; 2]; self.cells.len()];
        cells.par_chunks_mut(self.width).enumerate().for_each(|(y, row)| {
            for (x, pooled) in row.iter_mut().enumerate() {
                if !self.near[y * self.width + x] {
                    continue;
                }
                for v in y.saturating_sub(1)..(y + 2).min(self.height) {
                    for u in x.saturating_sub(1)..(x + 2).min(self.width) {
                        accumulate(pooled, &self.cells[v * self.width + u], 1.0);
                    }
                }
                let middle = |i: usize| (i * self.cell_px) as f32 + half - 0.5;
                let Some(wide) = coarser.map(|level| level.at(middle(x), middle(y))) else { continue };
                for (side, wide) in pooled.iter_mut().zip(&wide) {
                    if wide[0] > 0.0 {
                        side.iter_mut().zip(wide).for_each(|(sum, w)| *sum += prior * w / wide[0]);
                    }
                }
            }
        });
        Self { cell_px: self.cell_px, width: self.width, height: self.height, cells, near: self.near.clone() }
    }

    /// Bilinear between the cells' middles, at a pixel's position.
    fn at(&self, x: f32, y: f32) -> Sides {
        let place = |at: f32, cells: usize| {
            let at = ((at + 0.5) / self.cell_px as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
            let first = at as usize;
            (first, (first + 1).min(cells - 1), at - first as f32)
        };
        let ((x0, x1, fx), (y0, y1, fy)) = (place(x, self.width), place(y, self.height));
        let mut sides = [[0.0; 7]; 2];
        for (column, row, share) in
            [(x0, y0, (1.0 - fx) * (1.0 - fy)), (x1, y0, fx * (1.0 - fy)), (x0, y1, (1.0 - fx) * fy), (x1, y1, fx * fy)]
        {
            accumulate(&mut sides, &self.cells[row * self.width + column], share);
        }
        sides
    }
}

/// Whether alpha is neither 0 nor 255.
fn mixes(alpha: u8) -> bool {
    alpha.wrapping_sub(1) < 254
}

/// Adds a pixel to both sides. Mixtures have next to nothing to say beside pure pixels, and the word where there are none.
fn add(sides: &mut Sides, alpha: f32, rgb: [f32; 3]) {
    for (side, purity) in sides.iter_mut().zip([alpha, 1.0 - alpha]) {
        let weight = if purity >= PURE { 1.0 } else { MIXTURE * purity.powi(8) };
        if weight == 0.0 {
            continue;
        }
        side[0] += weight;
        for c in 0..3 {
            side[1 + c] += weight * rgb[c];
            side[4 + c] += weight * rgb[c] * rgb[c];
        }
    }
}

fn accumulate(into: &mut Sides, from: &Sides, share: f32) {
    // Flat, so that it becomes vector code.
    for (to, from) in into.as_flattened_mut().iter_mut().zip(from.as_flattened()) {
        *to += share * from;
    }
}

/// True within `reach` cells of a true cell, squarely.
fn widened(flags: &[bool], width: usize, reach: usize) -> Vec<bool> {
    let along = |flags: &[bool], out: &mut [bool]| {
        let mut next = 0;
        for at in (0..flags.len()).filter(|&at| flags[at]) {
            let (from, to) = (at.saturating_sub(reach).max(next), (at + reach + 1).min(flags.len()));
            out[from.min(to)..to].fill(true);
            next = to;
        }
    };
    let mut wide = vec![false; flags.len()];
    flags.chunks_exact(width).zip(wide.chunks_exact_mut(width)).for_each(|(row, out)| along(row, out));
    let height = flags.len() / width;
    let mut out = vec![false; flags.len()];
    for x in 0..width {
        let column: Vec<bool> = (0..height).map(|y| wide[y * width + x]).collect();
        let mut wider = vec![false; height];
        along(&column, &mut wider);
        wider.iter().enumerate().for_each(|(y, &flag)| out[y * width + x] = flag);
    }
    out
}

#[cfg(test)]
mod tests;
