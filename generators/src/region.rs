//! The parts of an outfit that a mask can select.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A part of the outfit, as named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// Shirts, T-shirts, tops, sweaters.
    Upper,
    /// Trousers, skirts, shorts, leggings.
    Lower,
    /// Dresses, rompers, overalls.
    Full,
    /// Coats, jackets, blazers.
    Outer,
    /// Shoes, sandals, boots.
    Footwear,
    /// Bags, clutches, wallets.
    Bag,
    /// Hats, caps.
    Headwear,
    /// Belts, scarves, ties, socks, gloves, glasses, watches.
    Accessory,
    /// Everything worn or carried.
    All,
}

impl Region {
    /// Every region, in the order of the help text.
    pub const EVERY: [Self; 9] = [
        Self::Upper,
        Self::Lower,
        Self::Full,
        Self::Outer,
        Self::Footwear,
        Self::Bag,
        Self::Headwear,
        Self::Accessory,
        Self::All,
    ];

    /// Whether pieces of both are worn on the same part of the body.
    pub fn worn_like(self, other: Self) -> bool {
        let upper = |region| matches!(region, Self::Upper | Self::Outer | Self::Full);
        let lower = |region| matches!(region, Self::Lower | Self::Full);
        self == other || (upper(self) && upper(other)) || (lower(self) && lower(other))
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Full => "full",
            Self::Outer => "outer",
            Self::Footwear => "footwear",
            Self::Bag => "bag",
            Self::Headwear => "headwear",
            Self::Accessory => "accessory",
            Self::All => "all",
        }
    }

    /// What it covers, for help texts.
    pub fn covers(self) -> &'static str {
        match self {
            Self::Upper => "Shirts, tops, kurtas",
            Self::Lower => "Trousers, skirts",
            Self::Full => "Dresses, jumpsuits",
            Self::Outer => "Jackets, coats",
            Self::Footwear => "Shoes",
            Self::Bag => "Bags",
            Self::Headwear => "Hats, caps",
            Self::Accessory => "Scarves, belts, ties",
            Self::All => "Every garment in the photo",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::EVERY.into_iter().find(|region| region.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::EVERY.iter().map(|region| region.name()).collect();
            Error::Input(format!("unknown region `{text}`: use one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for region in Region::EVERY {
            assert_eq!(region.to_string().parse::<Region>().unwrap(), region);
        }
        assert!("socks".parse::<Region>().unwrap_err().to_string().contains("headwear"));
    }
}
