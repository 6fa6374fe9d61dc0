//! What the gate lets through, beside a gate that only looks at the softmax and one that draws lots.

use std::path::{Path, PathBuf};

use pixels::Fault;
use serde::Serialize;

use super::accuracy::Item;
use super::statistics::Rate;
use crate::Result;
use crate::embedding_cache::Job as Made;
use crate::gate::{Gate, Look, Scores, softmax};
use crate::stream::Stream;
use crate::train::gate::Config;
use crate::train::gate_data::altered::{Altered, Change};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::{Cache, Job};
use crate::train::gate_data::joined::partners;
use crate::train::gate_data::photos::{Part, Photo};
use crate::train::gate_data::rows::{Row, street, street_part};

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

/// A picture that is judged.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What the gate makes of it.
    pub scores: Scores,
    /// What is wrong with its pixels.
    pub fault: Option<Fault>,
}

impl Picture {
    /// Scores a look.
    pub fn of(gate: &Gate, look: &Look) -> Self {
        Self { scores: gate.look(look), fault: look.fault() }
    }
}

/// The gate and its two baselines.
pub struct Judges<'a> {
    gate: &'a Gate,
    false_accept: Option<f64>,
    softmax_floor: f32,
    share: f64,
}

impl<'a> Judges<'a> {
    /// Sets the baselines for the same share of true photos as the gate's own threshold was set for.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn new(gate: &'a Gate, config: &Config, rows: &[Row], false_accept: Option<f64>) -> Result<Self> {
        let articles = gate.taxonomy().articles();
        let mut floors = Vec::new();
        for row in rows.iter().filter(|row| row.part == Part::Calibration && row.covered[0] < articles) {
            let scores = gate.scores(&tch::Tensor::from_slice(&row.embedding))?;
            floors.push(softmax_of(gate, &scores, likeliest(&scores, &row.covered)));
        }
        floors.sort_unstable_by(f32::total_cmp);
        let rank = ((1.0 - config.true_accept) * floors.len() as f64) as usize;
        let softmax_floor = floors.get(rank).copied().unwrap_or(0.0);
        Ok(Self { gate, false_accept, softmax_floor, share: config.true_accept })
    }

    /// The gate.
    pub fn gate(&self) -> &Gate {
        self.gate
    }

    /// Whether the gate accepts a picture as a node of the tree.
    ///
    /// # Errors
    /// When it has no thresholds for the share of false accepts.
    pub fn accepts(&self, picture: &Picture, node: usize) -> Result<bool> {
        let (threshold, _) = self.gate.threshold(node, self.false_accept)?;
        Ok(picture.fault.is_none() && self.gate.judge_scores(&picture.scores, node, threshold).accepted)
    }

    /// Judges pictures as those are whose garments have another cloth: each as its article's category or as one that is worn
    /// like it; the baselines judge the article.
    ///
    /// # Errors
    /// As [`Judges::accepts`].
    pub fn judge_in_other_cloth(&self, pictures: &str, judged: &[(&Picture, usize)]) -> Result<Acceptance> {
        let passes = |&(picture, article): &(&Picture, usize)| -> Result<bool> {
            let alike = self.gate.in_other_cloth(article, self.false_accept);
            alike.iter().try_fold(false, |passed, &node| Ok(passed || self.accepts(picture, node)?))
        };
        let gate = Rate::of(judged.iter().map(passes).collect::<Result<Vec<_>>>()?);
        Ok(Acceptance { gate, ..self.judge(pictures, false, judged)? })
    }

    /// Judges pictures, each as a node of the tree.
    ///
    /// # Errors
    /// As [`Judges::accepts`].
    pub fn judge(&self, pictures: &str, should_pass: bool, judged: &[(&Picture, usize)]) -> Result<Acceptance> {
        let mut lots = Stream::new(0, pictures, 0);
        let passes = judged.iter().map(|&(picture, node)| self.accepts(picture, node));
        let by_softmax =
            |&(picture, node): &(&Picture, usize)| softmax_of(self.gate, &picture.scores, node) >= self.softmax_floor;
        Ok(Acceptance {
            pictures: pictures.to_owned(),
            should_pass,
            gate: Rate::of(passes.collect::<Result<Vec<_>>>()?),
            softmax_only: Rate::of(judged.iter().map(by_softmax)),
            random: Rate::of(judged.iter().map(|_| lots.chance(self.share as f32))),
        })
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

/// The node that the gate names for a photo, as the pipeline does before it judges the variants.
pub fn named(gate: &Gate, scores: &Scores) -> usize {
    gate.taxonomy().find(&gate.classify_scores(scores).article).unwrap_or(0)
}

/// Where pictures come from.
pub struct Source<'a> {
    /// Data folder.
    pub data: &'a Path,
    /// Looks by content.
    pub cache: &'a mut Cache,
    /// Threads that embed.
    pub threads: usize,
}

