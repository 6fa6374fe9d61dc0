//! The records of a shard, kept in the output itself: short files of rows while it runs, one file of all rows and then a
//! marker when it is done. What is not yet in a file when the program dies is made again, with the same bytes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure, OrExit, Result};

use super::key;
use super::ledger::Ledger;
use super::plan::Plan;
use super::row::Row;
use super::shard::Shard;
use super::store::Store;
use super::{CONTROL, report};

/// Rows that are gathered before they are written.
const MAX_ROWS: usize = 512;
/// Time that rows are gathered before they are written.
const MAX_AGE: Duration = Duration::from_secs(10);
/// All rows of a shard that is done.
const ROWS: &str = "rows.jsonl";
/// The marker of a shard that is done, written last.
const DONE: &str = "done.json";

/// What a shard's marker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The plan's checksum.
    pub plan: String,
    /// Rows in its file.
    pub rows: u64,
    /// SHA-256 of its file.
    pub sha256: String,
}

/// The journal of a shard that is being run.
#[derive(Debug)]
pub struct Journal {
    folder: String,
    /// Part of the files' names that no other process has, even on the same shard.
    process: String,
    written: usize,
    gathered: Vec<Row>,
    since: Instant,
}

/// The folder of all shards.
pub fn shards() -> String {
    format!("{CONTROL}/shards")
}

fn folder(shard: Shard) -> String {
    format!("{}/{}", shards(), shard.name())
}

impl Journal {
    /// A journal without rows.
    pub fn new(shard: Shard) -> Self {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let process = format!("{:013}-{:07}", started.as_millis(), std::process::id());
        Self { folder: folder(shard), process, written: 0, gathered: Vec::new(), since: Instant::now() }
    }

    /// Adds rows, and writes those that have been gathered when they are many or old enough.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn add(&mut self, store: &Store, rows: &[Row]) -> Result<()> {
        if self.gathered.is_empty() {
            self.since = Instant::now();
        }
        self.gathered.extend_from_slice(rows);
        if self.gathered.len() >= MAX_ROWS || self.since.elapsed() >= MAX_AGE { self.flush(store) } else { Ok(()) }
    }

    /// Writes the rows that have been gathered.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn flush(&mut self, store: &Store) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for row in &self.gathered {
            serde_json::to_writer(&mut text, row).or_exit(Exit::Input)?;
            text.push(b'\n');
        }
        store.put(&format!("{}/part-{}-{:05}.jsonl", self.folder, self.process, self.written), text)?;
        self.written += 1;
        self.gathered.clear();
        Ok(())
    }
}

/// Takes a shard's rows into a ledger, later ones in place of earlier ones.
///
/// # Errors
/// When they cannot be read.
pub fn load(store: &Store, shard: Shard, ledger: &mut Ledger) -> Result<()> {
    let names = store.list(&folder(shard))?.into_iter().map(|listed| listed.name);
    let mut names: Vec<String> = names.filter(|name| name.strip_suffix(".jsonl").is_some()).collect();
    // Parts begin with the time of their process, so that names sort by age; all rows of an earlier run come before.
    names.sort_by_key(|name| (!name.ends_with(ROWS), name.clone()));
    for name in &names {
        let text = store.get(name)?.unwrap_or_default();
        ledger.import(parse(name, &text))?;
    }
    Ok(())
}

fn parse<'a>(name: &'a str, text: &'a [u8]) -> impl Iterator<Item = Result<Row>> + 'a {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(move |line| {
        serde_json::from_slice(line).map_err(|error| Failure::input(format!("{name}: not a row of a batch: {error}")))
    })
}

