//! The same thing as another camera may have seen it: nearer, turned, mirrored, in other light, before another ground.

use std::f32::consts::TAU;

use pixels::{SrgbImage, resize_linear};

use super::augment::recolour;
use crate::Result;
use crate::stream::Stream;

/// Side of the picture that is sampled from, so that near views are not blurred.
const SOURCE: u32 = 320;
/// Largest channel difference to the border's colour of a plain ground, in codes.
const PLAIN: i32 = 14;

/// A random view of a photo, `px` wide and high.
///
/// # Errors
/// When the photo cannot be resized.
pub fn snapshot(photo: &SrgbImage, px: u32, stream: &mut Stream) -> Result<SrgbImage> {
    let recoloured = if stream.chance(0.3) { Some(recolour(&resize_linear(photo, px, px)?, stream)) } else { None };
    let mut source = resize_linear(recoloured.as_ref().unwrap_or(photo), SOURCE, SOURCE)?;
    if stream.chance(0.35) {
        reground(&mut source, stream);
    }
    let camera = Camera::draw(stream);
    let mut out = SrgbImage::filled(px, px, [0; 3]);
    let noise = stream.uniform(0.0, 8.0) * stream.unit();
    for (i, pixel) in out.data_mut().chunks_exact_mut(3).enumerate() {
        let seen = camera.sees(&source, place(i as u32 % px, px), place(i as u32 / px, px));
        for (code, value) in pixel.iter_mut().zip(seen) {
            *code = (value + noise * (2.0 * stream.unit() - 1.0)).round().clamp(0.0, 255.0) as u8;
        }
    }
    Ok(out)
}

/// Where a camera stands and how it shows colours.
struct Camera {
    /// Output to source, about both centres, in shares of the side: `[[a, b], [c, d]]` and a shift.
    turn: [[f32; 2]; 2],
    shift: [f32; 2],
    balance: [f32; 3],
    gamma: f32,
    saturation: f32,
}

impl Camera {
    fn draw(stream: &mut Stream) -> Self {
        let size = stream.uniform(0.5, 1.05).sqrt();
        let aspect = stream.uniform(-0.22, 0.22).exp();
        let angle = if stream.chance(0.6) { stream.normal() * 0.15 } else { 0.0 };
        let mirror = if stream.chance(0.5) { -1.0 } else { 1.0 };
        let (sin, cos) = (angle % TAU).sin_cos();
        let (width, height) = (size * aspect * mirror, size / aspect);
        let room = (1.0 - size).max(0.0) * 0.5;
        let gain = 2.0_f32.powf(stream.uniform(-0.5, 0.4));
        Self {
            turn: [[cos * width, -sin * height], [sin * width, cos * height]],
            shift: [stream.uniform(-room, room), stream.uniform(-room, room)],
            balance: [0; 3].map(|_| gain * (1.0 + 0.06 * stream.normal())),
            gamma: stream.uniform(-0.25, 0.25).exp(),
            saturation: stream.uniform(0.6, 1.3),
        }
    }

    /// The colour at a place of the output, from its middle in shares of its side, in codes.
    fn sees(&self, source: &SrgbImage, u: f32, v: f32) -> [f32; 3] {
        let [to_x, to_y] = self.turn;
        let at = |row: [f32; 2], shift: f32| (row[0] * u + row[1] * v + shift + 0.5) * SOURCE as f32 - 0.5;
        let codes = bilinear(source, at(to_x, self.shift[0]), at(to_y, self.shift[1]));
        let luma = 0.3 * codes[0] + 0.59 * codes[1] + 0.11 * codes[2];
        let mut seen = [0.0; 3];
        for c in 0..3 {
            let value = (luma + (codes[c] - luma) * self.saturation) * self.balance[c] / 255.0;
            seen[c] = 255.0 * value.clamp(0.0, 1.0).powf(self.gamma);
        }
        seen
    }
}

/// Where a pixel of a row of `px` lies, from its middle in shares of its length.
fn place(at: u32, px: u32) -> f32 {
    (at as f32 + 0.5) / px as f32 - 0.5
}

/// Outside of the picture its edge is repeated.
fn bilinear(source: &SrgbImage, x: f32, y: f32) -> [f32; 3] {
    let last = (SOURCE - 1) as f32;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(SOURCE - 1), (top + 1).min(SOURCE - 1));
    let (fx, fy) = (x.fract(), y.fract());
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| source.pixel(x, y));
    std::array::from_fn(|c| {
        let [a, b, p, q] = corners.map(|pixel| f32::from(pixel[c]));
        (a * (1.0 - fx) + b * fx) * (1.0 - fy) + (p * (1.0 - fx) + q * fx) * fy
    })
}