impl Source<'_> {
    /// Makes and scores pictures; what could not be made of its photo is left out.
    fn pictures<J: Made>(&mut self, gate: &Gate, jobs: &[J], nodes: &[usize]) -> Result<Vec<(Picture, usize)>> {
        let looks = self.cache.looks(jobs, self.threads)?;
        let present = looks.into_iter().zip(nodes);
        Ok(present.filter_map(|(look, &node)| look.map(|look| (Picture::of(gate, &look), node))).collect())
    }
}

/// One in so many report photos is broken in each way.
const BROKEN_EACH: usize = 6;
/// One in so many is joined with another, each way, and changed in each harmless way.
const ALTERED_EACH: usize = 5;

/// Accept rates over everything made of the report photos.
///
/// # Errors
/// When a picture cannot be made or embedded.
pub fn measure(judges: &Judges, items: &[Item], source: &mut Source) -> Result<Vec<Acceptance>> {
    let gate = judges.gate();
    let reported: Vec<&Item> = items.iter().filter(|item| item.photo.part == Part::Report).collect();
    let mut found = true_photos(judges, &reported)?;
    let nodes: Vec<usize> = reported.iter().map(|item| named(gate, &item.picture.scores)).collect();
    let path = |item: &Item| item.photo.path.clone();
    for (name, kind) in [("studio", 0), ("phone", 1)] {
        let chosen: Vec<(&&Item, usize)> = reported.iter().zip(nodes.iter().copied()).collect();
        let chosen: Vec<_> =
            chosen.into_iter().filter(|(item, _)| item.photo.source.kind() == kind).step_by(ALTERED_EACH).collect();
        let jobs: Vec<Job> =
            chosen.iter().map(|(i, _)| Job { path: path(i), recipe: Recipe::Recoloured(100) }).collect();
        let of: Vec<usize> = chosen.iter().map(|(_, node)| *node).collect();
        let variants = source.pictures(gate, &jobs, &of)?;
        let title = format!("simulated recolourings of {name} photos, as the article that the photo was classified as");
        found.push(judges.judge(&title, true, &borrowed(&variants))?);
    }
    for (change, title) in [
        (Change::Compressed, "photos as JPEGs of quality 60"),
        (Change::Darker, "photos a fifth darker"),
        (Change::Brighter, "photos a fifth brighter"),
        (Change::Cropped, "photos cropped to nine tenths"),
        (Change::Mirrored, "photos mirrored"),
    ] {
        let (jobs, of): (Vec<Altered>, Vec<usize>) = reported
            .iter()
            .zip(&nodes)
            .step_by(ALTERED_EACH)
            .map(|(item, &node)| (Altered { path: path(item), change: change.clone() }, node))
            .unzip();
        let made = source.pictures(gate, &jobs, &of)?;
        found.push(judges.judge(&format!("{title}, as the article of the photo"), true, &borrowed(&made))?);
    }
    found.extend(wrong_categories(judges, &reported)?);
    found.extend(broken(judges, &reported, &nodes, source)?);
    found.extend(joined(judges, &reported, source)?);
    Ok(found)
}

