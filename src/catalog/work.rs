//! One master through one operation: bytes in, files and rows out, nothing written.

use std::path::PathBuf;

use pixels::Focus;

use crate::exit::{Exit, Failure, Result};
use crate::interrupt;
use crate::pipeline::attempts;
use crate::pipeline::candidate::{Candidate, RegionResult};
use crate::pipeline::decoded::Decoded;
use crate::pipeline::embedded::Embedded;
use crate::pipeline::garment;
use crate::pipeline::judged::{Judged, Standard};
use crate::pipeline::masked::Masked;
use crate::pipeline::models::Models;
use crate::pipeline::photo::Photo;
use crate::pipeline::planes;
use crate::pipeline::prepared::Prepared;
use crate::pipeline::sizes::{Encoded, Picture};
use crate::pipeline::swatches::hex;
use crate::pipeline::variants::Variant;
use crate::report::{GateEntry, Verdict};

use super::key;
use super::masters::Master;
use super::operation::{Kind, Steps};
use super::row::{Color, File, Gate, Row, State};
use super::unit::Unit;

/// Variants of a photo that are in memory at the same time.
const IN_MEMORY: usize = 4;

/// What one thread works with. Models are loaded when they are first needed, once.
pub struct Worker {
    weights: PathBuf,
    models: Option<Models>,
}

impl Worker {
    /// A worker without models yet.
    pub fn new(weights: PathBuf) -> Self {
        Self { weights, models: None }
    }

    /// Loads the models, unless they are there.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn models(&mut self) -> Result<&Models> {
        let models = match self.models.take() {
            Some(models) => models,
            None => Models::load(&self.weights)?,
        };
        Ok(self.models.insert(models))
    }
}

