//! `rangrez recolor`: every photo in every colour, judged, with a report and a gallery.

use std::path::Path;
use std::time::Instant;

use generators::region::Region;
use generators::runtime;
use pixels::{Limits, decode_mask};

use crate::cli::RecolorArgs;
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::interrupt;
use crate::pipeline::batch::{self, Outcome};
use crate::pipeline::masked::Choice;
use crate::pipeline::models::{self, Models};
use crate::pipeline::out_dir::OutDir;
use crate::pipeline::photo::{self, Photo, Photos};
use crate::pipeline::recolored::Recolored;
use crate::pipeline::sizes::Profile;
use crate::pipeline::{self, Order, swatches, weights};
use crate::report::{
    self, PhotoEntry, PhotoStatus, Pictures, Program, Report, RunStatus, Settings, SwatchEntry, Verdict, gallery,
};
use crate::terminal::{self, Progress, data_line, tell};

/// The report's file name.
const REPORT: &str = "report.json";
/// The gallery's file name.
const GALLERY: &str = "index.html";
/// Colours out of reach that are named on the terminal; the report has all.
const MAX_TOLD: usize = 12;

/// Runs the command.
///
/// # Errors
/// What is wrong before work starts: usage or weights. A photo's failure is told, reported and counted instead.
pub fn run(args: &RecolorArgs) -> Result<Exit> {
    let start = Instant::now();
    let found = photo::find(&args.input.photos)?;
    let order = order(args, &found)?;
    let folder = weights::folder(&args.weights);
    let jobs = batch::jobs(args.jobs.jobs, found.photos.len());
    let workers = models::per_worker(jobs, || Models::load(&folder))?;
    if args.dry_run {
        for name in planned(&found.photos, &order.targets, &order.profile) {
            data_line(&terminal::clean_path(&order.out.path().join(name)));
        }
        return Ok(super::tell_unreadable(&found.unreadable));
    }
    order.out.make()?;

    let work = |models: &Models, photo: &Photo, made: &mut Recolored| pipeline::recolor(models, photo, &order, made);
    let outcomes = batch::run(&found.photos, workers, work, |progress, photo, outcome| {
        print(args.json, progress, photo, outcome, &order.out);
        super::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    let exit = super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable));
    let (report, pictures) = gather(args, &found, outcomes, &order, &folder, start)?;
    summarise(&report, &order.out);
    order.out.write(REPORT, &report.to_json().or_exit(Exit::Input)?)?;
    order.out.write(GALLERY, gallery::page(&report, &pictures, order.out.path()).as_bytes())?;
    Ok(if report.summary.rejected > 0 { exit.or_worse(Exit::Rejected) } else { exit })
}

/// Checks and gathers what is asked for, before anything is made.
fn order(args: &RecolorArgs, found: &Photos) -> Result<Order> {
    let targets = swatches::resolve(&args.to, args.palette.as_deref())?;
    let choice = match &args.mask {
        None => Choice::Region(args.region),
        Some(path) => Choice::Given(given_mask(path, found)?),
    };
    let profile = Profile::new(&args.sizes, &args.format, args.quality);
    let names = planned(&found.photos, &targets, &profile);
    let out = OutDir::plan(&args.output.out, args.output.force, &names, &found.photos)?;
    Ok(Order { targets, choice, gate: args.gate, profile, out })
}

/// Every file that the run may write.
fn planned(photos: &[Photo], targets: &[swatches::Target], profile: &Profile) -> Vec<String> {
    let of_photo = |photo: &Photo| {
        let variants = targets.iter().map(|target| pipeline::variant_name(&photo.stem, &target.slug));
        let files = variants.flat_map(|base| profile.names(&base).collect::<Vec<_>>());
        std::iter::once(pipeline::mask_name(&photo.stem)).chain(files).collect::<Vec<_>>()
    };
    photos.iter().flat_map(of_photo).chain([REPORT.to_owned(), GALLERY.to_owned()]).collect()
}

