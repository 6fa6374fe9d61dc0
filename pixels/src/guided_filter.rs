//! Brings a coarse map to a photo's full resolution along the photo's own edges.
//!
//! He, Sun and Tang, "Guided Image Filtering", 2013, with a colour guide, in the fast form of He and Sun, "Fast Guided
//! Filter", 2015: the local linear models are fitted on a small picture and only their coefficients are enlarged, so
//! that the cost per full-size pixel is one interpolation.

use std::ops::Range;

use rayon::prelude::*;

use crate::{Error, Result, SrgbImage, resize_linear};

/// Settings of [`guided_upsample`].
#[derive(Clone, Copy, Debug)]
pub struct GuidedFilter {
    /// Longer side of the small picture on which models are fitted, in pixels.
    pub fit_px: u32,
    /// Half-width of the fitting window on the small picture, in pixels.
    pub radius_px: usize,
    /// Regularisation, in squared codes of a 0 to 1 scale: contrasts below its root are smoothed over.
    pub epsilon: f32,
}

impl Default for GuidedFilter {
    fn default() -> Self {
        Self { fit_px: 512, radius_px: 4, epsilon: 1e-4 }
    }
}

/// A map of values, row-major.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Values, row-major.
    pub values: Vec<f32>,
}

impl Plane {
    /// Bilinear enlargement or reduction, edges aligned.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let mut values = vec![0.0; width * height];
        let columns = axis(self.width, width);
        values.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
            let (y0, y1, fy) = position(self.height, height, y);
            let (top, bottom) = (&self.values[y0 * self.width..], &self.values[y1 * self.width..]);
            for (value, &(x0, x1, fx)) in row.iter_mut().zip(&columns) {
                let upper = top[x0] + (top[x1] - top[x0]) * fx;
                let lower = bottom[x0] + (bottom[x1] - bottom[x0]) * fx;
                *value = upper + (lower - upper) * fy;
            }
        });
        Self { width, height, values }
    }

    /// Mean over a (2r + 1)² window cut off at the edges.
    pub(crate) fn box_mean(&self, radius: usize) -> Self {
        let (width, height) = (self.width.max(1), self.height);
        let mut across = vec![0.0; self.values.len()];
        let mut sums = Vec::with_capacity(width + 1);
        for (out, row) in across.chunks_exact_mut(width).zip(self.values.chunks_exact(width)) {
            running_mean(row, out, radius, &mut sums);
        }
        // Down the columns, whole rows of sums side by side, of which a window's are kept.
        let kept = (2 * radius + 2).min(height + 1);
        let mut sums = vec![0.0_f64; kept * width];
        let mut values = Vec::with_capacity(across.len());
        let mut summed = 0;
        for y in 0..height {
            let (from, to) = (y.saturating_sub(radius), (y + radius + 1).min(height));
            while summed < to {
                let (last, next) = (summed % kept * width, (summed + 1) % kept * width);
                let (one, other) = sums.split_at_mut(last.max(next));
                let (last, next) = if last < next {
                    (&one[last..][..width], &mut other[..width])
                } else {
                    (&other[..width], &mut one[next..][..width])
                };
                let row = &across[summed * width..][..width];
                next.iter_mut().zip(last).zip(row).for_each(|((next, last), &value)| *next = last + f64::from(value));
                summed += 1;
            }
            let count = (to - from) as f64;
            let (above, below) = (&sums[from % kept * width..][..width], &sums[to % kept * width..][..width]);
            values.extend(below.iter().zip(above).map(|(below, above)| ((below - above) / count) as f32));
        }
        Self { width: self.width, height, values }
    }
}

