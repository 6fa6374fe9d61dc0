//! Planes without fine detail, kept at a fraction of the picture's size and read with bilinear interpolation.

use rayon::prelude::*;

/// A smooth map over a rectangle of pixels: the mean of each square of `factor`×`factor` pixels.
#[derive(Clone, Debug)]
pub struct SmoothPlane {
    columns: usize,
    rows: usize,
    factor: usize,
    /// Cells to a pixel; exact, since factors are powers of two.
    per_pixel: f32,
    values: Vec<f32>,
}

/// Cells that a low-pass of the reduced size must reach at least, so that the squares do not show.
const LEAST_REACH: usize = 5;
/// Largest reduction.
const MOST_REDUCED: usize = 8;

/// By how much a plane may be reduced that is low-passed over `radius` pixels: a power of two.
pub(crate) fn reduction(radius: usize) -> usize {
    let mut factor = 1;
    while factor < MOST_REDUCED && radius / (2 * factor) >= LEAST_REACH {
        factor *= 2;
    }
    factor
}

/// The two cells on either side of pixel `at` along one axis, and the weight of the second.
#[inline]
fn neighbours(at: usize, per_pixel: f32, cells: usize) -> (usize, usize, f32) {
    let position = ((at as f32 + 0.5) * per_pixel - 0.5).clamp(0.0, (cells - 1) as f32);
    let low = position as usize;
    (low, (low + 1).min(cells - 1), position - low as f32)
}

impl SmoothPlane {
    /// A plane over `width`×`height` pixels whose cell values `fill` sets, a row of cells at a time (row index and the row).
    pub(crate) fn fill(width: usize, height: usize, factor: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let (columns, rows) = (width.div_ceil(factor).max(1), height.div_ceil(factor).max(1));
        let mut values = vec![0.0; columns * rows];
        values.par_chunks_mut(columns).enumerate().for_each(|(y, row)| fill(y, row));
        Self { columns, rows, factor, per_pixel: 1.0 / factor as f32, values }
    }

    /// Side of a cell in pixels.
    pub(crate) fn factor(&self) -> usize {
        self.factor
    }

    /// Cells from left to right.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Cells from top to bottom.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The cells, row-major.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// The value at pixel `x`, `y` of the rectangle.
    #[inline]
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.line(y).at(x)
    }

    /// Pixel row `y` of the rectangle, for reading single pixels of it.
    #[inline]
    pub fn line(&self, y: usize) -> SmoothLine<'_> {
        let (top, bottom, down) = neighbours(y, self.per_pixel, self.rows);
        let cells = |row: usize| &self.values[row * self.columns..(row + 1) * self.columns];
        SmoothLine { upper: cells(top), lower: cells(bottom), down, per_pixel: self.per_pixel }
    }

    /// The values along pixel row `y`, one for each pixel.
    pub(crate) fn row(&self, y: usize, line: &mut SmoothRow) {
        let SmoothLine { upper, lower, down, .. } = self.line(y);
        line.cells.clear();
        line.cells.extend(upper.iter().zip(lower).map(|(upper, lower)| upper + (lower - upper) * down));
        match self.factor {
            1 => line.values.clone_from(&line.cells),
            2 => expand::<2>(&line.cells, &mut line.values),
            4 => expand::<4>(&line.cells, &mut line.values),
            _ => expand::<MOST_REDUCED>(&line.cells, &mut line.values),
        }
    }

    /// Two box filters of half-width `radius` pixels, whose sums are not divided: a ratio of two such planes is taken.
    pub(crate) fn spread(&mut self, radius: usize) {
        let radius = ((radius as f32 / self.factor as f32).round() as usize).max(1);
        for _ in 0..2 {
            box_rows(&mut self.values, self.columns, radius);
            box_columns(&mut self.values, self.columns, radius);
        }
    }

    /// Each cell of this plane by the same of `divisor`.
    pub(crate) fn divided(mut self, divisor: &Self) -> Self {
        self.values.iter_mut().zip(&divisor.values).for_each(|(value, by)| *value /= by);
        self
    }

    /// Each cell changed.
    pub(crate) fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = change(*value));
        self
    }
}

/// One row of pixels of a plane, not yet mixed.
#[derive(Clone, Copy)]
pub struct SmoothLine<'a> {
    upper: &'a [f32],
    lower: &'a [f32],
    down: f32,
    per_pixel: f32,
}

impl SmoothLine<'_> {
    /// The value at pixel `x` of the row.
    #[inline]
    pub fn at(&self, x: usize) -> f32 {
        let (left, right, across) = neighbours(x, self.per_pixel, self.upper.len());
        let mixed = |x: usize| self.upper[x] + (self.lower[x] - self.upper[x]) * self.down;
        let first = mixed(left);
        first + (mixed(right) - first) * across
    }
}

/// The values along one row of pixels.
#[derive(Default)]
pub(crate) struct SmoothRow {
    cells: Vec<f32>,
    values: Vec<f32>,
}

impl SmoothRow {
    /// The values at the pixels from `start` on, one for each of `out`.
    pub(crate) fn read(&self, start: usize, out: &mut [f32]) {
        let from = self.values.get(start..).unwrap_or_default();
        let n = out.len().min(from.len());
        out[..n].copy_from_slice(&from[..n]);
    }
}

/// `FACTOR` pixels for each cell, on straight lines between the cells' centres, level before the first and after the last.
fn expand<const FACTOR: usize>(cells: &[f32], out: &mut Vec<f32>) {
    out.resize(cells.len() * FACTOR, 0.0);
    let (Some(&first), Some(&last)) = (cells.first(), cells.last()) else { return };
    let (before, rest) = out.split_at_mut(FACTOR / 2);
    before.fill(first);
    let (between, after) = rest.as_chunks_mut::<FACTOR>();
    for (pixels, (from, to)) in between.iter_mut().zip(cells.iter().zip(&cells[1..])) {
        let step = (to - from) / FACTOR as f32;
        *pixels = std::array::from_fn(|i| from + step * (i as f32 + 0.5));
    }
    after.fill(last);
}

/// Running sums along the rows, edges shrinking the window.
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

    #[test]
    fn a_row_read_in_runs_equals_single_pixels_over_odd_sizes() {
        for (width, height, factor) in [(1, 1, 1), (7, 5, 2), (65, 9, 4), (130, 17, 8), (33, 3, 1), (3, 2, 8)] {
            let plane = SmoothPlane::fill(width, height, factor, |y, row| {
                row.iter_mut().enumerate().for_each(|(x, v)| *v = ((x * 37 + y * 11) % 23) as f32);
            });
            let mut cells = SmoothRow::default();
            for y in 0..height {
                plane.row(y, &mut cells);
                for start in [0, width / 3, width.saturating_sub(3)] {
                    let mut out = vec![0.0; width - start];
                    cells.read(start, &mut out);
                    for (i, value) in out.iter().enumerate() {
                        let exact = plane.at(start + i, y);
                        assert!((value - exact).abs() < 1e-3, "{width}×{height}/{factor} at {},{y}", start + i);
                    }
                }
            }
        }
    }

    #[test]
    fn small_reaches_are_not_reduced() {
        assert_eq!([2, 9, 10, 20, 24, 75, 400].map(reduction), [1, 1, 2, 4, 4, 8, 8]);
    }
}
