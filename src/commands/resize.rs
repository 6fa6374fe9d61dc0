//! `rangrez resize` where sizes need to know where the garment is, and so the models; the rest is [`resizing::resize`].

use resizing::resize;

use crate::cli::ResizeArgs;
use crate::exit::{Exit, Result};
use crate::pipeline::models::{self, Finder};
use crate::pipeline::{garment, weights};

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
        garment::focus(finder, decoded).map(|(decoded, garment)| (decoded, Some(garment)))
    })
}
