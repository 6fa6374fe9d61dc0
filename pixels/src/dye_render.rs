//! Renders a dyed garment at full resolution: inks, laws, learned residual, gamut, dither and alpha in one pass.
//!
//! Everything that depends on the photo alone is measured once for all its swatches and kept compact: Lab in 16 bits,
//! ink shares in 8, smooth planes at a fraction of the size.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::bilateral_grid::BilateralGrid;
use crate::color::{Lab, codes_from_lab};
use crate::color_map::{ColorMap, families};
use crate::composite::{Channel, blend_over};
use crate::dye_lanes::{InkPaint, PixelLanes, dye_lanes};
use crate::dye_plan::{DyePlan, change_of};
use crate::garment_frame::GarmentFrame;
use crate::garment_stats::{GarmentStats, SAMPLE_LIMIT, core_sample};
use crate::inks::{Cloth, Inks, cell_means};
use crate::lab_planes::LabPlanes;
use crate::smooth_plane::{SmoothPlane, SmoothRow, reduction};
use crate::vector::{LANES, Lanes};
use crate::{Mask, Result, Srgb16Image, SrgbImage};

/// Lab units of one unit of the residual's input.
pub const INPUT_SCALE: f32 = 25.0;
/// Largest magnitude of the residual's input.
pub const INPUT_LIMIT: f32 = 2.5;

/// What all swatches of one photo share.
pub struct DyeSource {
    /// The garment's statistics.
    pub stats: GarmentStats,
    /// The rectangle that everything else covers.
    pub frame: GarmentFrame,
    picture_width: usize,
    lab: LabPlanes,
    low: SmoothPlane,
    broad: SmoothPlane,
    inner: SmoothPlane,
    /// Palette colours that are one cloth in light and shadow taken together.
    inks: Arc<Inks>,
    /// Every palette colour by itself, for maps that part such shades.
    parted: OnceLock<Arc<Inks>>,
    core: Vec<(usize, usize)>,
    alpha: Mask,
}

/// Free space around the garment, as a share of its longer side.
const MARGIN: f32 = 0.04;
/// The low-pass reaches this share of the frame's longer side to each side, twice.
const LOW_PASS: f32 = 0.008;
/// The same for what the residual sees. Real pairs are aligned to a pixel or two, so that a network trained on them
/// learns to flatten knit, seams and small prints; it is not given any.
const BROAD_PASS: f32 = 0.025;
/// A pixel of which less is dyed keeps its bytes.
const LEAST_DYED: f32 = 0.004;

impl DyeSource {
    /// Measures a photo's garment; `None` when the mask is empty.
    ///
    /// `image` holds the cloth's own colour where the mask is soft, as far as it is known.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when mask and picture differ in size.
    pub fn new(image: &SrgbImage, mask: &Mask) -> Result<Option<Self>> {
        mask.check_size(image.width_px(), image.height_px())?;
        let Some(frame) = GarmentFrame::around(mask, MARGIN) else { return Ok(None) };
        Ok(Self::measured(LabPlanes::from_srgb(image, frame), mask, frame))
    }

    /// The same of a picture with 16 bits a channel.
    ///
    /// # Errors
    /// As [`DyeSource::new`].
    pub fn deep(image: &Srgb16Image, mask: &Mask) -> Result<Option<Self>> {
        mask.check_size(image.width_px(), image.height_px())?;
        let Some(frame) = GarmentFrame::around(mask, MARGIN) else { return Ok(None) };
        Ok(Self::measured(LabPlanes::from_srgb16(image, frame), mask, frame))
    }

