//! A recipe: all that decides what a run makes, in one TOML file that reproduces it.
//!
//! Every run goes through a recipe: the command line is turned into one, and the order of the pipeline is made from it, so
//! that nothing can decide a pixel without standing in the file. What is left out has the command line's defaults, so a
//! recipe may be written by hand: one `[[region]]` with one `to` is enough.

mod color;
mod from_args;
mod guard;
mod inputs;
mod style;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use generators::region::Region;
use pixels::Format;
use serde::{Deserialize, Serialize};

use crate::cli::{GateMode, LayersFormat};
use crate::exit::{Exit, Failure, Result};
use crate::pipeline::encoding::Encoding;

pub use color::RecipeColor;
pub use inputs::Finder;
pub use style::{OwnCloth, RecipeStyle, Scope};

/// The recipe's file name in an output folder.
pub const FILE: &str = "recipe.toml";
/// Name and version of the schema; the number grows when a field changes its meaning.
pub const SCHEMA: &str = "rangrez.recipe/1";
/// Largest recipe that is read: one of 40,000 photos has about 8 MB.
const MAX_BYTES: u64 = 64 << 20;
/// What a recipe says to people who open it.
const HEADER: &str = "\
# All that decides what this run made. To make it again, byte for byte: rangrez recolor --recipe recipe.toml -o DIR
# Inputs are looked for as written, beside this file, and in --input-root; what differs is refused by name.
";

/// What a run is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`SCHEMA`]; this schema when left out.
    #[serde(default = "schema")]
    pub schema: String,
    /// Version of the program that wrote it; another that is not compatible is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Root seed. Rendering draws nothing at random (dither is a fixed pattern), so that it changes no pixel.
    #[serde(default)]
    pub seed: u64,
    /// What happens to variants that no longer look like the product.
    #[serde(default)]
    pub gate: GateMode,
    /// The certified share of false accepts whose thresholds count, as `--false-accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_accept: Option<f64>,
    /// Sizes, as `--sizes`.
    #[serde(default = "sizes")]
    pub sizes: Vec<String>,
    /// Formats, as `--format`.
    #[serde(default = "formats")]
    pub formats: Vec<Format>,
    /// Quality of JPEG, WebP and AVIF, 1 to 100.
    #[serde(default = "quality")]
    pub quality: u8,
    /// How files are encoded besides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: Encoding,
    /// Layers, as `--layers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<LayersFormat>,
    /// Light thrown on skin and floor, as `--bounce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounce: Option<f32>,
    /// Share of the recolour network's correction, as `--network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<f32>,
    /// Checksums of the weights' files by name; none are checked when it is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, String>,
    /// The photos; when left out they come from the command line.
    #[serde(default, rename = "photo", skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<InputFile>,
    /// Fabrics or looks in place of colours, one variant each.
    #[serde(default, rename = "style", skip_serializing_if = "Vec::is_empty")]
    pub styles: Vec<RecipeStyle>,
    /// The regions, in the order in which they take cloth.
    #[serde(rename = "region")]
    pub regions: Vec<RecipeRegion>,
    /// Checksums of the files made, by name; a replay compares with them.
    #[serde(default, rename = "output", skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
}

/// A file that the run reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// The file as named when the run was made.
    pub path: PathBuf,
    /// Its SHA-256; any content is taken when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// One region and what becomes of its colours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeRegion {
    /// A region's name; what the photo is of when it is `auto`, or left out as `mask` is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "region_or_auto")]
    pub name: Option<Region>,
    /// A mask in place of a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<InputFile>,
    /// Colours that the main colour takes, one variant each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<RecipeColor>,
    /// Colours that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<RecipeColor>,
    /// Colours and what they become.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<RecipeMap>,
}

/// One colour of the garment and what it becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeMap {
    /// Names the nearest colour of the garment's palette.
    pub from: RecipeColor,
    /// What it becomes.
    pub to: RecipeColor,
}

fn region_or_auto<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Region>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name == crate::cli::AUTO { Ok(None) } else { name.parse().map(Some).map_err(serde::de::Error::custom) }
}

fn schema() -> String {
    SCHEMA.to_owned()
}

fn sizes() -> Vec<String> {
    vec!["full".to_owned()]
}

fn formats() -> Vec<Format> {
    vec![Format::Jpeg]
}

fn quality() -> u8 {
    92
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl InputFile {
    /// A file whose checksum is not known yet.
    pub fn new(path: &Path) -> Self {
        // TOML is Unicode; a path that is not is found again by its folder and checksum only.
        Self { path: path.to_string_lossy().into_owned().into(), sha256: None }
    }
}

impl RecipeRegion {
    /// What people call it: a region's name, `auto`, or `mask`.
    pub fn title(&self) -> &'static str {
        match (&self.mask, self.name) {
            (Some(_), _) => "mask",
            (None, Some(region)) => region.name(),
            (None, None) => "auto",
        }
    }
}

