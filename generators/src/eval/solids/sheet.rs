//! Contact sheets: some garments in every swatch, and the worst variants beside their photo and the network's.

use pixels::{SrgbImage, resize_linear};

use crate::Result;

/// Width of a cell in pixels.
pub const CELL_WIDTH: u32 = 132;
/// Height of a cell in pixels.
pub const CELL_HEIGHT: u32 = 176;
/// Space around a cell in pixels.
const GAP: u32 = 3;
const PAPER: [u8; 3] = [128; 3];

/// Lays pictures out in rows, each fitted into a cell; rows may differ in length.
///
/// # Errors
/// When a picture has no pixels.
pub fn sheet(rows: &[Vec<SrgbImage>]) -> Result<SrgbImage> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (step_x, step_y) = (CELL_WIDTH + GAP, CELL_HEIGHT + GAP);
    let mut paper =
        SrgbImage::filled((columns * step_x + GAP).max(1), (rows.len() as u32 * step_y + GAP).max(1), PAPER);
    for (y, row) in rows.iter().enumerate() {
        for (x, picture) in row.iter().enumerate() {
            let small = fitted(picture)?;
            let left = x as u32 * step_x + GAP + (CELL_WIDTH - small.width_px()) / 2;
            let top = y as u32 * step_y + GAP + (CELL_HEIGHT - small.height_px()) / 2;
            lay(&mut paper, &small, left, top);
        }
    }
    Ok(paper)
}

fn fitted(picture: &SrgbImage) -> Result<SrgbImage> {
    let (w, h) = (picture.width_px().max(1) as f32, picture.height_px().max(1) as f32);
    let scale = (CELL_WIDTH as f32 / w).min(CELL_HEIGHT as f32 / h);
    let side = |length: f32, limit: u32| ((length * scale).round() as u32).clamp(1, limit);
    Ok(resize_linear(picture, side(w, CELL_WIDTH), side(h, CELL_HEIGHT))?)
}

fn lay(paper: &mut SrgbImage, picture: &SrgbImage, left: u32, top: u32) {
    let (width, row) = (paper.width_px() as usize, picture.width_px() as usize * 3);
    for (y, line) in picture.data().chunks_exact(row).enumerate() {
        let start = ((top as usize + y) * width + left as usize) * 3;
        paper.data_mut()[start..start + row].copy_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_any_shape_lie_in_their_cells() {
        let tall = SrgbImage::filled(20, 90, [255, 0, 0]);
        let wide = SrgbImage::filled(300, 10, [0, 255, 0]);
        let sheet = sheet(&[vec![tall.clone(), wide], vec![tall]]).unwrap();
        assert_eq!((sheet.width_px(), sheet.height_px()), (2 * 135 + 3, 2 * 179 + 3));
        let at = |column: u32, row: u32| sheet.pixel(3 + column * 135 + 66, 3 + row * 179 + 88);
        assert_eq!((at(0, 0), at(1, 0), at(0, 1), at(1, 1)), ([255, 0, 0], [0, 255, 0], [255, 0, 0], PAPER));
    }
}
