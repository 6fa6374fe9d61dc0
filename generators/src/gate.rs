//! The gate: what a photo shows, and whether a generated picture still shows the article it must.
//!
//! A linear head on the pooled embedding, a relative Mahalanobis distance, a small network on the picture's quarters that
//! tells one product from two photos joined, and conformal p-values of all three against real photos (Ren et al. 2021; Vovk
//! et al. 2005), after checks of the pixels. A softmax alone lets a third of noise images through. Thresholds are certified
//! where there are enough negatives.

mod calibration;
pub mod guarantee;
mod look;
mod scorer;

use std::path::Path;

use serde::Serialize;
use tch::Tensor;

use crate::backbone::{EMBEDDING, INPUT_PX};
use crate::card::Card;
use crate::params::Params;
use crate::region::Region;
use crate::seam::floats_of;
use crate::taxonomy::Taxonomy;
use crate::{Error, Result, checkpoint};

pub use calibration::{QUANTILES, Reference};
pub use guarantee::Guarantee;
pub use look::{Look, whole};
pub use scorer::{Component, Scorer, Scores};

/// Name of the weights file, without ending.
pub const NAME: &str = "gate";
/// Prefix of the gate's own last blocks of the backbone among its tensors; see [`crate::embedding::Embedder`].
pub const TAIL: &str = "tail.";
/// Kinds of photo that are calibrated apart: catalogue and phone.
pub const KINDS: usize = 2;

/// What a photo shows.
#[derive(Clone, Debug, Serialize)]
pub struct Classification {
    /// The deepest node of the tree that is more likely than not: an article, else a category, else a department.
    pub article: String,
    /// Names from the department down to it.
    pub breadcrumb: Vec<String>,
    /// Calibrated probability of that node, 0 to 1.
    pub confidence: f32,
    /// The region that a photo of it recolours.
    pub region: Region,
    /// Whether it looks like a photo of the catalogue at all.
    pub in_catalog: bool,
    /// Why it was not found in the catalogue, or why the answer backed off up the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a picture may pass as an article.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Whether `score` reaches `threshold`.
    pub accepted: bool,
    /// The least of the p-values: the share of real photos that look at most as typical; 0 when the pixels are not sound.
    pub score: f32,
    /// Least score that is accepted.
    pub threshold: f32,
    /// Whether a guarantee stands behind the threshold.
    pub certified: bool,
    /// What decided, for people.
    pub reason: String,
}

/// Numbers chosen on calibration data.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Divides the logits of displayed probabilities.
    pub temperature: f32,
    /// Least score of [`Gate::judge`].
    pub accept: f32,
    /// Least typicality (p-value of the distance) of a photo of the catalogue.
    pub catalog: f32,
    /// Least probability of a node that [`Gate::classify`] names.
    pub confidence: f32,
}

/// The classifier that guards the generators. Plain numbers: threads may share it.
pub struct Gate {
    taxonomy: Taxonomy,
    scorer: Scorer,
    margins: Vec<Reference>,
    distances: Vec<Reference>,
    wholeness: Vec<Reference>,
    settings: Settings,
    guarantees: Vec<Guarantee>,
}

/// The p-values behind a verdict.
#[derive(Clone, Copy, Debug)]
pub struct PValues {
    /// Of the margin of the node's logit over the best other: the least of the node's own and those of the nodes above
    /// it, because what passes as an article must pass as its category and department too.
    pub margin: f32,
    /// Of the relative distance to the node's nearest Gaussian, beside all real photos of the kind to their own.
    pub distance: f32,
    /// Of the log-odds that it is one picture rather than two joined, beside all real photos of the kind.
    pub wholeness: f32,
}

impl PValues {
    /// The smallest: the score of a verdict.
    pub fn score(self) -> f32 {
        self.margin.min(self.distance).min(self.wholeness)
    }
}

