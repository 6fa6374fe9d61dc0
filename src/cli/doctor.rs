//! `rangrez doctor`.

use clap::Args;

use super::WeightsArgs;

/// Look at the installation: versions, libtorch, processor, weights, and what is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  rangrez doctor --weights ./weights")]
pub struct DoctorArgs {
    #[command(flatten)]
    pub weights: WeightsArgs,
}
