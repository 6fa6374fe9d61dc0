//! How a variant compares with what the dye law expects of this cloth: difference, clipping, spread, edge.
//!
//! Pixels are chosen once per photo, a few in each cell of a coarse grid, so that a variant costs milliseconds at any size.

use pixels::color::{Lab, delta_e00, labs_from_srgb8, linear_from_srgb8};
use pixels::{Mask, SrgbImage};

use super::fringe::Fringe;
use super::tolerance::nearest_rank;

/// Cells along the photo's longer side.
const CELLS: u32 = 200;
/// Pixels looked at in each cell.
const PER_CELL: u32 = 4;
/// Alpha from which a pixel shows nothing but cloth.
const SOLID: u8 = 250;
/// Fewer pixels than this say nothing about percentiles.
const MIN_SAMPLES: usize = 20;

/// The coarse grid over a photo.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// Side of a cell in pixels.
    pub cell_px: u32,
}

/// A photo's chosen pixels.
#[derive(Debug)]
pub struct Inspection {
    grid: Grid,
    /// Per region, row-major indices of solid cloth.
    regions: Vec<Vec<usize>>,
    /// The source's codes at all of them, region after region.
    source: Vec<[u8; 3]>,
    /// The cells that they lie in.
    cells: Vec<usize>,
    fringe: Fringe,
}

/// What was found of a variant.
#[derive(Clone, Debug, Default)]
pub struct Inspected {
    /// 95th percentile of the pixels' ΔE00 to the expectation; `None` when hardly any cloth is solid.
    pub delta_e00_p95: Option<f32>,
    /// Share of pixels newly clipped: at 0 or 255 in a channel where neither the source nor the expectation is, 0 to 1.
    pub clipped: f32,
    /// Spread of L* (5th to 95th percentile) as a share of the expected one.
    pub spread_kept: Option<f32>,
    /// How far the edge's colour stands off towards the old colour, CIE76 units; `None` when there is no edge to look at.
    pub fringe: Option<f32>,
    /// Mean ΔE00 of each cell's mean colour to its expectation, row-major; `None` where there is no cloth.
    pub cells: Vec<Option<f32>>,
}

impl Grid {
    /// The grid of a picture.
    pub fn over(width_px: u32, height_px: u32) -> Self {
        let cell_px = width_px.max(height_px).div_ceil(CELLS).max(1);
        let cells = |px: u32| px.div_ceil(cell_px) as usize;
        Self { columns: cells(width_px), rows: cells(height_px), cell_px }
    }

    /// The cell of a pixel.
    pub fn cell(&self, index: usize, width_px: usize) -> usize {
        let (x, y) = (index % width_px.max(1), index / width_px.max(1));
        y / self.cell_px as usize * self.columns + x / self.cell_px as usize
    }

    /// Up to [`PER_CELL`] pixels of a cell, never the same offsets in two neighbours, since a weave repeats.
    pub fn pixels(&self, column: usize, row: usize, width_px: u32, height_px: u32) -> impl Iterator<Item = usize> {
        let cell = self.cell_px;
        let area = cell * cell;
        let count = PER_CELL.min(area);
        let start = (column as u32).wrapping_mul(0x9E37_79B9) ^ (row as u32).wrapping_mul(0x85EB_CA6B);
        // Two pixels of a cell are never the same: the step is odd or the cell is one pixel.
        let step = (area / count) | 1;
        (0..count).filter_map(move |i| {
            let at = ((start >> 8) % area + i * step) % area;
            let (x, y) = (column as u32 * cell + at % cell, row as u32 * cell + at / cell);
            (x < width_px && y < height_px).then(|| y as usize * width_px as usize + x as usize)
        })
    }
}

