//! `rangrez mask`: the garment's alpha mask of every photo.

use pixels::encode_mask_png;

use crate::cli::MaskArgs;
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::decoded::Decoded;
use crate::pipeline::embedded::Embedded;
use crate::pipeline::masked::{Choice, Masked};
use crate::pipeline::models::{self, Finder};
use crate::pipeline::out_dir::OutDir;
use crate::pipeline::photo::{self, Photo};
use crate::pipeline::{batch, mask_name, weights};
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// What is wrong before work starts; a photo's failure is told and counted instead.
pub fn run(args: &MaskArgs) -> Result<Exit> {
    let found = photo::find(&args.input.photos)?;
    let names: Vec<String> = found.photos.iter().map(|photo| mask_name(&photo.stem)).collect();
    let out = OutDir::plan(&args.output.out, args.output.force, &names, &found.photos)?;
    let folder = weights::folder(&args.weights);
    let jobs = batch::jobs(args.jobs.jobs, found.photos.len());
    let workers = models::per_worker(jobs, || Finder::load(&folder))?;
    out.make()?;

    let choice = Choice::Region(args.region);
    let work = |finder: &Finder, photo: &Photo, written: &mut Option<String>| {
        let masked = Masked::find(Decoded::read(photo.clone())?, finder, vec![choice.clone()], false)?;
        let embedded = Embedded::of(masked, finder)?;
        let name = mask_name(&photo.stem);
        out.write(&name, &encode_mask_png(&embedded.mask()).or_exit(Exit::Input)?)?;
        *written = Some(name);
        Ok(())
    };
    let outcomes = batch::run(&found.photos, workers, work, |progress, photo, outcome| {
        if let Some(name) = &outcome.made {
            progress.data_line(&terminal::clean_path(&out.path().join(name)));
        }
        super::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    Ok(super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable)))
}
