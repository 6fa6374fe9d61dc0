//! All sizes of a picture, made together.

use pixels::size::Plan;
use pixels::{Cut, Focus, Light, Mask, SizeSpec, Source, Srgb16Image, SrgbImage, cascade, sharpen};
use serde::{Deserialize, Serialize};

use crate::options::SizeArg;

/// How pictures are brought to their sizes, as plans and profiles write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resampling {
    /// Average sRGB codes instead of light.
    pub gamma: bool,
    /// Sharpening after a reduction, 0 to 2.
    pub sharpen: f32,
    /// Read JPEGs at a half or a quarter of their size where all sizes allow it.
    pub fast: bool,
}

impl Resampling {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what the types don't hold.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn check(&self) -> Result<(), String> {
        if (0.0..=2.0).contains(&self.sharpen) { Ok(()) } else { Err("sharpen is 0 to 2".to_owned()) }
    }
}

impl From<Resampling> for Resizing {
    fn from(asked: Resampling) -> Self {
        let light = if asked.gamma { Light::Codes } else { Light::Linear };
        Self { light, sharpen: asked.sharpen, fast: asked.fast, ..Self::default() }
    }
}

/// How pictures are brought to their sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resizing {
    /// What is averaged.
    pub light: Light,
    /// Sharpening after a reduction, 0 to 2.
    pub sharpen: f32,
    /// Whether JPEGs may be read at a half or a quarter of their size, where all sizes allow it.
    pub fast: bool,
    /// Size of the photo in its file, if it was read smaller.
    pub whole: Option<(u32, u32)>,
    /// Where the garment is, for sizes that need it.
    pub garment: Option<Focus>,
}

/// A picture in another size, and its alpha if it has some.
pub type Made = (SrgbImage, Option<Mask>);

/// By how much a JPEG of this size may be read smaller: the largest of 1, 2 and 4 that leaves every size enough pixels.
pub fn reduction(sizes: &[SizeArg], width_px: u32, height_px: u32) -> u32 {
    let room = |size: &SizeArg| match size {
        SizeArg::Spec(spec) if !spec.needs_garment() => {
            let Plan { crop, scaled, .. } = spec.plan(width_px, height_px, None);
            (crop.2 / scaled.0.max(1)).min(crop.3 / scaled.1.max(1))
        }
        // Its own size needs all pixels; where the garment is must be seen first.
        SizeArg::Spec(_) | SizeArg::Full => 1,
    };
    match sizes.iter().map(room).min() {
        Some(4..) => 4,
        Some(2..) => 2,
        _ => 1,
    }
}

/// The plan of a size, and what to cut out of a picture of `seen` pixels: sizes are decided by the whole photo's.
fn cut(spec: &SizeSpec, seen: (u32, u32), how: Resizing) -> (Plan, Cut) {
    let whole = how.whole.unwrap_or(seen);
    let plan = spec.plan(whole.0, whole.1, how.garment);
    // Columns or rows `from..from + length` of `whole` in a picture of `seen`.
    let side = |from: u32, length: u32, whole: u32, seen: u32| {
        let at = |px: u32| ((u64::from(px) * u64::from(seen) + u64::from(whole) / 2) / u64::from(whole.max(1))) as u32;
        let start = at(from).min(seen.saturating_sub(1));
        (start, at(from + length).clamp(start + 1, seen.max(start + 1)) - start)
    };
    let (left, width) = side(plan.crop.0, plan.crop.2, whole.0, seen.0);
    let (top, height) = side(plan.crop.1, plan.crop.3, whole.1, seen.1);
    (plan, Cut { crop: (left, top, width, height), size: plan.scaled })
}

fn cuts(sizes: &[SizeArg], seen: (u32, u32), how: Resizing) -> (Vec<Plan>, Vec<Cut>) {
    let specs = sizes.iter().filter_map(|size| if let SizeArg::Spec(spec) = size { Some(spec) } else { None });
    specs.map(|spec| cut(spec, seen, how)).unzip()
}

/// The picture in each size, in their order; `None` for its own.
///
/// # Errors
/// When the picture has no pixels.
pub fn all(
    sizes: &[SizeArg],
    image: &SrgbImage,
    alpha: Option<&Mask>,
    how: Resizing,
) -> pixels::Result<Vec<Option<Made>>> {
    let from = (image.width_px(), image.height_px());
    let (plans, cuts) = cuts(sizes, from, how);
    let resized = cascade(Source::Eight(image), alpha, &cuts, how.light)?;
    let mut made = plans.iter().zip(resized).map(|(plan, mut resized)| {
        if plan.scaled.0 < plan.crop.2 || plan.scaled.1 < plan.crop.3 {
            sharpen(&mut resized.image, how.sharpen);
        }
        plan.place(resized.image, resized.alpha)
    });
    sizes.iter().map(|size| if *size == SizeArg::Full { Ok(None) } else { made.next().transpose() }).collect()
}

/// The same of a picture of 16 bits, of which only the 16 bits are kept; what is sharpened has 8 and is not made here.
///
/// # Errors
/// When the picture has no pixels.
pub fn deep(
    sizes: &[SizeArg],
    image: &Srgb16Image,
    alpha: Option<&Mask>,
    how: Resizing,
) -> pixels::Result<Vec<Option<Srgb16Image>>> {
    let from = (image.width_px(), image.height_px());
    let (plans, cuts) = cuts(sizes, from, how);
    let resized = cascade(Source::Sixteen(image), alpha, &cuts, how.light)?;
    let mut made =
        plans.iter().zip(resized).map(|(plan, resized)| resized.deep.map(|deep| plan.place_deep(deep)).transpose());
    sizes
        .iter()
        .map(|size| if *size == SizeArg::Full { Ok(None) } else { made.next().transpose().map(Option::flatten) })
        .collect()
}
