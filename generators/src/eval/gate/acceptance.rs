//! What the gate lets through, beside a gate that only looks at the softmax and one that draws lots.

use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use tch::Tensor;

use super::accuracy::Item;
use super::statistics::Rate;
use crate::Result;
use crate::gate::{Gate, Scores, softmax};
use crate::stream::Stream;
use crate::train::gate::{Config, Material, train_head};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::{Cache, Job};
use crate::train::gate_data::photos::Part;
use crate::train::gate_data::rows::{Row, street, street_part};
use crate::train::gate_fit;

/// How often one kind of picture is accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Acceptance {
    /// The pictures, and what they are judged as.
    pub pictures: String,
    /// Whether they ought to be accepted.
    pub should_pass: bool,
    /// This gate.
    pub gate: Rate,
    /// A gate of softmax probabilities alone, its threshold set for the same share of true calibration photos.
    pub softmax_only: Rate,
    /// Drawing lots at that share.
    pub random: Rate,
}

/// The gate and its two baselines.
pub struct Judges<'a> {
    gate: &'a Gate,
    softmax_floor: f32,
    share: f64,
}

impl<'a> Judges<'a> {
    /// Sets the baselines for the same share of true photos as the gate's threshold was set for.
    pub fn new(gate: &'a Gate, config: &Config, rows: &[Row]) -> Result<Self> {
        let articles = gate.taxonomy().articles();
        let mut floors = Vec::new();
        for row in rows.iter().filter(|row| row.part == Part::Calibration && row.covered[0] < articles) {
            let scores = gate.scores(&Tensor::from_slice(&row.embedding))?;
            floors.push(softmax_of(gate, &scores, likeliest(&scores, &row.covered)));
        }
        floors.sort_unstable_by(f32::total_cmp);
        let rank = ((1.0 - config.true_accept) * floors.len() as f64) as usize;
        let softmax_floor = floors.get(rank).copied().unwrap_or(0.0);
        Ok(Self { gate, softmax_floor, share: config.true_accept })
    }

    /// Judges pictures, each as a node of the tree.
    pub fn judge(&self, pictures: &str, should_pass: bool, judged: &[(&Scores, usize)]) -> Acceptance {
        let mut lots = Stream::new(0, pictures, 0);
        let passes = |&(scores, node): &(&Scores, usize)| self.gate.judge_scores(scores, node).accepted;
        let by_softmax = |&(scores, node): &(&Scores, usize)| softmax_of(self.gate, scores, node) >= self.softmax_floor;
        Acceptance {
            pictures: pictures.to_owned(),
            should_pass,
            gate: Rate::of(judged.iter().map(passes)),
            softmax_only: Rate::of(judged.iter().map(by_softmax)),
            random: Rate::of(judged.iter().map(|_| lots.chance(self.share as f32))),
        }
    }
}

/// Softmax over the articles alone: a plain classifier knows no "no product".
fn softmax_of(gate: &Gate, scores: &Scores, node: usize) -> f32 {
    let articles = gate.taxonomy().articles();
    let probabilities = softmax(&scores.logits[..articles], 1.0);
    gate.taxonomy().nodes()[node].articles.iter().map(|&article| probabilities[article]).sum()
}

/// The likeliest of some articles.
pub fn likeliest(scores: &Scores, among: &[usize]) -> usize {
    let best = among.iter().copied().max_by(|&a, &b| scores.logits[a].total_cmp(&scores.logits[b]));
    best.unwrap_or(0)
}

/// The node that the gate names for a photo.
fn named(gate: &Gate, scores: &Scores) -> usize {
    gate.taxonomy().find(&gate.classify_scores(scores).article).unwrap_or(0)
}

