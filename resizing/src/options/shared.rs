//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;

/// The photos.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Photos (JPEG, PNG, WebP, TIFF), or folders: the photos directly in them.
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
