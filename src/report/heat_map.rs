//! Where on the cloth a variant differs from what is expected, as a small picture.

use pixels::SrgbImage;

use super::inspection::{Grid, Inspected};

/// ΔE00 of the ramp's bright end.
pub const FULL_SCALE: f32 = 6.0;
/// Dark blue to yellow, evenly rising in lightness so that it reads without colour vision; the legend's gradient has the same.
const RAMP: [[u8; 3]; 5] = [[33, 28, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
/// What is no cloth.
const GROUND: [u8; 3] = [128; 3];

/// The ramp's colour of a difference.
fn color(delta_e00: f32) -> [u8; 3] {
    let last = RAMP.len() - 1;
    let share = delta_e00 / FULL_SCALE;
    // A NaN is not above 0.
    let at = if share > 0.0 { share.min(1.0) * last as f32 } else { 0.0 };
    let from = (at as usize).min(last - 1);
    let share = at - from as f32;
    std::array::from_fn(|c| {
        let (low, high) = (f32::from(RAMP[from][c]), f32::from(RAMP[from + 1][c]));
        (low + (high - low) * share).round() as u8
    })
}

/// One pixel per cell.
///
/// # Errors
/// When the cells are not the grid's.
pub fn draw(found: &Inspected, grid: Grid) -> pixels::Result<SrgbImage> {
    let pixels = found.cells.iter().flat_map(|cell| cell.map_or(GROUND, color)).collect();
    SrgbImage::new(grid.columns as u32, grid.rows as u32, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_rises() {
        assert_eq!((color(0.0), color(99.0), color(f32::NAN)), (RAMP[0], RAMP[4], RAMP[0]));
        let light = |d: f32| pixels::color::Lab::from_srgb8(color(d)).l;
        assert!((0..12).all(|i| light(i as f32 / 2.0) < light((i + 1) as f32 / 2.0)));
    }
}
