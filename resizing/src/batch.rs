//! Many photos over the processor's cores, few in flight, one failure never stopping the rest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::photo::Photo;
use crate::terminal::{Progress, tell};
use crate::{crash, interrupt};

/// Photos in flight unless `--jobs` says otherwise: each holds several full-size rasters.
const MAX_DEFAULT_JOBS: usize = 8;

/// How many photos are worked on at the same time.
pub fn jobs(asked: Option<u16>, photos: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or(cores.min(MAX_DEFAULT_JOBS), usize::from).clamp(1, photos.max(1))
}

/// What became of one photo.
#[derive(Debug)]
pub struct Outcome<R> {
    /// What was made of it, all of it or what there was before it failed.
    pub made: R,
    /// Why it was not finished.
    pub failure: Option<Failure>,
}

impl<R> Outcome<R> {
    /// The exit code that it leads to.
    pub fn exit(&self) -> Exit {
        self.failure.as_ref().map_or(Exit::Done, |failure| failure.exit)
    }
}

/// Runs `work` on every photo with one of the `workers` each, and hands each outcome to `done` as it comes. Each thread
/// runs `start` first.
///
/// There are as many photos in flight as workers. Outcomes come back in the photos' order; `None` for photos that were
/// not started because the user interrupted or the disk is full.
///
/// # Errors
/// When the threads cannot be started.
pub fn run<W: Send, R: Default + Send>(
    photos: &[Photo],
    workers: Vec<W>,
    start: impl Fn() + Sync,
    work: impl Fn(&W, &Photo, &mut R) -> Result<()> + Sync,
    done: impl Fn(&Progress, &Photo, &Outcome<R>) + Sync,
) -> Result<Vec<Option<Outcome<R>>>> {
    let progress = Progress::new(photos.len(), "photos");
    let next = AtomicUsize::new(0);
    let full = AtomicBool::new(false);
    // `--jobs` may ask for more workers than there are cores.
    let threads = workers.len().max(std::thread::available_parallelism().map_or(1, usize::from));
    let workers = Mutex::new(workers);
    let outcomes: Mutex<Vec<Option<Outcome<R>>>> = Mutex::new(photos.iter().map(|_| None).collect());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().or_exit(Exit::Input)?;
    // Each worker loop starts on its own thread at once, so waiting for a nested pixel loop can never start another photo.
    pool.broadcast(|_| {
        let Some(worker) = lock(&workers).pop() else { return };
        start();
        while !interrupt::asked() && !full.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(photo) = photos.get(index) else { break };
            progress.at(&photo.path);
            let mut made = R::default();
            let failure = catch_unwind(AssertUnwindSafe(|| work(&worker, photo, &mut made)))
                .unwrap_or_else(|payload| Err(Failure::input(crash::message(payload.as_ref()))))
                .err();
            if failure.as_ref().is_some_and(Failure::is_disk_full) {
                full.store(true, Ordering::Relaxed);
            }
            let outcome = Outcome { made, failure };
            done(&progress, photo, &outcome);
            progress.done_one();
            lock(&outcomes)[index] = Some(outcome);
        }
    });
    progress.finish();
    Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Tells the user why a photo failed, if it did.
pub fn tell_failure(progress: &Progress, photo: &Photo, failure: Option<&Failure>) {
    if let Some(failure) = failure.filter(|f| f.exit != Exit::Interrupted) {
        progress.tell(&format!("{}: {}", photo.path.display(), failure.line()));
    }
}

/// The exit code of all outcomes: the worst, or interrupted.
pub fn exit_of<R>(outcomes: &[Option<Outcome<R>>]) -> Exit {
    let not_done = outcomes.iter().filter(|outcome| outcome.is_none()).count();
    if not_done > 0 && !interrupt::asked() {
        tell(&format!("stopped because nothing more can be written: {not_done} photos not started"));
    }
    let worst = outcomes.iter().flatten().fold(Exit::Done, |exit, outcome| exit.or_worse(outcome.exit()));
    if interrupt::asked() { worst.or_worse(Exit::Interrupted) } else { worst }
}

/// A lock whose data is whole even if another thread failed while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos(n: usize) -> Vec<Photo> {
        (0..n).map(|i| Photo { path: format!("{i}.jpg").into(), stem: i.to_string() }).collect()
    }

    #[test]
    fn outcomes_keep_the_order_and_failures_stay_alone() {
        let work = |(): &(), photo: &Photo, made: &mut String| {
            made.push_str(&photo.stem);
            match photo.stem.as_str() {
                "3" => Err(Failure::input("no")),
                "5" => panic!("a bug"),
                _ => Ok(()),
            }
        };
        let outcomes = run(&photos(9), vec![(), ()], || {}, work, |_, _, _| {}).unwrap();
        for (i, outcome) in outcomes.into_iter().enumerate() {
            let outcome = outcome.unwrap();
            assert_eq!(outcome.made, i.to_string());
            let reason = outcome.failure.map(|f| f.line());
            match i {
                3 => assert_eq!(reason.unwrap(), "no"),
                5 => assert!(reason.unwrap().contains("a bug")),
                _ => assert!(reason.is_none()),
            }
        }
    }

    #[test]
    fn a_full_disk_stops_the_run() {
        let full = |(): &(), _: &Photo, (): &mut ()| {
            Err(Failure { exit: Exit::Input, error: std::io::Error::from(std::io::ErrorKind::StorageFull).into() })
        };
        let outcomes = run(&photos(50), vec![()], || {}, full, |_, _, _| {}).unwrap();
        assert_eq!(outcomes.iter().flatten().count(), 1);
    }
}
