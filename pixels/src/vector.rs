//! Loops over pixels as vector code, chosen at run time.
//!
//! A loop over [`LANES`] pixels without branches becomes vector code by itself; compiled a second time for AVX2 it is
//! three times as wide. No multiplication is fused with an addition, so every processor gives the same bytes.

/// Pixels worked on side by side.
pub(crate) const LANES: usize = 64;

/// One number of each of [`LANES`] pixels.
pub(crate) type Lanes = [f32; LANES];

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
