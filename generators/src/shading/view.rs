//! What the shading network sees: a small square copy of the garment, its light, and the analytic estimate of its shading.

use pixels::color::{Lab, linear_from_srgb8};
use pixels::garment_frame::GarmentFrame;
use pixels::garment_stats::{CORE_ALPHA, percentile};
use pixels::shading::Base;
use pixels::{Mask, SrgbImage, guided_filter, resize_linear, resize_mask};

use crate::Result;
use crate::registration::Plane;

/// Side of the small copy, in pixels.
pub const SIDE: usize = 128;
/// Planes that the network reads: log light, Lab, mask, base.
pub const PLANES: usize = 6;
/// Index of the plane that holds the mask.
pub const MASK_PLANE: i64 = 4;
/// Index of the plane that holds the base.
pub const BASE_PLANE: i64 = 5;
/// Added to luminance before its logarithm, so that black cloth's noise stays small.
pub const FLARE: f32 = 0.004;
/// Margin around the garment, as a share of its longer side.
const MARGIN: f32 = 0.03;
/// Longest side of a plane over a photo, in cells.
const LARGEST: usize = 1024;
/// Log light farther from the garment's median is cut off.
const LOG_LIMIT: f32 = 4.0;

/// The small copy: the garment's frame, fitted into a square, and nothing around it.
#[derive(Clone, Debug)]
pub struct View {
    /// Where the frame lies in the photo.
    pub frame: GarmentFrame,
    /// Where the frame lies in the square: left, top, width, height, in pixels.
    pub place: [usize; 4],
    /// The photo in the frame, `SIDE` × `SIDE`.
    pub image: SrgbImage,
    /// The mask in the frame, `SIDE` × `SIDE`, 0 around it.
    pub mask: Mask,
}

impl View {
    /// The small copy of what `mask` covers; `None` when it covers nothing.
    ///
    /// # Errors
    /// When photo and mask differ in size.
    pub fn new(photo: &SrgbImage, mask: &Mask) -> Result<Option<Self>> {
        mask.check_size(photo.width_px(), photo.height_px())?;
        let Some(frame) = GarmentFrame::around(mask, MARGIN) else { return Ok(None) };
        let longer = frame.width_px.max(frame.height_px) as f32;
        let side = |px: u32| ((px as f32 * SIDE as f32 / longer).round() as usize).clamp(1, SIDE);
        let (width, height) = (side(frame.width_px), side(frame.height_px));
        let (left, top) = ((SIDE - width) / 2, (SIDE - height) / 2);
        let (cut, cut_mask) = (crop(photo, frame)?, crop_mask(mask, frame)?);
        let small = resize_linear(&cut, width as u32, height as u32)?;
        let small_mask = resize_mask(&cut_mask, width as u32, height as u32)?;
        let mut image = SrgbImage::filled(SIDE as u32, SIDE as u32, [0; 3]);
        let mut alpha = Mask::filled(SIDE as u32, SIDE as u32, 0);
        for y in 0..height {
            let to = (y + top) * SIDE + left;
            image.data_mut()[3 * to..3 * (to + width)]
                .copy_from_slice(&small.data()[3 * y * width..3 * (y + 1) * width]);
            alpha.data_mut()[to..to + width].copy_from_slice(&small_mask.data()[y * width..(y + 1) * width]);
        }
        Ok(Some(Self { frame, place: [left, top, width, height], image, mask: alpha }))
    }

    /// A plane of the small copy laid over the whole photo; around the frame it continues what is at its edge.
    pub fn over_photo(&self, values: &[f32], photo: &SrgbImage) -> guided_filter::Plane {
        let [left, top, width, height] = self.place.map(|v| v as f32);
        let (across, down) = (width / self.frame.width_px as f32, height / self.frame.height_px as f32);
        let side = |px: u32, scale: f32| ((px as f32 * scale).round() as usize).clamp(1, LARGEST);
        let (columns, rows) = (side(photo.width_px(), across), side(photo.height_px(), down));
        // Centre of a cell in the photo, and where that lies in the small copy.
        let place = |i: usize, cells: usize, px: u32, start: u32, scale: f32, offset: f32, extent: f32| {
            let at = (i as f32 + 0.5) * px as f32 / cells as f32;
            ((at - start as f32) * scale + offset - 0.5).clamp(offset, offset + extent - 1.0)
        };
        let mut out = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let y = place(row, rows, photo.height_px(), self.frame.y_px, down, top, height);
            for column in 0..columns {
                let x = place(column, columns, photo.width_px(), self.frame.x_px, across, left, width);
                let (x0, y0) = (x as usize, y as usize);
                let (x1, y1) = ((x0 + 1).min(SIDE - 1), (y0 + 1).min(SIDE - 1));
                let at = |x: usize, y: usize| values[y * SIDE + x];
                let upper = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * (x - x0 as f32);
                let lower = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * (x - x0 as f32);
                out.push(upper + (lower - upper) * (y - y0 as f32));
            }
        }
        guided_filter::Plane { width: columns, height: rows, values: out }
    }
}

