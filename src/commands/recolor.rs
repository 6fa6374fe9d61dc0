//! `rangrez recolor`: every photo in every colour.

use crate::cli::RecolorArgs;
use crate::exit::{Exit, Result};
use crate::pipeline::checks::Checks;
use crate::recipe::Recipe;

use super::variants::{self, Asked};

/// Runs the command.
///
/// # Errors
/// As [`variants::run`].
pub fn run(args: &RecolorArgs) -> Result<Exit> {
    let checks = Checks::from_args(&args.checks)?;
    variants::run(&Asked {
        photos: &args.photos,
        recipe: args.recipe.as_deref(),
        options: &args.variants,
        checks,
        from_args: &|| Recipe::from_args(args),
    })
}
