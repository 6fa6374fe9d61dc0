//! What a level of JPEG and AVIF means: levels FOLDER prints the median structural similarity and the mean bytes over the photos of a
//! folder, at 640 px.
//!
//! The tables of quantizers in `encode/avif/` were made with it: at each of their levels, the quantizer of the nearest similarity.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};

use pixels::{EncodeOptions, Format, Limits, Metadata, SrgbImage, decode_file, encode_measured, resize_linear, ssim};
use rayon::prelude::*;

const WIDTH_PX: u32 = 640;
const LEVELS: [u8; 12] = [1, 10, 30, 50, 60, 70, 75, 80, 85, 90, 95, 100];

fn photo(path: &Path) -> pixels::Result<SrgbImage> {
    let image = decode_file(path, &Limits::default())?.image;
    let height = (image.height_px() * WIDTH_PX).div_ceil(image.width_px());
    resize_linear(&image, WIDTH_PX, height)
}

/// Median similarity and mean bytes.
fn measured(photos: &[SrgbImage], format: Format, level: u8) -> pixels::Result<(f32, usize)> {
    let one = |photo: &SrgbImage| {
        let options = EncodeOptions::at_level(level);
        let file = encode_measured(photo, None, format, &options, &Metadata::default())?;
        Ok((ssim(photo, &file.shown()?.0)?, file.bytes.len()))
    };
    let figures = photos.par_iter().map(one).collect::<pixels::Result<Vec<_>>>()?;
    let mut similarities: Vec<f32> = figures.iter().map(|(similarity, _)| *similarity).collect();
    similarities.sort_by(f32::total_cmp);
    let middle = similarities.len() / 2;
    let median = f32::midpoint(similarities[middle], similarities[(similarities.len() - 1) / 2]);
    Ok((median, figures.iter().map(|(_, bytes)| bytes).sum::<usize>() / figures.len()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: levels FOLDER")?;
    let mut paths =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    let photos = paths.iter().map(|path| photo(path)).collect::<pixels::Result<Vec<_>>>()?;
    if photos.is_empty() {
        return Err("the folder has no photos".into());
    }
    println!("level   JPEG SSIM   bytes   AVIF SSIM   bytes");
    for level in LEVELS {
        let (jpeg, avif) = (measured(&photos, Format::Jpeg, level)?, measured(&photos, Format::Avif, level)?);
        println!("{level:5}{:12.4}{:8}{:12.4}{:8}", jpeg.0, jpeg.1, avif.0, avif.1);
    }
    Ok(())
}
