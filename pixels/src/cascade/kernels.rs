//! The loops of the cascade: rows to light and back, and weighted sums down and across.
//!
//! Rows hold four `f32` per pixel. Sums are fused and in a fixed order, so that every processor gives the same bytes.

#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::LazyLock;

use super::taps::{CHANNELS, GROUP, Tap, Taps};
use crate::color::{linear_from_srgb_code16, linear_from_srgb8, srgb_code_from_linear};

/// Rows that are made at once, since neighbours are sums of nearly the same rows.
pub(super) const BATCH: usize = 4;

/// Numbers of a row that the kernels take at once.
pub(super) const BLOCK: usize = 64;

/// Numbers after a row's end that kernels may read and multiply by 0.
pub(super) const MARGIN: usize = BLOCK + GROUP * CHANNELS;

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
            pixel.copy_from_slice(&sum_of(row, taps, *tap));
        }
    }
}

vectorised! {
    /// Puts [`BATCH`] rows of one number per pixel side by side: they become the channels of one row.
    fn side_by_side / side_by_side_plain(rows: &[f32], out: &mut [f32]) {
        const { assert!(BATCH == CHANNELS) };
        let length = rows.len() / BATCH;
        let [a, b, c, d] = std::array::from_fn(|r| &rows[r * length..][..length]);
        for ((((pixel, a), b), c), d) in out.chunks_exact_mut(CHANNELS).zip(a).zip(b).zip(c).zip(d) {
            pixel.copy_from_slice(&[*a, *b, *c, *d]);
        }
    }
}

/// Adds up weighted samples of [`BATCH`] rows that lie [`side_by_side`], for each output sample of as many rows in `out`, one
/// after the other.
///
/// `row` has what [`Taps::reads_px`] says, rows of `out` room for every output sample.
pub(super) fn horizontal_single(row: &[f32], taps: &Taps, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() && x86::fits_single(row, taps, out) {
            // SAFETY: the processor has AVX-512, and all reads and writes were just checked to be inside.
            return unsafe { x86::horizontal_single_512(row, taps, out) };
        }
        if x86::has_avx2() && x86::fits_single(row, taps, out) {
            // SAFETY: the processor has AVX2 and FMA, and all reads and writes were just checked to be inside.
            return unsafe { x86::horizontal_single_256(row, taps, out) };
        }
    }
    horizontal_single_plain(row, taps, out);
}

/// The same for every processor: what the vector code is tested against.
pub(super) fn horizontal_single_plain(row: &[f32], taps: &Taps, out: &mut [f32]) {
    let length = out.len() / BATCH;
    for (x, tap) in taps.of_pixels.iter().enumerate() {
        for (r, sum) in sum_of(row, taps, *tap).into_iter().enumerate() {
            out[r * length + x] = sum;
        }
    }
}

/// The weighted pixels of a row that make one output pixel, added up in the order in which vectors do it.
#[inline(always)]
#[allow(clippy::inline_always)]
fn sum_of(row: &[f32], taps: &Taps, tap: Tap) -> [f32; CHANNELS] {
    let mut sums = [[0_f32; CHANNELS]; GROUP];
    let weights = &taps.weights[tap.phase as usize * taps.stride..][..taps.stride];
    let sources = &row[tap.start as usize * CHANNELS..][..taps.stride * CHANNELS];
    for (i, (weight, source)) in weights.iter().zip(sources.chunks_exact(CHANNELS)).enumerate() {
        for (sum, value) in sums[i % GROUP].iter_mut().zip(source) {
            *sum = value.mul_add(*weight, *sum);
        }
    }
    std::array::from_fn(|c| (sums[0][c] + sums[2][c]) + (sums[1][c] + sums[3][c]))
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

vectorised! {
    /// One row of single codes to shares of 255.
    fn load_single / load_single_plain(codes: &[u8], out: &mut [f32]) {
        for (share, &code) in out.iter_mut().zip(codes) {
            *share = f32::from(code) * SHARE;
        }
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

vectorised! {
    /// One row of shares of 255 to single codes.
    fn store_single / store_single_plain(row: &[f32], out: &mut [u8]) {
        for (code, &share) in out.iter_mut().zip(row) {
            *code = rounded(share);
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
