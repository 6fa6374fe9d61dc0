//! Where on the cloth each pixel of a garment lies.
//!
//! Two smooth maps over the photo, across the cloth and down it. Their gradients are to be those of cloth that runs along
//! each part; the maps whose gradients come nearest (in the least squares) are continuous over every border. On top, cloth
//! moves along the slope of its light, as it does when a fold is seen from the side.

use super::parts::{Grain, neighbours};
use crate::Mask;
use crate::guided_filter::{Columns, Plane};
use crate::shading::Shading;

/// Longer side of the grid on which parts are found, in cells.
const GRID: usize = 160;
/// The same for the displacement over folds.
const FOLD_GRID: usize = 256;
/// Steps of the solver.
const STEPS: usize = 400;
/// Residual, relative to the first one, at which it stops.
const ACCURACY: f32 = 1e-3;
/// How soon cloth gives where it turns, per radian from cell to cell.
const GIVES: f32 = 60.0;
/// Half-width of the low-pass on the light before slopes are taken, as a share of the body's width.
const FOLD_REACH: f32 = 0.03;
/// Displacement by a slope of one (natural logarithm per body's width), as a share of that width.
const DISPLACED: f32 = 0.0008;
/// Largest displacement, as a share of the body's width.
const MOST_DISPLACED: f32 = 0.008;
/// A garment is taken for this wide, and a swatch for a piece this wide, unless told otherwise, in cm.
pub const GARMENT_CM: f32 = 50.0;
/// See [`GARMENT_CM`].
pub const SWATCH_CM: f32 = 30.0;

/// How the cloth is laid: what a user may say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placing {
    /// Length of one repeat.
    pub repeat: Option<Repeat>,
    /// Width of the garment's body in cm, to which repeats in cm relate.
    pub garment_cm: f32,
    /// Turn of the cloth, clockwise, in degrees.
    pub rotation_deg: f32,
    /// Shift of the cloth to the right and down, in repeats.
    pub offset: (f32, f32),
}

/// Length of one repeat of the print: across where it repeats across, else down; of the whole swatch when it has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Repeat {
    /// On the garment, in cm.
    Cm(f32),
    /// In the photo, in pixels.
    Px(f32),
}

impl Default for Placing {
    fn default() -> Self {
        Self { repeat: None, garment_cm: GARMENT_CM, rotation_deg: 0.0, offset: (0.0, 0.0) }
    }
}

/// Where on an endless cloth each pixel lies, as far as the garment decides it.
#[derive(Clone, Debug)]
pub struct Placement {
    /// What is to be added to a pixel's column and row, at reduced size.
    added: [Plane; 2],
    columns: [Columns; 2],
    /// Rows of the picture.
    height: usize,
    /// Middle of the garment, in pixels: where the cloth's middle comes to lie.
    middle: (f32, f32),
    /// Width of the garment's body (diameter of the largest circle in the mask), in pixels.
    pub body_px: f32,
}

impl Placement {
    /// Lays cloth on a garment.
    pub fn of(mask: &Mask, shading: &Shading) -> Self {
        let (width, height) = (mask.width_px() as usize, mask.height_px() as usize);
        let grain = Grain::of(mask, GRID);
        let (x, y, w, h) = mask.bounding_box(128).unwrap_or((0, 0, mask.width_px(), mask.height_px()));
        let middle = (x as f32 + w as f32 / 2.0, y as f32 + h as f32 / 2.0);
        let bent = bent(&grain, width.max(height));
        let folds = displaced(mask, shading, grain.body_px);
        let [mut u, mut v] = folds;
        for (plane, more) in [&mut u, &mut v].into_iter().zip(&bent) {
            let more = more.resized(plane.width, plane.height);
            plane.values.iter_mut().zip(more.values).for_each(|(value, more)| *value += more);
        }
        let columns = [u.columns(width), v.columns(width)];
        Self { added: [u, v], columns, height, middle, body_px: grain.body_px }
    }

    /// The place on the cloth of every pixel of row `y`, in photo pixels from the garment's middle.
    pub(super) fn row(&self, y: usize) -> impl Fn(usize) -> (f32, f32) + '_ {
        let lines = self.added.each_ref().map(|plane| plane.line(self.height, y));
        let down = y as f32 - self.middle.1;
        let added = move |axis: usize, x: usize| lines[axis].at(x, &self.columns[axis]);
        move |x| (x as f32 - self.middle.0 + added(0, x), down + added(1, x))
    }
}

/// What bending along the parts adds to columns and rows.
fn bent(grain: &Grain, longest_px: usize) -> [Plane; 2] {
    let (width, height) = (grain.width, grain.height);
    let plane = |values: Vec<f32>| Plane { width, height, values };
    if !grain.turned {
        return [plane(vec![0.0; width * height]), plane(vec![0.0; width * height])];
    }
    let cell_px = longest_px as f32 / width.max(height) as f32;
    // Gradients of what is added: those of turned cloth less those of upright cloth.
    let across = |i: usize| (grain.angle[i].cos() - 1.0, grain.angle[i].sin());
    let down = |i: usize| (-grain.angle[i].sin(), grain.angle[i].cos() - 1.0);
    let solve = |wanted: &dyn Fn(usize) -> (f32, f32)| {
        let mut values = integrated(grain, wanted);
        values.iter_mut().for_each(|value| *value *= cell_px);
        plane(values)
    };
    [solve(&across), solve(&down)]
}