/// The mask file, which belongs to one photo.
fn given_mask(path: &Path, found: &Photos) -> Result<pixels::Mask> {
    if found.photos.len() + found.unreadable.len() != 1 {
        let n = found.photos.len();
        return Err(Failure::usage(format!("--mask belongs to one photo, {n} are given: run them one by one")));
    }
    let named = |error: anyhow::Error| error.context(format!("mask {}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| named(error.into())).or_exit(Exit::Usage)?;
    decode_mask(&bytes, &Limits::default()).map_err(|error| named(error.into())).or_exit(Exit::Usage)
}

fn print(json: bool, progress: &Progress, photo: &Photo, outcome: &Outcome<Recolored>, out: &OutDir) {
    if json {
        // Serialising an entry cannot fail: all its keys are strings.
        if let Ok(line) = serde_json::to_string(&entry(photo, Some(outcome))) {
            progress.data_line(&line);
        }
        return;
    }
    for file in outcome.made.variants.iter().flat_map(|v| &v.files) {
        progress.data_line(&terminal::clean_path(&out.path().join(&file.file)));
    }
}

/// A photo's entry in the report.
fn entry(photo: &Photo, outcome: Option<&Outcome<Recolored>>) -> PhotoEntry {
    let failure = outcome.and_then(|o| o.failure.as_ref());
    let status = match (outcome, failure.map(|f| f.exit)) {
        (None, _) => PhotoStatus::NotStarted,
        (Some(_), None) => PhotoStatus::Done,
        (Some(_), Some(Exit::Interrupted)) => PhotoStatus::Interrupted,
        (Some(_), Some(_)) => PhotoStatus::Failed,
    };
    PhotoEntry {
        path: photo.path.to_string_lossy().into_owned(),
        stem: photo.stem.clone(),
        status,
        error: failure.filter(|_| status == PhotoStatus::Failed).map(Failure::line),
        source: outcome.and_then(|o| o.made.source.clone()),
        variants: outcome.map(|o| o.made.variants.clone()).unwrap_or_default(),
    }
}

/// Folds the outcomes into the report and the gallery's pictures.
fn gather(
    args: &RecolorArgs,
    found: &Photos,
    outcomes: Vec<Option<Outcome<Recolored>>>,
    order: &Order,
    weights: &Path,
    start: Instant,
) -> Result<(Report, Vec<Pictures>)> {
    let status = match (interrupt::asked(), outcomes.iter().any(Option::is_none)) {
        (true, _) => RunStatus::Interrupted,
        (false, true) => RunStatus::Stopped,
        (false, false) => RunStatus::Complete,
    };
    let mut photos: Vec<_> = found.photos.iter().zip(&outcomes).map(|(p, o)| entry(p, o.as_ref())).collect();
    photos.extend(found.unreadable.iter().map(|(path, failure)| PhotoEntry {
        path: path.to_string_lossy().into_owned(),
        stem: path.to_string_lossy().into_owned(),
        status: PhotoStatus::Failed,
        error: Some(failure.line()),
        source: None,
        variants: Vec::new(),
    }));
    let pictures = outcomes.into_iter().map(|o| o.map(|o| o.made.pictures).unwrap_or_default()).collect();
    let libtorch = runtime::inspect();
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        libtorch: libtorch.version,
        device: libtorch.device,
    };
    let swatches = order.targets.iter().map(|target| SwatchEntry {
        name: target.swatch.name.clone(),
        slug: target.slug.clone(),
        color: target.swatch.color.into(),
    });
    let settings = Settings {
        region: match &order.choice {
            Choice::Given(_) => "mask".to_owned(),
            Choice::Region(region) => region.map_or("auto", Region::name).to_owned(),
        },
        gate: args.gate.name(),
        formats: order.profile.formats().iter().copied().map(report::format_name).collect(),
        sizes: order.profile.size_names(),
        quality: args.quality,
        swatches: swatches.collect(),
    };
    let report = Report::new(program, settings, models::files(weights)?, status, photos, start.elapsed().as_secs_f64());
    Ok((report, pictures))
}

/// Tells people how it went: counts, colours out of reach, where the gallery is.
fn summarise(report: &Report, out: &OutDir) {
    let far = report.photos.iter().flat_map(|p| p.variants.iter().filter(|v| !v.reachable).map(move |v| (p, v)));
    for (photo, variant) in far.clone().take(MAX_TOLD) {
        tell(&format!(
            "{} in {}: out of reach of this cloth, nearest {} (ΔE00 {:.1})",
            photo.stem, variant.swatch, variant.measured.hex, variant.delta_e00
        ));
    }
    let more = far.count().saturating_sub(MAX_TOLD);
    if more > 0 {
        tell(&format!("{more} more out of reach, see the report"));
    }
    let rejected = report.photos.iter().flat_map(|p| p.variants.iter().map(move |v| (p, v)));
    for (photo, variant) in rejected.filter(|(_, v)| v.gate.verdict == Verdict::Rejected).take(MAX_TOLD) {
        tell(&format!("{} in {}: rejected, {}", photo.stem, variant.swatch, variant.gate.reason));
    }
    let summary = &report.summary;
    let close = summary.delta_e00_median.zip(summary.delta_e00_p90);
    let close = close.map(|(median, p90)| format!("; ΔE00 median {median:.2}, p90 {p90:.2}")).unwrap_or_default();
    tell(&format!(
        "{} of {} photos, {} variants, {} rejected, {} out of reach, {} files in {:.1} s{close}",
        summary.done,
        summary.photos,
        summary.variants,
        summary.rejected,
        summary.out_of_reach,
        summary.files,
        summary.seconds
    ));
    tell(&format!("gallery: {}", out.path().join(GALLERY).display()));
}
