//! Pictures to AVIF by rav1e.
//!
//! Colours go in as BT.601 luma and chroma of full range with 10 bits (8 when in haste), marked as sRGB by code points, so
//! that no profile is needed. The encoder hands back what a decoder will show, which is how a file is measured
//! without decoding it.

use std::sync::Arc;

use avif_serialize::Aviffy;
use avif_serialize::constants::{ColorPrimaries, MatrixCoefficients, TransferCharacteristics};
use rav1e::color::{ChromaSampling, PixelRange};
use rav1e::config::SpeedSettings;
use rav1e::{Config, EncoderConfig, EncoderStatus, Frame, Pixel};
use rayon::prelude::*;

use super::{Chroma, Effort, EncodeOptions};
use crate::{Mask, Metadata, SrgbImage};

/// Largest side of a picture in pixels.
const MAX_SIDE_PX: u32 = 65_535;
/// Pixels per tile: tiles are coded in parallel, and their number must not depend on the machine.
const TILE_PIXELS: usize = 1 << 20;
/// Quantizer (0 fine, 255 coarse) by level, so that a level has about the structural similarity that a JPEG of that level has:
/// medians over catalogue photos at 640 px.
const QUANTIZERS: [(f32, f32); 12] = [
    (1.0, 250.0),
    (10.0, 238.0),
    (30.0, 186.0),
    (50.0, 167.0),
    (60.0, 160.0),
    (70.0, 147.0),
    (75.0, 136.0),
    (80.0, 123.0),
    (85.0, 104.0),
    (90.0, 82.0),
    (95.0, 46.0),
    (100.0, 12.0),
];

/// A file and what a decoder will show of it.
pub(super) struct Avif {
    pub(super) bytes: Vec<u8>,
    pub(super) image: SrgbImage,
    pub(super) alpha: Option<Mask>,
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
    match options.effort {
        Effort::Fast => coded::<u8>(image, alpha, level, options, metadata),
        Effort::Balanced | Effort::Best => coded::<u16>(image, alpha, level, options, metadata),
    }
}

/// What a picture's planes are coded with.
#[derive(Clone, Copy)]
struct Coding {
    size: (usize, usize),
    quantizer: u8,
    chroma: ChromaSampling,
    effort: Effort,
}

fn coded<T: Depth>(
    image: &SrgbImage,
    alpha: Option<&Mask>,
    level: u8,
    options: &EncodeOptions,
    metadata: &Metadata,
) -> Result<Avif, String> {
    let size = (image.width_px() as usize, image.height_px() as usize);
    let half = options.chroma == Chroma::Half;
    let chroma = if half { ChromaSampling::Cs420 } else { ChromaSampling::Cs444 };
    let coding = Coding { size, quantizer: quantizer(level), chroma, effort: options.effort };
    let (color_data, shown) = code(coding, &planes::<T>(image, half))?;
    // Edges of masks are seen sooner than colours, and cost little.
    let coding = Coding { quantizer: coding.quantizer / 2, chroma: ChromaSampling::Cs400, ..coding };
    let alpha = match alpha {
        None => None,
        Some(mask) => {
            let plane = mask.data().iter().map(|&a| T::of(f32::from(a) / 255.0)).collect();
            let (data, shown) = code::<T>(coding, &[plane])?;
            let values = cropped(&shown, 0, size).map(|v| (v.share() * 255.0 + 0.5) as u8).collect();
            let mask = Mask::new(mask.width_px(), mask.height_px(), values).map_err(|error| error.to_string())?;
            Some((data, mask))
        }
    };
    let mut file = Aviffy::new();
    file.set_width(image.width_px()).set_height(image.height_px()).set_bit_depth(T::BITS);
    file.set_chroma_subsampling((half, half)).set_seq_profile(u8::from(!half)).set_full_color_range(true);
    file.set_color_primaries(ColorPrimaries::Bt709)
        .set_transfer_characteristics(TransferCharacteristics::Srgb)
        .set_matrix_coefficients(MatrixCoefficients::Bt601);
    if let Some(exif) = &metadata.exif {
        file.set_exif(exif.clone());
    }
    let mut bytes = Vec::new();
    file.write_slice(&mut bytes, &color_data, alpha.as_ref().map(|(data, _)| data.as_slice()))
        .map_err(|error| error.to_string())?;
    Ok(Avif { bytes, image: colors(&shown, size, half)?, alpha: alpha.map(|(_, mask)| mask) })
}

fn quantizer(level: u8) -> u8 {
    let level = f32::from(level.clamp(1, 100));
    let between = QUANTIZERS.windows(2).find(|pair| level <= pair[1].0);
    let quantizer = between.map_or(QUANTIZERS[11].1, |pair| {
        let share = (level - pair[0].0) / (pair[1].0 - pair[0].0);
        pair[0].1 + share * (pair[1].1 - pair[0].1)
    });
    (quantizer + 0.5) as u8
}

/// A channel value of 8 or 10 bits.
trait Depth: Pixel + Default + Send + Sync {
    const BITS: u8;
    /// The value for a share of full, 0 to 1.
    fn of(share: f32) -> Self;
    /// The share of full.
    fn share(self) -> f32;
}

impl Depth for u8 {
    const BITS: u8 = 8;

