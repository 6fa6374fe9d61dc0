//! `rangrez batch`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{JobsArgs, WeightsArgs};
use crate::catalog::memory;

/// Whole catalogues: many masters × operations × sizes, resumed where they stopped, on one machine or many.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BatchCommand,
}

/// The commands of a batch.
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    Plan(BatchPlanArgs),
    Run(BatchRunArgs),
    Merge(BatchMergeArgs),
    Status(BatchStatusArgs),
    Retry(BatchRetryArgs),
}

/// Find and hash the masters of a manifest, and write an immutable plan with its costs.
///
/// A manifest is a TOML file of masters and operations, or a CSV table with a row per master; see docs/batch.md. Masters
/// are files, folders with all below them, or addresses (s3://, gs://, az://).
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "Examples:
  rangrez batch plan autumn.toml --dry-run
  rangrez batch plan autumn.toml -o autumn.plan
  rangrez batch plan season.csv -o s3://catalogue/season.plan")]
pub struct BatchPlanArgs {
    /// The manifest, .toml or .csv.
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// The plan to write; a file or an address.
    #[arg(short = 'o', long = "out", value_name = "PLAN", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// Print what there is to do and what it costs, without writing a plan.
    #[arg(long)]
    pub dry_run: bool,
    /// Masters to measure for the estimate of time and bytes; 0 measures none.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub sample: u16,
    /// Read masters in object stores too, to know them by their content and not by the store's tag.
    #[arg(long)]
    pub hash: bool,
    /// Print the plan's numbers as JSON.
    #[arg(long)]
    pub json: bool,
    /// Replace a plan that exists.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Make everything that a plan says and that is not there yet.
///
/// Killed at any moment, it continues where it stopped. Writes the pictures, then report.jsonl (a row per task) and
/// report.json (sums); with --shard, `batch merge` writes the report.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez batch run autumn.toml -o out
  rangrez batch run autumn.plan -o out --memory 4GiB --max-failures 100
  rangrez batch run s3://catalogue/autumn.plan -o s3://catalogue/out --shard auto/16")]
pub struct BatchRunArgs {
    /// A plan, or a manifest (.toml, .csv) that is planned first.
    #[arg(value_name = "PLAN|MANIFEST")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub run: BatchWorkArgs,
    /// Where the outputs go: a folder, or an address (s3://, gs://, az://).
    #[arg(short = 'o', long = "out", value_name = "OUT")]
    pub out: PathBuf,
    /// Replace files that exist and that no batch made.
    #[arg(long)]
    pub force: bool,
    /// Read files made before and compare them with their checksums; without, they are only looked for.
    #[arg(long)]
    pub verify: bool,
}

/// Try tasks again that failed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez batch retry out
  rangrez batch retry out --rejected")]
pub struct BatchRetryArgs {
    /// The output of a batch.
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Also tasks that the gate rejected.
    #[arg(long)]
    pub rejected: bool,
    #[command(flatten)]
    pub run: BatchWorkArgs,
}

/// How a batch works.
#[derive(Debug, Args)]
pub struct BatchWorkArgs {
    /// Do one part of the plan: 3/16 the third of sixteen; auto/16 with the index of a Kubernetes Indexed Job, a Slurm
    /// array (from 0) or an AWS Batch array; auto in a Slurm array without gaps.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Memory for everything, such as 4GiB [default: three quarters of what is free].
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    pub memory: Option<u64>,
    /// Stop when more tasks than this have failed in this run.
    #[arg(long, value_name = "N")]
    pub max_failures: Option<u64>,
    /// End with 0 when no task is left, even if some were rejected or failed, which the rows say: for engines that would
    /// start a shard again.
    #[arg(long)]
    pub settled_ok: bool,
    /// Print a JSON line for each task as it is finished.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Write the report of all shards together, once all are done.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez batch merge out
  rangrez batch merge s3://catalogue/out --shards 16")]
pub struct BatchMergeArgs {
    /// The output of a batch that ran in shards.
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// How many shards there are [default: what the output shows].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub shards: Option<u32>,
    /// Print the report's sums as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Say how a batch stands, while it runs or after.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez batch status out
  rangrez batch status s3://catalogue/out --json")]
pub struct BatchStatusArgs {
    /// The output of a batch.
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
