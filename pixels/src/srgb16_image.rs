//! The raster for files of more than 8 bits per channel.

use crate::image_types::check_length;
use crate::{Result, SrgbImage};

/// 16-bit sRGB picture, rows top to bottom, `RGBRGB…`; 0 is black and 65,535 full light, on the sRGB curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srgb16Image {
    width_px: u32,
    height_px: u32,
    data: Vec<u16>,
}

/// Rounds a 16-bit channel to 8 bits.
pub(crate) fn eight_from_sixteen(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32_895) >> 16) as u8
}

impl Srgb16Image {
    /// Wraps interleaved RGB values.
    ///
    /// # Errors
    /// [`crate::Error::BufferLength`] when `data` is not `width_px * height_px * 3` long.
    pub fn new(width_px: u32, height_px: u32, data: Vec<u16>) -> Result<Self> {
        check_length(width_px, height_px, 3, data.len())?;
        Ok(Self { width_px, height_px, data })
    }

    /// The same picture in 16 bits: codes times 257, so that white stays white.
    pub fn from_srgb8(image: &SrgbImage) -> Self {
        let data = image.data().iter().map(|&code| u16::from(code) * 257).collect();
        Self { width_px: image.width_px(), height_px: image.height_px(), data }
    }

    /// The same picture in 8 bits, rounded.
    pub fn to_srgb8(&self) -> SrgbImage {
        let mut image = SrgbImage::filled(self.width_px, self.height_px, [0; 3]);
        for (code, &value) in image.data_mut().iter_mut().zip(&self.data) {
            *code = eight_from_sixteen(value);
        }
        image
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Interleaved RGB values.
    pub fn data(&self) -> &[u16] {
        &self.data
    }

    /// Interleaved RGB values, to write to.
    pub fn data_mut(&mut self) -> &mut [u16] {
        &mut self.data
    }

    /// The values themselves.
    pub fn into_data(self) -> Vec<u16> {
        self.data
    }

    /// The pixel in column `x`, row `y`.
    pub fn pixel(&self, x: u32, y: u32) -> [u16; 3] {
        let i = (y as usize * self.width_px as usize + x as usize) * 3;
        [self.data[i], self.data[i + 1], self.data[i + 2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive_sixteen() {
        let image = SrgbImage::new(256, 1, (0..256 * 3).map(|i| (i % 256) as u8).collect()).unwrap();
        let deep = Srgb16Image::from_srgb8(&image);
        assert_eq!(deep.pixel(85, 0), [255u16 * 257, 0, 257]);
        assert_eq!(deep.to_srgb8(), image);
    }

    #[test]
    fn every_value_rounds_to_the_nearest_code() {
        for value in 0..=u16::MAX {
            assert_eq!(eight_from_sixteen(value), (f64::from(value) / 257.0).round() as u8, "{value}");
        }
    }

    #[test]
    fn the_length_is_checked() {
        assert!(Srgb16Image::new(2, 2, vec![0; 11]).is_err());
    }
}
