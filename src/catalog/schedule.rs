//! The three stages of a run, each on threads of its own, so that neither network nor disk keeps the processor waiting:
//! fetch → work → write and record. Queues between them are short and every byte in them is counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::exit::{Exit, Failure, Result};
use crate::{crash, interrupt};

use super::budget::Share;
use super::key;
use super::location::Location;
use super::masters::Master;
use super::memory::{self, Memory};
use super::output::Output;
use super::plan::Plan;
use super::progress::Progress;
use super::row::{Row, State};
use super::store::{Existing, Sources, Trouble};
use super::unit::Unit;
use super::work::{self, Made, Worker};

/// Everything that the stages share.
pub struct Job<'a> {
    /// What is made.
    pub plan: &'a Plan,
    /// Where masters come from.
    pub sources: &'a Sources,
    /// Where files and rows go.
    pub output: &'a Output,
    /// How much may be in memory.
    pub memory: &'a Memory,
    /// Who is told.
    pub progress: &'a Progress,
    /// Whether files that are in the way are replaced.
    pub force: bool,
    /// Whether finished rows are printed.
    pub json: bool,
    /// The run stops when more tasks have failed.
    pub max_failures: Option<u64>,
}

/// A unit's input, on its way to a worker.
struct Fetched<'a> {
    unit: &'a Unit,
    bytes: Result<Vec<u8>>,
    _share: Share<'a>,
}

/// A unit's outputs, on their way to the store.
struct Finished<'a> {
    made: Vec<Made>,
    seconds: f64,
    _share: Share<'a>,
}

/// Why a run ends before its last task.
#[derive(Default)]
struct Stop {
    asked: AtomicBool,
    failure: Mutex<Option<Failure>>,
}

impl Stop {
    fn because(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
        self.asked.store(true, Ordering::Relaxed);
    }

    fn asked(&self) -> bool {
        interrupt::asked() || self.asked.load(Ordering::Relaxed)
    }
}

/// Runs units through all stages.
///
/// # Errors
/// What ended the run early: a full disk, a store that cannot be reached, weights, too many failures. Interruption by the
/// user is no error here.
pub fn run(job: &Job, units: &[Unit], workers: Vec<Worker>) -> Result<()> {
    let (stop, next, failed) = (Stop::default(), AtomicUsize::new(0), AtomicU64::new(0));
    let (readers, writers) = (readers(job.plan).min(units.len()), job.output.store.width().min(units.len()));
    let (to_work, fetched) = sync_channel::<Fetched>(workers.len());
    let (to_write, finished) = sync_channel::<Finished>(writers.max(1));
    let (fetched, finished) = (Mutex::new(fetched), Mutex::new(finished));
    std::thread::scope(|scope| {
        let (stop, next, failed, fetched, finished) = (&stop, &next, &failed, &fetched, &finished);
        for _ in 0..readers {
            let to_work = to_work.clone();
            scope.spawn(move || fetch_all(job, units, next, stop, &to_work));
        }
        for worker in workers {
            let to_write = to_write.clone();
            scope.spawn(move || work_all(job, worker, stop, fetched, &to_write));
        }
        for _ in 0..writers {
            scope.spawn(move || write_all(job, stop, failed, finished));
        }
        // The stages end when those before them have dropped their senders.
        drop((to_work, to_write));
    });
    match stop.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Local disks are read by few threads, stores by many, since each of their answers takes a while.
fn readers(plan: &Plan) -> usize {
    let remote = |master: &Master| matches!(Location::parse(&master.at, Path::new("/")), Ok(Location::Remote(_)));
    if plan.masters.iter().any(remote) { 8 } else { 2 }
}

fn fetch_all<'a>(job: &Job<'a>, units: &'a [Unit], next: &AtomicUsize, stop: &Stop, to_work: &SyncSender<Fetched<'a>>) {
    while !stop.asked() {
        let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
        let master = &job.plan.masters[unit.master];
        let share = job.memory.inputs.take(master.bytes);
        let bytes = match fetch(job.sources, master) {
            Ok(bytes) => Ok(bytes),
            Err(Trouble::Object(failure)) => Err(failure),
            Err(Trouble::Store(failure)) => return stop.because(failure),
        };
        if to_work.send(Fetched { unit, bytes, _share: share }).is_err() {
            break;
        }
    }
}

/// A master's bytes, if they are still those of the plan.
fn fetch(sources: &Sources, master: &Master) -> std::result::Result<Vec<u8>, Trouble> {
    if let Some(problem) = &master.problem {
        return Err(Trouble::Object(Failure::input(problem.clone())));
    }
    let at = Location::parse(&master.at, Path::new("/")).map_err(Trouble::Object)?;
    let bytes = sources.get(&at, master.etag.as_deref())?;
    match &master.sha256 {
        Some(sum) if key::sha256(&bytes) != *sum => {
            Err(Trouble::Object(Failure::input("its content changed after the plan was made; plan again")))
        }
        _ => Ok(bytes),
    }
}