/// The map on the known cells whose gradient is nearest to the wanted one, by conjugate gradients.
fn integrated(grain: &Grain, wanted: &dyn Fn(usize) -> (f32, f32)) -> Vec<f32> {
    let (width, height) = (grain.width, grain.height);
    let n = width * height;
    let cells: Vec<usize> = (0..n).filter(|&i| grain.known[i]).collect();
    let mut residual = vec![0.0_f32; n];
    for &i in &cells {
        for (j, step) in [((i % width + 1 < width).then_some(i + 1), 0), (Some(i + width), 1)] {
            let Some(j) = j.filter(|&j| j < n && grain.known[j]) else { continue };
            let (a, b) = (wanted(i), wanted(j));
            let rise = if step == 0 { a.0.midpoint(b.0) } else { a.1.midpoint(b.1) };
            let rise = rise * stiffness(grain, i, j);
            residual[j] += rise;
            residual[i] -= rise;
        }
    }
    let mut values = vec![0.0_f32; n];
    let mut direction = residual.clone();
    let mut applied = vec![0.0_f32; n];
    let dot = |a: &[f32], b: &[f32]| cells.iter().map(|&i| f64::from(a[i]) * f64::from(b[i])).sum::<f64>();
    let first = dot(&residual, &residual);
    let mut energy = first;
    for _ in 0..STEPS {
        if energy <= first * f64::from(ACCURACY).powi(2) {
            break;
        }
        for &i in &cells {
            let known = neighbours(i, width, height).filter(|&j| grain.known[j]);
            applied[i] = known.map(|j| stiffness(grain, i, j) * (direction[i] - direction[j])).sum();
        }
        let curved = dot(&direction, &applied);
        if curved <= 0.0 {
            break;
        }
        let step = (energy / curved) as f32;
        for &i in &cells {
            values[i] += step * direction[i];
            residual[i] -= step * applied[i];
        }
        let next = dot(&residual, &residual);
        let turn = (next / energy) as f32;
        energy = next;
        for &i in &cells {
            direction[i] = residual[i] + turn * direction[i];
        }
    }
    level_body(grain, &mut values, &cells);
    outward(grain, &mut values);
    values
}

/// How much two cells insist on their gradient: cloth that runs one way keeps its measure, and where it turns it gives.
fn stiffness(grain: &Grain, i: usize, j: usize) -> f32 {
    1.0 / (1.0 + (GIVES * (grain.angle[i] - grain.angle[j])).powi(2))
}

/// Takes away the mean over the upright cells: the map is free up to a constant, and the body should stay where it is.
fn level_body(grain: &Grain, values: &mut [f32], cells: &[usize]) {
    let upright: Vec<usize> = cells.iter().copied().filter(|&i| grain.angle[i].abs() < 0.05).collect();
    let of = if upright.is_empty() { cells } else { &upright };
    let mean = of.iter().map(|&i| values[i]).sum::<f32>() / of.len().max(1) as f32;
    cells.iter().for_each(|&i| values[i] -= mean);
}

/// Gives unknown cells beside known ones their mean, so that interpolation at the mask's edge reads no zeros.
fn outward(grain: &Grain, values: &mut [f32]) {
    let (width, height) = (grain.width, grain.height);
    let mut known = grain.known.clone();
    for _ in 0..3 {
        let edge: Vec<(usize, f32)> = (0..known.len())
            .filter(|&i| !known[i])
            .filter_map(|i| {
                let near: Vec<f32> = neighbours(i, width, height).filter(|&j| known[j]).map(|j| values[j]).collect();
                (!near.is_empty()).then(|| (i, near.iter().sum::<f32>() / near.len() as f32))
            })
            .collect();
        for (i, value) in edge {
            values[i] = value;
            known[i] = true;
        }
    }
}

/// What folds add to columns and rows: along the slope of the light, bounded.
fn displaced(mask: &Mask, shading: &Shading, body_px: f32) -> [Plane; 2] {
    let plane = shading.log_plane(mask, FOLD_GRID);
    let (width, height) = (plane.width, plane.height);
    let cell_px = mask.width_px().max(mask.height_px()) as f32 / width.max(height).max(1) as f32;
    let radius = ((FOLD_REACH * body_px / cell_px).round() as usize).max(1);
    let smooth = plane.box_mean(radius).box_mean(radius);
    let most = MOST_DISPLACED * body_px;
    let at = |x: usize, y: usize| smooth.values[y * width + x];
    let mut planes = [vec![0.0; width * height], vec![0.0; width * height]];
    for y in 0..height {
        for x in 0..width {
            let span = |a: usize, b: usize| (b - a).max(1) as f32 * cell_px / body_px;
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
            let slope =
                ((at(right, y) - at(left, y)) / span(left, right), (at(x, below) - at(x, above)) / span(above, below));
            let length = slope.0.hypot(slope.1).max(1e-6);
            let reach = most * (DISPLACED * length * body_px / most).tanh();
            planes[0][y * width + x] = reach * slope.0 / length;
            planes[1][y * width + x] = reach * slope.1 / length;
        }
    }
    planes.map(|values| Plane { width, height, values }.box_mean(1))
}
