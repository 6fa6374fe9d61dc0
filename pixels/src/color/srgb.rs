//! The sRGB transfer curve (IEC 61966-2-1), by table in both directions.

use std::sync::LazyLock;

static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let v = code as f64 / 255.0;
        (if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }) as f32
    })
});

/// sRGB code, 0 to 255, of linear light.
fn code(linear: f64) -> f64 {
    255.0 * if linear <= 0.0031308 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Steps of the table from linear light to sRGB codes.
pub(super) const ENCODE_STEPS: usize = 1 << 14;

// Both tables are indexed by the square root, which spends their steps where the curve is steep.
static CODES: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..=ENCODE_STEPS + 1).map(|i| code((i as f64 / ENCODE_STEPS as f64).powi(2)) as f32).collect());

static BYTES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=0xFFFF).map(|i| (code((f64::from(i) / 65535.0).powi(2)) + 0.5) as u8).collect());

/// Linear light, 0 to 1, of an sRGB byte.
pub fn linear_from_srgb8(code: u8) -> f32 {
    LINEAR[usize::from(code)]
}

/// Linear light, 0 to 1, of a 16-bit sRGB value.
pub fn linear_from_srgb_code16(value: u16) -> f32 {
    let v = f64::from(value) / 65535.0;
    (if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }) as f32
}

/// Linear light, 0 to 1, of a code value between the whole ones.
pub(crate) fn linear_from_srgb_code(code: f32) -> f32 {
    let low = (code as usize).min(254);
    LINEAR[low] + (LINEAR[low + 1] - LINEAR[low]) * (code - low as f32)
}

/// sRGB code value, 0 to 255 and not yet rounded, of linear light; out-of-range light is clipped.
pub fn srgb_code_from_linear(linear: f32) -> f32 {
    let position = linear.clamp(0.0, 1.0).sqrt() * ENCODE_STEPS as f32;
    let index = position as usize;
    let fraction = position - index as f32;
    CODES[index] + (CODES[index + 1] - CODES[index]) * fraction
}

/// sRGB byte of linear light; out-of-range light is clipped. Rounds as the exact curve would, within 0.005 of a code.
pub fn srgb8_from_linear(linear: f32) -> u8 {
    BYTES[byte_index(linear)]
}

fn byte_index(linear: f32) -> usize {
    // The cast to `u16` turns a NaN into 0, so the index stays in range.
    usize::from((linear.clamp(0.0, 1.0).sqrt() * 65535.0 + 0.5) as u16)
}

/// The tables, fetched once for a loop over many pixels.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    linear: &'static [f32; 256],
    codes: &'static [f32],
    bytes: &'static [u8],
}

impl Curve {
    pub(crate) fn get() -> Self {
        Self { linear: &LINEAR, codes: &CODES, bytes: &BYTES }
    }

    /// Light of all bytes.
    pub(super) fn linear_table(self) -> &'static [f32; 256] {
        self.linear
    }

    /// Code values of light, by the square root of light in [`ENCODE_STEPS`] steps.
    pub(super) fn code_table(self) -> &'static [f32] {
        self.codes
    }

    /// As [`linear_from_srgb8`].
    #[inline]
    pub(crate) fn linear(self, code: u8) -> f32 {
        self.linear[usize::from(code)]
    }

    /// As [`srgb8_from_linear`].
    #[inline]
    pub(crate) fn byte(self, linear: f32) -> u8 {
        self.bytes[byte_index(linear)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        for code in 0..=255 {
            assert_eq!(srgb8_from_linear(linear_from_srgb8(code)), code);
            assert!((srgb_code_from_linear(linear_from_srgb8(code)) - f32::from(code)).abs() < 1e-3);
        }
    }

    #[test]
    fn rounding_follows_the_exact_curve() {
        for i in 0..=1_000_000u32 {
            let linear = i as f32 / 1e6;
            let exact = code(f64::from(linear));
            assert!((f64::from(srgb8_from_linear(linear)) - exact).abs() <= 0.505, "{linear}");
            assert!((f64::from(srgb_code_from_linear(linear)) - exact).abs() < 2e-3, "{linear}");
        }
    }

    #[test]
    fn light_out_of_range_is_clipped() {
        for (linear, byte) in [(-1.0, 0), (2.0, 255), (f32::NAN, 0), (f32::INFINITY, 255), (f32::NEG_INFINITY, 0)] {
            assert_eq!(srgb8_from_linear(linear), byte);
        }
    }
}
