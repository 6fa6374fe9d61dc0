//! What of a colourway pair may be compared: as it comes, registered, or registered and of the main cloth alone.

use pixels::Mask;
use pixels::color::{Lab, LabImage};
use pixels::garment_stats::{median_lab, percentile};
use serde::Serialize;

use crate::registration::{DIFFERENT, Flow, Plane, delta_e76, foreground};

/// How a dyed photo is compared with the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Pixel by pixel, wherever both photos show something and differ: trousers, skin and prints too.
    Given,
    /// The same after the real photo was registered to the dyed one.
    Registered,
    /// Registered, and only where both photos show the main cloth: no print, no logo, no skin, no trousers.
    Plain,
}

impl Protocol {
    /// All of them, the strictest about its pixels last.
    pub const ALL: [Self; 3] = [Self::Given, Self::Registered, Self::Plain];
}

/// The real photo of the other colour on the grid of the photo that is dyed, and where it counts.
#[derive(Clone, Debug)]
pub struct View {
    /// The real photo.
    pub answer: LabImage,
    /// Where it counts, 0 or 255.
    pub region: Mask,
    /// Lightness in `answer` around each pixel that the dyed photo's own folds do not explain, in L*.
    pub mismatch: Plane,
}

/// Fewer pixels than this are no garment.
pub const REGION_FLOOR: usize = 50;
/// Side of the neighbourhood in which folds are compared, in pixels.
const FOLDS_PX: f32 = 6.0;
/// A part of the cloth smaller than this share of the largest is something else of the same colour.
const PART_FLOOR: f32 = 0.08;

impl View {
    /// The view of a dyed `own` photo against `other`; `None` when nearly nothing is left to compare.
    pub fn new(protocol: Protocol, own: &LabImage, other: &LabImage, flow: &Flow) -> Option<Self> {
        let answer = if protocol == Protocol::Given { other.clone() } else { flow.warp(other) };
        let width = own.width_px() as usize;
        let mut inside = differing(own, &answer);
        if protocol == Protocol::Plain {
            let (one, two) = (main_cloth(own, &inside), main_cloth(&answer, &inside));
            let both: Vec<bool> = one.iter().zip(&two).map(|(&a, &b)| a && b).collect();
            inside = largest_parts(&opened_and_eroded(&both, width), width);
        }
        if inside.iter().filter(|&&v| v).count() < REGION_FLOOR {
            return None;
        }
        let mismatch = mismatch(own, &answer, &inside);
        let alpha = inside.into_iter().map(|v| if v { 255 } else { 0 }).collect();
        let region = Mask::new(own.width_px(), own.height_px(), alpha).ok()?;
        Some(Self { answer, region, mismatch })
    }

    /// Row-major indices of the region.
    pub fn indices(&self) -> Vec<usize> {
        self.region.data().iter().enumerate().filter(|&(_, &a)| a > 0).map(|(i, _)| i).collect()
    }

    /// The real photo's median colour in the region: what the dye is aimed at.
    pub fn target(&self) -> Lab {
        median_lab(&self.indices().into_iter().map(|i| self.answer.at(i)).collect::<Vec<_>>())
    }

    /// Mean of the unexplained lightness over the region, in L*: how little the two photos show the same folds.
    pub fn mean_mismatch(&self) -> f32 {
        let indices = self.indices();
        indices.iter().map(|&i| self.mismatch.data[i]).sum::<f32>() / indices.len().max(1) as f32
    }
}

/// Where both photos show something and differ, opened and eroded by one pixel.
fn differing(own: &LabImage, other: &LabImage) -> Vec<bool> {
    let (one, two) = (foreground(own), foreground(other));
    let differs: Vec<bool> =
        (0..one.len()).map(|i| one[i] && two[i] && delta_e76(own.at(i), other.at(i)) > DIFFERENT).collect();
    opened_and_eroded(&differs, own.width_px() as usize)
}