/// Accept rates over everything made of the report photos.
///
/// # Errors
/// When a picture cannot be made or embedded.
pub fn measure(
    judges: &Judges,
    items: &[Item],
    data: &std::path::Path,
    cache: &mut Cache,
    threads: usize,
) -> Result<Vec<Acceptance>> {
    let gate = judges.gate;
    let reported: Vec<&Item> = items.iter().filter(|item| item.photo.part == Part::Report).collect();
    let mut found = Vec::new();
    for (name, kind) in [("studio", 0), ("phone", 1)] {
        let chosen = reported.iter().filter(|item| item.photo.source.kind() == kind);
        let judged: Vec<_> = chosen.map(|item| (&item.scores, likeliest(&item.scores, item.covered))).collect();
        found.push(judges.judge(&format!("true {name} photos, as their label"), true, &judged));
    }
    let nodes: Vec<usize> = reported.iter().map(|item| named(gate, &item.scores)).collect();
    let mut made = |recipe: Recipe, each: usize, kind: Option<usize>| -> Result<Vec<(Scores, usize)>> {
        let chosen = reported.iter().zip(&nodes).step_by(each);
        let chosen = chosen.filter(|(item, _)| kind.is_none_or(|kind| item.photo.source.kind() == kind));
        let (jobs, nodes): (Vec<Job>, Vec<usize>) =
            chosen.map(|(item, node)| (Job { path: item.photo.path.clone(), recipe }, *node)).unzip();
        scored(gate, cache, &jobs, threads, &nodes)
    };
    for (name, kind) in [("studio", 0), ("phone", 1)] {
        let variants = made(Recipe::Recoloured(100), 1, Some(kind))?;
        let title = format!("simulated recolourings of {name} photos, as the article that the photo was classified as");
        found.push(judges.judge(&title, true, &borrowed(&variants)));
    }
    found.extend(wrong_categories(judges, &reported));
    for (recipe, title) in [
        (Recipe::Noise, "noise"),
        (Recipe::Noisy, "photos under strong noise"),
        (Recipe::Blurred, "blurred photos"),
        (Recipe::Shuffled(4), "photos shuffled in 4×4 tiles"),
        (Recipe::Shuffled(5), "photos shuffled in 5×5 tiles, a grid that training has not seen"),
        (Recipe::Sheared, "photos with rows out of place, a kind that training has not seen"),
        (Recipe::CutOff, "photos cut off after a third, a kind that training has not seen"),
    ] {
        let broken = made(recipe, 8, None)?;
        found.push(judges.judge(&format!("{title}, as the article of the photo"), false, &borrowed(&broken)));
    }
    let backdrops: Vec<PathBuf> = street(data)?.into_iter().filter(|path| street_part(path) == Part::Report).collect();
    let recipe = Recipe::Backdrop(0);
    let jobs: Vec<Job> = backdrops.into_iter().map(|path| Job { path, recipe }).collect();
    let mut scores = scored(gate, cache, &jobs, threads, &vec![0; jobs.len()])?;
    for (scores, node) in &mut scores {
        *node = likeliest(scores, &(0..gate.taxonomy().articles()).collect::<Vec<_>>());
    }
    found.push(judges.judge("street backdrops, as the likeliest article", false, &borrowed(&scores)));
    Ok(found)
}

/// Pictures judged as articles of other categories: one drawn at random, and the likeliest.
fn wrong_categories(judges: &Judges, items: &[&Item]) -> Vec<Acceptance> {
    let taxonomy = judges.gate.taxonomy();
    let mut stream = Stream::new(0, "wrong category", 0);
    let (mut random, mut nearest) = (Vec::new(), Vec::new());
    for item in items {
        let own: Vec<usize> = item.covered.iter().map(|&article| taxonomy.category_of(article)).collect();
        let others: Vec<usize> =
            (0..taxonomy.articles()).filter(|&article| !own.contains(&taxonomy.category_of(article))).collect();
        if let Some(&drawn) = others.get(stream.below(others.len())) {
            random.push((&item.scores, drawn));
            nearest.push((&item.scores, likeliest(&item.scores, &others)));
        }
    }
    vec![
        judges.judge("true photos, as a random article of another category", false, &random),
        judges.judge("true photos, as the likeliest article of another category", false, &nearest),
    ]
}

/// Photos of articles that a gate has never seen, judged as the likeliest of those that it knows.
///
/// For every name a gate is trained and calibrated anew without that article.
///
/// # Errors
/// When a gate cannot be fitted.
pub fn unseen(config: &Config, material: &Material, items: &[Item], names: &[String]) -> Result<Vec<Acceptance>> {
    let taxonomy = &material.taxonomy;
    let left_out: Vec<usize> = names.iter().filter_map(|name| taxonomy.find(name)).collect();
    let judged: Vec<Vec<Acceptance>> = left_out
        .par_iter()
        .map(|&article| {
            tch::set_num_threads(1);
            let rows: Vec<Row> = material.rows.iter().filter(|row| !row.covered.contains(&article)).cloned().collect();
            let head = train_head(config, &rows, taxonomy.articles())?;
            let fitted = gate_fit::fit(config, taxonomy, &head, &rows, Some(article))?;
            let judges = Judges::new(&fitted.gate, config, &rows)?;
            let others: Vec<usize> = (0..taxonomy.articles()).filter(|&other| other != article).collect();
            let of_article = items.iter().filter(|item| item.photo.part == Part::Report && item.covered == [article]);
            let scores = of_article
                .map(|item| fitted.gate.scores(&Tensor::from_slice(&item.embedding)))
                .collect::<Result<Vec<_>>>()?;
            let judged: Vec<_> = scores.iter().map(|scores| (scores, likeliest(scores, &others))).collect();
            let name = &taxonomy.nodes()[article].name;
            Ok(vec![judges.judge(&format!("{name}, by a gate that has never seen any"), false, &judged)])
        })
        .collect::<Result<_>>()?;
    Ok(judged.into_iter().flatten().collect())
}

fn borrowed(scored: &[(Scores, usize)]) -> Vec<(&Scores, usize)> {
    scored.iter().map(|(scores, node)| (scores, *node)).collect()
}

fn scored(
    gate: &Gate,
    cache: &mut Cache,
    jobs: &[Job],
    threads: usize,
    nodes: &[usize],
) -> Result<Vec<(Scores, usize)>> {
    let rows = cache.embed(jobs, threads, |_, _| {})?;
    let present = rows.into_iter().zip(nodes).filter_map(|(row, node)| row.map(|row| (row, *node)));
    present.map(|(row, node)| Ok((gate.scores(&Tensor::from_slice(&row))?, node))).collect()
}