/// Side of the pictures that a gate sees, in pixels, by its card; the backbone's own where the card does not say.
///
/// # Errors
/// What is wrong with the number.
pub fn input_px(card: &Card) -> std::result::Result<u32, String> {
    let Some(value) = card.config.get("input_px") else { return Ok(INPUT_PX) };
    let px = value.as_u64().and_then(|px| u32::try_from(px).ok()).filter(|&px| is_input_px(px));
    px.ok_or_else(|| format!("its card's `input_px` is {value}, not a multiple of 32 up to 1024"))
}

/// Whether the trunk takes pictures of this side.
pub fn is_input_px(px: u32) -> bool {
    px > 0 && px <= 1024 && px.is_multiple_of(32)
}

impl Gate {
    /// Loads `gate.safetensors`, its card and `taxonomy.toml` from the weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`]; [`Error::Config`] for a malformed tree.
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, card) = checkpoint::load_model(weights, NAME)?;
        Self::of_file(weights, &params, card)
    }

    /// The gate of a file of the weights folder that has been read.
    pub(crate) fn of_file(weights: &Path, params: &Params, card: Card) -> Result<Self> {
        let taxonomy = Taxonomy::load(weights)?;
        let refuse = |reason: String| checkpoint::invalid(&checkpoint::weights_path(weights, NAME), reason);
        if card.classes != taxonomy.article_names() {
            return Err(refuse("its card lists other articles than taxonomy.toml".into()));
        }
        let settings = Settings::from_card(&card).map_err(&refuse)?;
        let gate = Self::from_params(params, taxonomy, settings).map_err(|error| refuse(error.to_string()))?;
        Ok(gate.guaranteed(card.guarantees))
    }

    /// The same with certified thresholds.
    pub fn guaranteed(self, guarantees: Vec<Guarantee>) -> Self {
        Self { guarantees, ..self }
    }

    /// The thresholds for one certified share of false accepts, by category.
    ///
    /// # Errors
    /// [`Error::Input`] that lists the shares there are, when this is none of them.
    pub fn guarantees(&self, false_accept: f64) -> Result<Vec<&Guarantee>> {
        let of_share = |share: f64| (share - false_accept).abs() < 1e-9;
        let found: Vec<&Guarantee> = self.guarantees.iter().filter(|g| of_share(g.false_accept)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let mut shares: Vec<String> = self.guarantees.iter().map(|g| g.false_accept.to_string()).collect();
        shares.dedup();
        let shares = if shares.is_empty() { "none".to_owned() } else { shares.join(", ") };
        Err(Error::Input(format!(
            "this gate has no thresholds for a false-accept share of {false_accept}; it has {shares}"
        )))
    }

    /// Makes a gate of its tensors.
    ///
    /// # Errors
    /// [`Error::Input`] naming the tensors that are missing or do not fit the tree.
    pub fn from_params(params: &Params, taxonomy: Taxonomy, settings: Settings) -> Result<Self> {
        let scorer = Scorer::from_params(params, taxonomy.articles())?;
        let margins = calibration::references(params, "calibration.margin", taxonomy.nodes().len() * KINDS)?;
        let distances = calibration::references(params, "calibration.distance", scorer.components().len())?;
        let wholeness = calibration::references(params, "calibration.wholeness", scorer.components().len())?;
        if (0..taxonomy.articles()).any(|article| !scorer.components().iter().any(|c| c.article == article)) {
            return Err(Error::Input("components: an article has none".into()));
        }
        Ok(Self { taxonomy, scorer, margins, distances, wholeness, settings, guarantees: Vec::new() })
    }

    /// The catalogue's tree.
    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// The numbers chosen on calibration data.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Says what one photo shows.
    ///
    /// # Shapes
    /// `[1280]` or `[1, 1280]`.
    ///
    /// # Errors
    /// When the shape is another.
    pub fn classify(&self, embedding: &Tensor) -> Result<Classification> {
        Ok(self.classify_scores(&self.scores(embedding)?))
    }

    /// As [`Gate::classify`], of a photo whose masks say where its article is, given where such articles are worn: if that is
    /// elsewhere, it is the likeliest of the articles that are worn there.
    ///
    /// # Errors
    /// As [`Gate::classify`].
    pub fn classify_worn(&self, embedding: &Tensor, found_in: impl Fn(Region) -> Region) -> Result<Classification> {
        let scores = self.scores(embedding)?;
        let mut probabilities = self.probabilities(&scores);
        let free = self.classified(&scores, &probabilities);
        let region = found_in(free.region);
        let elsewhere = |&article: &usize| self.taxonomy.region(article) != region;
        let articles = 0..self.taxonomy.articles();
        if region == free.region || articles.clone().all(|article| elsewhere(&article)) {
            return Ok(free);
        }
        articles.filter(elsewhere).for_each(|article| probabilities[article] = 0.0);
        let left: f32 = probabilities.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        probabilities.iter_mut().for_each(|probability| *probability /= left);
        Ok(self.classified(&scores, &probabilities))
    }

    /// Says whether a picture may pass as `article`, which may also be a category or a department; at the threshold that is
    /// certified for `false_accept`, or at the one that the gate was made with.
    ///
    /// # Errors
    /// When the tree has no such node, or the gate no thresholds for that share.
    pub fn judge(&self, look: &Look, article: &str, false_accept: Option<f64>) -> Result<Verdict> {
        let unknown = || Error::Input(format!("`{article}` is no article or category of the catalogue"));
        let node = self.taxonomy.find(article).ok_or_else(unknown)?;
        let (threshold, certified) = self.threshold(node, false_accept)?;
        let verdict = match look.fault() {
            Some(fault) => {
                Verdict { accepted: false, score: 0.0, threshold, certified, reason: look::explained(fault) }
            }
            None => Verdict { certified, ..self.judge_scores(&self.look(look), node, threshold) },
        };
        Ok(verdict)
    }

    /// As [`Gate::judge`], of a picture whose garment has another cloth: it passes as any of [`Gate::in_other_cloth`].
    ///
    /// # Errors
    /// As [`Gate::judge`].
    pub fn judge_in_other_cloth(&self, look: &Look, article: &str, false_accept: Option<f64>) -> Result<Verdict> {
        let Some(node) = self.taxonomy.find(article) else { return self.judge(look, article, false_accept) };
        let name = |node: usize| self.taxonomy.nodes()[node].name.as_str();
        let alike = self.in_other_cloth(node, false_accept);
        let own = alike.first().map_or(article, |&node| name(node));
        let verdict = self.judge(look, own, false_accept)?;
        for &other in alike.iter().skip(1).filter(|_| !verdict.accepted) {
            let as_other = self.judge(look, name(other), false_accept)?;
            if as_other.accepted {
                let reason = format!("{}, which are worn like {own}", as_other.reason);
                return Ok(Verdict { reason, ..as_other });
            }
        }
        Ok(verdict)
    }

    /// What a garment may pass as in another cloth: its category, then any that is worn on the same part of the body. What is
    /// certified is certified for one category, so `false_accept` leaves its own alone.
    pub fn in_other_cloth(&self, node: usize, false_accept: Option<f64>) -> Vec<usize> {
        let mut alike = self.taxonomy.worn_like(node);
        if false_accept.is_some() {
            alike.truncate(1);
        }
        alike
    }

    /// Least score for a node, and whether it is certified for every category at, above or below it.
    ///
    /// # Errors
    /// As [`Gate::guarantees`].
    pub fn threshold(&self, node: usize, false_accept: Option<f64>) -> Result<(f32, bool)> {
        let Some(share) = false_accept else { return Ok((self.settings.accept, false)) };
        let guarantees = self.guarantees(share)?;
        let nodes = self.taxonomy.nodes();
        let concerned = |g: &&&Guarantee| {
            let mut categories = nodes[node].articles.iter().map(|&article| self.taxonomy.category_of(article));
            categories.any(|category| nodes[category].name == g.category)
        };
        let of_node: Vec<&&Guarantee> = guarantees.iter().filter(concerned).collect();
        let strictest = of_node.iter().map(|g| g.threshold).fold(self.settings.accept, f32::max);
        Ok((strictest, !of_node.is_empty() && of_node.iter().all(|g| g.certified)))
    }

    /// Scores a picture by its quarters, to judge it as several articles.
    pub fn look(&self, look: &Look) -> Scores {
        self.scorer.look(look)
    }

    /// Scores one embedding without its quarters, to classify it.
    ///
    /// # Shapes
    /// `[1280]` or `[1, 1280]`.
    ///
    /// # Errors
    /// When the shape is another or a value is not finite.
    pub fn scores(&self, embedding: &Tensor) -> Result<Scores> {
        let size = embedding.size();
        if size != [EMBEDDING] && size != [1, EMBEDDING] {
            return Err(Error::Input(format!("gate: expected [{EMBEDDING}] or [1, {EMBEDDING}], got {size:?}")));
        }
        let values = floats_of(embedding)?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::Input("gate: the embedding holds values that are not finite".into()));
        }
        Ok(self.scorer.scores(&values))
    }

    /// Displayed probabilities: one per article, then "no product".
    pub fn probabilities(&self, scores: &Scores) -> Vec<f32> {
        softmax(&scores.logits, self.settings.temperature)
    }

    /// As [`Gate::classify`].
    pub fn classify_scores(&self, scores: &Scores) -> Classification {
        self.classified(scores, &self.probabilities(scores))
    }

    fn classified(&self, scores: &Scores, probabilities: &[f32]) -> Classification {
        let of_node = |node: &usize| -> f32 {
            self.taxonomy.nodes()[*node].articles.iter().map(|&article| probabilities[article]).sum()
        };
        let best_below = |parent: Option<usize>| {
            let nodes = self.taxonomy.nodes();
            let children = (0..nodes.len()).filter(|&n| nodes[n].parent == parent);
            children.max_by(|a, b| of_node(a).total_cmp(&of_node(b)))
        };
        let floor = self.settings.confidence;
        // Down from the best department, as far as a node is likely enough. There is always a department.
        let mut node = best_below(None).unwrap_or(0);
        while let Some(child) = best_below(Some(node)).filter(|child| of_node(child) >= floor) {
            node = child;
        }
        let name = &self.taxonomy.nodes()[node].name;
        let confidence = of_node(&node);
        let nothing = probabilities.last().copied().unwrap_or(0.0);
        let problem = if nothing >= floor {
            Some("no product recognised: blank, blurred, noisy or broken".to_owned())
        } else if confidence < floor {
            Some(format!("no department is likely: {name} is the best with {:.0}%", confidence * 100.0))
        } else if self.p_values(scores, node).distance < self.settings.catalog {
            Some(format!("unlike every reference photo of {name}"))
        } else {
            None
        };
        let backed_off = || {
            let likely = best_article(probabilities, &self.taxonomy.nodes()[node].articles);
            let likely = &self.taxonomy.nodes()[likely].name;
            (node >= self.taxonomy.articles()).then(|| format!("not sure which article, most likely {likely}"))
        };
        Classification {
            article: name.clone(),
            breadcrumb: self.taxonomy.breadcrumb(node),
            confidence,
            region: if nothing >= floor { Region::All } else { self.likely_region(probabilities) },
            in_catalog: problem.is_none(),
            reason: problem.or_else(backed_off),
        }
    }

    /// As [`Gate::judge`], by node and at a threshold, of a picture whose pixels are sound.
    pub fn judge_scores(&self, scores: &Scores, node: usize, threshold: f32) -> Verdict {
        let p = self.p_values(scores, node);
        let score = p.score();
        let accepted = score >= threshold;
        let name = &self.taxonomy.nodes()[node].name;
        let reason = if accepted {
            format!("as typical as {:.0}% of real photos of {name}", score * 100.0)
        } else if p.margin < threshold {
            let others: Vec<usize> = self.outside(node).collect();
            let rival = best_article(&scores.logits, &others);
            match self.taxonomy.nodes().get(rival).filter(|_| rival < self.taxonomy.articles()) {
                Some(rival) => format!("looks like {} rather than {name}", rival.name),
                None => format!("no product recognised where {name} should be"),
            }
        } else if p.wholeness < threshold {
            "looks like two pictures joined, not like one product".to_owned()
        } else {
            format!("unlike the reference photos of {name}")
        };
        Verdict { accepted, score, threshold, certified: false, reason }
    }

    /// The p-values of a picture as a node of the tree.
    pub fn p_values(&self, scores: &Scores, node: usize) -> PValues {
        let articles = &self.taxonomy.nodes()[node].articles;
        let Some((component, distance)) = self.scorer.nearest(scores, articles) else {
            return PValues { margin: 0.0, distance: 0.0, wholeness: 0.0 };
        };
        let kind = self.scorer.components()[component].kind;
        let of_margin = |node: usize| self.margins[node * KINDS + kind].p_value(margin(&self.taxonomy, scores, node));
        PValues {
            margin: self.taxonomy.upwards(node).map(of_margin).fold(1.0, f32::min),
            distance: self.distances[component].p_value(-distance),
            wholeness: scores.wholeness.map_or(0.0, |odds| self.wholeness[component].p_value(odds)),
        }
    }

    fn outside(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let inside = &self.taxonomy.nodes()[node].articles;
        (0..=self.taxonomy.articles()).filter(|article| !inside.contains(article))
    }

    fn likely_region(&self, probabilities: &[f32]) -> Region {
        let sum_of = |region: Region| -> f32 {
            let here = (0..self.taxonomy.articles()).filter(|&article| self.taxonomy.region(article) == region);
            here.map(|article| probabilities[article]).sum()
        };
        let best = Region::EVERY.into_iter().max_by(|&a, &b| sum_of(a).total_cmp(&sum_of(b)));
        best.unwrap_or(Region::All)
    }
}

