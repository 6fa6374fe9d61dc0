//! Resizing in linear light: a black-and-white weave seen from afar is the grey that the eye sees, not a darker one.

use std::sync::LazyLock;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::pixels::U16x3;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use rayon::prelude::*;

use crate::color::{linear_from_srgb8, srgb_code_from_linear, srgb8_from_linear};
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
    check_sides(from, to)?;
    if from == to {
        return Ok(image.clone());
    }
    let srgb = &*SRGB8;
    // Far down, plain means of whole squares come first: the filter then has at least twice the pixels that it makes.
    let squares = (from.0 / to.0.max(1)).min(from.1 / to.1.max(1)) as usize / 2;
    let (linear, from) = linear_means(image, squares.max(1));
    let source = ImageRef::from_pixels(from.0, from.1, &linear).map_err(|e| fail(from, to, &e))?;
    let out = resample(&source, PixelType::U16x3, from, to)?;
    let codes = out.chunks_exact(2).map(|v| srgb[usize::from(u16::from_ne_bytes([v[0], v[1]]))]).collect();
    SrgbImage::new(width_px, height_px, codes)
}

/// A picture at 1/`factor` of its size, each pixel the mean light of a square; where the size is no multiple of `factor`,
/// some squares are a pixel wider.
///
/// # Errors
/// [`Error::Resize`] when a side is smaller than `factor` or 0.
pub fn shrunk(image: &SrgbImage, factor: u32) -> Result<SrgbImage> {
    let from = (image.width_px(), image.height_px());
    let factor = factor.max(1);
    check_sides(from, (from.0 / factor, from.1 / factor))?;
    if factor == 1 {
        return Ok(image.clone());
    }
    let srgb = &*SRGB8;
    let code = |mean: [u16; 3]| mean.map(|v| srgb[usize::from(v)]);
    let (codes, (width, height)) = square_means(image, factor as usize, code);
    SrgbImage::new(width, height, codes.into_flattened())
}

/// 16-bit linear light, the mean of each square of about `factor`×`factor` pixels, and its size.
fn linear_means(image: &SrgbImage, factor: usize) -> (Vec<U16x3>, (u32, u32)) {
    if factor > 1 {
        return square_means(image, factor, U16x3::new);
    }
    let linear = &*LINEAR16;
    let (pixels, _) = image.data().as_chunks::<3>();
    let values = pixels.iter().map(|rgb| U16x3::new(rgb.map(|code| linear[usize::from(code)]))).collect();
    (values, (image.width_px(), image.height_px()))
}

/// What `made` makes of the mean 16-bit linear light of each square of about `factor`×`factor` pixels, and how many there are.
fn square_means<T: Clone + Default + Send>(
    image: &SrgbImage,
    factor: usize,
    made: impl Fn([u16; 3]) -> T + Sync,
) -> (Vec<T>, (u32, u32)) {
    let linear = &*LINEAR16;
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let (columns, rows) = (width / factor, height / factor);
    // Edges of the squares, so that all of the picture is covered whatever the remainder.
    let edges = |n: usize, length: usize| (0..=n).map(|i| i * length / n).collect::<Vec<usize>>();
    let (lefts, tops) = (edges(columns, width), edges(rows, height));
    let mut out = vec![T::default(); columns * rows];
    out.par_chunks_mut(columns).enumerate().for_each_init(
        || vec![[0_u32; 3]; columns],
        |sums, (y, line)| {
            sums.fill([0; 3]);
            for row in tops[y]..tops[y + 1] {
                let (pixels, _) = image.data()[3 * row * width..3 * (row + 1) * width].as_chunks::<3>();
                for (sum, edge) in sums.iter_mut().zip(lefts.windows(2)) {
                    for rgb in &pixels[edge[0]..edge[1]] {
                        for (total, &code) in sum.iter_mut().zip(rgb) {
                            *total += u32::from(linear[usize::from(code)]);
                        }
                    }
                }
            }
            // All squares of a row have one of two widths.
            let tall = tops[y + 1] - tops[y];
            let narrow = width / columns;
            let counts = [narrow, narrow + 1].map(|wide| Count::new((tall * wide) as u32));
            for (value, (sum, edge)) in line.iter_mut().zip(sums.iter().zip(lefts.windows(2))) {
                let count = counts[usize::from(edge[1] - edge[0] > narrow)];
                *value = made(sum.map(|total| count.mean(total)));
            }
        },
    );
    (out, (columns as u32, rows as u32))
}

/// How many 16-bit values a sum is of, ready to divide by: most of the time of making means would go into divisions.
#[derive(Clone, Copy)]
struct Count {
    n: u32,
    reciprocal: u64,
}

