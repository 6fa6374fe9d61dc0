//! `--sizes` and `--format`.

use std::fmt;

use pixels::{Format, SizeSpec};

use crate::size_profiles::SizeProfile;

/// One entry of `--sizes`.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeArg {
    /// The photo's own size.
    Full,
    /// A size to resize to.
    Spec(SizeSpec),
}

impl SizeArg {
    /// Whether it wants to know where the garment is.
    pub fn needs_garment(&self) -> bool {
        matches!(self, Self::Spec(spec) if spec.needs_garment())
    }
}

impl fmt::Display for SizeArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Spec(spec) => spec.fmt(f),
        }
    }
}

/// Reads one entry of `--sizes`.
pub fn size(text: &str) -> Result<SizeArg, String> {
    if text.eq_ignore_ascii_case("full") {
        return Ok(SizeArg::Full);
    }
    text.parse().map(SizeArg::Spec).map_err(|e: pixels::Error| e.to_string())
}

/// Reads `--profile`: `NAME` of those that come with the program, or `FILE#NAME`.
pub fn profile(text: &str) -> Result<SizeProfile, String> {
    SizeProfile::load(text).map_err(|failure| failure.line())
}

/// Reads one entry of `--format`.
pub fn format(text: &str) -> Result<Format, String> {
    text.parse::<Format>().map_err(|error| error.to_string())
}
