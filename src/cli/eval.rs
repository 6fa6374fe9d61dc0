//! `rangrez eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::WeightsArgs;

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
    /// Recolouring: solid garments of phone photos in twelve swatches: clipping, spread, texture, colour, edges, skin.
    #[command(after_help = "Example:\n  rangrez eval solids --data data --worst worst.png --grid grid.png\n\nPrints \
                      medians with 95% bootstrap intervals over senders.")]
    Solids(EvalSolidsArgs),
    /// Recolouring: how well a judge trained for it tells recoloured cloth from real photos of cloth of that colour.
    #[command(
        after_help = "Example:\n  rangrez eval realism --pairs data/colorways/pairs.csv --images data/studio/images\n\nAn \
                      accuracy of 0.5 means that the judge cannot tell."
    )]
    Realism(EvalRealismArgs),
    /// Classifier: transfer learning against training from scratch on the published ten-class phone photos.
    #[command(
        after_help = "Example:\n  rangrez eval classifier --data data --config configs/ten-classes.toml\n\nTrains \
                      six classifiers first; --resume takes up the runs that the configuration names."
    )]
    Classifier(EvalClassifierArgs),
    /// Classifier: how often the catalogue's name of a product's colour can be read off its photo.
    #[command(after_help = "Example:\n  rangrez eval base-colour --data data --config configs/base-colour.toml")]
    BaseColour(EvalHeadsArgs),
    /// Classifier: whether articles are told better without the background, the person or the face.
    #[command(after_help = "Example:\n  rangrez eval masked --data data --config configs/base-colour.toml")]
    Masked(EvalHeadsArgs),
    /// Pattern: how much light is kept whole on garments whose titles call them plain, and patterned.
    #[command(after_help = "Example:\n  rangrez eval pattern --data data")]
    Pattern(EvalDataArgs),
    /// Shading: the light found on printed cloth, beside plain methods and the analytic estimate.
    #[command(after_help = "Example:\n  rangrez eval shading --data data --sheet sheet.png")]
    Shading(EvalShadingArgs),
    /// Looks: how near to the true transform, style against content over strength, consistency of a folder, tiles.
    #[command(
        after_help = "Example:\n  rangrez eval looks --data data --sheet sheet.png\n\nThe curve needs the judge's \
                      weights: scripts/convert-backbone --judge."
    )]
    Looks(EvalLooksArgs),
    /// Fabrics: repeats and seams of tiles, the print on finished garments, whether a judge finds the swatch again.
    #[command(
        after_help = "Example:\n  scripts/make-fabrics --varied 50 fabrics\n  rangrez eval fabric --data data --fabrics fabrics\n\nThe \
                      judge's weights: scripts/convert-backbone --judge."
    )]
    Fabric(EvalFabricArgs),
    /// Fabrics: how well a judge trained for it tells plain garments cut from printed cloth from photos of printed ones.
    #[command(after_help = "Example:\n  rangrez eval prints --data data --sheet sheet.png")]
    Prints(EvalPrintsArgs),
    /// Gate: accuracy per category, calibration error, accept rates.
    #[command(
        after_help = "Examples:\n  rangrez eval gate --data data --json\n  rangrez eval gate --data data --false-accept 0.05 \
                      --judge"
    )]
    Gate(EvalGateArgs),
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

/// Options of the gate's evaluation.
#[derive(Debug, Args)]
pub struct EvalGateArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// Measure at the thresholds certified for this share of false accepts, not at the gate's own.
    #[arg(long, value_name = "SHARE")]
    pub false_accept: Option<f64>,
    /// Ask an independent network too; scripts/convert-backbone --judge fetches it.
    #[arg(long)]
    pub judge: bool,
    /// Leave out the classes that gates have never seen, for each of which one is trained.
    #[arg(long)]
    pub no_unseen: bool,
}

