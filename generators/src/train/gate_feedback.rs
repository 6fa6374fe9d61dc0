//! Moves the gate's threshold to where a person draws the line, by a list of accepted and rejected pictures.

use std::fmt;
use std::path::{Path, PathBuf};

use pixels::{Limits, decode};
use serde::Deserialize;

use crate::card::{Card, Threshold};
use crate::embedding::Embedder;
use crate::eval::gate::Rate;
use crate::eval::workers;
use crate::gate::{Gate, NAME};
use crate::stream::split_fraction;
use crate::{Error, Result, checkpoint};

/// Fewest accepted and fewest rejected pictures.
const LEAST: usize = 40;

/// One decision: a line of the CSV.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    file: PathBuf,
    #[serde(default)]
    sha256: String,
    article: String,
    #[serde(rename = "decision")]
    word: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Accept,
    Reject,
}

/// A decision with the gate's score of the same picture.
#[derive(Clone, Copy, Debug)]
struct Scored {
    score: f32,
    accepted: bool,
    chooses: bool,
}

/// How a threshold agrees with a person.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// Of the pictures that the person accepts, the share that the gate accepts.
    pub accepted: Rate,
    /// Of the pictures that the person rejects, the share that the gate rejects.
    pub rejected: Rate,
}

/// What a recalibration did, on the half of the decisions that chose nothing.
#[derive(Clone, Copy, Debug)]
pub struct Recalibration {
    /// The threshold before and how it agreed.
    pub before: (f32, Agreement),
    /// The threshold now and how it agrees.
    pub after: (f32, Agreement),
    /// Decisions that chose the threshold.
    pub chosen_by: usize,
}

/// Chooses the threshold by half of the decisions in a CSV with the columns `file` (from its own folder), `article`,
/// `decision` (`accept` or `reject`) and perhaps `sha256`, and writes the gate of `from` with it to the folder `to`.
///
/// Certified thresholds stay certified where the new one is lower, and are raised to it where it is higher.
///
/// # Errors
/// [`Error::Data`] for a malformed line, a file that is missing or changed, an unknown article, or too few decisions.
pub fn recalibrate(feedback: &Path, from: &Path, to: &Path, threads: usize) -> Result<Recalibration> {
    let bad = |reason: String| Error::Data { path: feedback.to_owned(), reason };
    let mut reader = csv::Reader::from_path(feedback).map_err(|error| bad(error.to_string()))?;
    let decisions: Vec<Decision> =
        reader.deserialize().collect::<std::result::Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    let gate = Gate::load(from)?;
    let folder = feedback.parent().unwrap_or(Path::new(""));
    let mut embedders = (0..threads.max(1)).map(|_| Embedder::load(from)).collect::<Result<Vec<_>>>()?;
    let scored = workers::each(&decisions, &mut embedders, |embedder, decision| {
        let path = folder.join(&decision.file);
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let sha256 = checkpoint::sha256_hex(&bytes);
        if !decision.sha256.is_empty() && !decision.sha256.eq_ignore_ascii_case(&sha256) {
            return Err(bad(format!("{} is not the file that was decided on: its sha256 is {sha256}", path.display())));
        }
        let picture = decode(&bytes, &Limits::default())?.image;
        let look = embedder.looks(&[&picture])?.pop().ok_or_else(|| Error::Input("nothing to look at".into()))?;
        let node = gate.taxonomy().find(&decision.article);
        let node = node.ok_or_else(|| bad(format!("`{}` is no article or category", decision.article)))?;
        let score = if look.fault().is_some() { 0.0 } else { gate.p_values(&gate.look(&look), node).score() };
        let chooses = split_fraction(&format!("feedback {sha256}")) < 0.5;
        Ok(Scored { score, accepted: decision.word == Word::Accept, chooses })
    })?;
    let count = |accepted: bool| scored.iter().filter(|s| s.accepted == accepted).count();
    if count(true) < LEAST || count(false) < LEAST {
        let (accepted, rejected) = (count(true), count(false));
        return Err(bad(format!(
            "{accepted} accepted and {rejected} rejected pictures; at least {LEAST} of each are needed"
        )));
    }
    let before = gate.settings().accept;
    let after = threshold(&scored);
    let made = Recalibration {
        before: (before, agreement(&scored, before)),
        after: (after, agreement(&scored, after)),
        chosen_by: scored.iter().filter(|s| s.chooses).count(),
    };
    write(feedback, from, to, &made)?;
    Ok(made)
}

