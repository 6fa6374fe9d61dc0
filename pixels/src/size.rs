//! Sizes as the command line writes them: `320w`, `x600`, `800x800:pad`.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Mask, Result, SrgbImage, resize_linear, resize_linear_alpha, resize_mask};

/// Largest side that a size may ask for, in pixels (JPEG's own limit).
const MAX_SIDE_PX: u32 = 65_535;

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
    /// The box filled, what sticks out cut off evenly on both sides.
    Cover,
    /// All of it inside, the rest of the box white (transparent when the picture has alpha).
    Pad,
}

/// One size of a rendition; written `320w`, `x600`, `800x800`, `800x800:cover` or `800x800:pad`, each optionally with `:up`.
///
/// Nothing is enlarged unless `:up` says so: a smaller picture keeps its own size (inside the padding, for `pad`; cut to
/// the box's shape, for `cover`).
///
/// # Examples
/// ```
/// use pixels::{SizeSpec, SrgbImage};
/// let size: SizeSpec = "800x800:pad".parse()?;
/// assert_eq!(size.to_string(), "800x800-pad");
/// assert_eq!(size.output_size(1600, 2400), (800, 800));
/// let small = "320w".parse::<SizeSpec>()?.apply(&SrgbImage::filled(640, 960, [9, 9, 9]))?;
/// assert_eq!((small.width_px(), small.height_px()), (320, 480));
/// # Ok::<(), pixels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SizeSpec {
    target: Target,
    upscale: bool,
}

/// Where the pixels of a rendition come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// Cut from the source: x, y, width, height.
    crop: (u32, u32, u32, u32),
    /// Size that the cut is resized to.
    scaled: (u32, u32),
    /// Size of the output, at least `scaled`.
    canvas: (u32, u32),
}

impl FromStr for SizeSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fail = |reason: String| Error::SizeSpec { text: text.to_owned(), reason };
        let lower = text.trim().to_ascii_lowercase();
        let mut parts = lower.split([':', '-']);
        let dimensions = parts.next().unwrap_or_default();
        let (mut fit, mut upscale) = (None, false);
        for part in parts {
            let chosen = match part {
                "contain" => Fit::Contain,
                "cover" => Fit::Cover,
                "pad" => Fit::Pad,
                "up" => {
                    upscale = true;
                    continue;
                }
                other => return Err(fail(format!("'{other}' is not a way to fit"))),
            };
            if fit.replace(chosen).is_some() {
                return Err(fail("it names two ways to fit".to_owned()));
            }
        }
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
            Target::Box(side(width)?, side(height)?, fit.unwrap_or(Fit::Contain))
        } else {
            return Err(fail("it has neither a 'w' nor an 'x'".to_owned()));
        };
        if fit.is_some() && !matches!(target, Target::Box(..)) {
            return Err(fail("contain, cover and pad need both width and height".to_owned()));
        }
        Ok(Self { target, upscale })
    }
}

/// The token used in file names: `320w`, `x600`, `800x800`, `800x800-pad`, `800x800-cover-up`; it parses back.
impl fmt::Display for SizeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            Target::Width(width) => write!(f, "{width}w")?,
            Target::Height(height) => write!(f, "x{height}")?,
            Target::Box(width, height, fit) => {
                let fit = match fit {
                    Fit::Contain => "",
                    Fit::Cover => "-cover",
                    Fit::Pad => "-pad",
                };
                write!(f, "{width}x{height}{fit}")?;
            }
        }
        if self.upscale { f.write_str("-up") } else { Ok(()) }
    }
}

/// A side scaled by the exact fraction `times / by`, rounded, at least 1.
fn scale(side: u32, times: u32, by: u32) -> u32 {
    let (side, times, by) = (u64::from(side), u64::from(times), u64::from(by.max(1)));
    ((side * times + by / 2) / by).clamp(1, u64::from(u32::MAX)) as u32
}

/// The size of `width`×`height` scaled to just fit inside a box.
fn inside(width: u32, height: u32, box_width: u32, box_height: u32) -> (u32, u32) {
    if u64::from(width) * u64::from(box_height) > u64::from(box_width) * u64::from(height) {
        (box_width, scale(height, box_width, width).min(box_height))
    } else {
        (scale(width, box_height, height).min(box_width), box_height)
    }
}

