//! What light, cameras and dye do to the colours of a training sample.

use super::warp::{Canvas, box_blur};
use crate::stream::Stream;

/// Exposure, white balance, contrast, saturation, blur and noise over the whole picture.
pub fn camera(canvas: &mut Canvas, stream: &mut Stream) {
    let gain = 2.0_f32.powf(stream.uniform(-0.55, 0.4) * 0.6);
    let balance = [stream.normal(), stream.normal(), stream.normal()].map(|n| gain * (1.0 + 0.06 * n));
    let gamma = stream.uniform(-0.25, 0.25).exp();
    let saturation = stream.uniform(0.7, 1.25);
    for rgb in canvas.codes.chunks_exact_mut(3) {
        let luma = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2];
        for (code, balance) in rgb.iter_mut().zip(balance) {
            let v = (luma + (*code - luma) * saturation) * balance / 255.0;
            *code = 255.0 * v.clamp(0.0, 1.0).powf(gamma);
        }
    }
    if stream.chance(0.2) {
        blur(canvas);
    }
    let noise = stream.uniform(0.0, 7.0) * stream.unit();
    for code in &mut canvas.codes {
        // A uniform value is a cheap stand-in for sensor noise of the same deviation.
        *code = (*code + noise * 1.73 * (2.0 * stream.unit() - 1.0)).clamp(0.0, 255.0);
    }
}

/// A smooth field of light across the picture, as a lamp beside a bed makes.
pub fn light(canvas: &mut Canvas, stream: &mut Stream, strength: f32) {
    let (w, h) = (canvas.width, canvas.height);
    let angle = stream.uniform(0.0, std::f32::consts::TAU);
    let (ax, ay) = (angle.cos() * strength, angle.sin() * strength);
    for y in 0..h {
        for x in 0..w {
            let k = 1.0 + ax * (x as f32 / w as f32 - 0.5) + ay * (y as f32 / h as f32 - 0.5);
            canvas.codes[3 * (y * w + x)..][..3].iter_mut().for_each(|code| *code = (*code * k).min(255.0));
        }
    }
}

fn blur(canvas: &mut Canvas) {
    for c in 0..3 {
        let mut plane: Vec<f32> = canvas.codes.iter().skip(c).step_by(3).copied().collect();
        box_blur(&mut plane, canvas.width, canvas.height, 1);
        canvas.codes.iter_mut().skip(c).step_by(3).zip(plane).for_each(|(code, v)| *code = v);
    }
}

/// Another colour for a cut-out garment, black and white included: its luma pattern over a new colour.
pub fn dye(image: &mut pixels::SrgbImage, alpha: &[f32], stream: &mut Stream) {
    let (mut sum, mut n) = (0.0, 1e-3);
    for (rgb, a) in image.data().chunks_exact(3).zip(alpha) {
        sum += a * luma(rgb);
        n += a;
    }
    let mean = (sum / n).max(8.0);
    let target = match stream.below(4) {
        0 => [stream.uniform(8.0, 45.0); 3],
        1 => [stream.uniform(190.0, 240.0); 3],
        _ => [0; 3].map(|_| stream.uniform(15.0, 235.0)),
    };
    let keep = if stream.chance(0.3) { stream.uniform(0.1, 0.5) } else { 0.0 };
    // Dark targets keep relief; light ones must not blow up the shadows of a dark original.
    let contrast = stream.uniform(0.5, 1.0).min(mean / 60.0 + 0.25);
    for rgb in image.data_mut().chunks_exact_mut(3) {
        let pattern = 1.0 + contrast * (luma(rgb) / mean - 1.0);
        for c in 0..3 {
            let dyed = target[c] * pattern;
            rgb[c] = (f32::from(rgb[c]) * keep + dyed * (1.0 - keep)).clamp(0.0, 255.0) as u8;
        }
    }
}

fn luma(rgb: &[u8]) -> f32 {
    0.3 * f32::from(rgb[0]) + 0.59 * f32::from(rgb[1]) + 0.11 * f32::from(rgb[2])
}
