//! The small pictures of the gallery, as data URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pixels::{Format, Mask, Result, SrgbImage, encode, resize_linear};

/// Longest side of a gallery picture, in pixels.
const THUMBNAIL_PX: u32 = 400;
/// JPEG quality of a gallery picture.
const QUALITY: u8 = 82;
/// Light that is left outside the mask in the overlay, 0 to 1.
const OUTSIDE: f32 = 0.30;
/// The mask's outline: a magenta that no cloth in the picture is likely to have.
const OUTLINE: [u8; 3] = [255, 0, 170];

/// A photo's pictures for the gallery.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    /// The photo; `None` when it could not be read.
    pub source: Option<String>,
    /// The photo with its mask drawn in.
    pub overlay: Option<String>,
    /// The variants, in the report's order.
    pub variants: Vec<String>,
    /// Where each differs from what is expected, one pixel per cell.
    pub heat: Vec<String>,
    /// The variants as they would be printed; empty without a proof.
    pub proofs: Vec<String>,
    /// The real photos nearest to each variant, small; empty where one could not be read, or without a catalogue.
    pub nearest: Vec<Vec<String>>,
    /// What is dyed, at the thumbnails' size.
    pub cloth: Option<Mask>,
}

/// A picture of at most 400 px.
///
/// Large pictures are averaged over whole blocks first: filtering all of a photo costs several times as much, and reading
/// single pixels would show moiré on knits.
///
/// # Errors
/// When it has no pixels.
pub fn reduced(image: &SrgbImage) -> Result<SrgbImage> {
    let (width, height) = fitted(image.width_px(), image.height_px());
    let step = image.width_px().max(image.height_px()) / (2 * THUMBNAIL_PX);
    if step < 2 {
        return resize_linear(image, width, height);
    }
    resize_linear(&averaged(image, step as usize)?, width, height)
}

/// Means of whole blocks of `step`² pixels; what is left over at the right and the bottom is cut off.
fn averaged(image: &SrgbImage, step: usize) -> Result<SrgbImage> {
    let source_width = image.width_px() as usize;
    let (width, height) = (source_width / step, image.height_px() as usize / step);
    let mut out = Vec::with_capacity(3 * width * height);
    let mut sums = vec![0_u32; 3 * width * step];
    let count = (step * step) as u32;
    for rows in image.data().chunks_exact(3 * source_width * step).take(height) {
        sums.fill(0);
        for row in rows.chunks_exact(3 * source_width) {
            sums.iter_mut().zip(row).for_each(|(sum, &code)| *sum += u32::from(code));
        }
        for block in sums.chunks_exact(3 * step) {
            let mut total = [0; 3];
            for pixel in block.chunks_exact(3) {
                total.iter_mut().zip(pixel).for_each(|(total, value)| *total += value);
            }
            out.extend(total.map(|total| ((total + count / 2) / count) as u8));
        }
    }
    SrgbImage::new(width as u32, height as u32, out)
}

/// A small picture, as [`reduced`] gives it, greyed outside the mask, with the mask's outline drawn, as a data URL.
///
/// # Errors
/// When the sizes differ or there are no pixels.
pub fn overlay(mut small: SrgbImage, mask: &Mask) -> Result<String> {
    mask.check_size(small.width_px(), small.height_px())?;
    let inside = mask.threshold(128);
    let edge = inside.dilated(1);
    let values = mask.data().iter().zip(inside.data()).zip(edge.data());
    for (pixel, ((&alpha, &inside), &edge)) in small.data_mut().chunks_exact_mut(3).zip(values) {
        if edge == 255 && inside == 0 {
            pixel.copy_from_slice(&OUTLINE);
            continue;
        }
        let share = f32::from(alpha) / 255.0;
        let grey = 0.3 * f32::from(pixel[0]) + 0.6 * f32::from(pixel[1]) + 0.1 * f32::from(pixel[2]);
        for code in pixel {
            let outside = grey * OUTSIDE + 128.0 * (1.0 - OUTSIDE);
            *code = (f32::from(*code) * share + outside * (1.0 - share)).round() as u8;
        }
    }
    data_url(&small)
}

fn fitted(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= THUMBNAIL_PX {
        return (width, height);
    }
    let side = |px: u32| (f64::from(px) * f64::from(THUMBNAIL_PX) / f64::from(longest)).round().max(1.0) as u32;
    (side(width), side(height))
}

/// A small picture as a data URL. JPEG, since it is several times faster to write than WebP, and there is one per variant.
///
/// # Errors
/// When it has no pixels.
pub fn data_url(image: &SrgbImage) -> Result<String> {
    let bytes = encode(image, None, Format::Jpeg, QUALITY)?;
    Ok(format!("data:{};base64,{}", Format::Jpeg.media_type(), STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_keep_the_shape_and_are_never_enlarged() {
        assert_eq!(fitted(2000, 3000), (267, 400));
        assert_eq!(fitted(300, 200), (300, 200));
        assert_eq!(fitted(9000, 3), (400, 1));
        let url = data_url(&reduced(&SrgbImage::filled(50, 60, [1, 2, 3])).unwrap()).unwrap();
        assert!(url.starts_with("data:image/jpeg;base64,/9j/"));
    }

    #[test]
    fn large_pictures_are_averaged_and_not_sampled() {
        // A weave of single pixels is grey from afar.
        let (width, height) = (1701, 1203);
        let weave = |i: u32| if (i % width + i / width).is_multiple_of(2) { [255; 3] } else { [0; 3] };
        let image = SrgbImage::new(width, height, (0..width * height).flat_map(weave).collect()).unwrap();
        let small = reduced(&image).unwrap();
        assert_eq!((small.width_px(), small.height_px()), (400, 283));
        assert!(small.data().iter().all(|code| code.abs_diff(127) <= 3));
    }
}