impl SizeSpec {
    fn plan(&self, width: u32, height: u32) -> Plan {
        let whole = (0, 0, width, height);
        let may = |larger: bool| self.upscale || !larger;
        match self.target {
            Target::Width(to) => {
                let scaled = if may(to > width) { (to, scale(height, to, width)) } else { (width, height) };
                Plan { crop: whole, scaled, canvas: scaled }
            }
            Target::Height(to) => {
                let scaled = if may(to > height) { (scale(width, to, height), to) } else { (width, height) };
                Plan { crop: whole, scaled, canvas: scaled }
            }
            Target::Box(box_width, box_height, Fit::Cover) => {
                let (crop_width, crop_height) = inside(box_width, box_height, width, height);
                let crop = ((width - crop_width) / 2, (height - crop_height) / 2, crop_width, crop_height);
                let larger = box_width > crop_width || box_height > crop_height;
                let scaled = if may(larger) { (box_width, box_height) } else { (crop_width, crop_height) };
                Plan { crop, scaled, canvas: scaled }
            }
            Target::Box(box_width, box_height, fit) => {
                let fitted = inside(width, height, box_width, box_height);
                let larger = fitted.0 > width || fitted.1 > height;
                let scaled = if may(larger) { fitted } else { (width, height) };
                let canvas = if fit == Fit::Pad { (box_width, box_height) } else { scaled };
                Plan { crop: whole, scaled, canvas }
            }
        }
    }

    /// Width and height in pixels of the rendition of a picture of this size.
    pub fn output_size(&self, width_px: u32, height_px: u32) -> (u32, u32) {
        self.plan(width_px, height_px).canvas
    }

    /// The rendition of a picture; padding is white.
    ///
    /// # Errors
    /// [`Error::Resize`] when the picture has no pixels.
    pub fn apply(&self, image: &SrgbImage) -> Result<SrgbImage> {
        let plan = self.plan(image.width_px(), image.height_px());
        let scaled = resize_linear(&crop_image(image, plan.crop)?, plan.scaled.0, plan.scaled.1)?;
        Ok(pad_image(scaled, plan.canvas))
    }

    /// The rendition of a picture with alpha; padding is transparent white.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when `alpha` has another size; [`Error::Resize`] when the picture has no pixels.
    pub fn apply_alpha(&self, image: &SrgbImage, alpha: &Mask) -> Result<(SrgbImage, Mask)> {
        alpha.check_size(image.width_px(), image.height_px())?;
        let plan = self.plan(image.width_px(), image.height_px());
        let (image, alpha) = (crop_image(image, plan.crop)?, crop_mask(alpha, plan.crop)?);
        let (image, alpha) = resize_linear_alpha(&image, &alpha, plan.scaled.0, plan.scaled.1)?;
        Ok((pad_image(image, plan.canvas), pad_mask(alpha, plan.canvas)))
    }

    /// The mask that belongs to [`Self::apply`]'s rendition; padding is outside (0).
    ///
    /// # Errors
    /// [`Error::Resize`] when the mask has no pixels.
    pub fn apply_mask(&self, mask: &Mask) -> Result<Mask> {
        let plan = self.plan(mask.width_px(), mask.height_px());
        Ok(pad_mask(resize_mask(&crop_mask(mask, plan.crop)?, plan.scaled.0, plan.scaled.1)?, plan.canvas))
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

fn cut<const N: usize>(data: &[u8], row_px: u32, (x, y, width, height): (u32, u32, u32, u32)) -> Vec<u8> {
    let (row, from, length) = (row_px as usize * N, x as usize * N, width as usize * N);
    data.chunks_exact(row.max(1))
        .skip(y as usize)
        .take(height as usize)
        .flat_map(|line| &line[from..from + length])
        .copied()
        .collect()
}

fn crop_image(image: &SrgbImage, crop: (u32, u32, u32, u32)) -> Result<SrgbImage> {
    SrgbImage::new(crop.2, crop.3, cut::<3>(image.data(), image.width_px(), crop))
}

fn crop_mask(mask: &Mask, crop: (u32, u32, u32, u32)) -> Result<Mask> {
    Mask::new(crop.2, crop.3, cut::<1>(mask.data(), mask.width_px(), crop))
}

/// Copies rows of `from` pixels into the middle of `out`'s larger rows.
fn paste<const N: usize>(out: &mut [u8], canvas: (u32, u32), data: &[u8], from: (u32, u32)) {
    let left = ((canvas.0 - from.0) / 2) as usize * N;
    let top = ((canvas.1 - from.1) / 2) as usize;
    let (row, length) = (canvas.0 as usize * N, from.0 as usize * N);
    for (to, line) in out.chunks_exact_mut(row.max(1)).skip(top).zip(data.chunks_exact(length.max(1))) {
        to[left..left + length].copy_from_slice(line);
    }
}

fn pad_image(image: SrgbImage, canvas: (u32, u32)) -> SrgbImage {
    let size = (image.width_px(), image.height_px());
    if size == canvas {
        return image;
    }
    let mut out = SrgbImage::filled(canvas.0, canvas.1, [255; 3]);
    paste::<3>(out.data_mut(), canvas, image.data(), size);
    out
}

fn pad_mask(mask: Mask, canvas: (u32, u32)) -> Mask {
    let size = (mask.width_px(), mask.height_px());
    if size == canvas {
        return mask;
    }
    let mut out = Mask::filled(canvas.0, canvas.1, 0);
    paste::<1>(out.data_mut(), canvas, mask.data(), size);
    out
}

#[cfg(test)]
mod tests;
