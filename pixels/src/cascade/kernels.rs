//! The loops of the cascade: rows to light and back, and weighted sums down and across.
//!
//! Rows hold four `f32` per pixel. Sums are fused and in a fixed order, so that every processor gives the same bytes.

use std::sync::LazyLock;

use super::taps::{CHANNELS, GROUP, Taps};
use crate::color::{linear_from_srgb_code16, linear_from_srgb8, srgb_code_from_linear};

/// Rows that are made at once, since neighbours are sums of nearly the same rows.
pub(super) const BATCH: usize = 4;

/// Numbers of a row that the kernels take at once.
pub(super) const BLOCK: usize = 64;

/// Source pixels after a row's end that kernels may read and multiply by 0.
pub(super) const MARGIN_PX: usize = BLOCK / CHANNELS + GROUP;

/// Defines a function three times: `plain` for every processor, and a front that runs the same code compiled for AVX-512
/// or for AVX2 with fused sums where the processor has them.
macro_rules! vectorised {
    ($(#[$meta:meta])* fn $name:ident / $plain:ident ($($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        pub(super) fn $name($($arg: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn widest($($arg: $kind),*) {
                    $plain($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $kind),*) {
                    $plain($($arg),*)
                }
                if x86::has_avx512() {
                    // SAFETY: the processor has what `widest` is compiled for, asked for in the line above.
                    return unsafe { widest($($arg),*) };
                }
                if x86::has_avx2() {
                    // SAFETY: the processor has what `wide` is compiled for, asked for in the line above.
                    return unsafe { wide($($arg),*) };
                }
            }
            $plain($($arg),*)
        }

        /// The same, compiled for every processor: what the front is tested against.
        #[inline(always)]
        #[allow(clippy::inline_always)]
        pub(super) fn $plain($($arg: $kind),*) $body
    };
}

/// A few rows of a level, the newest in place of the oldest.
pub(super) struct Ring<'a> {
    /// Rows of `stride` numbers.
    pub(super) rows: &'a [f32],
    /// Numbers of a row, its margin included.
    pub(super) stride: usize,
    /// Number of rows.
    pub(super) slots: usize,
}

/// Adds up weighted rows of a ring from row `first` on, starting at number `offset` of each, to [`BATCH`] rows at once.
///
/// `weights` has a row's weight in each of the sums. Each row of `out` has a multiple of [`BLOCK`] numbers, and those of
/// the ring as many after `offset`.
pub(super) fn vertical(ring: &Ring<'_>, first: usize, weights: &[[f32; BATCH]], offset: usize, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
        fn widest(ring: &Ring<'_>, first: usize, weights: &[[f32; BATCH]], offset: usize, out: &mut [f32]) {
            vertical_plain::<BLOCK>(ring, first, weights, offset, out);
        }
        // Half as many registers, half as wide.
        #[target_feature(enable = "avx2,fma")]
        fn wide(ring: &Ring<'_>, first: usize, weights: &[[f32; BATCH]], offset: usize, out: &mut [f32]) {
            vertical_plain::<{ BLOCK / 4 }>(ring, first, weights, offset, out);
        }
        if x86::has_avx512() {
            // SAFETY: the processor has what `widest` is compiled for, asked for in the line above.
            return unsafe { widest(ring, first, weights, offset, out) };
        }
        if x86::has_avx2() {
            // SAFETY: the processor has what `wide` is compiled for, asked for in the line above.
            return unsafe { wide(ring, first, weights, offset, out) };
        }
    }
    vertical_plain::<{ BLOCK / 4 }>(ring, first, weights, offset, out);
}

/// The same, compiled for every processor: what the front is tested against.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(super) fn vertical_plain<const WIDE: usize>(
    ring: &Ring<'_>,
    first: usize,
    weights: &[[f32; BATCH]],
    offset: usize,
    out: &mut [f32],
) {
    let length = out.len() / BATCH;
    for start in (0..length).step_by(WIDE) {
        let mut sums = [[0_f32; WIDE]; BATCH];
        let mut slot = first % ring.slots;
        for of_row in weights {
            let from = slot * ring.stride + offset + start;
            let row = &ring.rows[from..from + WIDE];
            for (sum, weight) in sums.iter_mut().zip(of_row) {
                for (sum, &value) in sum.iter_mut().zip(row) {
                    *sum = value.mul_add(*weight, *sum);
                }
            }
            slot = if slot + 1 == ring.slots { 0 } else { slot + 1 };
        }
        for (row, sum) in out.chunks_exact_mut(length).zip(&sums) {
            row[start..start + WIDE].copy_from_slice(sum);
        }
    }
}

