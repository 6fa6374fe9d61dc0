//! What garments are laid on: corners of flat-lay photos, streets without their people, and drawn patterns.

use pixels::SrgbImage;

use super::index::Items;
use super::read_photo;
use super::warp::Canvas;
use crate::segmenter::ClassSet;
use crate::stream::Stream;
use crate::{Error, Result};

/// A background of the wanted size.
///
/// # Errors
/// When a photo cannot be read.
pub fn draw(items: &Items, stream: &mut Stream, width: usize, height: usize) -> Result<Canvas> {
    let kind = stream.unit();
    if kind < 0.5 && !items.flat_lays.is_empty() {
        let photo = read_photo(&items.flat_lays[stream.below(items.flat_lays.len())].photo)?;
        return Ok(corner(&photo, stream, width, height));
    }
    if kind < 0.65 && !items.street.is_empty() {
        let photo = read_photo(&items.street[stream.below(items.street.len())].photo)?;
        return Ok(strip(&photo, stream, width, height));
    }
    Ok(pattern(stream, width, height))
}

/// A corner of a photo, where the floor is, enlarged or mirrored until it fills the canvas.
fn corner(photo: &SrgbImage, stream: &mut Stream, width: usize, height: usize) -> Canvas {
    let (w, h) = (photo.width_px() as usize, photo.height_px() as usize);
    let share = stream.uniform(0.14, 0.24);
    let (pw, ph) = ((w as f32 * share * 1.3).max(8.0) as usize, (h as f32 * share).max(8.0) as usize);
    let (x0, y0) =
        (if stream.chance(0.5) { 0 } else { w - pw.min(w) }, if stream.chance(0.5) { 0 } else { h - ph.min(h) });
    tile(photo, (x0, y0, pw.min(w), ph.min(h)), stream.uniform(0.25, 0.8), width, height)
}

/// The side of a street photo, where nobody stands.
fn strip(photo: &SrgbImage, stream: &mut Stream, width: usize, height: usize) -> Canvas {
    let (w, h) = (photo.width_px() as usize, photo.height_px() as usize);
    let pw = (w / 5).max(4);
    let ph = ((pw as f32 * stream.uniform(1.0, 2.0)) as usize).min(h);
    let x0 = if stream.chance(0.5) { 0 } else { w - pw };
    let y0 = stream.below(h - ph + 1);
    tile(photo, (x0, y0, pw, ph), stream.uniform(0.3, 1.0), width, height)
}

/// Repeats a rectangle (x, y, width, height), mirrored at every seam, at `scale` source pixels per output pixel.
fn tile(photo: &SrgbImage, rect: (usize, usize, usize, usize), scale: f32, width: usize, height: usize) -> Canvas {
    let (x0, y0, pw, ph) = rect;
    let mut canvas = Canvas::filled(width, height, [0.0; 3], ClassSet::BACKGROUND);
    let w = photo.width_px() as usize;
    let fold = |v: f32, n: usize| {
        let last = (n - 1).max(1) as f32;
        let folded = v % (2.0 * last);
        if folded > last { 2.0 * last - folded } else { folded }
    };
    for y in 0..height {
        let sy = fold(y as f32 * scale, ph);
        let (ya, fy) = (sy as usize, sy.fract());
        let yb = (ya + 1).min(ph - 1);
        for x in 0..width {
            let sx = fold(x as f32 * scale, pw);
            let (xa, fx) = (sx as usize, sx.fract());
            let xb = (xa + 1).min(pw - 1);
            for c in 0..3 {
                let at = |x: usize, y: usize| f32::from(photo.data()[((y0 + y) * w + x0 + x) * 3 + c]);
                let top = at(xa, ya) * (1.0 - fx) + at(xb, ya) * fx;
                let bottom = at(xa, yb) * (1.0 - fx) + at(xb, yb) * fx;
                canvas.codes[(y * width + x) * 3 + c] = top * (1.0 - fy) + bottom * fy;
            }
        }
    }
    canvas
}

