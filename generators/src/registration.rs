//! Non-rigid registration of two photos of the same product: which pixel of one shows what a pixel of the other shows.
//!
//! Colours differ between the photos, so brightness is not constant; what is compared is lightness normalised by its
//! neighbourhood, and the silhouette. Gauss-Newton steps on a displacement field, smoothed like Thirion's demons (1998),
//! over three widths of neighbourhood. Meant for studio photos of a few hundred pixels on a plain backdrop.

use pixels::color::{Lab, LabImage};
use pixels::garment_stats::median_lab;

mod plane;

pub use plane::Plane;

/// ΔE76 from which a pixel differs from the backdrop.
pub const DIFFERENT: f32 = 8.0;

/// Width of the neighbourhood that lightness is normalised over, and of the field's smoothing, in pixels, coarse to fine.
const STAGES: [(f32, f32); 3] = [(8.0, 24.0), (5.0, 12.0), (3.5, 7.0)];
/// Most steps of one stage.
const STEPS: usize = 20;
/// Share of each Gauss-Newton step that is taken.
const DAMPING: f32 = 0.8;
/// A stage ends when no pixel moves farther.
const SETTLED_PX: f32 = 0.05;
/// A difference of features counts at most this much, so that a logo that only one photo has does not pull.
const ROBUST: f32 = 1.5;
/// How much the silhouette counts beside the lightness.
const SILHOUETTE: f32 = 3.0;
/// Curvature that holds the field still where nothing is seen.
const STIFFNESS: f32 = 2e-3;

/// Where each pixel of the fixed photo lies in the moving one: its own place plus a displacement.
#[derive(Clone, Debug)]
pub struct Flow {
    /// To the right, in pixels.
    pub dx: Plane,
    /// Downwards, in pixels.
    pub dy: Plane,
}

impl Flow {
    /// Finds the field that lays `moving` over `fixed`; both must have the same size.
    pub fn between(fixed: &LabImage, moving: &LabImage) -> Self {
        let (width, height) = (fixed.width_px() as usize, fixed.height_px() as usize);
        let mut flow = Self { dx: Plane::zero(width, height), dy: Plane::zero(width, height) };
        if (width, height) != (moving.width_px() as usize, moving.height_px() as usize) || width * height == 0 {
            return flow;
        }
        for (neighbourhood, smoothing) in STAGES {
            let pairs = features(fixed, neighbourhood).into_iter().zip(features(moving, neighbourhood));
            let pairs: Vec<[Plane; 2]> = pairs.map(|(one, other)| [one, other]).collect();
            let slopes: Vec<[Plane; 2]> = pairs.iter().map(|[one, _]| one.gradients()).collect();
            for _ in 0..STEPS {
                if flow.step(&pairs, &slopes, smoothing) < SETTLED_PX {
                    break;
                }
            }
        }
        flow
    }

    /// One Gauss-Newton step; returns the longest move along an axis, in pixels.
    fn step(&mut self, pairs: &[[Plane; 2]], slopes: &[[Plane; 2]], smoothing: f32) -> f32 {
        let (width, height) = (self.dx.width, self.dx.height);
        let zero = || Plane::zero(width, height);
        let (mut xx, mut xy, mut yy, mut ex, mut ey) = (zero(), zero(), zero(), zero(), zero());
        for ([fixed, moving], [fx, fy]) in pairs.iter().zip(slopes) {
            let moved = moving.warped(self);
            let [mx, my] = moved.gradients();
            for i in 0..fixed.data.len() {
                let (gx, gy) = (f32::midpoint(fx.data[i], mx.data[i]), f32::midpoint(fy.data[i], my.data[i]));
                let error = (fixed.data[i] - moved.data[i]).clamp(-ROBUST, ROBUST);
                xx.data[i] += gx * gx;
                xy.data[i] += gx * gy;
                yy.data[i] += gy * gy;
                ex.data[i] += gx * error;
                ey.data[i] += gy * error;
            }
        }
        let [xx, xy, yy, ex, ey] = [xx, xy, yy, ex, ey].map(|plane| plane.blurred(smoothing));
        let mut longest = 0.0_f32;
        for i in 0..xx.data.len() {
            let (a, b, c) = (xx.data[i] + STIFFNESS, xy.data[i], yy.data[i] + STIFFNESS);
            let determinant = a * c - b * b + 1e-9;
            let sx = ((c * ex.data[i] - b * ey.data[i]) / determinant).clamp(-1.0, 1.0);
            let sy = ((a * ey.data[i] - b * ex.data[i]) / determinant).clamp(-1.0, 1.0);
            longest = longest.max(sx.abs()).max(sy.abs());
            self.dx.data[i] += DAMPING * sx;
            self.dy.data[i] += DAMPING * sy;
        }
        self.dx = self.dx.blurred(smoothing / 4.0);
        self.dy = self.dy.blurred(smoothing / 4.0);
        longest
    }

