//! Which way the cloth runs in each part of a garment: down the body, along sleeves and legs, by the mask's shape alone.
//!
//! What is left of the mask when everything narrower than the body is opened away are sleeves and legs; the long axis of
//! each is the way of its cloth. Between them the angle goes over smoothly.

use std::collections::VecDeque;

use crate::Mask;
use crate::shading::Cells;

/// Narrower than this share of the body is another part.
const NARROW: f32 = 0.62;
/// Least area of a part, as a share of the mask.
const LEAST_AREA: f32 = 0.015;
/// A part is this many times as long as it is wide, at least.
const LEAST_LENGTH: f32 = 1.35;
/// A part reaches this far from the body's core, in radii of what is opened away, or it is the corner of a hem.
const LEAST_REACH: f32 = 2.1;
/// Cloth doesn't turn farther than this, in radians: what points up is a collar, a hood or a strap.
const MOST_TURN: f32 = 1.95;
/// Rounds of smoothing the angle between parts.
const ROUNDS: usize = 300;
/// Cells around the mask that belong to the field too, so that its edge can be interpolated.
const AROUND: usize = 2;

/// The angle of the cloth, in radians from upright, in each cell of the mask and a little around it.
pub(super) struct Grain {
    pub width: usize,
    pub height: usize,
    /// Whether a cell has an angle.
    pub known: Vec<bool>,
    pub angle: Vec<f32>,
    /// Whether any part runs another way than the body.
    pub turned: bool,
    /// Diameter of the largest circle inside the mask, in photo pixels: the width of the garment's body.
    pub body_px: f32,
}

impl Grain {
    pub(super) fn of(mask: &Mask, longest: usize) -> Self {
        let (full_width, full_height) = (mask.width_px() as usize, mask.height_px() as usize);
        let cells = Cells::over(full_width, full_height, longest);
        let (width, height) = (cells.width, cells.height);
        let inside: Vec<bool> = (0..width * height)
            .map(|i| {
                let (xs, ys) = (cells.columns(i % width), cells.rows(i / width));
                let at = mask.data()[(ys.start + ys.len() / 2) * full_width + xs.start + xs.len() / 2];
                at >= 128
            })
            .collect();
        let depth = distance(width, height, |i| !inside[i]);
        let most = depth.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(d, _)| *d).fold(0.0, f32::max);
        let cell_px = full_width.max(full_height) as f32 / longest.min(full_width.max(full_height)).max(1) as f32;
        let body_px = (2.0 * most - 1.0).max(1.0) * cell_px;
        let around = distance(width, height, |i| inside[i]);
        let known: Vec<bool> = around.iter().map(|&d| d <= AROUND as f32).collect();
        let radius = NARROW * most;
        let core: Vec<bool> = depth.iter().zip(&inside).map(|(&d, &inside)| inside && d >= radius).collect();
        let from_core = distance(width, height, |i| core[i]);
        let body: Vec<bool> = from_core.iter().zip(&inside).map(|(&d, &inside)| inside && d <= radius).collect();
        let area = inside.iter().filter(|inside| **inside).count();
        let least = ((area as f32 * LEAST_AREA) as usize).max(6);
        let mut angle = vec![0.0; inside.len()];
        let mut fixed = core;
        let mut turned = false;
        let beyond = |i: usize| inside[i] && !body[i];
        for part in components(width, height, beyond) {
            let reach = part.iter().map(|&i| from_core[i]).fold(0.0, f32::max);
            if part.len() < least || reach < LEAST_REACH * radius {
                continue;
            }
            let Some(turn) = turn_of(&part, width, &body) else { continue };
            turned = true;
            // Where a sleeve leaves the body its cloth is still on its way.
            for &i in part.iter().filter(|&&i| from_core[i] > 1.25 * radius) {
                angle[i] = turn;
                fixed[i] = true;
            }
        }
        if turned {
            smooth(&mut angle, &fixed, &known, width);
        }
        Self { width, height, known, angle, turned, body_px }
    }
}

