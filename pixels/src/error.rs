//! What can go wrong with images, by whose fault it is.

/// An error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two images that belong together have different sizes.
    #[error("size mismatch: expected {expected_width}×{expected_height} px, got {got_width}×{got_height} px")]
    SizeMismatch {
        /// Width that was needed, in pixels.
        expected_width: u32,
        /// Height that was needed, in pixels.
        expected_height: u32,
        /// Width that came, in pixels.
        got_width: u32,
        /// Height that came, in pixels.
        got_height: u32,
    },
    /// A buffer does not hold as many bytes as its size says.
    #[error("a {width}×{height} px image needs {expected} values, got {got}")]
    BufferLength {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Values needed.
        expected: usize,
        /// Values given.
        got: usize,
    },
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