fn true_photos(judges: &Judges, reported: &[&Item]) -> Result<Vec<Acceptance>> {
    let of = |name: &str, kind: Option<usize>| {
        let chosen = reported.iter().filter(|item| kind.is_none_or(|kind| item.photo.source.kind() == kind));
        let judged: Vec<_> =
            chosen.map(|item| (&item.picture, likeliest(&item.picture.scores, item.covered))).collect();
        judges.judge(&format!("true {name}photos, as their label"), true, &judged)
    };
    let mut found = vec![of("", None)?, of("studio ", Some(0))?, of("phone ", Some(1))?];
    // What the checks of the pixels cost alone, whatever the scores say.
    let lost: Vec<bool> = reported.iter().map(|item| item.picture.fault.is_none()).collect();
    let (gate, sure) = (Rate::of(lost.iter().copied()), Rate::of(lost.iter().map(|_| true)));
    let pictures = "true photos, by the checks of the pixels alone".to_owned();
    found.push(Acceptance { pictures, should_pass: true, gate, softmax_only: sure, random: sure });
    Ok(found)
}

/// Pictures that are broken, as the article of the photo.
fn broken(judges: &Judges, reported: &[&Item], nodes: &[usize], source: &mut Source) -> Result<Vec<Acceptance>> {
    let gate = judges.gate();
    let mut found = Vec::new();
    let mut all = Vec::new();
    let chosen = || reported.iter().zip(nodes).step_by(BROKEN_EACH);
    for (recipe, title) in [
        (Recipe::Noise, "noise"),
        (Recipe::Noisy, "photos under strong noise"),
        (Recipe::Blurred, "blurred photos"),
        (Recipe::Shuffled(4), "photos shuffled in 4×4 tiles"),
        (Recipe::Shuffled(5), "photos shuffled in 5×5 tiles, a grid that training has not seen"),
        (Recipe::Sheared, "photos with rows out of place, a kind that training has not seen"),
        (Recipe::CutOff, "photos cut off after a third, a kind that training has not seen"),
    ] {
        let (jobs, of): (Vec<Job>, Vec<usize>) =
            chosen().map(|(item, &node)| (Job { path: item.photo.path.clone(), recipe }, node)).unzip();
        let made = source.pictures(gate, &jobs, &of)?;
        found.push(judges.judge(&format!("{title}, as the article of the photo"), false, &borrowed(&made))?);
        all.extend(made);
    }
    let photos: Vec<&Photo> = reported.iter().map(|item| item.photo).collect();
    let partners = partners(gate.taxonomy(), &photos, "covered to report");
    let by_photo = chosen().zip(partners.into_iter().step_by(BROKEN_EACH));
    let mut covered: [(Vec<Altered>, Vec<usize>); 2] = Default::default();
    for ((item, &node), partner) in by_photo {
        let path = || item.photo.path.clone();
        let changes = [Some(Change::Covered), partner.map(|other| Change::CoveredBy(other.path.clone()))];
        for ((jobs, of), change) in covered.iter_mut().zip(changes) {
            if let Some(change) = change {
                jobs.push(Altered { path: path(), change });
                of.push(node);
            }
        }
    }
    let titles = ["photos half covered by one colour", "photos half covered by a photo of another category"];
    for ((jobs, of), title) in covered.into_iter().zip(titles) {
        let made = source.pictures(gate, &jobs, &of)?;
        found.push(judges.judge(&format!("{title}, as the article of the photo"), false, &borrowed(&made))?);
        all.extend(made);
    }
    found.push(judges.judge_in_other_cloth("all of these, judged as fabrics and looks are", &borrowed(&all))?);
    let backdrops: Vec<PathBuf> =
        street(source.data)?.into_iter().filter(|path| street_part(path) == Part::Report).collect();
    let recipe = Recipe::Backdrop(0);
    let jobs: Vec<Job> = backdrops.into_iter().map(|path| Job { path, recipe }).collect();
    let mut made = source.pictures(gate, &jobs, &vec![0; jobs.len()])?;
    for (picture, node) in &mut made {
        *node = likeliest(&picture.scores, &(0..gate.taxonomy().articles()).collect::<Vec<_>>());
    }
    found.push(judges.judge("street backdrops, as the likeliest article", false, &borrowed(&made))?);
    Ok(found)
}

