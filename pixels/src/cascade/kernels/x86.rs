//! Vector code that only some processors have; its plain twins are in the module above.
#![allow(unsafe_code)]
use std::arch::x86_64 as arch;

use super::{BATCH, CHANNELS, GROUP, Taps};

pub(super) fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && has_avx2()
}

pub(super) fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// Whether everything that [`horizontal_512`] reads and writes is there; phases are right by construction.
pub(super) fn fits(rows: &[f32], taps: &Taps, out: &[f32]) -> bool {
    out.len() / BATCH >= taps.of_pixels.len() * CHANNELS && rows.len() / BATCH >= taps.reads_px * CHANNELS
}

/// # Safety
/// [`fits`] must hold.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) unsafe fn horizontal_512(rows: &[f32], taps: &Taps, out: &mut [f32]) {
    let (groups, row, out_row) = (taps.stride / GROUP, rows.len() / BATCH, out.len() / BATCH);
    let (rows, spread, out) = (rows.as_ptr(), taps.spread.as_ptr(), out.as_mut_ptr());
    for (x, tap) in taps.of_pixels.iter().enumerate() {
        // SAFETY: the caller has checked that these ranges are inside their slices.
        unsafe {
            let mut source = rows.add(tap.start as usize * CHANNELS);
            let mut weight = spread.add(tap.phase as usize * taps.stride * CHANNELS);
            let mut sums = [arch::_mm512_setzero_ps(); BATCH];
            for _ in 0..groups {
                let weights = arch::_mm512_loadu_ps(weight);
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = arch::_mm512_fmadd_ps(arch::_mm512_loadu_ps(source.add(r * row)), weights, *sum);
                }
                source = source.add(GROUP * CHANNELS);
                weight = weight.add(GROUP * CHANNELS);
            }
            for (r, &sum) in sums.iter().enumerate() {
                let (low, high) = (arch::_mm512_castps512_ps256(sum), arch::_mm512_extractf32x8_ps::<1>(sum));
                store_folded(arch::_mm256_add_ps(low, high), out.add(r * out_row + x * CHANNELS));
            }
        }
    }
}

/// # Safety
/// [`fits`] must hold.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn horizontal_256(rows: &[f32], taps: &Taps, out: &mut [f32]) {
    let (groups, row, out_row) = (taps.stride / GROUP, rows.len() / BATCH, out.len() / BATCH);
    let (rows, spread, out) = (rows.as_ptr(), taps.spread.as_ptr(), out.as_mut_ptr());
    for (x, tap) in taps.of_pixels.iter().enumerate() {
        // SAFETY: the caller has checked that these ranges are inside their slices.
        unsafe {
            let mut source = rows.add(tap.start as usize * CHANNELS);
            let mut weight = spread.add(tap.phase as usize * taps.stride * CHANNELS);
            let mut sums = [[arch::_mm256_setzero_ps(); 2]; BATCH];
            for _ in 0..groups {
                let weights = [arch::_mm256_loadu_ps(weight), arch::_mm256_loadu_ps(weight.add(8))];
                for (r, sum) in sums.iter_mut().enumerate() {
                    let from = source.add(r * row);
                    sum[0] = arch::_mm256_fmadd_ps(arch::_mm256_loadu_ps(from), weights[0], sum[0]);
                    sum[1] = arch::_mm256_fmadd_ps(arch::_mm256_loadu_ps(from.add(8)), weights[1], sum[1]);
                }
                source = source.add(GROUP * CHANNELS);
                weight = weight.add(GROUP * CHANNELS);
            }
            for (r, sum) in sums.iter().enumerate() {
                store_folded(arch::_mm256_add_ps(sum[0], sum[1]), out.add(r * out_row + x * CHANNELS));
            }
        }
    }
}

/// Whether everything that [`horizontal_single_512`] reads and writes is there; phases are right by construction.
pub(super) fn fits_single(row: &[f32], taps: &Taps, out: &[f32]) -> bool {
    out.len() / BATCH >= taps.of_pixels.len() && row.len() >= taps.reads_px * CHANNELS
}

