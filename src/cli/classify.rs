//! `rangrez classify`.

use clap::Args;

use super::{InputArgs, JobsArgs, WeightsArgs};

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
