//! Vector code against plain code: equal bits over odd sizes.

use super::super::kernels::*;
use super::super::taps::{Axis, CHANNELS, Filter, Taps};

fn numbers(count: usize) -> Vec<f32> {
    let mut state = 7_u32;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 * 1.2 - 0.1
        })
        .collect()
}

#[test]
fn sums_across_are_the_same_bits() {
    for (from, to) in [(1, 1), (2, 1), (3, 7), (16, 5), (67, 66), (67, 33), (128, 64), (301, 17), (5, 40)] {
        for filter in [Filter::Lanczos3, Filter::Area] {
            let filter = if to > from { Filter::CatmullRom } else { filter };
            let taps = Taps::new(filter, Axis { from, from_step: 1, to, to_step: 1 });
            let row = numbers((from as usize * CHANNELS + MARGIN) * BATCH);
            let (mut fast, mut plain) =
                (vec![0.0; BATCH * to as usize * CHANNELS], vec![9.0; BATCH * to as usize * CHANNELS]);
            horizontal(&row, &taps, &mut fast);
            horizontal_plain(&row, &taps, &mut plain);
            assert_eq!(fast, plain, "{from} to {to}");
            let (mut fast, mut plain) = (vec![0.0; BATCH * to as usize], vec![9.0; BATCH * to as usize]);
            horizontal_single(&row, &taps, &mut fast);
            horizontal_single_plain(&row, &taps, &mut plain);
            assert_eq!(fast, plain, "{from} to {to}");
        }
    }
}

#[test]
fn sums_down_are_the_same_bits() {
    for rows in [1, 2, 5, 12] {
        for numbers_wide in [64, 128, 320] {
            let stride = numbers_wide + 20;
            let all = numbers(rows * stride);
            let ring = Ring { rows: &all, stride, slots: rows };
            let weights: Vec<[f32; BATCH]> =
                numbers(rows * BATCH).chunks_exact(BATCH).map(|w| [w[0], w[1], w[2], w[3]]).collect();
            for (first, offset) in [(0, 0), (3, 4), (rows + 1, 16)] {
                let (mut fast, mut plain) = (vec![0.0; BATCH * numbers_wide], vec![9.0; BATCH * numbers_wide]);
                vertical(&ring, first, &weights, offset, &mut fast);
                vertical_plain::<16>(&ring, first, &weights, offset, &mut plain);
                assert_eq!(fast, plain);
            }
        }
    }
}

#[test]
fn rows_come_side_by_side() {
    for length in [4, 20, 64, 67] {
        let rows = numbers(BATCH * length);
        let (mut wide, mut plain) = (vec![0.0; BATCH * length], vec![9.0; BATCH * length]);
        side_by_side(&rows, &mut wide);
        side_by_side_plain(&rows, &mut plain);
        assert_eq!(wide, plain);
        assert_eq!(wide[..CHANNELS], [0, 1, 2, 3].map(|r| rows[r * length]));
    }
}

#[test]
fn single_codes_come_back() {
    let codes: Vec<u8> = (0..=255).chain([7, 0, 255]).collect();
    let (mut shares, mut plain, mut back) = (vec![0.0; codes.len()], vec![0.0; codes.len()], vec![0; codes.len()]);
    load_single(&codes, &mut shares);
    load_single_plain(&codes, &mut plain);
    store_single(&shares, &mut back);
    assert_eq!((shares, back), (plain, codes));
}

#[test]
fn stored_codes_are_the_same_bytes_and_round_as_the_curve_does() {
    for pixels in [1, 2, 15, 16, 17, 67] {
        let mut row = numbers(pixels * CHANNELS);
        row[0] = f32::NAN;
        let (mut fast, mut plain) = (vec![1; pixels * 3], vec![2; pixels * 3]);
        store_linear(&row, &mut fast);
        store_linear_plain(&row, &mut plain);
        assert_eq!((&fast, fast[0]), (&plain, 0));
        store_shares(&row, &mut fast);
        store_shares_plain(&row, &mut plain);
        assert_eq!(fast, plain);
    }
    let mut code = [0; 3];
    for i in 0..=1_000_000_u32 {
        let light = i as f32 / 1e6;
        store_linear(&[light; CHANNELS], &mut code);
        let exact = f64::from(light);
        let exact = 255.0 * if exact <= 0.0031308 { exact * 12.92 } else { 1.055 * exact.powf(1.0 / 2.4) - 0.055 };
        assert!((f64::from(code[0]) - exact).abs() <= 0.54, "{light}");
    }
}

#[test]
fn loaded_shares_are_the_same_bits_and_come_back_as_their_codes() {
    for pixels in [1, 3, 4, 5, 64, 67, 256] {
        let codes: Vec<u8> = (0..pixels * 3).map(|i| (i * 97 + 255) as u8).collect();
        let (mut fast, mut plain) = (vec![7.0; pixels * CHANNELS], vec![8.0; pixels * CHANNELS]);
        load_shares(&codes, &mut fast);
        load_shares_plain(&codes, &mut plain);
        assert_eq!(fast, plain);
        let mut back = vec![0; pixels * 3];
        store_shares(&fast, &mut back);
        assert_eq!(back, codes);
    }
    let mut white = [0.0; CHANNELS];
    load_shares_plain(&[255; 3], &mut white);
    assert_eq!(white, [1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn weights_add_up_to_one_and_stay_inside() {
    for filter in [Filter::Lanczos3, Filter::CatmullRom, Filter::Area] {
        for from in 1..=67 {
            for to in 1..=67 {
                for (from_step, to_step) in [(1, 1), (2, 2), (1, 2), (2, 1), (4, 2)] {
                    let taps = Taps::new(filter, Axis { from, from_step, to, to_step });
                    let (samples, count) = (from.div_ceil(from_step), to.div_ceil(to_step) as usize);
                    assert_eq!(taps.of_pixels.len(), count);
                    for x in 0..count {
                        let (tap, weights) = taps.of(x);
                        assert!(tap.start + tap.length <= samples && !weights.is_empty());
                        assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{filter:?} {from} to {to}");
                    }
                    assert!(taps.reads_px <= samples as usize + MARGIN / CHANNELS);
                }
            }
        }
    }
}
