//! Renders a dyed garment at full resolution: law, learned residual and gamut in one pass over the rows.

use rayon::prelude::*;

use crate::bilateral_grid::{BilateralGrid, GridRow};
use crate::color::{Lab, LabImage, srgb_code_from_linear};
use crate::dye_law::DyeLaw;
use crate::garment_frame::GarmentFrame;
use crate::garment_stats::GarmentStats;
use crate::{Mask, Result, SrgbImage};

/// Lab units of one unit of the residual's input.
pub const INPUT_SCALE: f32 = 25.0;
/// Largest magnitude of the residual's input.
pub const INPUT_LIMIT: f32 = 2.5;

/// What all swatches of one photo share.
pub struct DyeSource {
    /// The photo in Lab.
    pub lab: LabImage,
    /// Lightness without fine detail, one value per pixel; meaningful inside the frame.
    pub low: Vec<f32>,
    /// Lightness of folds and larger forms alone, which is all that the residual may depend on, one value per pixel;
    /// meaningful inside the frame.
    pub broad: Vec<f32>,
    /// 1 inside the garment, falling to 0 at its edge, one value per pixel; meaningful inside the frame.
    pub inner: Vec<f32>,
    /// The garment's statistics.
    pub stats: GarmentStats,
    /// The rectangle that the grid covers.
    pub frame: GarmentFrame,
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
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when mask and picture differ in size.
    pub fn new(image: &SrgbImage, mask: &Mask) -> Result<Option<Self>> {
        mask.check_size(image.width_px(), image.height_px())?;
        let lab = LabImage::from_srgb(image);
        let (Some(stats), Some(frame)) = (GarmentStats::measure(&lab, mask)?, GarmentFrame::around(mask, MARGIN))
        else {
            return Ok(None);
        };
        let (low, inner) = low_pass(&lab, mask, frame, LOW_PASS);
        let (broad, _) = low_pass(&lab, mask, frame, BROAD_PASS);
        Ok(Some(Self { lab, low, broad, inner, stats, frame }))
    }

    /// Whether the pixel of this row-major index lies in the frame, where the low-passed planes have values.
    pub fn frames(&self, index: usize) -> bool {
        let width = self.lab.width_px().max(1) as usize;
        let GarmentFrame { x_px, y_px, width_px, height_px } = self.frame;
        let inside = |at: usize, from: u32, length: u32| (from as usize..(from + length) as usize).contains(&at);
        inside(index % width, x_px, width_px) && inside(index / width, y_px, height_px)
    }

    /// What the residual adds at a pixel of the frame, in Lab units.
    #[inline]
    fn residual(&self, maps: &GridRow, x: usize, index: usize) -> [f32; 3] {
        let form = self.broad[index];
        let Lab { a, b, .. } = self.stats.median;
        maps.apply(x, self.frame.width_px as usize, self.stats.guide(form), self.input(Lab::new(form, a, b)))
    }

    /// The residual's input for a colour: its deviation from the garment's median.
    #[inline]
    pub fn input(&self, color: Lab) -> [f32; 3] {
        let median = self.stats.median;
        [color.l - median.l, color.a - median.a, color.b - median.b]
            .map(|d| (d / INPUT_SCALE).clamp(-INPUT_LIMIT, INPUT_LIMIT))
    }

    /// The dyed photo: pixels of the frame changed, the others as they were. Lay it over the photo with
    /// [`crate::composite`].
    pub fn render(&self, image: &SrgbImage, law: &DyeLaw, grid: &BilateralGrid) -> SrgbImage {
        let mut out = image.clone();
        let picture_width = image.width_px() as usize;
        let (width, height) = (self.frame.width_px as usize, self.frame.height_px as usize);
        let (left, top) = (self.frame.x_px as usize, self.frame.y_px as usize);
        let dither = law.dither();
        let rows = out.data_mut().par_chunks_mut(picture_width * 3).skip(top).take(height);
        rows.enumerate().for_each(|(y, row)| {
            let maps = grid.row(y, height);
            let start = (top + y) * picture_width + left;
            for (x, rgb) in row[left * 3..(left + width) * 3].chunks_exact_mut(3).enumerate() {
                let color = self.lab.at(start + x);
                let base = law.apply(color, self.low[start + x], self.inner[start + x]);
                let residual = self.residual(&maps, x, start + x).map(|r| r * (1.0 - law.lock().foreign(color)));
                let dyed = Lab::new(base.l + residual[0], base.a + residual[1], base.b + residual[2]);
                rgb.copy_from_slice(&encode(dyed, dither * threshold(left + x, top + y)));
            }
        });
        out
    }

