//! Sizes as the command line writes them: `320w`, `x600`, `800x800:pad=blur`, `800x1000:garment`.

mod pad;
mod plan;

use std::fmt;
use std::str::FromStr;

pub use plan::{Focus, Plan};

use crate::color::parse_color;
use crate::{Error, Mask, Result, SrgbImage, resize_linear, resize_linear_alpha, resize_mask};

/// Largest side that a size may ask for, in pixels (JPEG's own limit).
const MAX_SIDE_PX: u32 = 65_535;
/// Share of the box's sides that stays free around a garment unless said otherwise, in percent: it fills 86 % of the box,
/// and marketplaces want 85 or more.
const MARGIN_PERCENT: u8 = 7;
/// Largest margin, in percent of a side.
const MAX_MARGIN_PERCENT: u8 = 40;

/// What decides the size of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// Width given, height by proportion.
    Width(u32),
    /// Height given, width by proportion.
    Height(u32),
    /// Both given.
    Box(u32, u32, Fit),
}

/// How a picture of another shape goes into a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fit {
    /// All of it inside the box; one side may be shorter.
    Contain,
    /// The box filled, what sticks out cut off: around the garment when it is looked for, else evenly on both sides.
    Cover,
    /// All of it inside, the rest of the box filled.
    Pad,
    /// The garment in the middle of the box with a margin; where the photo ends before the box, the rest is filled.
    Garment,
}

/// What padding shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Background {
    /// White; transparent where the picture has alpha.
    #[default]
    White,
    /// An sRGB colour.
    Color([u8; 3]),
    /// The picture itself, filling the box, out of focus.
    Blur,
    /// The picture's outermost pixels, drawn out.
    Edge,
}

/// One size of a rendition; written `320w`, `x600`, `800x800`, `800x800:cover`, `800x800:pad` or `800x800:garment`, each
/// optionally with `:up`.
///
/// Nothing is enlarged unless `:up` says so: a smaller picture keeps its own size (inside the padding, for `pad` and
/// `garment`; cut to the box's shape, for `cover`). `:pad=#f5f5f5`, `:pad=blur` and `:pad=edge` say what fills the box,
/// `:margin=10` how much of it stays free around the garment, in percent of a side; `:garment:cover` fills the box from
/// the photo alone, so that the garment is in the middle as far as the photo reaches.
///
/// # Examples
/// ```
/// use pixels::{SizeSpec, SrgbImage};
/// let size: SizeSpec = "800x800:pad=#f5f5f5".parse()?;
/// assert_eq!(size.to_string(), "800x800-pad-f5f5f5");
/// assert_eq!(size.output_size(1600, 2400), (800, 800));
/// let small = "320w".parse::<SizeSpec>()?.apply(&SrgbImage::filled(640, 960, [9, 9, 9]))?;
/// assert_eq!((small.width_px(), small.height_px()), (320, 480));
/// # Ok::<(), pixels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SizeSpec {
    target: Target,
    upscale: bool,
    background: Background,
    /// In percent of a side, when the garment is looked for.
    garment: Option<u8>,
}

/// What the parts behind the dimensions say.
#[derive(Default)]
struct Options {
    fit: Option<Fit>,
    background: Option<Background>,
    garment: bool,
    margin: Option<u8>,
    upscale: bool,
}

impl Options {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut options = Self::default();
        let mut parts = text.split([':', '-', '=']).filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            let fit = match part {
                "contain" => Fit::Contain,
                "cover" => Fit::Cover,
                "pad" => {
                    if let Some(background) = parts.peek().copied().and_then(background) {
                        options.background = Some(background);
                        parts.next();
                    }
                    Fit::Pad
                }
                "up" => {
                    options.upscale = true;
                    continue;
                }
                "garment" => {
                    options.garment = true;
                    continue;
                }
                other => {
                    let Some(digits) = other.strip_prefix("margin") else {
                        return Err(format!("'{other}' is not a way to fit"));
                    };
                    let digits = if digits.is_empty() { parts.next().unwrap_or_default() } else { digits };
                    options.margin = Some(margin(digits)?);
                    continue;
                }
            };
            if options.fit.replace(fit).is_some() {
                return Err("it names two ways to fit".to_owned());
            }
        }
        Ok(options)
    }
}

fn margin(digits: &str) -> std::result::Result<u8, String> {
    let digits = digits.strip_suffix('%').unwrap_or(digits);
    let percent = digits.parse::<u8>().ok().filter(|&percent| percent <= MAX_MARGIN_PERCENT);
    percent.ok_or_else(|| format!("a margin is 0 to {MAX_MARGIN_PERCENT} percent of a side, such as margin=10"))
}

/// What stands behind `pad`, if it is a background.
fn background(text: &str) -> Option<Background> {
    match text {
        "blur" => Some(Background::Blur),
        "edge" => Some(Background::Edge),
        "cover" | "contain" | "pad" | "up" | "garment" => None,
        // File names leave the # out.
        hex if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => color(&format!("#{hex}")),
        other => color(other),
    }
}

fn color(text: &str) -> Option<Background> {
    parse_color(text).ok().map(|swatch| Background::Color(swatch.color.to_srgb8()))
}

