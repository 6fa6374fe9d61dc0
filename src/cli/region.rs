//! `--region`.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use generators::region::Region;

/// The name of "what the photo is of".
pub const AUTO: &str = "auto";

/// `--region`: a part of the outfit, or `None` for what the photo is of.
pub type RegionArg = Option<Region>;

/// Reads a region's name; the help lists all of them with what they cover.
pub fn parser() -> impl TypedValueParser<Value = RegionArg> {
    let auto = PossibleValue::new(AUTO).help("What the photo is of");
    let regions = Region::EVERY.map(|region| PossibleValue::new(region.name()).help(region.covers()));
    PossibleValuesParser::new(std::iter::once(auto).chain(regions)).map(|name| name.parse().ok())
}
