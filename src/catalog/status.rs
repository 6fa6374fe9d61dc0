//! How a batch stands, while it runs or after, without disturbing it.

use serde::Serialize;

use crate::exit::Result;

use super::journal;
use super::ledger::{self, Ledger, Tally};
use super::location::Location;
use super::output;
use super::plan::Plan;
use super::shard::Shard;
use super::store::Store;
use super::{CONTROL, report};

/// Reasons that are listed.
const REASONS: usize = 10;

/// How a batch stands.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The plan's checksum.
    pub plan: String,
    /// Masters.
    pub masters: u64,
    /// Over all shards.
    #[serde(flatten)]
    pub tasks: Numbers,
    /// By shard, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardStatus>,
    /// Whether the report is written.
    pub reported: bool,
    /// Commonest reasons: state, reason, number of tasks.
    pub reasons: Vec<(String, String, u64)>,
}

/// Numbers of tasks.
#[derive(Debug, Default, Serialize)]
pub struct Numbers {
    /// All.
    pub tasks: u64,
    /// Done.
    pub done: u64,
    /// Rejected by the gate.
    pub rejected: u64,
    /// Failed.
    pub failed: u64,
    /// Not done.
    pub pending: u64,
}

/// How a shard stands.
#[derive(Debug, Serialize)]
pub struct ShardStatus {
    /// Its name, such as 3/16.
    pub shard: String,
    /// Whether its marker for this plan is written.
    pub complete: bool,
    /// Its tasks.
    #[serde(flatten)]
    pub tasks: Numbers,
}

impl From<Tally> for Numbers {
    fn from(tally: Tally) -> Self {
        let Tally { pending, done, rejected, failed } = tally;
        Self { tasks: tally.all(), done, rejected, failed, pending }
    }
}

/// Looks at an output.
///
/// # Errors
/// A usage error when it is no output of a batch.
pub fn of(at: &Location) -> Result<Status> {
    let store = Store::existing(at)?;
    let plan = output::kept_plan(&store, at)?;
    let found = journal::found(&store)?;
    let (ledger, shards) = match &store {
        Store::Local(local) if found.is_empty() => {
            (Ledger::read_only(&local.root().join(CONTROL).join(ledger::FILE))?, Vec::new())
        }
        _ => of_shards(&store, &plan, &found)?,
    };
    Ok(Status {
        plan: plan.header.id.clone(),
        masters: plan.header.counts.masters,
        tasks: ledger.tally()?.into(),
        shards,
        reported: store.get(report::SUMS)?.is_some(),
        reasons: ledger.reasons(REASONS)?,
    })
}

fn of_shards(store: &Store, plan: &Plan, found: &[Shard]) -> Result<(Ledger, Vec<ShardStatus>)> {
    let mut all = Ledger::scratch()?;
    let mut shards = Vec::new();
    for &shard in found {
        let mut ledger = Ledger::scratch()?;
        journal::load(store, shard, &mut ledger)?;
        journal::load(store, shard, &mut all)?;
        ledger.begin(plan, |task| shard.has(&plan.masters[task.master].name))?;
        let complete = journal::marker(store, shard)?.is_some_and(|done| done.plan == plan.header.id);
        shards.push(ShardStatus { shard: shard.to_string(), complete, tasks: ledger.tally()?.into() });
    }
    all.begin(plan, |_| true)?;
    Ok((all, shards))
}
