//! CIE L*a*b* (D65) from and to sRGB.

use rayon::prelude::*;

use super::srgb::{Curve, linear_from_srgb8, srgb8_from_linear};
use crate::SrgbImage;

/// A CIE L*a*b* colour under D65: `l` 0 to 100, `a` and `b` about −128 to 127.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Lab {
    /// Lightness, 0 (black) to 100 (white).
    pub l: f32,
    /// Green (−) to red (+).
    pub a: f32,
    /// Blue (−) to yellow (+).
    pub b: f32,
}

/// D65 white of the sRGB matrix below.
const WHITE: [f32; 3] = [0.950_470, 1.0, 1.088_83];
/// Pixels that one task converts.
const TASK_PIXELS: usize = 1 << 14;

/// Pixels converted side by side, so that the arithmetic becomes vector code.
const LANES: usize = 64;

const EPSILON: f32 = 216.0 / 24389.0;
const KAPPA: f32 = 24389.0 / 27.0;

/// Cube root of a number of ordinary size: an estimate from the bits of the exponent, then two Halley steps.
///
/// Unlike the system's, it has no branches, so loops over pixels become vector code.
#[inline]
fn cbrt(t: f32) -> f32 {
    let mut root = f32::from_bits((t.to_bits() as f32 * (1.0 / 3.0)) as u32 + 0x2A51_4067);
    for _ in 0..2 {
        let cube = root * root * root;
        root *= (cube + 2.0 * t) / (2.0 * cube + t);
    }
    root
}

#[inline]
fn f(t: f32) -> f32 {
    let root = cbrt(t.max(EPSILON));
    if t > EPSILON { root } else { (KAPPA * t + 16.0) / 116.0 }
}

#[inline]
fn f_inverse(t: f32) -> f32 {
    let cube = t * t * t;
    if cube > EPSILON { cube } else { (116.0 * t - 16.0) / KAPPA }
}

impl Lab {
    /// A colour from its three coordinates.
    pub const fn new(l: f32, a: f32, b: f32) -> Self {
        Self { l, a, b }
    }