/// Adds up weighted pixels of [`BATCH`] rows, one after the other in `rows`, for each output pixel of as many rows in `out`.
///
/// Rows of `rows` have what [`Taps::reads_px`] says, rows of `out` room for every output pixel.
pub(super) fn horizontal(rows: &[f32], taps: &Taps, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() && x86::fits(rows, taps, out) {
            // SAFETY: the processor has AVX-512, and all reads and writes were just checked to be inside.
            return unsafe { x86::horizontal_512(rows, taps, out) };
        }
        if x86::has_avx2() && x86::fits(rows, taps, out) {
            // SAFETY: the processor has AVX2 and FMA, and all reads and writes were just checked to be inside.
            return unsafe { x86::horizontal_256(rows, taps, out) };
        }
    }
    horizontal_plain(rows, taps, out);
}

/// The same for every processor: what the vector code is tested against.
pub(super) fn horizontal_plain(rows: &[f32], taps: &Taps, out: &mut [f32]) {
    let (row_length, out_length) = (rows.len() / BATCH, out.len() / BATCH);
    for (row, out) in rows.chunks_exact(row_length).zip(out.chunks_exact_mut(out_length)) {
        for (tap, pixel) in taps.of_pixels.iter().zip(out.chunks_exact_mut(CHANNELS)) {
            let mut sums = [[0_f32; CHANNELS]; GROUP];
            let weights = &taps.weights[tap.phase as usize * taps.stride..][..taps.stride];
            let sources = &row[tap.start as usize * CHANNELS..][..taps.stride * CHANNELS];
            for (i, (weight, source)) in weights.iter().zip(sources.chunks_exact(CHANNELS)).enumerate() {
                for (sum, value) in sums[i % GROUP].iter_mut().zip(source) {
                    *sum = value.mul_add(*weight, *sum);
                }
            }
            for (c, value) in pixel.iter_mut().enumerate() {
                *value = (sums[0][c] + sums[2][c]) + (sums[1][c] + sums[3][c]);
            }
        }
    }
}

/// A code as a share of 255, where codes themselves are resized. Times this, 255 is exactly 1.
const SHARE: f32 = 1.0 / 255.0;
/// What a code is in light.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|c| linear_from_srgb8(c as u8)));
pub(super) static LINEAR16: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..=u16::MAX).map(linear_from_srgb_code16).collect());

/// One row of RGB codes to light.
pub(super) fn load_linear(codes: &[u8], out: &mut [f32]) {
    let table = &*LINEAR;
    for (pixel, rgb) in out.chunks_exact_mut(CHANNELS).zip(codes.chunks_exact(3)) {
        let value = [table[usize::from(rgb[0])], table[usize::from(rgb[1])], table[usize::from(rgb[2])], 0.0];
        pixel.copy_from_slice(&value);
    }
}

/// One row of RGB codes to shares of 255.
pub(super) fn load_shares(codes: &[u8], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::has_avx512() {
        // SAFETY: the processor has AVX-512, asked for in the line above.
        return unsafe { x86::load_shares_512(codes, out) };
    }
    load_shares_plain(codes, out);
}

/// The same for every processor.
pub(super) fn load_shares_plain(codes: &[u8], out: &mut [f32]) {
    for (pixel, rgb) in out.chunks_exact_mut(CHANNELS).zip(codes.chunks_exact(3)) {
        let share = |code: u8| f32::from(code) * SHARE;
        pixel.copy_from_slice(&[share(rgb[0]), share(rgb[1]), share(rgb[2]), 0.0]);
    }
}

/// One row of 16-bit RGB to numbers; `table` has 65,536 entries, or none for shares.
pub(super) fn load_deep_row(values: &[u16], table: &[f32], out: &mut [f32]) {
    let number = |value: u16| table.get(usize::from(value)).copied().unwrap_or(f32::from(value) / 65535.0);
    for (pixel, rgb) in out.chunks_exact_mut(CHANNELS).zip(values.chunks_exact(3)) {
        pixel.copy_from_slice(&[number(rgb[0]), number(rgb[1]), number(rgb[2]), 0.0]);
    }
}

/// Weights a loaded row by its alpha, which becomes the fourth channel.
pub(super) fn premultiply(alphas: &[u8], out: &mut [f32]) {
    for (pixel, &alpha) in out.chunks_exact_mut(CHANNELS).zip(alphas) {
        let share = f32::from(alpha) / 255.0;
        pixel[..3].iter_mut().for_each(|value| *value *= share);
        pixel[3] = share;
    }
}

