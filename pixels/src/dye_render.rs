//! Renders a dyed garment at full resolution: inks, laws, learned residual, gamut, dither and alpha in one pass.
//!
//! Everything that depends on the photo alone is measured once for all its swatches and kept compact: Lab in 16 bits,
//! ink shares in 8, smooth planes at a fraction of the size.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::bilateral_grid::BilateralGrid;
use crate::color::{Curve, Lab};
use crate::color_map::{ColorMap, families};
use crate::composite::Channel;
use crate::dye_finish::{Finished, Places};
use crate::dye_lanes::{PixelLanes, dye_lanes};
use crate::dye_plan::{DyePlan, change_of};
use crate::garment_frame::GarmentFrame;
use crate::garment_stats::{GarmentStats, SAMPLE_LIMIT, core_sample};
use crate::gloss;
use crate::inks::{Cloth, Inks, cell_means};
use crate::lab_planes::LabPlanes;
use crate::pool;
use crate::smooth_plane::{SmoothPlane, SmoothRow, reduction};
use crate::vector::LANES;
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
        let mut stats = GarmentStats::of_colors(&colors)?;
        gloss::mark(&lab, &core, &mut stats);
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

    /// Row-major picture indices of the pixels of the mask's core that the garment was measured at.
    pub fn core(&self) -> Vec<usize> {
        self.core.iter().map(|&place| self.index(place)).collect()
    }

    /// The frame's pixel as a row-major index of the picture.
    fn index(&self, (x, y): (usize, usize)) -> usize {
        (y + self.frame.y_px as usize) * self.picture_width + x + self.frame.x_px as usize
    }

    /// Row-major picture indices of at most `limit` pixels of the mask's core that are mostly this ink of the plan; all
    /// of the core where there are none.
    pub fn core_of(&self, plan: &DyePlan, ink: usize, limit: usize) -> Vec<usize> {
        let index = |&place: &(usize, usize)| self.index(place);
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
        let mut out = pool::bytes(photo.data().len());
        self.render_rows(photo.data(), &mut out, mask, plan);
        SrgbImage::new(photo.width_px(), photo.height_px(), out)
    }

    /// The same with 16 bits a channel.
    ///
    /// # Errors
    /// As [`DyeSource::render`].
    pub fn render_deep(&self, photo: &Srgb16Image, mask: &Mask, plan: &DyePlan) -> Result<Srgb16Image> {
        mask.check_size(photo.width_px(), photo.height_px())?;
        self.alpha.check_size(photo.width_px(), photo.height_px())?;
        let mut out = vec![0; photo.data().len()];
        self.render_rows(photo.data(), &mut out, mask, plan);
        Srgb16Image::new(photo.width_px(), photo.height_px(), out)
    }

    fn render_rows<T: Channel>(&self, photo: &[T], picture: &mut [T], mask: &Mask, plan: &DyePlan) {
        let (left, top, width) = (self.frame.x_px as usize, self.frame.y_px as usize, self.lab.width());
        let paints = plan.paints();
        let dither = if T::COARSE { plan.dither() } else { 0.0 };
        let curve = Curve::get();
        let length = (self.picture_width * 3).max(1);
        let rows = picture.par_chunks_mut(length).zip(photo.par_chunks(length)).enumerate();
        let state = || (Lines::default(), PixelLanes::new(paints.len()));
        rows.for_each_init(state, |(lines, pixels), (row_index, (row, below))| {
            // Row by row, so that what is copied is still at hand when it is dyed.
            row.copy_from_slice(below);
            let Some(y) = row_index.checked_sub(top).filter(|&y| y < self.lab.height()) else { return };
            let alpha = &mask.data()[row_index * self.picture_width + left..][..width];
            let Some(first) = alpha.iter().position(|&a| a > 0) else { return };
            lines.load(self, plan, y);
            for start in (first / LANES * LANES..width).step_by(LANES) {
                let n = LANES.min(width - start);
                let alpha = &alpha[start..start + n];
                if alpha.iter().all(|&a| a == 0) {
                    continue;
                }
                lines.read(self, plan, (start, y), n, pixels);
                let places = Places::along(left + start, row_index);
                let finished = Finished::of(pixels, &paints, plan.noise(), dither, &places);
                finished.lay_over(&mut row[3 * (left + start)..][..3 * n], alpha, pixels, curve);
            }
        });
    }

    /// Gathers what a plan needs to know of some pixels (row-major indices) to dye them again and again.
    pub fn gather(&self, plan: &DyePlan, indices: &[usize]) -> Gathered {
        let gather = |indices: &[usize]| {
            let mut pixels = self.gather_inks(plan.inks(), indices);
            if let Some(residual) = &plan.residual {
                for (i, (x, y)) in self.places(indices) {
                    (0..3).for_each(|c| pixels.residual[c][i] = residual[c].at(x, y));
                }
            }
            pixels
        };
        Gathered {
            inks: plan.shared_inks(),
            indices: indices.to_vec(),
            blocks: indices.par_chunks(LANES).map(gather).collect(),
        }
    }

    /// The dyed bytes, `RGBRGB…`, of gathered pixels as [`DyeSource::render`] gives them. Pixels outside the frame stay.
    pub fn render_sample(&self, photo: &SrgbImage, mask: &Mask, plan: &DyePlan, sample: &Gathered) -> Vec<u8> {
        let paints = plan.paints();
        let curve = Curve::get();
        let own = |&i: &usize| match photo.data().get(3 * i..3 * i + 3) {
            Some(&[r, g, b]) => [r, g, b],
            _ => [0; 3],
        };
        let mut out: Vec<u8> = sample.indices.iter().flat_map(own).collect();
        let blocks = sample.indices.par_chunks(LANES).zip(&sample.blocks);
        out.par_chunks_mut(3 * LANES).zip(blocks).for_each(|(bytes, (indices, pixels))| {
            let places = Places::of(indices, self.picture_width);
            let finished = Finished::of(pixels, &paints, plan.noise(), plan.dither(), &places);
            let alpha = |&index: &usize| self.place(index).and_then(|_| mask.data().get(index)).copied().unwrap_or(0);
            let alpha: Vec<u8> = indices.iter().map(alpha).collect();
            finished.lay_over(bytes, &alpha, pixels, curve);
        });
        out
    }

    /// The colours that the plan gives gathered pixels, before gamut, alpha and encoding; pixels outside the frame have none.
    pub fn colors(&self, plan: &DyePlan, sample: &Gathered) -> Vec<Option<Lab>> {
        let paints = plan.paints();
        let mut colors = Vec::with_capacity(sample.indices.len());
        for (indices, pixels) in sample.indices.chunks(LANES).zip(&sample.blocks) {
            let mut out = [[0.0; LANES]; 4];
            dye_lanes(pixels, &paints, plan.noise(), &mut out);
            let color = |i: usize| Lab::new(out[0][i], out[1][i], out[2][i]);
            colors.extend(indices.iter().enumerate().map(|(i, &index)| self.place(index).map(|_| color(i))));
        }
        colors
    }

    /// Lanes of the pixels that lie in the frame, with their columns and rows there.
    fn places(&self, indices: &[usize]) -> impl Iterator<Item = (usize, (usize, usize))> {
        indices.iter().enumerate().take(LANES).filter_map(|(i, &index)| self.place(index).map(|place| (i, place)))
    }

    fn gather_inks(&self, inks: &Inks, indices: &[usize]) -> PixelLanes {
        let mut pixels = PixelLanes::new(inks.inks().len());
        for (i, (x, y)) in self.places(indices) {
            let Lab { l, a, b } = self.lab.color(x, y);
            (pixels.color[0][i], pixels.color[1][i], pixels.color[2][i]) = (l, a, b);
            pixels.foreign[i] = inks.foreign(x, y);
            pixels.inner[i] = self.inner.at(x, y);
            for (k, (lanes, ink)) in pixels.inks.iter_mut().zip(inks.inks()).enumerate() {
                lanes.share[i] = inks.share(k, x, y);
                lanes.low[i] = ink.low.at(x, y);
            }
        }
        pixels
    }
}

/// Some of a photo's pixels with all that a plan knows of them.
pub struct Gathered {
    inks: Arc<Inks>,
    indices: Vec<usize>,
    blocks: Vec<PixelLanes>,
}

impl Gathered {
    /// Whether these pixels were gathered for a plan's inks. What the network adds is that of the plan it was gathered for.
    pub fn is_of(&self, plan: &DyePlan, indices: &[usize]) -> bool {
        std::ptr::eq(&raw const *self.inks, plan.inks()) && self.indices == indices
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
