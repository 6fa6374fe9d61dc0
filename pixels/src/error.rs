//! What can go wrong with images, by whose fault it is.

use std::path::PathBuf;

use crate::Format;

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
    /// The file holds no bytes at all.
    #[error("the file is empty (0 bytes); copy it again from its source")]
    Empty,
    /// The first bytes are those of no format that is read here.
    #[error("not a JPEG, PNG, WebP or TIFF picture ({looks_like}); export it as one of these four")]
    UnknownFormat {
        /// What the bytes look like instead.
        looks_like: String,
    },
    /// A known format, used in a way that is not read here.
    #[error("{format}: {what} cannot be read; {advice}")]
    Unsupported {
        /// The container's format.
        format: Format,
        /// The feature, such as "animation with 12 frames".
        what: String,
        /// What the user can do.
        advice: &'static str,
    },
    /// The file stops before the picture is complete.
    #[error("{format}: the file is cut off after {got_bytes} bytes; copy or download it again")]
    Truncated {
        /// The container's format.
        format: Format,
        /// Bytes that were there.
        got_bytes: u64,
    },
    /// The file's content contradicts its format.
    #[error("{format}: damaged file: {reason}")]
    Corrupt {
        /// The container's format.
        format: Format,
        /// What the decoder said.
        reason: String,
    },
    /// The file is larger than allowed.
    #[error("the file has {got_bytes} bytes, more than the limit of {limit_bytes}; raise the byte limit to read it")]
    TooManyBytes {
        /// Bytes of the file.
        got_bytes: u64,
        /// Bytes allowed.
        limit_bytes: u64,
    },
    /// The header announces more pixels than allowed.
    #[error(
        "the picture is {width}×{height} px, more than the limit of {limit_pixels} pixels; raise the pixel limit to read it"
    )]
    TooManyPixels {
        /// Announced width in pixels.
        width: u64,
        /// Announced height in pixels.
        height: u64,
        /// Pixels allowed.
        limit_pixels: u64,
    },
    /// A picture cannot be written in this format.
    #[error("{format}: cannot encode a {width}×{height} px picture: {reason}")]
    Encode {
        /// The format asked for.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the encoder said.
        reason: String,
    },
    /// A size is zero or larger than can be made.
    #[error("cannot resize {from_width}×{from_height} px to {to_width}×{to_height} px: {reason}")]
    Resize {
        /// Width of the source in pixels.
        from_width: u32,
        /// Height of the source in pixels.
        from_height: u32,
        /// Width asked for in pixels.
        to_width: u32,
        /// Height asked for in pixels.
        to_height: u32,
        /// Why.
        reason: String,
    },
    /// A size specification that cannot be understood.
    #[error(
        "size '{text}': {reason}; write 320w, x600, 800x800, 800x800:cover, 800x800:pad=blur or 800x1000:garment (add :up to allow upscaling)"
    )]
    SizeSpec {
        /// The text given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// A colour that cannot be understood.
    #[error("colour '{text}': {reason}")]
    Color {
        /// The text given.
        text: String,
        /// Why it is refused and what to write instead.
        reason: String,
    },
    /// A palette file with a broken record.
    #[error("palette {}: {place}: {reason}", path.display())]
    Palette {
        /// The palette file.
        path: PathBuf,
        /// The line or record, such as "line 3".
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A photo of a fabric that no tile can be made of.
    #[error("the swatch cannot be used: {reason}")]
    Swatch {
        /// Why, and what to give instead.
        reason: String,
    },
    /// An ICC profile that no proof can be made with.
    #[error("the ICC profile cannot be used for a proof: {reason}; name the printer's own output profile")]
    Profile {
        /// Why.
        reason: String,
    },
    /// The output file exists and may not be replaced.
    #[error("{} exists already; choose another folder or pass --force to replace it", path.display())]
    Exists {
        /// The file that exists.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the cause is the text of an argument (a colour, a size, a palette file) and not a photo or the system.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::SizeSpec { .. }
                | Self::Color { .. }
                | Self::Palette { .. }
                | Self::Swatch { .. }
                | Self::Exists { .. }
        )
    }
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
