//! From prepared cloth to verdicts: a variant that the gate rejects is dyed anew with less of the network's correction.

use crate::exit::Result;
use crate::report::Verdict;

use super::candidate::Candidate;
use super::judged::{Judged, Standard};
use super::models::Models;
use super::prepared::Prepared;
use super::sizes::Profile;
use super::variants::Variant;

/// Share of the network's correction in the first attempt and in those after it; the last is the analytic dye alone.
pub const STRENGTHS: [f32; 3] = [1.0, 0.5, 0.0];

/// Dyes and judges variants. Each rejected one is tried again until an attempt is accepted; when none is, the first stands.
/// The verdicts say how many attempts there were.
///
/// # Errors
/// As [`Candidate::dye`] and [`Judged::all`].
pub fn judged(
    prepared: &Prepared,
    models: &Models,
    variants: &[Variant],
    profile: &Profile,
    standard: &Standard,
) -> Result<Vec<Judged>> {
    let article = &prepared.embedded.category.article;
    let attempt = |variants: &[Variant], strength: f32| {
        let candidates = Candidate::dye(prepared, models, variants, profile, strength)?;
        Judged::all(candidates, &models.finder, article, standard)
    };
    let mut all = attempt(variants, STRENGTHS[0])?;
    // A restyling has no network to weaken.
    let dyed = all.iter_mut().zip(variants).filter(|(_, variant)| variant.style.is_none());
    for (judged, variant) in dyed {
        let mut attempts = 1;
        for &strength in &STRENGTHS[1..] {
            if judged.verdict().verdict != Verdict::Rejected {
                break;
            }
            attempts += 1;
            let again = attempt(std::slice::from_ref(variant), strength)?.pop();
            if let Some(again) = again.filter(|again| again.verdict().verdict == Verdict::Accepted) {
                *judged = again;
            }
        }
        judged.verdict_mut().attempts = attempts;
    }
    Ok(all)
}
