//! SSIMULACRA2 of pairs of pictures, one number a line: ssimulacra2 EXPECTED GOT [EXPECTED GOT]…
//!
//! 100 is the same picture, 90 is not told apart by people, 70 is high quality. `scripts/bench-resize` judges with it.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;

use pixels::{Limits, decode_file};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

fn frame(path: &str) -> Result<Rgb, Box<dyn Error>> {
    let image = decode_file(Path::new(path), &Limits::default()).map_err(|error| format!("{path}: {error}"))?.image;
    let pixels = image.data().chunks_exact(3).map(|p| [0, 1, 2].map(|c: usize| f32::from(p[c]) / 255.0)).collect();
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    Ok(Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let pairs = paths.chunks_exact(2);
    if paths.is_empty() || !pairs.remainder().is_empty() {
        return Err("usage: ssimulacra2 EXPECTED GOT [EXPECTED GOT]…".into());
    }
    for pair in pairs {
        println!("{:.4}", compute_frame_ssimulacra2(frame(&pair[0])?, frame(&pair[1])?)?);
    }
    Ok(())
}
