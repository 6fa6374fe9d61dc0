//! Contact sheets of colourway pairs: what was dyed, the real photo, the base's, the network's and a baseline's.

use pixels::SrgbImage;

use super::colorway_baselines::Baseline;
use super::colorway_measure::{Models, dye};
use super::colorway_pairs::ColorwayPair;
use super::colorway_view::Protocol;
use crate::Result;

/// Gap between pictures, in pixels.
const GAP_PX: usize = 4;

/// Draws directions (pair, photo dyed) in two columns of rows: source, registered real photo, every generator with the
/// program's own mask, spread-matched curve. Photos of another size than the first are left out.
///
/// # Errors
/// When a model refuses.
pub fn draw(pairs: &[ColorwayPair], directions: &[(usize, usize)], models: &Models) -> Result<SrgbImage> {
    let mut cell_px = None;
    let mut rows: Vec<Vec<SrgbImage>> = Vec::new();
    for &(index, from) in directions {
        let pair = &pairs[index];
        let photo = &pair.images[from];
        let Some(view) = pair.view(Protocol::Plain, from).or_else(|| pair.view(Protocol::Given, from)) else {
            continue;
        };
        let size = (photo.width_px(), photo.height_px());
        if *cell_px.get_or_insert(size) != size {
            continue;
        }
        let embedding = models.general(photo)?;
        let mask = models.own_mask(photo)?.unwrap_or_else(|| view.region.clone());
        let mut row = vec![photo.clone(), view.answer.to_srgb()];
        for generator in &models.generators {
            row.push(dye(generator.network.as_ref(), photo, &mask, &embedding, view.target())?);
        }
        row.push(Baseline::SpreadMatchedCurve.dye(photo, &pair.labs[from], view, &mask));
        rows.push(row);
    }
    Ok(sheet(&rows, cell_px.unwrap_or((1, 1))))
}

/// Rows of equal cells laid out in two columns.
fn sheet(rows: &[Vec<SrgbImage>], cell_px: (u32, u32)) -> SrgbImage {
    let (cell_width, cell_height) = (cell_px.0 as usize, cell_px.1 as usize);
    let per_row = rows.iter().map(Vec::len).max().unwrap_or(1);
    let lines = rows.len().div_ceil(2).max(1);
    let row_width = per_row * (cell_width + GAP_PX) + 4 * GAP_PX;
    let (width, height) = (2 * row_width, lines * (cell_height + GAP_PX));
    let mut out = SrgbImage::filled(width as u32, height as u32, [255; 3]);
    for (n, row) in rows.iter().enumerate() {
        let (column, line) = (n / lines, n % lines);
        for (k, picture) in row.iter().enumerate() {
            let left = column * row_width + k * (cell_width + GAP_PX);
            let top = line * (cell_height + GAP_PX);
            for y in 0..cell_height {
                let start = 3 * ((top + y) * width + left);
                let from = 3 * y * cell_width;
                out.data_mut()[start..start + 3 * cell_width]
                    .copy_from_slice(&picture.data()[from..from + 3 * cell_width]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fill_the_first_column_then_the_second() {
        let cell = |value: u8| SrgbImage::filled(3, 2, [value; 3]);
        let rows = vec![vec![cell(1), cell(2)], vec![cell(3), cell(4)], vec![cell(5), cell(6)]];
        let out = sheet(&rows, (3, 2));
        let row = 2 * (3 + GAP_PX as u32) + 4 * GAP_PX as u32;
        assert_eq!((out.width_px(), out.height_px()), (2 * row, 2 * (2 + GAP_PX as u32)));
        assert_eq!(out.pixel(0, 0), [1; 3]);
        assert_eq!(out.pixel(0, 2 + GAP_PX as u32), [3; 3]);
        assert_eq!(out.pixel(row, 0), [5; 3]);
    }
}