/// What became of one task: its row, and its files with their bytes.
#[derive(Debug)]
pub struct Made {
    /// The row, as it will stand once the files are written.
    pub row: Row,
    /// The files.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Makes a unit's files. A photo that cannot be made gives rows that say why.
///
/// # Errors
/// What concerns more than this photo: weights, or an interruption.
pub fn make(
    worker: &mut Worker,
    steps: &Steps,
    master: &Master,
    unit: &Unit,
    rows: &[Row],
    bytes: &[u8],
) -> Result<Vec<Made>> {
    let made = match steps.kind {
        Kind::Resize => resize(worker, steps, master, rows, bytes),
        Kind::Recolor | Kind::Restyle => recolor(worker.models()?, steps, master, unit, rows, bytes),
    };
    match made {
        Err(failure) if !matches!(failure.exit, Exit::Weights | Exit::Interrupted) => Ok(fail(rows, &failure)),
        other => other,
    }
}

/// The rows of a unit that failed as a whole.
pub fn fail(rows: &[Row], failure: &Failure) -> Vec<Made> {
    let failed = |row: &Row| Row { state: State::Failed, reason: Some(failure.line()), ..row.clone() };
    rows.iter().map(|row| Made { row: failed(row), files: Vec::new() }).collect()
}

fn photo(master: &Master) -> Photo {
    Photo { path: master.at.clone().into(), stem: master.stem().to_owned() }
}

fn resize(worker: &mut Worker, steps: &Steps, master: &Master, rows: &[Row], bytes: &[u8]) -> Result<Vec<Made>> {
    // A resize has one task.
    let made = |files, bytes| rows.first().map(|row| Made { row: Row { files, ..row.clone() }, files: bytes });
    let base = steps.base(master.stem(), 0);
    if let Some(files) = planes::files(&base, bytes, &steps.profile)? {
        let (listed, files) = collect(files.into_iter().map(Ok))?;
        return Ok(made(listed, files).into_iter().collect());
    }
    let mut decoded = Decoded::for_sizes(photo(master), bytes, &steps.profile)?;
    let mut garment = None;
    if steps.profile.needs_garment() {
        let (seen, focus) = garment::focus(&worker.models()?.finder, decoded)?;
        (decoded, garment) = (seen, Some(focus));
    }
    let Decoded { image, deep, alpha, metadata, whole, .. } = &decoded;
    let (deep, alpha, whole) = (deep.as_ref(), alpha.as_ref(), *whole);
    let picture = Picture { image, deep, alpha, metadata, ready: None, garment, whole };
    let (listed, files) = collect(steps.profile.render(&base, picture))?;
    Ok(made(listed, files).into_iter().collect())
}

fn recolor(
    models: &Models,
    steps: &Steps,
    master: &Master,
    unit: &Unit,
    rows: &[Row],
    bytes: &[u8],
) -> Result<Vec<Made>> {
    let decoded =
        Decoded::of_bytes(photo(master), bytes)?.keeping(bytes, steps.profile.keep())?.for_files(&steps.profile);
    let masked = Masked::find(decoded, &models.finder, steps.choices.clone(), steps.bounce.is_some())?;
    let embedded = Embedded::of(masked, &models.finder)?;
    let asked = |(task, _): &(super::unit::Task, String)| steps.variants.get(task.variant).cloned();
    let variants: Vec<Variant> = unit.tasks.iter().filter_map(asked).collect();
    let prepared = Prepared::of(&embedded, &variants, steps.bounce)?;
    prepared.check(&variants)?;
    let mut made = Vec::with_capacity(variants.len());
    let mut todo = unit.tasks.iter().map(|(task, _)| steps.base(master.stem(), task.variant)).zip(rows);
    let standard = Standard { mode: steps.gate, false_accept: steps.false_accept, catalog: None };
    for some in variants.chunks(IN_MEMORY) {
        interrupt::check()?;
        let judged = attempts::judged(&prepared, models, some, &steps.profile, steps.network, &standard)?;
        for (judged, (base, row)) in judged.into_iter().zip(todo.by_ref()) {
            interrupt::check()?;
            made.push(finish(&judged, steps, &embedded, &base, row)?);
            judged.recycle();
        }
    }
    Ok(made)
}

/// Renders a variant that may leave, and notes one that may not.
fn finish(judged: &Judged, steps: &Steps, embedded: &Embedded, base: &str, row: &Row) -> Result<Made> {
    match judged {
        Judged::Cleared(cleared) => {
            let candidate = cleared.candidate();
            let Decoded { alpha, metadata, .. } = &embedded.decoded;
            let garment = steps.profile.needs_garment().then(|| Focus::of_mask(&embedded.mask())).flatten();
            let (image, ready) = (&candidate.image, Some(&candidate.encoded));
            let deep = candidate.deep.as_ref();
            let picture = Picture { image, deep, alpha: alpha.as_ref(), metadata, ready, garment, whole: None };
            let rendered = steps.profile.render(base, picture);
            let (listed, files) = collect(rendered)?;
            let row = Row { files: listed, ..judged_row(row, candidate, cleared.verdict()) };
            Ok(Made { row, files })
        }
        Judged::Rejected(rejected) => {
            let verdict = rejected.verdict();
            let row = judged_row(row, rejected.candidate(), verdict);
            let row = Row { state: State::Rejected, reason: Some(verdict.reason.clone()), ..row };
            Ok(Made { row, files: Vec::new() })
        }
    }
}

fn judged_row(row: &Row, candidate: &Candidate, verdict: &GateEntry) -> Row {
    let accepted = match verdict.verdict {
        Verdict::Accepted => Some(true),
        Verdict::Rejected => Some(false),
        Verdict::NotJudged => None,
    };
    let color = |worst: &RegionResult| Color {
        asked: hex(worst.asked.to_srgb8()),
        measured: hex(worst.measured.to_srgb8()),
        delta_e00: f64::from((worst.delta_e00 * 1e3).round()) / 1e3,
        reachable: candidate.regions.iter().all(|region| region.reachable),
    };
    Row {
        gate: Some(Gate { accepted, score: verdict.score, threshold: verdict.threshold }),
        color: candidate.worst().map(color),
        ..row.clone()
    }
}

type Files = (Vec<File>, Vec<(String, Vec<u8>)>);

/// Encodes the files, and lists them with their checksums.
fn collect(rendered: impl Iterator<Item = Result<Encoded>>) -> Result<Files> {
    let mut files = (Vec::new(), Vec::new());
    for encoded in rendered {
        interrupt::check()?;
        let Encoded { name, width_px, height_px, bytes, .. } = encoded?;
        let sha256 = key::sha256(&bytes);
        files.0.push(File { name: name.clone(), width_px, height_px, bytes: bytes.len() as u64, sha256 });
        files.1.push((name, bytes));
    }
    Ok(files)
}
