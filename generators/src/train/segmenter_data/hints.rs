//! Where a flat-lay photo's colours give its garment away: unlike the corners and in the middle.

use pixels::SrgbImage;
use pixels::color::{Lab, LabImage};

use crate::segmenter::ClassSet;

/// Share of each side that a corner takes.
const CORNER: f32 = 0.08;
/// A pixel this far (CIE76) from every corner's mean colour is no floor.
const UNLIKE: f32 = 25.0;
/// A pixel this near to a corner's mean colour is floor.
const LIKE: f32 = 10.0;
/// Half axes, as shares of the sides, inside which a garment lies.
const MIDDLE: f32 = 0.35;
/// Half axes, as shares of the sides, outside which floor lies.
const RIM: f32 = 0.42;

/// Sets per pixel: garment, background, or either.
pub fn flat_lay(image: &SrgbImage, garment: ClassSet) -> Vec<ClassSet> {
    let lab = LabImage::from_srgb(image);
    let (w, h) = (image.width_px() as usize, image.height_px() as usize);
    let (cw, ch) = (((w as f32 * CORNER) as usize).max(1), ((h as f32 * CORNER) as usize).max(1));
    let (right, bottom) = (w.saturating_sub(cw), h.saturating_sub(ch));
    let corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)].map(|(x0, y0)| {
        let pixels = (y0..(y0 + ch).min(h)).flat_map(|y| (x0..(x0 + cw).min(w)).map(move |x| (x, y)));
        let n = (cw * ch) as f32;
        pixels.fold(Lab::default(), |sum, (x, y)| {
            let p = lab.at(y * w + x);
            Lab::new(sum.l + p.l / n, sum.a + p.a / n, sum.b + p.b / n)
        })
    });
    let either = ClassSet::BACKGROUND.or(garment);
    let of = |i: usize| {
        let (u, v) = ((i % w) as f32 / w as f32 - 0.5, (i / w) as f32 / h as f32 - 0.5);
        let radius = u.hypot(v);
        if (MIDDLE..=RIM).contains(&radius) {
            return either;
        }
        let p = lab.at(i);
        let nearest = corners
            .iter()
            .map(|q| ((p.l - q.l).powi(2) + (p.a - q.a).powi(2) + (p.b - q.b).powi(2)).sqrt())
            .fold(f32::INFINITY, f32::min);
        if radius < MIDDLE && nearest > UNLIKE {
            garment
        } else if radius > RIM && nearest < LIKE {
            ClassSet::BACKGROUND
        } else {
            either
        }
    };
    (0..w * h).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmenter::Class;

    #[test]
    fn a_dark_square_on_a_light_floor_is_the_garment() {
        let mut image = SrgbImage::filled(60, 60, [220, 210, 190]);
        for y in 20..40_usize {
            image.data_mut()[(y * 60 + 20) * 3..(y * 60 + 40) * 3].fill(30);
        }
        let garment = ClassSet::of(&[Class::Upper]);
        let sets = flat_lay(&image, garment);
        assert_eq!((sets[30 * 60 + 30], sets[0]), (garment, ClassSet::BACKGROUND));
        assert_eq!(sets[30 * 60 + 45], ClassSet::BACKGROUND.or(garment));
    }
}
