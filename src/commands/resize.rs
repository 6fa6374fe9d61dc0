//! `rangrez resize`: every photo in every size and format.

use pixels::Light;

use crate::catalog::budget::Budget;
use crate::catalog::masters::pixels_of;
use crate::catalog::memory;
use crate::catalog::operation::Kind;
use crate::cli::ResizeArgs;
use crate::exit::{Exit, Result};
use crate::pipeline::batch;
use crate::pipeline::decoded::Decoded;
use crate::pipeline::out_dir::OutDir;
use crate::pipeline::photo::{self, Photo};
use crate::pipeline::resized::Resizing;
use crate::pipeline::sizes::{Picture, Profile, Target};
use crate::{allocation, interrupt, terminal};

/// Quality of lossy formats unless named.
const QUALITY: u8 = 85;

/// Runs the command.
///
/// # Errors
/// Usage errors found before work starts; a photo's failure is told and counted instead.
pub fn run(args: &ResizeArgs) -> Result<Exit> {
    let found = photo::find(&args.input.photos)?;
    let light = if args.gamma { Light::Codes } else { Light::Linear };
    let profile = Profile::new(&args.sizes, &args.format, args.encode.quality.unwrap_or(QUALITY))
        .encoded(&args.encode.encoding())
        .resized(Resizing { light, sharpen: args.sharpen });
    let planned: Vec<String> = found.photos.iter().flat_map(|photo| profile.names(&photo.stem)).collect();
    let out = OutDir::plan(&args.output.out, args.output.force, &planned, &found.photos)?;
    out.make()?;

    let workers = vec![(); batch::jobs(args.jobs.jobs, found.photos.len())];
    allocation::keep_freed();
    let budget = Budget::new(args.memory.unwrap_or_else(memory::default_budget));
    let work = |(): &(), photo: &Photo, names: &mut Vec<String>| resize(photo, &profile, &budget, &out, names);
    let outcomes = batch::run_started(
        &found.photos,
        workers,
        || {},
        work,
        |progress, photo, outcome| {
            for name in &outcome.made {
                progress.data_line(&terminal::clean_path(&out.path().join(name)));
            }
            super::tell_failure(progress, photo, outcome.failure.as_ref());
        },
    )?;
    Ok(super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable)))
}

/// Writes one photo's files and adds their names.
fn resize(photo: &Photo, profile: &Profile, budget: &Budget, out: &OutDir, names: &mut Vec<String>) -> Result<()> {
    let bytes = photo.bytes()?;
    // Taken by what the header says, before anything is decoded.
    let _share = budget.take(memory::need(Kind::Resize, pixels_of(&bytes)) + bytes.len() as u64);
    let decoded = Decoded::of_bytes(photo.clone(), &bytes)?.keeping(&bytes, profile.keep())?;
    drop(bytes);
    let Decoded { image, alpha, metadata, .. } = &decoded;
    for file in profile.render(&photo.stem, Picture { image, alpha: alpha.as_ref(), metadata, ready: None }) {
        let file = file?;
        if let Some(note) = file.target.as_ref().and_then(Target::note) {
            terminal::tell(&format!("{}: {note}", file.name));
        }
        interrupt::check()?;
        out.write(&file.name, &file.bytes)?;
        names.push(file.name);
    }
    decoded.image.recycle();
    Ok(())
}
