//! Batch runs: masters × operations × sizes, overnight, and continued when the machine dies.
//!
//! Manifest → Plan → tasks still to do → fetched → made → stored → recorded → Report. [`run`] reads in that order.

pub mod cost;
pub mod journal;
pub mod key;
pub mod ledger;
pub mod local;
pub mod location;
pub mod lock;
pub mod manifest;
pub mod manifest_csv;
pub mod masters;
pub mod merge;
pub mod operation;
pub mod output;
pub mod plan;
pub mod progress;
pub mod records;
pub mod remote;
pub mod report;
pub mod row;
pub mod run;
pub mod schedule;
pub mod shard;
pub mod status;
pub mod store;
pub mod unit;
pub mod work;

pub use resizing::{budget, memory};

/// Folder inside an output folder or prefix that holds everything that is not a picture or a report.
pub const CONTROL: &str = ".rangrez";