/// The threshold with the fewest disagreements among the decisions that choose, accepted and rejected weighing the same.
fn threshold(scored: &[Scored]) -> f32 {
    let choosing: Vec<Scored> = scored.iter().filter(|s| s.chooses).copied().collect();
    let share = |accepted: bool, wrong: &dyn Fn(&Scored) -> bool| {
        let of: Vec<&Scored> = choosing.iter().filter(|s| s.accepted == accepted).collect();
        of.iter().filter(|s| wrong(s)).count() as f64 / of.len().max(1) as f64
    };
    let error = |at: f32| share(true, &|s| s.score < at) + share(false, &|s| s.score >= at);
    let mut candidates: Vec<f32> = choosing.iter().map(|s| s.score.max(1e-4)).collect();
    candidates.sort_unstable_by(f32::total_cmp);
    let best = candidates.into_iter().rev().min_by(|&a, &b| error(a).total_cmp(&error(b)));
    best.unwrap_or(1e-4)
}

fn agreement(scored: &[Scored], threshold: f32) -> Agreement {
    let of = |accepted: bool| scored.iter().filter(move |s| !s.chooses && s.accepted == accepted);
    Agreement {
        accepted: Rate::of(of(true).map(|s| s.score >= threshold)),
        rejected: Rate::of(of(false).map(|s| s.score < threshold)),
    }
}

fn write(feedback: &Path, from: &Path, to: &Path, made: &Recalibration) -> Result<()> {
    let mut card = Card::read(&checkpoint::card_path(from, NAME), NAME)?;
    let (accept, Agreement { accepted, rejected }) = made.after;
    let name = feedback.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let chosen = format!(
        "{} decisions of a person in {name}; on {} others it agrees with {:.3} of what is accepted and {:.3} of what is rejected",
        made.chosen_by,
        accepted.n + rejected.n,
        accepted.rate,
        rejected.rate
    );
    card.thresholds.insert("accept".into(), Threshold { value: f64::from(accept), chosen });
    for guarantee in &mut card.guarantees {
        let least = if guarantee.certified { guarantee.threshold } else { accept };
        guarantee.threshold = least.max(accept);
    }
    // Figures of the old threshold are not the new one's.
    card.metrics.retain(|metric| !metric.name.contains("accepted"));
    let weights = checkpoint::weights_path(from, NAME);
    let bytes = std::fs::read(&weights).map_err(Error::io(&weights))?;
    checkpoint::write_atomic(&checkpoint::weights_path(to, NAME), &bytes)?;
    card.write(&checkpoint::card_path(to, NAME))
}

impl fmt::Display for Recalibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chosen by {} decisions; agreement on the others:", self.chosen_by)?;
        for (word, (threshold, Agreement { accepted, rejected })) in [("before", self.before), ("after", self.after)] {
            writeln!(f, "  {word:<7}threshold {threshold:.4}  of accepted {accepted}  of rejected {rejected}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn the_threshold_moves_to_where_the_person_draws_the_line() {
        let mut stream = Stream::new(4, "feedback", 0);
        let scored: Vec<Scored> = (0..400)
            .map(|i| {
                let score = stream.uniform(0.0, 1.0);
                // One decision in twenty is a slip.
                let accepted = (score >= 0.3) != (i % 20 == 0);
                Scored { score, accepted, chooses: i % 2 == 0 }
            })
            .collect();
        let chosen = threshold(&scored);
        assert!((chosen - 0.3).abs() < 0.05, "{chosen}");
        let (now, then) = (agreement(&scored, chosen), agreement(&scored, 0.01));
        assert!(now.accepted.rate > 0.9 && now.rejected.rate > 0.9 && then.rejected.rate < 0.2);
    }

    #[test]
    fn unknown_columns_and_words_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("decisions.csv");
        for text in ["file,article,decision\na.jpg,Shirts,maybe\n", "file,article\na.jpg,Shirts\n"] {
            std::fs::write(&list, text).unwrap();
            let error = recalibrate(&list, folder.path(), folder.path(), 1).err().unwrap().to_string();
            assert!(error.contains("decisions.csv"), "{error}");
        }
    }
}