impl Inspection {
    /// Chooses pixels of the photo's regions; `whole` is all that is dyed. The masks have the photo's size.
    pub fn new(image: &SrgbImage, whole: &Mask, masks: &[&Mask]) -> Self {
        let (width, height) = (image.width_px(), image.height_px());
        let grid = Grid::over(width, height);
        let mut regions = vec![Vec::new(); masks.len()];
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                for i in grid.pixels(column, row, width, height) {
                    let owner = masks.iter().position(|mask| mask.data().get(i).is_some_and(|&a| a >= SOLID));
                    if let Some(region) = owner {
                        regions[region].push(i);
                    }
                }
            }
        }
        let source = regions.iter().flatten().map(|&i| pixel(image, i)).collect();
        let cells = regions.iter().flatten().map(|&i| grid.cell(i, width as usize)).collect();
        let fringe = Fringe::new(image, whole, grid, regions.iter().flatten().copied());
        Self { grid, regions, source, cells, fringe }
    }

    /// The grid of [`Inspected::cells`].
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Row-major indices of a region's pixels, which [`Inspection::compare`] wants the expectation of.
    pub fn indices(&self, region: usize) -> &[usize] {
        self.regions.get(region).map_or(&[], Vec::as_slice)
    }

    /// Compares a variant as it will be seen with what is expected at each region's [`Inspection::indices`].
    pub fn compare(&self, seen: &SrgbImage, expected: &[Vec<Lab>]) -> Inspected {
        let expected = self.regions.iter().zip(expected).flat_map(|(indices, labs)| indices.iter().zip(labs));
        let codes: Vec<[u8; 3]> = expected.clone().map(|(&i, _)| pixel(seen, i)).collect();
        let labs = labs_from_srgb8(&codes);
        let mut sums = vec![[0.0_f32; 7]; self.grid.columns * self.grid.rows];
        let (mut differences, mut clipped) = (Vec::with_capacity(codes.len()), 0_usize);
        let mut light_seen: Vec<f32> = labs.iter().map(|lab| lab.l).collect();
        let mut light_expected = Vec::with_capacity(codes.len());
        let known = self.source.iter().zip(&self.cells).zip(codes).zip(labs);
        for ((((&source, &cell), codes), shown), (_, &expected)) in known.zip(expected) {
            differences.push(delta_e00(expected, shown));
            clipped += usize::from(newly_clipped(codes, source, expected));
            light_expected.push(expected.l.clamp(0.0, 100.0));
            if let Some(sum) = sums.get_mut(cell) {
                let values = [1.0, expected.l, expected.a, expected.b, shown.l, shown.a, shown.b];
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        let n = differences.len();
        let enough = n >= MIN_SAMPLES;
        let spread = |light: &mut [f32]| Some(ranked(light, 0.95)? - ranked(light, 0.05)?);
        let spreads = spread(&mut light_seen).zip(spread(&mut light_expected));
        let spreads = spreads.filter(|(_, expected)| enough && *expected > 0.5);
        let cell = |s: &[f32; 7]| {
            let mean = |from: usize| Lab::new(s[from] / s[0], s[from + 1] / s[0], s[from + 2] / s[0]);
            (s[0] > 0.0).then(|| delta_e00(mean(1), mean(4)))
        };
        Inspected {
            delta_e00_p95: ranked(&mut differences, 0.95).filter(|_| enough),
            clipped: clipped as f32 / n.max(1) as f32,
            spread_kept: spreads.map(|(seen, expected)| seen / expected),
            fringe: self.fringe.of(seen, self.grid, &sums),
            cells: sums.iter().map(cell).collect(),
        }
    }
}

/// The codes at a row-major index; black beyond the end.
pub fn pixel(image: &SrgbImage, index: usize) -> [u8; 3] {
    match image.data().get(3 * index..3 * index + 3) {
        Some(&[r, g, b]) => [r, g, b],
        _ => [0; 3],
    }
}

fn newly_clipped(shown: [u8; 3], source: [u8; 3], expected: Lab) -> bool {
    let end = |code: u8| matches!(code, 0 | 255);
    if !shown.into_iter().any(end) {
        return false;
    }
    // Light that would round to the last code is clipped in the expectation too.
    let (low, high) = (0.5 * linear_from_srgb8(1), 0.5 * (linear_from_srgb8(254) + 1.0));
    let light = expected.to_linear();
    (0..3).any(|c| end(shown[c]) && !end(source[c]) && light[c] > low && light[c] < high)
}

/// The value of nearest rank, found without sorting all.
fn ranked(values: &mut [f32], share: f64) -> Option<f32> {
    let rank = nearest_rank(values.len(), share)?;
    Some(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 300;

    fn photo(rgb: impl Fn(u32, u32) -> [u8; 3]) -> SrgbImage {
        let data = (0..SIDE * SIDE).flat_map(|i| rgb(i % SIDE, i / SIDE)).collect();
        SrgbImage::new(SIDE, SIDE, data).unwrap()
    }

    fn disc() -> Mask {
        let inside = |i: u32| (i % SIDE).abs_diff(150).pow(2) + (i / SIDE).abs_diff(150).pow(2) < 100 * 100;
        Mask::new(SIDE, SIDE, (0..SIDE * SIDE).map(|i| if inside(i) { 255 } else { 0 }).collect()).unwrap()
    }

    fn labs(image: &SrgbImage, inspection: &Inspection) -> Vec<Vec<Lab>> {
        vec![inspection.indices(0).iter().map(|&i| Lab::from_srgb8(pixel(image, i))).collect()]
    }

    #[test]
    fn a_variant_as_expected_has_no_faults() {
        let source = photo(|x, y| [(40 + x / 4 + y % 7) as u8, 60, 90]);
        let seen = photo(|x, y| [(90 + x / 4 + y % 7) as u8, 100, 40]);
        let mask = disc();
        let inspection = Inspection::new(&source, &mask, &[&mask]);
        let found = inspection.compare(&seen, &labs(&seen, &inspection));
        assert!(found.delta_e00_p95.unwrap() < 0.01 && found.clipped == 0.0);
        assert!((found.spread_kept.unwrap() - 1.0).abs() < 1e-4);
        assert!(found.cells.iter().flatten().all(|d| *d < 0.01));
        // Half of the 300 px: cells of two pixels, the disc covering π/9 of them.
        let covered = found.cells.iter().flatten().count() as f32 / found.cells.len() as f32;
        assert!((covered - 0.349).abs() < 0.03, "{covered}");
    }

    #[test]
    fn each_fault_moves_its_own_figure() {
        let source = photo(|x, _| [60 + (x % 50) as u8, 60, 90]);
        let wanted = photo(|x, _| [120 + (x % 50) as u8, 100, 40]);
        let mask = disc();
        let inspection = Inspection::new(&source, &mask, &[&mask]);
        let expected = labs(&wanted, &inspection);
        let flat = inspection.compare(&photo(|_, _| [145, 100, 40]), &expected);
        assert!(flat.spread_kept.unwrap() < 0.1 && flat.delta_e00_p95.unwrap() > 3.0);
        let burnt = inspection
            .compare(&photo(|x, y| if y < 150 { [255; 3] } else { [120 + (x % 50) as u8, 100, 40] }), &expected);
        assert!((burnt.clipped - 0.5).abs() < 0.05, "{}", burnt.clipped);
        let top = |found: &Inspected| found.cells[30 * 150 + 75].unwrap();
        assert!(top(&burnt) > 20.0 && burnt.cells[110 * 150 + 75].unwrap() < 1.0);
        // White where white is expected is nobody's fault.
        let white = vec![vec![Lab::new(101.0, 0.0, 0.0); inspection.indices(0).len()]];
        assert_eq!(inspection.compare(&photo(|_, _| [255; 3]), &white).clipped, 0.0);
    }

    #[test]
    fn tiny_photos_and_empty_masks_are_survived() {
        for (w, h) in [(1, 1), (3, 2), (1, 400)] {
            let image = SrgbImage::filled(w, h, [10, 20, 30]);
            let inspection = Inspection::new(&image, &Mask::filled(w, h, 0), &[&Mask::filled(w, h, 0)]);
            let found = inspection.compare(&image, &[Vec::new()]);
            assert!(found.delta_e00_p95.is_none() && found.clipped == 0.0 && found.fringe.is_none());
        }
    }
}
