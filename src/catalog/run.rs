//! A run of a batch, from its plan to its report. What was done before is not done again.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use crate::exit::{Exit, Failure, Result};
use crate::interrupt;
use crate::pipeline::models;
use crate::terminal::{clean, tell};

use super::CONTROL;
use super::journal;
use super::key;
use super::ledger::{Ledger, MAX_DEATHS, Tally};
use super::location::Location;
use super::memory::Memory;
use super::merge;
use super::operation::Steps;
use super::output::Output;
use super::plan::Plan;
use super::progress::Progress;
use super::records::Records;
use super::report::{self, Summary};
use super::row::{Row, State};
use super::schedule::{self, Job};
use super::shard::Shard;
use super::store::{Sources, Store};
use super::unit::{self, Unit};
use super::work::Worker;

/// What a command line decides about a run. None of it changes a file.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug)]
pub struct Options {
    /// Where outputs go.
    pub out: Location,
    /// Which part of the plan.
    pub shard: Option<Shard>,
    /// Workers.
    pub jobs: usize,
    /// Bytes of memory for everything.
    pub memory: u64,
    /// The run stops when more tasks have failed.
    pub max_failures: Option<u64>,
    /// Whether files that are in the way are replaced.
    pub force: bool,
    /// Whether files of finished tasks are read and compared with their checksums, not only looked for.
    pub verify: bool,
    /// Whether a run that leaves no task undone ends well, whatever became of its tasks.
    pub settled_ok: bool,
    /// Whether finished rows are printed.
    pub json: bool,
    /// Tasks that are done again: failed ones, rejected ones.
    pub again: Vec<State>,
    /// Weights folder.
    pub weights: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// How the tasks stand.
    pub tally: Tally,
    /// The report, if it was written.
    pub summary: Option<Summary>,
    /// The exit code.
    pub exit: Exit,
}

/// Runs a plan, or one shard of it.
///
/// # Errors
/// What is wrong before work starts (usage, weights), or what ended it early (a full disk, a store that is gone).
pub fn run(plan: &Plan, sources: &Sources, options: &Options) -> Result<Ended> {
    let workers = workers(plan, options)?;
    let models = plan.steps.iter().any(Steps::needs_models);
    let memory = Memory::divide(options.memory, options.jobs, models).map_err(Failure::usage)?;
    refuse_foreign_files(plan, options)?;
    let output = Output::open(&options.out, options.shard)?;
    let units = begin(plan, &output, options)?;
    let progress = Progress::new(lock(&output).ledger.tally()?);
    let Options { force, json, max_failures, .. } = *options;
    let job = Job { plan, sources, output: &output, memory: &memory, progress: &progress, force, json, max_failures };
    let stopped = if units.is_empty() { Ok(()) } else { schedule::run(&job, &units, workers) };
    progress.finish();
    end(plan, &output, stopped, options)
}

/// One worker per job; the first has its models, so that bad weights are found before work starts.
fn workers(plan: &Plan, options: &Options) -> Result<Vec<Worker>> {
    let mut workers: Vec<Worker> = (0..options.jobs).map(|_| Worker::new(options.weights.clone())).collect();
    if !plan.header.weights.is_empty() {
        let found =
            models::checksums(&options.weights, &models::besides(plan.steps.iter().flat_map(|steps| &steps.variants)))?;
        if let Some((file, _)) = plan.header.weights.iter().find(|(file, sum)| found.get(*file) != Some(sum)) {
            return Err(Failure::new(
                Exit::Weights,
                format!("weights {}: {file} is not the one that the plan was made with", options.weights.display()),
            ));
        }
        if let Some(first) = workers.first_mut() {
            first.models()?;
        }
    }
    Ok(workers)
}

/// Refuses, before anything is made, an output that holds masters, or a new one that holds files of the same names.
fn refuse_foreign_files(plan: &Plan, options: &Options) -> Result<()> {
    let Location::Local(root) = &options.out else { return Ok(()) };
    if let Some(master) = plan.masters.iter().find(|master| Path::new(&master.at).starts_with(root)) {
        return Err(Failure::usage(format!(
            "{} holds masters, such as {}: name another output",
            root.display(),
            clean(&master.name)
        )));
    }
    // A batch that was here before knows its own files.
    if options.force || !root.is_dir() || root.join(CONTROL).is_dir() {
        return Ok(());
    }
    match plan.tasks().flat_map(|task| plan.files(task)).find(|file| root.join(file).symlink_metadata().is_ok()) {
        Some(file) => Err(Failure::usage(format!(
            "{} exists already: pass --force to replace, or name another output",
            root.join(file).display()
        ))),
        None => Ok(()),
    }
}

