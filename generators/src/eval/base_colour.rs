//! `rangrez eval base-colour`: how often the catalogue's name of a product's colour can be read off its photo, by the
//! backbone's embedding, by the colours of what stands before the plain ground and inside the article's mask, by blocks
//! fine-tuned on names of colours, and by all.

mod colours;
mod tuned;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tch::Tensor;

use super::gate::Rate;
use super::head::{self, Options};
use super::program::Program;
use super::workers;
use crate::train::gate::Config;
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::{Cache, Job};
use crate::train::gate_data::photos::{self, Photo, Source};
use crate::train::run::read_config;
use crate::train::tail::told;
use crate::{Error, Result};

/// Shares that are right on products that nothing was learned from.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Names of colours.
    pub names: usize,
    /// Always the commonest name.
    pub commonest: Rate,
    /// By what is looked at.
    pub heads: Vec<(&'static str, Rate)>,
}

/// Trains and measures the heads.
///
/// # Errors
/// When the configuration, data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let config: Config = read_config(&options.config)?;
    let named = photos::studio_colours(&options.data)?;
    let mut photos = photos::load(&options.data)?;
    photos.retain(|photo| photo.source == Source::Studio && named.contains_key(&photo.path));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    photos
        .iter()
        .filter(|photo| head::learned(&config, photo))
        .for_each(|photo| *counts.entry(&named[&photo.path]).or_default() += 1);
    let names: Vec<&str> = counts.keys().copied().collect();
    let class = |photo: &Photo| names.iter().position(|name| *name == named[&photo.path]);
    let commonest = counts.iter().max_by_key(|(_, n)| **n).map(|(name, _)| *name);
    let reported: Vec<&Photo> = photos.iter().filter(|photo| photo.part == head::judged(&config)).collect();
    if reported.is_empty() {
        return Err(Error::Data { path: options.data.clone(), reason: "holds no photo to report on".into() });
    }
    let jobs: Vec<Job> = photos.iter().map(|p| Job { path: p.path.clone(), recipe: Recipe::Plain }).collect();
    let embeddings = Cache::open(config.cache(), &options.weights, None, config.input_px)?.embed(
        &jobs,
        config.threads,
        told("embedded"),
    )?;
    let mut programs = Program::load_some(&options.weights, config.threads)?;
    let seen = workers::each(&photos, &mut programs, |program, photo| {
        let found = program.find(&photo.path)?;
        Ok([colours::foreground(&found.photo)?, colours::of_article(&found.photo, &found.mask)?])
    })?;
    let judged = |answers: &Tensor| head::rate(&config, &photos, class, answers);
    let mut heads = Vec::new();
    let mut all = None;
    for (what, parts) in [
        ("embedding", [true, false, false]),
        ("colours of the foreground", [false, true, false]),
        ("colours inside the mask", [false, false, true]),
        ("embedding and foreground", [true, true, false]),
        ("all three", [true; 3]),
    ] {
        let features = |i: usize| {
            let embedding = embeddings[i].as_deref().unwrap_or_default();
            let [before_ground, inside] = seen[i].each_ref().map(Vec::as_slice);
            let looked_at = [embedding, before_ground, inside].into_iter().zip(parts).filter(|(_, looks)| *looks);
            looked_at.flat_map(|(values, _)| values).copied().collect()
        };
        let answers = head::answers(&config, &photos, names.len(), class, features)?;
        heads.push((what, judged(&answers)?));
        all = Some(answers);
    }
    if let (Some(tuning), Some(all)) = (&config.tail, all) {
        let tuned = tuned::answers(&config, tuning, options, (&photos, names.len()), class)?;
        heads.push(("blocks fine-tuned on colours", judged(&tuned)?));
        heads.push(("all three, and those blocks", judged(&(all + tuned))?));
    }
    let commonest = Rate::of(reported.iter().map(|photo| Some(named[&photo.path].as_str()) == commonest));
    Ok(Report { names: names.len(), commonest, heads })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "base colour of studio photos, new products, {} names (95% interval)", self.names)?;
        writeln!(f, "  {:<32}{}", "always the commonest", self.commonest)?;
        for (what, rate) in &self.heads {
            writeln!(f, "  {what:<32}{rate}")?;
        }
        Ok(())
    }
}
