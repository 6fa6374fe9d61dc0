//! Exchanged codes: same pixels, fewer bytes, nothing accepted that is not understood.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::*;
use crate::{Limits, decode};

fn jpeg(data: &[u8], width: u16, height: u16, quality: u8, sampling: SamplingFactor) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(sampling);
    encoder.encode(data, width, height, ColorType::Rgb).unwrap();
    out
}

/// Gradients and noise of the given strength in steps of 256 / 2^strength.
fn picture(width: u16, height: u16, strength: u32) -> Vec<u8> {
    (0..u32::from(width) * u32::from(height) * 3)
        .map(|i| {
            let noise = if strength == 0 { 0 } else { i.wrapping_mul(2_654_435_761) >> (32 - strength) };
            (i / 3 % u32::from(width)).wrapping_add(noise) as u8
        })
        .collect()
}

#[test]
fn pixels_stay_and_bytes_go() {
    for sampling in [SamplingFactor::R_4_4_4, SamplingFactor::R_4_2_0, SamplingFactor::R_4_2_2] {
        for quality in [5, 60, 92, 100] {
            for (width, height) in [(1, 1), (8, 8), (17, 9), (64, 48), (129, 65)] {
                for strength in [0, 3, 8] {
                    let plain = jpeg(&picture(width, height, strength), width, height, quality, sampling);
                    let small = optimize(&plain).unwrap();
                    assert!(small.len() < plain.len());
                    let image = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap().image;
                    assert_eq!(image(&small), image(&plain), "{width}×{height} {quality} {strength}");
                }
            }
        }
    }
}

#[test]
fn a_flat_picture_has_one_symbol_per_table() {
    let plain = jpeg(&[255; 64 * 64 * 3], 64, 64, 90, SamplingFactor::R_4_4_4);
    let small = optimize(&plain).unwrap();
    assert_eq!(decode(&small, &Limits::default()).unwrap().image.data(), [255; 64 * 64 * 3]);
}

#[test]
fn tables_are_complete_and_short_for_any_counts() {
    let mut fibonacci = [0u64; SYMBOLS];
    (fibonacci[0], fibonacci[1]) = (1, 1);
    for i in 2..60 {
        fibonacci[i] = fibonacci[i - 1] + fibonacci[i - 2];
    }
    let mut even = [1u64; SYMBOLS];
    even[256] = 0;
    let mut single = [0u64; SYMBOLS];
    single[7] = 9;
    for counts in [fibonacci, even, single, [0; SYMBOLS]] {
        let table = optimal_table(&counts);
        let used = counts[..256].iter().filter(|&&n| n > 0).count();
        assert_eq!(table.symbols.len(), used);
        assert_eq!(table.counts.iter().map(|&n| usize::from(n)).sum::<usize>(), used);
        // Kraft's sum leaves at least the all-ones code of 16 bits free.
        let share: u32 = (1..=16).zip(&table.counts).map(|(l, &n)| u32::from(n) << (16 - l)).sum();
        assert!(share < 1 << 16);
        // Frequent symbols never have longer codes.
        let ordered: Vec<u64> = table.symbols.iter().map(|&s| counts[usize::from(s)]).collect();
        assert!(used < 60 || ordered.first() >= ordered.last());
    }
}

#[test]
fn other_layouts_and_damage_are_left_alone() {
    let plain = jpeg(&picture(24, 24, 5), 24, 24, 80, SamplingFactor::R_4_4_4);
    for cut in 0..plain.len() {
        assert!(optimize(&plain[..cut]).is_none(), "cut at {cut}");
    }
    for at in 0..plain.len() {
        for value in [0x00, 0x7F, 0xFF] {
            let mut damaged = plain.clone();
            damaged[at] = value;
            let _ = optimize(&damaged);
        }
    }
    let mut progressive = Vec::new();
    let mut encoder = Encoder::new(&mut progressive, 80);
    encoder.set_progressive(true);
    encoder.encode(&picture(24, 24, 5), 24, 24, ColorType::Rgb).unwrap();
    assert!(optimize(&progressive).is_none());
    let mut restarts = Vec::new();
    let mut encoder = Encoder::new(&mut restarts, 80);
    encoder.set_restart_interval(2);
    encoder.encode(&picture(24, 24, 5), 24, 24, ColorType::Rgb).unwrap();
    assert!(optimize(&restarts).is_none());
}
