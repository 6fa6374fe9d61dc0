//! What `recolor` and `restyle` share: every photo in every variant, judged, with a report, a gallery and a recipe.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use generators::gate::Gate;
use generators::runtime;

use crate::cli::VariantArgs;
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::interrupt;
use crate::pipeline::batch::{self, Outcome};
use crate::pipeline::catalog_photos::CatalogPhotos;
use crate::pipeline::checks::Checks;
use crate::pipeline::models::{self, Models};
use crate::pipeline::order::{self, Order};
use crate::pipeline::out_dir::OutDir;
use crate::pipeline::photo::{self, Photo, Photos};
use crate::pipeline::recolored::Recolored;
use crate::pipeline::{self, weights};
use crate::recipe::{self, Finder, Recipe};
use crate::report::{
    self, Color, GuaranteeEntry, PhotoEntry, PhotoStatus, Pictures, Program, Report, RunStatus, Settings, SwatchEntry,
    Verdict, WeightsFile, gallery, tolerance_csv,
};
use crate::terminal::{self, Progress, data_line, tell};

/// The report's file name.
const REPORT: &str = "report.json";
/// The gallery's file name.
const GALLERY: &str = "index.html";
/// The quality department's table.
const TABLE: &str = "tolerance.csv";
/// Files about the run.
const ABOUT: [&str; 4] = [REPORT, GALLERY, TABLE, recipe::FILE];
/// Colours out of reach that are named on the terminal; the report has all.
const MAX_TOLD: usize = 12;

/// What a command line asks for, whatever makes the variants.
pub struct Asked<'a> {
    /// The photos and folders named.
    pub photos: &'a [PathBuf],
    /// A recipe in place of the options.
    pub recipe: Option<&'a Path>,
    /// Where all goes, and how.
    pub options: &'a VariantArgs,
    /// What variants are checked against.
    pub checks: Checks,
    /// The recipe that the options stand for.
    pub from_args: &'a (dyn Fn() -> Result<Recipe> + Sync),
}

/// Makes the variants.
///
/// # Errors
/// What is wrong before work starts: usage or weights. A photo's failure is told, reported and counted instead.
pub fn run(args: &Asked) -> Result<Exit> {
    let start = Instant::now();
    let (mut recipe, inputs) = asked(args)?;
    let found = photos(args, &recipe, &inputs)?;
    order::seal_masks(&mut recipe.regions, &inputs)?;
    let planned = Order::plan(&recipe, &inputs, &found, &args.options.output.out, args.options.output.force, &ABOUT)?;
    let folder = weights::folder(&args.options.weights);
    let jobs = batch::jobs(args.options.jobs.jobs, found.photos.len());
    let workers = models::per_worker(jobs, || Models::load(&folder))?;
    let besides = models::besides(&planned.variants);
    let checksums = models::checksums(&folder, &besides)?;
    recipe.check_weights(&checksums)?;
    let guarantee = guarantee(recipe.false_accept, &folder)?;
    let catalog = args.options.catalog.as_ref().map(|dir| CatalogPhotos::open(dir, &folder, jobs)).transpose()?;
    let order = Order { checks: args.checks.clone(), catalog, ..planned };
    if args.options.dry_run {
        for name in order.files(&recipe, &found, &ABOUT) {
            data_line(&terminal::clean_path(&order.out.path().join(name)));
        }
        return Ok(super::tell_unreadable(&found.unreadable));
    }
    order.out.make()?;

    let work = |models: &Models, photo: &Photo, made: &mut Recolored| pipeline::recolor(models, photo, &order, made);
    let outcomes = batch::run(&found.photos, workers, work, |progress, photo, outcome| {
        print(args.options.json, progress, photo, outcome, &order.out);
        super::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    let exit = super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable));
    let made = order.out.written();
    let same = if exit < Exit::Interrupted { recipe.check_outputs(&made) } else { Ok(()) };
    seal(&mut recipe, &order, &found, &outcomes, &checksums, made);
    let settings = Settings { guarantee, ..settings(&recipe, &order) };
    let (report, pictures) = gather(settings, &found, outcomes, models::files(&folder, &besides)?, start);
    summarise(&report, &order.out);
    order.out.write_about(recipe::FILE, recipe.to_toml()?.as_bytes())?;
    order.out.write_about(REPORT, &report.to_json().or_exit(Exit::Input)?)?;
    order.out.write_about(TABLE, &tolerance_csv::table(&report).or_exit(Exit::Input)?)?;
    order.out.write_about(GALLERY, gallery::page(&report, &pictures, order.out.path()).as_bytes())?;
    same?;
    // A tolerance that nobody set is for information, so that scripts that know only the gate see no other code.
    let beyond = order.checks.enforced && report.summary.beyond_tolerance > 0;
    Ok(if report.summary.rejected > 0 || beyond { exit.or_worse(Exit::Rejected) } else { exit })
}

/// What is asked for, by the command line or by a recipe, and where its inputs are looked for.
fn asked(args: &Asked) -> Result<(Recipe, Finder)> {
    let Some(path) = args.recipe else { return Ok(((args.from_args)()?, Finder::default())) };
    let recipe = Recipe::read(path)?;
    recipe.check_version()?;
    Ok((recipe, Finder::of_recipe(path, args.options.input_root.as_deref())))
}

