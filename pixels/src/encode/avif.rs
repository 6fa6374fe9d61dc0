//! Pictures to AVIF by rav1e, or by libaom when built with the feature of that name.
//!
//! Colours go in as BT.601 luma and chroma of full range with 10 bits (8 when in haste), marked as sRGB by code points, so
//! that no profile is needed. The encoder hands back what a decoder will show, which is how a file is measured
//! without decoding it.

#[cfg(feature = "libaom")]
mod libaom;
#[cfg(not(feature = "libaom"))]
mod rav1e;

use avif_serialize::Aviffy;
use avif_serialize::constants::{ColorPrimaries, MatrixCoefficients, TransferCharacteristics};
use rayon::prelude::*;

#[cfg(feature = "libaom")]
use self::libaom as coder;
#[cfg(not(feature = "libaom"))]
use self::rav1e as coder;

use super::{Chroma, Effort, EncodeOptions};
use crate::{Mask, Metadata, SrgbImage};

/// Largest side of a picture in pixels.
const MAX_SIDE_PX: u32 = 65_535;
/// Pixels per tile: tiles are coded in parallel, and their number must not depend on the machine.
const TILE_PIXELS: usize = 1 << 20;

/// A file and what a decoder will show of it.
pub(super) struct Avif {
    pub(super) bytes: Vec<u8>,
    pub(super) image: SrgbImage,
    pub(super) alpha: Option<Mask>,
}

/// What planes are coded with: luma, or luma and two of chroma.
#[derive(Clone, Copy)]
struct Coding {
    size: (usize, usize),
    /// Bits of a value, 8 or 10.
    bits: u8,
    /// Whether chroma has half the columns and rows.
    half: bool,
    /// On the coder's own scale, 0 the finest.
    quantizer: u8,
    effort: Effort,
}

/// AV1 data, and the planes as a decoder will have them.
struct Coded {
    data: Vec<u8>,
    planes: Vec<Vec<u16>>,
}

/// Encodes at quality `level` (1 to 100).
pub(super) fn encode(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    level: u8,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Avif, String> {
    let (width, height) = (image.width_px(), image.height_px());
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(format!("AVIF sides are at most {MAX_SIDE_PX} px"));
    }
    let bits = match options.effort {
        Effort::Fast => 8,
        Effort::Balanced | Effort::Best => 10,
    };
    let half = options.chroma == Chroma::Half;
    let size = (width as usize, height as usize);
    let coding = Coding { size, bits, half, quantizer: quantizer(level), effort: options.effort };
    let colors = coder::code(&coding, &planes(image, &coding))?;
    // Edges of masks are seen sooner than colours, and cost little.
    let coding = Coding { quantizer: coding.quantizer / 2, ..coding };
    let alpha = match alpha {
        None => None,
        Some(mask) => {
            let plane = mask.data().iter().map(|&a| coding.value(f32::from(a) / 255.0)).collect();
            let coded = coder::code(&coding, &[plane])?;
            let values = coded.planes[0].iter().map(|&v| (coding.share(v) * 255.0 + 0.5) as u8).collect();
            let mask = Mask::new(width, height, values).map_err(|error| error.to_string())?;
            Some((coded.data, mask))
        }
    };
    let mut file = Aviffy::new();
    file.set_width(width).set_height(height).set_bit_depth(bits);
    file.set_chroma_subsampling((half, half)).set_seq_profile(u8::from(!half)).set_full_color_range(true);
    file.set_color_primaries(ColorPrimaries::Bt709)
        .set_transfer_characteristics(TransferCharacteristics::Srgb)
        .set_matrix_coefficients(MatrixCoefficients::Bt601);
    if let Some(exif) = &metadata.exif {
        file.set_exif(exif.clone());
    }
    let mut bytes = Vec::new();
    file.write_slice(&mut bytes, &colors.data, alpha.as_ref().map(|(data, _)| data.as_slice()))
        .map_err(|error| error.to_string())?;
    Ok(Avif { bytes, image: shown(&coding, &colors.planes)?, alpha: alpha.map(|(_, mask)| mask) })
}

fn quantizer(level: u8) -> u8 {
    let level = f32::from(level.clamp(1, 100));
    let table = &coder::QUANTIZERS;
    let between = table.windows(2).find(|pair| level <= pair[1].0);
    let quantizer = between.map_or(table[table.len() - 1].1, |pair| {
        let share = (level - pair[0].0) / (pair[1].0 - pair[0].0);
        pair[0].1 + share * (pair[1].1 - pair[0].1)
    });
    (quantizer + 0.5) as u8
}

impl Coding {
    /// The largest value.
    fn full(&self) -> f32 {
        f32::from((1_u16 << self.bits) - 1)
    }

    /// The value for a share of full, 0 to 1.
    fn value(&self, share: f32) -> u16 {
        (share.clamp(0.0, 1.0) * self.full() + 0.5) as u16
    }

    /// The share of full.
    fn share(&self, value: u16) -> f32 {
        f32::from(value) / self.full()
    }

    /// Columns and rows of a plane.
    fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = self.size;
        if plane > 0 && self.half { (width.div_ceil(2), height.div_ceil(2)) } else { (width, height) }
    }
}

/// Luma and chroma, 0 to 1, of RGB codes (ITU-R BT.601, full range).
fn luma_chroma([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, (b - y) / 1.772 + 0.5, (r - y) / 1.402 + 0.5]
}

/// The picture's planes, chroma at half resolution (means of four) where that is coded.
fn planes(image: &SrgbImage, coding: &Coding) -> [Vec<u16>; 3] {
    let (width, height) = coding.size;
    let pixels: Vec<[f32; 3]> = image
        .data()
        .par_chunks_exact(3)
        .map(|p| luma_chroma([p[0], p[1], p[2]].map(|code| f32::from(code) / 255.0)))
        .collect();
    let plane = |channel: usize| pixels.par_iter().map(|p| coding.value(p[channel])).collect::<Vec<_>>();
    if !coding.half {
        return [plane(0), plane(1), plane(2)];
    }
    let at = |x: usize, y: usize, channel: usize| pixels[y.min(height - 1) * width + x.min(width - 1)][channel];
    let (columns, rows) = coding.plane_size(1);
    let mean = |i: usize, channel: usize| {
        let (x, y) = (2 * (i % columns), 2 * (i / columns));
        let corners = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
        coding.value(corners.iter().map(|&(x, y)| at(x, y, channel)).sum::<f32>() / 4.0)
    };
    let small = |channel: usize| (0..columns * rows).into_par_iter().map(|i| mean(i, channel)).collect();
    [plane(0), small(1), small(2)]
}

/// The picture of decoded planes.
fn shown(coding: &Coding, planes: &[Vec<u16>]) -> Result<SrgbImage, String> {
    let [luma, blue, red] = planes else { return Err("the encoder wrote no colours".to_owned()) };
    let (width, height) = coding.size;
    let (columns, _) = coding.plane_size(1);
    let mut data = vec![0; 3 * width * height];
    data.par_chunks_exact_mut(3 * width).enumerate().for_each(|(row, line)| {
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let i = if coding.half { row / 2 * columns + x / 2 } else { row * width + x };
            let y = coding.share(luma[row * width + x]);
            let [cb, cr] = [coding.share(blue[i]) - 0.5, coding.share(red[i]) - 0.5];
            let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
            pixel.iter_mut().zip(rgb).for_each(|(code, v)| *code = (v * 255.0 + 0.5) as u8);
        }
    });
    SrgbImage::new(width as u32, height as u32, data).map_err(|error| error.to_string())
}
