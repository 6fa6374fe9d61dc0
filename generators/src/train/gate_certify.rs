//! Certifies the gate's thresholds by photos that nothing else was chosen by.

use super::gate_data::altered::{Altered, Change};
use super::gate_data::augment::Recipe;
use super::gate_data::embeddings::{Cache, Job};
use super::gate_data::joined::partners;
use super::gate_data::photos::{Part, Photo};
use crate::Result;
use crate::gate::guarantee::{Guarantee, certify as certified};
use crate::gate::{Gate, Look, Scores};

/// The shares of false accepts that thresholds are certified for.
pub const SHARES: [f64; 3] = [0.02, 0.05, 0.1];
/// Probability that a bound of one share fails somewhere.
const DELTA: f64 = 0.05;
/// Sets of negatives that each category is tested on.
const SETS: usize = 2;
/// So many times the negatives that would do if none passed are collected before a set stands alone.
const ROOM: f64 = 2.0;

/// A photo of the guarantee part with its scores and those of a broken picture that was made of it.
struct Witness<'a> {
    covered: &'a [usize],
    photo: Option<Scores>,
    broken: Option<Scores>,
}

/// Thresholds for every category and every one of [`SHARES`], certified where the negatives suffice.
///
/// The negatives of a category are all photos of other categories, judged as the likeliest of its articles, and one broken
/// picture of each of its own photos: noisy, blurred, shuffled, sheared, cut off, covered, or joined with a photo of
/// another category. Where its broken pictures are too few, those of its department or of the whole tree stand for them.
///
/// # Errors
/// When a picture cannot be made or embedded.
pub fn certify(gate: &Gate, photos: &[Photo], cache: &mut Cache, threads: usize) -> Result<Vec<Guarantee>> {
    let taxonomy = gate.taxonomy();
    let known = |photo: &&Photo| taxonomy.covered(photo.source.name(), &photo.label).is_some();
    let chosen: Vec<&Photo> = photos.iter().filter(|p| p.part == Part::Guarantee).filter(known).collect();
    let witnesses = witnesses(gate, &chosen, cache, threads)?;
    let nodes = taxonomy.nodes();
    let categories: Vec<usize> =
        (taxonomy.articles()..nodes.len()).filter(|&node| nodes[node].parent.is_some()).collect();
    let delta = DELTA / (SETS * categories.len().max(1)) as f64;
    let mut guarantees = Vec::new();
    for share in SHARES {
        let least = (ROOM * delta.ln() / (1.0 - share).ln()).ceil() as usize;
        for &category in &categories {
            let others = others(gate, &witnesses, category);
            let places = taxonomy.upwards(category).map(Some).chain([None]);
            let sets = places.map(|place| (place, broken(gate, &witnesses, place)));
            // The place is chosen by how many there are, never by how they score.
            let mut sets: Vec<_> = sets.collect();
            let at = sets.iter().position(|(_, scores)| scores.len() >= least).unwrap_or(sets.len() - 1);
            let (place, broken) = sets.swap_remove(at);
            let place = place.map_or("everything", |node| nodes[node].name.as_str());
            let name = format!("broken and joined pictures of {place}");
            let negatives = [("photos of other categories", others), (name.as_str(), broken)];
            let accept = gate.settings().accept;
            let found = certified(&negatives, share, delta, accept);
            let (threshold, counted, certified) = match found {
                Some((threshold, counted)) => (threshold, counted, true),
                None => (accept, crate::gate::guarantee::counted(&negatives, accept, delta), false),
            };
            guarantees.push(Guarantee {
                category: nodes[category].name.clone(),
                false_accept: share,
                threshold,
                certified,
                negatives: counted,
                confidence: 1.0 - DELTA,
            });
        }
    }
    Ok(guarantees)
}

fn witnesses<'a>(gate: &'a Gate, photos: &[&Photo], cache: &mut Cache, threads: usize) -> Result<Vec<Witness<'a>>> {
    let plain: Vec<Job> = photos.iter().map(|p| Job { path: p.path.clone(), recipe: Recipe::Plain }).collect();
    let looks = cache.looks(&plain, threads)?;
    let recipes = [Recipe::Noisy, Recipe::Blurred, Recipe::Shuffled(4), Recipe::Sheared, Recipe::CutOff];
    let partners = partners(gate.taxonomy(), photos, "joined to certify");
    // One broken picture a photo: half of them joined or covered, half destroyed.
    let (mut made, mut altered) = (Vec::new(), Vec::new());
    for (i, (photo, partner)) in photos.iter().zip(partners).enumerate() {
        let path = || photo.path.clone();
        let change = |change| (i, Altered { path: path(), change });
        match (i % 2, i / 2 % 3, partner) {
            (0, 0, Some(partner)) => altered.push(change(Change::Beside(partner.path.clone()))),
            (0, 1, Some(partner)) => altered.push(change(Change::Above(partner.path.clone()))),
            (0, ..) => altered.push(change(Change::Covered)),
            _ => made.push((i, Job { path: path(), recipe: recipes[i / 2 % recipes.len()] })),
        }
    }
    let mut broken: Vec<Option<Look>> = photos.iter().map(|_| None).collect();
    let (places, jobs): (Vec<usize>, Vec<Job>) = made.into_iter().unzip();
    for (place, look) in places.into_iter().zip(cache.looks(&jobs, threads)?) {
        broken[place] = look;
    }
    let (places, jobs): (Vec<usize>, Vec<Altered>) = altered.into_iter().unzip();
    for (place, look) in places.into_iter().zip(cache.looks(&jobs, threads)?) {
        broken[place] = look;
    }
    // A fault of the pixels rejects whatever the scores are.
    let scored = |look: Option<Look>| look.map(|look| look.fault().is_none().then(|| gate.look(&look)));
    let each = photos.iter().zip(looks.into_iter().zip(broken));
    let witness = |(photo, (look, broken)): (&&Photo, (Option<Look>, Option<Look>))| {
        let covered = gate.taxonomy().covered(photo.source.name(), &photo.label)?;
        Some(Witness { covered, photo: scored(look)?, broken: scored(broken)? })
    };
    Ok(each.filter_map(witness).collect())
}

/// The best score of a picture as any of some articles; 0 when its pixels are broken.
fn best(gate: &Gate, scores: Option<&Scores>, articles: impl Iterator<Item = usize>) -> f32 {
    let Some(scores) = scores else { return 0.0 };
    articles.map(|article| gate.p_values(scores, article).score()).fold(0.0, f32::max)
}

/// Scores of the photos of other categories, as the likeliest article of this one.
fn others(gate: &Gate, witnesses: &[Witness], category: usize) -> Vec<f32> {
    let inside = &gate.taxonomy().nodes()[category].articles;
    let other = |w: &&Witness| !w.covered.iter().any(|article| inside.contains(article));
    witnesses.iter().filter(other).map(|w| best(gate, w.photo.as_ref(), inside.iter().copied())).collect()
}

/// Scores of the broken pictures of a place's photos, as what they were made of.
fn broken(gate: &Gate, witnesses: &[Witness], place: Option<usize>) -> Vec<f32> {
    let inside = |article: &usize| place.is_none_or(|node| gate.taxonomy().nodes()[node].articles.contains(article));
    let of_place = witnesses.iter().filter(|w| w.covered.iter().any(&inside));
    of_place.map(|w| best(gate, w.broken.as_ref(), w.covered.iter().copied().filter(|a| inside(a)))).collect()
}
