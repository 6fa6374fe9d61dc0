//! Edges of a mask by the colours on either side of them.
//!
//! A pixel on a garment's edge mixes cloth and ground, so its place on the line from the ground's colour to the cloth's
//! is its alpha (Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image Matting", 2008, call this the
//! colour line model; here the two ends are local means). Where the two colours are alike, or a pixel lies off the line
//! as prints do, the given alpha stays.

use rayon::prelude::*;

use crate::guided_filter::{Columns, Plane, PlaneRow};
use crate::{Mask, Result, SrgbImage, resize_linear};

/// Longer side of the small picture on which the two colours are averaged, in pixels.
const FIT_PX: f64 = 384.0;
/// Half-width of the averaging window on the small picture, in pixels.
const WINDOW_PX: usize = 10;
/// Half-width of the band along the edge that is refined, on the small picture, in pixels.
const BAND_PX: usize = 5;
/// Distances of the two colours, in codes, at which refining starts and is trusted fully, on ground that is not even.
const CONTRAST: (f32, f32) = (24.0, 60.0);
/// How far the ground varies where these distances count, in codes; on evener ground as much smaller ones tell white from white.
const UNEVEN: f32 = 8.0;
/// Added to it: noise that its small copy does not show.
const NOISE: f32 = 1.0;
/// Least share of these distances.
const EVEN: f32 = 0.2;
/// Distances off the line, as shares of its length, at which trust starts to fall and is gone.
const OFF_LINE: (f32, f32) = (0.25, 0.6);

/// Alpha from which cloth is only ever added to.
const SURE: f32 = 0.85;

/// Local mean colour of one side, three planes of codes, and how much of the window it fills.
struct Side {
    color: [Plane; 3],
    weight: Plane,
}

/// A side on one row of the full-size picture.
struct SideRow {
    color: [PlaneRow; 3],
    weight: PlaneRow,
}

impl Side {
    fn line(&self, height: usize, y: usize) -> SideRow {
        let row = |plane: &Plane| plane.line(height, y);
        SideRow { color: self.color.each_ref().map(row), weight: row(&self.weight) }
    }
}

impl SideRow {
    fn color_at(&self, x: usize, columns: &Columns) -> [f32; 3] {
        [0, 1, 2].map(|c| self.color[c].at(x, columns))
    }
}

/// Share of cloth in the neighbourhood of pixels that are refined.
const BAND: std::ops::Range<f32> = 0.02..0.98;

/// Replaces alpha in a narrow band along the mask's edge by the mixture that the photo's colours show.
///
/// Alpha far from the edge is kept: 0 stays 0 and 255 stays 255. `most`, on any grid over the photo, is the largest alpha that
/// colours can give, 0 to 1 and beyond; without it a dark joint of the floor would continue a dark sleeve.
///
/// # Errors
/// [`crate::Error::SizeMismatch`] when the mask has another size than the photo.
pub fn refine_edges(photo: &SrgbImage, mask: &Mask, most: &Plane) -> Result<Mask> {
    let (w, h) = (photo.width_px() as usize, photo.height_px() as usize);
    mask.check_size(photo.width_px(), photo.height_px())?;
    let shrink = (FIT_PX / w.max(h) as f64).min(1.0);
    let side = |n: usize| ((n as f64 * shrink).round() as usize).max(1);
    let (sw, sh) = (side(w), side(h));
    let small = resize_linear(photo, sw as u32, sh as u32)?;
    let alpha = crate::resize_mask(mask, sw as u32, sh as u32)?;
    let values = alpha.data().iter().map(|&a| f32::from(a) / 255.0).collect();
    let alpha = Plane { width: sw, height: sh, values };
    let spread = alpha.box_mean(BAND_PX);
    // Only what is surely cloth or surely ground speaks for its side: the band itself is the question.
    let weights = |takes: &dyn Fn(f32) -> bool| -> Vec<f32> {
        spread.values.iter().map(|&near| f32::from(u8::from(takes(near)))).collect()
    };
    let is_ground = weights(&|near| near < 0.03);
    let cloth = mean_where(&small, &weights(&|near| near > 0.97));
    let ground = mean_where(&small, &is_ground);
    let noise = variation(&small, &is_ground, &ground);
    let near_edge = alpha.box_mean(BAND_PX + 1);
    let soft = [0, 1, 2].map(|c| {
        let values = small.data().iter().skip(c).step_by(3).map(|&v| f32::from(v)).collect();
        Plane { width: sw, height: sh, values }
    });
    let columns = near_edge.columns(w);
    let most_columns = most.columns(w);
    let mut out = mask.clone();
    out.data_mut().par_chunks_mut(w).enumerate().for_each(|(y, row)| {
        let near_edge = near_edge.line(h, y);
        let most = most.line(h, y);
        let mut sides: Option<([SideRow; 2], PlaneRow, [PlaneRow; 3])> = None;
        for (xs, x0, x1) in columns.runs() {
            let (near0, near1) = (near_edge.cells()[x0], near_edge.cells()[x1]);
            // Nearly everywhere the edge is far, and nothing needs to be looked at.
            if near0.max(near1) < BAND.start || near0.min(near1) >= BAND.end {
                continue;
            }
            let ([cloth, ground], noise, soft) = sides.get_or_insert_with(|| {
                let lines = [&cloth, &ground].map(|side| side.line(h, y));
                (lines, noise.line(h, y), soft.each_ref().map(|plane| plane.line(h, y)))
            });
            for x in xs.filter(|&x| BAND.contains(&near_edge.at(x, &columns))) {
                if cloth.weight.at(x, &columns).min(ground.weight.at(x, &columns)) < 0.02 {
                    continue;
                }
                let (cloth_color, ground_color) = (cloth.color_at(x, &columns), ground.color_at(x, &columns));
                let line = Line::new(cloth_color, ground_color);
                // Where the two are hardly apart, single pixels are noise and their surroundings decide.
                let sharp = ramp(line.length, CONTRAST.0, CONTRAST.1);
                let pixel = [0, 1, 2].map(|c| {
                    let own = f32::from(photo.data()[3 * (y * w + x) + c]);
                    let soft = soft[c].at(x, &columns);
                    soft + (own - soft) * sharp
                });
                let (mixture, trust) = line.place(pixel, noise.at(x, &columns));
                let before = f32::from(row[x]) / 255.0;
                // Light trims and glints look like mixtures too, so that what is surely cloth is not taken away.
                if mixture < before && before > SURE {
                    continue;
                }
                let refined = before + (mixture - before) * trust;
                let most = most.at(x, &most_columns).clamp(0.0, 1.0);
                row[x] = (255.0 * refined.min(most.max(before))).round() as u8;
            }
        }
    });
    Ok(out)
}