    /// The dyed bytes, `RGBRGB…`, of some pixels (row-major indices; those outside the frame are left out).
    pub fn render_sample(&self, indices: &[usize], law: &DyeLaw, grid: &BilateralGrid) -> Vec<u8> {
        let picture_width = self.lab.width_px() as usize;
        let height = self.frame.height_px as usize;
        let (left, top) = (self.frame.x_px as usize, self.frame.y_px as usize);
        let mut row = (usize::MAX, grid.row(0, height));
        let dither = law.dither();
        let mut codes = Vec::with_capacity(3 * indices.len());
        for &i in indices {
            let (px, py) = (i % picture_width, i / picture_width);
            let (Some(x), Some(y)) = (px.checked_sub(left), py.checked_sub(top)) else { continue };
            if row.0 != y {
                row = (y, grid.row(y, height));
            }
            let color = self.lab.at(i);
            let base = law.apply(color, self.low[i], self.inner[i]);
            let residual = self.residual(&row.1, x, i).map(|r| r * (1.0 - law.lock().foreign(color)));
            let dyed = Lab::new(base.l + residual[0], base.a + residual[1], base.b + residual[2]);
            codes.extend(encode(dyed, dither * threshold(px, py)));
        }
        codes
    }
}

/// Light brought into sRGB by taking saturation away at equal luminance.
#[inline]
fn into_gamut(rgb: [f32; 3]) -> [f32; 3] {
    let [r, g, b] = rgb;
    let (least, most) = (r.min(g).min(b), r.max(g).max(b));
    if least >= 0.0 && most <= 1.0 {
        return rgb;
    }
    let luminance = (0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b).clamp(0.0, 1.0);
    let below = if least < 0.0 { luminance / (luminance - least).max(1e-9) } else { 1.0 };
    let above = if most > 1.0 { (1.0 - luminance) / (most - luminance).max(1e-9) } else { 1.0 };
    let kept = below.min(above);
    rgb.map(|c| luminance + (c - luminance) * kept)
}

/// The sRGB bytes of a colour; `dither` is added to the code values before rounding.
#[inline]
fn encode(color: Lab, dither: f32) -> [u8; 3] {
    into_gamut(color.to_linear()).map(|c| (srgb_code_from_linear(c) + dither + 0.5).clamp(0.0, 255.0) as u8)
}

/// Ordered noise between −½ and ½: interleaved gradient noise (Jimenez, "Next generation post processing", 2014).
#[inline]
fn threshold(x: usize, y: usize) -> f32 {
    let inner = (0.067_110_56 * x as f32 + 0.005_837_15 * y as f32).fract();
    (52.982_918 * inner).fract() - 0.5
}

/// Mask-weighted lightness, box-filtered twice, so that the backdrop does not bleed into the garment's edge; and how
/// far inside the garment a pixel is, from the equally filtered mask.
fn low_pass(lab: &LabImage, mask: &Mask, frame: GarmentFrame, reach: f32) -> (Vec<f32>, Vec<f32>) {
    let (width, height) = (frame.width_px as usize, frame.height_px as usize);
    let picture_width = lab.width_px() as usize;
    let radius = ((width.max(height) as f32 * reach).round() as usize).max(1);
    let index = |i: usize| (i / width + frame.y_px as usize) * picture_width + i % width + frame.x_px as usize;
    let mut weight: Vec<f32> =
        (0..width * height).into_par_iter().map(|i| f32::from(mask.data()[index(i)]) / 255.0 + 1e-4).collect();
    let mut light: Vec<f32> =
        (0..width * height).into_par_iter().map(|i| lab.data()[3 * index(i)] * weight[i]).collect();
    for plane in [&mut weight, &mut light] {
        for _ in 0..2 {
            box_rows(plane, width, radius);
            box_columns(plane, width, radius);
        }
    }
    let mut low: Vec<f32> = vec![0.0; lab.data().len() / 3];
    low.par_chunks_mut(picture_width.max(1)).skip(frame.y_px as usize).take(height).enumerate().for_each(|(y, row)| {
        let out = &mut row[frame.x_px as usize..][..width];
        let sums = light[y * width..].iter().zip(&weight[y * width..]);
        for (value, (l, w)) in out.iter_mut().zip(sums) {
            *value = l / w;
        }
    });
    let mut inner: Vec<f32> = vec![0.0; low.len()];
    inner.par_chunks_mut(picture_width.max(1)).skip(frame.y_px as usize).take(height).enumerate().for_each(
        |(y, row)| {
            let out = &mut row[frame.x_px as usize..][..width];
            for (value, w) in out.iter_mut().zip(&weight[y * width..]) {
                // Half covered at the edge itself, fully covered one reach inside.
                *value = ((w - 0.6) * 3.0).clamp(0.0, 1.0);
            }
        },
    );
    (low, inner)
}

