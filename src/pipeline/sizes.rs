//! The files that one picture becomes: every size in every format.

use pixels::{EncodeOptions, Encoding as Made, Format, Keep, Mask, Metadata, Quality, SrgbImage, encode_measured};

use crate::cli::SizeArg;
use crate::exit::{Exit, OrExit, Result};

use super::encoding::Encoding;

/// The sizes and formats of a run.
#[derive(Clone, Debug)]
pub struct Profile {
    sizes: Vec<SizeArg>,
    formats: Vec<Format>,
    options: EncodeOptions,
    keep: Keep,
}

/// The picture that files are made of.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its pixels.
    pub image: &'a SrgbImage,
    /// Its alpha channel.
    pub alpha: Option<&'a Mask>,
    /// What is written besides pixels.
    pub metadata: &'a Metadata,
    /// The picture's own size, encoded already in one of the formats.
    pub ready: Option<&'a (Format, Made)>,
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
        Self { sizes, formats: once(formats), options: EncodeOptions::at_level(quality), keep: Keep::default() }
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
        Self { options: encoding.options(level), keep: encoding.kept(), ..self }
    }

    /// How files are encoded.
    pub fn options(&self) -> &EncodeOptions {
        &self.options
    }

    /// What of a photo's metadata goes into its files.
    pub fn keep(&self) -> Keep {
        self.keep
    }

    /// The file names of a picture called `base`: `base[@size].ext`.
    pub fn names<'a>(&'a self, base: &'a str) -> impl Iterator<Item = String> + 'a {
        self.sizes.iter().flat_map(move |size| self.formats.iter().map(move |&format| file_name(base, size, format)))
    }

    /// Renders and encodes the files of a picture called `base`, one size at a time.
    ///
    /// # Errors
    /// Each item: an input failure when the format cannot hold a picture of this size.
    pub fn render<'a>(&'a self, base: &'a str, picture: Picture<'a>) -> impl Iterator<Item = Result<Encoded>> + 'a {
        self.sizes.iter().flat_map(move |size| match self.render_size(base, size, picture) {
            Ok(files) => files.into_iter().map(Ok).collect(),
            Err(failure) => vec![Err(failure)],
        })
    }

    fn render_size(&self, base: &str, size: &SizeArg, picture: Picture<'_>) -> Result<Vec<Encoded>> {
        let resized = resized(size, picture.image, picture.alpha).or_exit(Exit::Input)?;
        let (image, alpha) =
            resized.as_ref().map_or((picture.image, picture.alpha), |(image, alpha)| (image, alpha.as_ref()));
        let ready = picture.ready.filter(|_| *size == SizeArg::Full);
        let file = |&format: &Format| {
            let made = match ready {
                Some((done, made)) if *done == format => made.clone(),
                _ => encode_measured(image, alpha, format, &self.options, picture.metadata).or_exit(Exit::Input)?,
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
        };
        self.formats.iter().map(file).collect()
    }
}

impl Target {
    /// What a person should know: that it could not be reached.
    pub fn note(&self) -> Option<String> {
        let level = self.level.map_or("without loss".to_owned(), |level| format!("at quality {level}"));
        let ssim = self.ssim.map(|ssim| format!("; its similarity is {ssim:.4}")).unwrap_or_default();
        (!self.met).then(|| format!("the target cannot be reached: encoded {level}, the nearest{ssim}"))
    }
}

/// The picture in this size; `None` for its own.
fn resized(
    size: &SizeArg,
    image: &SrgbImage,
    alpha: Option<&Mask>,
) -> pixels::Result<Option<(SrgbImage, Option<Mask>)>> {
    match (size, alpha) {
        (SizeArg::Full, _) => Ok(None),
        (SizeArg::Spec(spec), None) => Ok(Some((spec.apply(image)?, None))),
        (SizeArg::Spec(spec), Some(alpha)) => {
            let (image, alpha) = spec.apply_alpha(image, alpha)?;
            Ok(Some((image, Some(alpha))))
        }
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
        let picture = Picture { image: &image, alpha: None, metadata: &Metadata::default(), ready: None };
        let files: Vec<_> = profile.render("a--red", picture).map(Result::unwrap).collect();
        let names: Vec<_> = files.iter().map(|f| f.name.clone()).collect();
        assert_eq!(names, planned);
        assert_eq!((files[4].width_px, files[4].height_px), (30, 30));
    }
}