impl FromStr for SizeSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fail = |reason: String| Error::SizeSpec { text: text.to_owned(), reason };
        let lower = text.trim().to_ascii_lowercase();
        let (dimensions, rest) = match lower.find([':', '-', '=']) {
            Some(at) => lower.split_at(at),
            None => (lower.as_str(), ""),
        };
        let options = Options::parse(rest).map_err(fail)?;
        let side = |digits: &str| -> Result<u32> {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            match digits.parse::<u32>() {
                Ok(px) if plain && (1..=MAX_SIDE_PX).contains(&px) => Ok(px),
                _ if plain => Err(fail(format!("a side is 1 to {MAX_SIDE_PX} px"))),
                _ => Err(fail(format!("'{digits}' is not a number of pixels"))),
            }
        };
        let target = if let Some(width) = dimensions.strip_suffix('w') {
            Target::Width(side(width)?)
        } else if let Some(height) = dimensions.strip_prefix('x') {
            Target::Height(side(height)?)
        } else if let Some((width, height)) = dimensions.split_once('x') {
            let fit = match (options.garment, options.fit) {
                (true, Some(Fit::Contain)) => {
                    return Err(fail("a garment fills its box: contain has no meaning beside it".to_owned()));
                }
                (true, None | Some(Fit::Pad)) => Fit::Garment,
                (_, fit) => fit.unwrap_or(Fit::Contain),
            };
            Target::Box(side(width)?, side(height)?, fit)
        } else {
            return Err(fail("it has neither a 'w' nor an 'x'".to_owned()));
        };
        if (options.fit.is_some() || options.garment) && !matches!(target, Target::Box(..)) {
            return Err(fail("contain, cover, pad and garment need both width and height".to_owned()));
        }
        if options.margin.is_some() && !options.garment {
            return Err(fail("a margin belongs to garment".to_owned()));
        }
        let garment = options.garment.then(|| options.margin.unwrap_or(MARGIN_PERCENT));
        Ok(Self { target, upscale: options.upscale, background: options.background.unwrap_or_default(), garment })
    }
}

/// The token used in file names: `320w`, `x600`, `800x800`, `800x800-pad-f5f5f5`, `800x800-cover-up`; it parses back.
impl fmt::Display for SizeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            Target::Width(width) => write!(f, "{width}w")?,
            Target::Height(height) => write!(f, "x{height}")?,
            Target::Box(width, height, fit) => {
                write!(f, "{width}x{height}")?;
                match self.garment {
                    Some(MARGIN_PERCENT) => f.write_str("-garment")?,
                    Some(percent) => write!(f, "-garment-margin{percent}")?,
                    None => {}
                }
                match (fit, self.background) {
                    (Fit::Contain, _) | (Fit::Garment, Background::White) => {}
                    (Fit::Cover, _) => f.write_str("-cover")?,
                    (Fit::Pad | Fit::Garment, background) => {
                        f.write_str("-pad")?;
                        match background {
                            Background::White => {}
                            Background::Color([r, g, b]) => write!(f, "-{r:02x}{g:02x}{b:02x}")?,
                            Background::Blur => f.write_str("-blur")?,
                            Background::Edge => f.write_str("-edge")?,
                        }
                    }
                }
            }
        }
        if self.upscale { f.write_str("-up") } else { Ok(()) }
    }
}

impl SizeSpec {
    /// Whether the garment must be found before [`Self::plan`] is asked.
    pub fn needs_garment(&self) -> bool {
        self.garment.is_some()
    }

    /// Width and height in pixels of the rendition of a picture of this size, as far as no garment decides it.
    pub fn output_size(&self, width_px: u32, height_px: u32) -> (u32, u32) {
        self.plan(width_px, height_px, None).canvas
    }

    /// The rendition of a picture.
    ///
    /// # Errors
    /// [`Error::Resize`] when the picture has no pixels.
    pub fn apply(&self, image: &SrgbImage) -> Result<SrgbImage> {
        let plan = self.plan(image.width_px(), image.height_px(), None);
        let scaled = resize_linear(&pad::crop_image(image, plan.crop)?, plan.scaled.0, plan.scaled.1)?;
        plan.place(scaled, None).map(|(image, _)| image)
    }

    /// The rendition of a picture with alpha; white padding is transparent.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when `alpha` has another size; [`Error::Resize`] when the picture has no pixels.
    pub fn apply_alpha(&self, image: &SrgbImage, alpha: &Mask) -> Result<(SrgbImage, Mask)> {
        alpha.check_size(image.width_px(), image.height_px())?;
        let plan = self.plan(image.width_px(), image.height_px(), None);
        let (image, alpha) = (pad::crop_image(image, plan.crop)?, pad::crop_mask(alpha, plan.crop)?);
        let (image, alpha) = resize_linear_alpha(&image, &alpha, plan.scaled.0, plan.scaled.1)?;
        let (image, placed) = plan.place(image, Some(alpha))?;
        let canvas = plan.canvas;
        Ok((image, placed.unwrap_or_else(|| Mask::filled(canvas.0, canvas.1, 255))))
    }

    /// The mask that belongs to [`Self::apply`]'s rendition; padding is outside (0).
    ///
    /// # Errors
    /// [`Error::Resize`] when the mask has no pixels.
    pub fn apply_mask(&self, mask: &Mask) -> Result<Mask> {
        let plan = self.plan(mask.width_px(), mask.height_px(), None);
        let scaled = resize_mask(&pad::crop_mask(mask, plan.crop)?, plan.scaled.0, plan.scaled.1)?;
        Ok(plan.place_mask(scaled))
    }
}

/// Parses a comma-separated list of sizes, such as `320w,640w,800x800:pad`.
///
/// # Errors
/// [`Error::SizeSpec`] for the first size that cannot be understood, or when the list is empty.
pub fn parse_sizes(text: &str) -> Result<Vec<SizeSpec>> {
    let mut sizes: Vec<SizeSpec> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let size = part.parse()?;
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    if sizes.is_empty() {
        return Err(Error::SizeSpec { text: text.to_owned(), reason: "it names no size".to_owned() });
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests;
