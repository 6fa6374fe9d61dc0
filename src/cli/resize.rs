//! `rangrez resize`.

use clap::Args;
use pixels::Format;

use super::sizes::{self, SizeArg};
use super::{EncodeArgs, InputArgs, JobsArgs, OutputArgs};

/// Write each photo in each size and format.
///
/// Writes DIR/<stem>@<size>.<ext>. Photos are never enlarged unless the size says :up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez resize photos/ --sizes 320w,640w,1600w -o out
  rangrez resize kurta.png --sizes 800x800:pad,1200x1600:cover --format jpeg,webp --quality 85 -o out
  rangrez resize kurta.png --sizes 1200w --format avif,jpeg --ssim 0.98 --keep copyright -o out
  rangrez resize photos/ --sizes '1000x1000:pad=#f5f5f5,600x800:pad=blur' --max-kb 150 --progressive -o out")]
pub struct ResizeArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Sizes to write: 320w, x600, 800x800, 800x800:pad, 800x800:cover; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = sizes::size, required = true)]
    pub sizes: Vec<SizeArg>,
    /// Formats to write: jpeg, png, webp, avif, tiff.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = sizes::format, default_value = "jpeg")]
    pub format: Vec<Format>,
    #[command(flatten)]
    pub encode: EncodeArgs,
    /// Average light instead of sRGB codes. Always on; accepted so that scripts can say it.
    #[arg(long)]
    pub linear: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}