/// Takes the plan over into the records; the units that are to be done.
fn begin(plan: &Plan, output: &Output, options: &Options) -> Result<Vec<Unit>> {
    let mut records = lock(output);
    let shard = output.shard.unwrap_or(Shard::WHOLE);
    records.ledger.begin(plan, |task| shard.has(&plan.masters[task.master].name))?;
    output.keep_plan(plan)?;
    for &state in &options.again {
        records.ledger.redo_all(state)?;
    }
    redo_missing(&mut records.ledger, &output.store, options.verify)?;
    let pending = records.ledger.pending()?;
    if !pending.is_empty() {
        output.drop_report()?;
        if let Some(shard) = output.shard {
            journal::reopen(&output.store, shard)?;
        }
    }
    let mut pending = pending.into_iter().peekable();
    let mut todo = Vec::new();
    for task in plan.tasks() {
        if let Some((_, deaths)) = pending.next_if(|(place, _)| *place == task.place) {
            todo.push((task, plan.key(task), deaths));
        }
    }
    let (todo, given_up): (Vec<_>, Vec<_>) = todo.into_iter().partition(|(.., deaths)| *deaths < MAX_DEATHS);
    let given_up = unit::gather(given_up.into_iter().map(|(task, key, _)| (task, key)));
    for row in given_up.iter().flat_map(|unit| schedule::rows(plan, unit)) {
        let reason = format!("the program ended {MAX_DEATHS} times in the work on it; batch retry tries again");
        records.record(&output.store, &[Row { state: State::Failed, reason: Some(reason), ..row }], 0.0)?;
    }
    Ok(unit::gather(todo.into_iter().map(|(task, key, _)| (task, key))))
}

/// Marks finished tasks whose files are not there any more as to be done again.
fn redo_missing(ledger: &mut Ledger, store: &Store, verify: bool) -> Result<()> {
    let listed = match store {
        Store::Local(_) => std::collections::HashMap::new(),
        Store::Remote(_) => store.list("")?.into_iter().map(|listed| (listed.name, listed.bytes)).collect(),
    };
    let mut missing = Vec::new();
    ledger.for_each(|name, _, text| {
        let Some(row) = text.and_then(|text| serde_json::from_str::<Row>(text).ok()) else { return Ok(()) };
        for file in &row.files {
            interrupt::check()?;
            let there = match store {
                Store::Local(local) => local.bytes(&file.name),
                Store::Remote(_) => listed.get(&file.name).copied(),
            };
            let mut good = there == Some(file.bytes);
            if good && verify {
                good = store.get(&file.name)?.is_some_and(|bytes| key::sha256(&bytes) == file.sha256);
            }
            if !good {
                missing.push(name.to_owned());
                break;
            }
        }
        Ok(())
    })?;
    if !missing.is_empty() {
        tell(&format!("{} finished tasks lost files and are done again", missing.len()));
        ledger.redo(&missing)?;
    }
    Ok(())
}

/// Makes the records durable, and writes the report when the whole plan is this run's.
fn end(plan: &Plan, output: &Output, stopped: Result<()>, options: &Options) -> Result<Ended> {
    let mut records = lock(output);
    if let Err(failure) = stopped {
        // The first failure says more than one that follows from it.
        let _ = records.flush(&output.store);
        output.release();
        return Err(failure);
    }
    records.flush(&output.store)?;
    let tally = records.ledger.tally()?;
    let summary = match output.shard {
        None => Some(report::write(plan, &records.ledger, &output.store)?),
        Some(_) if tally.pending > 0 => None,
        Some(shard) => {
            journal::close(&output.store, shard, plan, &records.ledger)?;
            if options.shard.is_none() { Some(merge::merge(&output.store, plan, Some(shard.of()))?) } else { None }
        }
    };
    output.release();
    let mut exit = match &summary {
        Some(summary) => summary.exit(),
        None if tally.failed > 0 => Exit::Input,
        None if tally.rejected > 0 => Exit::Rejected,
        None => Exit::Done,
    };
    if options.settled_ok && tally.pending == 0 {
        exit = Exit::Done;
    }
    if interrupt::asked() && tally.pending > 0 {
        exit = Exit::Interrupted;
    }
    Ok(Ended { tally, summary, exit })
}

fn lock(output: &Output) -> std::sync::MutexGuard<'_, Records> {
    output.records.lock().unwrap_or_else(PoisonError::into_inner)
}
