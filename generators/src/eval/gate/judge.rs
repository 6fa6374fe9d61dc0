//! A second opinion: what a linear probe on features of another network, which the gate never saw, says of the pictures that
//! the gate accepts and rejects.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tch::Tensor;

use super::acceptance::{Judges, Picture, likeliest, named};
use super::accuracy::Item;
use super::statistics::Rate;
use crate::embedding_cache::{Cache, Forward, Job as Made, Network, ensure};
use crate::seam::{floats_of, srgb_from_tensor};
use crate::stream::Stream;
use crate::taxonomy::Taxonomy;
use crate::train::gate::{Config, Material, train_head};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::Job;
use crate::train::gate_data::photos::Part;
use crate::train::gate_data::rows::Row;
use crate::train::gate_fit::logits_of;
use crate::{Result, checkpoint, judge};

/// How one kind of picture is seen by both.
#[derive(Clone, Debug, Serialize)]
pub struct Opinion {
    /// The pictures, and what they are judged as.
    pub pictures: String,
    /// Of the pictures that the gate accepts, the share that the judge also calls by the category.
    pub of_accepted: Rate,
    /// Of the pictures that the gate rejects, the share that the judge calls something else.
    pub of_rejected: Rate,
}

/// What the judge is worth, and its opinions.
#[derive(Clone, Debug, Serialize)]
pub struct Opinions {
    /// Share of true report photos that the judge calls by a category that their label covers.
    pub judge_accuracy: Rate,
    /// By kind of picture.
    pub opinions: Vec<Opinion>,
}

/// The judge: another network's features of pictures, and a probe trained on the gate's training photos.
struct Probe<'a> {
    cache: Cache,
    id: [u8; 32],
    head: crate::params::Params,
    taxonomy: &'a Taxonomy,
    threads: usize,
}

impl Probe<'_> {
    fn features<J: Made>(cache: &mut Cache, id: [u8; 32], jobs: &[J], threads: usize) -> Result<Vec<Option<Vec<f32>>>> {
        let load = || -> Result<Forward> {
            let network = judge::load()?;
            Ok(Box::new(move |codes| {
                let pictures = (0..codes.size()[0]).map(|i| srgb_from_tensor(&codes.f_get(i)?));
                let pictures = pictures.collect::<Result<Vec<_>>>()?;
                judge::embed(&network, &pictures.iter().collect::<Vec<_>>())
            }))
        };
        let network = Network { id, px: crate::backbone::INPUT_PX, load: &load };
        let progress = |done: usize, all: usize| {
            if done % 1600 < 16 || done == all {
                eprintln!("seen by the judge: {done} of {all}");
            }
        };
        let (keys, missing) = ensure(cache, &network, jobs, threads, progress)?;
        missing.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))?;
        Ok(keys.iter().map(|key| cache.get(key)).collect())
    }

    /// The category that each picture is likeliest of; none for "no product" or what could not be made.
    fn categories<J: Made>(&mut self, jobs: &[J]) -> Result<Vec<Option<usize>>> {
        let features = Self::features(&mut self.cache, self.id, jobs, self.threads)?;
        let articles = self.taxonomy.articles();
        let category = |features: Option<Vec<f32>>| -> Result<Option<usize>> {
            let Some(features) = features else { return Ok(None) };
            let logits = logits_of(&self.head, Tensor::from_slice(&features).unsqueeze(0))?;
            let shares = floats_of(&logits.softmax(-1, tch::Kind::Float).squeeze())?;
            let nodes = self.taxonomy.nodes();
            let sum = |node: usize| nodes[node].articles.iter().map(|&article| shares[article]).sum::<f32>();
            let categories = (articles..nodes.len()).filter(|&node| nodes[node].parent.is_some());
            let best = categories.max_by(|&a, &b| sum(a).total_cmp(&sum(b)));
            Ok(best.filter(|&node| sum(node) > shares[articles]))
        };
        features.into_iter().map(category).collect()
    }
}

