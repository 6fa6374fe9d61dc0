//! The command line: names and options that scripts rely on, one file per command.
#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::broken_intra_doc_links,
    reason = "these comments are help texts, not Markdown"
)]

mod batch;
pub mod checks;
mod classify;
mod doctor;
mod eval;
mod map;
mod mask;
pub mod parts;
mod recolor;
mod region;
mod restyle;
mod train;
mod variants;

use clap::{Parser, Subcommand};

pub use batch::{
    BatchArgs, BatchCommand, BatchMergeArgs, BatchPlanArgs, BatchRetryArgs, BatchRunArgs, BatchStatusArgs,
    BatchWorkArgs,
};
pub use checks::CheckArgs;
pub use classify::ClassifyArgs;
pub use doctor::DoctorArgs;
pub use eval::{
    EvalArgs, EvalClassifierArgs, EvalColorwaysArgs, EvalCommand, EvalDataArgs, EvalFabricArgs, EvalGateArgs,
    EvalHeadsArgs, EvalLooksArgs, EvalPart, EvalPrintsArgs, EvalRealismArgs, EvalShadingArgs, EvalSolidsArgs,
};
pub use map::MapArgs;
pub use mask::MaskArgs;
pub use recolor::{LayersFormat, RecolorArgs};
pub use region::AUTO;
pub use resizing::options::{EncodeArgs, InputArgs, JobsArgs, OutputArgs, ResizeArgs, SizeArg, WeightsArgs, sizes};
pub use restyle::RestyleArgs;
pub use train::{TrainArgs, TrainedModel};
pub use variants::{GateMode, VariantArgs};

/// Offline colour variants for fashion product photos.
///
/// Only the cloth changes; the colour asked for is the colour measured; nothing off-category leaves.
#[derive(Debug, Parser)]
#[command(
    name = "rangrez",
    version = crate::VERSION,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 all done · 1 some rejected by the gate, or beyond a --tolerance that was given · 2 usage or configuration · \
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
    Restyle(RestyleArgs),
    Resize(ResizeArgs),
    Batch(BatchArgs),
    Classify(ClassifyArgs),
    Mask(MaskArgs),
    Map(MapArgs),
    Train(TrainArgs),
    Eval(EvalArgs),
    Doctor(DoctorArgs),
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
