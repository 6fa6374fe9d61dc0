//! One part of a plan for each of many machines: by hash of the master's name, so that a part stays the same whatever the
//! others do. Array engines tell each of their tasks its index.

use std::fmt;

use crate::exit::{Failure, Result};

use super::key;

/// Most shards of a plan.
const MAX: u32 = 100_000;

/// One of so many parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Index, from 0.
    index: u32,
    /// How many there are.
    of: u32,
}

impl Shard {
    /// The whole plan as one part.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Reads `I/N` (from 1/N to N/N), `auto/N`, or `auto`; `auto` asks the environment that `read` knows.
    ///
    /// # Errors
    /// Usage errors saying what is missing.
    pub fn parse(text: &str, read: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong =
            || Failure::usage(format!("--shard {text:?}: write I/N such as 3/16, auto/N, or auto in a Slurm array"));
        let (index, of) = match text.split_once('/') {
            Some((index, of)) => (index, Some(of.parse::<u32>().map_err(|_| wrong())?)),
            None if text == "auto" => ("auto", None),
            None => return Err(wrong()),
        };
        let shard = if index == "auto" {
            of_environment(of, &read)?
        } else {
            let index: u32 = index.parse().map_err(|_| wrong())?;
            Self { index: index.checked_sub(1).ok_or_else(wrong)?, of: of.ok_or_else(wrong)? }
        };
        if shard.of > MAX || shard.index >= shard.of {
            let Self { index, of } = shard;
            return Err(Failure::usage(format!("--shard {text}: index {index} (from 0) is not one of {of} shards")));
        }
        Ok(shard)
    }

    /// Shard number `index` (from 0) of `of`.
    pub fn nth(index: u32, of: u32) -> Self {
        Self { index, of }
    }

    /// How many shards there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether a master belongs to it.
    pub fn has(self, master: &str) -> bool {
        key::spread(master) % u64::from(self.of) == u64::from(self.index)
    }

    /// Its name in the control folder.
    pub fn name(self) -> String {
        format!("{:05}-of-{:05}", self.index + 1, self.of)
    }

    /// Reads a name of the control folder.
    pub fn of_name(name: &str) -> Option<Self> {
        let (number, of) = name.split_once("-of-")?;
        let shard = Self { index: number.parse::<u32>().ok()?.checked_sub(1)?, of: of.parse().ok()? };
        (shard.index < shard.of && shard.name() == name).then_some(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

/// The index that an array engine gave this process.
fn of_environment(of: Option<u32>, read: &impl Fn(&str) -> Option<String>) -> Result<Shard> {
    let number = |name: &str| -> Result<Option<u32>> {
        let Some(text) = read(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Failure::usage(format!("{name} is {text:?}, not an index")))
    };
    let size = |engine: &str| {
        of.ok_or_else(|| {
            Failure::usage(format!("{engine} does not say how many tasks there are: write --shard auto/N"))
        })
    };
    if let Some(index) = number("JOB_COMPLETION_INDEX")? {
        return Ok(Shard { index, of: size("Kubernetes")? });
    }
    if let Some(index) = number("AWS_BATCH_JOB_ARRAY_INDEX")? {
        return Ok(Shard { index, of: size("AWS Batch")? });
    }
    if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        // With N given, the array counts from 0, whichever of its tasks are running: --array=3,7 runs two again.
        if let Some(of) = of {
            return Ok(Shard { index: id, of });
        }
        let least = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let most = number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(id);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let count = number("SLURM_ARRAY_TASK_COUNT")?.unwrap_or(0);
        if count == 0 || most.checked_sub(least) != Some((count - 1) * step) || id < least {
            return Err(Failure::usage("this Slurm array has gaps: write --shard auto/N with N tasks counted from 0"));
        }
        return Ok(Shard { index: (id - least) / step, of: count });
    }
    Err(Failure::usage(
        "--shard auto: none of JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID and AWS_BATCH_JOB_ARRAY_INDEX is set: write --shard I/N",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Shard> {
        Shard::parse(text, |name| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn shards_are_read_from_text_and_engines() {
        let shard = |index, of| Shard { index, of };
        assert_eq!(parse("3/16", &[]).unwrap(), shard(2, 16));
        assert_eq!(parse("auto/4", &[("JOB_COMPLETION_INDEX", "0")]).unwrap(), shard(0, 4));
        assert_eq!(parse("auto/4", &[("AWS_BATCH_JOB_ARRAY_INDEX", "3")]).unwrap(), shard(3, 4));
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "10"),
            ("SLURM_ARRAY_TASK_STEP", "3"),
        ];
        assert_eq!(parse("auto", &slurm).unwrap(), shard(2, 4));
        assert_eq!(
            parse("auto/16", &[("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_COUNT", "2")]).unwrap(),
            shard(7, 16)
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        for (text, environment, says) in [
            ("0/4", &[][..], "write I/N"),
            ("5/4", &[], "not one of 4"),
            ("x", &[], "write I/N"),
            ("auto", &[], "none of JOB_COMPLETION_INDEX"),
            ("auto", &[("JOB_COMPLETION_INDEX", "1")], "auto/N"),
            ("auto/2", &[("JOB_COMPLETION_INDEX", "2")], "not one of 2"),
            (
                "auto",
                &[
                    ("SLURM_ARRAY_TASK_ID", "7"),
                    ("SLURM_ARRAY_TASK_COUNT", "2"),
                    ("SLURM_ARRAY_TASK_MIN", "3"),
                    ("SLURM_ARRAY_TASK_MAX", "7"),
                ],
                "has gaps",
            ),
        ] {
            let failure = parse(text, environment).unwrap_err();
            assert!(failure.exit.code() == 2 && failure.line().contains(says), "{text}: {}", failure.line());
        }
    }

    #[test]
    fn every_master_is_in_exactly_one_shard_and_shards_are_even() {
        let mut sizes = [0; 7];
        for i in 0..7000 {
            let master = format!("dresses/{i}.jpg");
            let owners: Vec<u32> = (0..7).filter(|&index| Shard::nth(index, 7).has(&master)).collect();
            assert_eq!(owners.len(), 1);
            sizes[owners[0] as usize] += 1;
        }
        assert!(sizes.iter().all(|n| (900..1100).contains(n)), "{sizes:?}");
        let shard = Shard::nth(2, 16);
        assert_eq!(Shard::of_name(&shard.name()), Some(shard));
        assert_eq!((Shard::of_name("3-of-16"), shard.to_string().as_str()), (None, "3/16"));
    }
}