/// `sums` is room to work in.
fn running_mean(row: &[f32], out: &mut [f32], radius: usize, sums: &mut Vec<f64>) {
    // Prefix sums in f64 keep rounding away from long flat rows.
    sums.clear();
    sums.push(0.0_f64);
    let mut sum = 0.0_f64;
    for &value in row {
        sum += f64::from(value);
        sums.push(sum);
    }
    let n = row.len();
    let cut_off = |i: usize| {
        let (from, to) = (i.saturating_sub(radius), (i + radius + 1).min(n));
        ((sums[to] - sums[from]) / (to - from) as f64) as f32
    };
    if n <= 2 * radius {
        out.iter_mut().enumerate().for_each(|(i, value)| *value = cut_off(i));
        return;
    }
    let window = 2 * radius + 1;
    for (value, (from, to)) in out[radius..n - radius].iter_mut().zip(sums.iter().zip(&sums[window..])) {
        *value = ((to - from) / window as f64) as f32;
    }
    for i in (0..radius).chain(n - radius..n) {
        out[i] = cut_off(i);
    }
}

/// Both source indices and the weight of the second, for output index `i`.
fn position(from: usize, to: usize, i: usize) -> (usize, usize, f32) {
    let at = ((i as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
    let first = at as usize;
    (first, (first + 1).min(from - 1), at - first as f32)
}

fn axis(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    (0..to).map(|i| position(from, to, i)).collect()
}

/// Where the columns of a larger picture lie between the cells of a plane: the same for every row, so worked out once.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    places: Vec<(usize, usize, f32)>,
    /// Columns between the same two cells, and those cells.
    runs: Vec<(Range<usize>, usize, usize)>,
}

impl Columns {
    /// The columns of a picture of `width` pixels between `cells` cells.
    pub(crate) fn new(cells: usize, width: usize) -> Self {
        let places = axis(cells, width);
        let mut runs: Vec<(Range<usize>, usize, usize)> = Vec::with_capacity(cells);
        for (x, &(x0, x1, _)) in places.iter().enumerate() {
            match runs.last_mut() {
                Some((xs, first, _)) if *first == x0 => xs.end = x + 1,
                _ => runs.push((x..x + 1, x0, x1)),
            }
        }
        Self { places, runs }
    }

    /// Runs of columns that lie between the same two cells, with those cells.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize, usize)> + '_ {
        self.runs.iter().cloned()
    }
}

/// A plane's cells mixed down to one row of a larger picture, to be read along it.
pub(crate) struct PlaneRow {
    values: Vec<f32>,
}

impl PlaneRow {
    /// The value at column `x` of the larger picture.
    #[inline]
    pub(crate) fn at(&self, x: usize, columns: &Columns) -> f32 {
        let (x0, x1, fx) = columns.places[x];
        self.values[x0] + (self.values[x1] - self.values[x0]) * fx
    }

    /// The cells.
    pub(crate) fn cells(&self) -> &[f32] {
        &self.values
    }
}

impl Plane {
    /// This plane's columns in a picture of `width` pixels.
    pub(crate) fn columns(&self, width: usize) -> Columns {
        Columns::new(self.width, width)
    }

    /// This plane on the line of row `y` of a picture of `height` rows, as [`Plane::resized`] has it.
    pub(crate) fn line(&self, height: usize, y: usize) -> PlaneRow {
        let (y0, y1, fy) = position(self.height, height, y);
        let row = |y: usize| &self.values[y * self.width..(y + 1) * self.width];
        PlaneRow { values: row(y0).iter().zip(row(y1)).map(|(upper, lower)| upper + (lower - upper) * fy).collect() }
    }
}

/// A coarse map as a linear function of a guide's colour around every point.
pub struct GuidedModel {
    /// Slope per colour channel and offset, at the small picture's size.
    coefficients: [Plane; 4],
}

impl GuidedModel {
    /// Fits the map.
    ///
    /// # Errors
    /// As [`guided_upsample`].
    pub fn fit(guide: &SrgbImage, coarse: &Plane, filter: &GuidedFilter) -> Result<Self> {
        Ok(Self { coefficients: fit_at_small_size(guide, coarse, filter)? })
    }

