//! A photo's way: `Photo → Decoded → Masked → Embedded → Candidate → Judged → Renditions → Report`.
//!
//! One stage, one file, one type; each arrow consumes what it starts from, so a wrong order does not compile.

pub mod batch;
pub mod candidate;
pub mod decoded;
pub mod embedded;
pub mod judged;
pub mod masked;
pub mod models;
pub mod out_dir;
pub mod photo;
pub mod recolored;
pub mod renditions;
pub mod sizes;
pub mod swatches;
pub mod weights;

use crate::cli::GateMode;
use crate::exit::Result;
use crate::interrupt;

use candidate::Candidate;
use decoded::Decoded;
use embedded::Embedded;
use judged::Judged;
use masked::{Choice, Masked};
use models::Models;
use out_dir::OutDir;
use photo::Photo;
use recolored::Recolored;
use sizes::Profile;
use swatches::Target;

/// Variants of a photo that are in memory at the same time.
const IN_MEMORY: usize = 4;

/// What is asked for, the same for every photo of a run.
#[derive(Debug)]
pub struct Order {
    /// The colours.
    pub targets: Vec<Target>,
    /// What is dyed.
    pub choice: Choice,
    /// What happens to rejected variants.
    pub gate: GateMode,
    /// Sizes and formats.
    pub profile: Profile,
    /// Where the files go.
    pub out: OutDir,
}

/// Takes one photo all the way. `made` has what was finished even when a later step fails.
///
/// # Errors
/// Why the photo was not finished, or that the user interrupted.
pub fn recolor(models: &Models, photo: &Photo, order: &Order, made: &mut Recolored) -> Result<()> {
    let decoded = Decoded::read(photo.clone())?;
    let masked = Masked::find(decoded, &models.finder, order.choice.clone())?;
    let embedded = Embedded::of(masked, &models.finder)?;
    made.begin(&embedded, &order.out)?;
    for targets in order.targets.chunks(IN_MEMORY) {
        interrupt::check()?;
        let candidates = Candidate::dye(&embedded, models, targets, &order.profile)?;
        for judged in Judged::all(candidates, &models.finder, &embedded.category.article, order.gate)? {
            interrupt::check()?;
            made.add(&embedded, &judged, order)?;
        }
    }
    Ok(())
}

/// File name of a photo's mask.
pub fn mask_name(stem: &str) -> String {
    format!("{stem}.mask.png")
}

/// What a variant's file names start with.
pub fn variant_name(stem: &str, slug: &str) -> String {
    format!("{stem}--{slug}")
}