/// Least light that is not black by rounding: 2^-13.
const DARKEST: f32 = 1.0 / 8192.0;
/// Bits of a number that are not looked at: 11 of its fraction are.
const DROPPED: u32 = 12;
const FIRST: u32 = DARKEST.to_bits() >> DROPPED;
const ENTRIES: usize = 1 << 15;

/// sRGB byte by the leading bits of light from [`DARKEST`] to 1; within 0.03 of a code of exact rounding.
static CODES: LazyLock<Box<[u8; ENTRIES]>> = LazyLock::new(|| {
    let mut codes = Box::new([255; ENTRIES]);
    let end = (1_f32.to_bits() >> DROPPED) - FIRST;
    for index in 0..end {
        let low = f32::from_bits((index + FIRST) << DROPPED);
        let high = f32::from_bits((index + FIRST + 1) << DROPPED);
        codes[index as usize] = (srgb_code_from_linear(f32::midpoint(low, high)) + 0.5) as u8;
    }
    codes
});

/// Where a number of light is in [`CODES`].
#[inline(always)]
#[allow(clippy::inline_always)]
fn place(light: f32) -> u32 {
    // Written so that a NaN is black.
    let light = if light > DARKEST { light } else { DARKEST };
    let light = if light < 1.0 { light } else { 1.0 };
    (light.to_bits() >> DROPPED) - FIRST
}

vectorised! {
    /// One row of light to sRGB codes.
    fn store_linear / store_linear_plain(row: &[f32], out: &mut [u8]) {
        let codes = &**CODES;
        for (pixels, bytes) in row.chunks(BLOCK).zip(out.chunks_mut(BLOCK / CHANNELS * 3)) {
            let mut places = [0_u32; BLOCK];
            for (place_of, &light) in places.iter_mut().zip(pixels) {
                *place_of = place(light);
            }
            for (rgb, at) in bytes.chunks_exact_mut(3).zip(places.chunks_exact(CHANNELS)) {
                rgb[0] = codes[at[0] as usize % ENTRIES];
                rgb[1] = codes[at[1] as usize % ENTRIES];
                rgb[2] = codes[at[2] as usize % ENTRIES];
            }
        }
    }
}

/// A share of 255 as a code; without the cast's own care for what doesn't fit, which is no vector code.
#[inline(always)]
#[allow(clippy::inline_always)]
fn rounded(share: f32) -> u8 {
    let share = if share > 0.0 { share } else { 0.0 };
    let share = if share < 1.0 { share } else { 1.0 };
    // Beside 2^23 there are no fractions, so the sum's lowest bits are the rounded code.
    (share.mul_add(255.0, 8_388_608.0)).to_bits() as u8
}

/// One row of shares of 255 to codes.
pub(super) fn store_shares(row: &[f32], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if x86::has_avx512() {
        // SAFETY: the processor has AVX-512, asked for in the line above.
        return unsafe { x86::store_shares_512(row, out) };
    }
    store_shares_wide(row, out);
}

vectorised! {
    /// The same without four pixels per instruction.
    fn store_shares_wide / store_shares_plain(row: &[f32], out: &mut [u8]) {
        for (pixels, bytes) in row.chunks(BLOCK).zip(out.chunks_mut(BLOCK / CHANNELS * 3)) {
            let mut codes = [0_u8; BLOCK];
            for (code, &share) in codes.iter_mut().zip(pixels) {
                *code = rounded(share);
            }
            for (rgb, code) in bytes.chunks_exact_mut(3).zip(codes.chunks_exact(CHANNELS)) {
                rgb.copy_from_slice(&code[..3]);
            }
        }
    }
}

/// Divides a row's colours by their alpha and stores that; where nothing is visible the colour becomes white.
pub(super) fn straighten(row: &mut [f32], alphas: &mut [u8]) {
    for (pixel, alpha) in row.chunks_exact_mut(CHANNELS).zip(alphas) {
        let share = pixel[3];
        *alpha = (share * 255.0 + 0.5) as u8;
        pixel[..3].iter_mut().for_each(|value| *value = if *alpha == 0 { 1.0 } else { *value / share });
    }
}

/// One row of light, or of shares of 255, to 16-bit values.
pub(super) fn store_deep(row: &[f32], linear: bool, out: &mut [u16]) {
    for (pixel, rgb) in row.chunks_exact(CHANNELS).zip(out.chunks_exact_mut(3)) {
        for (value, &number) in rgb.iter_mut().zip(pixel) {
            let code = if linear { srgb_code_from_linear(number) } else { number * 255.0 };
            *value = (code * 257.0 + 0.5) as u16;
        }
    }
}

/// What only some processors have.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
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
}
