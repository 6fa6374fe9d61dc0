//! The sRGB transfer curve (IEC 61966-2-1), by table where the input is a byte.

use std::sync::LazyLock;

static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let v = code as f64 / 255.0;
        (if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }) as f32
    })
});

/// Steps of the table from linear light to sRGB; fine enough that every byte survives the round trip.
const ENCODE_STEPS: usize = 1 << 14;

static ENCODED: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..=ENCODE_STEPS + 1)
        .map(|i| {
            // The table is indexed by the square root, which spends its steps where the curve is steep.
            let v = (i as f64 / ENCODE_STEPS as f64).powi(2);
            (255.0 * if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }) as f32
        })
        .collect()
});

/// Linear light, 0 to 1, of an sRGB byte.
pub fn linear_from_srgb8(code: u8) -> f32 {
    LINEAR[code as usize]
}

/// sRGB code value, 0 to 255 and not yet rounded, of linear light; out-of-range light is clipped.
pub fn srgb_code_from_linear(linear: f32) -> f32 {
    let position = linear.clamp(0.0, 1.0).sqrt() * ENCODE_STEPS as f32;
    let index = position as usize;
    let fraction = position - index as f32;
    ENCODED[index] + (ENCODED[index + 1] - ENCODED[index]) * fraction
}

/// sRGB byte of linear light; out-of-range light is clipped.
pub fn srgb8_from_linear(linear: f32) -> u8 {
    (srgb_code_from_linear(linear) + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        for code in 0..=255 {
            assert_eq!(srgb8_from_linear(linear_from_srgb8(code)), code);
        }
    }
}
