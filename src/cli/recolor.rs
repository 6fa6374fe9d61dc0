//! `rangrez recolor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pixels::Format;
use serde::{Deserialize, Serialize};

use super::parts::{self, PartsArgs};
use super::sizes::{self, SizeArg};
use crate::pipeline::size_profiles::SizeProfile;

use super::{CheckArgs, EncodeArgs, JobsArgs, OutputArgs, WeightsArgs};

/// Dye the garment of each photo in each colour.
///
/// Writes DIR/<stem>--<swatch>[@<size>].<ext> per variant (of several regions, the swatches joined by +),
/// DIR/<stem>.mask.png per photo, DIR/report.json, DIR/tolerance.csv (a row per variant for quality control),
/// DIR/recipe.toml, which reproduces the run, and DIR/index.html, a gallery that opens offline. Prints one written path per line, or with --json one photo per line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez recolor kurta.jpg --to '#8a1538' --to teal -o out
  rangrez recolor photos/ --palette autumn.ase --sizes full,800x800:pad --format jpeg,webp -o out
  rangrez recolor dress.jpg --palette autumn.csv --to 'Deep Rust' --region full --gate report -o out
  rangrez recolor dress.jpg --to teal --false-accept 0.05 --catalog catalogue/ -o out
  rangrez recolor look.jpg --region upper --to ivory --to navy --region lower --to '#3b2f2f' -o out
  rangrez recolor print.jpg --map 'navy=#5a2a6e,white=ivory' --keep red -o out
  rangrez recolor kurta.jpg --palette season.ase --tolerance 1.0 --proof press.icc -o out
  rangrez recolor kurta.jpg --to teal --layers tiff -o out
  rangrez recolor studio16.tif --to teal --format tiff --depth 16 -o out
  rangrez recolor kurta.jpg --to crimson --bounce -o out
  rangrez recolor --recipe out/recipe.toml -o again")]
pub struct RecolorArgs {
    /// Photos (JPEG, PNG, WebP, TIFF), or folders: the photos directly in them.
    #[arg(required_unless_present = "recipe", value_name = "PHOTO|DIR")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub parts: PartsArgs,
    /// Do what this recipe says; every run writes one, DIR/recipe.toml. Inputs and weights must be those that it names.
    #[arg(long, value_name = "FILE", conflicts_with_all = parts::NAMES)]
    #[arg(conflicts_with_all = ["sizes", "profile", "format", "quality", "ssim", "max_kb", "chroma", "progressive", "lossless", "effort", "depth", "metadata", "gate", "false_accept", "layers", "bounce"])]
    pub recipe: Option<PathBuf>,
    /// Folder to look for the recipe's inputs in, if they have moved.
    #[arg(long, value_name = "DIR", requires = "recipe")]
    pub input_root: Option<PathBuf>,
    /// Sizes to write, such as 320w,x600,800x800:pad; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = sizes::size)]
    pub sizes: Vec<SizeArg>,
    /// Sizes, formats and encoding by name: marketplace, web, print; or FILE#NAME of a TOML file like configs/sizes.toml.
    #[arg(long, value_name = "NAME|FILE#NAME", value_parser = sizes::profile)]
    #[arg(conflicts_with_all = ["sizes", "format", "quality", "ssim", "max_kb", "chroma", "progressive", "lossless", "effort", "depth", "metadata"])]
    pub profile: Option<SizeProfile>,
    /// Formats to write: jpeg, png, webp, avif, tiff.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = sizes::format, default_value = "jpeg")]
    pub format: Vec<Format>,
    #[command(flatten)]
    pub encode: EncodeArgs,
    /// What happens to variants that no longer look like the product: strict leaves them out, report flags them, off
    /// does not judge.
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub gate: GateMode,
    /// Hold variants to the thresholds that let at most this share of wrong pictures pass, as certified for each category
    /// in the gate's card: 0.02, 0.05 or 0.1. The report names the pictures that the guarantee covers.
    #[arg(long, value_name = "SHARE")]
    pub false_accept: Option<f64>,
    /// Folder of your own catalogue's photos: the gallery shows the nearest of them beside each variant.
    #[arg(long, value_name = "DIR")]
    pub catalog: Option<PathBuf>,
    /// Also write layers for an image editor: the photo, its mask and each variant with alpha, as DIR/<stem>.layers/*.png or
    /// as the pages of DIR/<stem>.layers.tif.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub layers: Option<LayersFormat>,
    /// Also change the light that the cloth throws on skin beside it, or on the floor under a flat-lay. SHARE is how much
    /// of it arrives, 0 to 1 [default when no SHARE is given: 0.25]. Without it nothing outside the mask changes.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "0.25")]
    #[arg(value_parser = share)]
    pub bounce: Option<f32>,
    #[command(flatten)]
    pub checks: CheckArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Print one JSON line per photo instead of the written paths.
    #[arg(long)]
    pub json: bool,
    /// Check everything and print the files that would be written, without writing any.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a share is a number from 0 to 1, such as 0.25".to_owned()),
    }
}

/// `--layers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayersFormat {
    /// A folder of PNGs.
    Png,
    /// One TIFF, a page per layer.
    Tiff,
}

/// `--gate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateMode {
    /// Rejected variants are not written.
    #[default]
    Strict,
    /// Rejected variants are written and flagged.
    Report,
    /// Nothing is judged.
    Off,
}

impl GateMode {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Report => "report",
            Self::Off => "off",
        }
    }
}
