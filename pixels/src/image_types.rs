//! The two rasters that the program passes around: an sRGB picture and an 8-bit alpha mask.

use crate::{Error, Result};

/// 8-bit sRGB picture, rows top to bottom, `RGBRGB…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrgbImage {
    width_px: u32,
    height_px: u32,
    data: Vec<u8>,
}

/// 8-bit alpha mask: 0 is outside, 255 fully inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width_px: u32,
    height_px: u32,
    data: Vec<u8>,
}

pub(crate) fn check_length(width: u32, height: u32, channels: usize, got: usize) -> Result<()> {
    let expected = width as usize * height as usize * channels;
    if expected == got { Ok(()) } else { Err(Error::BufferLength { width, height, expected, got }) }
}

impl SrgbImage {
    /// Wraps interleaved RGB bytes.
    ///
    /// # Errors
    /// [`Error::BufferLength`] when `data` is not `width_px * height_px * 3` long.
    pub fn new(width_px: u32, height_px: u32, data: Vec<u8>) -> Result<Self> {
        check_length(width_px, height_px, 3, data.len())?;
        Ok(Self { width_px, height_px, data })
    }

    /// A picture of one colour.
    pub fn filled(width_px: u32, height_px: u32, rgb: [u8; 3]) -> Self {
        Self { width_px, height_px, data: rgb.repeat(width_px as usize * height_px as usize) }
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Interleaved RGB bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Interleaved RGB bytes, to write to.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The bytes themselves.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The pixel in column `x`, row `y`.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let i = (y as usize * self.width_px as usize + x as usize) * 3;
        [self.data[i], self.data[i + 1], self.data[i + 2]]
    }
}

impl Mask {
    /// Wraps alpha bytes.
    ///
    /// # Errors
    /// [`Error::BufferLength`] when `data` is not `width_px * height_px` long.
    pub fn new(width_px: u32, height_px: u32, data: Vec<u8>) -> Result<Self> {
        check_length(width_px, height_px, 1, data.len())?;
        Ok(Self { width_px, height_px, data })
    }

    /// A mask of one value.
    pub fn filled(width_px: u32, height_px: u32, alpha: u8) -> Self {
        Self { width_px, height_px, data: vec![alpha; width_px as usize * height_px as usize] }
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Alpha bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Alpha bytes, to write to.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Share of the picture that the mask covers, 0 to 1 (mean alpha).
    pub fn coverage(&self) -> f32 {
        let sum: u64 = self.data.iter().map(|&a| u64::from(a)).sum();
        sum as f32 / (255.0 * self.data.len().max(1) as f32)
    }

    /// Checks that this mask belongs to a picture of the given size.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when it does not.
    pub fn check_size(&self, width_px: u32, height_px: u32) -> Result<()> {
        check_size((width_px, height_px), (self.width_px, self.height_px))
    }
}

/// Checks that a picture has the size expected of it.
pub(crate) fn check_size(expected: (u32, u32), got: (u32, u32)) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::SizeMismatch {
        expected_width: expected.0,
        expected_height: expected.1,
        got_width: got.0,
        got_height: got.1,
    })
}
