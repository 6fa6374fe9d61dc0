//! AV1 by libaom.

use super::{Coded, Coding, TILE_PIXELS};
use crate::{Effort, libaom};

/// Quantizer (0 fine, 63 coarse) by level, so that a level has about the structural similarity that a JPEG of that level has:
/// medians over catalogue photos at 640 px, as `cargo run --release -p pixels --example levels -- FOLDER` prints them.
pub(super) const QUANTIZERS: [(f32, f32); 12] = [
    (1.0, 63.0),
    (10.0, 56.0),
    (30.0, 43.0),
    (50.0, 37.0),
    (60.0, 35.0),
    (70.0, 32.0),
    (75.0, 30.0),
    (80.0, 27.0),
    (85.0, 23.0),
    (90.0, 17.0),
    (95.0, 9.0),
    (100.0, 3.0),
];

pub(super) fn code(coding: &Coding, planes: &[Vec<u16>]) -> Result<Coded, String> {
    let (width, height) = coding.size;
    let speed = match coding.effort {
        Effort::Fast => 7,
        Effort::Balanced => 5,
        Effort::Best => 2,
    };
    let halvings = (width * height / TILE_PIXELS).max(1).ilog2();
    let (less, more) = (halvings / 2, halvings.div_ceil(2));
    let coding = libaom::Coding {
        width: width as u32,
        height: height as u32,
        bits: coding.bits,
        half_chroma: coding.half,
        quantizer: coding.quantizer,
        speed,
        tile_halvings: if width > height { (more, less) } else { (less, more) },
        threads: rayon::current_num_threads().min(1 << halvings) as u32,
    };
    let (data, planes) = libaom::encode(&coding, planes)?;
    Ok(Coded { data, planes })
}