    /// Alpha at the guide's size, 0 to 255: the model, kept between the planes `low` and `high`, with contrast around one
    /// half raised to `contrast` so that soft tails end.
    ///
    /// `low` and `high` have the same size. Where they decide alone the model is not asked, which is nearly everywhere.
    pub fn alpha(&self, guide: &SrgbImage, (low, high): (&Plane, &Plane), contrast: f32) -> Vec<u8> {
        let (width, height) = (guide.width_px() as usize, guide.height_px() as usize);
        let tail = 0.5 - 0.5 / contrast;
        let code = |v: f32| (255.0 * ((v - 0.5) * contrast + 0.5).clamp(0.0, 1.0) + 0.5) as u8;
        let (coarse, fine) = (low.columns(width), self.coefficients[0].columns(width));
        let mut alpha = vec![0; width * height];
        alpha.par_chunks_mut(width.max(1)).zip(guide.data().par_chunks(3 * width.max(1))).enumerate().for_each(
            |(y, (out, row))| {
                let (low, high) = (low.line(height, y), high.line(height, y));
                let mut model: Option<[PlaneRow; 4]> = None;
                for (xs, x0, x1) in coarse.runs() {
                    if high.cells()[x0].max(high.cells()[x1]) <= tail {
                        continue;
                    }
                    if low.cells()[x0].min(low.cells()[x1]) >= 1.0 - tail {
                        out[xs].fill(255);
                        continue;
                    }
                    let model =
                        model.get_or_insert_with(|| self.coefficients.each_ref().map(|plane| plane.line(height, y)));
                    for x in xs {
                        let slope: f32 = (0..3).map(|c| model[c].at(x, &fine) * f32::from(row[3 * x + c])).sum();
                        let value = (slope / 255.0 + model[3].at(x, &fine)).clamp(0.0, 1.0);
                        let (low, high) = (low.at(x, &coarse), high.at(x, &coarse));
                        out[x] = code(value.clamp(low.min(high), high));
                    }
                }
            },
        );
        alpha
    }
}

/// Fits the coarse map as a linear function of the guide's colour around every point, and applies that at full size.
///
/// # Shapes
/// A coarse plane of any size, of the same scene as `guide` → a plane of the guide's size, clipped to 0 to 1.
///
/// # Errors
/// [`Error::BufferLength`] when the plane's size is a lie or zero; an image error when the guide cannot be resized.
pub fn guided_upsample(guide: &SrgbImage, coarse: &Plane, filter: &GuidedFilter) -> Result<Plane> {
    Ok(apply(guide, &fit_at_small_size(guide, coarse, filter)?))
}

fn fit_at_small_size(guide: &SrgbImage, coarse: &Plane, filter: &GuidedFilter) -> Result<[Plane; 4]> {
    let (width, height) = (guide.width_px() as usize, guide.height_px() as usize);
    let expected = coarse.width * coarse.height;
    if expected != coarse.values.len() || expected == 0 || width * height == 0 {
        let (width, height) = (coarse.width as u32, coarse.height as u32);
        return Err(Error::BufferLength { width, height, expected, got: coarse.values.len() });
    }
    let shrink = (f64::from(filter.fit_px) / width.max(height) as f64).min(1.0);
    let side = |n: usize| ((n as f64 * shrink).round() as u32).max(1);
    let small = resize_linear(guide, side(width), side(height))?;
    Ok(fit(&small, coarse, filter))
}

