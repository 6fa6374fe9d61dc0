//! Two photos in one picture: whom each photo is joined with, and the rows that teach the gate what such pictures look like.

use super::altered::{Altered, Change};
use super::augment::Recipe;
use super::embeddings::Cache;
use super::photos::{Part, Photo};
use super::rows::Row;
use crate::stream::Stream;
use crate::taxonomy::Taxonomy;
use crate::{Result, gate};

/// Pictures made of each photo that is learned from, with a border and with a window, so many of each.
const DRAWS: u32 = 2;

/// For every photo another of its source whose labels share no category with its own, where one is soon found.
pub fn partners<'a>(taxonomy: &Taxonomy, photos: &[&'a Photo], purpose: &str) -> Vec<Option<&'a Photo>> {
    let mut stream = Stream::new(0, purpose, 0);
    let categories = |photo: &Photo| -> Vec<usize> {
        let covered = taxonomy.covered(photo.source.name(), &photo.label).unwrap_or_default();
        covered.iter().map(|&article| taxonomy.category_of(article)).collect()
    };
    let of: Vec<Vec<usize>> = photos.iter().map(|photo| categories(photo)).collect();
    let partner = |i: usize| {
        let mut drawn = (0..200).map(|_| stream.below(photos.len()));
        let fits = |&j: &usize| photos[j].source == photos[i].source && !of[j].iter().any(|c| of[i].contains(c));
        drawn.find(fits).map(|j| photos[j])
    };
    (0..photos.len()).map(partner).collect()
}

/// Pictures of two photos that may be learned from; what either may be is in `covered`.
///
/// # Errors
/// As [`Cache::quarters`].
pub fn rows(photos: &[Photo], taxonomy: &Taxonomy, cache: &mut Cache, threads: usize) -> Result<Vec<Row>> {
    let covered = |photo: &Photo| taxonomy.covered(photo.source.name(), &photo.label).unwrap_or_default();
    let mut found = Vec::new();
    for part in [Part::Train, Part::Selection] {
        let of_part = photos.iter().filter(|photo| photo.part == part && !covered(photo).is_empty());
        let of_part: Vec<&Photo> = of_part.collect();
        let ways =
            [Change::Joined, Change::Windowed].into_iter().flat_map(|way| (0..DRAWS).map(move |draw| (way, draw)));
        for (at, (way, draw)) in ways.enumerate() {
            let partners = partners(taxonomy, &of_part, &format!("joined to learn {at}"));
            let pairs = of_part.iter().zip(partners).filter_map(|(photo, partner)| Some((*photo, partner?)));
            let (jobs, rows): (Vec<Altered>, Vec<Row>) = pairs
                .map(|(photo, partner)| {
                    let change = way(partner.path.clone(), draw);
                    let row = Row {
                        photo: None,
                        recipe: Recipe::Plain,
                        covered: [covered(photo), covered(partner)].concat(),
                        kind: photo.source.kind(),
                        part,
                        embedding: Vec::new(),
                        quarters: Vec::new(),
                    };
                    (Altered { path: photo.path.clone(), change }, row)
                })
                .unzip();
            let quarters = cache.quarters(&jobs, threads, |_, _| {})?;
            let filled = rows.into_iter().zip(quarters);
            found.extend(filled.filter_map(|(row, quarters)| {
                quarters.map(|quarters| Row { embedding: gate::whole(&quarters), quarters, ..row })
            }));
        }
    }
    Ok(found)
}