    fn of(share: f32) -> Self {
        (share * 255.0 + 0.5) as Self
    }

    fn share(self) -> f32 {
        f32::from(self) / 255.0
    }
}

impl Depth for u16 {
    const BITS: u8 = 10;

    fn of(share: f32) -> Self {
        (share.clamp(0.0, 1.0) * 1023.0 + 0.5) as Self
    }

    fn share(self) -> f32 {
        f32::from(self) / 1023.0
    }
}

/// Luma and chroma, 0 to 1, of RGB codes (ITU-R BT.601, full range).
fn luma_chroma([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, (b - y) / 1.772 + 0.5, (r - y) / 1.402 + 0.5]
}

/// The picture's planes, chroma at half resolution (means of four) when `half`.
fn planes<T: Depth>(image: &SrgbImage, half: bool) -> [Vec<T>; 3] {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let pixels: Vec<[f32; 3]> = image
        .data()
        .par_chunks_exact(3)
        .map(|p| luma_chroma([p[0], p[1], p[2]].map(|code| f32::from(code) / 255.0)))
        .collect();
    let plane = |channel: usize| pixels.par_iter().map(|p| T::of(p[channel])).collect::<Vec<T>>();
    if !half {
        return [plane(0), plane(1), plane(2)];
    }
    let at = |x: usize, y: usize, channel: usize| pixels[y.min(height - 1) * width + x.min(width - 1)][channel];
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    let mean = |i: usize, channel: usize| {
        let (x, y) = (2 * (i % columns), 2 * (i / columns));
        let corners = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
        T::of(corners.iter().map(|&(x, y)| at(x, y, channel)).sum::<f32>() / 4.0)
    };
    let small = |channel: usize| (0..columns * rows).into_par_iter().map(|i| mean(i, channel)).collect();
    [plane(0), small(1), small(2)]
}

/// AV1 data of the planes, and the frame as a decoder will have it.
fn code<T: Depth>(coding: Coding, planes: &[Vec<T>]) -> Result<(Vec<u8>, Arc<Frame<T>>), String> {
    let (width, height) = coding.size;
    let speed = match coding.effort {
        Effort::Fast => 9,
        Effort::Balanced => 6,
        Effort::Best => 3,
    };
    let encoder = EncoderConfig {
        width,
        height,
        bit_depth: usize::from(T::BITS),
        chroma_sampling: coding.chroma,
        pixel_range: PixelRange::Full,
        still_picture: true,
        quantizer: usize::from(coding.quantizer),
        min_quantizer: coding.quantizer,
        tiles: (width * height / TILE_PIXELS).max(1),
        speed_settings: SpeedSettings::from_preset(speed),
        ..EncoderConfig::default()
    };
    let mut context =
        Config::new().with_encoder_config(encoder).new_context::<T>().map_err(|error| error.to_string())?;
    let mut frame = context.new_frame();
    for (i, (plane, values)) in frame.planes.iter_mut().zip(planes).enumerate() {
        let columns = if i > 0 && coding.chroma == ChromaSampling::Cs420 { width.div_ceil(2) } else { width };
        for (row, values) in plane.rows_iter_mut().zip(values.chunks_exact(columns)) {
            if let Some(row) = row.get_mut(..columns) {
                row.copy_from_slice(values);
            }
        }
    }
    context.send_frame(frame).map_err(|status| status.to_string())?;
    context.flush();
    let (mut data, mut shown) = (Vec::new(), None);
    loop {
        match context.receive_packet() {
            Ok(packet) => {
                data.extend(packet.data);
                shown = packet.rec.or(shown);
            }
            Err(EncoderStatus::Encoded) => {}
            Err(EncoderStatus::LimitReached) => break,
            Err(status) => return Err(status.to_string()),
        }
    }
    Ok((data, shown.ok_or("rav1e wrote no picture")?))
}

/// The values of a plane, rows in order.
fn cropped<T: Depth>(frame: &Frame<T>, plane: usize, (width, height): (usize, usize)) -> impl Iterator<Item = T> + '_ {
    frame.planes[plane].rows_iter().take(height).flat_map(move |row| row.iter().take(width).copied())
}

/// The picture of a decoded frame.
fn colors<T: Depth>(frame: &Frame<T>, (width, height): (usize, usize), half: bool) -> Result<SrgbImage, String> {
    let size = if half { (width.div_ceil(2), height.div_ceil(2)) } else { (width, height) };
    let luma: Vec<T> = cropped(frame, 0, (width, height)).collect();
    let chroma: [Vec<T>; 2] = [1, 2].map(|plane| cropped(frame, plane, size).collect());
    let mut data = vec![0; 3 * width * height];
    data.par_chunks_exact_mut(3 * width).enumerate().for_each(|(row, line)| {
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let i = if half { row / 2 * size.0 + x / 2 } else { row * width + x };
            let y = luma[row * width + x].share();
            let [cb, cr] = [chroma[0][i].share() - 0.5, chroma[1][i].share() - 0.5];
            let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
            pixel.iter_mut().zip(rgb).for_each(|(code, v)| *code = (v * 255.0 + 0.5) as u8);
        }
    });
    SrgbImage::new(width as u32, height as u32, data).map_err(|error| error.to_string())
}
