//! References under random transforms, with the statistics that the network reads and colours to be transformed alike.

use std::path::{Path, PathBuf};

use pixels::color::Lab;
use pixels::{SrgbImage, shrunk};

use super::transforms::Transform;
use crate::backbone::Backbone;
use crate::eval::workers;
use crate::look::looker::features;
use crate::stream::{Stream, split_fraction};
use crate::train::segmenter_data::read_photo;
use crate::{Error, Result};

/// Share of the photos of every folder that figures are taken from.
pub const REPORT: f64 = 0.15;
/// Photos from [`REPORT`] to here choose the weights.
pub const CHECK: f64 = 0.25;
/// Colours per example, from two other photos.
pub const COLORS: usize = 256;
/// Folders that photos come from, and how much of an example's chance each has.
const FOLDERS: [(&str, f32); 3] = [("street/photos", 0.4), ("clothing/images", 0.4), ("studio/images", 0.2)];
/// Longest side that photos are looked at, in pixels.
const PHOTO_PX: u32 = 320;

/// A reference and what its transform does to other photos' colours.
#[derive(Clone, Debug)]
pub struct Example {
    /// Statistics of the transformed reference.
    pub features: Vec<f32>,
    /// Colours of other photos, Lab, `3 · COLORS`.
    pub before: Vec<f32>,
    /// The same under the transform.
    pub after: Vec<f32>,
}

/// Which photos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose the weights by.
    Check,
    /// For the figures.
    Report,
}

/// Photos of a part, folder by folder, sorted; split by their names.
///
/// # Errors
/// When a folder is missing.
pub fn photos(data: &Path, part: Part) -> Result<[Vec<PathBuf>; 3]> {
    let list = |folder: &str| -> Result<Vec<PathBuf>> {
        let path = data.join(folder);
        let mut names: Vec<PathBuf> = std::fs::read_dir(&path)
            .map_err(Error::io(&path))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
            .filter(|path| {
                let fraction =
                    split_fraction(&format!("look/{}", path.file_name().unwrap_or_default().to_string_lossy()));
                part == if fraction < REPORT {
                    Part::Report
                } else if fraction < CHECK {
                    Part::Check
                } else {
                    Part::Train
                }
            })
            .collect();
        names.sort();
        if names.is_empty() { Err(Error::Data { path, reason: "holds no JPEGs".into() }) } else { Ok(names) }
    };
    let [street, clothing, studio] = FOLDERS.map(|(folder, _)| list(folder));
    Ok([street?, clothing?, studio?])
}

/// What of an example is drawn: a reference, two other photos, a transform.
pub struct Drawn {
    /// The reference as photographed.
    pub reference: SrgbImage,
    /// Photos to be brought into its look.
    pub others: [SrgbImage; 2],
    /// What makes its look.
    pub transform: Transform,
}

/// Draws the example of this number.
///
/// # Errors
/// When a photo cannot be read.
pub fn draw(photos: &[Vec<PathBuf>; 3], seed: u64, number: u64) -> Result<Drawn> {
    let mut stream = Stream::new(seed, "look/example", number);
    let mut read = || -> Result<SrgbImage> {
        let at = stream.unit();
        let folder = if at < FOLDERS[0].1 {
            0
        } else if at < FOLDERS[0].1 + FOLDERS[1].1 {
            1
        } else {
            2
        };
        let photo = read_photo(&photos[folder][stream.below(photos[folder].len())])?;
        let factor = photo.width_px().max(photo.height_px()).div_ceil(PHOTO_PX).max(1);
        Ok(shrunk(&photo, factor)?)
    };
    let (reference, others) = (read()?, [read()?, read()?]);
    Ok(Drawn { reference, others, transform: Transform::draw(&mut stream) })
}

/// A photo under a transform.
pub fn transformed(photo: &SrgbImage, transform: &Transform) -> SrgbImage {
    let mut out = photo.clone();
    for rgb in out.data_mut().chunks_exact_mut(3) {
        rgb.copy_from_slice(&transform.of_codes([rgb[0], rgb[1], rgb[2]]));
    }
    out
}

/// Makes the examples numbered `0..count`, with one backbone per thread.
///
/// # Errors
/// When a photo cannot be read or libtorch refuses.
pub fn examples(photos: &[Vec<PathBuf>; 3], seed: u64, count: u64, backbones: &mut [Backbone]) -> Result<Vec<Example>> {
    let numbers: Vec<u64> = (0..count).collect();
    workers::each(&numbers, backbones, |backbone, &number| {
        let Drawn { reference, others, transform } = draw(photos, seed, number)?;
        let features = features(&transformed(&reference, &transform), backbone)?;
        let mut stream = Stream::new(seed, "look/colors", number);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for i in 0..COLORS {
            let photo = &others[i % 2];
            let (x, y) = (stream.below(photo.width_px() as usize), stream.below(photo.height_px() as usize));
            let codes = photo.pixel(x as u32, y as u32);
            let (one, two) = (Lab::from_srgb8(codes), Lab::from_srgb8(transform.of_codes(codes)));
            before.extend([one.l, one.a, one.b]);
            after.extend([two.l, two.a, two.b]);
        }
        Ok(Example { features, before, after })
    })
}
