//! An output opened for a run: its store, its records, and the lock that keeps a second run away.

use std::fs;
use std::sync::Mutex;

use crate::exit::{Exit, OrExit, Result};

use super::journal::{self, Journal};
use super::ledger::{self, Ledger};
use super::location::Location;
use super::lock::{self, Lock};
use super::plan::Plan;
use super::records::Records;
use super::shard::Shard;
use super::store::Store;
use super::{CONTROL, report};

/// The plan that an output is being made by, inside the control folder.
const PLAN: &str = "plan.jsonl";

/// An output that belongs to this run until it is dropped.
#[derive(Debug)]
pub struct Output {
    /// Where files go.
    pub store: Store,
    /// What is known of tasks.
    pub records: Mutex<Records>,
    /// The shard whose records are in the output itself; `None` for a ledger of its own.
    pub shard: Option<Shard>,
    _locks: Vec<Lock>,
}

impl Output {
    /// Opens an output. A folder that one run makes has a ledger file; shards, and everything in an object store, keep
    /// their records as rows in the output itself, which needs no file that many machines write to.
    ///
    /// # Errors
    /// Usage errors: another run is working on it, or it cannot be written.
    pub fn open(at: &Location, shard: Option<Shard>) -> Result<Self> {
        let mut store = Store::open(at)?;
        let mut locks = Vec::new();
        if let Store::Local(local) = &mut store {
            let control = local.root().join(CONTROL);
            locks.push(lock::take(&control.join("lock"), shard.is_some())?);
            if let Some(shard) = shard {
                let shards = local.root().join(journal::shards());
                fs::create_dir_all(&shards).or_exit(Exit::Usage)?;
                locks.push(lock::take(&shards.join(format!("{}.lock", shard.name())), false)?);
            }
            local.claim(&shard.map_or_else(|| "run".to_owned(), Shard::name))?;
        }
        let (ledger, shard) = match (&store, shard) {
            (Store::Local(local), None) => (Ledger::open(&local.root().join(CONTROL).join(ledger::FILE))?, None),
            (_, shard) => {
                let (mut ledger, shard) = (Ledger::scratch()?, shard.unwrap_or(Shard::WHOLE));
                journal::load(&store, shard, &mut ledger)?;
                (ledger, Some(shard))
            }
        };
        let records = Mutex::new(Records { ledger, journal: shard.map(Journal::new) });
        Ok(Self { store, records, shard, _locks: locks })
    }

    /// Notes which plan is being run, for `status`, `merge` and `retry`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_plan(&self, plan: &Plan) -> Result<()> {
        let (name, text) = (plan_name(), plan.to_bytes()?);
        if self.store.get(&name)?.as_ref() == Some(&text) { Ok(()) } else { self.store.put(&name, text) }
    }

    /// Takes away reports that will no longer be true.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn drop_report(&self) -> Result<()> {
        self.store.delete(&[report::ROWS.to_owned(), report::SUMS.to_owned()])
    }

    /// Removes what only a run in work needs.
    pub fn release(&self) {
        if let Store::Local(local) = &self.store {
            local.release();
        }
    }
}

/// The plan that an output was made by, or is being made by.
///
/// # Errors
/// A usage error when there is none.
pub fn kept_plan(store: &Store, at: &Location) -> Result<Plan> {
    let text = store.get(&plan_name())?;
    let text = text.ok_or_else(|| {
        crate::exit::Failure::usage(format!("{at} is not the output of a batch: it has no {}", plan_name()))
    })?;
    Plan::parse(&text)
}

fn plan_name() -> String {
    format!("{CONTROL}/{PLAN}")
}