/// Puts another ground under what stands before a plain one: the part of the plain colour that touches the border.
fn reground(source: &mut SrgbImage, stream: &mut Stream) {
    let side = SOURCE as usize;
    let data = source.data();
    let border = |i: usize| i / side == 0 || i / side == side - 1 || i.is_multiple_of(side) || i % side == side - 1;
    let corner: [i32; 3] = std::array::from_fn(|c| i32::from(data[c]));
    let like = |i: usize| (0..3).all(|c| (i32::from(data[3 * i + c]) - corner[c]).abs() <= PLAIN);
    let around = (0..side * side).filter(|&i| border(i));
    let (all, plain) = around.fold((0, 0), |(all, plain), i| (all + 1, plain + usize::from(like(i))));
    if plain * 10 < all * 7 {
        return;
    }
    let mut ground = vec![false; side * side];
    let mut open: Vec<usize> = (0..side * side).filter(|&i| border(i) && like(i)).collect();
    open.iter().for_each(|&i| ground[i] = true);
    while let Some(i) = open.pop() {
        let (x, y) = (i % side, i / side);
        let neighbours = [
            (x > 0, i.wrapping_sub(1)),
            (x + 1 < side, i + 1),
            (y > 0, i.wrapping_sub(side)),
            (y + 1 < side, i + side),
        ];
        for (inside, j) in neighbours {
            if inside && !ground[j] && like(j) {
                ground[j] = true;
                open.push(j);
            }
        }
    }
    let color = |stream: &mut Stream| [0; 3].map(|_| stream.uniform(20.0, 250.0));
    let (from, near) = (color(stream), stream.uniform(0.0, 40.0));
    let to = if stream.chance(0.7) { from.map(|code| code + near * stream.normal()) } else { color(stream) };
    let (sin, cos) = stream.uniform(0.0, TAU).sin_cos();
    let period = stream.uniform(0.04, 1.5);
    let (hard, grain) = (stream.chance(0.4), stream.uniform(0.0, 14.0));
    for (i, pixel) in source.data_mut().chunks_exact_mut(3).enumerate().filter(|(i, _)| ground[*i]) {
        let (u, v) = ((i % side) as f32 / side as f32, (i / side) as f32 / side as f32);
        let wave = 0.5 + 0.5 * ((u * cos + v * sin) / period * TAU).sin();
        let mix = if hard { f32::from(u8::from(wave > 0.5)) } else { wave };
        let speck = grain * (2.0 * stream.unit() - 1.0);
        for c in 0..3 {
            pixel[c] = (from[c] + (to[c] - from[c]) * mix + speck).round().clamp(0.0, 255.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shirt() -> SrgbImage {
        let mut photo = SrgbImage::filled(300, 400, [255; 3]);
        for (i, pixel) in photo.data_mut().chunks_exact_mut(3).enumerate() {
            if (80..220).contains(&(i % 300)) && (80..320).contains(&(i / 300)) {
                pixel.copy_from_slice(&[30, 60, 150]);
            }
        }
        photo
    }

    #[test]
    fn another_ground_leaves_the_garment_alone() {
        let mut stream = Stream::new(1, "test", 0);
        let before = resize_linear(&shirt(), SOURCE, SOURCE).unwrap();
        let mut after = before.clone();
        reground(&mut after, &mut stream);
        assert_eq!(after.pixel(SOURCE / 2, SOURCE / 2), before.pixel(SOURCE / 2, SOURCE / 2));
        assert_ne!(after.pixel(2, 2), before.pixel(2, 2));
        let mut busy = SrgbImage::filled(SOURCE, SOURCE, [0; 3]);
        busy.data_mut().iter_mut().for_each(|code| *code = stream.below(256) as u8);
        let kept = busy.clone();
        reground(&mut busy, &mut stream);
        assert_eq!(busy, kept, "no plain ground to replace");
    }

    #[test]
    fn a_straight_camera_sees_the_photo() {
        let camera =
            Camera { turn: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0; 2], balance: [1.0; 3], gamma: 1.0, saturation: 1.0 };
        let source = resize_linear(&shirt(), SOURCE, SOURCE).unwrap();
        for (x, y) in [(10, 10), (112, 112), (200, 30)] {
            let expected = source.pixel(x * SOURCE / 224, y * SOURCE / 224).map(f32::from);
            let seen = camera.sees(&source, place(x, 224), place(y, 224));
            assert!(seen.iter().zip(expected).all(|(s, e)| (s - e).abs() < 1.0), "{seen:?} {expected:?}");
        }
    }
}
