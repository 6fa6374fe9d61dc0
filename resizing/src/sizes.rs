//! The files that one picture becomes: every size in every format.

use std::sync::{Mutex, PoisonError};

use pixels::{
    Deep, EncodeOptions, Encoding as Made, Focus, Format, Keep, Light, Mask, Metadata, Quality, Srgb16Image, SrgbImage,
    encode_deep_with, encode_measured,
};

use crate::exit::{Exit, OrExit, Result};
use crate::options::SizeArg;

use crate::encoding::{Depth, Encoding};
use crate::resized::{self, Made as Resized, Resizing};

/// The sizes and formats of a run.
#[derive(Clone, Debug)]
pub struct Profile {
    sizes: Vec<SizeArg>,
    formats: Vec<Format>,
    options: EncodeOptions,
    keep: Keep,
    depth: Depth,
    resizing: Resizing,
}

/// The picture that files are made of.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its pixels.
    pub image: &'a SrgbImage,
    /// The same with 16 bits per channel, if PNG and TIFF are to have them.
    pub deep: Option<&'a Srgb16Image>,
    /// Its alpha channel.
    pub alpha: Option<&'a Mask>,
    /// What is written besides pixels.
    pub metadata: &'a Metadata,
    /// The picture's own size, encoded already in one of the formats.
    pub ready: Option<&'a (Format, Made)>,
    /// Where the garment is, for sizes that need it.
    pub garment: Option<Focus>,
    /// Size of the photo in its file, if it was read smaller.
    pub whole: Option<(u32, u32)>,
}

/// One encoded file of a picture.
#[derive(Debug)]
pub struct Encoded {
    /// File name.
    pub name: String,
    /// Size asked for: `full` or as in [`pixels::SizeSpec`]'s file-name form.
    pub size: String,
    /// Format.
    pub format: Format,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// What was found out about a target, if there was one.
    pub target: Option<Target>,
}

/// How a file stands to the target that was named in place of a quality.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The level that was chosen; `None` when the file is lossless.
    pub level: Option<u8>,
    /// Its structural similarity, if that was the target.
    pub ssim: Option<f32>,
    /// Whether the target was reached.
    pub met: bool,
}

impl Profile {
    /// A profile; no sizes means the photo's own, and doubles are taken once.
    pub fn new(sizes: &[SizeArg], formats: &[Format], quality: u8) -> Self {
        let sizes = if sizes.is_empty() { vec![SizeArg::Full] } else { once(sizes) };
        Self {
            sizes,
            formats: once(formats),
            options: EncodeOptions::at_level(quality),
            keep: Keep::default(),
            depth: Depth::Auto,
            resizing: Resizing::default(),
        }
    }

    /// The same, resized otherwise.
    #[must_use]
    pub fn resized(self, resizing: Resizing) -> Self {
        Self { resizing, ..self }
    }

    /// Names of the sizes, `full` for the photo's own.
    pub fn size_names(&self) -> Vec<String> {
        self.sizes.iter().map(SizeArg::to_string).collect()
    }

    /// Formats, the first being the one that colours are measured in.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// The same, encoded otherwise.
    #[must_use]
    pub fn encoded(self, encoding: &Encoding) -> Self {
        let level = if let Quality::Level(level) = self.options.quality { level } else { 0 };
        Self { options: encoding.options(level), keep: encoding.kept(), depth: encoding.depth, ..self }
    }

    /// How files are encoded.
    pub fn options(&self) -> &EncodeOptions {
        &self.options
    }

    /// Bits per channel of PNG and TIFF.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// Whether some size wants to know where the garment is.
    pub fn needs_garment(&self) -> bool {
        self.sizes.iter().any(SizeArg::needs_garment)
    }

    /// The quality, if all that the profile asks for is JPEGs of averaged codes.
    pub fn plain_jpeg(&self) -> Option<u8> {
        let Quality::Level(level) = self.options.quality else { return None };
        let plain = self.resizing.light == Light::Codes && self.resizing.sharpen <= 0.0;
        (plain && self.formats == [Format::Jpeg]).then_some(level)
    }

