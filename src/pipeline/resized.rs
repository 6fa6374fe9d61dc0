//! All sizes of a picture, made together.

use pixels::{Cut, Focus, Light, Mask, Source, Srgb16Image, SrgbImage, cascade, sharpen};

use crate::cli::SizeArg;

/// How pictures are brought to their sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resizing {
    /// What is averaged.
    pub light: Light,
    /// Sharpening after a reduction, 0 to 2.
    pub sharpen: f32,
    /// Where the garment is, for sizes that need it.
    pub garment: Option<Focus>,
}

/// A picture in another size, and its alpha if it has some.
pub type Made = (SrgbImage, Option<Mask>);

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
    let plan = |size: &SizeArg| {
        if let SizeArg::Spec(spec) = size { Some(spec.plan(from.0, from.1, how.garment)) } else { None }
    };
    let plans: Vec<_> = sizes.iter().filter_map(plan).collect();
    let cuts: Vec<Cut> = plans.iter().map(|plan| Cut { crop: plan.crop, size: plan.scaled }).collect();
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
    let plan = |size: &SizeArg| match size {
        SizeArg::Spec(spec) => Some(spec.plan(from.0, from.1, how.garment)),
        SizeArg::Full => None,
    };
    let plans: Vec<_> = sizes.iter().filter_map(plan).collect();
    let cuts: Vec<Cut> = plans.iter().map(|plan| Cut { crop: plan.crop, size: plan.scaled }).collect();
    let resized = cascade(Source::Sixteen(image), alpha, &cuts, how.light)?;
    let mut made =
        plans.iter().zip(resized).map(|(plan, resized)| resized.deep.map(|deep| plan.place_deep(deep)).transpose());
    sizes
        .iter()
        .map(|size| if *size == SizeArg::Full { Ok(None) } else { made.next().transpose().map(Option::flatten) })
        .collect()
}
