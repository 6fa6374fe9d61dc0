//! Resizing in linear light: a black-and-white weave seen from afar is the grey that the eye sees, not a darker one.

use std::sync::LazyLock;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::color::{linear_from_srgb8, srgb_code_from_linear};
use crate::{Error, Mask, Result, SrgbImage};

/// 16-bit linear light of an sRGB byte.
static LINEAR16: LazyLock<[u16; 256]> =
    LazyLock::new(|| std::array::from_fn(|code| (linear_from_srgb8(code as u8) * 65535.0).round() as u16));

/// sRGB byte of 16-bit linear light.
static SRGB8: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..=65535u32).map(|linear| (srgb_code_from_linear(linear as f32 / 65535.0) + 0.5) as u8).collect()
});

/// Resizes a picture in linear light: Lanczos (3 lobes) down, Catmull-Rom up. The same size gives the same bytes.
///
/// # Errors
/// [`Error::Resize`] when a side is 0.
///
/// # Examples
/// ```
/// use pixels::SrgbImage;
/// let small = pixels::resize_linear(&SrgbImage::filled(64, 48, [90, 10, 20]), 16, 12)?;
/// assert_eq!((small.width_px(), small.height_px(), small.pixel(3, 3)), (16, 12, [90, 10, 20]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn resize_linear(image: &SrgbImage, width_px: u32, height_px: u32) -> Result<SrgbImage> {
    let from = (image.width_px(), image.height_px());
    let to = (width_px, height_px);
    if from == to {
        return Ok(image.clone());
    }
    let linear: Vec<u16> = image.data().iter().map(|&code| LINEAR16[usize::from(code)]).collect();
    let out = resample(&linear, PixelType::U16x3, from, to)?;
    SrgbImage::new(width_px, height_px, out.into_iter().map(|v| SRGB8[usize::from(v)]).collect())
}

/// Resizes a picture and its alpha together, colour weighted by alpha so that hidden colour does not bleed out.
///
/// # Errors
/// [`Error::SizeMismatch`] when `alpha` has another size than `image`; [`Error::Resize`] when a side is 0.
pub fn resize_linear_alpha(
    image: &SrgbImage,
    alpha: &Mask,
    width_px: u32,
    height_px: u32,
) -> Result<(SrgbImage, Mask)> {
    let from = (image.width_px(), image.height_px());
    let to = (width_px, height_px);
    alpha.check_size(from.0, from.1)?;
    if from == to {
        return Ok((image.clone(), alpha.clone()));
    }
    let linear: Vec<u16> = image
        .data()
        .chunks_exact(3)
        .zip(alpha.data())
        .flat_map(|(p, &a)| {
            let [r, g, b] = [p[0], p[1], p[2]].map(|code| LINEAR16[usize::from(code)]);
            [r, g, b, u16::from(a) * 257]
        })
        .collect();
    let out = resample(&linear, PixelType::U16x4, from, to)?;
    let colors = out.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]].map(|v| SRGB8[usize::from(v)])).collect();
    let alphas = out.chunks_exact(4).map(|p| crate::icc::eight_from_sixteen(p[3])).collect();
    Ok((SrgbImage::new(width_px, height_px, colors)?, Mask::new(width_px, height_px, alphas)?))
}

/// Resizes a mask; its values are shares of area and already linear. A filter without overshoot, so 0 stays 0.
///
/// # Errors
/// [`Error::Resize`] when a side is 0.
pub fn resize_mask(mask: &Mask, width_px: u32, height_px: u32) -> Result<Mask> {
    let from = (mask.width_px(), mask.height_px());
    let to = (width_px, height_px);
    if from == to {
        return Ok(mask.clone());
    }
    let mut out = Image::new(width_px.max(1), height_px.max(1), PixelType::U8);
    let source = ImageRef::new(from.0, from.1, mask.data(), PixelType::U8).map_err(|e| fail(from, to, &e))?;
    run(&source, &mut out, FilterType::Bilinear, from, to)?;
    Mask::new(width_px, height_px, out.into_vec())
}

fn fail(from: (u32, u32), to: (u32, u32), reason: &dyn std::fmt::Display) -> Error {
    let reason = reason.to_string();
    Error::Resize { from_width: from.0, from_height: from.1, to_width: to.0, to_height: to.1, reason }
}

fn resample(values: &[u16], pixel: PixelType, from: (u32, u32), to: (u32, u32)) -> Result<Vec<u16>> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let source = ImageRef::new(from.0, from.1, &bytes, pixel).map_err(|e| fail(from, to, &e))?;
    let mut out = Image::new(to.0.max(1), to.1.max(1), pixel);
    let smaller = to.0 < from.0 || to.1 < from.1;
    let filter = if smaller { FilterType::Lanczos3 } else { FilterType::CatmullRom };
    run(&source, &mut out, filter, from, to)?;
    Ok(out.into_vec().chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect())
}

fn run(source: &ImageRef<'_>, out: &mut Image<'_>, filter: FilterType, from: (u32, u32), to: (u32, u32)) -> Result<()> {
    if from.0 == 0 || from.1 == 0 || to.0 == 0 || to.1 == 0 {
        return Err(fail(from, to, &"a picture has at least one pixel"));
    }
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(source, out, &options).map_err(|error| fail(from, to, &error))
}

#[cfg(test)]
mod tests;
