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
        options: &args.variants,
        checks: Checks::default(),
        from_args: &|| Recipe::of_restyle(args),
    })
}
