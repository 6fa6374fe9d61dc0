//! A part of a picture in Lab, compact: 16 bits a channel, one plane after the other, so that rows load as vectors.

use rayon::prelude::*;

use crate::color::{Curve, Lab, lab_from_linear, linear_from_srgb_code};
use crate::garment_frame::GarmentFrame;
use crate::vector::{LANES, Lanes, integer, vectorised, whole};
use crate::{Srgb16Image, SrgbImage};

/// Steps per Lab unit. Colours of sRGB lie within ±110, so that they fit.
const STEPS: f32 = 256.0;

/// A rectangle of a picture in CIE L*a*b*, to 1/512 of a unit.
#[derive(Clone, Debug)]
pub struct LabPlanes {
    width: usize,
    height: usize,
    /// L, a, b.
    planes: [Vec<i16>; 3],
}

impl LabPlanes {
    /// Converts the pixels of a frame.
    pub fn from_srgb(image: &SrgbImage, frame: GarmentFrame) -> Self {
        let curve = Curve::get();
        Self::convert(image.data(), image.width_px() as usize, frame, |byte| curve.linear(byte))
    }

    /// Converts the pixels of a frame of a picture with 16 bits a channel.
    pub fn from_srgb16(image: &Srgb16Image, frame: GarmentFrame) -> Self {
        let linear = |value: u16| linear_from_srgb_code(f32::from(value) / 257.0);
        Self::convert(image.data(), image.width_px() as usize, frame, linear)
    }

    fn convert<T: Copy + Sync>(
        data: &[T],
        picture_width: usize,
        frame: GarmentFrame,
        linear: impl Fn(T) -> f32 + Sync,
    ) -> Self {
        let (width, height) = (frame.width_px as usize, frame.height_px as usize);
        Self::fill(width, height, |y, mut rows| {
            let start = (y + frame.y_px as usize) * picture_width + frame.x_px as usize;
            for (block, pixels) in data[3 * start..3 * (start + width)].chunks(3 * LANES).enumerate() {
                let mut lab = [[0.0; LANES]; 3];
                for (i, rgb) in pixels.chunks_exact(3).enumerate() {
                    for (plane, &value) in lab.iter_mut().zip(rgb) {
                        plane[i] = linear(value);
                    }
                }
                lab_from_linear(&mut lab);
                let n = pixels.len() / 3;
                for (row, lanes) in rows.iter_mut().zip(&lab) {
                    let mut steps = [0; LANES];
                    stored(lanes, &mut steps);
                    row[block * LANES..][..n].copy_from_slice(&steps[..n]);
                }
            }
        })
    }

    fn fill(width: usize, height: usize, fill: impl Fn(usize, [&mut [i16]; 3]) + Sync) -> Self {
        let mut planes = [0, 1, 2].map(|_| vec![0_i16; width * height]);
        let [l, a, b] = &mut planes;
        let width_or_one = width.max(1);
        l.par_chunks_mut(width_or_one)
            .zip(a.par_chunks_mut(width_or_one))
            .zip(b.par_chunks_mut(width_or_one))
            .enumerate()
            .for_each(|(y, ((l, a), b))| fill(y, [l, a, b]));
        Self { width, height, planes }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The colour of the pixel in column `x`, row `y` of the frame.
    #[inline]
    pub fn color(&self, x: usize, y: usize) -> Lab {
        let i = y * self.width + x;
        let [l, a, b] = [0, 1, 2].map(|c: usize| f32::from(self.planes[c][i]) / STEPS);
        Lab::new(l, a, b)
    }

    /// One channel (0 L, 1 a, 2 b) of the pixel in column `x`, row `y` of the frame.
    #[inline]
    pub fn channel(&self, c: usize, x: usize, y: usize) -> f32 {
        f32::from(self.planes[c][y * self.width + x]) / STEPS
    }

    /// Lightness of the pixel in column `x`, row `y` of the frame.
    #[inline]
    pub fn lightness(&self, x: usize, y: usize) -> f32 {
        self.channel(0, x, y)
    }

    /// Channel `c` of the pixels of row `y` from `start` on, one for each of `out`.
    #[inline]
    pub(crate) fn read(&self, c: usize, y: usize, start: usize, out: &mut [f32]) {
        let from = &self.planes[c][y * self.width + start..];
        for (value, &stored) in out.iter_mut().zip(from) {
            *value = f32::from(stored) * (1.0 / STEPS);
        }
    }
}

vectorised! {
/// Values as steps, rounded away from zero at the middle.
fn stored / stored_plain(values: &Lanes, steps: &mut [i16; LANES]) {
    for (value, step) in values.iter().zip(steps) {
        // Clipped, so that nothing wraps.
        let size = (value.abs() * STEPS + 0.5).min(32_767.0);
        let size = integer(whole(size)) as i32;
        *step = if *value < 0.0 { -size } else { size } as i16;
    }
}
}

#[cfg(test)]
#[allow(clippy::needless_range_loop)]
mod tests {
    use super::*;

    #[test]
    fn wide_code_gives_the_steps_of_single_values() {
        let values: Lanes =
            std::array::from_fn(|i| (i as f32 - 32.0) * 3.403 + if i % 3 == 0 { 0.5 / STEPS } else { 0.0 });
        let (mut wide, mut plain) = ([0; LANES], [0; LANES]);
        stored(&values, &mut wide);
        stored_plain(&values, &mut plain);
        assert_eq!(wide, plain);
        assert_eq!(wide, values.map(|v| (v * STEPS + if v < 0.0 { -0.5 } else { 0.5 }) as i16));
    }

    #[test]
    fn a_frame_holds_the_colours_of_its_pixels() {
        let bytes: Vec<u8> = (0..71 * 5 * 3).map(|i| (i * 31 % 256) as u8).collect();
        let image = SrgbImage::new(71, 5, bytes).unwrap();
        let frame = GarmentFrame { x_px: 2, y_px: 1, width_px: 67, height_px: 3 };
        let planes = LabPlanes::from_srgb(&image, frame);
        let deep = LabPlanes::from_srgb16(&Srgb16Image::from_srgb8(&image), frame);
        for y in 0..3 {
            let mut row = [0.0; 67];
            planes.read(1, y, 0, &mut row);
            for x in 0..67 {
                let exact = Lab::from_srgb8(image.pixel(x as u32 + 2, y as u32 + 1));
                let color = planes.color(x, y);
                assert_eq!(deep.color(x, y), color);
                for (got, exact) in [(color.l, exact.l), (color.a, exact.a), (color.b, exact.b), (row[x], exact.a)] {
                    assert!((got - exact).abs() < 0.003);
                }
            }
        }
    }
}