/// Half-and-half pictures of two photos of different categories, as the likelier article of the two.
fn joined(judges: &Judges, reported: &[&Item], source: &mut Source) -> Result<Vec<Acceptance>> {
    let gate = judges.gate();
    let photos: Vec<&Photo> = reported.iter().map(|item| item.photo).collect();
    let partners = partners(gate.taxonomy(), &photos, "joined to report");
    let mut all = Vec::new();
    let mut found = Vec::new();
    for (title, change, learned) in [
        ("side by side", (|other: PathBuf| Change::Beside(other)) as fn(PathBuf) -> Change, true),
        ("one above the other", Change::Above, true),
        ("along a diagonal, a way that training has not seen", Change::Slanted, false),
    ] {
        let chosen = reported.iter().zip(&partners).step_by(ALTERED_EACH);
        let (jobs, both): (Vec<Altered>, Vec<Vec<usize>>) = chosen
            .filter_map(|(item, partner)| {
                let partner = (*partner)?;
                let other = gate.taxonomy().covered(partner.source.name(), &partner.label)?;
                let job = Altered { path: item.photo.path.clone(), change: change(partner.path.clone()) };
                Some((job, [item.covered, other].concat()))
            })
            .unzip();
        let index: Vec<usize> = (0..jobs.len()).collect();
        let made = source.pictures(gate, &jobs, &index)?;
        let judged: Vec<(Picture, usize)> = made
            .into_iter()
            .map(|(picture, i)| {
                let node = likeliest(&picture.scores, &both[i]);
                (picture, node)
            })
            .collect();
        let title = format!("halves of two photos {title}, as the likelier of the two");
        found.push(judges.judge(&title, false, &borrowed(&judged))?);
        if learned {
            all.extend(judged);
        }
    }
    found.push(judges.judge(
        "halves of two photos, side by side or above each other, as the likelier of the two",
        false,
        &borrowed(&all),
    )?);
    found.push(judges.judge_in_other_cloth("the same, judged as fabrics and looks are", &borrowed(&all))?);
    Ok(found)
}

/// Pictures judged as articles of other categories: one drawn at random, and the likeliest.
fn wrong_categories(judges: &Judges, items: &[&Item]) -> Result<Vec<Acceptance>> {
    let taxonomy = judges.gate().taxonomy();
    let mut stream = Stream::new(0, "wrong category", 0);
    let (mut random, mut nearest) = (Vec::new(), Vec::new());
    for item in items {
        let own: Vec<usize> = item.covered.iter().map(|&article| taxonomy.category_of(article)).collect();
        let others: Vec<usize> =
            (0..taxonomy.articles()).filter(|&article| !own.contains(&taxonomy.category_of(article))).collect();
        if let Some(&drawn) = others.get(stream.below(others.len())) {
            random.push((&item.picture, drawn));
            nearest.push((&item.picture, likeliest(&item.picture.scores, &others)));
        }
    }
    Ok(vec![
        judges.judge("true photos, as a random article of another category", false, &random)?,
        judges.judge("true photos, as the likeliest article of another category", false, &nearest)?,
    ])
}

/// Judged pictures as [`Judges::judge`] takes them.
pub fn borrowed(judged: &[(Picture, usize)]) -> Vec<(&Picture, usize)> {
    judged.iter().map(|(picture, node)| (picture, *node)).collect()
}
