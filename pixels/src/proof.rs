//! Soft proof: how colours come out of a printer, by its ICC profile, there and back.

use std::path::Path;
use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformExecutor, TransformOptions};

use crate::color::Lab;
use crate::srgb16_image::eight_from_sixteen;
use crate::{Error, Result, SrgbImage};

/// Largest profile that is read; those of presses have 1 to 4 MB.
const MAX_BYTES: u64 = 32 << 20;
/// Pixels that are converted at a time.
const BLOCK_PIXELS: usize = 1 << 12;

/// A printer, as its profile describes it: sRGB to inks and back, relative colorimetric.
#[derive(Clone)]
pub struct Proof {
    name: String,
    channels: usize,
    to_inks: Arc<dyn TransformExecutor<u16> + Send + Sync>,
    to_srgb: Arc<dyn TransformExecutor<u16> + Send + Sync>,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("name", &self.name).field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Proof {
    /// Reads a profile file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::TooManyBytes`] when it is no profile by its size, otherwise as
    /// [`Proof::from_icc`].
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_icc(&crate::decode::read_limited(path, MAX_BYTES)?)
    }

    /// Reads a profile for RGB or CMYK that converts both ways.
    ///
    /// # Errors
    /// [`Error::Profile`] when the bytes are no ICC profile, it is for other inks, or lacks one of the two ways.
    pub fn from_icc(bytes: &[u8]) -> Result<Self> {
        let wrong = |reason: String| Error::Profile { reason };
        let parsed = std::panic::catch_unwind(|| ColorProfile::new_from_slice(bytes));
        let profile = match parsed {
            Ok(Ok(profile)) => profile,
            Ok(Err(error)) => return Err(wrong(error.to_string())),
            Err(_) => return Err(wrong("the reader gave up on it".to_owned())),
        };
        let (layout, channels) = match profile.color_space {
            DataColorSpace::Rgb => (Layout::Rgb, 3),
            DataColorSpace::Cmyk => (Layout::Rgba, 4),
            other => return Err(wrong(format!("it is for {other:?}; a printer's is for CMYK or RGB"))),
        };
        let options =
            TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..TransformOptions::default() };
        let srgb = ColorProfile::new_srgb();
        let way = |what: &str, error: moxcms::CmsError| wrong(format!("it cannot convert {what}: {error}"));
        let to_inks = srgb
            .create_transform_16bit(Layout::Rgb, &profile, layout, options)
            .map_err(|error| way("colours to inks", error))?;
        let to_srgb = profile
            .create_transform_16bit(layout, &srgb, Layout::Rgb, options)
            .map_err(|error| way("inks to colours", error))?;
        let proof = Self { name: name(&profile), channels, to_inks, to_srgb };
        // What only fails in use is found out before a run starts.
        proof.wide(&[0x8000; 3])?;
        Ok(proof)
    }

    /// The profile's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A colour as it comes out of the printer, within sRGB.
    ///
    /// # Errors
    /// [`Error::Profile`] when the profile's tables cannot be used.
    pub fn color(&self, color: Lab) -> Result<Lab> {
        let code = |light: f32| (crate::color::srgb_code_from_linear(light) * 257.0).round() as u16;
        let printed = self.wide(&color.to_linear().map(code))?;
        let light = |value: u16| crate::color::linear_from_srgb_code16(value);
        match *printed.as_slice() {
            [r, g, b] => Ok(Lab::from_linear([light(r), light(g), light(b)])),
            _ => Err(Error::Profile { reason: "it gives no colour".to_owned() }),
        }
    }

    /// A picture as it comes out of the printer, within sRGB.
    ///
    /// # Errors
    /// [`Error::Profile`] when the profile's tables cannot be used.
    pub fn picture(&self, image: &SrgbImage) -> Result<SrgbImage> {
        let mut out = image.clone();
        for codes in out.data_mut().chunks_mut(3 * BLOCK_PIXELS) {
            let wide: Vec<u16> = codes.iter().map(|&code| u16::from(code) * 257).collect();
            for (code, value) in codes.iter_mut().zip(self.wide(&wide)?) {
                *code = eight_from_sixteen(value);
            }
        }
        Ok(out)
    }

    fn wide(&self, rgb: &[u16]) -> Result<Vec<u16>> {
        let fail = |error: moxcms::CmsError| Error::Profile { reason: error.to_string() };
        let mut inks = vec![0; rgb.len() / 3 * self.channels];
        self.to_inks.transform(rgb, &mut inks).map_err(fail)?;
        let mut back = vec![0; rgb.len()];
        self.to_srgb.transform(&inks, &mut back).map_err(fail)?;
        Ok(back)
    }
}

fn name(profile: &ColorProfile) -> String {
    use moxcms::ProfileText;
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.clone(),
        Some(ProfileText::Localizable(texts)) => texts.first().map(|t| t.value.clone()).unwrap_or_default(),
        Some(ProfileText::Description(text)) => text.ascii_string.clone(),
        None => String::new(),
    };
    let text = text.trim_matches(['\0', ' ']).to_owned();
    if text.is_empty() { "unnamed profile".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
