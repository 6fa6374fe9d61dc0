//! AV1 by rav1e.

use rav1e::color::{ChromaSampling, PixelRange};
use rav1e::config::SpeedSettings;
use rav1e::{CastFromPrimitive, Config, EncoderConfig, EncoderStatus, Pixel};

use super::{Coded, Coding, TILE_PIXELS};
use crate::Effort;

/// Quantizer (0 fine, 255 coarse) by level, so that a level has about the structural similarity that a JPEG of that level has:
/// medians over catalogue photos at 640 px.
pub(super) const QUANTIZERS: [(f32, f32); 12] = [
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

pub(super) fn code(coding: &Coding, planes: &[Vec<u16>]) -> Result<Coded, String> {
    if coding.bits == 8 { code_as::<u8>(coding, planes) } else { code_as::<u16>(coding, planes) }
}

fn code_as<T: Pixel>(coding: &Coding, planes: &[Vec<u16>]) -> Result<Coded, String> {
    let (width, height) = coding.size;
    let speed = match coding.effort {
        Effort::Fast => 9,
        Effort::Balanced => 6,
        Effort::Best => 3,
    };
    let chroma_sampling = match (planes.len(), coding.half) {
        (1, _) => ChromaSampling::Cs400,
        (_, true) => ChromaSampling::Cs420,
        (_, false) => ChromaSampling::Cs444,
    };
    let encoder = EncoderConfig {
        width,
        height,
        bit_depth: usize::from(coding.bits),
        chroma_sampling,
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
        let (columns, _) = coding.plane_size(i);
        for (row, values) in plane.rows_iter_mut().zip(values.chunks_exact(columns)) {
            row.iter_mut().zip(values).for_each(|(to, &value)| *to = T::cast_from(value));
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
    let shown = shown.ok_or("rav1e wrote no picture")?;
    let cropped = |plane: usize| {
        let (columns, rows) = coding.plane_size(plane);
        let rows = shown.planes[plane].rows_iter().take(rows);
        rows.flat_map(|row| row.iter().take(columns).map(|&value| u16::cast_from(value))).collect()
    };
    Ok(Coded { data, planes: (0..planes.len()).map(cropped).collect() })
}
