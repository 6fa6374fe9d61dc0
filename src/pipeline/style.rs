//! What a photo is restyled by: a fabric that its garment is cut from, or a look that it is seen in.

use std::path::Path;

use generators::checkpoint::sha256_hex;
use pixels::color::Lab;
use pixels::fabric::{MakeTile, Placing, Repeat, Tile};
use pixels::{Limits, SrgbImage, Swatch, decode, flatten_on_white};

use crate::exit::{Exit, Failure, Result};
use crate::recipe::{Finder, OwnCloth, RecipeStyle, Scope};
use crate::report::{self, StyleName};

/// Alpha below which a swatch counts as transparent there.
const CLEAR: u8 = 128;
/// Share of a swatch that may be transparent: a pinked edge is, a cut-out garment is not.
const MOST_CLEAR: f32 = 0.25;
/// Longest side of a look's reference that is kept, in pixels: its statistics are read at less.
const REFERENCE_PX: u32 = 1024;

/// A fabric or a look, read and ready for every photo of a run.
#[derive(Debug)]
pub struct Style {
    /// Its name for people: the file's, without ending.
    pub name: String,
    /// Its name in file names.
    pub slug: String,
    /// SHA-256 of the swatch's or the reference's file.
    pub sha256: String,
    /// Mean colour of the swatch or of the reference.
    pub color: Lab,
    /// How much of it is taken, 0 to 1.
    pub strength: f32,
    /// What it is.
    pub kind: StyleKind,
}

/// What a style is.
#[derive(Debug)]
pub enum StyleKind {
    /// The garment is cut from a cloth.
    Fabric {
        /// The cloth.
        tile: Box<Tile>,
        /// How it is laid.
        placing: Placing,
        /// Whether a network may change the light on it.
        refine: bool,
        /// What the garment's own cloth is, where that is known.
        own_cloth: Option<OwnCloth>,
    },
    /// The picture is seen in the light and the colours of another.
    Look {
        /// That other picture, reduced.
        reference: Box<SrgbImage>,
        /// What of the picture changes.
        scope: Scope,
        /// Whether it is painted like that other picture.
        painterly: bool,
    },
}

impl Style {
    /// Reads the swatch or the reference that a recipe names.
    ///
    /// # Errors
    /// Usage errors naming the file: it cannot be read, no tile can be made of it, or an option has no meaning for it.
    pub fn load(recipe: &RecipeStyle, inputs: &Finder) -> Result<Self> {
        recipe.check().map_err(Failure::usage)?;
        let (file, what) = match (&recipe.fabric, &recipe.look) {
            (Some(file), _) => (file, "--fabric"),
            (None, Some(file)) => (file, "--look"),
            (None, None) => return Err(Failure::usage("a style has neither a fabric nor a look")),
        };
        let path = inputs.find(file)?;
        let named = |error: anyhow::Error| Failure {
            exit: Exit::Usage,
            error: error.context(format!("{what} {}", path.display())),
        };
        let bytes = pixels::read_limited(&path, Limits::default().max_bytes).map_err(|error| named(error.into()))?;
        let sha256 = sha256_hex(&bytes);
        if let Some(expected) = file.sha256.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
            return Err(named(anyhow::anyhow!("its sha256 is {sha256}, planned was {expected}")));
        }
        let picture = picture(&bytes).map_err(named)?;
        let kind = if recipe.fabric.is_some() {
            let tile = Tile::of_swatch(&picture, &MakeTile::default()).map_err(|error| named(error.into()))?;
            let placing = recipe.placing().map_err(Failure::usage)?;
            let RecipeStyle { refine, own_cloth, .. } = *recipe;
            StyleKind::Fabric { tile: Box::new(tile), placing, refine, own_cloth }
        } else {
            let factor = picture.width_px().max(picture.height_px()).div_ceil(REFERENCE_PX).max(1);
            let reference = pixels::shrunk(&picture, factor).map_err(|error| named(error.into()))?;
            let scope = recipe.scope.unwrap_or_default();
            StyleKind::Look { reference: Box::new(reference), scope, painterly: recipe.painterly }
        };
        // One picture may serve as a look both ways in one run.
        let name = if recipe.painterly { format!("{} painted", stem(&path)) } else { stem(&path) };
        let color = match &kind {
            StyleKind::Fabric { tile, .. } => Lab::from_linear(tile.mean()),
            StyleKind::Look { .. } => mean(&picture),
        };
        let slug = Swatch { name: name.clone(), color }.slug();
        Ok(Self { name, slug, sha256, color, strength: recipe.strength, kind })
    }

    /// What the report calls it.
    pub fn shown_as(&self) -> StyleName {
        match self.kind {
            StyleKind::Fabric { .. } => StyleName::Fabric,
            StyleKind::Look { .. } => StyleName::Look,
        }
    }

    /// A small picture of it as a data URL; none where it can't be encoded.
    pub fn picture(&self) -> Option<String> {
        let small = match &self.kind {
            StyleKind::Fabric { tile, .. } => report::reduced(&tile.to_srgb()),
            StyleKind::Look { reference, .. } => report::reduced(reference),
        };
        small.and_then(|small| report::data_url(&small)).ok()
    }

    /// Everything that decides its pixels, as text.
    pub fn recipe(&self) -> String {
        let (strength, sha256) = (self.strength, &self.sha256);
        match &self.kind {
            StyleKind::Fabric { placing, refine, own_cloth, .. } => {
                let light = if *refine { " refined" } else { "" };
                let own = own_cloth.map(|own| format!(" on {own:?}")).unwrap_or_default();
                format!("fabric {sha256} strength {strength} placing {placing:?}{light}{own}\n")
            }
            StyleKind::Look { scope, painterly, .. } => {
                let way = if *painterly { "painted look" } else { "look" };
                format!("{way} {sha256} strength {strength} scope {scope:?}\n")
            }
        }
    }
}

/// The picture over white, unless too much of it is transparent.
fn picture(bytes: &[u8]) -> anyhow::Result<SrgbImage> {
    let decoded = decode(bytes, &Limits::default())?;
    let Some(alpha) = &decoded.alpha else { return Ok(decoded.image) };
    let clear = alpha.data().iter().filter(|&&a| a < CLEAR).count() as f32 / alpha.data().len().max(1) as f32;
    if clear > MOST_CLEAR {
        anyhow::bail!("{:.0} % of it is transparent; crop it to what is opaque", clear * 100.0);
    }
    Ok(flatten_on_white(&decoded.image, alpha))
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Mean light of a picture as a colour.
fn mean(picture: &SrgbImage) -> Lab {
    let n = (picture.data().len() / 3).max(1) as f64;
    let mut sums = [0.0_f64; 3];
    for pixel in picture.data().chunks_exact(3) {
        for (sum, &code) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(pixels::color::linear_from_srgb8(code));
        }
    }
    Lab::from_linear(sums.map(|sum| (sum / n) as f32))
}

/// Reads the length of a repeat, such as `4cm` or `60px`.
///
/// # Errors
/// What to write instead.
pub fn repeat(text: &str) -> std::result::Result<Repeat, String> {
    let number = |digits: &str| digits.trim().parse::<f32>().ok().filter(|v| v.is_finite() && *v > 0.0);
    let read = match (text.strip_suffix("cm"), text.strip_suffix("px")) {
        (Some(digits), _) => number(digits).map(Repeat::Cm),
        (None, Some(digits)) => number(digits).map(Repeat::Px),
        (None, None) => None,
    };
    read.ok_or_else(|| format!("{text:?} is no length: write 4cm (on the garment) or 60px (in the photo)"))
}