    /// Each size and what a picture of `whole` pixels becomes in it, if that is the whole picture without a margin in all.
    pub fn uncut(&self, whole: (u32, u32)) -> Option<Vec<(String, (u32, u32))>> {
        let uncut = |size: &SizeArg| {
            let SizeArg::Spec(spec) = size else { return None };
            let plan = spec.plan(whole.0, whole.1, None);
            let all = !spec.needs_garment() && plan.crop == (0, 0, whole.0, whole.1) && plan.canvas == plan.scaled;
            all.then(|| (size.to_string(), plan.scaled))
        };
        self.sizes.iter().map(uncut).collect()
    }

    /// By how much a JPEG of this size is read smaller: 1 unless fast, else 1, 2 or 4.
    pub fn reduction(&self, width_px: u32, height_px: u32) -> u32 {
        if self.resizing.fast { resized::reduction(&self.sizes, width_px, height_px) } else { 1 }
    }

    /// What of a photo's metadata goes into its files.
    pub fn keep(&self) -> Keep {
        self.keep
    }

    /// The file names of a picture called `base`: `base[@size].ext`.
    pub fn names<'a>(&'a self, base: &'a str) -> impl Iterator<Item = String> + 'a {
        self.sizes.iter().flat_map(move |size| self.formats.iter().map(move |&format| file_name(base, size, format)))
    }

    /// Renders all sizes of a picture called `base` together, and encodes its files on whatever threads are free.
    ///
    /// # Errors
    /// Each item: an input failure when the format cannot hold a picture of this size.
    pub fn render(&self, base: &str, picture: Picture<'_>) -> impl Iterator<Item = Result<Encoded>> + use<> {
        let how = Resizing { garment: picture.garment, whole: picture.whole, ..self.resizing };
        let made = resized::all(&self.sizes, picture.image, picture.alpha, how).or_exit(Exit::Input);
        let deep = picture
            .deep
            .map(|deep| resized::deep(&self.sizes, deep, picture.alpha, how))
            .transpose()
            .or_exit(Exit::Input);
        let files = match made.and_then(|made| Ok((made, deep?))) {
            Ok((made, deep)) => {
                let files = self.encode_all(base, picture, (&made, deep.as_deref()));
                made.into_iter().flatten().for_each(|(image, _)| image.recycle());
                files
            }
            Err(failure) => vec![Err(failure)],
        };
        files.into_iter()
    }

