//! Loops over pixels as vector code, chosen at run time.
//!
//! A loop over [`LANES`] pixels without branches becomes vector code by itself; compiled a second time for AVX2 it is
//! three times as wide. No multiplication is fused with an addition, so every processor gives the same bytes.

/// Pixels worked on side by side.
pub(crate) const LANES: usize = 64;

/// One number of each of [`LANES`] pixels.
pub(crate) type Lanes = [f32; LANES];

/// From here on single precision has no fractions.
const WHOLE: f32 = 8_388_608.0;

/// The whole part of a number from 0 up to 2²². Casts from floating point saturate, and so do not become vector code.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn whole(number: f32) -> f32 {
    let nearest = (number + WHOLE) - WHOLE;
    nearest - if nearest > number { 1.0 } else { 0.0 }
}

/// A number from 0 up to 2²² without fraction as an integer; 0 if it is none.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn integer(whole: f32) -> u32 {
    (whole + WHOLE).to_bits() & 0x003F_FFFF
}

/// Defines a function twice: `plain` for every processor, and a front that runs the same code compiled for AVX2 where
/// the processor has it.
macro_rules! vectorised {
    ($(#[$meta:meta])* fn $name:ident / $plain:ident ($($arg:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        pub(crate) fn $name($($arg: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $kind),*) $(-> $result)? {
                    $plain($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, asked for in the line above.
                    return unsafe { wide($($arg),*) };
                }
            }
            $plain($($arg),*)
        }

        /// The same, compiled for every processor: what the front is tested against.
        #[inline(always)]
        #[allow(clippy::inline_always)]
        fn $plain($($arg: $kind),*) $(-> $result)? $body
    };
}
pub(crate) use vectorised;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_are_those_of_casts() {
        let mut number = 0.0_f32;
        while number < 4_194_303.0 {
            for near in [number.next_down().max(0.0), number, number.next_up()] {
                assert_eq!(integer(whole(near)), near as u32, "{near}");
            }
            number = number * 1.0007 + 0.124_999_99;
        }
        for number in 0..70_000_u32 {
            for near in [number as f32 - 0.5, (number as f32).next_down(), number as f32, number as f32 + 0.5] {
                assert_eq!(integer(whole(near.max(0.0))), near as u32, "{near}");
            }
        }
        assert_eq!(integer(whole(f32::NAN)), 0);
    }
}
