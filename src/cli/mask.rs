//! `rangrez mask`.

use clap::Args;

use super::region::{self, RegionArg};
use super::{InputArgs, JobsArgs, OutputArgs, WeightsArgs};

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
    #[arg(long, value_parser = region::parser(), default_value = region::AUTO, value_name = "REGION")]
    pub region: RegionArg,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}