/// # Safety
/// [`fits_single`] must hold.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) unsafe fn horizontal_single_512(row: &[f32], taps: &Taps, out: &mut [f32]) {
    let (groups, out_row) = (taps.stride / GROUP, out.len() / BATCH);
    let (row, spread, out) = (row.as_ptr(), taps.spread.as_ptr(), out.as_mut_ptr());
    for (x, taps_of) in taps.of_pixels.chunks(LANES).enumerate() {
        let mut sums = [arch::_mm512_setzero_ps(); LANES];
        // SAFETY: the caller has checked that these ranges are inside their slices.
        unsafe {
            for (sum, tap) in sums.iter_mut().zip(taps_of) {
                let mut source = row.add(tap.start as usize * CHANNELS);
                let mut weight = spread.add(tap.phase as usize * taps.stride * CHANNELS);
                for _ in 0..groups {
                    *sum = arch::_mm512_fmadd_ps(arch::_mm512_loadu_ps(source), arch::_mm512_loadu_ps(weight), *sum);
                    source = source.add(GROUP * CHANNELS);
                    weight = weight.add(GROUP * CHANNELS);
                }
            }
            let halves =
                |sum| arch::_mm256_add_ps(arch::_mm512_castps512_ps256(sum), arch::_mm512_extractf32x8_ps::<1>(sum));
            store_columns(sums.map(halves), taps_of.len(), out.add(x * LANES), out_row);
        }
    }
}

/// # Safety
/// [`fits_single`] must hold.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn horizontal_single_256(row: &[f32], taps: &Taps, out: &mut [f32]) {
    let (groups, out_row) = (taps.stride / GROUP, out.len() / BATCH);
    let (row, spread, out) = (row.as_ptr(), taps.spread.as_ptr(), out.as_mut_ptr());
    for (x, taps_of) in taps.of_pixels.chunks(LANES).enumerate() {
        let mut sums = [[arch::_mm256_setzero_ps(); 2]; LANES];
        // SAFETY: the caller has checked that these ranges are inside their slices.
        unsafe {
            for (sum, tap) in sums.iter_mut().zip(taps_of) {
                let mut source = row.add(tap.start as usize * CHANNELS);
                let mut weight = spread.add(tap.phase as usize * taps.stride * CHANNELS);
                for _ in 0..groups {
                    for (half, sum) in sum.iter_mut().enumerate() {
                        let (from, by) = (source.add(half * 8), weight.add(half * 8));
                        *sum = arch::_mm256_fmadd_ps(arch::_mm256_loadu_ps(from), arch::_mm256_loadu_ps(by), *sum);
                    }
                    source = source.add(GROUP * CHANNELS);
                    weight = weight.add(GROUP * CHANNELS);
                }
            }
            let halves = |[low, high]: [_; 2]| arch::_mm256_add_ps(low, high);
            store_columns(sums.map(halves), taps_of.len(), out.add(x * LANES), out_row);
        }
    }
}

/// Output samples that [`horizontal_single_512`] makes at once.
const LANES: usize = 4;

/// Adds both halves of each sum, whose four numbers are a column of the output, and writes the first `count` columns.
///
/// # Safety
/// `out` must have room for `count` numbers in each of four rows that are `row` numbers apart.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_columns(sums: [arch::__m256; LANES], count: usize, out: *mut f32, row: usize) {
    let folded =
        sums.map(|sum| arch::_mm_add_ps(arch::_mm256_castps256_ps128(sum), arch::_mm256_extractf128_ps::<1>(sum)));
    let [a, b, c, d] = folded;
    let (ab_low, ab_high) = (arch::_mm_unpacklo_ps(a, b), arch::_mm_unpackhi_ps(a, b));
    let (cd_low, cd_high) = (arch::_mm_unpacklo_ps(c, d), arch::_mm_unpackhi_ps(c, d));
    let rows = [
        arch::_mm_movelh_ps(ab_low, cd_low),
        arch::_mm_movehl_ps(cd_low, ab_low),
        arch::_mm_movelh_ps(ab_high, cd_high),
        arch::_mm_movehl_ps(cd_high, ab_high),
    ];
    for (r, values) in rows.into_iter().enumerate() {
        // SAFETY: the caller promises the room; of the last columns only those that are there are written.
        unsafe {
            if count == LANES {
                arch::_mm_storeu_ps(out.add(r * row), values);
            } else {
                let mut all = [0.0; LANES];
                arch::_mm_storeu_ps(all.as_mut_ptr(), values);
                all[..count].iter().enumerate().for_each(|(i, value)| *out.add(r * row + i) = *value);
            }
        }
    }
}

