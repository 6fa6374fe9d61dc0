//! A grid of affine colour maps, sliced at full resolution: the hot loop of recolouring.
//!
//! # Source
//! Chen, Paris and Durand, "Real-time edge-aware image processing with the bilateral grid", 2007; affine maps after
//! Gharbi et al., "Deep bilateral learning for real-time image enhancement", 2017. Departure: each row first mixes the
//! grid's rows once, so that a pixel mixes only two columns and two depths, and the maps are padded to four lanes.

use crate::{Error, Result};

/// Cells along the guide (lightness) axis.
pub const DEPTH: usize = 8;
/// Cells from top to bottom.
pub const ROWS: usize = 8;
/// Cells from left to right.
pub const COLUMNS: usize = 8;
/// Numbers of one map: a row-major 3×4 matrix, applied to `[x, y, z, 1]`.
pub const COEFFICIENTS: usize = 12;
/// Numbers of a whole grid, ordered `[depth][row][column][coefficient]`.
pub const GRID_LEN: usize = DEPTH * ROWS * COLUMNS * COEFFICIENTS;

/// One padded map: four columns of the matrix, each with a fourth lane that is not used.
const LANES: usize = 16;
type Cell = [f32; LANES];

/// Affine colour maps over lightness and place.
#[derive(Clone, Debug)]
pub struct BilateralGrid {
    /// `[row][depth][column]`, so that one picture row reads two contiguous runs.
    cells: Vec<Cell>,
}

/// The two neighbours of a position on one axis and the weight of the second.
#[derive(Clone, Copy)]
struct Between {
    low: usize,
    high: usize,
    weight: f32,
}

/// Cell centres lie at (i + ½)/n of the axis, as in `align_corners = false`; beyond the outer centres the edge holds.
fn between(index: usize, length: usize, cells: usize) -> Between {
    let position = (index as f32 + 0.5) * cells as f32 / length as f32 - 0.5;
    at(position.clamp(0.0, (cells - 1) as f32), cells)
}

fn at(position: f32, cells: usize) -> Between {
    let low = (position as usize).min(cells - 1);
    Between { low, high: (low + 1).min(cells - 1), weight: position - low as f32 }
}

fn mix(a: &Cell, b: &Cell, weight: f32) -> Cell {
    let mut out = [0.0; LANES];
    for i in 0..LANES {
        out[i] = a[i] + (b[i] - a[i]) * weight;
    }
    out
}

impl BilateralGrid {
    /// Takes the numbers of a grid, ordered `[depth][row][column][coefficient]`.
    ///
    /// # Errors
    /// [`Error::BufferLength`] when there are not [`GRID_LEN`] of them.
    pub fn new(values: &[f32]) -> Result<Self> {
        if values.len() != GRID_LEN {
            let (width, height) = (COLUMNS as u32, (ROWS * DEPTH) as u32);
            return Err(Error::BufferLength { width, height, expected: GRID_LEN, got: values.len() });
        }
        let mut cells = vec![[0.0; LANES]; DEPTH * ROWS * COLUMNS];
        for (i, map) in values.chunks_exact(COEFFICIENTS).enumerate() {
            let (depth, row, column) = (i / (ROWS * COLUMNS), i / COLUMNS % ROWS, i % COLUMNS);
            let cell = &mut cells[(row * DEPTH + depth) * COLUMNS + column];
            for (j, &value) in map.iter().enumerate() {
                cell[j % 4 * 4 + j / 4] = value;
            }
        }
        Ok(Self { cells })
    }

    /// A grid whose every map gives zero.
    pub fn zero() -> Self {
        Self { cells: vec![[0.0; LANES]; DEPTH * ROWS * COLUMNS] }
    }