impl Recipe {
    /// Reads a recipe file.
    ///
    /// # Errors
    /// Usage errors (exit code 2) naming the file: it cannot be read, is no recipe, has an unknown field, or is of another
    /// schema.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("recipe {}: {what}", path.display()));
        let bytes = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if bytes > MAX_BYTES {
            return Err(wrong(format!("{bytes} bytes, a recipe has at most {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// Reads a recipe's text.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let recipe: Self = toml::from_str(text).map_err(|error| in_one_line(&error, text))?;
        if recipe.schema != SCHEMA {
            return Err(format!("its schema is {}, this program reads {SCHEMA}", recipe.schema));
        }
        if recipe.regions.is_empty() {
            return Err("it has no [[region]]".to_owned());
        }
        if !(1..=100).contains(&recipe.quality) {
            return Err(format!("quality is 1 to 100, not {}", recipe.quality));
        }
        if recipe.bounce.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("bounce is a share from 0 to 1".to_owned());
        }
        if recipe.network.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("network is a share from 0 to 1".to_owned());
        }
        if recipe.network.is_some() && !recipe.styles.is_empty() {
            return Err("network is for colours, not for a [[style]]".to_owned());
        }
        recipe.encoding.check()?;
        recipe.styles.iter().try_for_each(RecipeStyle::check)?;
        if recipe.sizes.is_empty() || recipe.formats.is_empty() {
            return Err("sizes and formats name at least one each".to_owned());
        }
        if recipe.regions.iter().any(|region| region.name.is_some() && region.mask.is_some()) {
            return Err("a [[region]] has either a name or a mask".to_owned());
        }
        Ok(recipe)
    }

    /// The file's text.
    ///
    /// # Errors
    /// When a path is not Unicode, which TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        let body = toml::to_string(self)
            .map_err(|error| Failure { exit: Exit::Input, error: anyhow::Error::new(error).context(FILE) })?;
        Ok(format!("{HEADER}\n{body}"))
    }
}

/// A parser's error with its line, without the excerpt of the file that it draws.
fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().lines().collect::<Vec<_>>().join(": ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_by_hand_has_the_command_lines_defaults() {
        let recipe = Recipe::parse("[[region]]\nto = ['teal']\n").unwrap();
        assert_eq!(
            (recipe.quality, recipe.gate, recipe.formats.as_slice()),
            (92, GateMode::Strict, &[Format::Jpeg][..])
        );
        assert_eq!(recipe.regions[0].title(), "auto");
        assert_eq!(Recipe::parse("[[region]]\nname = 'auto'\nto = ['teal']\n").unwrap(), recipe);
        assert_eq!(recipe.regions[0].to[0].swatch().unwrap().name, "teal");
    }

    #[test]
    fn what_is_written_is_read_back_exactly() {
        let mut recipe =
            Recipe::parse("[[region]]\nname = 'upper'\nto = ['lab(33.3 -7.1 0.123)', '#8a1538']\n").unwrap();
        let exact = pixels::color::Lab::new(1.0 / 3.0, -0.1, 1e-7);
        recipe.regions[0]
            .to
            .push(RecipeColor::from(&pixels::Swatch { name: "Thé \"vert\"".to_owned(), color: exact }));
        recipe.photos.push(InputFile { path: "a b/ü.jpg".into(), sha256: Some("ab".repeat(32)) });
        recipe.weights.insert("gate.safetensors".to_owned(), "cd".repeat(32));
        recipe.outputs.insert("ü--8a1538.jpg".to_owned(), "ef".repeat(32));
        let text = recipe.to_toml().unwrap();
        let again = Recipe::parse(&text).unwrap();
        assert_eq!(again, recipe, "{text}");
        assert_eq!(again.to_toml().unwrap(), text);
        assert_eq!(again.regions[0].to[2].swatch().unwrap().color, exact);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (text, says) in [
            ("[[region]]\ntoo = ['teal']\n", "line 2: unknown field `too`"),
            ("quality = 0\n[[region]]\n", "quality is 1 to 100"),
            ("bounce = nan\n[[region]]\n", "bounce is a share"),
            ("network = 2\n[[region]]\n", "network is a share"),
            ("network = 1\n[[region]]\n[[style]]\nfabric = { path = 'f.png' }\n", "network is for colours"),
            ("", "missing field `region`"),
            ("schema = 'rangrez.recipe/2'\n[[region]]\n", "rangrez.recipe/2"),
            ("[[region]]\nname = 'sock'\n", "line 2: unknown region `sock`"),
            ("[[region]]\nto = [7]\n", "line 2: invalid type: integer `7`, expected a colour"),
            ("[[region]]\nname = 'upper'\nmask = { path = 'm.png' }\n", "either a name or a mask"),
            ("region = ", "line 1: "),
        ] {
            let error = Recipe::parse(text).unwrap_err();
            assert!(error.contains(says) && !error.contains('\n'), "{text:?}: {error}");
        }
    }
}