/// The way from the ground's colour to the cloth's, in codes.
struct Line {
    ground: [f32; 3],
    way: [f32; 3],
    length: f32,
}

impl Line {
    fn new(cloth: [f32; 3], ground: [f32; 3]) -> Self {
        let way = [0, 1, 2].map(|c| cloth[c] - ground[c]);
        Self { ground, way, length: dot(way, way).sqrt() }
    }

    /// Where a pixel lies from ground (0) to cloth (1), and how far that can be trusted, 0 to 1. `noise`: how far the ground varies.
    fn place(&self, pixel: [f32; 3], noise: f32) -> (f32, f32) {
        let offset = [0, 1, 2].map(|c| pixel[c] - self.ground[c]);
        let length = self.length.max(1.0);
        let t = dot(offset, self.way) / (length * length);
        let nearest = t.clamp(0.0, 1.0);
        let off = [0, 1, 2].map(|c| offset[c] - nearest * self.way[c]);
        let off = dot(off, off).sqrt() / length;
        let scale = ((noise + NOISE) / UNEVEN).clamp(EVEN, 1.0);
        let trust = ramp(length, scale * CONTRAST.0, scale * CONTRAST.1) * (1.0 - ramp(off, OFF_LINE.0, OFF_LINE.1));
        // Both ends vary a little around their means, so that the last tenth on either side counts as pure.
        (((t - 0.1) / 0.8).clamp(0.0, 1.0), trust)
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn ramp(value: f32, from: f32, to: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Mean colour over a window, by weights of the pixels.
fn mean_where(small: &SrgbImage, weights: &[f32]) -> Side {
    let (width, height) = (small.width_px() as usize, small.height_px() as usize);
    let mean = |values: Vec<f32>| Plane { width, height, values }.box_mean(WINDOW_PX);
    let weight = mean(weights.to_vec());
    let color = [0, 1, 2].map(|c| {
        let weighted = weights.iter().enumerate().map(|(i, w)| w * f32::from(small.data()[3 * i + c])).collect();
        let mut mean = mean(weighted);
        mean.values.iter_mut().zip(&weight.values).for_each(|(v, w)| *v /= w.max(1e-6));
        mean
    });
    Side { color, weight }
}

/// How far a side's colours vary over a window, in codes: root of the mean squared distance to their mean.
fn variation(small: &SrgbImage, weights: &[f32], side: &Side) -> Plane {
    let square = |i: usize| (0..3).map(|c| f32::from(small.data()[3 * i + c]).powi(2)).sum::<f32>();
    let values = weights.iter().enumerate().map(|(i, w)| w * square(i)).collect();
    let plane = Plane { width: small.width_px() as usize, height: small.height_px() as usize, values };
    let mut noise = plane.box_mean(WINDOW_PX);
    for (i, v) in noise.values.iter_mut().enumerate() {
        let mean: f32 = side.color.iter().map(|plane: &Plane| plane.values[i].powi(2)).sum();
        *v = (*v / side.weight.values[i].max(1e-6) - mean).max(0.0).sqrt();
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 120;

    /// Coverage of a disc of the given radius, soft over a pixel.
    fn disc(radius: f32) -> Vec<f32> {
        let middle = SIDE as f32 / 2.0;
        let coverage = |i: u32| {
            let (x, y) = ((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5);
            (radius - (x - middle).hypot(y - middle) + 0.5).clamp(0.0, 1.0)
        };
        (0..SIDE * SIDE).map(coverage).collect()
    }

    fn mixed(alpha: &[f32], cloth: [f32; 3], ground: [f32; 3]) -> SrgbImage {
        let mix = |a: &f32| [0, 1, 2].map(|c| (ground[c] + (cloth[c] - ground[c]) * a).round() as u8);
        SrgbImage::new(SIDE, SIDE, alpha.iter().flat_map(mix).collect()).unwrap()
    }

    fn as_mask(alpha: &[f32]) -> Mask {
        Mask::new(SIDE, SIDE, alpha.iter().map(|a| (a * 255.0).round() as u8).collect()).unwrap()
    }

    fn anything() -> Plane {
        Plane { width: 1, height: 1, values: vec![1.0] }
    }

    fn error(mask: &Mask, truth: &[f32]) -> f32 {
        mask.data().iter().zip(truth).map(|(a, t)| (f32::from(*a) / 255.0 - t).abs()).sum()
    }

    #[test]
    fn an_edge_drawn_too_narrow_is_pulled_to_the_colours() {
        let truth = disc(40.0);
        let photo = mixed(&truth, [235.0, 230.0, 220.0], [150.0, 100.0, 60.0]);
        for drawn in [37.0, 38.0, 39.0] {
            let coarse = as_mask(&disc(drawn));
            let refined = refine_edges(&photo, &coarse, &anything()).unwrap();
            assert!(error(&refined, &truth) < 0.25 * error(&coarse, &truth), "{drawn}");
        }
    }

    #[test]
    fn cloth_of_the_grounds_colour_keeps_its_mask() {
        let truth = disc(40.0);
        let photo = mixed(&truth, [203.0; 3], [205.0; 3]);
        let coarse = as_mask(&disc(38.0));
        assert_eq!(refine_edges(&photo, &coarse, &anything()).unwrap(), coarse);
    }

    #[test]
    fn white_cloth_is_told_from_even_white_ground_alone() {
        let truth = disc(40.0);
        let even = mixed(&truth, [242.0; 3], [254.0; 3]);
        let mut uneven = even.clone();
        // Cells as large as the window's small copy can see them.
        for (i, code) in uneven.data_mut().iter_mut().enumerate() {
            let (x, y) = (i / 3 % SIDE as usize / 4, i / 3 / SIDE as usize / 4);
            *code = code.saturating_sub(if (x + y) % 2 == 0 { 14 } else { 0 });
        }
        let (drawn, coarse) = (disc(37.0), as_mask(&disc(37.0)));
        let refined = refine_edges(&even, &coarse, &anything()).unwrap();
        assert!(error(&refined, &truth) < 0.3 * error(&coarse, &truth), "{}", error(&refined, &truth));
        let [on_even, on_uneven] =
            [&even, &uneven].map(|photo| error(&refine_edges(photo, &coarse, &anything()).unwrap(), &drawn));
        assert!(on_uneven < 0.05 * on_even, "{on_uneven} {on_even}");
    }

    #[test]
    fn sure_cloth_that_looks_like_a_mixture_stays() {
        let photo = mixed(&disc(38.0), [40.0, 50.0, 60.0], [230.0; 3]);
        let coarse = as_mask(&disc(40.0));
        let refined = refine_edges(&photo, &coarse, &anything()).unwrap();
        assert!(coarse.data().iter().zip(refined.data()).all(|(before, after)| *before < 220 || after >= before));
    }

    #[test]
    fn a_dark_joint_of_the_floor_is_no_part_of_a_dark_disc() {
        let mut photo = mixed(&disc(40.0), [40.0, 50.0, 60.0], [230.0; 3]);
        for x in 100..120 {
            photo.data_mut()[3 * (60 * SIDE as usize + x)..][..3].copy_from_slice(&[40, 50, 60]);
        }
        let (coarse, at) = (as_mask(&disc(40.0)), 60 * SIDE as usize + 103);
        let most = Plane { width: 120, height: 120, values: disc(41.0) };
        let [free, held] = [&anything(), &most].map(|most| refine_edges(&photo, &coarse, most).unwrap().data()[at]);
        assert!(free > 200 && held == 0, "{free} {held}");
    }

    #[test]
    fn far_from_the_edge_nothing_changes() {
        let photo = mixed(&disc(40.0), [235.0, 230.0, 220.0], [150.0, 100.0, 60.0]);
        let coarse = as_mask(&disc(40.0));
        let refined = refine_edges(&photo, &coarse, &anything()).unwrap();
        let at = |x: u32, y: u32| refined.data()[(y * SIDE + x) as usize];
        assert_eq!((at(60, 60), at(5, 5)), (255, 0));
    }
}
