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
    /// Average light instead of sRGB codes. On unless --gamma is given; accepted so that scripts can say it.
    #[arg(long, conflicts_with = "gamma")]
    pub linear: bool,
    /// Average sRGB codes, as most programs do: a little quicker, but fine bright detail gets too dark.
    #[arg(long)]
    pub gamma: bool,
    /// Sharpen what was reduced, 0 to 2; 0.5 suits small pictures.
    #[arg(long, value_name = "AMOUNT", default_value_t = 0.0, value_parser = amount)]
    pub sharpen: f32,
    /// Memory for photos in work, such as 4GiB [default: three quarters of what is free].
    #[arg(long, value_name = "BYTES", value_parser = crate::catalog::memory::parse)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Reads `--sharpen`.
fn amount(text: &str) -> Result<f32, String> {
    let wrong = || format!("{text:?} is not a number from 0 to 2");
    text.parse().ok().filter(|amount| (0.0..=2.0).contains(amount)).ok_or_else(wrong)
}
