//! One channel of a small picture as numbers, with the few operations that registration is made of.

use super::Flow;

/// Row-major values, one per pixel.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width · height` values.
    pub data: Vec<f32>,
}

/// From this width on a Gaussian is three box filters, which no eye and no gradient tells apart.
const BOXES_FROM: f32 = 3.0;

impl Plane {
    /// All zeros.
    pub fn zero(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    fn with(&self, data: Vec<f32>) -> Self {
        Self { width: self.width, height: self.height, data }
    }

    /// Every value through a function.
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        self.with(self.data.iter().map(|&v| f(v)).collect())
    }

    fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        self.with(self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect())
    }

    /// Product, pixel by pixel.
    pub fn times(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    /// Difference, pixel by pixel.
    pub fn minus(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    /// Quotient, pixel by pixel.
    pub fn over(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    /// Central differences along x and y, one-sided at the edges.
    pub fn gradients(&self) -> [Self; 2] {
        let (width, height) = (self.width, self.height);
        let (mut along_x, mut along_y) = (self.clone(), self.clone());
        for y in 0..height {
            let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
            for x in 0..width {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let i = y * width + x;
                let row = y * width;
                along_x.data[i] = (self.data[row + right] - self.data[row + left]) / (right - left).max(1) as f32;
                along_y.data[i] =
                    (self.data[below * width + x] - self.data[above * width + x]) / (below - above).max(1) as f32;
            }
        }
        [along_x, along_y]
    }

    /// The value at every pixel's displaced place; bilinear, edges repeated.
    pub fn warped(&self, flow: &Flow) -> Self {
        let (width, height) = (self.width, self.height);
        let (last_x, last_y) = ((width - 1) as f32, (height - 1) as f32);
        let mut out = self.clone();
        for (i, value) in out.data.iter_mut().enumerate() {
            let x = ((i % width) as f32 + flow.dx.data[i]).clamp(0.0, last_x);
            let y = ((i / width) as f32 + flow.dy.data[i]).clamp(0.0, last_y);
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
            let (wx, wy) = (x - x0 as f32, y - y0 as f32);
            let at = |x: usize, y: usize| self.data[y * width + x];
            let above = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * wx;
            let below = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * wx;
            *value = above + (below - above) * wy;
        }
        out
    }

    /// Gaussian blur of standard deviation `sigma` pixels, edges repeated.
    pub fn blurred(&self, sigma: f32) -> Self {
        if sigma >= BOXES_FROM {
            // Three boxes of this half width have the Gaussian's variance.
            let half = ((sigma * sigma * 4.0 + 1.0).sqrt() / 2.0 - 0.5).round().max(1.0) as usize;
            let mut out = self.clone();
            for _ in 0..3 {
                out = out.boxed_along_rows(half).boxed_along_columns(half);
            }
            return out;
        }
        let radius = (3.0 * sigma).ceil() as isize;
        let weights: Vec<f32> = (-radius..=radius).map(|i| (-(i * i) as f32 / (2.0 * sigma * sigma)).exp()).collect();
        let total: f32 = weights.iter().sum();
        let weights: Vec<f32> = weights.iter().map(|w| w / total).collect();
        self.convolved(&weights).turned().convolved(&weights).turned()
    }

    fn turned(&self) -> Self {
        let mut data = vec![0.0; self.data.len()];
        for (y, row) in self.data.chunks_exact(self.width).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                data[x * self.height + y] = value;
            }
        }
        Self { width: self.height, height: self.width, data }
    }

    /// Along rows, the ends repeated.
    fn convolved(&self, weights: &[f32]) -> Self {
        let radius = weights.len() / 2;
        let mut data = Vec::with_capacity(self.data.len());
        let mut padded = vec![0.0; self.width + 2 * radius];
        for row in self.data.chunks_exact(self.width) {
            pad(row, radius, &mut padded);
            let sums = padded.windows(weights.len()).map(|window| window.iter().zip(weights).map(|(v, w)| v * w).sum());
            data.extend::<Vec<f32>>(sums.collect());
        }
        self.with(data)
    }

    /// Mean over `2 · half + 1` values along rows, the ends repeated.
    fn boxed_along_rows(&self, half: usize) -> Self {
        let length = 2 * half + 1;
        let share = 1.0 / length as f64;
        let mut data = Vec::with_capacity(self.data.len());
        let mut padded = vec![0.0; self.width + 2 * half];
        for row in self.data.chunks_exact(self.width) {
            pad(row, half, &mut padded);
            let mut sum: f64 = padded[..length].iter().map(|&v| f64::from(v)).sum();
            data.push((sum * share) as f32);
            for (leaves, enters) in padded.iter().zip(&padded[length..]) {
                sum += f64::from(*enters) - f64::from(*leaves);
                data.push((sum * share) as f32);
            }
        }
        self.with(data)
    }

    /// The same along columns: whole rows are added and taken away.
    fn boxed_along_columns(&self, half: usize) -> Self {
        let (width, last) = (self.width, self.height as isize - 1);
        let share = 1.0 / (2 * half + 1) as f64;
        let row = |y: isize| &self.data[y.clamp(0, last) as usize * width..][..width];
        let mut sums = vec![0.0_f64; width];
        for y in -(half as isize)..=half as isize {
            sums.iter_mut().zip(row(y)).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        let mut data = Vec::with_capacity(self.data.len());
        for y in 0..=last {
            data.extend(sums.iter().map(|sum| (sum * share) as f32));
            let (leaves, enters) = (row(y - half as isize), row(y + half as isize + 1));
            for ((sum, &l), &e) in sums.iter_mut().zip(leaves).zip(enters) {
                *sum += f64::from(e) - f64::from(l);
            }
        }
        self.with(data)
    }
}

fn pad(row: &[f32], radius: usize, padded: &mut [f32]) {
    let (first, last) = (row[0], row[row.len() - 1]);
    padded[..radius].fill(first);
    padded[radius..radius + row.len()].copy_from_slice(row);
    padded[radius + row.len()..].fill(last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_boxes_have_the_gaussians_width_and_keep_the_sum() {
        for sigma in [0.8, 1.5, 3.5, 7.0, 12.0] {
            let mut plane = Plane::zero(161, 5);
            for y in 0..5 {
                plane.data[y * 161 + 80] = 1.0;
            }
            let row = &plane.blurred(sigma).data[2 * 161..3 * 161];
            let sum: f32 = row.iter().sum();
            let variance: f32 = row.iter().enumerate().map(|(x, v)| v * (x as f32 - 80.0).powi(2)).sum();
            assert!((sum - 1.0).abs() < 1e-3, "{sum}");
            assert!((variance.sqrt() / sigma - 1.0).abs() < 0.08, "{sigma}: {}", variance.sqrt());
        }
    }

    #[test]
    fn gradients_of_a_ramp_are_its_slopes() {
        let data = (0..7 * 5).map(|i| (i % 7) as f32 * 2.0 - (i / 7) as f32 * 3.0).collect();
        let [x, y] = Plane { width: 7, height: 5, data }.gradients();
        assert!(x.data.iter().all(|&v| v == 2.0) && y.data.iter().all(|&v| v == -3.0));
    }
}
