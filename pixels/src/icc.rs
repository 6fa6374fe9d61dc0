//! Embedded ICC profiles to sRGB, by moxcms. A broken profile never costs the photo: it is treated as sRGB, with a note.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformExecutor, TransformOptions};
use rayon::prelude::*;

use crate::decode::Samples;
use crate::srgb16_image::eight_from_sixteen;

/// How the channels of a file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorModel {
    /// One channel, white is full.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Four inks, full is full ink.
    Cmyk,
}

impl ColorModel {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Gray => Layout::Gray,
            Self::Rgb => Layout::Rgb,
            Self::Cmyk => Layout::Rgba,
        }
    }

    fn matches(self, space: DataColorSpace) -> bool {
        matches!(
            (self, space),
            (Self::Gray, DataColorSpace::Gray) | (Self::Rgb, DataColorSpace::Rgb) | (Self::Cmyk, DataColorSpace::Cmyk)
        )
    }
}

/// sRGB's own profile.
pub(crate) fn srgb_profile() -> crate::Result<Vec<u8>> {
    let mut profile = ColorProfile::new_srgb();
    // The moment of writing would make two runs differ.
    profile.creation_date_time =
        moxcms::ColorDateTime { year: 2026, month: 1, day_of_the_month: 1, ..Default::default() };
    profile.encode().map_err(|error| crate::Error::Profile { reason: error.to_string() })
}

/// Pixels that one task converts.
const BLOCK_PIXELS: usize = 1 << 14;

/// Converts raw channels to interleaved sRGB of the same depth; returns them and whether a profile changed the values.
pub(crate) fn to_srgb(
    samples: Samples,
    model: ColorModel,
    profile: Option<&[u8]>,
    notes: &mut Vec<String>,
) -> (Samples, bool) {
    if let Some(profile) = profile {
        match convert(&samples, model, profile) {
            Ok(Some(rgb)) => return (rgb, true),
            Ok(None) => {}
            Err(reason) => {
                notes.push(format!("the embedded ICC profile cannot be used ({reason}); colours are treated as sRGB"));
            }
        }
    } else if model == ColorModel::Cmyk {
        notes.push("CMYK without a profile; inks are converted by the simple formula (1−C)(1−K)".to_owned());
    }
    (without_profile(samples, model), false)
}

fn without_profile(samples: Samples, model: ColorModel) -> Samples {
    match (samples, model) {
        (samples, ColorModel::Rgb) => samples,
        (Samples::Eight(values), ColorModel::Gray) => Samples::Eight(tripled(&values)),
        (Samples::Sixteen(values), ColorModel::Gray) => Samples::Sixteen(tripled(&values)),
        (Samples::Eight(values), ColorModel::Cmyk) => Samples::Eight(mixed(&values)),
        (Samples::Sixteen(values), ColorModel::Cmyk) => {
            let eight: Vec<u8> = values.into_iter().map(eight_from_sixteen).collect();
            Samples::Eight(mixed(&eight))
        }
    }
}

fn tripled<T: Copy>(values: &[T]) -> Vec<T> {
    values.iter().flat_map(|&v| [v, v, v]).collect()
}

fn mixed(inks: &[u8]) -> Vec<u8> {
    inks.chunks_exact(4).flat_map(|p| rgb_from_cmyk([p[0], p[1], p[2], p[3]])).collect()
}

/// sRGB of inks without a profile: (1 − ink)(1 − black).
pub(crate) fn rgb_from_cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = 255 - u32::from(k);
    [c, m, y].map(|ink| (((255 - u32::from(ink)) * light + 127) / 255) as u8)
}

/// `Ok(None)` when the profile is sRGB in all but name, so that the file's own bytes are kept.
fn convert(samples: &Samples, model: ColorModel, profile: &[u8]) -> Result<Option<Samples>, String> {
    let source = ColorProfile::new_from_slice(profile).map_err(|error| error.to_string())?;
    if !model.matches(source.color_space) {
        return Err(format!("it is for {:?} and the picture is {model:?}", source.color_space));
    }
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let eight =
        || source.create_transform_8bit(model.layout(), &srgb, Layout::Rgb, options).map_err(|error| error.to_string());
    if model != ColorModel::Cmyk && is_identity(eight()?.as_ref(), model)? {
        return Ok(None);
    }
    match samples {
        Samples::Eight(values) => run(eight()?.as_ref(), values, model).map(Samples::Eight).map(Some),
        Samples::Sixteen(values) => {
            let transform = source
                .create_transform_16bit(model.layout(), &srgb, Layout::Rgb, options)
                .map_err(|error| error.to_string())?;
            run(transform.as_ref(), values, model).map(Samples::Sixteen).map(Some)
        }
    }
}

/// Whether a profile is sRGB's in all but name; one that can't be read is not.
pub(crate) fn is_srgb(profile: &[u8]) -> bool {
    let Ok(source) = ColorProfile::new_from_slice(profile) else { return false };
    let transform =
        source.create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default());
    let same = |transform: &_| is_identity(transform, ColorModel::Rgb).unwrap_or(false);
    source.color_space == DataColorSpace::Rgb && transform.is_ok_and(|transform| same(transform.as_ref()))
}

fn run<T: Copy + Default + Send + Sync>(
    transform: &(dyn TransformExecutor<T> + Send + Sync),
    values: &[T],
    model: ColorModel,
) -> Result<Vec<T>, String> {
    let mut rgb = vec![T::default(); values.len() / model.channels() * 3];
    rgb.par_chunks_mut(BLOCK_PIXELS * 3)
        .zip(values.par_chunks(BLOCK_PIXELS * model.channels()))
        .try_for_each(|(out, block)| transform.transform(block, out))
        .map_err(|error| error.to_string())?;
    Ok(rgb)
}

/// Whether a transform moves no colour of a grid by more than one step of 255.
fn is_identity(transform: &(dyn TransformExecutor<u8> + Send + Sync), model: ColorModel) -> Result<bool, String> {
    let steps = || (0..=16u32).map(|i| (i * 255 / 16) as u8);
    let grid: Vec<u8> = match model {
        ColorModel::Gray => (0..=255).collect(),
        _ => steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect(),
    };
    let expected = match model {
        ColorModel::Rgb => grid.clone(),
        ColorModel::Gray => tripled(&grid),
        ColorModel::Cmyk => mixed(&grid),
    };
    let mut out = vec![0; expected.len()];
    transform.transform(&grid, &mut out).map_err(|error| error.to_string())?;
    Ok(out.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1))
}