/// A rectangle of a photo.
///
/// # Errors
/// Never for a frame inside the photo.
pub fn crop(photo: &SrgbImage, frame: GarmentFrame) -> Result<SrgbImage> {
    let stride = 3 * photo.width_px() as usize;
    let (from, to) = (3 * frame.x_px as usize, 3 * (frame.x_px + frame.width_px) as usize);
    let rows = photo.data().chunks_exact(stride).skip(frame.y_px as usize).take(frame.height_px as usize);
    Ok(SrgbImage::new(frame.width_px, frame.height_px, rows.flat_map(|row| &row[from..to]).copied().collect())?)
}

fn crop_mask(mask: &Mask, frame: GarmentFrame) -> Result<Mask> {
    let stride = mask.width_px() as usize;
    let (from, to) = (frame.x_px as usize, (frame.x_px + frame.width_px) as usize);
    let rows = mask.data().chunks_exact(stride).skip(frame.y_px as usize).take(frame.height_px as usize);
    Ok(Mask::new(frame.width_px, frame.height_px, rows.flat_map(|row| &row[from..to]).copied().collect())?)
}

/// Luminance of linear sRGB, 0 to 1.
pub fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Pixels that are surely cloth: alpha at least [`CORE_ALPHA`], or the strongest half where the mask is softer everywhere.
pub fn core(mask: &Mask) -> Vec<bool> {
    let strongest = mask.data().iter().copied().max().unwrap_or(0);
    let least = if strongest >= CORE_ALPHA { CORE_ALPHA } else { (strongest / 2).max(1) };
    mask.data().iter().map(|&a| a >= least).collect()
}

/// The median over what is surely cloth; 0 for nothing.
pub fn median_inside(values: &[f32], inside: &[bool]) -> f32 {
    let mut chosen: Vec<f32> = values.iter().zip(inside).filter_map(|(&v, &keep)| keep.then_some(v)).collect();
    percentile(&mut chosen, 0.5)
}

/// Natural logarithm of luminance, relative to the median over the cloth.
pub fn log_light(image: &SrgbImage, mask: &Mask) -> Vec<f32> {
    let log = |rgb: &[u8]| (luminance([rgb[0], rgb[1], rgb[2]].map(linear_from_srgb8)) + FLARE).ln();
    let values: Vec<f32> = image.data().chunks_exact(3).map(log).collect();
    let median = median_inside(&values, &core(mask));
    values.iter().map(|v| (v - median).clamp(-LOG_LIMIT, LOG_LIMIT)).collect()
}

/// The analytic estimate that the network corrects: log shading relative to its median.
///
/// # Errors
/// When picture and mask differ in size.
pub fn base(image: &SrgbImage, mask: &Mask) -> Result<Vec<f32>> {
    Ok(Base::estimate(image, mask)?.log.resized(SIDE, SIDE).values)
}

/// A masked Gaussian blur of a `SIDE` × `SIDE` plane; what is outside the mask takes no part.
pub fn smoothed(values: &[f32], mask: &Mask, sigma_px: f32) -> Vec<f32> {
    let side = mask.width_px() as usize;
    let plane = |data: Vec<f32>| Plane { width: side, height: mask.height_px() as usize, data };
    let alpha = plane(mask.data().iter().map(|&a| f32::from(a) / 255.0).collect());
    let weight = alpha.blurred(sigma_px).map(|v| v + 1e-3);
    plane(values.to_vec()).times(&alpha).blurred(sigma_px).over(&weight).data
}

/// Everything that the network reads of a small copy, `[PLANES][SIDE][SIDE]`, 0 outside the mask.
///
/// # Errors
/// When picture and mask differ in size.
pub fn planes(image: &SrgbImage, mask: &Mask) -> Result<Vec<f32>> {
    let n = SIDE * SIDE;
    let light = log_light(image, mask);
    let base = base(image, mask)?;
    let mut out = vec![0.0; PLANES * n];
    for (i, rgb) in image.data().chunks_exact(3).enumerate() {
        let alpha = f32::from(mask.data()[i]) / 255.0;
        if alpha == 0.0 {
            continue;
        }
        let color = Lab::from_srgb8([rgb[0], rgb[1], rgb[2]]);
        let values = [light[i], color.l / 50.0 - 1.0, color.a / 40.0, color.b / 40.0, 1.0, base[i]];
        for (plane, value) in values.into_iter().enumerate() {
            out[plane * n + i] = value * alpha;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_copy_keeps_the_aspect_and_shows_the_garment_alone() {
        let photo = SrgbImage::filled(200, 100, [90, 60, 30]);
        let mut mask = Mask::filled(200, 100, 0);
        for y in 20..80 {
            mask.data_mut()[y * 200 + 50..y * 200 + 80].fill(255);
        }
        let view = View::new(&photo, &mask).unwrap().unwrap();
        let [left, _, width, height] = view.place;
        assert_eq!(height, SIDE);
        assert!((width as f32 / height as f32 - 34.0 / 64.0).abs() < 0.03 && left > 20);
        assert_eq!(view.mask.data()[64 * SIDE + 64], 255);
        assert_eq!(view.mask.data()[64 * SIDE + 2], 0);
        let planes = planes(&view.image, &view.mask).unwrap();
        assert_eq!((planes[0], planes[64 * SIDE + 64]), (0.0, 0.0));
        assert!(View::new(&photo, &Mask::filled(200, 100, 0)).unwrap().is_none());
    }
}
