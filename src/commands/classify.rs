//! `rangrez classify`: what every photo is of.

use generators::gate::Classification;
use serde_json::json;

use crate::cli::ClassifyArgs;
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::decoded::Decoded;
use crate::pipeline::models::{self, Viewer};
use crate::pipeline::photo::{self, Photo};
use crate::pipeline::{batch, weights};
use crate::terminal::clean;

/// Runs the command.
///
/// # Errors
/// What is wrong before work starts; a photo's failure is told and counted instead.
pub fn run(args: &ClassifyArgs) -> Result<Exit> {
    let found = photo::find(&args.input.photos)?;
    let folder = weights::folder(&args.weights);
    let jobs = batch::jobs(args.jobs.jobs, found.photos.len());
    let workers = models::per_worker(jobs, || Viewer::load(&folder))?;
    let work = |viewer: &Viewer, photo: &Photo, answer: &mut Option<Classification>| {
        let decoded = Decoded::read(photo.clone())?;
        let features = viewer.features(&decoded.over_white()).or_exit(Exit::Input)?;
        *answer = Some(viewer.say(&features).or_exit(Exit::Input)?);
        Ok(())
    };
    let outcomes = batch::run(&found.photos, workers, work, |progress, photo, outcome| {
        if let Some(answer) = &outcome.made {
            progress.data_line(&line(photo, answer, args.json));
        }
        super::tell_failure(progress, photo, outcome.failure.as_ref());
    })?;
    Ok(super::exit_of(&outcomes).or_worse(super::tell_unreadable(&found.unreadable)))
}

fn line(photo: &Photo, answer: &Classification, as_json: bool) -> String {
    let path = photo.path.to_string_lossy();
    if as_json {
        let confidence = f64::from((answer.confidence * 1e4).round()) / 1e4;
        return json!({
            "path": path,
            "category": answer.article,
            "breadcrumb": answer.breadcrumb,
            "confidence": confidence,
            "in_catalog": answer.in_catalog,
            "reason": answer.reason,
        })
        .to_string();
    }
    let doubt = answer.reason.as_ref().map(|reason| format!("  ({reason})")).unwrap_or_default();
    let known = if answer.in_catalog { "" } else { "  not in the catalogue" };
    let crumbs = answer.breadcrumb.join(" > ");
    clean(&format!("{path}: {crumbs}  {:.0}%{known}{doubt}", answer.confidence * 100.0))
}