/// Slope per colour channel and offset, at the small picture's size.
fn fit(small: &SrgbImage, coarse: &Plane, filter: &GuidedFilter) -> [Plane; 4] {
    let (width, height) = (small.width_px() as usize, small.height_px() as usize);
    let plane = |values: Vec<f32>| Plane { width, height, values };
    let p = coarse.resized(width, height);
    let code = |c: usize| small.data().iter().skip(c).step_by(3).map(|&v| f32::from(v) / 255.0).collect::<Vec<_>>();
    let channels = [code(0), code(1), code(2)].map(plane);
    let mean = |plane: &Plane| plane.box_mean(filter.radius_px);
    let product = |a: &Plane, b: &Plane| mean(&plane(a.values.iter().zip(&b.values).map(|(x, y)| x * y).collect()));
    let mean_p = mean(&p);
    let means = channels.each_ref().map(mean);
    let with_p = channels.each_ref().map(|c| product(c, &p));
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)].map(|(i, j)| product(&channels[i], &channels[j]));
    let models: Vec<[f32; 4]> = (0..width * height)
        .into_par_iter()
        .map(|i| {
            let m = [means[0].values[i], means[1].values[i], means[2].values[i]];
            let q = mean_p.values[i];
            let covariance: [f32; 3] = std::array::from_fn(|c| with_p[c].values[i] - m[c] * q);
            let e = filter.epsilon;
            let rr = pairs[0].values[i] - m[0] * m[0] + e;
            let rg = pairs[1].values[i] - m[0] * m[1];
            let rb = pairs[2].values[i] - m[0] * m[2];
            let gg = pairs[3].values[i] - m[1] * m[1] + e;
            let gb = pairs[4].values[i] - m[1] * m[2];
            let bb = pairs[5].values[i] - m[2] * m[2] + e;
            let a = solve_symmetric([rr, rg, rb, gg, gb, bb], covariance);
            [a[0], a[1], a[2], q - a[0] * m[0] - a[1] * m[1] - a[2] * m[2]]
        })
        .collect();
    std::array::from_fn(|c| mean(&plane(models.iter().map(|model| model[c]).collect())))
}

/// Solves a symmetric positive definite 3×3 system by cofactors; the regularisation keeps it well conditioned.
fn solve_symmetric([rr, rg, rb, gg, gb, bb]: [f32; 6], y: [f32; 3]) -> [f32; 3] {
    let (rr, rg, rb, gg, gb, bb) =
        (f64::from(rr), f64::from(rg), f64::from(rb), f64::from(gg), f64::from(gb), f64::from(bb));
    let y = y.map(f64::from);
    let (irr, irg, irb) = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb);
    let (igg, igb, ibb) = (rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg);
    let determinant = irr * rr + irg * rg + irb * rb;
    if determinant.abs() < 1e-18 {
        return [0.0; 3];
    }
    [irr * y[0] + irg * y[1] + irb * y[2], irg * y[0] + igg * y[1] + igb * y[2], irb * y[0] + igb * y[1] + ibb * y[2]]
        .map(|v| (v / determinant) as f32)
}

