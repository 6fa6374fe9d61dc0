//! What `recolor` and `restyle` share: sizes, formats, the gate and where all goes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pixels::Format;
use serde::{Deserialize, Serialize};

use super::sizes::{self, SizeArg};
use super::{EncodeArgs, JobsArgs, OutputArgs, WeightsArgs};
use crate::pipeline::size_profiles::SizeProfile;

/// Options of every command that makes variants.
#[derive(Debug, Args)]
pub struct VariantArgs {
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
