//! Which photos count as solid-coloured garments: a rule on the program's own mask, palette and category, and a split by
//! sender.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pixels::color::LabImage;
use pixels::garment_stats::{GarmentStats, percentile};
use serde::{Deserialize, Serialize};

use super::figures::Cloth;
use crate::eval::program::{Found, Program};
use crate::eval::workers;
use crate::stream::split_fraction;
use crate::train::segmenter_data::index::VALIDATION;
use crate::{Error, Result};

/// The palette's first colour has at least this share of the garment.
pub const MAIN_SHARE: f32 = 0.9;
/// Share of the photo that the mask covers.
pub const COVERAGE: std::ops::RangeInclusive<f32> = 0.10..=0.85;
/// Least calibrated probability of the category.
pub const CONFIDENCE: f32 = 0.7;
/// Labels that do not say what a photo shows.
const VAGUE: [&str; 3] = ["Not sure", "Other", "Skip"];

/// Which part of the senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// For us to look at and to tune on.
    Tune,
    /// For the figures.
    Report,
}

/// A photo of the data set.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Name in the data set.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// Who took it.
    pub sender: String,
    /// The data set's label.
    pub label: String,
}

/// A solid-coloured garment.
pub struct Garment {
    /// Where it comes from.
    pub candidate: Candidate,
    /// What the program found.
    pub found: Found,
    /// Its measured cloth.
    pub cloth: Cloth,
    /// Median lightness of the whole photo.
    pub light: f32,
    /// Whether the palette has a second colour: a print, a logo, a trim.
    pub trimmed: bool,
}

#[derive(Deserialize)]
struct Row {
    image: String,
    sender_id: String,
    label: String,
}

/// The part of a sender: the segmenter's validation senders are reported on, so that their masks are unseen as well.
pub fn part_of(sender: &str) -> Part {
    if split_fraction(&format!("clothing/{sender}")) < VALIDATION { Part::Report } else { Part::Tune }
}

/// Photos of a part with a telling label, at most `each` per sender, in an order that depends on nothing but their names.
///
/// # Errors
/// [`Error::Data`] when the table is missing or malformed or lists nothing of that part.
pub fn candidates(data: &Path, part: Part, each: usize) -> Result<Vec<Candidate>> {
    let table = data.join("clothing/labels.csv");
    let bad = |reason: String| Error::Data { path: table.clone(), reason };
    let mut reader = csv::Reader::from_path(&table).map_err(|error| bad(error.to_string()))?;
    let mut senders: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for row in reader.deserialize() {
        let Row { image, sender_id, label } = row.map_err(|error| bad(error.to_string()))?;
        let path = data.join(format!("clothing/images/{image}.jpg"));
        if part_of(&sender_id) == part && !VAGUE.contains(&&*label) && path.is_file() {
            let candidate = Candidate { id: image, path, sender: sender_id.clone(), label };
            senders.entry(sender_id).or_default().push(candidate);
        }
    }
    let mut chosen = Vec::new();
    for (_, mut photos) in senders {
        sort_by_name_hash(&mut photos);
        photos.truncate(each);
        chosen.append(&mut photos);
    }
    sort_by_name_hash(&mut chosen);
    if chosen.is_empty() { Err(bad("lists no photo of this part".into())) } else { Ok(chosen) }
}

fn sort_by_name_hash(photos: &mut [Candidate]) {
    photos.sort_by(|a, b| split_fraction(&a.id).total_cmp(&split_fraction(&b.id)));
}

/// Finds the solid garments among the candidates, at most `each` per sender and `limit` in all, kept as `keep` wants them.
///
/// # Errors
/// When a photo cannot be read or a model fails.
pub fn solids<T: Send>(
    candidates: &[Candidate],
    (each, limit): (usize, usize),
    programs: &mut [Program],
    keep: impl Fn(&Program, Garment) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let mut senders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    // In blocks, so that little more is looked at than is needed.
    for block in candidates.chunks(64) {
        let found = workers::each(block, programs, |program, candidate| {
            look(program, candidate)?.map(|garment| keep(program, garment)).transpose()
        })?;
        for (candidate, kept_as) in block.iter().zip(found) {
            let Some(kept_as) = kept_as else { continue };
            let count = senders.entry(&candidate.sender).or_default();
            if *count < each && kept.len() < limit {
                *count += 1;
                kept.push(kept_as);
            }
        }
        if kept.len() >= limit {
            break;
        }
    }
    Ok(kept)
}

/// The garment of a photo if it is a solid.
fn look(program: &Program, candidate: &Candidate) -> Result<Option<Garment>> {
    let found = program.find(&candidate.path)?;
    if found.category.confidence < CONFIDENCE || !COVERAGE.contains(&found.mask.coverage()) {
        return Ok(None);
    }
    let lab = LabImage::from_srgb(&found.photo);
    let palette = GarmentStats::measure(&lab, &found.mask)?.map_or_else(Vec::new, |stats| stats.palette);
    if palette.first().is_none_or(|main| main.share < MAIN_SHARE) {
        return Ok(None);
    }
    let Some(cloth) = Cloth::new(&found.photo, &found.mask) else { return Ok(None) };
    let mut lightness: Vec<f32> = lab.data().iter().step_by(3).copied().collect();
    let light = percentile(&mut lightness, 0.5);
    Ok(Some(Garment { candidate: candidate.clone(), found, cloth, light, trimmed: palette.len() > 1 }))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn a_sender_is_on_one_side_and_at_most_some_photos_of_it_are_candidates() {
        let data = tempfile::tempdir().unwrap();
        let images = data.path().join("clothing/images");
        std::fs::create_dir_all(&images).unwrap();
        let mut table = "image,sender_id,label,kids,small_split\n".to_owned();
        for i in 0..300 {
            let label = if i % 10 == 0 { "Not sure" } else { "T-Shirt" };
            writeln!(table, "photo{i},{},{label},False,", i % 60).unwrap();
            std::fs::write(images.join(format!("photo{i}.jpg")), b"").unwrap();
        }
        std::fs::write(data.path().join("clothing/labels.csv"), table).unwrap();
        let of = |part| candidates(data.path(), part, 3).unwrap();
        let (tune, report) = (of(Part::Tune), of(Part::Report));
        let senders =
            |list: &[Candidate]| list.iter().map(|c| c.sender.clone()).collect::<std::collections::BTreeSet<_>>();
        assert!(senders(&tune).is_disjoint(&senders(&report)));
        assert!(!report.is_empty() && tune.len() > report.len());
        for sender in senders(&tune) {
            assert!(tune.iter().filter(|c| c.sender == sender).count() <= 3);
        }
        assert!(tune.iter().chain(&report).all(|c| c.label == "T-Shirt"));
    }
}
