//! The ledger: a row per task in an SQLite file beside the outputs, which people can ask in SQL while a batch runs.
//!
//! Files are durable before their row says so. A row that a power cut takes away costs work, never a file.

use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::exit::{Exit, Failure, Result};

use super::plan::Plan;
use super::row::{Row, State};
use super::unit::Task;

/// The ledger's file inside the control folder.
pub const FILE: &str = "ledger.sqlite";
/// A task in whose work the program died so often is given up: it would end every run.
pub const MAX_DEATHS: u32 = 5;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS task (
        name TEXT PRIMARY KEY,
        place INTEGER,
        key TEXT NOT NULL,
        state TEXT NOT NULL,
        working INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        reason TEXT,
        finished TEXT,
        seconds REAL,
        row TEXT
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS place ON task (place);
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/// The ledger of one output, or of one shard of it.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
}

/// Numbers of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not done yet.
    pub pending: u64,
    /// Done.
    pub done: u64,
    /// Rejected by the gate.
    pub rejected: u64,
    /// Failed.
    pub failed: u64,
}

impl Tally {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.pending + self.done + self.rejected + self.failed
    }

    fn add(&mut self, state: &str, n: u64) {
        match state {
            "done" => self.done += n,
            "rejected" => self.rejected += n,
            "failed" => self.failed += n,
            _ => self.pending += n,
        }
    }
}

fn failed(error: rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode::DiskFull;
    let full = matches!(&error, rusqlite::Error::SqliteFailure(inner, _) if inner.code == DiskFull);
    let error = anyhow::Error::new(error).context("the ledger cannot be read or written");
    let kind = std::io::ErrorKind::StorageFull;
    let error = if full { anyhow::Error::new(std::io::Error::from(kind)).context(format!("{error:#}")) } else { error };
    Failure { exit: Exit::Input, error }
}

impl Ledger {
    /// Opens the ledger of an output, or makes it.
    ///
    /// # Errors
    /// When it cannot be written or is no ledger.
    pub fn open(path: &Path) -> Result<Self> {
        Self::prepare(Connection::open(path).map_err(failed)?)
    }