impl Settings {
    fn from_card(card: &Card) -> std::result::Result<Self, String> {
        let read = |name: &str| {
            let value = card.thresholds.get(name).map(|threshold| threshold.value as f32);
            value.filter(|v| v.is_finite()).ok_or_else(|| format!("its card has no threshold `{name}`"))
        };
        let settings = Self {
            temperature: read("temperature")?,
            accept: read("accept")?,
            catalog: read("catalog")?,
            confidence: read("confidence")?,
        };
        if settings.temperature > 0.0 { Ok(settings) } else { Err("its card's temperature is not positive".into()) }
    }
}

/// Margin of a node: log-sum of its articles' logits over the best logit outside it, "no product" included.
pub fn margin(taxonomy: &Taxonomy, scores: &Scores, node: usize) -> f32 {
    let inside = &taxonomy.nodes()[node].articles;
    let others = scores.logits.iter().enumerate().filter(|(article, _)| !inside.contains(article));
    let best_other = others.map(|(_, &logit)| logit).fold(f32::NEG_INFINITY, f32::max);
    let largest = inside.iter().map(|&article| scores.logits[article]).fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = inside.iter().map(|&article| (scores.logits[article] - largest).exp()).sum();
    largest + sum.ln() - best_other
}

/// Softmax of logits divided by a temperature.
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|l| ((l - largest) / temperature).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

fn best_article(values: &[f32], among: &[usize]) -> usize {
    among.iter().copied().max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}

#[cfg(test)]
mod tests;
