//! The command line: names and options that scripts rely on.
#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::broken_intra_doc_links,
    reason = "these comments are help texts, not Markdown"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pixels::{Format, SizeSpec};

/// Offline colour variants for fashion product photos.
///
/// Only the cloth changes; the colour asked for is the colour measured; nothing off-category leaves.
#[derive(Debug, Parser)]
#[command(
    name = "rangrez",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 all done · 1 some rejected by the gate · 2 usage or configuration · \
                  3 some input failed · 4 weights missing or invalid · 130 interrupted"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Recolor(RecolorArgs),
    Resize(ResizeArgs),
    Classify(ClassifyArgs),
    Mask(MaskArgs),
    Train(TrainArgs),
    Eval(EvalArgs),
    Doctor(DoctorArgs),
}

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
    #[arg(long, value_enum, default_value_t, value_name = "REGION", conflicts_with = "mask")]
    pub region: RegionArg,
    /// Dye what this mask covers (8-bit grey PNG, the photo's own size) instead of finding the garment.
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,
    /// Sizes to write, such as 320w,x600,800x800:pad; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = size)]
    pub sizes: Vec<SizeArg>,
    /// Formats to write: jpeg, png, webp.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = format, default_value = "jpeg")]
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

/// Write each photo in each size and format.
///
/// Writes DIR/<stem>@<size>.<ext>. Photos are never enlarged unless the size says :up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez resize photos/ --sizes 320w,640w,1600w -o out
  rangrez resize kurta.png --sizes 800x800:pad,1200x1600:cover --format jpeg,webp --quality 85 -o out")]
pub struct ResizeArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Sizes to write: 320w, x600, 800x800, 800x800:pad, 800x800:cover; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = size, required = true)]
    pub sizes: Vec<SizeArg>,
    /// Formats to write: jpeg, png, webp.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = format, default_value = "jpeg")]
    pub format: Vec<Format>,
    /// Quality of JPEG and WebP.
    #[arg(long, value_name = "1-100", default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// Average light instead of sRGB codes. Always on; accepted so that scripts can say it.
    #[arg(long)]
    pub linear: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Say what each photo is of.
///
/// Prints one line per photo; with --json: path, category, breadcrumb, confidence, in_catalog, reason.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  rangrez classify photos/ --json | jq -r 'select(.in_catalog | not) | .path'")]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Write the garment's alpha mask of each photo.
///
/// Writes DIR/<stem>.mask.png: 8-bit grey, the photo's own size, 255 where the garment is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez mask kurta.jpg -o out
  rangrez mask photos/ --region footwear -o out")]
pub struct MaskArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// What to cover; auto: what the photo is of.
    #[arg(long, value_enum, default_value_t, value_name = "REGION")]
    pub region: RegionArg,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Look at the installation: versions, libtorch, processor, weights, and what is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  rangrez doctor --weights ./weights")]
pub struct DoctorArgs {
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// Train a model.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez train segmenter --config configs/segmenter.toml --data data
  rangrez train recolor --config configs/recolor.toml --data data --resume --export weights")]
pub struct TrainArgs {
    /// The model.
    #[arg(value_enum, value_name = "MODEL")]
    pub model: TrainedModel,
    /// Its configuration (TOML); configs/ has those that made the shipped weights.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Folder of the training data.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Continue the run where its last checkpoint left it.
    #[arg(long)]
    pub resume: bool,
    /// Folder that the weights and their card are written to when done [default: runs/MODEL/weights].
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// Measure a model on data that it was not trained on.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: EvalCommand,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Masks: intersection over union, any garment and per class, on the validation split.
    #[command(after_help = "Example:\n  rangrez eval mask --data data --json")]
    Mask(EvalDataArgs),
    /// Recolouring: ΔE00 against real photos of the other colourway, beside every baseline.
    #[command(
        after_help = "Example:\n  rangrez eval colorways --pairs data/colorways/pairs.csv --images data/studio/images --json"
    )]
    Colorways(EvalColorwaysArgs),
    /// Gate: accuracy per category, calibration error, accept rates.
    #[command(after_help = "Example:\n  rangrez eval gate --data data --json")]
    Gate(EvalDataArgs),
}

/// Options of an evaluation on the data folder.
#[derive(Debug, Args)]
pub struct EvalDataArgs {
    /// Folder of the data.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// Options of the colourway evaluation.
#[derive(Debug, Args)]
pub struct EvalColorwaysArgs {
    /// The pairs: CSV with the two image ids.
    #[arg(long, value_name = "FILE")]
    pub pairs: PathBuf,
    /// Folder of the images, ID.jpg.
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Draw the first pairs (source, true photo, model, best baseline) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub grid: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// The photos.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Photos (JPEG, PNG, WebP), or folders: the photos directly in them.
    #[arg(required = true, value_name = "PHOTO|DIR")]
    pub photos: Vec<PathBuf>,
}

/// Where the output goes.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Output folder; made if missing.
    #[arg(short = 'o', long = "out", value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}

/// Where the weights are.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    /// Folder of the weights [default: $RANGREZ_WEIGHTS, or `weights` beside the program or here].
    #[arg(long, value_name = "DIR")]
    pub weights: Option<PathBuf>,
}

/// How much of the machine is used.
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// Photos worked on at the same time; each in flight takes memory [default: the processor's cores, at most 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
}

/// `--region`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RegionArg {
    /// What the photo is of.
    #[default]
    Auto,
    /// Shirts, tops, kurtas.
    Upper,
    /// Trousers, skirts.
    Lower,
    /// Dresses, jumpsuits.
    Full,
    /// Jackets, coats.
    Outer,
    /// Shoes.
    Footwear,
    /// Bags.
    Bag,
    /// Hats, caps.
    Headwear,
    /// Scarves, belts, ties.
    Accessory,
    /// Every garment in the photo.
    All,
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

/// Models that can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TrainedModel {
    /// Which pixels are the garment.
    Segmenter,
    /// The recolour GAN and its autoencoder.
    Recolor,
    /// What the photo is of, and whether a variant still is.
    Gate,
}

impl TrainedModel {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segmenter => "segmenter",
            Self::Recolor => "recolor",
            Self::Gate => "gate",
        }
    }
}

/// One entry of `--sizes`.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeArg {
    /// The photo's own size.
    Full,
    /// A size to resize to.
    Spec(SizeSpec),
}

fn size(text: &str) -> Result<SizeArg, String> {
    if text.eq_ignore_ascii_case("full") {
        return Ok(SizeArg::Full);
    }
    text.parse().map(SizeArg::Spec).map_err(|e: pixels::Error| e.to_string())
}

fn format(text: &str) -> Result<Format, String> {
    if text.eq_ignore_ascii_case("avif") {
        return Err("AVIF is not written by this version; choose jpeg, png or webp".to_owned());
    }
    text.parse::<Format>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands_mut() {
            let leaves: Vec<_> = command.get_subcommands().cloned().collect();
            for mut leaf in if leaves.is_empty() { vec![command.clone()] } else { leaves } {
                let help = leaf.render_long_help().to_string();
                assert!(help.contains("Example"), "{} shows no example", leaf.get_name());
            }
        }
    }
}
