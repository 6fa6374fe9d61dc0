//! Pixels of sizes: cutting out, and filling what the picture leaves free.

use super::{Background, Plan};
use crate::{Error, Mask, Result, Srgb16Image, SrgbImage, resize_linear};

/// Longer side of the picture that a blurred background is drawn from, in pixels.
const BLUR_PX: u32 = 12;
/// Share of light that a blurred background keeps, so that the picture stands out.
const BLUR_LIGHT: f32 = 0.92;

impl Plan {
    /// Puts the resized cut where it belongs.
    ///
    /// Padding is white or transparent by default, else what the size says.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when the picture or its alpha is not of [`Plan::scaled`]'s size.
    pub fn place(&self, image: SrgbImage, alpha: Option<Mask>) -> Result<(SrgbImage, Option<Mask>)> {
        self.check((image.width_px(), image.height_px()))?;
        if let Some(alpha) = &alpha {
            alpha.check_size(self.scaled.0, self.scaled.1)?;
        }
        if self.scaled == self.canvas {
            return Ok((image, alpha));
        }
        let alpha = alpha.map(|alpha| self.place_alpha(&alpha));
        let mut out = match self.background {
            Background::Blur => blurred(&image, self.canvas)?,
            Background::Color(rgb) => SrgbImage::filled(self.canvas.0, self.canvas.1, rgb),
            Background::White | Background::Edge => SrgbImage::filled(self.canvas.0, self.canvas.1, [255; 3]),
        };
        self.paste::<3, _>(out.data_mut(), image.data());
        Ok((out, alpha))
    }

    /// As [`Plan::place`], for a picture of 16 bits.
    ///
    /// # Errors
    /// As [`Plan::place`].
    pub fn place_deep(&self, image: Srgb16Image) -> Result<Srgb16Image> {
        self.check((image.width_px(), image.height_px()))?;
        if self.scaled == self.canvas {
            return Ok(image);
        }
        let under = match self.background {
            Background::Blur => blurred(&image.to_srgb8(), self.canvas)?,
            Background::Color(rgb) => SrgbImage::filled(self.canvas.0, self.canvas.1, rgb),
            Background::White | Background::Edge => SrgbImage::filled(self.canvas.0, self.canvas.1, [255; 3]),
        };
        let mut out = Srgb16Image::from_srgb8(&under);
        self.paste::<3, _>(out.data_mut(), image.data());
        Ok(out)
    }

    /// Puts a mask where the picture is; padding is outside.
    pub(super) fn place_mask(&self, mask: Mask) -> Mask {
        if self.scaled == self.canvas {
            return mask;
        }
        let mut out = Mask::filled(self.canvas.0, self.canvas.1, 0);
        Self { background: Background::White, ..*self }.paste::<1, _>(out.data_mut(), mask.data());
        out
    }

    fn place_alpha(&self, alpha: &Mask) -> Mask {
        let padding = if self.background == Background::White { 0 } else { 255 };
        let mut out = Mask::filled(self.canvas.0, self.canvas.1, padding);
        self.paste::<1, _>(out.data_mut(), alpha.data());
        out
    }

    fn check(&self, got: (u32, u32)) -> Result<()> {
        if got == self.scaled {
            return Ok(());
        }
        let (expected_width, expected_height) = self.scaled;
        Err(Error::SizeMismatch { expected_width, expected_height, got_width: got.0, got_height: got.1 })
    }

    /// Copies rows of the cut into the larger rows of `out`, and draws out its edges if that is the background.
    fn paste<const N: usize, T: Copy>(&self, out: &mut [T], data: &[T]) {
        let (row, length) = (self.canvas.0 as usize * N, self.scaled.0 as usize * N);
        let (left, top) = (self.at.0 as usize * N, self.at.1 as usize);
        let lines = data.chunks_exact(length.max(1));
        let edge = self.background == Background::Edge;
        for (to, line) in out.chunks_exact_mut(row.max(1)).skip(top).zip(lines.clone()) {
            to[left..left + length].copy_from_slice(line);
            if edge {
                let (before, rest) = to.split_at_mut(left);
                let (line, after) = rest.split_at_mut(length);
                before.chunks_exact_mut(N).for_each(|pixel| pixel.copy_from_slice(&line[..N]));
                after.chunks_exact_mut(N).for_each(|pixel| pixel.copy_from_slice(&line[length - N..]));
            }
        }
        if edge && self.scaled.1 > 0 {
            let (first, last) = (top, top + self.scaled.1 as usize - 1);
            for y in (0..first).chain(last + 1..self.canvas.1 as usize) {
                let from = if y < first { first } else { last } * row;
                out.copy_within(from..from + row, y * row);
            }
        }
    }
}

/// The middle of a picture over all of a canvas, out of focus and a little darker.
fn blurred(image: &SrgbImage, (width, height): (u32, u32)) -> Result<SrgbImage> {
    let (from, long) = ((image.width_px(), image.height_px()), width.max(height));
    let part = |side: u32| (u64::from(side) * u64::from(BLUR_PX) / u64::from(long)).max(2) as u32;
    // The largest part of the canvas's shape.
    let crop = if u64::from(from.0) * u64::from(height) > u64::from(width) * u64::from(from.1) {
        ((u64::from(from.1) * u64::from(width) / u64::from(height)).max(1) as u32, from.1)
    } else {
        (from.0, (u64::from(from.0) * u64::from(height) / u64::from(width)).max(1) as u32)
    };
    let middle = crop_image(image, ((from.0 - crop.0) / 2, (from.1 - crop.1) / 2, crop.0, crop.1))?;
    let mut small = resize_linear(&middle, part(width), part(height))?;
    small.data_mut().iter_mut().for_each(|code| *code = (f32::from(*code) * BLUR_LIGHT + 0.5) as u8);
    resize_linear(&small, width, height)
}

fn cut<const N: usize>(data: &[u8], row_px: u32, (x, y, width, height): (u32, u32, u32, u32)) -> Vec<u8> {
    let (row, from, length) = (row_px as usize * N, x as usize * N, width as usize * N);
    data.chunks_exact(row.max(1))
        .skip(y as usize)
        .take(height as usize)
        .flat_map(|line| &line[from..from + length])
        .copied()
        .collect()
}

pub(super) fn crop_image(image: &SrgbImage, crop: (u32, u32, u32, u32)) -> Result<SrgbImage> {
    SrgbImage::new(crop.2, crop.3, cut::<3>(image.data(), image.width_px(), crop))
}

pub(super) fn crop_mask(mask: &Mask, crop: (u32, u32, u32, u32)) -> Result<Mask> {
    Mask::new(crop.2, crop.3, cut::<1>(mask.data(), mask.width_px(), crop))
}