/// What the gate guarantees at the share of false accepts that was asked for.
fn guarantee(false_accept: Option<f64>, weights: &Path) -> Result<Option<GuaranteeEntry>> {
    let Some(share) = false_accept else { return Ok(None) };
    let gate = Gate::load(weights).or_exit(Exit::Weights)?;
    Ok(GuaranteeEntry::of(&gate.guarantees(share).or_exit(Exit::Usage)?))
}

/// The photos of the recipe, or of the command line.
fn photos(args: &Asked, recipe: &Recipe, inputs: &Finder) -> Result<Photos> {
    match (recipe.photos.as_slice(), args.photos) {
        ([], []) => Err(Failure::usage("the recipe names no photos: name them on the command line")),
        ([], named) => photo::find(named),
        (listed, []) => {
            let found =
                listed.iter().map(|file| Ok((inputs.find(file)?, file.path.clone()))).collect::<Result<Vec<_>>>()?;
            photo::known(found.into_iter())
        }
        (..) => Err(Failure::usage("the recipe names its photos: name none, or take them out of the recipe")),
    }
}

/// Completes the recipe with what the run found, so that it reproduces the run.
fn seal(
    recipe: &mut Recipe,
    order: &Order,
    found: &Photos,
    outcomes: &[Option<Outcome<Recolored>>],
    weights: &BTreeMap<String, String>,
    made: BTreeMap<String, String>,
) {
    recipe.version = Some(crate::VERSION.to_owned());
    recipe.weights.clone_from(weights);
    recipe.outputs = made;
    for (style, variant) in recipe.styles.iter_mut().zip(&order.variants) {
        let file = style.fabric.as_mut().or(style.look.as_mut());
        if let (Some(file), Some(style)) = (file, &variant.style) {
            file.sha256 = Some(style.sha256.clone());
        }
    }
    if recipe.photos.is_empty() {
        recipe.photos = found.photos.iter().map(|photo| recipe::InputFile::new(&photo.path)).collect();
    }
    for (file, outcome) in recipe.photos.iter_mut().zip(outcomes) {
        file.sha256 = file.sha256.take().or_else(|| outcome.as_ref().and_then(|o| o.made.sha256.clone()));
    }
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

/// What was asked, for the report.
fn settings(recipe: &Recipe, order: &Order) -> Settings {
    let swatches = order.variants.iter().filter_map(|variant| {
        let colors: Vec<Color> = variant.colors().into_iter().map(Color::from).collect();
        let color = colors.first()?.clone();
        let colors = if colors.len() > 1 { colors } else { Vec::new() };
        let (style, picture) = variant.style.as_ref().map(|style| (style.shown_as(), style.picture())).unzip();
        let (name, slug, picture) = (variant.name.clone(), variant.slug.clone(), picture.flatten());
        Some(SwatchEntry { name, slug, color, colors, style, picture })
    });
    Settings {
        region: recipe.regions.iter().map(recipe::RecipeRegion::title).collect::<Vec<_>>().join("+"),
        gate: recipe.gate.name(),
        guarantee: None,
        formats: order.profile.formats().iter().copied().map(report::format_name).collect(),
        sizes: order.profile.size_names(),
        quality: recipe.quality,
        bounce: order.bounce.map(rounded),
        network: Some(order.network).filter(|&share| share > 0.0).map(rounded),
        tolerance: (f64::from(order.checks.tolerance) * 1e3).round() / 1e3,
        proof: order.checks.proof.as_ref().map(|proof| proof.name().to_owned()),
        swatches: swatches.collect(),
    }
}

/// A share as reports show it.
fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1e3).round() / 1e3
}

/// Folds the outcomes into the report and the gallery's pictures.
fn gather(
    settings: Settings,
    found: &Photos,
    outcomes: Vec<Option<Outcome<Recolored>>>,
    weights: Vec<WeightsFile>,
    start: Instant,
) -> (Report, Vec<Pictures>) {
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
        version: crate::VERSION,
        libtorch: libtorch.version,
        device: libtorch.device,
    };
    (Report::new(program, settings, weights, status, photos, start.elapsed().as_secs_f64()), pictures)
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
    let beyond = report.photos.iter().flat_map(|p| p.variants.iter().map(move |v| (p, v)));
    let beyond = beyond.filter(|(_, v)| v.reachable && !v.figures.within_tolerance);
    for (photo, variant) in beyond.take(MAX_TOLD) {
        tell(&format!(
            "{} in {}: ΔE00 {:.2}, beyond the tolerance of {}",
            photo.stem, variant.swatch, variant.delta_e00, report.settings.tolerance
        ));
    }
    let summary = &report.summary;
    let made = format!(
        "{} of {} photos, {} variants, {} rejected",
        summary.done, summary.photos, summary.variants, summary.rejected
    );
    let written = format!("{} files in {:.1} s", summary.files, summary.seconds);
    // Of a style no colour was promised.
    if report.settings.style().is_some() {
        tell(&format!("{made}, {written}"));
    } else {
        let close = summary.delta_e00_median.zip(summary.delta_e00_p90);
        let close = close.map(|(median, p90)| format!("; ΔE00 median {median:.2}, p90 {p90:.2}")).unwrap_or_default();
        let (far, beyond, tolerance) = (summary.out_of_reach, summary.beyond_tolerance, report.settings.tolerance);
        tell(&format!("{made}, {far} out of reach, {beyond} beyond ΔE00 {tolerance}, {written}{close}"));
    }
    tell(&format!("gallery: {}", out.path().join(GALLERY).display()));
}