    /// A ledger that lasts as long as the process: where the lasting records are elsewhere.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn scratch() -> Result<Self> {
        // An empty name is a private file in the system's folder for temporary files, gone when it is closed.
        Self::prepare(Connection::open("").map_err(failed)?)
    }

    /// Opens a ledger for reading, beside a run that writes.
    ///
    /// # Errors
    /// When there is none.
    pub fn read_only(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        Ok(Self { connection })
    }

    fn prepare(connection: Connection) -> Result<Self> {
        connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(failed)?;
        // A temporary database has no write-ahead log and answers with another mode, which is fine.
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).map_err(failed)?;
        connection.pragma_update(None, "synchronous", "normal").map_err(failed)?;
        connection.execute_batch(TABLES).map_err(failed)?;
        Ok(Self { connection })
    }

    /// Takes over a plan's tasks: rows whose key is unchanged keep their state, changed ones are to be done again, and
    /// those that the plan no longer has are kept for what they know of their files.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn begin(&mut self, plan: &Plan, mine: impl Fn(Task) -> bool) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        transaction
            .execute_batch(
                "UPDATE task SET place = NULL; UPDATE task SET deaths = deaths + 1, working = 0 WHERE working = 1",
            )
            .map_err(failed)?;
        {
            let mut insert = transaction
                .prepare(
                    "INSERT INTO task (name, place, key, state) VALUES (?1, ?2, ?3, 'pending')
                     ON CONFLICT (name) DO UPDATE SET place = ?2,
                        state = CASE WHEN key = ?3 THEN state ELSE 'pending' END,
                        attempts = CASE WHEN key = ?3 THEN attempts ELSE 0 END,
                        deaths = CASE WHEN key = ?3 THEN deaths ELSE 0 END,
                        key = ?3",
                )
                .map_err(failed)?;
            for task in plan.tasks().filter(|&task| mine(task)) {
                insert.execute(params![plan.task_name(task), task.place as i64, plan.key(task)]).map_err(failed)?;
            }
        }
        transaction.execute("INSERT OR REPLACE INTO meta VALUES ('plan', ?1)", [&plan.header.id]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Places of the tasks that are to be done, in the plan's order, each with how often the program died in its work.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn pending(&self) -> Result<Vec<(usize, u32)>> {
        let query = "SELECT place, deaths FROM task WHERE place IS NOT NULL AND state = 'pending' ORDER BY place";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as usize, row.get(1)?))).map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    /// Notes that tasks are being worked on.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn start(&mut self, names: &[String]) -> Result<()> {
        self.each(names, "UPDATE task SET working = 1, attempts = attempts + 1 WHERE name = ?1")
    }

    /// Notes that tasks were put back, by an interruption and not by their fault.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn put_back(&mut self, names: &[String]) -> Result<()> {
        self.each(names, "UPDATE task SET working = 0, attempts = attempts - 1 WHERE name = ?1")
    }

    /// Marks tasks as to be done again.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn redo(&mut self, names: &[String]) -> Result<()> {
        self.each(names, "UPDATE task SET state = 'pending' WHERE name = ?1")
    }

    fn each(&mut self, names: &[String], update: &str) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        for name in names {
            transaction.prepare_cached(update).and_then(|mut update| update.execute([name])).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Marks all tasks in a state as to be done again.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn redo_all(&mut self, state: State) -> Result<usize> {
        let update = "UPDATE task SET state = 'pending', deaths = 0 WHERE place IS NOT NULL AND state = ?1";
        self.connection.execute(update, [state.name()]).map_err(failed)
    }

    /// Writes what became of tasks, all or none of it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn record(&mut self, rows: &[Row], seconds: f64) -> Result<()> {
        let finished = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let transaction = self.connection.transaction().map_err(failed)?;
        for row in rows {
            let text =
                serde_json::to_string(row).map_err(|error| Failure { exit: Exit::Input, error: error.into() })?;
            let update = "UPDATE task SET state = ?2, key = ?3, reason = ?4, finished = ?5, seconds = ?6, row = ?7,
                              working = 0, deaths = 0 WHERE name = ?1";
            transaction
                .prepare_cached(update)
                .and_then(|mut update| {
                    update.execute(params![row.task, row.state.name(), row.key, row.reason, finished, seconds, text])
                })
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Takes over a row that another process made, whatever plan it was made for.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn import<'a>(&mut self, rows: impl Iterator<Item = Result<Row>> + 'a) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        for row in rows {
            let row = row?;
            let text =
                serde_json::to_string(&row).map_err(|error| Failure { exit: Exit::Input, error: error.into() })?;
            let insert = "INSERT OR REPLACE INTO task (name, key, state, reason, row) VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction
                .prepare_cached(insert)
                .and_then(|mut insert| insert.execute(params![row.task, row.key, row.state.name(), row.reason, text]))
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// The row that a task has, perhaps of an earlier recipe.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn row(&self, name: &str) -> Result<Option<Row>> {
        let query = "SELECT row FROM task WHERE name = ?1";
        let text: Option<Option<String>> =
            self.connection.query_row(query, [name], |row| row.get(0)).optional().map_err(failed)?;
        Ok(text.flatten().and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Hands over every task of the plan in its order: name, key, and its row's text if it is done, rejected or failed.
    ///
    /// # Errors
    /// When the ledger cannot be read, and those of `each`.
    pub fn for_each(&self, mut each: impl FnMut(&str, &str, Option<&str>) -> Result<()>) -> Result<()> {
        let query = "SELECT name, key, CASE WHEN state = 'pending' THEN NULL ELSE row END FROM task
                     WHERE place IS NOT NULL ORDER BY place";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (name, key, text): (String, String, Option<String>) =
                (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
            each(&name, &key, text.as_deref())?;
        }
        Ok(())
    }

    /// How the plan's tasks stand.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn tally(&self) -> Result<Tally> {
        let query = "SELECT state, COUNT(*) FROM task WHERE place IS NOT NULL GROUP BY state";
        let mut tally = Tally::default();
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        for row in rows.map_err(failed)? {
            let (state, n) = row.map_err(failed)?;
            tally.add(&state, n as u64);
        }
        Ok(tally)
    }

    /// The commonest reasons of tasks that are rejected or failed, with their numbers.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn reasons(&self, most: usize) -> Result<Vec<(String, String, u64)>> {
        let query = "SELECT state, reason, COUNT(*) AS n FROM task WHERE place IS NOT NULL AND reason IS NOT NULL
                     AND state IN ('failed', 'rejected') GROUP BY state, reason ORDER BY n DESC, state, reason LIMIT ?1";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let rows = statement
            .query_map([most as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)))
            .map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::resize_plan;
    use super::*;

    fn row(plan: &Plan, place: usize, state: State) -> Row {
        let task = plan.tasks().nth(place).unwrap();
        Row {
            task: plan.task_name(task),
            master: String::new(),
            operation: "resize".to_owned(),
            variant: None,
            state,
            reason: (state == State::Failed).then(|| "bad".to_owned()),
            key: plan.key(task),
            gate: None,
            color: None,
            files: Vec::new(),
        }
    }

    fn places(ledger: &Ledger) -> Vec<usize> {
        ledger.pending().unwrap().into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn unchanged_work_is_kept_and_changed_work_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let plan = resize_plan(folder.path(), &["a", "b", "c"]);
        {
            let mut ledger = Ledger::open(&file).unwrap();
            ledger.begin(&plan, |_| true).unwrap();
            ledger.record(&[row(&plan, 0, State::Done), row(&plan, 1, State::Failed)], 0.1).unwrap();
        }
        let mut ledger = Ledger::open(&file).unwrap();
        ledger.begin(&plan, |_| true).unwrap();
        assert_eq!(places(&ledger), [2]);
        assert_eq!(ledger.reasons(9).unwrap(), [("failed".to_owned(), "bad".to_owned(), 1)]);
        let changed = resize_plan(folder.path(), &["A", "b", "c", "d"]);
        ledger.begin(&changed, |_| true).unwrap();
        assert_eq!(places(&ledger), [0, 2, 3]);
        assert!(ledger.row("resize/m000.jpg").unwrap().is_some(), "what it made before is remembered");
        ledger.begin(&plan, |task| task.place < 2).unwrap();
        assert_eq!(ledger.tally().unwrap().all(), 2, "tasks that are not asked for do not count");
        ledger.redo_all(State::Failed).unwrap();
        assert_eq!(places(&ledger), [0, 1]);
    }

    #[test]
    fn deaths_are_counted_interruptions_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let plan = resize_plan(folder.path(), &["a", "b"]);
        let mut ledger = Ledger::scratch().unwrap();
        let name = |place: usize| vec![plan.task_name(plan.tasks().nth(place).unwrap())];
        for _ in 0..3 {
            ledger.begin(&plan, |_| true).unwrap();
            ledger.start(&name(0)).unwrap();
            ledger.start(&name(1)).unwrap();
            ledger.put_back(&name(1)).unwrap();
        }
        ledger.begin(&plan, |_| true).unwrap();
        assert_eq!(ledger.pending().unwrap(), [(0, 3), (1, 0)]);
        ledger.record(&[row(&plan, 0, State::Done)], 0.1).unwrap();
        ledger.begin(&plan, |_| true).unwrap();
        assert_eq!(ledger.tally().unwrap(), Tally { pending: 1, done: 1, ..Tally::default() });
    }
}
