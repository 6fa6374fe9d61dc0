//! The plan: an immutable list of all that a batch does. Whoever runs it, on one machine or on many, makes the same files.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use generators::gate::Gate;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::pipeline::models;

use super::cost::Cost;
use super::key;
use super::manifest::Manifest;
use super::masters::{self, Master};
use super::operation::{Operation, Steps};
use super::store::Sources;
use super::unit::Task;

/// Name and version of the schema; the number grows when a field changes its meaning.
pub const SCHEMA: &str = "rangrez.plan/1";

/// A plan, ready to run.
#[derive(Debug)]
pub struct Plan {
    /// First line of its file.
    pub header: Header,
    /// The masters, sorted by name: one line each.
    pub masters: Vec<Master>,
    /// The operations, ready to work.
    pub steps: Vec<Steps>,
}

/// What a plan says before its masters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// Checksum of all that the plan says, its costs left out.
    pub id: String,
    /// Version of the program that makes it and may run it.
    pub version: String,
    /// Checksums of the weights' files by name; none when no operation uses any.
    pub weights: BTreeMap<String, String>,
    /// The operations.
    pub operations: Vec<Operation>,
    /// What there is to do.
    pub counts: Counts,
    /// What it will take, if it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Masters.
    pub masters: u64,
    /// Masters that cannot be read.
    pub problems: u64,
    /// Bytes of all masters.
    pub bytes: u64,
    /// Tasks: variants of recolourings, and resizes.
    pub tasks: u64,
    /// Files.
    pub renditions: u64,
}

/// Refuses shares of false accepts that the gate has no thresholds for, before a night's work is planned on them.
fn certified(steps: &[Steps], weights: &Path) -> Result<()> {
    let shares: Vec<f64> = steps.iter().filter_map(|steps| steps.false_accept).collect();
    if shares.is_empty() {
        return Ok(());
    }
    let gate = Gate::load(weights).or_exit(Exit::Weights)?;
    shares.iter().try_for_each(|&share| gate.guarantees(share).map(drop).or_exit(Exit::Usage))
}

impl Plan {
    /// Finds and hashes the masters of a manifest. `weights` is the weights folder.
    ///
    /// # Errors
    /// Usage errors of masters and operations, two tasks that would write one file, weights that are missing.
    pub fn make(manifest: Manifest, sources: &Sources, read_remote: bool, weights: &Path) -> Result<Self> {
        let Manifest { masters, operations } = manifest;
        let masters = masters::find(&masters, sources, read_remote)?;
        let steps = operations.iter().map(Steps::of).collect::<Result<Vec<_>>>()?;
        let besides = models::besides(steps.iter().flat_map(|steps| &steps.variants));
        let needs_models = steps.iter().any(Steps::needs_models);
        certified(&steps, weights)?;
        let weights = if needs_models { models::checksums(weights, &besides)? } else { BTreeMap::new() };
        let header = Header {
            schema: SCHEMA.to_owned(),
            id: String::new(),
            version: crate::VERSION.to_owned(),
            weights,
            operations,
            counts: Counts::default(),
            cost: None,
        };
        let mut plan = Self::of(header, masters)?;
        plan.header.counts = plan.count();
        plan.header.id = plan.checksum()?;
        plan.check_names()?;
        Ok(plan)
    }

    fn of(header: Header, masters: Vec<Master>) -> Result<Self> {
        let steps = header.operations.iter().map(Steps::of).collect::<Result<_>>()?;
        Ok(Self { header, masters, steps })
    }