    /// Lab of linear sRGB light.
    #[inline]
    pub fn from_linear(rgb: [f32; 3]) -> Self {
        let [r, g, b] = rgb;
        let x = f((0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / WHITE[0]);
        let y = f(0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b);
        let z = f((0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / WHITE[2]);
        Self { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }

    /// Lab under D65 of Lab under D50 (as Adobe files and ICC profiles hold it), adapted by Bradford's transform.
    ///
    /// # Source
    /// Lindbloom, "Chromatic adaptation".
    pub fn from_d50(l: f32, a: f32, b: f32) -> Self {
        let fy = (l + 16.0) / 116.0;
        let x = 0.964_22 * f_inverse(fy + a / 500.0);
        let y = f_inverse(fy);
        let z = 0.825_21 * f_inverse(fy - b / 200.0);
        Self::from_xyz([
            0.955_576_6 * x - 0.023_039_3 * y + 0.063_163_6 * z,
            -0.028_289_5 * x + 1.009_941_6 * y + 0.021_007_7 * z,
            0.012_298_2 * x - 0.020_483 * y + 1.329_909_8 * z,
        ])
    }

    /// Lab of CIE XYZ under D65, Y of white being 1.
    pub fn from_xyz([x, y, z]: [f32; 3]) -> Self {
        let (x, y, z) = (f(x / WHITE[0]), f(y), f(z / WHITE[2]));
        Self { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }

    /// Lab of an sRGB colour.
    pub fn from_srgb8(rgb: [u8; 3]) -> Self {
        Self::from_linear(rgb.map(linear_from_srgb8))
    }

    /// Linear sRGB light; channels outside 0 to 1 mean that sRGB cannot show the colour.
    #[inline]
    pub fn to_linear(self) -> [f32; 3] {
        let fy = (self.l + 16.0) / 116.0;
        let x = WHITE[0] * f_inverse(fy + self.a / 500.0);
        let y = f_inverse(fy);
        let z = WHITE[2] * f_inverse(fy - self.b / 200.0);
        [
            3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z,
            -0.969_266 * x + 1.876_010_8 * y + 0.041_556 * z,
            0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z,
        ]
    }

    /// The sRGB colour, channels clipped to what sRGB can show.
    pub fn to_srgb8(self) -> [u8; 3] {
        self.to_linear().map(srgb8_from_linear)
    }

    /// Chroma, the distance from grey.
    pub fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }
}

/// A picture in CIE L*a*b*, interleaved `LabLab…` in `f32`.
#[derive(Clone, Debug)]
pub struct LabImage {
    width_px: u32,
    height_px: u32,
    data: Vec<f32>,
}

impl LabImage {
    /// Converts a picture, blocks in parallel; within 0.001 of the exact Lab.
    pub fn from_srgb(image: &SrgbImage) -> Self {
        let curve = Curve::get();
        let mut data = vec![0.0; image.data().len()];
        data.par_chunks_mut(3 * TASK_PIXELS).zip(image.data().par_chunks(3 * TASK_PIXELS)).for_each(|(out, codes)| {
            for (labs, codes) in out.chunks_mut(3 * LANES).zip(codes.chunks(3 * LANES)) {
                let mut planes = [[0.0; LANES]; 3];
                for (i, rgb) in codes.chunks_exact(3).enumerate() {
                    for (plane, &code) in planes.iter_mut().zip(rgb) {
                        plane[i] = curve.linear(code);
                    }
                }
                let mut lab = [[0.0; LANES]; 3];
                for i in 0..LANES {
                    let Lab { l, a, b } = Lab::from_linear([planes[0][i], planes[1][i], planes[2][i]]);
                    (lab[0][i], lab[1][i], lab[2][i]) = (l, a, b);
                }
                for (i, out) in labs.chunks_exact_mut(3).enumerate() {
                    out.copy_from_slice(&[lab[0][i], lab[1][i], lab[2][i]]);
                }
            }
        });
        Self { width_px: image.width_px(), height_px: image.height_px(), data }
    }

    /// Wraps interleaved Lab values.
    ///
    /// # Errors
    /// [`crate::Error::BufferLength`] when `data` is not `width_px * height_px * 3` long.
    pub fn new(width_px: u32, height_px: u32, data: Vec<f32>) -> crate::Result<Self> {
        let expected = width_px as usize * height_px as usize * 3;
        if data.len() != expected {
            return Err(crate::Error::BufferLength { width: width_px, height: height_px, expected, got: data.len() });
        }
        Ok(Self { width_px, height_px, data })
    }

    /// Converts back, blocks in parallel, clipping what sRGB cannot show.
    pub fn to_srgb(&self) -> SrgbImage {
        let curve = Curve::get();
        let mut out = SrgbImage::filled(self.width_px, self.height_px, [0; 3]);
        out.data_mut().par_chunks_mut(3 * TASK_PIXELS).zip(self.data.par_chunks(3 * TASK_PIXELS)).for_each(
            |(codes, labs)| {
                for (codes, labs) in codes.chunks_mut(3 * LANES).zip(labs.chunks(3 * LANES)) {
                    let mut planes = [[0.0; LANES]; 3];
                    for (i, lab) in labs.chunks_exact(3).enumerate() {
                        (planes[0][i], planes[1][i], planes[2][i]) = (lab[0], lab[1], lab[2]);
                    }
                    let mut light = [[0.0; LANES]; 3];
                    for i in 0..LANES {
                        let [r, g, b] = Lab::new(planes[0][i], planes[1][i], planes[2][i]).to_linear();
                        (light[0][i], light[1][i], light[2][i]) = (r, g, b);
                    }
                    for (i, rgb) in codes.chunks_exact_mut(3).enumerate() {
                        for (code, plane) in rgb.iter_mut().zip(&light) {
                            *code = curve.byte(plane[i]);
                        }
                    }
                }
            },
        );
        out
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Interleaved values.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Interleaved values, to write to.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The colour at pixel index `i` (row-major).
    pub fn at(&self, i: usize) -> Lab {
        Lab::new(self.data[3 * i], self.data[3 * i + 1], self.data[3 * i + 2])
    }
}

#[cfg(test)]
mod tests;
