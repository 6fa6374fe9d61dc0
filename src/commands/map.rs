//! `rangrez map`: photos on a plane by what the classifier sees in them.

use std::path::Path;

use generators::gate::Classification;
use generators::projection::project;
use generators::taxonomy::Taxonomy;
use pixels::{decode_file, resize_linear};

use crate::cli::MapArgs;
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::batch::{self, Outcome};
use crate::pipeline::decoded::Decoded;
use crate::pipeline::models::{self, Viewer};
use crate::pipeline::out_dir::OutDir;
use crate::pipeline::photo::{self, Photo};
use crate::pipeline::seen_before::SeenBefore;
use crate::pipeline::weights;
use crate::report::map::confusion::Answer;
use crate::report::map::{Labels, Map, Point};
use crate::report::{data_url, reduced, relative_url};
use crate::terminal::{self, data_line, tell};

const PAGE: &str = "map.html";
const TABLE: &str = "map.csv";
/// Longest side of a point's picture, in pixels.
const THUMBNAIL_PX: u32 = 72;
/// Photos whose pictures lie in the page; with more it would not open, and the photos themselves are shown.
const MOST_PICTURES: usize = 12_000;

/// What is known of one photo.
#[derive(Default)]
struct Seen {
    features: Vec<f32>,
    said: Option<Classification>,
    picture: String,
}

/// Runs the command.
///
/// # Errors
/// What is wrong before work starts; a photo's failure is told and counted instead.
pub fn run(args: &MapArgs) -> Result<Exit> {
    let found = photo::find(&args.input.photos)?;
    let labels = args.labels.as_deref().map(Labels::read).transpose()?.unwrap_or_default();
    let names = [PAGE.to_owned(), TABLE.to_owned()];
    let out = OutDir::plan(&args.output.out, args.output.force, &names, &found.photos)?;
    let folder = weights::folder(&args.weights);
    let jobs = batch::jobs(args.jobs.jobs, found.photos.len());
    let workers = models::per_worker(jobs, || Viewer::load(&folder))?;
    let before = SeenBefore::open(&folder)?;
    let taxonomy = Taxonomy::load(&folder).or_exit(Exit::Weights)?;
    out.make()?;

    let pictures = found.photos.len() <= MOST_PICTURES;
    let work = |viewer: &Viewer, photo: &Photo, seen: &mut Seen| {
        *seen = look(viewer, &before, photo, pictures, out.path())?;
        Ok(())
    };
    let outcomes = batch::run(&found.photos, workers, work, |progress, photo, outcome| {
        super::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    let exit = super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable));
    let seen: Vec<(&Photo, Seen)> = found.photos.iter().zip(outcomes).filter_map(whole).collect();
    let failed = found.photos.len() - seen.len();
    tell(&format!("laying out {} photos", seen.len()));
    let (points, answers) = points(seen, &labels, &taxonomy, args.perplexity)?;
    let errors = Map::errors(&answers);
    let pictures = errors.iter().map(|error| picture(&points[error.photo])).collect::<Result<Vec<_>>>()?;
    let map = Map { points: &points, answers: &answers, pictures: &pictures, failed, perplexity: args.perplexity };
    out.write_about(PAGE, map.page().or_exit(Exit::Input)?.as_bytes())?;
    out.write_about(TABLE, &table(&points).or_exit(Exit::Input)?)?;
    for name in [PAGE, TABLE] {
        data_line(&terminal::clean_path(&out.path().join(name)));
    }
    if !answers.is_empty() {
        let right = answers.iter().filter(|a| a.said.as_deref() == Some(&a.label)).count();
        tell(&format!("{right} of {} labelled photos are called by their label", answers.len()));
    }
    Ok(exit)
}

fn whole((photo, outcome): (&Photo, Option<Outcome<Seen>>)) -> Option<(&Photo, Seen)> {
    outcome.filter(|outcome| outcome.failure.is_none()).map(|outcome| (photo, outcome.made))
}

fn look(viewer: &Viewer, before: &SeenBefore, photo: &Photo, inside: bool, out: &Path) -> Result<Seen> {
    let over_white = Decoded::read(photo.clone())?.over_white().into_owned();
    let features = before.features(viewer, &photo.path, &over_white)?;
    let said = viewer.say(&features).or_exit(Exit::Input)?;
    let picture = if inside {
        let longest = over_white.width_px().max(over_white.height_px()).max(THUMBNAIL_PX);
        let side = |px: u32| (px * THUMBNAIL_PX / longest).max(1);
        let small = resize_linear(&over_white, side(over_white.width_px()), side(over_white.height_px()));
        data_url(&small.or_exit(Exit::Input)?).or_exit(Exit::Input)?
    } else {
        relative_url(&photo.path, out).unwrap_or_default()
    };
    Ok(Seen { features, said: Some(said), picture })
}

/// The map's points, and what was said of those that have a label.
fn points(
    seen: Vec<(&Photo, Seen)>,
    labels: &Labels,
    taxonomy: &Taxonomy,
    perplexity: f32,
) -> Result<(Vec<Point>, Vec<Answer>)> {
    let features: Vec<Vec<f32>> = seen.iter().map(|(_, seen)| seen.features.clone()).collect();
    let plane = project(&features, perplexity).or_exit(Exit::Input)?;
    let (mut points, mut answers) = (Vec::with_capacity(seen.len()), Vec::new());
    for ((photo, seen), [x, y]) in seen.into_iter().zip(plane) {
        let Some(said) = seen.said else { continue };
        let answer = labels.of(&photo.path).map(|label| answer(points.len(), label, &said, taxonomy));
        points.push(Point {
            path: photo.path.to_string_lossy().into_owned(),
            x,
            y,
            category: said.article,
            department: said.breadcrumb.first().cloned().unwrap_or_default(),
            confidence: said.confidence,
            in_catalog: said.in_catalog,
            label: answer.as_ref().map(|answer| answer.label.clone()),
            wrong: answer.as_ref().is_some_and(|a| a.said.as_ref().is_some_and(|said| *said != a.label)),
            picture: seen.picture,
        });
        answers.extend(answer);
    }
    Ok((points, answers))
}

/// What was said at the label's level of the tree; a label that the tree does not know is compared with the deepest name.
fn answer(photo: usize, label: &str, said: &Classification, taxonomy: &Taxonomy) -> Answer {
    let (label, said_there) = match taxonomy.find(label) {
        Some(node) => {
            let crumbs = taxonomy.breadcrumb(node);
            (taxonomy.nodes()[node].name.clone(), said.breadcrumb.get(crumbs.len() - 1).cloned())
        }
        None => (label.to_owned(), Some(said.article.clone())),
    };
    Answer { photo, label, said: said_there, confidence: said.confidence }
}

fn picture(point: &Point) -> Result<String> {
    let decoded = decode_file(point.path.as_ref(), &pixels::Limits::default()).or_exit(Exit::Input)?;
    data_url(&reduced(&decoded.image).or_exit(Exit::Input)?).or_exit(Exit::Input)
}

fn table(points: &[Point]) -> std::result::Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["path", "x", "y", "category", "department", "confidence", "in_catalog", "label"])?;
    for p in points {
        let number = |v: f32| format!("{v:.4}");
        table.write_record([
            p.path.as_str(),
            &number(p.x),
            &number(p.y),
            &p.category,
            &p.department,
            &number(p.confidence),
            &p.in_catalog.to_string(),
            p.label.as_deref().unwrap_or_default(),
        ])?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}
