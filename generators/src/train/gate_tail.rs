//! A tail of the gate's own: fine-tuned on the training photos, kept only if it beats the frozen backbone on the
//! selection photos.

use std::path::{Path, PathBuf};

use super::gate::{Config, Material, train_head};
use super::gate_data::augment::Recipe;
use super::gate_data::photos::{Part, Photo, Source};
use super::gate_data::rows::{Row, matrix, street, street_part};
use super::run::Run;
use super::tail::{self, Example, Tuner};
use crate::Result;
use crate::card::{Baseline, Metric};
use crate::gate::{NAME, TAIL};
use crate::params::Params;
use crate::taxonomy::Taxonomy;

/// A fine-tuned tail and how it compares.
pub struct Candidate {
    /// The file that holds it.
    pub file: PathBuf,
    /// Its linear head, as a gate's `head.*`.
    pub head: Params,
    /// The tail's tensors, as they are shipped.
    pub tail: Params,
    /// Share of the selection photos that it calls by their label, beside the frozen backbone's.
    pub selection: Metric,
}

impl Candidate {
    /// Whether it is better than the frozen backbone.
    pub fn wins(&self) -> bool {
        self.selection.baseline.as_ref().is_some_and(|frozen| self.selection.value > frozen.value)
    }
}

/// Fine-tunes a tail on the photos under `data` and compares it; its run is the folder `tail` of the gate's run.
///
/// # Errors
/// When data or weights are missing, the run's folder holds another run, or the disk fails.
pub fn train(
    config: &Config,
    tuning: &tail::Config,
    (data, photos): (&Path, &[Photo]),
    weights: &Path,
    resume: bool,
) -> Result<Candidate> {
    let taxonomy = Taxonomy::load(weights)?;
    let examples = examples(config, tuning, data, photos, &taxonomy)?;
    let folder = config.run.join("tail");
    let (mut run, saved) = Run::open(&folder, NAME, config, resume)?;
    let outputs = taxonomy.articles() + 1;
    let mut tuner = Tuner::new(tuning, config.seed, &examples, outputs, weights, (config.cache(), config.input_px))?;
    let tuned = tuner.fit(&mut run, saved)?;
    drop(tuner);
    let file = folder.join("tail.safetensors");
    let all = tuned.write(&file)?;
    let (mut head, tail) = (Params::default(), all.with_prefix(TAIL));
    head.extend_with_prefix("head.", &all.with_prefix("head."));

    let tuned = Material::load(config, data, weights, Some(&file))?;
    let (right, n) = right(&tuned.rows, &head)?;
    drop(tuned);
    let frozen = Material::load(config, data, weights, None)?;
    let unseen = Config { learn_selection: false, ..config.clone() };
    let (frozen_right, _) = self::right(&frozen.rows, &train_head(&unseen, &frozen.rows, taxonomy.articles())?)?;
    let share = |right: usize| right as f64 / n.max(1) as f64;
    let values = [("choice/tuned", share(right)), ("choice/frozen", share(frozen_right))];
    run.log(tuning.steps, &values)?;
    let selection = Metric {
        name: "accuracy, article, by which the tail was chosen".into(),
        value: share(right),
        baseline: Some(Baseline { name: "frozen backbone".into(), value: share(frozen_right) }),
        n,
        split: "selection, which weights did not learn from".into(),
        command: "rangrez train gate --config configs/gate.toml --data DIR".into(),
    };
    Ok(Candidate { file, head, tail, selection })
}

/// What the tail learns from: every photo of the training part plain and recoloured, catalogue photos also in other framings,
/// phone photos as other cameras see them, and pictures without a product. The selection part is held out.
fn examples(
    config: &Config,
    tuning: &tail::Config,
    data: &Path,
    photos: &[Photo],
    taxonomy: &Taxonomy,
) -> Result<Vec<Example>> {
    let nothing = vec![taxonomy.articles()];
    let mut examples = Vec::new();
    for (index, photo) in photos.iter().enumerate() {
        let Some(covered) = taxonomy.covered(photo.source.name(), &photo.label) else { continue };
        let learned = photo.part == Part::Train;
        if !learned && photo.part != Part::Selection {
            continue;
        }
        let mut recipes = vec![Recipe::Plain];
        recipes.extend((0..config.recoloured).map(Recipe::Recoloured));
        // Catalogue photos are framed and lit nearly alike; phone photos are not.
        match photo.source {
            Source::Clothing => recipes.extend((0..tuning.snapshots).map(Recipe::Snapshot)),
            Source::Studio | Source::Own => recipes.extend((0..tuning.framings).map(Recipe::Varied)),
        }
        let path = photo.path.clone();
        if learned && config.nothing_every > 0 && index % config.nothing_every as usize == 0 {
            let recipes = vec![Recipe::Nothing(0)];
            examples.push(Example { path: path.clone(), recipes, covered: nothing.clone(), words: None, learned });
        }
        examples.push(Example { path, recipes, covered: covered.to_vec(), words: None, learned });
    }
    for path in street(data)? {
        let recipes = vec![Recipe::Backdrop(0)];
        if street_part(&path) == Part::Train {
            examples.push(Example { path, recipes, covered: nothing.clone(), words: None, learned: true });
        }
    }
    Ok(examples)
}

/// How many of the plain selection photos a head calls by their label, and how many there are.
fn right(rows: &[Row], head: &Params) -> Result<(usize, usize)> {
    let chosen: Vec<&Row> =
        rows.iter().filter(|row| row.part == Part::Selection && row.recipe == Recipe::Plain).collect();
    if chosen.is_empty() {
        return Ok((0, 0));
    }
    let best = super::gate_fit::logits_of(head, matrix(chosen.iter().copied()))?.f_argmax(1, false)?;
    let best = Vec::<i64>::try_from(&best)?;
    let right = chosen.iter().zip(&best).filter(|(row, best)| row.covered.contains(&(**best as usize))).count();
    Ok((right, chosen.len()))
}
