//! Colours in recipes: as on the command line, or exact.

use std::fmt;

use pixels::color::Lab;
use pixels::{Swatch, parse_color};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::pipeline::swatches::hex;

/// A colour: a string as `--to` takes it, or a table `{ name, hex, lab }` in which `lab` decides, then `hex`, then `name`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecipeColor {
    /// What people call it.
    pub name: String,
    /// Nearest sRGB code, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// CIE L*a*b* under D65, exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lab: Option<[f32; 3]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    #[serde(default)]
    hex: Option<String>,
    #[serde(default)]
    lab: Option<[f32; 3]>,
}

impl From<&Swatch> for RecipeColor {
    fn from(swatch: &Swatch) -> Self {
        let Lab { l, a, b } = swatch.color;
        Self { name: swatch.name.clone(), hex: Some(hex(swatch.color.to_srgb8())), lab: Some([l, a, b]) }
    }
}

impl RecipeColor {
    /// The colour with its name.
    ///
    /// # Errors
    /// When it is none, saying why.
    pub fn swatch(&self) -> Result<Swatch, String> {
        match (self.lab, &self.hex) {
            (Some([l, a, b]), _) => {
                let valid = (0.0..=100.0).contains(&l) && [a, b].iter().all(|v| (-200.0..=200.0).contains(v));
                if !valid {
                    return Err(format!("{:?}: lab is L 0 to 100, a and b within ±200", self.name));
                }
                Ok(Swatch { name: self.name.clone(), color: Lab::new(l, a, b) })
            }
            (None, Some(code)) => {
                let color = parse_color(code).map_err(|error| error.to_string())?.color;
                Ok(Swatch { name: self.name.clone(), color })
            }
            (None, None) => parse_color(&self.name).map_err(|error| error.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for RecipeColor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RecipeColor;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a colour as a string, or as a table with name, hex or lab")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RecipeColor { name: text.to_owned(), hex: None, lab: None })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                let Table { name, hex, lab } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RecipeColor { name, hex, lab })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