/// Trains the probe on the training photos and asks it about report photos: true ones, as their label and as the likeliest
/// article of another category, and broken ones.
///
/// # Errors
/// When the judge's weights are not there, or a picture cannot be read.
pub fn measure(
    judges: &Judges,
    config: &Config,
    material: &mut Material,
    items: &[Item],
    threads: usize,
) -> Result<Opinions> {
    let taxonomy = judges.gate().taxonomy();
    let weights = checkpoint::weights_path(&judge::folder()?, judge::NAME);
    let id = Sha256::digest(std::fs::read(&weights).map_err(crate::Error::io(&weights))?).into();
    let mut cache = Cache::open(config.cache(), "judge", crate::backbone::EMBEDDING as usize)?;
    let learned: Vec<&Row> = material
        .rows
        .iter()
        .filter(|row| row.part == Part::Train && row.photo.is_some())
        .filter(|row| matches!(row.recipe, Recipe::Plain | Recipe::Nothing(_)))
        .collect();
    let jobs: Vec<Job> = learned
        .iter()
        .filter_map(|row| Some(Job { path: material.photos[row.photo?].path.clone(), recipe: row.recipe }))
        .collect();
    let features = Probe::features(&mut cache, id, &jobs, threads)?;
    let rows: Vec<Row> = learned
        .iter()
        .zip(features)
        .filter_map(|(row, embedding)| Some(Row { embedding: embedding?, quarters: Vec::new(), ..(*row).clone() }))
        .collect();
    let head = train_head(&Config { hidden: 0, ..config.clone() }, &rows, taxonomy.articles())?;
    let mut probe = Probe { cache, id, head, taxonomy, threads };

    let reported: Vec<&Item> = items.iter().filter(|item| item.photo.part == Part::Report).collect();
    let plain: Vec<Job> =
        reported.iter().map(|item| Job { path: item.photo.path.clone(), recipe: Recipe::Plain }).collect();
    let seen = probe.categories(&plain)?;
    let category_of = |node: usize| if node < taxonomy.articles() { taxonomy.category_of(node) } else { node };
    let right = |item: &Item, seen: Option<usize>| {
        seen.is_some_and(|seen| item.covered.iter().any(|&article| taxonomy.category_of(article) == seen))
    };
    let judge_accuracy = Rate::of(reported.iter().zip(&seen).map(|(item, seen)| right(item, *seen)));
    let mut opinions = Vec::new();
    let mut give = |pictures: &str, judged: &[(&Picture, usize, Option<usize>)]| -> Result<()> {
        let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
        for (picture, node, seen) in judged {
            let same = *seen == Some(category_of(*node));
            if judges.accepts(picture, *node)? {
                accepted.push(same);
            } else {
                rejected.push(!same);
            }
        }
        let (of_accepted, of_rejected) = (Rate::of(accepted), Rate::of(rejected));
        opinions.push(Opinion { pictures: pictures.to_owned(), of_accepted, of_rejected });
        Ok(())
    };
    let own = reported.iter().zip(&seen);
    let own = own.map(|(item, seen)| (&item.picture, likeliest(&item.picture.scores, item.covered), *seen));
    give("true photos, as their label", &own.collect::<Vec<_>>())?;
    let wrong = reported.iter().zip(&seen).map(|(item, seen)| {
        let own: Vec<usize> = item.covered.iter().map(|&article| taxonomy.category_of(article)).collect();
        let others: Vec<usize> =
            (0..taxonomy.articles()).filter(|&article| !own.contains(&taxonomy.category_of(article))).collect();
        (&item.picture, likeliest(&item.picture.scores, &others), *seen)
    });
    give("true photos, as the likeliest article of another category", &wrong.collect::<Vec<_>>())?;
    let mut stream = Stream::new(0, "asked of the judge", 0);
    let some: Vec<&&Item> = reported.iter().filter(|_| stream.chance(0.15)).collect();
    for (recipe, title) in [
        (Recipe::Recoloured(100), "simulated recolourings, as the article of the photo"),
        (Recipe::Noisy, "photos under strong noise, as the article of the photo"),
        (Recipe::Shuffled(4), "photos shuffled in 4×4 tiles, as the article of the photo"),
    ] {
        let jobs: Vec<Job> = some.iter().map(|item| Job { path: item.photo.path.clone(), recipe }).collect();
        let looks = material.cache.looks(&jobs, threads)?;
        let seen = probe.categories(&jobs)?;
        let pictures: Vec<(Picture, usize, Option<usize>)> = some
            .iter()
            .zip(looks.iter().zip(seen))
            .filter_map(|(item, (look, seen))| {
                let picture = Picture::of(judges.gate(), look.as_ref()?);
                Some((picture, named(judges.gate(), &item.picture.scores), seen))
            })
            .collect();
        give(title, &pictures.iter().map(|(picture, node, seen)| (picture, *node, *seen)).collect::<Vec<_>>())?;
    }
    Ok(Opinions { judge_accuracy, opinions })
}

impl fmt::Display for Opinions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nindependent judge (Lite2 features, linear probe): right about the category {}",
            self.judge_accuracy
        )?;
        for Opinion { pictures, of_accepted, of_rejected } in &self.opinions {
            writeln!(f, "  agrees with accepting {of_accepted}  with rejecting {of_rejected}  {pictures}")?;
        }
        Ok(())
    }
}