/// Running sums along the rows, edges shrinking the window; sums are not divided since a ratio is taken later.
fn box_rows(plane: &mut [f32], width: usize, radius: usize) {
    let window = (2 * radius + 1) as f64;
    plane.par_chunks_mut(width).for_each_init(
        || vec![0.0_f64; width + 1],
        |prefix, row| {
            for (i, &value) in row.iter().enumerate() {
                prefix[i + 1] = prefix[i] + f64::from(value);
            }
            for (i, value) in row.iter_mut().enumerate() {
                *value = ((prefix[(i + radius + 1).min(width)] - prefix[i.saturating_sub(radius)]) / window) as f32;
            }
        },
    );
}

/// The same along the columns, whole rows at a time.
fn box_columns(plane: &mut [f32], width: usize, radius: usize) {
    let height = plane.len() / width.max(1);
    let source = plane.to_vec();
    let bands = 4;
    let band = height.div_ceil(bands).max(1);
    let share = 1.0 / (2 * radius + 1) as f32;
    plane.par_chunks_mut(band * width).enumerate().for_each(|(part, rows)| {
        let first = part * band;
        let mut sum = vec![0.0_f32; width];
        let line = |y: usize| &source[y * width..(y + 1) * width];
        let add = |sum: &mut [f32], y: usize, sign: f32| {
            for (s, v) in sum.iter_mut().zip(line(y)) {
                *s += sign * v;
            }
        };
        for y in first.saturating_sub(radius)..(first + radius).min(height) {
            add(&mut sum, y, 1.0);
        }
        for (offset, row) in rows.chunks_exact_mut(width).enumerate() {
            let y = first + offset;
            if y + radius < height {
                add(&mut sum, y + radius, 1.0);
            }
            for (value, s) in row.iter_mut().zip(&sum) {
                *value = s * share;
            }
            if y >= radius {
                add(&mut sum, y - radius, -1.0);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloth(width: u32, height: u32) -> (SrgbImage, Mask) {
        let mut image = SrgbImage::filled(width, height, [255; 3]);
        let mut mask = Mask::filled(width, height, 0);
        for y in 2..height - 1 {
            for x in 3..width - 2 {
                let i = (y * width + x) as usize;
                let shade = (((x * 7 + y * 13) % 31) as u8) + 60;
                image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[shade, shade / 2, shade / 3]);
                mask.data_mut()[i] = 255;
            }
        }
        (image, mask)
    }

    #[test]
    fn only_the_frame_changes_and_samples_equal_the_picture() {
        let (image, mask) = cloth(61, 47);
        let source = DyeSource::new(&image, &mask).unwrap().unwrap();
        let target = Lab::new(70.0, -20.0, 30.0);
        let law = DyeLaw::new(&source.stats, target);
        let dyed = source.render(&image, &law, &BilateralGrid::zero());
        assert_eq!(dyed.pixel(0, 0), [255; 3]);
        let core = crate::garment_stats::core_sample(&mask, 500);
        let colors = source.render_sample(&core, &law, &BilateralGrid::zero());
        for (&i, code) in core.iter().zip(colors.chunks_exact(3)) {
            assert_eq!(code, dyed.pixel(i as u32 % 61, i as u32 / 61));
        }
        let colors: Vec<Lab> = colors.chunks_exact(3).map(|c| Lab::from_srgb8([c[0], c[1], c[2]])).collect();
        let median = crate::garment_stats::median_lab(&colors);
        assert!(crate::color::delta_e00(median, target) < 2.0, "{median:?}");
    }

    #[test]
    fn light_out_of_gamut_keeps_its_luminance() {
        let fitted = into_gamut([1.4, 0.2, -0.1]);
        assert!(fitted.iter().all(|c| (-1e-6..=1.0 + 1e-6).contains(c)), "{fitted:?}");
        let luminance = |c: [f32; 3]| 0.212_672_9 * c[0] + 0.715_152_2 * c[1] + 0.072_175 * c[2];
        assert!((luminance(fitted) - luminance([1.4, 0.2, -0.1])).abs() < 1e-5);
    }

    #[test]
    fn the_low_pass_of_a_flat_cloth_is_flat_up_to_its_edge() {
        let image = SrgbImage::filled(40, 30, [90, 40, 40]);
        let mut mask = Mask::filled(40, 30, 0);
        mask.data_mut()[40 * 5..40 * 25].fill(255);
        let source = DyeSource::new(&image, &mask).unwrap().unwrap();
        let l = source.stats.median.l;
        let frame = source.frame;
        for y in frame.y_px..frame.y_px + frame.height_px {
            assert!((source.low[(y * 40) as usize] - l).abs() < 0.01);
        }
    }
}
