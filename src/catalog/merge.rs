//! The report of all shards together, which equals that of a single run.

use crate::exit::{Exit, Failure, Result};

use super::journal;
use super::ledger::Ledger;
use super::plan::Plan;
use super::report::{self, Summary};
use super::shard::Shard;
use super::store::Store;

/// Incomplete shards that a refusal names.
const MAX_NAMED: usize = 20;

/// Merges the shards of a plan. `of` says how many there are, where the output does not leave it in no doubt.
///
/// # Errors
/// A usage error naming the shards that are not done; an input failure when rows are lost or doubled.
pub fn merge(store: &Store, plan: &Plan, of: Option<u32>) -> Result<Summary> {
    let of = match of {
        Some(of) => of,
        None => number(store)?,
    };
    let shards: Vec<Shard> = (0..of).map(|index| Shard::nth(index, of)).collect();
    let mut ledger = Ledger::scratch()?;
    let (mut incomplete, mut rows) = (Vec::new(), 0);
    for &shard in &shards {
        match journal::marker(store, shard)?.filter(|done| done.plan == plan.header.id) {
            Some(done) => {
                journal::take(store, shard, &done, &mut ledger)?;
                rows += done.rows;
            }
            None => incomplete.push(shard.to_string()),
        }
    }
    if !incomplete.is_empty() {
        let more = incomplete.len().saturating_sub(MAX_NAMED);
        let named = incomplete[..incomplete.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(Failure::usage(format!(
            "not done: shards {named}{more}: run them again, they continue where they stopped"
        )));
    }
    ledger.begin(plan, |_| true)?;
    let tally = ledger.tally()?;
    if tally.pending > 0 || rows != plan.header.counts.tasks {
        return Err(Failure::new(
            Exit::Input,
            format!("the shards have {rows} rows, {} of the plan's {} are missing", tally.pending, tally.all()),
        ));
    }
    report::write(plan, &ledger, store)
}

/// How many shards there are, when all that is found agrees.
fn number(store: &Store) -> Result<u32> {
    let mut numbers: Vec<u32> = journal::found(store)?.into_iter().map(Shard::of).collect();
    numbers.dedup();
    match numbers.as_slice() {
        [] => Err(Failure::usage("there are no shards here: merge is for runs with --shard")),
        [of] => Ok(*of),
        _ => Err(Failure::usage(format!("there are shards of {numbers:?}: say which with --shards N"))),
    }
}
