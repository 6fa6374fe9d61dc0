//! The small pictures of the gallery, as data URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pixels::{Format, Mask, Result, SrgbImage, encode, resize_linear, resize_mask};

/// Longest side of a gallery picture, in pixels.
const THUMBNAIL_PX: u32 = 400;
/// WebP quality of a gallery picture.
const QUALITY: u8 = 80;
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
}

/// A picture of at most 400 px as a data URL.
///
/// # Errors
/// When it has no pixels.
pub fn thumbnail(image: &SrgbImage) -> Result<String> {
    let (width, height) = fitted(image.width_px(), image.height_px());
    data_url(&resize_linear(image, width, height)?)
}

/// The photo greyed outside the mask, with the mask's outline drawn, as a data URL.
///
/// # Errors
/// When the sizes differ or there are no pixels.
pub fn overlay(image: &SrgbImage, mask: &Mask) -> Result<String> {
    mask.check_size(image.width_px(), image.height_px())?;
    let (width, height) = fitted(image.width_px(), image.height_px());
    let mut small = resize_linear(image, width, height)?;
    let small_mask = resize_mask(mask, width, height)?;
    let inside = small_mask.threshold(128);
    let edge = inside.dilated(1);
    let values = small_mask.data().iter().zip(inside.data()).zip(edge.data());
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

fn data_url(image: &SrgbImage) -> Result<String> {
    let bytes = encode(image, None, Format::Webp, QUALITY)?;
    Ok(format!("data:{};base64,{}", Format::Webp.media_type(), STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_keep_the_shape_and_are_never_enlarged() {
        assert_eq!(fitted(2000, 3000), (267, 400));
        assert_eq!(fitted(300, 200), (300, 200));
        assert_eq!(fitted(9000, 3), (400, 1));
        assert!(thumbnail(&SrgbImage::filled(50, 60, [1, 2, 3])).unwrap().starts_with("data:image/webp;base64,UklGR"));
    }
}