/// Whether a shard's marker is there and of this plan.
///
/// # Errors
/// When the store cannot be reached.
pub fn marker(store: &Store, shard: Shard) -> Result<Option<Done>> {
    let text = store.get(&format!("{}/{DONE}", folder(shard)))?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// Takes a shard's marker away, before its rows change.
///
/// # Errors
/// When the store refuses.
pub fn reopen(store: &Store, shard: Shard) -> Result<()> {
    store.delete(&[format!("{}/{DONE}", folder(shard))])
}

/// Writes all rows of a shard that is done, then its marker, then removes the parts.
///
/// # Errors
/// When the store refuses.
pub fn close(store: &Store, shard: Shard, plan: &Plan, ledger: &Ledger) -> Result<()> {
    let parts = store.list(&folder(shard))?;
    let mut text = Vec::new();
    let summary = report::sum_up(plan, ledger, &mut text)?;
    let done = Done { plan: plan.header.id.clone(), rows: summary.sums.tasks, sha256: key::sha256(&text) };
    store.put(&format!("{}/{ROWS}", folder(shard)), text)?;
    let marker = serde_json::to_vec(&done).or_exit(Exit::Input)?;
    store.put(&format!("{}/{DONE}", folder(shard)), marker)?;
    let parts = parts.into_iter().map(|listed| listed.name).filter(|name| name.contains("/part-"));
    store.delete(&parts.collect::<Vec<_>>())
}

/// Takes the rows of a shard that is done into a ledger.
///
/// # Errors
/// When they are not those that the marker speaks of.
pub fn take(store: &Store, shard: Shard, done: &Done, ledger: &mut Ledger) -> Result<()> {
    let name = format!("{}/{ROWS}", folder(shard));
    let text = store.get(&name)?.unwrap_or_default();
    if key::sha256(&text) != done.sha256 {
        return Err(Failure::input(format!(
            "{name} is not the file that its marker speaks of: run shard {shard} again"
        )));
    }
    ledger.import(parse(&name, &text).map(|row| {
        let row = row?;
        if shard.has(&row.master) {
            Ok(row)
        } else {
            Err(Failure::input(format!("{name}: {} is not of shard {shard}", row.task)))
        }
    }))
}

/// The shards that have left something in an output.
///
/// # Errors
/// When the store cannot be reached.
pub fn found(store: &Store) -> Result<Vec<Shard>> {
    let prefix = shards();
    let listed = store.list(&prefix)?;
    let names =
        listed.iter().filter_map(|listed| listed.name.strip_prefix(&prefix)?.trim_start_matches('/').split('/').next());
    let mut shards: Vec<Shard> = names.filter_map(Shard::of_name).collect();
    shards.sort_by_key(|shard| shard.name());
    shards.dedup();
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::super::local::LocalStore;
    use super::super::plan::tests::resize_plan;
    use super::super::row::State;
    use super::super::schedule::rows;
    use super::super::unit;
    use super::*;
    use std::path::Path;

    fn store(root: &Path) -> Store {
        let mut local = LocalStore::open(root).unwrap();
        local.claim("test").unwrap();
        Store::Local(local)
    }

    #[test]
    fn rows_outlast_the_process_and_the_marker_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let plan = resize_plan(folder.path(), &["a", "b", "c", "d", "e"]);
        let store = store(&folder.path().join("out"));
        let shard = Shard::nth(1, 2);
        let mine = |task: unit::Task| shard.has(&plan.masters[task.master].name);
        let units = unit::gather(plan.tasks().filter(|&task| mine(task)).map(|task| (task, plan.key(task))));
        assert!((1..5).contains(&units.len()));
        let mut journal = Journal::new(shard);
        for unit in &units {
            journal.add(&store, &rows(&plan, unit)).unwrap();
            journal.flush(&store).unwrap();
        }
        let mut ledger = Ledger::scratch().unwrap();
        load(&store, shard, &mut ledger).unwrap();
        ledger.begin(&plan, mine).unwrap();
        assert_eq!(ledger.tally().unwrap().done, units.len() as u64);
        assert!(marker(&store, shard).unwrap().is_none());
        close(&store, shard, &plan, &ledger).unwrap();
        let done = marker(&store, shard).unwrap().unwrap();
        assert_eq!((done.rows, found(&store).unwrap()), (units.len() as u64, vec![shard]));
        assert_eq!(store.list(&super::folder(shard)).unwrap().len(), 2, "parts are removed");
        let mut merged = Ledger::scratch().unwrap();
        take(&store, shard, &done, &mut merged).unwrap();
        store.put(&format!("{}/{ROWS}", super::folder(shard)), b"{}\n".to_vec()).unwrap();
        assert!(take(&store, shard, &done, &mut merged).unwrap_err().line().contains("run shard 2/2 again"));
        assert_eq!(rows(&plan, &units[0])[0].state, State::Done);
    }
}
