//! `rangrez batch`: the command line's part; the work is in `catalog`.

use std::path::Path;

use crate::catalog::cost;
use crate::catalog::location::Location;
use crate::catalog::manifest::{self, Manifest};
use crate::catalog::memory;
use crate::catalog::merge;
use crate::catalog::output;
use crate::catalog::plan::{Counts, Plan};
use crate::catalog::progress::duration;
use crate::catalog::row::State;
use crate::catalog::run::{self, Ended, Options};
use crate::catalog::shard::Shard;
use crate::catalog::status;
use crate::catalog::store::{self, Sources, Store};
use crate::catalog::{journal, report};
use crate::cli::{
    BatchCommand, BatchMergeArgs, BatchPlanArgs, BatchRetryArgs, BatchRunArgs, BatchStatusArgs, BatchWorkArgs,
};
use crate::exit::{Exit, OrExit, Result};
use crate::pipeline::{batch, weights};
use crate::terminal::{clean, data_line, tell};

/// Runs a batch command.
///
/// # Errors
/// What is wrong before work starts, or what ended it early.
pub fn run(command: &BatchCommand) -> Result<Exit> {
    match command {
        BatchCommand::Plan(args) => plan(args),
        BatchCommand::Run(args) => run_plan(args),
        BatchCommand::Merge(args) => merge_shards(args),
        BatchCommand::Status(args) => show_status(args),
        BatchCommand::Retry(args) => retry(args),
    }
}

fn plan(args: &BatchPlanArgs) -> Result<Exit> {
    let sources = Sources::default();
    let folder = weights::folder(&args.weights);
    let mut plan = Plan::make(Manifest::read(&args.manifest)?, &sources, args.hash, &folder)?;
    if args.sample > 0 {
        plan.header.cost = cost::measure(&plan, &sources, folder, usize::from(args.sample))?;
    }
    if let (Some(out), false) = (&args.out, args.dry_run) {
        store::write(&Location::named(out)?, plan.to_bytes()?, args.force)?;
    }
    if args.json {
        let header =
            serde_json::json!({ "id": plan.header.id, "counts": plan.header.counts, "cost": plan.header.cost });
        data_line(&header.to_string());
    } else {
        let jobs = batch::jobs(args.jobs.jobs, plan.masters.len());
        summary(&plan, jobs).iter().for_each(|line| data_line(line));
    }
    for master in plan.masters.iter().filter(|master| master.problem.is_some()).take(MAX_TOLD) {
        tell(&format!("{}: {}", clean(&master.at), master.problem.as_deref().unwrap_or_default()));
    }
    Ok(if plan.header.counts.problems > 0 { Exit::Input } else { Exit::Done })
}

/// Problems that are told one by one.
const MAX_TOLD: usize = 12;

/// What there is to do and what it costs, for people.
fn summary(plan: &Plan, jobs: usize) -> Vec<String> {
    let Counts { masters, problems, bytes, tasks, renditions } = plan.header.counts;
    let mut lines = vec![format!(
        "{masters} masters ({}{}), {tasks} tasks, {renditions} files",
        memory::size(bytes),
        if problems > 0 { format!(", {problems} cannot be read") } else { String::new() }
    )];
    for (operation, steps) in plan.header.operations.iter().zip(&plan.steps) {
        lines.push(format!(
            "  {}: {} variants × {} sizes × {} formats, quality {}",
            operation.name,
            steps.tasks(),
            steps.profile.size_names().len(),
            operation.formats.len(),
            operation.quality
        ));
    }
    if let Some(cost) = &plan.header.cost {
        let [seconds, low, high] = cost.worker_seconds.map(|seconds| duration(seconds / jobs as f64));
        let [bytes, fewer, more] = cost.bytes.map(|bytes| memory::size(bytes as u64));
        let [fastest, slowest] = cost.seconds_per_master;
        lines.push(format!(
            "about {seconds} with {jobs} jobs on idle cores ({low} to {high}) and {bytes} ({fewer} to {more}): 95% intervals from {} \
             masters, which took {fastest:.2} to {slowest:.2} s each",
            cost.sampled
        ));
        if cost.rejected + cost.failed > 0 {
            lines.push(format!(
                "of the masters measured, {} tasks were rejected and {} failed",
                cost.rejected, cost.failed
            ));
        }
    }
    lines.push(format!("plan {}", plan.header.id));
    lines
}