    /// The moving photo laid over the fixed one; bilinear, edges repeated.
    pub fn warp(&self, moving: &LabImage) -> LabImage {
        let channel = |c: usize| {
            let data = moving.data().iter().skip(c).step_by(3).copied().collect();
            Plane { width: moving.width_px() as usize, height: moving.height_px() as usize, data }.warped(self)
        };
        let planes = [channel(0), channel(1), channel(2)];
        let mut out = moving.clone();
        for (i, color) in out.data_mut().chunks_exact_mut(3).enumerate() {
            for (value, plane) in color.iter_mut().zip(&planes) {
                *value = plane.data[i];
            }
        }
        out
    }

    /// Length of the displacement at a row-major index, in pixels.
    pub fn length(&self, index: usize) -> f32 {
        self.dx.data[index].hypot(self.dy.data[index])
    }
}

/// What is compared: normalised lightness and the softened silhouette.
fn features(lab: &LabImage, neighbourhood: f32) -> [Plane; 2] {
    let (width, height) = (lab.width_px() as usize, lab.height_px() as usize);
    let inside = foreground(lab);
    let mask = Plane { width, height, data: inside.iter().map(|&v| f32::from(u8::from(v))).collect() };
    let lightness = Plane { width, height, data: lab.data().iter().step_by(3).copied().collect() };
    let silhouette = mask.blurred(1.5).map(|v| SILHOUETTE * v);
    [normalized(&lightness, &mask, neighbourhood).blurred(0.8), silhouette]
}

/// Deviation from the mean of the neighbourhood inside the mask, in its standard deviations.
pub fn normalized(value: &Plane, mask: &Plane, neighbourhood: f32) -> Plane {
    let weight = mask.blurred(neighbourhood).map(|v| v + 1e-3);
    let mean = value.times(mask).blurred(neighbourhood).over(&weight);
    let deviation = value.minus(&mean).times(mask);
    let variance = deviation.times(&deviation).blurred(neighbourhood).over(&weight);
    deviation.over(&variance.map(|v| v.max(0.0).sqrt() + 1.5))
}

/// Pixels farther than ΔE76 8 from the backdrop, the median of a four-pixel border.
pub fn foreground(lab: &LabImage) -> Vec<bool> {
    const BORDER: usize = 4;
    let (width, height) = (lab.width_px() as usize, lab.height_px() as usize);
    let on_border = |i: usize| {
        let (x, y) = (i % width, i / width);
        x < BORDER || y < BORDER || x + BORDER >= width || y + BORDER >= height
    };
    let border: Vec<Lab> = (0..width * height).filter(|&i| on_border(i)).map(|i| lab.at(i)).collect();
    let backdrop = median_lab(&border);
    (0..width * height).map(|i| delta_e76(lab.at(i), backdrop) > DIFFERENT).collect()
}

/// Euclidean distance in Lab.
pub fn delta_e76(one: Lab, other: Lab) -> f32 {
    ((one.l - other.l).powi(2) + (one.a - other.a).powi(2) + (one.b - other.b).powi(2)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folded cloth on white, its outline and folds displaced by (`x`, `y`) pixels, in one of two colours.
    fn cloth(x: f32, y: f32, dark: bool) -> LabImage {
        let side = 96;
        let mut data = Vec::new();
        for i in 0..side * side {
            let (u, v) = ((i % side) as f32 - x, (i / side) as f32 - y);
            let inside = (18.0..78.0).contains(&u) && (15.0..82.0).contains(&v);
            let fold = (u / 5.0).sin() + (v / 7.0 + u / 11.0).cos();
            let color = match (inside, dark) {
                (false, _) => [97.0, 0.0, 0.0],
                (true, true) => [25.0 + 3.0 * fold, 10.0, -30.0],
                (true, false) => [70.0 + 5.0 * fold, 40.0, 20.0],
            };
            data.extend(color);
        }
        LabImage::new(side as u32, side as u32, data).unwrap()
    }

    #[test]
    fn a_displaced_cloth_of_another_colour_is_found_to_within_a_pixel() {
        let flow = Flow::between(&cloth(0.0, 0.0, true), &cloth(2.6, -1.7, false));
        let (mut error, mut n) = (0.0, 0);
        for y in 22..74 {
            for x in 26..70 {
                let i = y * 96 + x;
                error += (flow.dx.data[i] - 2.6).hypot(flow.dy.data[i] + 1.7);
                n += 1;
            }
        }
        assert!(error / (n as f32) < 1.0, "{}", error / n as f32);
    }

    #[test]
    fn a_photo_is_laid_over_itself_without_moving() {
        let photo = cloth(0.0, 0.0, true);
        let flow = Flow::between(&photo, &photo);
        assert!((0..96 * 96).all(|i| flow.length(i) < 1e-3));
        assert_eq!(flow.warp(&photo).data(), photo.data());
    }

    #[test]
    fn photos_of_other_sizes_stay_apart() {
        let small = LabImage::new(2, 2, vec![50.0; 12]).unwrap();
        assert!(Flow::between(&cloth(0.0, 0.0, true), &small).dx.data.iter().all(|&v| v == 0.0));
    }
}
