//! `rangrez restyle`: every photo in every fabric or look.

use crate::cli::RestyleArgs;
use crate::exit::{Exit, Result};
use crate::pipeline::checks::Checks;
use crate::recipe::Recipe;

use super::variants::{self, Asked};

/// Runs the command.
///
/// # Errors
/// As [`variants::run`].
pub fn run(args: &RestyleArgs) -> Result<Exit> {
    variants::run(&Asked {
        photos: &args.photos,
        recipe: args.recipe.as_deref(),
        input_root: args.input_root.as_deref(),
        output: &args.output,
        json: args.json,
        dry_run: args.dry_run,
        weights: &args.weights,
        jobs: &args.jobs,
        catalog: args.catalog.as_deref(),
        checks: Checks::default(),
        from_args: &|| Recipe::of_restyle(args),
    })
}