impl Count {
    /// Bits after the point of the reciprocal.
    const BITS: u32 = 47;
    /// Largest count whose quotients are exact: rounding the reciprocal up adds less than the smallest step of a quotient.
    const MOST: u32 = 1 << 15;

    fn new(n: u32) -> Self {
        Self { n, reciprocal: (1 << Self::BITS) / u64::from(n.max(1)) + 1 }
    }

    /// The mean of values that sum up to `total`, rounded.
    #[inline]
    fn mean(self, total: u32) -> u16 {
        let rounded = total + self.n / 2;
        if self.n > Self::MOST {
            return (rounded / self.n) as u16;
        }
        ((u64::from(rounded) * self.reciprocal) >> Self::BITS) as u16
    }
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
    check_sides(from, to)?;
    if from == to {
        return Ok((image.clone(), alpha.clone()));
    }
    // In f32, because a filter's overshoot must leave colour and alpha alike: clipped before the division it would show as
    // a bright seam along the edge.
    let premultiplied: Vec<f32> = image
        .data()
        .chunks_exact(3)
        .zip(alpha.data())
        .flat_map(|(p, &a)| {
            let share = f32::from(a) / 255.0;
            let [r, g, b] = [p[0], p[1], p[2]].map(|code| linear_from_srgb8(code) * share);
            [r, g, b, share]
        })
        .collect();
    let bytes: Vec<u8> = premultiplied.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let source = ImageRef::new(from.0, from.1, &bytes, PixelType::F32x4).map_err(|e| fail(from, to, &e))?;
    let out = resample(&source, PixelType::F32x4, from, to)?;
    let mut colors = Vec::with_capacity(out.len() / 16 * 3);
    let mut alphas = Vec::with_capacity(out.len() / 16);
    for pixel in out.chunks_exact(16) {
        let value = |i: usize| f32::from_ne_bytes([pixel[i], pixel[i + 1], pixel[i + 2], pixel[i + 3]]);
        let share = value(12);
        let code = (share * 255.0 + 0.5) as u8;
        alphas.push(code);
        // Where nothing is visible, white, so that no dark fringe waits for a careless viewer.
        colors.extend([0, 4, 8].map(|i| if code == 0 { 255 } else { srgb8_from_linear(value(i) / share) }));
    }
    Ok((SrgbImage::new(width_px, height_px, colors)?, Mask::new(width_px, height_px, alphas)?))
}

/// Resizes a mask; its values are shares of area and already linear. A filter without overshoot, so 0 stays 0.
///
/// # Errors
/// [`Error::Resize`] when a side is 0.
pub fn resize_mask(mask: &Mask, width_px: u32, height_px: u32) -> Result<Mask> {
    let from = (mask.width_px(), mask.height_px());
    let to = (width_px, height_px);
    check_sides(from, to)?;
    if from == to {
        return Ok(mask.clone());
    }
    let mut out = Image::new(width_px, height_px, PixelType::U8);
    let source = ImageRef::new(from.0, from.1, mask.data(), PixelType::U8).map_err(|e| fail(from, to, &e))?;
    run(&source, &mut out, FilterType::Bilinear, from, to)?;
    Mask::new(width_px, height_px, out.into_vec())
}

fn check_sides(from: (u32, u32), to: (u32, u32)) -> Result<()> {
    if from.0 == 0 || from.1 == 0 || to.0 == 0 || to.1 == 0 {
        return Err(fail(from, to, &"a picture has at least one pixel"));
    }
    Ok(())
}

fn fail(from: (u32, u32), to: (u32, u32), reason: &dyn std::fmt::Display) -> Error {
    let reason = reason.to_string();
    Error::Resize { from_width: from.0, from_height: from.1, to_width: to.0, to_height: to.1, reason }
}

/// Lanczos down, Catmull-Rom up.
fn resample(source: &ImageRef<'_>, pixel: PixelType, from: (u32, u32), to: (u32, u32)) -> Result<Vec<u8>> {
    let mut out = Image::new(to.0, to.1, pixel);
    let smaller = to.0 < from.0 || to.1 < from.1;
    let filter = if smaller { FilterType::Lanczos3 } else { FilterType::CatmullRom };
    run(source, &mut out, filter, from, to)?;
    Ok(out.into_vec())
}

fn run(source: &ImageRef<'_>, out: &mut Image<'_>, filter: FilterType, from: (u32, u32), to: (u32, u32)) -> Result<()> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new().resize(source, out, &options).map_err(|error| fail(from, to, &error))
}

#[cfg(test)]
mod tests;