fn opened_and_eroded(inside: &[bool], width: usize) -> Vec<bool> {
    neighbours(&neighbours(&neighbours(inside, width, true), width, false), width, true)
}

/// Pixels of `region` whose colour is the main cloth's in light or shadow; found by repeated medians.
fn main_cloth(lab: &LabImage, region: &[bool]) -> Vec<bool> {
    let mut inside = region.to_vec();
    for _ in 0..3 {
        let colors: Vec<Lab> = (0..inside.len()).filter(|&i| inside[i]).map(|i| lab.at(i)).collect();
        let centre = median_lab(&colors);
        let mut deviations: Vec<f32> = colors.iter().map(|c| (c.l - centre.l).abs()).collect();
        let spread = (1.4826 * percentile(&mut deviations, 0.5)).clamp(3.0, 12.0);
        let next: Vec<bool> = (0..region.len()).map(|i| region[i] && is_cloth(lab.at(i), centre, spread)).collect();
        if next.iter().filter(|&&v| v).count() < REGION_FLOOR {
            break;
        }
        inside = next;
    }
    inside
}

/// Whether shading alone explains a colour: chroma follows the light, shadows go deeper than highlights go up.
fn is_cloth(color: Lab, centre: Lab, spread: f32) -> bool {
    let shaded = ((color.l + 8.0) / (centre.l + 8.0)).clamp(0.4, 1.8);
    let along = (color.a * centre.a + color.b * centre.b) / (centre.a * centre.a + centre.b * centre.b + 1e-3);
    let along = along.clamp(shaded.min(1.0), shaded.max(1.0));
    let off = (color.a - along * centre.a).hypot(color.b - along * centre.b);
    let explained = if color.l > centre.l { 2.5 * spread + 6.0 } else { 3.0 * spread + 10.0 };
    let excess = ((color.l - centre.l).abs() - explained).max(0.0);
    off.hypot(excess) < 8.0 + 0.12 * centre.chroma()
}

/// Drops parts (4-connected) much smaller than the largest.
fn largest_parts(inside: &[bool], width: usize) -> Vec<bool> {
    let mut part = vec![0_usize; inside.len()];
    let mut sizes = vec![0_usize];
    for start in 0..inside.len() {
        if !inside[start] || part[start] != 0 {
            continue;
        }
        let name = sizes.len();
        sizes.push(0);
        let mut open = vec![start];
        part[start] = name;
        while let Some(i) = open.pop() {
            sizes[name] += 1;
            let x = i % width;
            let beside = [(x > 0).then(|| i - 1), (x + 1 < width).then_some(i + 1)];
            let across = [i.checked_sub(width), (i + width < inside.len()).then_some(i + width)];
            for j in beside.into_iter().chain(across).flatten() {
                if inside[j] && part[j] == 0 {
                    part[j] = name;
                    open.push(j);
                }
            }
        }
    }
    let floor = PART_FLOOR * sizes.iter().copied().max().unwrap_or(0) as f32;
    part.into_iter().map(|name| name != 0 && sizes[name] as f32 >= floor).collect()
}

/// Lightness of either photo that a linear function of the other's does not give, in the neighbourhood.
fn mismatch(own: &LabImage, answer: &LabImage, inside: &[bool]) -> Plane {
    let (width, height) = (own.width_px() as usize, own.height_px() as usize);
    let mask = Plane { width, height, data: inside.iter().map(|&v| f32::from(u8::from(v))).collect() };
    let weight = mask.blurred(FOLDS_PX).map(|v| v + 1e-3);
    let lightness =
        |lab: &LabImage| Plane { width, height, data: lab.data().iter().step_by(3).copied().collect() }.blurred(1.0);
    let local = |plane: &Plane| plane.times(&mask).blurred(FOLDS_PX).over(&weight);
    let (a, b) = (lightness(own), lightness(answer));
    let (mean_a, mean_b) = (local(&a), local(&b));
    let variance_a = local(&a.times(&a)).minus(&mean_a.times(&mean_a));
    let variance_b = local(&b.times(&b)).minus(&mean_b.times(&mean_b));
    let covariance = local(&a.times(&b)).minus(&mean_a.times(&mean_b));
    let mut out = Plane::zero(width, height);
    for (i, value) in out.data.iter_mut().enumerate() {
        let (va, vb) = (variance_a.data[i].max(0.0), variance_b.data[i].max(0.0));
        let correlation = covariance.data[i] / ((va + 0.3) * (vb + 0.3)).sqrt();
        *value = ((va + vb) * (1.0 - correlation * correlation).max(0.0)).sqrt();
    }
    out
}

