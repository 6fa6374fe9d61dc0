//! Makes samples/paintings: sample photos painted by procedure, as references for `rangrez restyle --look --painterly`.
//!
//! `cargo run --release --example paint-samples -- samples/photos samples/paintings`

use std::path::Path;

use generators::stream::Stream;
use generators::train::style::paintings::painting;
use pixels::{Format, Limits, decode, encode, resize_linear};

/// Photo, number of the draw, name.
const PAINTINGS: [(&str, u64, &str); 6] = [
    ("blue-jeans-brick-wall", 3, "oil-broad"),
    ("floral-dress-wood", 7, "oil-orange"),
    ("crimson-blazer-hanger", 20, "hatching-rose"),
    ("pyjamas-wood", 10, "points-pink"),
    ("crimson-blazer-hanger", 14, "poster-blue"),
    ("floral-dress-wood", 13, "hatching-green"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [photos, out] = folders.as_slice() else { return Err("usage: paint-samples PHOTOS OUT".into()) };
    std::fs::create_dir_all(out)?;
    for (photo, number, name) in PAINTINGS {
        let bytes = std::fs::read(Path::new(photos).join(format!("{photo}.jpg")))?;
        let small = decode(&bytes, &Limits::default())?.image;
        let large = resize_linear(&small, 2 * small.width_px(), 2 * small.height_px())?;
        let painted = painting(&large, &mut Stream::new(1, "sample", number))?;
        std::fs::write(Path::new(out).join(format!("{name}.jpg")), encode(&painted, None, Format::Jpeg, 85)?)?;
    }
    Ok(())
}