/// Distance of each cell to the nearest one of a set, in cells; up to a tenth too long in some directions.
///
/// # Source
/// Borgefors, "Distance transformations in digital images", 1986 (the 3-4 chamfer).
fn distance(width: usize, height: usize, of_set: impl Fn(usize) -> bool) -> Vec<f32> {
    let far = (width + height) as f32;
    // What lies beyond the border counts as outside of the mask only where the set says so.
    let mut d: Vec<f32> = (0..width * height).map(|i| if of_set(i) { 0.0 } else { far }).collect();
    let diagonal = 4.0 / 3.0;
    for y in 0..height {
        for x in 0..width {
            let i = y * width + x;
            if x > 0 {
                d[i] = d[i].min(d[i - 1] + 1.0);
            }
            if y > 0 {
                d[i] = d[i].min(d[i - width] + 1.0);
                if x > 0 {
                    d[i] = d[i].min(d[i - width - 1] + diagonal);
                }
                if x + 1 < width {
                    d[i] = d[i].min(d[i - width + 1] + diagonal);
                }
            }
        }
    }
    for y in (0..height).rev() {
        for x in (0..width).rev() {
            let i = y * width + x;
            if x + 1 < width {
                d[i] = d[i].min(d[i + 1] + 1.0);
            }
            if y + 1 < height {
                d[i] = d[i].min(d[i + width] + 1.0);
                if x > 0 {
                    d[i] = d[i].min(d[i + width - 1] + diagonal);
                }
                if x + 1 < width {
                    d[i] = d[i].min(d[i + width + 1] + diagonal);
                }
            }
        }
    }
    d
}

fn components(width: usize, height: usize, of_part: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut seen = vec![false; width * height];
    let mut parts = Vec::new();
    for start in 0..width * height {
        if seen[start] || !of_part(start) {
            continue;
        }
        let mut part = Vec::new();
        let mut queue = VecDeque::from([start]);
        seen[start] = true;
        while let Some(i) = queue.pop_front() {
            part.push(i);
            for j in neighbours(i, width, height) {
                if !seen[j] && of_part(j) {
                    seen[j] = true;
                    queue.push_back(j);
                }
            }
        }
        parts.push(part);
    }
    parts
}

/// Left, right, above and below, inside the grid.
pub(super) fn neighbours(i: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % width, i / width);
    let left = (x > 0).then(|| i - 1);
    let right = (x + 1 < width).then_some(i + 1);
    let above = (y > 0).then(|| i - width);
    let below = (y + 1 < height).then_some(i + width);
    [left, right, above, below].into_iter().flatten()
}

/// The turn from upright that a long part's axis has, away from the body; `None` for a part that is not long or points up.
fn turn_of(part: &[usize], width: usize, body: &[bool]) -> Option<f32> {
    let n = part.len() as f32;
    let place = |i: usize| ((i % width) as f32, (i / width) as f32);
    let mean = |cells: &mut dyn Iterator<Item = usize>| {
        let (mut x, mut y, mut n) = (0.0, 0.0, 0.0_f32);
        for i in cells {
            let (u, v) = place(i);
            (x, y, n) = (x + u, y + v, n + 1.0);
        }
        (x / n.max(1.0), y / n.max(1.0))
    };
    let (mx, my) = mean(&mut part.iter().copied());
    let (mut xx, mut xy, mut yy) = (0.0_f32, 0.0_f32, 0.0_f32);
    for &i in part {
        let (x, y) = place(i);
        xx += (x - mx) * (x - mx) / n;
        xy += (x - mx) * (y - my) / n;
        yy += (y - my) * (y - my) / n;
    }
    let root = ((xx - yy).powi(2) / 4.0 + xy * xy).sqrt();
    let (long, short) = (xx.midpoint(yy) + root, (xx.midpoint(yy) - root).max(1e-3));
    if (long / short).sqrt() < LEAST_LENGTH {
        return None;
    }
    let axis = 0.5 * (2.0 * xy).atan2(xx - yy);
    let (mut dx, mut dy) = (axis.cos(), axis.sin());
    // Away from where it hangs on the body.
    let height = body.len() / width;
    let joint = mean(&mut part.iter().copied().filter(|&i| neighbours(i, width, height).any(|j| body[j])));
    if joint != (0.0, 0.0) && dx * (mx - joint.0) + dy * (my - joint.1) < 0.0 {
        (dx, dy) = (-dx, -dy);
    }
    Some((-dx).atan2(dy)).filter(|turn| turn.abs() <= MOST_TURN)
}

/// Harmonic between the cells whose angle is fixed.
fn smooth(angle: &mut [f32], fixed: &[bool], known: &[bool], width: usize) {
    let height = known.len() / width;
    let free: Vec<usize> = (0..known.len()).filter(|&i| known[i] && !fixed[i]).collect();
    for round in 0..ROUNDS {
        let mut relax = |i: usize| {
            let (mut sum, mut count) = (0.0, 0.0_f32);
            for j in neighbours(i, width, height).filter(|&j| known[j]) {
                sum += angle[j];
                count += 1.0;
            }
            if count > 0.0 {
                angle[i] = sum / count;
            }
        };
        // There and back, so that angles travel both ways at once.
        if round % 2 == 0 {
            free.iter().for_each(|&i| relax(i));
        } else {
            free.iter().rev().for_each(|&i| relax(i));
        }
    }
}