    fn measured(lab: LabPlanes, mask: &Mask, frame: GarmentFrame) -> Option<Self> {
        let picture_width = mask.width_px() as usize;
        let (left, top) = (frame.x_px as usize, frame.y_px as usize);
        let core: Vec<(usize, usize)> = core_sample(mask, SAMPLE_LIMIT)
            .into_iter()
            .map(|i| (i % picture_width - left, i / picture_width - top))
            .collect();
        let colors: Vec<Lab> = core.iter().map(|&(x, y)| lab.color(x, y)).collect();
        let stats = GarmentStats::of_colors(&colors)?;
        let longer = frame.width_px.max(frame.height_px) as f32;
        let reach = |share: f32| ((longer * share).round() as usize).max(1);
        let (low, inner) = low_pass(&lab, mask, frame, reach(LOW_PASS));
        let (broad, _) = low_pass(&lab, mask, frame, reach(BROAD_PASS));
        let radius = reach(LOW_PASS);
        let cloth = Cloth { lab: &lab, mask, frame, stats: &stats, inner: &inner, low: &low, radius, core: &core };
        let inks = Arc::new(Inks::measure(&cloth, &families(&stats)));
        let parted = OnceLock::new();
        let alpha = mask.clone();
        Some(Self { stats, frame, picture_width, lab, low, broad, inner, inks, parted, core, alpha })
    }

    /// The pixel's column and row in the frame; `None` outside it. `index` is row-major over the picture.
    pub fn place(&self, index: usize) -> Option<(usize, usize)> {
        let width = self.picture_width.max(1);
        let x = (index % width).checked_sub(self.frame.x_px as usize)?;
        let y = (index / width).checked_sub(self.frame.y_px as usize)?;
        (x < self.lab.width() && y < self.lab.height()).then_some((x, y))
    }

    /// The frame's pixels in Lab.
    pub fn lab(&self) -> &LabPlanes {
        &self.lab
    }

    /// Lightness without fine detail, over the frame.
    pub fn low(&self) -> &SmoothPlane {
        &self.low
    }

    /// Lightness of folds and larger forms alone, which is all that the residual may depend on, over the frame.
    pub fn broad(&self) -> &SmoothPlane {
        &self.broad
    }

    /// 1 inside the garment, falling to 0 at its edge, over the frame.
    pub fn inner(&self) -> &SmoothPlane {
        &self.inner
    }

    /// Width of the picture, in pixels.
    pub fn picture_width(&self) -> usize {
        self.picture_width
    }

    /// The plan of one variant; `None` when the map changes nothing.
    pub fn plan(&self, map: &ColorMap) -> Option<DyePlan> {
        let whole = self.inks.inks().iter().all(|ink| change_of(map, &ink.entries).is_some());
        DyePlan::new(if whole { self.inks.clone() } else { self.parted_inks() }, map)
    }

    fn parted_inks(&self) -> Arc<Inks> {
        let measure = || {
            let longer = self.frame.width_px.max(self.frame.height_px) as f32;
            let cloth = Cloth {
                lab: &self.lab,
                mask: &self.alpha,
                frame: self.frame,
                stats: &self.stats,
                inner: &self.inner,
                low: &self.low,
                radius: ((longer * LOW_PASS).round() as usize).max(1),
                core: &self.core,
            };
            let groups: Vec<Vec<usize>> = (0..self.stats.palette.len()).map(|entry| vec![entry]).collect();
            Arc::new(Inks::measure(&cloth, &groups))
        };
        self.parted.get_or_init(measure).clone()
    }

    /// Row-major picture indices of at most `limit` pixels of the mask's core that are mostly this ink of the plan; all
    /// of the core where there are none.
    pub fn core_of(&self, plan: &DyePlan, ink: usize, limit: usize) -> Vec<usize> {
        let index = |&(x, y): &(usize, usize)| {
            (y + self.frame.y_px as usize) * self.picture_width + x + self.frame.x_px as usize
        };
        let inks = plan.inks();
        let own = |&&(x, y): &&(usize, usize)| inks.is_plain() || inks.share(ink, x, y) > 0.5;
        let mut found: Vec<usize> = self.core.iter().filter(own).map(index).collect();
        if found.is_empty() {
            found = self.core.iter().map(index).collect();
        }
        let stride = found.len().div_ceil(limit.max(1)).max(1);
        found.into_iter().step_by(stride).collect()
    }