fn work_all<'a>(
    job: &Job<'a>,
    mut worker: Worker,
    stop: &Stop,
    fetched: &Mutex<Receiver<Fetched<'a>>>,
    to_write: &SyncSender<Finished<'a>>,
) {
    generators::runtime::limit_threads();
    loop {
        let Ok(Fetched { unit, bytes, _share }) = lock(fetched).recv() else { return };
        if stop.asked() {
            continue;
        }
        let start = Instant::now();
        let rows = rows(job.plan, unit);
        match work(job, &mut worker, unit, &rows, bytes) {
            Ok(made) => {
                let size = made.iter().flat_map(|made| &made.files).map(|(_, bytes)| bytes.len() as u64).sum();
                let share = job.memory.outputs.take(size);
                let seconds = start.elapsed().as_secs_f64();
                if to_write.send(Finished { made, seconds, _share: share }).is_err() {
                    return;
                }
            }
            Err(failure) => {
                if let Err(failure) = lock(&job.output.records).put_back(&names(&rows)) {
                    stop.because(failure);
                }
                if failure.exit != Exit::Interrupted {
                    stop.because(failure);
                }
            }
        }
    }
}

fn work(job: &Job, worker: &mut Worker, unit: &Unit, rows: &[Row], bytes: Result<Vec<u8>>) -> Result<Vec<Made>> {
    lock(&job.output.records).start(&names(rows))?;
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(failure) => return Ok(work::fail(rows, &failure)),
    };
    let steps = &job.plan.steps[unit.operation];
    let need = steps.memory(memory::pixels_of(&bytes));
    if need > job.memory.work.limit() {
        let reason = format!(
            "it needs about {} of memory, the budget leaves {}: raise --memory",
            memory::size(need),
            memory::size(job.memory.work.limit())
        );
        return Ok(work::fail(rows, &Failure::input(reason)));
    }
    let _share = job.memory.work.take(need);
    let master = &job.plan.masters[unit.master];
    catch_unwind(AssertUnwindSafe(|| work::make(worker, steps, master, unit, rows, &bytes)))
        .unwrap_or_else(|payload| Ok(work::fail(rows, &Failure::input(crash::message(payload.as_ref())))))
}

fn write_all(job: &Job, stop: &Stop, failed: &AtomicU64, finished: &Mutex<Receiver<Finished>>) {
    loop {
        let Ok(Finished { made, seconds, _share }) = lock(finished).recv() else { return };
        // What is made is written even when the user interrupts; after other failures writing is pointless.
        if stop.asked.load(Ordering::Relaxed) {
            continue;
        }
        match write(job, made, seconds) {
            Ok(rows) => {
                let n = rows.iter().filter(|row| row.state == State::Failed).count() as u64;
                let failures = failed.fetch_add(n, Ordering::Relaxed) + n;
                told(job, &rows);
                if let Some(most) = job.max_failures.filter(|&most| failures > most) {
                    stop.because(Failure::input(format!("stopped after {failures} failures (--max-failures {most})")));
                }
            }
            Err(failure) => stop.because(failure),
        }
    }
}

/// Writes a unit's files, then its rows.
fn write(job: &Job, made: Vec<Made>, seconds: f64) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(made.len());
    for Made { row, files } in made {
        let before = lock(&job.output.records).row(&row.task)?;
        let own: Vec<String> = before.into_iter().flat_map(|row| row.files).map(|file| file.sha256).collect();
        let existing = if job.force { Existing::Replace } else { Existing::ReplaceOwn(&own) };
        match job.output.store.put_all(&files, existing) {
            Ok(()) => rows.push(row),
            Err(Trouble::Object(failure)) => {
                rows.push(Row { state: State::Failed, reason: Some(failure.line()), files: Vec::new(), ..row });
            }
            Err(Trouble::Store(failure)) => return Err(failure),
        }
    }
    lock(&job.output.records).record(&job.output.store, &rows, seconds)?;
    Ok(rows)
}

fn told(job: &Job, rows: &[Row]) {
    for row in rows {
        if let (State::Failed, Some(reason)) = (row.state, &row.reason) {
            job.progress.tell(&format!("{}: {reason}", row.task));
        }
        if let (true, Ok(line)) = (job.json, serde_json::to_string(row)) {
            job.progress.data_line(&line);
        }
    }
    job.progress.add(rows.iter().map(|row| row.state));
}

/// The rows of a unit's tasks as they will be when all goes well.
pub fn rows(plan: &Plan, unit: &Unit) -> Vec<Row> {
    let row = |(task, key): &(super::unit::Task, String)| Row {
        task: plan.task_name(*task),
        master: plan.masters[task.master].name.clone(),
        operation: plan.header.operations[task.operation].name.clone(),
        variant: plan.steps[task.operation].variant_name(task.variant).map(str::to_owned),
        state: State::Done,
        reason: None,
        key: key.clone(),
        gate: None,
        color: None,
        files: Vec::new(),
    };
    unit.tasks.iter().map(row).collect()
}

fn names(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.task.clone()).collect()
}

/// A lock whose data is whole even if another thread failed while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
