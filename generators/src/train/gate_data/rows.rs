//! The rows that the gate is fitted on: embeddings with what each may be.

use std::path::{Path, PathBuf};

use tch::Tensor;

use super::augment::Recipe;
use super::embeddings::{Cache, Job};
use super::photos::{Part, Photo, Source};
use crate::backbone::EMBEDDING;
use crate::stream::split_fraction;
use crate::taxonomy::Taxonomy;
use crate::{Result, gate};

/// Logit of an article that a row cannot be, added before the softmax; finite, so that gradients stay finite.
pub const IMPOSSIBLE: f32 = -1e4;

/// One embedded picture.
#[derive(Clone, Debug)]
pub struct Row {
    /// The photo that it is or was made from; none for street photos.
    pub photo: Option<usize>,
    /// What was made of the photo.
    pub recipe: Recipe,
    /// The articles that it may be; the number of articles stands for "no product".
    pub covered: Vec<usize>,
    /// Kind of photo: 0 catalogue, 1 phone.
    pub kind: usize,
    /// What it may be used for.
    pub part: Part,
    /// Its embedding.
    pub embedding: Vec<f32>,
    /// The embeddings of its quarters.
    pub quarters: Vec<f32>,
}

/// One in so many photos is also seen in another exposure, so that a grey backdrop is no stranger than a white one.
const EXPOSED_EVERY: usize = 3;

/// How many pictures are made of each photo.
#[derive(Clone, Copy, Debug)]
pub struct Copies {
    /// Recolourings.
    pub recoloured: u32,
    /// Other framings, of phone photos that are learned from.
    pub varied: u32,
    /// One in so many training photos also gives a broken picture.
    pub nothing_every: u32,
}

/// Embeds everything that the gate is fitted, selected and calibrated on.
///
/// # Errors
/// As [`Cache::embed`].
pub fn gather(
    data: &Path,
    photos: &[Photo],
    taxonomy: &Taxonomy,
    copies: Copies,
    cache: &mut Cache,
    threads: usize,
    progress: impl Fn(usize, usize),
) -> Result<Vec<Row>> {
    let nothing = vec![taxonomy.articles()];
    let mut wanted: Vec<(Job, Row)> = Vec::new();
    let mut want = |path: &PathBuf, row: Row| {
        wanted.push((Job { path: path.clone(), recipe: row.recipe }, row));
    };
    for (index, photo) in photos.iter().enumerate() {
        let Some(covered) = taxonomy.covered(photo.source.name(), &photo.label) else { continue };
        if matches!(photo.part, Part::Guarantee | Part::Report | Part::SmallValidation) {
            continue;
        }
        let row = |recipe: Recipe, covered: &[usize]| Row {
            photo: Some(index),
            recipe,
            covered: covered.to_vec(),
            kind: photo.source.kind(),
            part: photo.part,
            embedding: Vec::new(),
            quarters: Vec::new(),
        };
        want(&photo.path, row(Recipe::Plain, covered));
        for draw in 0..copies.recoloured {
            want(&photo.path, row(Recipe::Recoloured(draw), covered));
        }
        if index % EXPOSED_EVERY == 0 {
            want(&photo.path, row(Recipe::Exposed(0), covered));
        }
        let learning = matches!(photo.part, Part::Train | Part::Selection);
        // Catalogue photos are framed alike; phone photos are not.
        let framed = learning && photo.source == Source::Clothing;
        for draw in 0..if framed { copies.varied } else { 0 } {
            want(&photo.path, row(Recipe::Varied(draw), covered));
        }
        if learning && copies.nothing_every > 0 && index % copies.nothing_every as usize == 0 {
            want(&photo.path, row(Recipe::Nothing(0), &nothing));
        }
    }
    for path in street(data)? {
        let part = street_part(&path);
        if part != Part::Report {
            let recipe = Recipe::Backdrop(0);
            let (embedding, quarters) = (Vec::new(), Vec::new());
            want(&path, Row { photo: None, recipe, covered: nothing.clone(), kind: 1, part, embedding, quarters });
        }
    }
    let (jobs, rows): (Vec<Job>, Vec<Row>) = wanted.into_iter().unzip();
    let quarters = cache.quarters(&jobs, threads, progress)?;
    let filled = rows.into_iter().zip(quarters);
    let whole = |(row, quarters): (Row, Option<Vec<f32>>)| {
        quarters.map(|quarters| Row { embedding: gate::whole(&quarters), quarters, ..row })
    };
    Ok(filled.filter_map(whole).collect())
}

/// The street photos, sorted; none where there is no such folder, as beside photos of one's own.
///
/// # Errors
/// When the folder cannot be listed.
pub fn street(data: &Path) -> Result<Vec<PathBuf>> {
    let folder = data.join("street/photos");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let listing = std::fs::read_dir(&folder).map_err(crate::Error::io(&folder))?;
    let mut paths: Vec<PathBuf> = listing.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.sort();
    Ok(paths)
}

/// What a street photo's backdrop may be used for.
pub fn street_part(path: &Path) -> Part {
    let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if split_fraction(&format!("street {name}")) < 0.15 { Part::Report } else { Part::Train }
}

/// Negative log of the probability that a row is one of the articles that its label covers.
///
/// # Shapes
/// `[N, outputs]` twice → `[N]`.
pub fn surprise(logits: &Tensor, allowed: &Tensor) -> Tensor {
    logits.logsumexp([1].as_slice(), false) - (logits + allowed).logsumexp([1].as_slice(), false)
}

/// Rows as one matrix.
///
/// # Shapes
/// `[N, 1280]`, or as wide as the rows' embeddings are.
pub fn matrix<'a>(rows: impl Iterator<Item = &'a Row>) -> Tensor {
    matrix_of(rows.map(|row| &row.embedding[..]))
}

/// Rows of numbers, all as many.
///
/// # Shapes
/// `[N, numbers]`.
pub fn matrix_of<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Tensor {
    let mut rows = rows.peekable();
    let width = rows.peek().map_or(EMBEDDING, |row| row.len() as i64);
    let values: Vec<f32> = rows.flatten().copied().collect();
    Tensor::from_slice(&values).view([-1, width])
}

/// What is added to logits to leave what each row may be: 0 there, a large negative number elsewhere.
///
/// # Shapes
/// `[N, articles + 1]`.
pub fn allowed<'a>(rows: impl Iterator<Item = &'a Row>, articles: usize) -> Tensor {
    let of_row =
        |row: &'a Row| (0..=articles).map(|article| if row.covered.contains(&article) { 0.0 } else { IMPOSSIBLE });
    let values: Vec<f32> = rows.flat_map(of_row).collect();
    Tensor::from_slice(&values).view([-1, articles as i64 + 1])
}