    fn encode_all(
        &self,
        base: &str,
        picture: Picture<'_>,
        (made, deep): (&[Option<Resized>], Option<&[Option<Srgb16Image>]>),
    ) -> Vec<Result<Encoded>> {
        let deep = |i: usize| deep.and_then(|deep| deep.get(i)).and_then(|deep| deep.as_ref().or(picture.deep));
        let sized = || self.sizes.iter().zip(made).enumerate().map(|(i, (size, made))| (size, made, deep(i)));
        let tasks: Vec<_> = sized().flat_map(|task| self.formats.iter().map(move |&format| (task, format))).collect();
        let done: Vec<Mutex<Option<Result<Encoded>>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
        let (slow, quick): (Vec<_>, Vec<_>) = tasks.iter().zip(&done).partition(|((_, format), _)| is_slow(*format));
        rayon::scope(|scope| {
            // A free thread takes the first, this one begins with the last: slow formats never hold up the others.
            for (&((size, made, deep), format), slot) in slow.into_iter().chain(quick) {
                scope.spawn(move |_| {
                    let file = self.encode_one(base, size, (made.as_ref(), deep), picture, format);
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
                });
            }
        });
        done.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn encode_one(
        &self,
        base: &str,
        size: &SizeArg,
        (made, deep): (Option<&Resized>, Option<&Srgb16Image>),
        picture: Picture<'_>,
        format: Format,
    ) -> Result<Encoded> {
        let (image, alpha) = made.map_or((picture.image, picture.alpha), |(image, alpha)| (image, alpha.as_ref()));
        let made = match picture.ready.filter(|(done, _)| *size == SizeArg::Full && *done == format) {
            Some((_, made)) => made.clone(),
            None => match deep.filter(|_| is_deep(format)) {
                Some(deep) => deep_file(deep, alpha, format, &self.options, picture.metadata)?,
                None => encode_measured(image, alpha, format, &self.options, picture.metadata).or_exit(Exit::Input)?,
            },
        };
        let target = match self.options.quality {
            Quality::Level(_) => None,
            Quality::Ssim(_) | Quality::MaxBytes(_) => {
                Some(Target { level: made.level, ssim: made.ssim, met: made.met })
            }
        };
        Ok(Encoded {
            name: file_name(base, size, format),
            size: size.to_string(),
            format,
            width_px: image.width_px(),
            height_px: image.height_px(),
            bytes: made.bytes,
            target,
        })
    }
}

/// Whether the format can have 16 bits per channel.
pub fn is_deep(format: Format) -> bool {
    matches!(format, Format::Png | Format::Tiff)
}

/// A lossless file of 16 bits.
///
/// # Errors
/// An input failure when the format cannot hold a picture of this size.
pub fn deep_file(
    deep: &Srgb16Image,
    alpha: Option<&Mask>,
    format: Format,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Made> {
    let bytes = encode_deep_with(Deep { image: deep, alpha }, format, options.effort, metadata).or_exit(Exit::Input)?;
    let met = !matches!(options.quality, Quality::MaxBytes(most) if bytes.len() as u64 > most);
    let ssim = matches!(options.quality, Quality::Ssim(_)).then_some(1.0);
    Ok(Made { bytes, level: None, ssim, met, encodes: 1, seen: None })
}

/// Whether encoding takes many times as long as in the other formats.
fn is_slow(format: Format) -> bool {
    format == Format::Avif
}

impl Target {
    /// What a person should know: that it could not be reached.
    pub fn note(&self) -> Option<String> {
        let level = self.level.map_or("without loss".to_owned(), |level| format!("at quality {level}"));
        let ssim = self.ssim.map(|ssim| format!("; its similarity is {ssim:.4}")).unwrap_or_default();
        (!self.met).then(|| format!("the target cannot be reached: encoded {level}, the nearest{ssim}"))
    }
}

fn file_name(base: &str, size: &SizeArg, format: Format) -> String {
    match size {
        SizeArg::Full => format!("{base}.{}", format.extension()),
        SizeArg::Spec(spec) => format!("{base}@{spec}.{}", format.extension()),
    }
}

fn once<T: PartialEq + Clone>(items: &[T]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_planned_as_they_are_rendered() {
        let sizes = [SizeArg::Spec("20w".parse().unwrap()), SizeArg::Full, SizeArg::Spec("30x30:pad".parse().unwrap())];
        let profile = Profile::new(&sizes, &[Format::Jpeg, Format::Webp, Format::Jpeg], 85);
        let planned: Vec<_> = profile.names("a--red").collect();
        assert_eq!(planned[0], "a--red@20w.jpg");
        assert_eq!(planned[3], "a--red.webp");
        assert_eq!(planned[4], "a--red@30x30-pad.jpg");
        let image = SrgbImage::filled(40, 60, [3, 2, 1]);
        let picture = Picture {
            image: &image,
            deep: None,
            alpha: None,
            metadata: &Metadata::default(),
            ready: None,
            garment: None,
            whole: None,
        };
        let files: Vec<_> = profile.render("a--red", picture).map(Result::unwrap).collect();
        let names: Vec<_> = files.iter().map(|f| f.name.clone()).collect();
        assert_eq!(names, planned);
        assert_eq!((files[4].width_px, files[4].height_px), (30, 30));
    }
}