    /// Adds what the network says to a plan.
    pub fn refine(&self, plan: &mut DyePlan, grid: &BilateralGrid) {
        let stats = plan.leader_stats().clone();
        // The cloth's broad forms; of a cloth of several inks, those of the leading one.
        let form = if plan.inks().inks().len() > 1 { &plan.inks().inks()[plan.leader()].low } else { &self.broad };
        let (width, height) = (self.lab.width(), self.lab.height());
        let factor = form.factor();
        let centre = |cell: usize, length: usize| (cell * factor + factor / 2).min(length - 1);
        let cells: Vec<[f32; 3]> = (0..form.rows())
            .into_par_iter()
            .flat_map_iter(|row| {
                let maps = grid.row(centre(row, height), height);
                let line = &form.values()[row * form.columns()..(row + 1) * form.columns()];
                let stats = &stats;
                line.iter()
                    .enumerate()
                    .map(|(column, &form)| {
                        let input = input(stats, Lab::new(form, stats.median.a, stats.median.b));
                        maps.apply(centre(column, width), width, stats.guide(form), input)
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let columns = form.columns();
        let plane = |c: usize| {
            SmoothPlane::fill(width, height, factor, |y, row| {
                row.iter_mut().zip(&cells[y * columns..]).for_each(|(value, cell)| *value = cell[c]);
            })
        };
        plan.residual = Some(Arc::new([plane(0), plane(1), plane(2)]));
    }

    /// The dyed photo. Where the mask is 0, and where a kept colour is, the photo's bytes stay.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when photo and mask differ from those that were measured.
    pub fn render(&self, photo: &SrgbImage, mask: &Mask, plan: &DyePlan) -> Result<SrgbImage> {
        mask.check_size(photo.width_px(), photo.height_px())?;
        self.alpha.check_size(photo.width_px(), photo.height_px())?;
        let mut out = photo.clone();
        self.render_rows(out.data_mut(), mask, plan);
        Ok(out)
    }

    /// The same with 16 bits a channel.
    ///
    /// # Errors
    /// As [`DyeSource::render`].
    pub fn render_deep(&self, photo: &Srgb16Image, mask: &Mask, plan: &DyePlan) -> Result<Srgb16Image> {
        mask.check_size(photo.width_px(), photo.height_px())?;
        self.alpha.check_size(photo.width_px(), photo.height_px())?;
        let mut out = photo.clone();
        self.render_rows(out.data_mut(), mask, plan);
        Ok(out)
    }

    fn render_rows<T: Channel>(&self, picture: &mut [T], mask: &Mask, plan: &DyePlan) {
        let (left, top, width) = (self.frame.x_px as usize, self.frame.y_px as usize, self.lab.width());
        let paints = plan.paints();
        let dither = if T::COARSE { plan.dither() } else { 0.0 };
        let rows = picture.par_chunks_mut(self.picture_width * 3).skip(top).take(self.lab.height());
        let state = || (Lines::default(), PixelLanes::new(paints.len()));
        rows.enumerate().for_each_init(state, |(lines, pixels), (y, row)| {
            let alpha = &mask.data()[(top + y) * self.picture_width + left..][..width];
            let Some(first) = alpha.iter().position(|&a| a > 0) else { return };
            lines.load(self, plan, y);
            for start in (first / LANES * LANES..width).step_by(LANES) {
                let n = LANES.min(width - start);
                let alpha = &alpha[start..start + n];
                if alpha.iter().all(|&a| a == 0) {
                    continue;
                }
                lines.read(self, plan, (start, y), n, pixels);
                let place = |i| (left + start + i, top + y);
                let finished = Finished::of(pixels, &paints, plan.noise(), dither, place);
                for (i, (rgb, &a)) in row[3 * (left + start)..][..3 * n].chunks_exact_mut(3).zip(alpha).enumerate() {
                    finished.lay_over(rgb, i, a, pixels);
                }
            }
        });
    }

    /// The dyed bytes, `RGBRGB…`, of some pixels as [`DyeSource::render`] gives them (row-major indices). Pixels outside
    /// the frame stay.
    pub fn render_sample(&self, photo: &SrgbImage, mask: &Mask, plan: &DyePlan, indices: &[usize]) -> Vec<u8> {
        let paints = plan.paints();
        let own = |&i: &usize| match photo.data().get(3 * i..3 * i + 3) {
            Some(&[r, g, b]) => [r, g, b],
            _ => [0; 3],
        };
        let mut out: Vec<u8> = indices.iter().flat_map(own).collect();
        out.par_chunks_mut(3 * LANES).zip(indices.par_chunks(LANES)).for_each(|(bytes, indices)| {
            let pixels = self.gather(plan, indices);
            let place = |i: usize| indices.get(i).map_or((0, 0), |&i| (i % self.picture_width, i / self.picture_width));
            let finished = Finished::of(&pixels, &paints, plan.noise(), plan.dither(), place);
            for (i, (rgb, &index)) in bytes.chunks_exact_mut(3).zip(indices).enumerate() {
                let alpha = self.place(index).and_then(|_| mask.data().get(index)).copied().unwrap_or(0);
                finished.lay_over(rgb, i, alpha, &pixels);
            }
        });
        out
    }

    /// The colours that the plan gives some pixels (row-major indices), before gamut, alpha and encoding; pixels outside
    /// the frame have none.
    pub fn colors(&self, plan: &DyePlan, indices: &[usize]) -> Vec<Option<Lab>> {
        let paints = plan.paints();
        indices
            .chunks(LANES)
            .flat_map(|indices| {
                let pixels = self.gather(plan, indices);
                let mut out = [[0.0; LANES]; 4];
                dye_lanes(&pixels, &paints, plan.noise(), &mut out);
                let color = move |i: usize| Lab::new(out[0][i], out[1][i], out[2][i]);
                indices.iter().enumerate().map(|(i, &index)| self.place(index).map(|_| color(i))).collect::<Vec<_>>()
            })
            .collect()
    }

    fn gather(&self, plan: &DyePlan, indices: &[usize]) -> PixelLanes {
        let inks = plan.inks();
        let mut pixels = PixelLanes::new(inks.inks().len());
        for (i, &index) in indices.iter().enumerate().take(LANES) {
            let Some((x, y)) = self.place(index) else { continue };
            let Lab { l, a, b } = self.lab.color(x, y);
            (pixels.color[0][i], pixels.color[1][i], pixels.color[2][i]) = (l, a, b);
            pixels.foreign[i] = inks.foreign(x, y);
            pixels.inner[i] = self.inner.at(x, y);
            for (k, (lanes, ink)) in pixels.inks.iter_mut().zip(inks.inks()).enumerate() {
                lanes.share[i] = inks.share(k, x, y);
                lanes.low[i] = ink.low.at(x, y);
            }
            if let Some(residual) = &plan.residual {
                (0..3).for_each(|c| pixels.residual[c][i] = residual[c].at(x, y));
            }
        }
        pixels
    }
}

/// The residual's input for a colour: its deviation from the garment's median.
#[inline]
pub fn input(stats: &GarmentStats, color: Lab) -> [f32; 3] {
    let median = stats.median;
    [color.l - median.l, color.a - median.a, color.b - median.b]
        .map(|d| (d / INPUT_SCALE).clamp(-INPUT_LIMIT, INPUT_LIMIT))
}

/// The smooth planes' cells along one row of pixels.
#[derive(Default)]
struct Lines {
    inner: SmoothRow,
    lows: Vec<SmoothRow>,
    residual: [SmoothRow; 3],
}

impl Lines {
    fn load(&mut self, source: &DyeSource, plan: &DyePlan, y: usize) {
        source.inner.row(y, &mut self.inner);
        let inks = plan.inks().inks();
        self.lows.resize_with(inks.len(), SmoothRow::default);
        self.lows.iter_mut().zip(inks).for_each(|(line, ink)| ink.low.row(y, line));
        if let Some(residual) = &plan.residual {
            self.residual.iter_mut().zip(residual.iter()).for_each(|(line, plane)| plane.row(y, line));
        }
    }

    /// Loads `n` pixels from column `start` of row `y`.
    fn read(&self, source: &DyeSource, plan: &DyePlan, (start, y): (usize, usize), n: usize, pixels: &mut PixelLanes) {
        for (c, lanes) in pixels.color.iter_mut().enumerate() {
            source.lab.read(c, y, start, &mut lanes[..n]);
        }
        self.inner.read(start, &mut pixels.inner[..n]);
        for (line, lanes) in self.lows.iter().zip(&mut pixels.inks) {
            line.read(start, &mut lanes.low[..n]);
        }
        if plan.residual.is_some() {
            for (line, lanes) in self.residual.iter().zip(&mut pixels.residual) {
                line.read(start, &mut lanes[..n]);
            }
        }
        if !plan.inks().is_plain() {
            let PixelLanes { inks, foreign, .. } = pixels;
            plan.inks().read(y, start, n, inks, foreign);
        }
    }
}

/// Pixels in their new colour.
struct Finished {
    /// 0 to 255, with dither and not yet rounded.
    codes: [Lanes; 3],
    /// Share that is dyed.
    dyed: Lanes,
}

impl Finished {
    /// `place` is a pixel's column and row in the picture.
    fn of(
        pixels: &PixelLanes,
        paints: &[InkPaint],
        noise: f32,
        dither: f32,
        place: impl Fn(usize) -> (usize, usize),
    ) -> Self {
        let mut out = [[0.0; LANES]; 4];
        dye_lanes(pixels, paints, noise, &mut out);
        let [l, a, b, dyed] = out;
        let mut codes = [l, a, b];
        codes_from_lab(&mut codes);
        if dither > 0.0 {
            for i in 0..LANES {
                let (x, y) = place(i);
                let noise = dither * threshold(x, y);
                codes.iter_mut().for_each(|lanes| lanes[i] += noise);
            }
        }
        Self { codes, dyed }
    }

    /// Puts pixel `i` over the photo's.
    #[inline]
    fn lay_over<T: Channel>(&self, rgb: &mut [T], i: usize, alpha: u8, pixels: &PixelLanes) {
        if alpha == 0 || self.dyed[i] < LEAST_DYED {
            return;
        }
        let new = [self.codes[0][i], self.codes[1][i], self.codes[2][i]];
        if alpha == 255 {
            rgb.copy_from_slice(&new.map(T::of_code));
        } else {
            let cloth = Lab::new(pixels.color[0][i], pixels.color[1][i], pixels.color[2][i]);
            blend_over(rgb, new, cloth.to_linear(), f32::from(alpha) / 255.0);
        }
    }
}

/// Ordered noise between −½ and ½: interleaved gradient noise (Jimenez, "Next generation post processing", 2014).
#[inline]
fn threshold(x: usize, y: usize) -> f32 {
    let fraction = |v: f32| v - (v as i32) as f32;
    fraction(52.982_918 * fraction(0.067_110_56 * x as f32 + 0.005_837_15 * y as f32)) - 0.5
}

/// Mask-weighted lightness, box-filtered twice, so that the backdrop does not bleed into the garment's edge; and how
/// far inside the garment a pixel is, from the equally filtered mask.
fn low_pass(lab: &LabPlanes, mask: &Mask, frame: GarmentFrame, radius: usize) -> (SmoothPlane, SmoothPlane) {
    let (width, height) = (lab.width(), lab.height());
    let factor = reduction(radius);
    let start = frame.y_px as usize * mask.width_px() as usize + frame.x_px as usize;
    let stride = mask.width_px() as usize;
    let weight = |x: usize, y: usize| f32::from(mask.data()[start + y * stride + x]) / 255.0 + 1e-4;
    let mut light = cell_means(width, height, factor, |x, y| lab.lightness(x, y) * weight(x, y));
    let mut weight = cell_means(width, height, factor, weight);
    weight.spread(radius);
    light.spread(radius);
    // Half covered at the edge itself, fully covered one reach inside.
    (light.divided(&weight), weight.map(|w| ((w - 0.6) * 3.0).clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests;
