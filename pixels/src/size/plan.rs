//! Geometry: which part of a picture a size shows, how large, and where.

use super::{Background, Fit, SizeSpec, Target};
use crate::Mask;

/// Share of a mask's weight that may lie outside a [`Focus`] on each side, so that a stray pixel doesn't move the crop.
const STRAY: f64 = 0.0005;

/// Where the garment is: a rectangle in pixels of the photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Focus {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl Focus {
    /// The rectangle around what a mask covers; `None` when it covers nothing.
    pub fn of_mask(mask: &Mask) -> Option<Self> {
        let width = mask.width_px() as usize;
        let (mut columns, mut rows) = (vec![0_u64; width], vec![0_u64; mask.height_px() as usize]);
        for (row, line) in rows.iter_mut().zip(mask.data().chunks_exact(width.max(1))) {
            for (column, &alpha) in columns.iter_mut().zip(line) {
                let alpha = u64::from(alpha);
                *column += alpha;
                *row += alpha;
            }
        }
        let (left, right) = extent(&columns)?;
        let (top, bottom) = extent(&rows)?;
        Some(Self { left, top, width: right - left + 1, height: bottom - top + 1 })
    }
}

/// First and last place of what holds nearly all of the weight.
fn extent(weights: &[u64]) -> Option<(u32, u32)> {
    let total: u64 = weights.iter().sum();
    let stray = (total as f64 * STRAY) as u64;
    let start = first_over(weights.iter(), stray)?;
    let end = first_over(weights.iter().rev(), stray)?;
    Some((start as u32, (weights.len() - 1 - end) as u32))
}

fn first_over<'a>(mut weights: impl Iterator<Item = &'a u64>, stray: u64) -> Option<usize> {
    let mut sum = 0;
    weights.position(|weight| {
        sum += weight;
        sum > stray
    })
}

/// Where the pixels of a rendition come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Cut from the source, in pixels: left, top, width, height.
    pub crop: (u32, u32, u32, u32),
    /// Size in pixels that the cut is resized to.
    pub scaled: (u32, u32),
    /// Size in pixels of the output, at least `scaled`.
    pub canvas: (u32, u32),
    /// Column and row of the output where the cut's first pixel goes.
    pub(super) at: (u32, u32),
    pub(super) background: Background,
}

/// A side scaled by the exact fraction `times / by`, rounded, at least 1.
fn scale(side: u32, times: u32, by: u32) -> u32 {
    let (side, times, by) = (u64::from(side), u64::from(times), u64::from(by.max(1)));
    ((side * times + by / 2) / by).clamp(1, u64::from(u32::MAX)) as u32
}

/// The size of `width`×`height` scaled to just fit inside a box.
fn inside(width: u32, height: u32, box_width: u32, box_height: u32) -> (u32, u32) {
    if u64::from(width) * u64::from(box_height) > u64::from(box_width) * u64::from(height) {
        (box_width, scale(height, box_width, width).min(box_height))
    } else {
        (scale(width, box_height, height).min(box_width), box_height)
    }
}

impl SizeSpec {
    /// What becomes of a picture of this size; `garment` is where it is, for sizes that need it. Without one, such a size shows
    /// the whole picture.
    pub fn plan(&self, width_px: u32, height_px: u32, garment: Option<Focus>) -> Plan {
        let (width, height) = (width_px, height_px);
        let may = |larger: bool| self.upscale || !larger;
        let plain = |crop, scaled| self.at_center(crop, scaled, scaled);
        let whole = (0, 0, width, height);
        let focus = garment.zip(self.garment).filter(|_| width > 0 && height > 0);
        match (self.target, focus) {
            (Target::Width(to), _) => {
                plain(whole, if may(to > width) { (to, scale(height, to, width)) } else { (width, height) })
            }
            (Target::Height(to), _) => {
                plain(whole, if may(to > height) { (scale(width, to, height), to) } else { (width, height) })
            }
            (Target::Box(box_width, box_height, Fit::Cover), focus) => {
                let (crop_width, crop_height) = inside(box_width, box_height, width, height);
                let mut crop = ((width - crop_width) / 2, (height - crop_height) / 2, crop_width, crop_height);
                if let Some((focus, margin)) = focus {
                    crop = self.around((width, height), (box_width, box_height), focus, margin);
                }
                let larger = box_width > crop.2 || box_height > crop.3;
                plain(crop, if may(larger) { (box_width, box_height) } else { (crop.2, crop.3) })
            }
            (Target::Box(box_width, box_height, Fit::Garment), Some((focus, margin))) => {
                self.centered((width, height), (box_width, box_height), focus, margin)
            }
            (Target::Box(box_width, box_height, fit), _) => {
                let fitted = inside(width, height, box_width, box_height);
                let larger = fitted.0 > width || fitted.1 > height;
                let scaled = if may(larger) { fitted } else { (width, height) };
                self.at_center(whole, scaled, if fit == Fit::Contain { scaled } else { (box_width, box_height) })
            }
        }
    }

