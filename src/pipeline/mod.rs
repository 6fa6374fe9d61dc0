//! A photo's way: `Photo → Decoded → Masked → Embedded → Candidate → Judged → Renditions → Report`.
//!
//! One stage, one file, one type; each arrow consumes what it starts from, so a wrong order does not compile.

pub mod attempts;
pub mod batch;
pub mod candidate;
pub mod catalog_photos;
pub mod checks;
pub mod dye;
pub mod embedded;
pub mod fabric;
pub mod garment;
pub mod judged;
pub mod layers;
pub mod masked;
pub mod models;
pub mod order;
pub mod prepared;
pub mod recolored;
pub mod renditions;
pub mod seen_before;
pub mod style;
pub mod swatches;
pub mod variants;
pub mod weights;

use generators::checkpoint::sha256_hex;

pub use resizing::{decoded, encoding, out_dir, photo, planes, resized, size_profiles, sizes};

use crate::exit::Result;
use crate::interrupt;

use decoded::Decoded;
use embedded::Embedded;
use judged::Standard;
use masked::Masked;
use models::Models;
use order::Order;
use photo::Photo;
use prepared::Prepared;
use recolored::Recolored;

/// Variants of a photo that are in memory at the same time.
const IN_MEMORY: usize = 4;

/// Takes one photo all the way. `made` has what was finished even when a later step fails.
///
/// # Errors
/// Why the photo was not finished, or that the user interrupted.
pub fn recolor(models: &Models, photo: &Photo, order: &Order, made: &mut Recolored) -> Result<()> {
    let decoded = {
        let bytes = photo.bytes()?;
        made.sha256 = Some(sha256_hex(&bytes));
        Decoded::of_bytes(photo.clone(), &bytes)?.keeping(&bytes, order.profile.keep())?.for_files(&order.profile)
    };
    let masked = Masked::find(decoded, &models.finder, order.regions.clone(), order.bounce.is_some())?;
    let embedded = Embedded::of(masked, &models.finder)?;
    let prepared = Prepared::of(&embedded, &order.variants, order.bounce)?;
    prepared.check(&order.variants)?;
    made.begin(&prepared, order)?;
    let Order { gate: mode, false_accept, catalog, .. } = order;
    let standard = Standard { mode: *mode, false_accept: *false_accept, catalog: catalog.as_ref() };
    for variants in order.variants.chunks(IN_MEMORY) {
        interrupt::check()?;
        for judged in attempts::judged(&prepared, models, variants, &order.profile, order.network, &standard)? {
            interrupt::check()?;
            made.add(&prepared, &judged, order)?;
            judged.recycle();
        }
    }
    made.finish(order)
}

/// File name of everything of a photo that is dyed.
pub fn mask_name(stem: &str) -> String {
    format!("{stem}.mask.png")
}

/// File name of the mask of one of several regions.
pub fn region_mask_name(stem: &str, index: usize, title: &str) -> String {
    match title {
        masked::MASK => format!("{stem}.region{}.mask.png", index + 1),
        title => format!("{stem}.{title}.mask.png"),
    }
}

/// What a variant's file names start with.
pub fn variant_name(stem: &str, slug: &str) -> String {
    format!("{stem}--{slug}")
}
