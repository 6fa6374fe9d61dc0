//! `rangrez resize`: every photo in every size and format.

use pixels::Focus;

use crate::batch;
use crate::budget::Budget;
use crate::decoded::Decoded;
use crate::exit::{Exit, Result};
use crate::memory;
use crate::options::ResizeArgs;
use crate::out_dir::OutDir;
use crate::photo::{self, Photo};
use crate::planes;
use crate::resized::Resampling;
use crate::sizes::{Encoded, Picture, Profile, Target};
use crate::srcset;
use crate::{interrupt, terminal};

/// Quality of lossy formats unless named.
const QUALITY: u8 = 85;

/// Runs the command, without models.
///
/// # Errors
/// Usage errors found before work starts; a photo's failure is told and counted instead.
pub fn run(args: &ResizeArgs) -> Result<Exit> {
    run_with(args, |jobs| Ok(vec![(); jobs]), || {}, |(), decoded| Ok((decoded, None)))
}

/// Runs the command with something per worker that finds garments.
///
/// # Errors
/// As [`run`], and what `workers` says.
pub fn run_with<W: Send>(
    args: &ResizeArgs,
    workers: impl FnOnce(usize) -> Result<Vec<W>>,
    start: impl Fn() + Sync,
    find: impl Fn(&W, Decoded) -> Result<(Decoded, Option<Focus>)> + Sync,
) -> Result<Exit> {
    let found = photo::find(&args.input.photos)?;
    let job = Job::plan(args, &found.photos)?;
    let workers = workers(batch::jobs(args.jobs.jobs, found.photos.len()))?;
    job.out.make()?;
    pixels::allocation::keep_freed();
    let work = |worker: &W, photo: &Photo, names: &mut Vec<String>| job.resize(photo, |d| find(worker, d), names);
    let outcomes = batch::run(&found.photos, workers, start, work, |progress, photo, outcome| {
        for name in &outcome.made {
            progress.data_line(&terminal::clean_path(&job.out.path().join(name)));
        }
        batch::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    Ok(batch::exit_of(&outcomes).or_worse(photo::tell_unreadable(&found.unreadable)))
}

/// What becomes of every photo.
struct Job {
    profile: Profile,
    srcset: Option<String>,
    budget: Budget,
    /// Whether garments are looked for.
    models: bool,
    out: OutDir,
}

impl Job {
    fn plan(args: &ResizeArgs, photos: &[Photo]) -> Result<Self> {
        let named = args.profile.as_ref();
        let formats = named.map_or(&args.format, |named| &named.formats);
        let quality = named.map_or(args.encode.quality, |named| named.quality).unwrap_or(QUALITY);
        let encoding = named.map_or_else(|| args.encoding(), |named| named.encoding.clone());
        let of_profile = named.map(|named| named.resampling).unwrap_or_default();
        let resampling = Resampling {
            gamma: args.gamma || of_profile.gamma,
            sharpen: if args.sharpen > 0.0 { args.sharpen } else { of_profile.sharpen },
            fast: args.fast || of_profile.fast,
        };
        let profile = Profile::new(args.sizes(), formats, quality).encoded(&encoding).resized(resampling.into());
        let srcset = named.and_then(|named| named.srcset.clone());
        let snippet = |photo: &Photo| srcset.as_ref().map(|_| srcset::file_name(&photo.stem));
        let files = |photo: &Photo| profile.names(&photo.stem).chain(snippet(photo)).collect::<Vec<_>>();
        let planned: Vec<String> = photos.iter().flat_map(files).collect();
        let out = OutDir::plan(&args.output.out, args.output.force, &planned, photos)?;
        let budget = Budget::new(args.memory.unwrap_or_else(memory::default_budget));
        Ok(Self { profile, srcset, budget, models: args.needs_garment(), out })
    }

    /// Writes one photo's files and adds their names.
    fn resize(
        &self,
        photo: &Photo,
        find: impl FnOnce(Decoded) -> Result<(Decoded, Option<Focus>)>,
        names: &mut Vec<String>,
    ) -> Result<()> {
        let bytes = photo.bytes()?;
        // Taken by what the header says, before anything is decoded.
        let _share = self.budget.take(memory::need(self.models, memory::pixels_of(&bytes)) + bytes.len() as u64);
        let mut shown = Vec::new();
        let mut keep = |file: Encoded| {
            if let Some(note) = file.target.as_ref().and_then(Target::note) {
                terminal::tell(&format!("{}: {note}", file.name));
            }
            interrupt::check()?;
            self.out.write(&file.name, &file.bytes)?;
            shown.push(srcset::Candidate::of(&file));
            names.push(file.name);
            Ok(())
        };
        if let Some(files) = planes::files(&photo.stem, &bytes, &self.profile)? {
            files.into_iter().try_for_each(&mut keep)?;
        } else {
            let decoded = Decoded::for_sizes(photo.clone(), &bytes, &self.profile)?;
            drop(bytes);
            let (decoded, garment) = find(decoded)?;
            let Decoded { image, deep, alpha, metadata, whole, .. } = &decoded;
            let (deep, alpha, whole) = (deep.as_ref(), alpha.as_ref(), *whole);
            let picture = Picture { image, deep, alpha, metadata, ready: None, garment, whole };
            self.profile.render(&photo.stem, picture).try_for_each(|file| keep(file?))?;
            decoded.image.recycle();
        }
        if let Some(sizes) = &self.srcset {
            let name = srcset::file_name(&photo.stem);
            self.out.write(&name, srcset::snippet(&shown, sizes).as_bytes())?;
            names.push(name);
        }
        Ok(())
    }
}