    /// The maps of picture row `y` of `height` rows, ready to be applied along it.
    pub fn row(&self, y: usize, height: usize) -> GridRow {
        let Between { low, high, weight } = between(y, height.max(1), ROWS);
        let stride = DEPTH * COLUMNS;
        let (above, below) = (&self.cells[low * stride..], &self.cells[high * stride..]);
        let mut cells = [[[0.0; LANES]; COLUMNS]; DEPTH];
        for (i, cell) in cells.as_flattened_mut().iter_mut().enumerate() {
            *cell = mix(&above[i], &below[i], weight);
        }
        GridRow { cells }
    }
}

/// The maps along one picture row.
pub struct GridRow {
    cells: [[Cell; COLUMNS]; DEPTH],
}

impl GridRow {
    /// The map's value at column `x` of `width`, for a guide of 0 (darkest) to 1 (lightest), applied to `input`.
    #[inline]
    pub fn apply(&self, x: usize, width: usize, guide: f32, input: [f32; 3]) -> [f32; 3] {
        let column = between(x, width, COLUMNS);
        let depth = at(guide.clamp(0.0, 1.0) * (DEPTH - 1) as f32, DEPTH);
        let (dark, light) = (&self.cells[depth.low], &self.cells[depth.high]);
        let near = mix(&dark[column.low], &dark[column.high], column.weight);
        let far = mix(&light[column.low], &light[column.high], column.weight);
        let map = mix(&near, &far, depth.weight);
        let mut out = [0.0; 4];
        for (lane, value) in out.iter_mut().enumerate() {
            *value = map[lane] * input[0] + map[4 + lane] * input[1] + map[8 + lane] * input[2] + map[12 + lane];
        }
        [out[0], out[1], out[2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudo_random(seed: u32) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    /// Trilinear interpolation written as its definition: a sum over all cells with tent weights, in `f64`.
    fn naive(values: &[f32], size: (usize, usize), x: usize, y: usize, guide: f32, input: [f32; 3]) -> [f64; 3] {
        let axis = |i: usize, n: usize, cells: usize| {
            ((i as f64 + 0.5) * cells as f64 / n as f64 - 0.5).clamp(0.0, (cells - 1) as f64)
        };
        let place = (axis(x, size.0, COLUMNS), axis(y, size.1, ROWS), f64::from(guide) * (DEPTH - 1) as f64);
        let tent = |position: f64, cell: usize| (1.0 - (position - cell as f64).abs()).max(0.0);
        let mut out = [0.0; 3];
        for d in 0..DEPTH {
            for r in 0..ROWS {
                for c in 0..COLUMNS {
                    let weight = tent(place.2, d) * tent(place.1, r) * tent(place.0, c);
                    let map = &values[((d * ROWS + r) * COLUMNS + c) * COEFFICIENTS..][..COEFFICIENTS];
                    for (channel, value) in out.iter_mut().enumerate() {
                        let row = &map[channel * 4..channel * 4 + 4];
                        let applied: f64 =
                            (0..3).map(|j| f64::from(row[j] * input[j])).sum::<f64>() + f64::from(row[3]);
                        *value += weight * applied;
                    }
                }
            }
        }
        out
    }

    #[test]
    fn slicing_equals_the_definition_over_odd_sizes() {
        let mut random = pseudo_random(7);
        let values: Vec<f32> = (0..GRID_LEN).map(|_| random()).collect();
        let grid = BilateralGrid::new(&values).unwrap();
        for (width, height) in [(1, 1), (3, 7), (8, 8), (17, 5), (129, 31), (64, 127)] {
            for y in 0..height {
                let row = grid.row(y, height);
                for x in 0..width {
                    let guide = f32::midpoint(random(), 1.0);
                    let input = [random(), random(), random()];
                    let fast = row.apply(x, width, guide, input);
                    let slow = naive(&values, (width, height), x, y, guide, input);
                    for channel in 0..3 {
                        let difference = (f64::from(fast[channel]) - slow[channel]).abs();
                        assert!(difference < 1e-4, "{width}×{height} at {x},{y}: {difference}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_grid_of_another_length_is_refused() {
        assert!(BilateralGrid::new(&[0.0; 5]).is_err());
    }
}
