//! `rangrez restyle`.

use std::path::PathBuf;

use clap::Args;

use super::VariantArgs;
use super::region::{self, RegionArg};
use crate::pipeline::style;
use crate::recipe::{OwnCloth, Scope};

/// Names of the options that a recipe replaces.
const REPLACED: [&str; 14] = [
    "fabric",
    "refine",
    "own_cloth",
    "look",
    "painterly",
    "strength",
    "repeat",
    "garment_width",
    "rotate",
    "offset",
    "scope",
    "region",
    "mask",
    "bounce",
];

/// Cut the garment of each photo from another fabric, or give the photos the look of a picture.
///
/// Writes DIR/<stem>--<fabric>[@<size>].<ext> per photo and fabric, DIR/<stem>.mask.png per photo, DIR/report.json,
/// DIR/recipe.toml, which reproduces the run, and DIR/index.html, a gallery of garments × fabrics that opens offline.
/// Prints one written path per line, or with --json one photo per line. The print follows sleeves, legs and folds and
/// lies in the garment's own light. Its repeat is found in the swatch; unless --repeat says how long it is on the garment,
/// the swatch is taken for a piece 30 cm wide and the garment for 50 cm. Figures of colour compare mean colours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez restyle dress.jpg --fabric block-print.jpg -o out
  rangrez restyle photos/ --fabric gingham.jpg --fabric ikat.jpg --region upper -o out
  rangrez restyle dress.jpg --fabric stripe.jpg --repeat 4cm --garment-width 45cm --rotate 45 -o out
  rangrez restyle shirt.jpg --fabric plaid.jpg --mask shirt.png --format png --gate report -o out
  rangrez restyle photos/ --look editorial.jpg --strength 0.7 --scope scene -o out
  rangrez restyle dress.jpg --look painting.jpg --painterly --gate report -o out
  rangrez restyle --recipe out/recipe.toml -o again")]
pub struct RestyleArgs {
    /// Photos (JPEG, PNG, WebP, TIFF), or folders: the photos directly in them.
    #[arg(required_unless_present = "recipe", value_name = "PHOTO|DIR")]
    pub photos: Vec<PathBuf>,
    /// Photo of a fabric, evenly filled by it. May be repeated: one variant each.
    #[arg(long, value_name = "SWATCH", required_unless_present_any = ["look", "recipe"])]
    pub fabric: Vec<PathBuf>,
    /// Picture whose light and colours are taken, the same way for every photo. May be repeated: one variant each.
    #[arg(long, value_name = "IMAGE", conflicts_with = "fabric")]
    pub look: Vec<PathBuf>,
    /// Paint the photo like the look's picture, with its strokes and textures, instead of taking its light and colours.
    #[arg(long, conflicts_with = "fabric")]
    pub painterly: bool,
    /// Let a network change the light on the fabric a little, slowly over the garment.
    #[arg(long, conflicts_with = "look")]
    pub refine: bool,
    /// What the garment's own cloth is, where the program judges it wrongly: seams and pockets go with a print that is
    /// none (plain), or a print shows through the fabric (patterned) [default: judged by the photo].
    #[arg(long, value_enum, value_name = "CLOTH", conflicts_with = "look")]
    pub own_cloth: Option<OwnCloth>,
    /// How much of the fabric or the look is taken, 0 to 1.
    #[arg(long, value_name = "0-1", value_parser = share, default_value = "1")]
    pub strength: f32,
    /// Length of the fabric's repeat: on the garment, such as 4cm, or in the photo, such as 60px.
    #[arg(long, value_name = "LENGTH", value_parser = length, conflicts_with = "look")]
    pub repeat: Option<String>,
    /// Width of the garment's body, such as 45cm [default: 50cm].
    #[arg(long, value_name = "CM", value_parser = centimetres, conflicts_with = "look")]
    pub garment_width: Option<f32>,
    /// Turn the fabric clockwise, in degrees.
    #[arg(long, value_name = "DEGREES", default_value = "0", allow_negative_numbers = true, conflicts_with = "look")]
    pub rotate: f32,
    /// Shift the fabric right and down, in repeats, such as 0.5,0.25.
    #[arg(
        long,
        value_name = "X,Y",
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        conflicts_with = "look"
    )]
    pub offset: Vec<f32>,
    /// What of the picture a look changes.
    #[arg(long, value_enum, value_name = "SCOPE", conflicts_with = "fabric")]
    pub scope: Option<Scope>,
    /// What is restyled [default: auto, what the photo is of]. May be repeated.
    #[arg(long, value_parser = region::parser(), value_name = "REGION", conflicts_with = "mask")]
    pub region: Vec<RegionArg>,
    /// Restyle what this mask covers (8-bit grey PNG, the photo's own size) instead of a region that is found.
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,
    /// Also change the light that the cloth throws on skin beside it, as in recolor.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "0.25")]
    #[arg(value_parser = share)]
    pub bounce: Option<f32>,
    /// Do what this recipe says; every run writes one, DIR/recipe.toml. Inputs and weights must be those that it names.
    #[arg(long, value_name = "FILE", conflicts_with_all = REPLACED)]
    #[arg(conflicts_with_all = ["sizes", "profile", "format", "quality", "ssim", "max_kb", "chroma", "progressive", "lossless", "effort", "depth", "metadata", "gate", "false_accept"])]
    pub recipe: Option<PathBuf>,
    #[command(flatten)]
    pub variants: VariantArgs,
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a share is a number from 0 to 1, such as 0.7".to_owned()),
    }
}

fn length(text: &str) -> Result<String, String> {
    style::repeat(text).map(|_| text.to_owned())
}

fn centimetres(text: &str) -> Result<f32, String> {
    match text.strip_suffix("cm").unwrap_or(text).trim().parse::<f32>() {
        Ok(value) if (5.0..=300.0).contains(&value) => Ok(value),
        _ => Err("a garment is 5cm to 300cm wide, such as 45cm".to_owned()),
    }
}