fn apply(guide: &SrgbImage, coefficients: &[Plane; 4]) -> Plane {
    let (width, height) = (guide.width_px() as usize, guide.height_px() as usize);
    let (small_width, small_height) = (coefficients[0].width, coefficients[0].height);
    let columns = axis(small_width, width);
    let mut values = vec![0.0; width * height];
    values.par_chunks_mut(width).zip(guide.data().par_chunks(3 * width)).enumerate().for_each(|(y, (out, row))| {
        let (y0, y1, fy) = position(small_height, height, y);
        // One blended row per coefficient leaves a single horizontal interpolation per pixel.
        let line = coefficients.each_ref().map(|plane| {
            let (top, bottom) = (&plane.values[y0 * small_width..], &plane.values[y1 * small_width..]);
            (0..small_width).map(|x| top[x] + (bottom[x] - top[x]) * fy).collect::<Vec<f32>>()
        });
        for ((value, rgb), &(x0, x1, fx)) in out.iter_mut().zip(row.chunks_exact(3)).zip(&columns) {
            let at = |c: usize| line[c][x0] + (line[c][x1] - line[c][x0]) * fx;
            let slope: f32 = (0..3).map(|c| at(c) * f32::from(rgb[c])).sum();
            *value = (slope / 255.0 + at(3)).clamp(0.0, 1.0);
        }
    });
    Plane { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half dark, right half light, with the border at `edge`.
    fn halves(width: u32, height: u32, edge: u32) -> SrgbImage {
        let mut image = SrgbImage::filled(width, height, [40, 50, 60]);
        for i in 0..width * height {
            if i % width >= edge {
                image.data_mut()[3 * i as usize..][..3].copy_from_slice(&[200, 190, 180]);
            }
        }
        image
    }

    #[test]
    fn the_edge_moves_to_where_the_photo_has_it() {
        let guide = halves(400, 200, 190);
        // A coarse map, four pixels a point as the segmenter's is, whose edge is blurred and a little off.
        let values = (0..100 * 50).map(|i| ((i % 100) as f32 - 46.0).mul_add(0.25, 0.5).clamp(0.0, 1.0)).collect();
        let fine =
            guided_upsample(&guide, &Plane { width: 100, height: 50, values }, &GuidedFilter::default()).unwrap();
        let row = &fine.values[100 * 400..101 * 400];
        assert!(row[..150].iter().all(|&v| v < 0.05) && row[230..].iter().all(|&v| v > 0.95));
        assert!(row[192] - row[187] > 0.35, "{} {}", row[187], row[192]);
    }

    #[test]
    fn alpha_in_rows_equals_the_whole_plane_over_odd_sizes() {
        for (width, height, edge) in [(97, 31, 40), (400, 200, 190), (65, 7, 12)] {
            let guide = halves(width, height, edge);
            let (w, h) = (width as usize / 3, height as usize / 3);
            let place = |i: usize| (i % w) as f32 - edge as f32 / 3.0;
            let plane = |shift: f32| Plane {
                width: w,
                height: h,
                values: (0..w * h).map(|i| ((place(i) + shift) * 0.3 + 0.5).clamp(0.0, 1.0)).collect(),
            };
            let (coarse, low, high) = (plane(0.0), plane(-1.0), plane(1.0));
            let filter = GuidedFilter::default();
            let fine = guided_upsample(&guide, &coarse, &filter).unwrap();
            let alpha = GuidedModel::fit(&guide, &coarse, &filter).unwrap().alpha(&guide, (&low, &high), 1.6);
            let (low, high) = (low.resized(fine.width, fine.height), high.resized(fine.width, fine.height));
            for (i, &got) in alpha.iter().enumerate() {
                let value = fine.values[i].clamp(low.values[i].min(high.values[i]), high.values[i]);
                let exact = 255.0 * ((value - 0.5) * 1.6 + 0.5).clamp(0.0, 1.0);
                assert!((f32::from(got) - exact).abs() <= 1.0, "{width}×{height}, {i}: {got} and {exact}");
            }
        }
    }

    #[test]
    fn a_box_mean_equals_the_naive_one_on_odd_sizes() {
        let plane = Plane { width: 7, height: 5, values: (0..35).map(|i| ((i * 37) % 11) as f32).collect() };
        let fast = plane.box_mean(2);
        for y in 0..5_usize {
            for x in 0..7_usize {
                let window: Vec<f32> = (y.saturating_sub(2)..(y + 3).min(5))
                    .flat_map(|v| (x.saturating_sub(2)..(x + 3).min(7)).map(move |u| (u, v)))
                    .map(|(u, v)| plane.values[v * 7 + u])
                    .collect();
                let mean = window.iter().sum::<f32>() / window.len() as f32;
                assert!((fast.values[y * 7 + x] - mean).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_constant_stays_and_nonsense_is_refused() {
        let guide = halves(33, 17, 9);
        let plane = Plane { width: 3, height: 3, values: vec![0.25; 9] };
        let fine = guided_upsample(&guide, &plane, &GuidedFilter::default()).unwrap();
        assert!(fine.values.iter().all(|v| (v - 0.25).abs() < 1e-4));
        let short = Plane { width: 3, height: 3, values: vec![0.0; 8] };
        assert!(guided_upsample(&guide, &short, &GuidedFilter::default()).is_err());
    }
}
