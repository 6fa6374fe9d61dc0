//! `rangrez recolor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pixels::Format;

use super::region::{self, RegionArg};
use super::sizes::{self, SizeArg};
use super::{InputArgs, JobsArgs, OutputArgs, WeightsArgs};

/// Dye the garment of each photo in each colour.
///
/// Writes DIR/<stem>--<swatch>[@<size>].<ext> per variant, DIR/<stem>.mask.png per photo, DIR/report.json, and
/// DIR/index.html, a gallery that opens offline. Prints one written path per line, or with --json one photo per line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez recolor kurta.jpg --to '#8a1538' --to teal -o out
  rangrez recolor photos/ --palette autumn.ase --sizes full,800x800:pad --format jpeg,webp -o out
  rangrez recolor dress.jpg --palette autumn.csv --to 'Deep Rust' --region full --gate report -o out")]
pub struct RecolorArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// A colour: #rrggbb, a CSS name, lab(…), oklch(…), or a name from --palette. May be repeated.
    #[arg(long = "to", value_name = "COLOR", required_unless_present = "palette")]
    pub to: Vec<String>,
    /// A palette: hex list, CSV, GPL, ASE or ACO. Without --to, all its swatches are used.
    #[arg(long, value_name = "FILE")]
    pub palette: Option<PathBuf>,
    /// What to dye; auto: what the photo is of.
    #[arg(long, value_parser = region::parser(), default_value = region::AUTO, value_name = "REGION", conflicts_with = "mask")]
    pub region: RegionArg,
    /// Dye what this mask covers (8-bit grey PNG, the photo's own size) instead of finding the garment.
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,
    /// Sizes to write, such as 320w,x600,800x800:pad; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = sizes::size)]
    pub sizes: Vec<SizeArg>,
    /// Formats to write: jpeg, png, webp.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = sizes::format, default_value = "jpeg")]
    pub format: Vec<Format>,
    /// Quality of JPEG and WebP.
    #[arg(long, value_name = "1-100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// What happens to variants that no longer look like the product: strict leaves them out, report flags them, off
    /// does not judge.
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub gate: GateMode,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
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
