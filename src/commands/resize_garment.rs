//! `rangrez resize` with sizes that need to know where the garment is, and so the models.

use pixels::Focus;

use crate::cli::ResizeArgs;
use crate::exit::{Exit, Failure, Result};
use crate::pipeline::embedded::Embedded;
use crate::pipeline::masked::{Choice, Masked};
use crate::pipeline::models::{self, Finder};
use crate::pipeline::weights;

use super::resize;

/// Runs the command; without such sizes, no model is loaded.
///
/// # Errors
/// As [`resize::run`], and missing weights.
pub fn run(args: &ResizeArgs) -> Result<Exit> {
    if !args.needs_garment() {
        return resize::run(args);
    }
    let folder = weights::folder(&args.weights);
    let workers = |jobs| models::per_worker(jobs, || Finder::load(&folder));
    resize::run_with(args, workers, generators::runtime::limit_threads, |finder, decoded| {
        let masked = Masked::find(decoded, finder, vec![Choice::Region(None)], false)?;
        let embedded = Embedded::of(masked, finder)?;
        let garment = Focus::of_mask(&embedded.mask());
        let garment = garment.ok_or_else(|| Failure::input("no garment was found in it, which :garment needs"))?;
        Ok((embedded.decoded, Some(garment)))
    })
}
