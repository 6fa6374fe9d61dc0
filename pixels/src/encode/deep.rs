//! Pictures of 16 bits per channel to PNG and TIFF.

use super::Effort;
use super::tiff::TiffPages;
use crate::{Error, Format, Mask, Metadata, Result, Srgb16Image};

/// A picture of 16 bits with its alpha.
#[derive(Clone, Copy, Debug)]
pub struct Deep<'a> {
    /// The picture, straight colours.
    pub image: &'a Srgb16Image,
    /// Its alpha, if it has one.
    pub alpha: Option<&'a Mask>,
}

impl Deep<'_> {
    /// `RGBARGBA…`.
    pub(super) fn interleaved(&self) -> Result<Vec<u16>> {
        let Some(alpha) = self.alpha else { return Ok(self.image.data().to_vec()) };
        alpha.check_size(self.image.width_px(), self.image.height_px())?;
        let pixels = self.image.data().chunks_exact(3).zip(alpha.data());
        Ok(pixels.flat_map(|(p, &a)| [p[0], p[1], p[2], u16::from(a) * 257]).collect())
    }
}

/// Encodes a picture with 16 bits per channel.
///
/// # Errors
/// [`Error::Encode`] when the format has no 16 bits (only PNG and TIFF do) or the picture no pixels;
/// [`Error::SizeMismatch`] when the alpha has another size.
///
/// # Examples
/// ```
/// use pixels::{Deep, Format, Limits, Srgb16Image};
/// let image = Srgb16Image::new(1, 1, vec![1, 2, 65535])?;
/// let bytes = pixels::encode_deep(Deep { image: &image, alpha: None }, Format::Png)?;
/// assert_eq!(pixels::decode(&bytes, &Limits::default())?.deep, Some(image));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn encode_deep(deep: Deep<'_>, format: Format) -> Result<Vec<u8>> {
    encode_deep_with(deep, format, Effort::default(), &Metadata::default())
}

/// As [`encode_deep`], with an effort for PNG and metadata.
///
/// # Errors
/// As [`encode_deep`].
pub fn encode_deep_with(deep: Deep<'_>, format: Format, effort: Effort, metadata: &Metadata) -> Result<Vec<u8>> {
    let (width, height) = (deep.image.width_px(), deep.image.height_px());
    let fail = |reason: String| Error::Encode { format, width, height, reason };
    if width == 0 || height == 0 {
        return Err(fail("it has no pixels".to_owned()));
    }
    let metadata = &metadata.sized(width, height);
    match format {
        Format::Tiff => {
            let mut pages = TiffPages::new()?;
            pages.add_deep_with("", deep, metadata)?;
            Ok(pages.finish())
        }
        Format::Png => {
            let color = if deep.alpha.is_some() { png::ColorType::Rgba } else { png::ColorType::Rgb };
            let bytes: Vec<u8> = deep.interleaved()?.into_iter().flat_map(u16::to_be_bytes).collect();
            super::png::encode(&bytes, width, height, color, png::BitDepth::Sixteen, effort, metadata).map_err(fail)
        }
        Format::Jpeg | Format::Webp | Format::Avif => {
            Err(fail("it has 8 bits per channel; write png or tiff".to_owned()))
        }
    }
}
