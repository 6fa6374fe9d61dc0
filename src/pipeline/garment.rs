//! Where a photo's garment is, for sizes that need it.

use pixels::Focus;

use crate::exit::{Failure, Result};

use super::decoded::Decoded;
use super::embedded::Embedded;
use super::masked::{Choice, Masked};
use super::models::Finder;

/// Finds the rectangle around what the photo is of.
///
/// # Errors
/// An input failure when there is no garment in it.
pub fn focus(finder: &Finder, decoded: Decoded) -> Result<(Decoded, Focus)> {
    let masked = Masked::find(decoded, finder, vec![Choice::Region(None)], false)?;
    let embedded = Embedded::of(masked, finder)?;
    let garment = Focus::of_mask(&embedded.mask());
    let garment = garment.ok_or_else(|| Failure::input("no garment was found in it, which :garment needs"))?;
    Ok((embedded.decoded, garment))
}
