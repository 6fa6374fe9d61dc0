//! `rangrez train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::WeightsArgs;

/// Train a model.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez train segmenter --config configs/segmenter.toml --data data
  rangrez train recolor --config configs/recolor.toml --data data --resume --export weights
  rangrez train gate --feedback decisions.csv --export my-weights")]
pub struct TrainArgs {
    /// The model.
    #[arg(value_enum, value_name = "MODEL")]
    pub model: TrainedModel,
    /// Its configuration (TOML); configs/ has those that made the shipped weights.
    #[arg(long, value_name = "FILE", required_unless_present = "feedback")]
    pub config: Option<PathBuf>,
    /// Train nothing, but move the gate's threshold to where a person draws the line: a CSV with the columns file, article,
    /// decision (accept or reject) and perhaps sha256.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "resume"])]
    pub feedback: Option<PathBuf>,
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

/// Models that can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TrainedModel {
    /// Which pixels are the garment.
    Segmenter,
    /// The recolour GAN and its autoencoder.
    Recolor,
    /// What the photo is of, and whether a variant still is.
    Gate,
    /// Whether a garment's cloth is patterned.
    Pattern,
    /// The light on a garment, apart from its print.
    Shading,
    /// The colour transform of a reference picture.
    Look,
    /// The decoder that paints a photo like a reference.
    Style,
    /// The GAN that changes the light on a garment in another cloth.
    Refiner,
}

impl TrainedModel {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segmenter => "segmenter",
            Self::Recolor => "recolor",
            Self::Gate => "gate",
            Self::Pattern => "pattern",
            Self::Shading => "shading",
            Self::Look => "look",
            Self::Style => "style",
            Self::Refiner => "refiner",
        }
    }
}
