//! What is known of tasks: the ledger, and for shards the journal that outlasts it.

use crate::exit::Result;

use super::journal::Journal;
use super::ledger::Ledger;
use super::row::Row;
use super::store::Store;

/// The records of a run.
#[derive(Debug)]
pub struct Records {
    /// All rows. For a shard it lasts as long as the process.
    pub ledger: Ledger,
    /// Where a shard's rows are kept.
    pub journal: Option<Journal>,
}

impl Records {
    /// Notes that tasks are being worked on.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn start(&mut self, names: &[String]) -> Result<()> {
        self.ledger.start(names)
    }

    /// Notes that tasks were put back.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn put_back(&mut self, names: &[String]) -> Result<()> {
        self.ledger.put_back(names)
    }

    /// The row that a task has, perhaps of an earlier recipe.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn row(&self, name: &str) -> Result<Option<Row>> {
        self.ledger.row(name)
    }

    /// Writes what became of tasks, whose files are durable.
    ///
    /// # Errors
    /// When ledger or journal cannot be written.
    pub fn record(&mut self, store: &Store, rows: &[Row], seconds: f64) -> Result<()> {
        self.ledger.record(rows, seconds)?;
        self.journal.as_mut().map_or(Ok(()), |journal| journal.add(store, rows))
    }

    /// Makes sure that everything recorded outlasts the process.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn flush(&mut self, store: &Store) -> Result<()> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.flush(store))
    }
}