/// Options of the classifier's evaluation.
#[derive(Debug, Args)]
pub struct EvalClassifierArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// How the classifiers are trained.
    #[arg(long, value_name = "FILE", default_value = "configs/ten-classes.toml")]
    pub config: PathBuf,
    /// Continue the run where its last checkpoint left it.
    #[arg(long)]
    pub resume: bool,
}

/// Options of evaluations that train heads on features of photos.
#[derive(Debug, Args)]
pub struct EvalHeadsArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// How the heads are trained.
    #[arg(long, value_name = "FILE", default_value = "configs/base-colour.toml")]
    pub config: PathBuf,
}

/// Options of the shading evaluation.
#[derive(Debug, Args)]
pub struct EvalShadingArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// Composites of held-out garments and prints.
    #[arg(long, value_name = "N", default_value_t = generators::eval::shading::COMPOSITES)]
    pub composites: u64,
    /// Draw some garments (garment, truth, network, analytic estimate, Retinex) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
}

/// Options of the evaluation of looks.
#[derive(Debug, Args)]
pub struct EvalLooksArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// References with a known transform.
    #[arg(long, value_name = "N", default_value_t = generators::eval::looks::EXAMPLES)]
    pub examples: u64,
    /// Draw photos in looks (photo, reference, learned, statistics, Reinhard) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
}

/// Options of the evaluation of fabrics.
#[derive(Debug, Args)]
pub struct EvalFabricArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// Folder of swatches and their repeats, as `scripts/make-fabrics --varied` makes it.
    #[arg(long, value_name = "DIR")]
    pub fabrics: PathBuf,
    /// Garments that every swatch is put on.
    #[arg(long, value_name = "N", default_value_t = generators::eval::fabric::GARMENTS)]
    pub garments: usize,
}

/// Options of the evaluation of prints.
#[derive(Debug, Args)]
pub struct EvalPrintsArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// Which products: those that nothing was tuned on, or those to look at and tune on.
    #[arg(long, value_enum, default_value_t, value_name = "PART")]
    pub part: EvalPart,
    /// Draw some pairs (printed garment, plain one, ours, pasted flat, multiplied) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
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
    /// Which pairs: those that nothing was tuned on, or those to look at and tune on.
    #[arg(long, value_enum, default_value_t, value_name = "PART")]
    pub part: EvalPart,
    /// Draw some pairs (source, registered real photo, base, network, spread-matched curve) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub grid: Option<PathBuf>,
    /// Draw the 40 directions where the analytic base is farthest from the real photo into this PNG.
    #[arg(long, value_name = "FILE")]
    pub worst: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// Options of the realism evaluation.
#[derive(Debug, Args)]
pub struct EvalRealismArgs {
    /// The pairs: CSV with the two image ids.
    #[arg(long, value_name = "FILE")]
    pub pairs: PathBuf,
    /// Folder of the images, ID.jpg.
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Which pairs: those that nothing was tuned on, or those to look at and tune on.
    #[arg(long, value_enum, default_value_t, value_name = "PART")]
    pub part: EvalPart,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// Options of the evaluation on solid garments.
#[derive(Debug, Args)]
pub struct EvalSolidsArgs {
    #[command(flatten)]
    pub common: EvalDataArgs,
    /// Which senders' photos: those nothing was tuned on, or those to look at and tune on.
    #[arg(long, value_enum, default_value_t, value_name = "PART")]
    pub part: EvalPart,
    /// Most garments.
    #[arg(long, value_name = "N", default_value_t = generators::eval::solids::LIMIT)]
    pub limit: usize,
    /// Draw some garments (photo, then every swatch) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub grid: Option<PathBuf>,
    /// Draw the 40 worst variants (photo, variant, analytic base; four a row, worst first) into this PNG.
    #[arg(long, value_name = "FILE")]
    pub worst: Option<PathBuf>,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EvalPart {
    /// To look at and to tune on.
    Tune,
    /// For the figures.
    #[default]
    Report,
}
