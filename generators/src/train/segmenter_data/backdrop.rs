//! The garment of a studio photo, found as what is not its backdrop.

use pixels::SrgbImage;
use pixels::color::Lab;

use crate::components::components;

/// What lies in front of an even backdrop.
pub struct Foreground {
    /// Per pixel, row-major.
    pub kind: Vec<Kind>,
    /// Share of the picture in front, 0 to 1.
    pub coverage: f32,
    /// Whether it is cut off by the upper or lower edge, as a person's photo is.
    pub touches_top_or_bottom: bool,
    /// Share of it that has a colour of skin, 0 to 1.
    pub skin: f32,
}

/// Side of the backdrop on which a pixel lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connected to the border by colours of the backdrop.
    Backdrop,
    /// Exactly the backdrop's colour, but enclosed: a hole or a white part.
    Enclosed,
    /// Something else.
    Front,
}

/// Colour distance (CIE76) up to which a pixel belongs to the backdrop: JPEG noise, hardly any shadow.
const TOLERANCE: f32 = 4.0;
/// As above for pixels that are not connected to the border.
const ENCLOSED_TOLERANCE: f32 = 1.5;
/// The corners must agree to this distance, or there is no even backdrop.
const CORNERS_AGREE: f32 = 6.0;

fn distance(p: Lab, q: Lab) -> f32 {
    ((p.l - q.l).powi(2) + (p.a - q.a).powi(2) + (p.b - q.b).powi(2)).sqrt()
}

/// Colour of the backdrop as codes, if two corners at least show it.
fn backdrop_color(image: &SrgbImage) -> Option<[f32; 3]> {
    let (w, h) = (image.width_px() as usize, image.height_px() as usize);
    let side = (w.min(h) / 20).max(2);
    if w < 2 * side || h < 2 * side {
        return None;
    }
    let corner = |x0: usize, y0: usize| {
        let pixels: Vec<Lab> = (y0..y0 + side)
            .flat_map(|y| (x0..x0 + side).map(move |x| Lab::from_srgb8(image.pixel(x as u32, y as u32))))
            .collect();
        let n = pixels.len() as f32;
        let mean =
            pixels.iter().fold(Lab::default(), |sum, p| Lab::new(sum.l + p.l / n, sum.a + p.a / n, sum.b + p.b / n));
        pixels.iter().all(|p| distance(*p, mean) < CORNERS_AGREE).then_some(mean)
    };
    let corners = [corner(0, 0), corner(w - side, 0), corner(0, h - side), corner(w - side, h - side)];
    let even: Vec<Lab> = corners.into_iter().flatten().collect();
    let first = *even.first()?;
    let agree = even.iter().filter(|c| distance(**c, first) < CORNERS_AGREE).count();
    (agree >= 2).then(|| first.to_srgb8().map(f32::from))
}

/// Colour distance of every pixel from the backdrop; `FAR` where it is obviously large, since Lab is slow to compute.
fn distances(image: &SrgbImage, backdrop: [f32; 3]) -> Vec<f32> {
    const FAR: f32 = 100.0;
    let target = Lab::from_srgb8(backdrop.map(|code| code as u8));
    let of = |rgb: &[u8]| {
        let apart: f32 = (0..3).map(|c| (f32::from(rgb[c]) - backdrop[c]).abs()).sum();
        if apart < 1.0 {
            0.0
        } else if apart > 90.0 {
            FAR
        } else {
            distance(Lab::from_srgb8([rgb[0], rgb[1], rgb[2]]), target)
        }
    };
    image.data().chunks_exact(3).map(of).collect()
}

/// Splits a picture into backdrop and front; `None` when no even backdrop is seen.
pub fn find(image: &SrgbImage) -> Option<Foreground> {
    let backdrop = backdrop_color(image)?;
    let (w, h) = (image.width_px() as usize, image.height_px() as usize);
    let far = distances(image, backdrop);
    let mut kind = vec![Kind::Front; w * h];
    let border = (0..w).flat_map(|x| [x, (h - 1) * w + x]).chain((0..h).flat_map(|y| [y * w, y * w + w - 1]));
    let mut open: Vec<usize> = border.filter(|&i| far[i] <= TOLERANCE).collect();
    for &i in &open {
        kind[i] = Kind::Backdrop;
    }
    while let Some(i) = open.pop() {
        let (x, y) = (i % w, i / w);
        let around = [(x > 0, i.wrapping_sub(1)), (x + 1 < w, i + 1), (y > 0, i.wrapping_sub(w)), (y + 1 < h, i + w)];
        for (inside, j) in around {
            if inside && kind[j] == Kind::Front && far[j] <= TOLERANCE {
                kind[j] = Kind::Backdrop;
                open.push(j);
            }
        }
    }
    let least = w * h / 300;
    for component in components(w, h, |i| kind[i] == Kind::Front) {
        if component.len() < least {
            component.iter().for_each(|&i| kind[i] = Kind::Backdrop);
        }
    }
    let holes = components(w, h, |i| kind[i] == Kind::Front && far[i] <= ENCLOSED_TOLERANCE);
    for hole in holes.into_iter().filter(|hole| hole.len() > w * h / 1500) {
        hole.iter().for_each(|&i| kind[i] = Kind::Enclosed);
    }
    let front: Vec<usize> = (0..w * h).filter(|&i| kind[i] != Kind::Backdrop).collect();
    let row_touched = |y: usize| (0..w).filter(|x| kind[y * w + x] != Kind::Backdrop).count() * 25 > w;
    let skin = front.iter().filter(|&&i| is_skin(image, i)).count() as f32 / front.len().max(1) as f32;
    Some(Foreground {
        coverage: front.len() as f32 / (w * h) as f32,
        touches_top_or_bottom: row_touched(1) || row_touched(h - 2),
        skin,
        kind,
    })
}

/// Rule of Chai and Ngan (1999) on `YCbCr`, with a floor on luma.
fn is_skin(image: &SrgbImage, i: usize) -> bool {
    let [r, g, b] = [0, 1, 2].map(|c| f32::from(image.data()[3 * i + c]));
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let (cb, cr) = (128.0 + 0.564 * (b - y), 128.0 + 0.713 * (r - y));
    y > 70.0 && (136.0..172.0).contains(&cr) && (85.0..124.0).contains(&cb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_on_white_has_a_backdrop_a_front_and_an_enclosed_part() {
        let mut image = SrgbImage::filled(80, 80, [250, 250, 250]);
        for y in 0..80_i32 {
            for x in 0..80_i32 {
                let r = f64::from((x - 40).pow(2) + (y - 40).pow(2)).sqrt();
                if (15.0..25.0).contains(&r) {
                    let at = (y * 80 + x) as usize * 3;
                    image.data_mut()[at..at + 3].copy_from_slice(&[30, 40, 90]);
                }
            }
        }
        let found = find(&image).unwrap();
        assert_eq!(found.kind[0], Kind::Backdrop);
        assert_eq!(found.kind[40 * 80 + 40], Kind::Enclosed);
        assert_eq!(found.kind[40 * 80 + 20], Kind::Front);
        assert!(!found.touches_top_or_bottom && found.skin == 0.0);
    }
}