/// Rows of three codes per pixel to four numbers, as `load_shares_plain` does it.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) fn load_shares_512(codes: &[u8], out: &mut [f32]) {
    const LANES: usize = 16;
    let bytes = LANES / CHANNELS * 3;
    // Makes room for each pixel's fourth number, which is 0.
    let apart = arch::_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    let share = arch::_mm512_set1_ps(super::SHARE);
    let whole = (codes.len() / bytes).min(out.len() / LANES);
    for (rgb, pixels) in codes.chunks_exact(bytes).zip(out.chunks_exact_mut(LANES)) {
        // SAFETY: 12 bytes are read, by the mask, of as many, and 16 numbers written of as many.
        unsafe {
            let four = arch::_mm_maskz_loadu_epi8((1 << bytes) - 1, rgb.as_ptr().cast());
            let spread = arch::_mm512_cvtepu8_epi32(arch::_mm_shuffle_epi8(four, apart));
            let shares = arch::_mm512_mul_ps(arch::_mm512_cvtepi32_ps(spread), share);
            arch::_mm512_storeu_ps(pixels.as_mut_ptr(), shares);
        }
    }
    super::load_shares_plain(&codes[whole * bytes..], &mut out[whole * LANES..]);
}

/// Rows of four numbers per pixel to three codes, as `rounded` does it.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) fn store_shares_512(row: &[f32], out: &mut [u8]) {
    const LANES: usize = 16;
    let (scale, magic) = (arch::_mm512_set1_ps(255.0), arch::_mm512_set1_ps(8_388_608.0));
    let (zero, one) = (arch::_mm512_setzero_ps(), arch::_mm512_set1_ps(1.0));
    // Drops each pixel's fourth byte.
    let colors = arch::_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    let bytes = LANES / CHANNELS * 3;
    let whole = (row.len() / LANES).min(out.len() / bytes);
    for (pixels, rgb) in row.chunks_exact(LANES).zip(out.chunks_exact_mut(bytes)) {
        // SAFETY: 16 numbers are read of as many, and 12 bytes written, by the mask, of as many.
        unsafe {
            let share = arch::_mm512_loadu_ps(pixels.as_ptr());
            // The second operand where one is NaN: NaN is black.
            let share = arch::_mm512_min_ps(arch::_mm512_max_ps(share, zero), one);
            let sums = arch::_mm512_castps_si512(arch::_mm512_fmadd_ps(share, scale, magic));
            let codes = arch::_mm_shuffle_epi8(arch::_mm512_cvtepi32_epi8(sums), colors);
            arch::_mm_mask_storeu_epi8(rgb.as_mut_ptr().cast(), (1 << bytes) - 1, codes);
        }
    }
    super::store_shares_plain(&row[whole * LANES..], &mut out[whole * bytes..]);
}

/// Adds both halves and writes four numbers.
///
/// # Safety
/// `out` must have room for four.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_folded(half: arch::__m256, out: *mut f32) {
    let sum = arch::_mm_add_ps(arch::_mm256_castps256_ps128(half), arch::_mm256_extractf128_ps::<1>(half));
    // SAFETY: the caller promises the room.
    unsafe { arch::_mm_storeu_ps(out, sum) }
}
