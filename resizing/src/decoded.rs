//! Second stage: a photo's pixels.

use std::borrow::Cow;

use pixels::{Format, Keep, Limits, Mask, Metadata, Srgb16Image, SrgbImage, decode_reduced, flatten_on_white};

use crate::exit::{Exit, OrExit, Result};

use crate::encoding::Depth;
use crate::photo::Photo;
use crate::sizes::{self, Profile};

/// A photo that has been read: upright, sRGB.
#[derive(Debug)]
pub struct Decoded {
    /// The photo.
    pub photo: Photo,
    /// Its picture.
    pub image: SrgbImage,
    /// The same with 16 bits per channel, when files are to have them.
    pub deep: Option<Srgb16Image>,
    /// Its size in the file, if it was read smaller.
    pub whole: Option<(u32, u32)>,
    /// Its alpha channel, if it has one that is not opaque everywhere.
    pub alpha: Option<Mask>,
    /// Format of the file.
    pub format: Format,
    /// What a person should know about the file.
    pub notes: Vec<String>,
    /// What of its metadata goes into the files made of it.
    pub metadata: Metadata,
}

impl Decoded {
    /// Reads and decodes the photo.
    ///
    /// # Errors
    /// An input failure (exit code 3): unreadable, damaged, too large, or no picture.
    pub fn read(photo: Photo) -> Result<Self> {
        let bytes = photo.bytes()?;
        Self::of_bytes(photo, &bytes)
    }

    /// Decodes the photo, whose file has been read.
    ///
    /// # Errors
    /// An input failure (exit code 3): damaged, too large, or no picture.
    pub fn of_bytes(photo: Photo, bytes: &[u8]) -> Result<Self> {
        Self::reduced(photo, bytes, |_, _| 1)
    }

    /// Decodes the photo for a profile's sizes, smaller than it is if the profile is a fast one.
    ///
    /// # Errors
    /// As [`Decoded::of_bytes`], and when sRGB's profile, which the files are to have, can't be written.
    pub fn for_sizes(photo: Photo, bytes: &[u8], profile: &Profile) -> Result<Self> {
        let decoded = Self::reduced(photo, bytes, |width, height| profile.reduction(width, height))?;
        Ok(decoded.keeping(bytes, profile.keep())?.for_files(profile))
    }

    fn reduced(photo: Photo, bytes: &[u8], reduction: impl Fn(u32, u32) -> u32) -> Result<Self> {
        let decoded = decode_reduced(bytes, &Limits::default(), reduction).or_exit(Exit::Input)?;
        let pixels::Decoded { image, deep, alpha, format, notes, whole_px, .. } = decoded;
        let whole = Some(whole_px).filter(|&whole| whole != (image.width_px(), image.height_px()));
        Ok(Self { photo, image, deep, whole, alpha, format, notes, metadata: Metadata::default() })
    }

    /// The same, with 16 bits only if a profile's files have them.
    #[must_use]
    pub fn for_files(self, profile: &Profile) -> Self {
        let wanted = profile.formats().iter().any(|format| sizes::is_deep(*format));
        let deep = match profile.depth() {
            Depth::Sixteen if wanted => self.deep.or_else(|| Some(Srgb16Image::from_srgb8(&self.image))),
            Depth::Auto if wanted => self.deep,
            _ => None,
        };
        Self { deep, ..self }
    }

    /// The same, with what of the file's metadata is kept.
    ///
    /// # Errors
    /// An input failure when sRGB's profile can't be written.
    pub fn keeping(self, bytes: &[u8], keep: Keep) -> Result<Self> {
        Ok(Self { metadata: Metadata::of_file(bytes, keep).or_exit(Exit::Input)?, ..self })
    }

    /// The picture as models see it: over white where it is transparent.
    pub fn over_white(&self) -> Cow<'_, SrgbImage> {
        match &self.alpha {
            None => Cow::Borrowed(&self.image),
            Some(alpha) => Cow::Owned(flatten_on_white(&self.image, alpha)),
        }
    }
}