fn run_plan(args: &BatchRunArgs) -> Result<Exit> {
    let sources = Sources::default();
    let folder = weights::folder(&args.run.weights);
    let plan = if manifest::is_manifest(&args.plan) {
        Plan::make(Manifest::read(&args.plan)?, &sources, false, &folder)?
    } else {
        let at = Location::named(&args.plan)?;
        Plan::parse(&store::read(&at)?).map_err(|failure| named(failure, &args.plan))?
    };
    let options =
        Options { force: args.force, verify: args.verify, ..options(&args.run, &plan, Location::named(&args.out)?)? };
    Ok(told(&run::run(&plan, &sources, &options)?, &options))
}

fn retry(args: &BatchRetryArgs) -> Result<Exit> {
    let (at, sources) = (Location::named(&args.out)?, Sources::default());
    let (plan, found) = {
        let store = Store::existing(&at)?;
        (output::kept_plan(&store, &at)?, journal::found(&store)?)
    };
    let again = if args.rejected { vec![State::Failed, State::Rejected] } else { vec![State::Failed] };
    let asked = Options { again, ..options(&args.run, &plan, at)? };
    // Without --shard, all shards that are there, one after the other; an unsharded run in a store is one whole shard.
    let shards: Vec<Option<Shard>> = match asked.shard {
        None if found.iter().any(|shard| *shard != Shard::WHOLE) => found.into_iter().map(Some).collect(),
        shard => vec![shard],
    };
    let mut exit = Exit::Done;
    for shard in shards {
        let options = Options {
            shard,
            again: asked.again.clone(),
            out: asked.out.clone(),
            weights: asked.weights.clone(),
            ..asked
        };
        exit = exit.or_worse(told(&run::run(&plan, &sources, &options)?, &options));
    }
    Ok(exit)
}

fn options(args: &BatchWorkArgs, plan: &Plan, out: Location) -> Result<Options> {
    let read = |name: &str| std::env::var(name).ok();
    Ok(Options {
        out,
        shard: args.shard.as_deref().map(|text| Shard::parse(text, read)).transpose()?,
        jobs: batch::jobs(args.jobs.jobs, plan.masters.len()),
        memory: args.memory.unwrap_or_else(memory::default_budget),
        max_failures: args.max_failures,
        force: false,
        verify: false,
        settled_ok: args.settled_ok,
        json: args.json,
        again: Vec::new(),
        weights: weights::folder(&args.weights),
    })
}

/// Tells people how a run ended; its exit code.
fn told(ended: &Ended, options: &Options) -> Exit {
    let tally = &ended.tally;
    let part = options.shard.map(|shard| format!("shard {shard}: ")).unwrap_or_default();
    let pending = if tally.pending > 0 { format!(", {} not done", tally.pending) } else { String::new() };
    tell(&format!("{part}{} done, {} rejected, {} failed{pending}", tally.done, tally.rejected, tally.failed));
    if ended.summary.is_some() && !options.json {
        data_line(&clean(&options.out.join(report::SUMS).to_string()));
    }
    ended.exit
}

fn merge_shards(args: &BatchMergeArgs) -> Result<Exit> {
    let at = Location::named(&args.out)?;
    let store = Store::existing(&at)?;
    let plan = output::kept_plan(&store, &at)?;
    let summary = merge::merge(&store, &plan, args.shards)?;
    if args.json {
        data_line(&serde_json::to_string(&summary).or_exit(Exit::Input)?);
    } else {
        data_line(&clean(&at.join(report::SUMS).to_string()));
    }
    Ok(summary.exit())
}

fn show_status(args: &BatchStatusArgs) -> Result<Exit> {
    let at = Location::named(&args.out)?;
    let status = status::of(&at)?;
    if args.json {
        data_line(&serde_json::to_string(&status).or_exit(Exit::Input)?);
        return Ok(Exit::Done);
    }
    let line = |tasks: &status::Numbers| {
        let status::Numbers { tasks, done, rejected, failed, pending } = tasks;
        format!("{done} of {tasks} done, {rejected} rejected, {failed} failed, {pending} pending")
    };
    data_line(&format!("{} masters: {}", status.masters, line(&status.tasks)));
    for shard in &status.shards {
        let ending = if shard.complete { ", complete" } else { "" };
        data_line(&format!("  shard {}: {}{ending}", shard.shard, line(&shard.tasks)));
    }
    for (state, reason, n) in &status.reasons {
        data_line(&format!("  {n} {state}: {}", clean(reason)));
    }
    data_line(match (status.reported, status.tasks.pending) {
        (true, 0) => "the report is written",
        (true, _) => "the report is that of an unfinished run",
        (false, _) => "no report yet",
    });
    Ok(Exit::Done)
}

fn named(failure: crate::exit::Failure, path: &Path) -> crate::exit::Failure {
    crate::exit::Failure { exit: failure.exit, error: failure.error.context(format!("plan {}", path.display())) }
}
