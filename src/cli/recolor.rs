//! `rangrez recolor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::parts::{self, PartsArgs};
use super::{CheckArgs, VariantArgs};

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
  rangrez recolor kurta.jpg --to ivory --network -o out
  rangrez recolor --recipe out/recipe.toml -o again")]
pub struct RecolorArgs {
    /// Photos (JPEG, PNG, WebP, TIFF), or folders: the photos directly in them.
    #[arg(required_unless_present = "recipe", value_name = "PHOTO|DIR")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub parts: PartsArgs,
    /// Do what this recipe says; every run writes one, DIR/recipe.toml. Inputs and weights must be those that it names.
    #[arg(long, value_name = "FILE", conflicts_with_all = parts::NAMES)]
    #[arg(conflicts_with_all = ["sizes", "profile", "format", "quality", "ssim", "max_kb", "chroma", "progressive", "lossless", "effort", "depth", "metadata", "gate", "false_accept", "layers", "bounce", "network"])]
    pub recipe: Option<PathBuf>,
    /// Also write layers for an image editor: the photo, its mask and each variant with alpha, as DIR/<stem>.layers/*.png or
    /// as the pages of DIR/<stem>.layers.tif.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub layers: Option<LayersFormat>,
    /// Also change the light that the cloth throws on skin beside it, or on the floor under a flat-lay. SHARE is how much
    /// of it arrives, 0 to 1 [default when no SHARE is given: 0.25]. Without it nothing outside the mask changes.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "0.25")]
    #[arg(value_parser = share)]
    pub bounce: Option<f32>,
    /// Also lay the recolour network's correction of broad folds and highlights over the analytic dye. SHARE is how much of
    /// it, 0 to 1 [default when no SHARE is given: 1]. Measured, it is neither nearer to photos of the other colour nor
    /// harder to tell from them than the dye alone.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    #[arg(value_parser = share)]
    pub network: Option<f32>,
    #[command(flatten)]
    pub checks: CheckArgs,
    #[command(flatten)]
    pub variants: VariantArgs,
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
