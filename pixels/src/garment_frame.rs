//! The rectangle around a garment, and small evenly sampled copies of it for a network.

use crate::Mask;

/// A rectangle of a picture, in pixels, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GarmentFrame {
    /// Left edge.
    pub x_px: u32,
    /// Upper edge.
    pub y_px: u32,
    /// Width, at least 1.
    pub width_px: u32,
    /// Height, at least 1.
    pub height_px: u32,
}

/// Sample points per axis that one small pixel averages.
const TAPS: usize = 3;

impl GarmentFrame {
    /// The bounds of alpha ≥ 1, widened by `margin` (a share of the longer side); `None` for an empty mask.
    pub fn around(mask: &Mask, margin: f32) -> Option<Self> {
        let (width, height) = (mask.width_px() as usize, mask.height_px() as usize);
        let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
        for (y, row) in mask.data().chunks_exact(width.max(1)).enumerate() {
            let Some(first) = row.iter().position(|&a| a > 0) else { continue };
            let last = row.iter().rposition(|&a| a > 0).unwrap_or(first);
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), y + 1);
        }
        if right <= left {
            return None;
        }
        let extra = ((right - left).max(bottom - top) as f32 * margin).round() as usize;
        let (left, top) = (left.saturating_sub(extra), top.saturating_sub(extra));
        let (right, bottom) = ((right + extra).min(width), (bottom + extra).min(height));
        Some(Self {
            x_px: left as u32,
            y_px: top as u32,
            width_px: (right - left) as u32,
            height_px: (bottom - top) as u32,
        })
    }

    /// A `side`×`side` copy of this rectangle, planar `[CHANNELS][side][side]`; every value is the mean of 3×3 bilinear
    /// samples.
    ///
    /// `value` reads all channels of the pixel in a column and row of the picture.
    pub fn sample<const CHANNELS: usize>(
        &self,
        side: usize,
        value: impl Fn(usize, usize) -> [f32; CHANNELS],
    ) -> Vec<f32> {
        let mut out = vec![0.0; CHANNELS * side * side];
        let columns = taps(self.width_px, side);
        let rows = taps(self.height_px, side);
        let value = |x: usize, y: usize| value(x + self.x_px as usize, y + self.y_px as usize);
        for y in 0..side {
            for x in 0..side {
                let mut mean = [0.0; CHANNELS];
                for &(y0, y1, wy) in &rows[y * TAPS..(y + 1) * TAPS] {
                    for &(x0, x1, wx) in &columns[x * TAPS..(x + 1) * TAPS] {
                        let corners = [
                            (value(x0, y0), (1.0 - wx) * (1.0 - wy)),
                            (value(x1, y0), wx * (1.0 - wy)),
                            (value(x0, y1), (1.0 - wx) * wy),
                            (value(x1, y1), wx * wy),
                        ];
                        for (c, mean) in mean.iter_mut().enumerate() {
                            let sum: f32 = corners.iter().map(|(values, weight)| values[c] * weight).sum();
                            *mean += sum / (TAPS * TAPS) as f32;
                        }
                    }
                }
                mean.iter().enumerate().for_each(|(c, &mean)| out[(c * side + y) * side + x] = mean);
            }
        }
        out
    }
}

/// Neighbours and weight of every sample point along one axis.
fn taps(length_px: u32, side: usize) -> Vec<(usize, usize, f32)> {
    let last = length_px.saturating_sub(1) as usize;
    (0..side * TAPS)
        .map(|i| {
            let position = (i as f32 + 0.5) / (side * TAPS) as f32 * length_px as f32 - 0.5;
            let position = position.clamp(0.0, last as f32);
            let low = position as usize;
            (low, (low + 1).min(last), position - low as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_the_bounds_of_the_mask_with_its_margin() {
        let mut mask = Mask::filled(10, 8, 0);
        mask.data_mut()[2 * 10 + 3] = 1;
        mask.data_mut()[5 * 10 + 6] = 200;
        let frame = GarmentFrame::around(&mask, 0.0).unwrap();
        assert_eq!(frame, GarmentFrame { x_px: 3, y_px: 2, width_px: 4, height_px: 4 });
        let wide = GarmentFrame::around(&mask, 1.0).unwrap();
        assert_eq!(wide, GarmentFrame { x_px: 0, y_px: 0, width_px: 10, height_px: 8 });
        assert!(GarmentFrame::around(&Mask::filled(5, 5, 0), 0.1).is_none());
    }

    #[test]
    fn a_ramp_stays_a_ramp_in_the_small_copy() {
        let frame = GarmentFrame { x_px: 0, y_px: 0, width_px: 64, height_px: 3 };
        let small = frame.sample(16, |x, _| [x as f32]);
        for (x, value) in small[..16].iter().enumerate() {
            assert!((value - (x as f32 * 4.0 + 1.5)).abs() < 0.2, "{x}: {value}");
        }
    }
}