    /// Reads a plan's text and checks that nobody changed it.
    ///
    /// # Errors
    /// Usage errors: no plan, another schema, edited, or of another version of the program.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let header: Header = serde_json::from_slice(first)
            .map_err(|error| Failure::usage(format!("not a plan: {error}; make one with rangrez batch plan")))?;
        if header.schema != SCHEMA {
            return Err(Failure::usage(format!("its schema is {}, this program reads {SCHEMA}", header.schema)));
        }
        if header.version != crate::VERSION {
            return Err(Failure::usage(format!(
                "it was made by version {}, this is {}: plan again, what is unchanged is kept",
                header.version,
                crate::VERSION
            )));
        }
        let master = |(i, line)| {
            serde_json::from_slice::<Master>(line)
                .map_err(|error| Failure::usage(format!("line {}: not a master: {error}", i + 2)))
        };
        let masters: Vec<Master> = lines.enumerate().map(master).collect::<Result<_>>()?;
        let plan = Self::of(header, masters)?;
        let known = |o: &usize| *o < plan.steps.len();
        if plan.checksum()? != plan.header.id || !plan.masters.iter().all(|m| m.operations.iter().all(known)) {
            return Err(Failure::usage("it was changed after it was made: plans are immutable, plan again"));
        }
        Ok(plan)
    }

    /// The plan's file: one line of JSON for the header, one for each master.
    ///
    /// # Errors
    /// Never in practice: all keys are strings.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec(&self.header).or_exit(Exit::Input)?;
        for master in &self.masters {
            text.push(b'\n');
            serde_json::to_writer(&mut text, master).or_exit(Exit::Input)?;
        }
        text.push(b'\n');
        Ok(text)
    }

    fn checksum(&self) -> Result<String> {
        let header = Header { id: String::new(), cost: None, ..self.header.clone() };
        let mut text = serde_json::to_string(&header).or_exit(Exit::Input)?;
        for master in &self.masters {
            text.push('\n');
            text.push_str(&serde_json::to_string(master).or_exit(Exit::Input)?);
        }
        Ok(key::sha256(text.as_bytes()))
    }

    /// Every task in the plan's order: masters by name, their operations, the operations' variants.
    pub fn tasks(&self) -> impl Iterator<Item = Task> + '_ {
        let each = self.masters.iter().enumerate().flat_map(move |(master, entry)| {
            entry.operations.iter().flat_map(move |&operation| {
                (0..self.steps[operation].tasks()).map(move |variant| (master, operation, variant))
            })
        });
        each.enumerate().map(|(place, (master, operation, variant))| Task { place, master, operation, variant })
    }

    /// A task's name, the same in every plan that has it.
    pub fn task_name(&self, task: Task) -> String {
        let operation = &self.header.operations[task.operation].name;
        let master = &self.masters[task.master].name;
        match self.steps[task.operation].variant_name(task.variant) {
            Some(variant) => format!("{operation}/{master}#{variant}"),
            None => format!("{operation}/{master}"),
        }
    }

    /// A task's output key.
    pub fn key(&self, task: Task) -> String {
        let steps = &self.steps[task.operation];
        let weights = steps.needs_models().then_some(&self.header.weights);
        let master = self.masters[task.master].identity();
        key::key(&master, &steps.recipe(task.variant), &self.header.version, weights)
    }

    /// The files that a task makes.
    pub fn files(&self, task: Task) -> Vec<String> {
        let steps = &self.steps[task.operation];
        let base = steps.base(self.masters[task.master].stem(), task.variant);
        steps.profile.names(&base).collect()
    }

    fn count(&self) -> Counts {
        let renditions = |operation: usize| {
            let steps = &self.steps[operation];
            (steps.tasks() * steps.profile.names("").count()) as u64
        };
        let of = |value: fn(&Self, usize) -> u64| {
            self.masters.iter().flat_map(|m| &m.operations).map(|&o| value(self, o)).sum::<u64>()
        };
        let each: Vec<u64> = (0..self.steps.len()).map(renditions).collect();
        Counts {
            masters: self.masters.len() as u64,
            problems: self.masters.iter().filter(|master| master.problem.is_some()).count() as u64,
            bytes: self.masters.iter().map(|master| master.bytes).sum(),
            tasks: of(|plan, operation| plan.steps[operation].tasks() as u64),
            renditions: self.masters.iter().flat_map(|m| &m.operations).map(|&o| each[o]).sum(),
        }
    }

    /// Refuses plans in which two tasks would write one file.
    fn check_names(&self) -> Result<()> {
        let mut taken: HashSet<u64> = HashSet::with_capacity(self.header.counts.renditions as usize);
        for task in self.tasks() {
            for file in self.files(task) {
                let mut hash = DefaultHasher::new();
                file.hash(&mut hash);
                if !taken.insert(hash.finish()) {
                    return Err(Failure::usage(format!(
                        "{} would write {file}, which another task writes too: rename the master, or give the operation a \
                         folder of its own",
                        self.task_name(task)
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::location::Location;
    use super::super::operation::Kind;
    use super::super::operation::tests::recolor;
    use super::*;
    use std::fs;

    /// A plan of a resize over files with these contents.
    pub fn resize_plan(folder: &Path, contents: &[&str]) -> Plan {
        let masters = contents.iter().enumerate().map(|(i, content)| {
            let path = folder.join(format!("m{i:03}.jpg"));
            fs::write(&path, content).unwrap();
            (Location::Local(path), vec![0])
        });
        let operation =
            Operation { kind: Kind::Resize, name: "resize".to_owned(), regions: Vec::new(), ..recolor(&[]) };
        let manifest = Manifest { masters: masters.collect(), operations: vec![operation] };
        Plan::make(manifest, &Sources::default(), false, Path::new("weights")).unwrap()
    }

    #[test]
    fn a_plan_is_read_back_and_an_edited_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let plan = resize_plan(folder.path(), &["a", "b", "c"]);
        assert_eq!(plan.header.counts, Counts { masters: 3, problems: 0, bytes: 3, tasks: 3, renditions: 6 });
        let text = plan.to_bytes().unwrap();
        let again = Plan::parse(&text).unwrap();
        assert_eq!(again.to_bytes().unwrap(), text);
        let keys = |plan: &Plan| plan.tasks().map(|task| (plan.task_name(task), plan.key(task))).collect::<Vec<_>>();
        assert_eq!(keys(&plan), keys(&again));
        assert_eq!(keys(&plan)[1].0, "resize/m001.jpg");
        let edited = String::from_utf8(text).unwrap().replace("320w", "330w");
        assert!(Plan::parse(edited.as_bytes()).unwrap_err().line().contains("immutable"));
        assert!(Plan::parse(b"hello").unwrap_err().line().contains("not a plan"));
    }

    #[test]
    fn changed_content_changes_only_its_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let before = resize_plan(folder.path(), &["a", "b"]);
        let after = resize_plan(folder.path(), &["a", "B"]);
        let keys = |plan: &Plan| plan.tasks().map(|task| plan.key(task)).collect::<Vec<_>>();
        assert_eq!(keys(&before)[0], keys(&after)[0]);
        assert_ne!(keys(&before)[1], keys(&after)[1]);
        assert_ne!(before.header.id, after.header.id);
    }

    #[test]
    fn tasks_that_would_write_one_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "a.png"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        let operation = Operation { kind: Kind::Resize, regions: Vec::new(), ..recolor(&[]) };
        let masters = vec![(Location::Local(folder.path().to_owned()), vec![0])];
        let manifest = Manifest { masters, operations: vec![operation] };
        let failure = Plan::make(manifest, &Sources::default(), false, Path::new("weights")).unwrap_err();
        assert!(failure.line().contains("a.png would write a@320w.jpg"), "{}", failure.line());
    }
}
