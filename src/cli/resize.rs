//! `rangrez resize`.

use clap::Args;
use pixels::Format;

use super::sizes::{self, SizeArg};
use super::{InputArgs, JobsArgs, OutputArgs};

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
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = sizes::size, required = true)]
    pub sizes: Vec<SizeArg>,
    /// Formats to write: jpeg, png, webp, tiff.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = sizes::format, default_value = "jpeg")]
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
