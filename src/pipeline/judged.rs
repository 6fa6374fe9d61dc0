//! Sixth stage: may the variant leave? Only this file can make a [`Cleared`], and only that can be resized and written.

use generators::gate::Look;

use crate::cli::GateMode;
use crate::exit::{Exit, OrExit, Result};
use crate::report::{GateEntry, Verdict};

use super::candidate::Candidate;
use super::catalog_photos::CatalogPhotos;
use super::models::Finder;

/// What variants are held to.
#[derive(Clone, Copy, Debug)]
pub struct Standard<'a> {
    /// What happens to those that fail.
    pub mode: GateMode,
    /// The certified share of false accepts whose thresholds count; the gate's own threshold when none.
    pub false_accept: Option<f64>,
    /// Real photos to compare them with.
    pub catalog: Option<&'a CatalogPhotos>,
}

/// A variant with its verdict.
#[derive(Debug)]
pub enum Judged {
    /// It may be written.
    Cleared(Cleared),
    /// It may not.
    Rejected(Rejected),
}

/// A variant that may be written: accepted, or let through by `--gate report` or `off`.
#[derive(Debug)]
pub struct Cleared {
    candidate: Candidate,
    verdict: GateEntry,
}

/// A variant that stays inside; there is no way from here to a file.
#[derive(Debug)]
pub struct Rejected {
    candidate: Candidate,
    verdict: GateEntry,
}

impl Judged {
    /// Judges whether the variants still look like `article`.
    ///
    /// # Errors
    /// An input failure when a model refuses.
    pub fn all(candidates: Vec<Candidate>, finder: &Finder, article: &str, standard: &Standard) -> Result<Vec<Self>> {
        let verdicts = verdicts(&candidates, finder, article, standard)?;
        let judged = candidates.into_iter().zip(verdicts).map(|(candidate, verdict)| {
            if verdict.verdict == Verdict::Rejected && standard.mode == GateMode::Strict {
                Self::Rejected(Rejected { candidate, verdict })
            } else {
                Self::Cleared(Cleared { candidate, verdict })
            }
        });
        Ok(judged.collect())
    }

    /// What the gate said.
    pub fn verdict(&self) -> &GateEntry {
        match self {
            Self::Cleared(cleared) => &cleared.verdict,
            Self::Rejected(rejected) => &rejected.verdict,
        }
    }

    /// Gives the variant's memory back, once it has been written and noted.
    pub fn recycle(self) {
        match self {
            Self::Cleared(cleared) => cleared.candidate.recycle(),
            Self::Rejected(rejected) => rejected.candidate.recycle(),
        }
    }

    /// What the gate said, to note more of it.
    pub(super) fn verdict_mut(&mut self) -> &mut GateEntry {
        match self {
            Self::Cleared(cleared) => &mut cleared.verdict,
            Self::Rejected(rejected) => &mut rejected.verdict,
        }
    }
}

impl Cleared {
    /// The variant.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// What the gate said.
    pub fn verdict(&self) -> &GateEntry {
        &self.verdict
    }
}

impl Rejected {
    /// The variant, for the report.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// What the gate said.
    pub fn verdict(&self) -> &GateEntry {
        &self.verdict
    }
}

fn verdicts(candidates: &[Candidate], finder: &Finder, article: &str, standard: &Standard) -> Result<Vec<GateEntry>> {
    if standard.mode == GateMode::Off {
        let off = GateEntry {
            verdict: Verdict::NotJudged,
            score: None,
            threshold: None,
            certified: None,
            reason: "the gate was off".to_owned(),
            attempts: 1,
            nearest: Vec::new(),
        };
        return Ok(vec![off; candidates.len()]);
    }
    let pictures: Vec<_> = candidates.iter().map(|c| &c.seen).collect();
    let judge = |(look, candidate): (Look, &Candidate)| {
        let verdict = match candidate.variant.style {
            // Another cloth may make a jacket a shirt, but no trousers; another colour may not even do the first.
            Some(_) => finder.gate.judge_in_other_cloth(&look, article, standard.false_accept),
            None => finder.gate.judge(&look, article, standard.false_accept),
        };
        let verdict = verdict.or_exit(Exit::Usage)?;
        Ok(GateEntry {
            verdict: if verdict.accepted { Verdict::Accepted } else { Verdict::Rejected },
            score: Some(rounded(verdict.score)),
            threshold: Some(rounded(verdict.threshold)),
            certified: standard.false_accept.map(|_| verdict.certified),
            reason: verdict.reason,
            attempts: 1,
            nearest: standard.catalog.map(|catalog| catalog.nearest(&look)).unwrap_or_default(),
        })
    };
    finder.looks(&pictures).or_exit(Exit::Input)?.into_iter().zip(candidates).map(judge).collect()
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