fn any_color(stream: &mut Stream) -> [f32; 3] {
    match stream.below(4) {
        0 => [stream.uniform(5.0, 50.0); 3],
        1 => [stream.uniform(180.0, 255.0); 3],
        _ => [0; 3].map(|_| stream.uniform(10.0, 245.0)),
    }
}

/// Planks, stripes, checks, a gradient or cloudy noise between two colours.
fn pattern(stream: &mut Stream, width: usize, height: usize) -> Canvas {
    let from = any_color(stream);
    let near = stream.uniform(4.0, 40.0);
    let to = if stream.chance(0.7) { from.map(|c| c + near * stream.normal()) } else { any_color(stream) };
    let angle = stream.uniform(0.0, std::f32::consts::TAU);
    let (ax, ay) = (angle.cos(), angle.sin());
    let period = stream.uniform(6.0, 90.0);
    let line = stream.uniform(0.02, 0.15);
    let clouds = clouds(stream, width, height);
    let kind = stream.below(5);
    let cloudy = stream.uniform(0.0, 0.5);
    let mut canvas = Canvas::filled(width, height, from, ClassSet::BACKGROUND);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (ax * x as f32 + ay * y as f32, -ay * x as f32 + ax * y as f32);
            let phase = (u / period).rem_euclid(1.0);
            let across = (v / (period * 1.7)).rem_euclid(1.0);
            let mix = match kind {
                0 => (u / width.max(height) as f32).clamp(-1.0, 1.0),
                1 => f32::from(u8::from(phase < 0.5)),
                2 => f32::from(u8::from(phase < line)) + 0.3 * ((u / period).floor() * 12.9898).sin(),
                3 => f32::from(u8::from((phase < line) || (across < line))),
                _ => 0.0,
            };
            let cloud = clouds[y * width + x];
            let mix = if kind == 4 { cloud } else { mix * (1.0 - cloudy) + cloud * cloudy };
            for c in 0..3 {
                canvas.codes[(y * width + x) * 3 + c] = (from[c] + (to[c] - from[c]) * mix).clamp(0.0, 255.0);
            }
        }
    }
    canvas
}

/// Value noise of four octaves, about 0 to 1.
fn clouds(stream: &mut Stream, width: usize, height: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width * height];
    let mut cell = stream.uniform(20.0, 90.0);
    let mut weight = 0.5;
    for _ in 0..4 {
        let (gw, gh) = ((width as f32 / cell) as usize + 2, (height as f32 / cell) as usize + 2);
        let grid: Vec<f32> = (0..gw * gh).map(|_| stream.unit()).collect();
        for y in 0..height {
            let (gy, fy) = ((y as f32 / cell) as usize, (y as f32 / cell).fract());
            for x in 0..width {
                let (gx, fx) = ((x as f32 / cell) as usize, (x as f32 / cell).fract());
                let at = |x: usize, y: usize| grid[y * gw + x];
                let top = at(gx, gy) * (1.0 - fx) + at(gx + 1, gy) * fx;
                let bottom = at(gx, gy + 1) * (1.0 - fx) + at(gx + 1, gy + 1) * fx;
                sum[y * width + x] += weight * (top * (1.0 - fy) + bottom * fy);
            }
        }
        cell = (cell / 2.2).max(1.5);
        weight *= 0.55;
    }
    sum
}

/// A studio backdrop: white or light grey with a faint gradient.
pub fn backdrop(stream: &mut Stream, width: usize, height: usize) -> Canvas {
    let code = if stream.chance(0.6) { 255.0 } else { stream.uniform(205.0, 252.0) };
    let mut canvas = Canvas::filled(width, height, [code; 3], ClassSet::BACKGROUND);
    if stream.chance(0.3) {
        super::photometric::light(&mut canvas, stream, 0.12);
    }
    canvas
}

/// Refuses an empty list with a reason instead of dividing by it.
pub(super) fn pick<'a, T>(items: &'a [T], stream: &mut Stream, what: &str) -> Result<&'a T> {
    items.get(stream.below(items.len())).ok_or_else(|| Error::Input(format!("no {what} to train on")))
}
