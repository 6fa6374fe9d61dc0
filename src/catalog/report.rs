//! The report of a batch: `report.jsonl`, a row per task in the plan's order, and `report.json`, its sums.
//!
//! Neither holds a time or a number of attempts, so that the same plan gives the same bytes however often it was
//! interrupted and on however many machines it ran. Times are in the ledger.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};

use serde::Serialize;

use crate::exit::{Exit, Failure, OrExit, Result};

use super::ledger::Ledger;
use super::plan::Plan;
use super::row::{Row, State};
use super::store::Store;

/// Name and version of the schema.
pub const SCHEMA: &str = "rangrez.batch-report/1";
/// A row per task.
pub const ROWS: &str = "report.jsonl";
/// The sums.
pub const SUMS: &str = "report.json";
/// Reasons that the sums list.
const MAX_REASONS: usize = 100;

/// The sums of a batch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The plan's checksum.
    pub plan: String,
    /// Version of the program.
    pub version: &'static str,
    /// Whether no task is pending.
    pub complete: bool,
    /// Masters of the plan.
    pub masters: u64,
    /// Over all operations.
    #[serde(flatten)]
    pub sums: Sums,
    /// By operation.
    pub operations: BTreeMap<String, Sums>,
    /// Why tasks were rejected or failed, commonest first.
    pub reasons: Vec<Reason>,
}

/// Numbers of tasks and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Tasks.
    pub tasks: u64,
    /// Done: all files are written.
    pub done: u64,
    /// Of those, flagged by the gate under `gate = "report"`.
    pub flagged: u64,
    /// Rejected by the gate.
    pub rejected: u64,
    /// Failed.
    pub failed: u64,
    /// Not done.
    pub pending: u64,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why tasks were rejected or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `rejected` or `failed`.
    pub state: &'static str,
    /// In words.
    #[serde(rename = "reason")]
    pub text: String,
    /// Tasks with this reason.
    pub tasks: u64,
}

impl Sums {
    fn add(&mut self, row: &Row) {
        self.tasks += 1;
        match row.state {
            State::Pending => self.pending += 1,
            State::Done => self.done += 1,
            State::Rejected => self.rejected += 1,
            State::Failed => self.failed += 1,
        }
        self.flagged += u64::from(row.is_flagged());
        if row.state == State::Done {
            self.files += row.files.len() as u64;
            self.bytes += row.files.iter().map(|file| file.bytes).sum::<u64>();
        }
    }
}

impl Summary {
    /// The exit code that the batch ends with.
    pub fn exit(&self) -> Exit {
        match self.sums {
            Sums { failed, .. } if failed > 0 => Exit::Input,
            Sums { rejected, flagged, .. } if rejected + flagged > 0 => Exit::Rejected,
            _ => Exit::Done,
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Never in practice: all keys are strings.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).or_exit(Exit::Input)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Sums up the ledger, whose tasks are those of the plan or of one shard of it, and writes each row to `rows`.
///
/// # Errors
/// When the ledger cannot be read or `rows` not be written, or when they disagree.
pub fn sum_up(plan: &Plan, ledger: &Ledger, rows: &mut impl Write) -> Result<Summary> {
    let mut summary = Summary {
        schema: SCHEMA,
        plan: plan.header.id.clone(),
        version: crate::VERSION,
        masters: plan.header.counts.masters,
        ..Summary::default()
    };
    for operation in &plan.header.operations {
        summary.operations.insert(operation.name.clone(), Sums::default());
    }
    let mut reasons: BTreeMap<(State, String), u64> = BTreeMap::new();
    ledger.for_each(|name, key, text| {
        let row = match text {
            Some(text) => serde_json::from_str(text).or_exit(Exit::Input)?,
            None => pending(plan, name, key),
        };
        if row.task != name || row.key != key {
            return Err(Failure::input(format!("the ledger's row of {name} is of another recipe")));
        }
        summary.sums.add(&row);
        summary.operations.entry(row.operation.clone()).or_default().add(&row);
        if let Some(reason) = &row.reason {
            *reasons.entry((row.state, reason.clone())).or_default() += 1;
        }
        let mut line = serde_json::to_vec(&row).or_exit(Exit::Input)?;
        line.push(b'\n');
        rows.write_all(&line).or_exit(Exit::Input)
    })?;
    summary.complete = summary.sums.pending == 0;
    let reason = |((state, text), tasks): ((State, String), u64)| Reason { state: state.name(), text, tasks };
    summary.reasons = reasons.into_iter().map(reason).collect();
    summary.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.tasks));
    summary.reasons.truncate(MAX_REASONS);
    Ok(summary)
}

fn pending(plan: &Plan, name: &str, key: &str) -> Row {
    // The name is operation/master#variant, and an operation's name has no slash.
    let (operation, rest) = name.split_once('/').unwrap_or((name, ""));
    let known = plan.header.operations.iter().find(|other| other.name == operation);
    let has_variants = known.is_some_and(|operation| operation.kind.makes_variants());
    let (master, variant) = match rest.rsplit_once('#').filter(|_| has_variants) {
        Some((master, variant)) => (master, Some(variant.to_owned())),
        None => (rest, None),
    };
    Row {
        task: name.to_owned(),
        master: master.to_owned(),
        operation: operation.to_owned(),
        variant,
        state: State::Pending,
        reason: None,
        key: key.to_owned(),
        gate: None,
        color: None,
        files: Vec::new(),
    }
}

/// Writes both files of the report.
///
/// # Errors
/// As [`sum_up`], and when they cannot be written.
pub fn write(plan: &Plan, ledger: &Ledger, store: &Store) -> Result<Summary> {
    let folder = tempfile::tempdir().or_exit(Exit::Input)?;
    let path = folder.path().join(ROWS);
    let mut rows = BufWriter::new(File::create(&path).or_exit(Exit::Input)?);
    let summary = sum_up(plan, ledger, &mut rows)?;
    rows.flush().or_exit(Exit::Input)?;
    store.put_file(ROWS, &path)?;
    store.put(SUMS, summary.to_json()?)?;
    Ok(summary)
}
