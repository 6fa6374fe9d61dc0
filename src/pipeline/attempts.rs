//! From prepared cloth to verdicts: a variant that the gate rejects is dyed anew with another share of the network's correction.

use crate::exit::Result;
use crate::report::Verdict;

use super::candidate::Candidate;
use super::judged::{Judged, Standard};
use super::models::Models;
use super::prepared::Prepared;
use super::sizes::Profile;
use super::variants::Variant;

/// Shares of the network's correction in the attempts after the first: less of it down to the analytic dye alone, or more
/// where the first had none.
fn others(first: f32) -> [f32; 2] {
    if first > 0.0 { [first / 2.0, 0.0] } else { [0.5, 1.0] }
}

/// Dyes and judges variants, first with the share `network` of the network's correction. Each rejected one is tried again
/// until an attempt is accepted; when none is, the first stands.
/// The verdicts say how many attempts there were.
///
/// # Errors
/// As [`Candidate::dye`] and [`Judged::all`].
pub fn judged(
    prepared: &Prepared,
    models: &Models,
    variants: &[Variant],
    profile: &Profile,
    network: f32,
    standard: &Standard,
) -> Result<Vec<Judged>> {
    let article = &prepared.embedded.category.article;
    let attempt = |variants: &[Variant], network: f32| {
        let candidates = Candidate::dye(prepared, models, variants, profile, network)?;
        Judged::all(candidates, &models.finder, article, standard)
    };
    let mut all = attempt(variants, network)?;
    // A restyling knows no such network.
    let dyed = all.iter_mut().zip(variants).filter(|(_, variant)| variant.style.is_none());
    for (judged, variant) in dyed {
        let mut attempts = 1;
        for share in others(network) {
            if judged.verdict().verdict != Verdict::Rejected {
                break;
            }
            attempts += 1;
            let again = attempt(std::slice::from_ref(variant), share)?.pop();
            if let Some(again) = again.filter(|again| again.verdict().verdict == Verdict::Accepted) {
                *judged = again;
            }
        }
        judged.verdict_mut().attempts = attempts;
    }
    Ok(all)
}