/// Erosion (`all`) or dilation over 3×3 neighbours; outside the picture counts as not inside.
pub fn neighbours(inside: &[bool], width: usize, all: bool) -> Vec<bool> {
    let height = inside.len() / width.max(1);
    let at = |x: usize, y: usize| {
        // Wrapping below zero lands beyond the size.
        x < width && y < height && inside[y * width + x]
    };
    (0..inside.len())
        .map(|i| {
            let (x, y) = (i % width, i / width);
            let mut around = (0..9).map(|k| at((x + k % 3).wrapping_sub(1), (y + k / 3).wrapping_sub(1)));
            if all { around.all(|v| v) } else { around.any(|v| v) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shirt with folds and a foreign logo, above trousers that are the same in both photos' colours or not.
    fn outfit(shirt: [f32; 3], trousers: [f32; 3]) -> LabImage {
        let side = 80;
        let mut data = Vec::new();
        for i in 0..side * side {
            let (x, y) = (i % side, i / side);
            let fold = 4.0 * (x as f32 / 4.0).sin();
            data.extend(match () {
                () if !(12..68).contains(&x) || !(6..74).contains(&y) => [97.0, 0.0, 0.0],
                () if (30..42).contains(&x) && (20..30).contains(&y) => [95.0, 0.0, 40.0],
                () if y < 50 => [shirt[0] + fold, shirt[1], shirt[2]],
                () => trousers,
            });
        }
        LabImage::new(side as u32, side as u32, data).unwrap()
    }

    #[test]
    fn the_plain_view_leaves_out_logo_and_trousers() {
        let red = outfit([45.0, 55.0, 25.0], [30.0, 0.0, -20.0]);
        let green = outfit([60.0, -40.0, 30.0], [60.0, 3.0, 20.0]);
        let flow = Flow::between(&red, &green);
        let given = View::new(Protocol::Given, &red, &green, &flow).unwrap();
        let plain = View::new(Protocol::Plain, &red, &green, &flow).unwrap();
        let at = |view: &View, x: u32, y: u32| view.region.data()[(y * 80 + x) as usize];
        assert_eq!((at(&given, 20, 60), at(&plain, 20, 60)), (255, 0));
        assert_eq!((at(&plain, 35, 25), at(&plain, 20, 40)), (0, 255));
        let target = plain.target();
        assert!((target.a + 40.0).abs() < 1.0 && (target.b - 30.0).abs() < 1.0, "{target:?}");
        assert!(plain.mean_mismatch() < 2.5, "{}", plain.mean_mismatch());
    }

    #[test]
    fn folds_that_differ_are_a_mismatch() {
        let one = outfit([45.0, 55.0, 25.0], [45.0, 55.0, 25.0]);
        let mut other = outfit([60.0, -40.0, 30.0], [60.0, -40.0, 30.0]);
        for (i, color) in other.data_mut().chunks_exact_mut(3).enumerate() {
            if color[1] < -30.0 {
                color[0] = 60.0 + 8.0 * ((i / 80) as f32 / 4.0).sin();
            }
        }
        let still = Flow { dx: Plane::zero(80, 80), dy: Plane::zero(80, 80) };
        let view = View::new(Protocol::Plain, &one, &other, &still).unwrap();
        assert!(view.mean_mismatch() > 3.5, "{}", view.mean_mismatch());
    }
}