    fn at_center(&self, crop: (u32, u32, u32, u32), scaled: (u32, u32), canvas: (u32, u32)) -> Plan {
        let at = ((canvas.0 - scaled.0) / 2, (canvas.1 - scaled.1) / 2);
        Plan { crop, scaled, canvas, at, background: self.background }
    }

    /// Pixels of the output per pixel of the photo, at which the garment with its margins just fits in the box.
    fn zoom(&self, (box_width, box_height): (u32, u32), focus: Focus, margin: u8) -> f64 {
        let free = 1.0 - 2.0 * f64::from(margin) / 100.0;
        let (across, down) = (f64::from(box_width) * free, f64::from(box_height) * free);
        let zoom = (across / f64::from(focus.width)).min(down / f64::from(focus.height));
        if self.upscale { zoom } else { zoom.min(1.0) }
    }

    /// The garment in the middle of the box, whatever of the photo is around it.
    fn centered(&self, photo: (u32, u32), canvas: (u32, u32), focus: Focus, margin: u8) -> Plan {
        let zoom = self.zoom(canvas, focus, margin);
        let across = window(photo.0, canvas.0, focus.left, focus.width, zoom);
        let down = window(photo.1, canvas.1, focus.top, focus.height, zoom);
        Plan {
            crop: (across.from, down.from, across.length, down.length),
            scaled: (across.scaled, down.scaled),
            canvas,
            at: (across.at, down.at),
            background: self.background,
        }
    }

    /// A crop of the box's shape inside the photo: around the garment with its margins, as near to the middle as the photo allows.
    fn around(
        &self,
        (width, height): (u32, u32),
        (box_width, box_height): (u32, u32),
        focus: Focus,
        margin: u8,
    ) -> (u32, u32, u32, u32) {
        let zoom = self.zoom((box_width, box_height), focus, margin);
        let most = inside(box_width, box_height, width, height);
        let wanted = (f64::from(box_width) / zoom, f64::from(box_height) / zoom);
        let size = if wanted.0 >= f64::from(most.0) || wanted.1 >= f64::from(most.1) {
            most
        } else {
            ((wanted.0.round() as u32).max(1), (wanted.1.round() as u32).max(1))
        };
        let start = |first: u32, length: u32, crop: u32, side: u32| {
            let middle = f64::from(first) + f64::from(length) / 2.0;
            ((middle - f64::from(crop) / 2.0).round().max(0.0) as u32).min(side - crop)
        };
        (start(focus.left, focus.width, size.0, width), start(focus.top, focus.height, size.1, height), size.0, size.1)
    }
}

/// One axis of a centred garment.
struct Window {
    from: u32,
    length: u32,
    scaled: u32,
    at: u32,
}

/// The part of a photo's side that a box shows with the garment's middle in its own.
fn window(side: u32, canvas: u32, first: u32, length: u32, zoom: f64) -> Window {
    let middle = f64::from(first) + f64::from(length) / 2.0;
    let half = f64::from(canvas) / zoom / 2.0;
    let from = ((middle - half).round().max(0.0) as u32).min(side - 1);
    let to = ((middle + half).round() as u32).clamp(from + 1, side.max(from + 1));
    let place = |px: f64| ((px - (middle - half)) * zoom).round().max(0.0) as u32;
    let at = place(f64::from(from)).min(canvas - 1);
    let end = place(f64::from(to)).clamp(at + 1, canvas);
    Window { from, length: to - from, scaled: end - at, at }
}
