//! How often the classifier is right, by level of the tree, article and sender.

use std::collections::BTreeMap;

use serde::Serialize;

use super::acceptance::Picture;
use super::statistics::{Rate, calibration_error};
use crate::gate::{Gate, Look, softmax};
use crate::taxonomy::Taxonomy;
use crate::train::gate_data::photos::{Part, Photo, Source, TEN};

/// Accuracy of one set of photos at one level.
#[derive(Clone, Debug, Serialize)]
pub struct Accuracy {
    /// The photos.
    pub photos: &'static str,
    /// What is told apart.
    pub level: &'static str,
    /// Share that is right.
    pub rate: Rate,
    /// Mean over classes, so that rare ones count.
    pub balanced: f64,
}

/// Accuracy on one class or sender.
#[derive(Clone, Debug, Serialize)]
pub struct Breakdown {
    /// The photos.
    pub photos: &'static str,
    /// The label or sender.
    pub name: String,
    /// Share that is right at the level of articles.
    pub rate: Rate,
}

/// Expected calibration error at the level of articles.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Calibration {
    /// Photos.
    pub n: usize,
    /// With the logits as trained.
    pub before: f64,
    /// With the temperature that the gate displays probabilities at.
    pub after: f64,
}

/// How labels were answered.
#[derive(Clone, Debug, Serialize)]
pub struct Confusion {
    /// The photos.
    pub photos: &'static str,
    /// Labels, then articles that no label of the source covers.
    pub names: Vec<String>,
    /// `counts[label][answer]`.
    pub counts: Vec<Vec<usize>>,
}

/// Everything measured of the classifier.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Accuracies {
    /// By set and level.
    pub levels: Vec<Accuracy>,
    /// By label.
    pub by_label: Vec<Breakdown>,
    /// By sender of phone photos with at least ten of them.
    pub by_sender: Vec<Breakdown>,
    /// Of displayed probabilities.
    pub calibration: Option<Calibration>,
    /// By source.
    pub confusion: Vec<Confusion>,
}

/// One report photo with its scores.
pub struct Item<'a> {
    /// The photo.
    pub photo: &'a Photo,
    /// What its label covers.
    pub covered: &'a [usize],
    /// What the gate sees of it.
    pub look: Look,
    /// What the gate makes of that.
    pub picture: Picture,
}

/// Groups of articles that one source tells apart: its labels' sets, then single articles, then "no product".
struct Answers {
    names: Vec<String>,
    sets: Vec<Vec<usize>>,
}

impl Answers {
    fn of(taxonomy: &Taxonomy, items: &[&Item]) -> Self {
        let mut known: BTreeMap<Vec<usize>, &str> = BTreeMap::new();
        for item in items {
            known.entry(item.covered.to_vec()).or_insert(&item.photo.label);
        }
        let mut answers = Self { names: Vec::new(), sets: Vec::new() };
        for (set, name) in known {
            answers.names.push(name.to_owned());
            answers.sets.push(set);
        }
        for article in 0..=taxonomy.articles() {
            if !answers.sets.iter().any(|set| set.contains(&article)) {
                let node = taxonomy.nodes().get(article).filter(|_| article < taxonomy.articles());
                answers.names.push(node.map_or_else(|| "no product".to_owned(), |n| format!("({})", n.name)));
                answers.sets.push(vec![article]);
            }
        }
        answers
    }

    /// The likeliest answer and its probability.
    fn best(&self, probabilities: &[f32]) -> (usize, f32) {
        let sums = self.sets.iter().map(|set| set.iter().map(|&article| probabilities[article]).sum::<f32>());
        sums.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }
}

/// Measures the classifier on the report photos.
pub fn measure(gate: &Gate, items: &[Item]) -> Accuracies {
    let mut found = Accuracies::default();
    let taxonomy = gate.taxonomy();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let sets: [(&'static str, Source, Part); 4] = [
        ("studio, new products", Source::Studio, Part::Report),
        ("phone, new senders", Source::Clothing, Part::Report),
        ("phone, published small validation", Source::Clothing, Part::SmallValidation),
        ("own photos, new groups", Source::Own, Part::Report),
    ];
    for (photos, source, part) in sets {
        let chosen: Vec<&Item> =
            items.iter().filter(|item| item.photo.source == source && item.photo.part == part).collect();
        if chosen.is_empty() {
            continue;
        }
        let answers = Answers::of(taxonomy, &chosen);
        let mut counts = vec![vec![0; answers.sets.len()]; answers.sets.len()];
        let mut rights = Vec::new();
        for item in &chosen {
            let (best, confidence) = answers.best(&gate.probabilities(&item.picture.scores));
            let right = answers.sets[best] == item.covered;
            rights.push(right);
            let truth = answers.sets.iter().position(|set| set == item.covered).unwrap_or(0);
            counts[truth][best] += 1;
            if part == Part::Report {
                let (raw, raw_confidence) = answers.best(&softmax(&item.picture.scores.logits, 1.0));
                before.push((raw_confidence, answers.sets[raw] == item.covered));
                after.push((confidence, right));
            }
        }
        let mut level = |name: &'static str, rights: &[bool]| {
            let by_class = grouped(chosen.iter().map(|item| item.photo.label.clone()), rights);
            let balanced = by_class.values().map(|r| r.rate).sum::<f64>() / by_class.len().max(1) as f64;
            found.levels.push(Accuracy { photos, level: name, rate: Rate::of(rights.iter().copied()), balanced });
        };
        level("article", &rights);
        for (name, is_level) in [
            (
                "category",
                (|t: &Taxonomy, n: usize| n >= t.articles() && t.nodes()[n].parent.is_some()) as fn(&_, _) -> _,
            ),
            ("department", |t: &Taxonomy, n: usize| t.nodes()[n].parent.is_none()),
        ] {
            let nodes: Vec<usize> = (0..taxonomy.nodes().len()).filter(|&n| is_level(taxonomy, n)).collect();
            let of_level: Vec<bool> = chosen.iter().map(|item| right_at(gate, item, &nodes)).collect();
            level(name, &of_level);
        }
        if source == Source::Clothing {
            found.levels.extend(ten_classes(gate, &chosen, photos));
        }
        let breakdown = |(name, rate)| Breakdown { photos, name, rate };
        if part == Part::Report {
            let labels = grouped(chosen.iter().map(|item| item.photo.label.clone()), &rights);
            found.by_label.extend(labels.into_iter().map(breakdown));
        }
        if source == Source::Clothing {
            let senders = grouped(chosen.iter().map(|item| item.photo.sender.clone()), &rights);
            found.by_sender.extend(senders.into_iter().filter(|(_, rate)| rate.n >= 10).map(breakdown));
        }
        found.confusion.push(Confusion { photos, names: answers.names, counts });
    }
    if !after.is_empty() {
        let (n, before, after) = (after.len(), calibration_error(&before), calibration_error(&after));
        found.calibration = Some(Calibration { n, before, after });
    }
    found
}

/// Whether the likeliest of the nodes holds an article that the label covers.
fn right_at(gate: &Gate, item: &Item, nodes: &[usize]) -> bool {
    let probabilities = gate.probabilities(&item.picture.scores);
    let all = gate.taxonomy().nodes();
    let sum = |node: usize| all[node].articles.iter().map(|&article| probabilities[article]).sum::<f32>();
    let best = nodes.iter().copied().max_by(|&a, &b| sum(a).total_cmp(&sum(b)));
    best.is_some_and(|node| item.covered.iter().any(|article| all[node].articles.contains(article)))
}

/// The ten-class task: only photos of these labels, only these answers.
fn ten_classes(gate: &Gate, items: &[&Item], photos: &'static str) -> Option<Accuracy> {
    let of_ten: Vec<&&Item> = items.iter().filter(|item| TEN.contains(&item.photo.label.as_str())).collect();
    let sets: Vec<&[usize]> = TEN.iter().filter_map(|label| gate.taxonomy().covered("clothing", label)).collect();
    let rights: Vec<bool> = of_ten
        .iter()
        .map(|item| {
            let probabilities = gate.probabilities(&item.picture.scores);
            let sum = |set: &[usize]| set.iter().map(|&article| probabilities[article]).sum::<f32>();
            sets.iter().max_by(|a, b| sum(a).total_cmp(&sum(b))) == Some(&item.covered)
        })
        .collect();
    let by_class = grouped(of_ten.iter().map(|item| item.photo.label.clone()), &rights);
    let balanced = by_class.values().map(|r| r.rate).sum::<f64>() / by_class.len().max(1) as f64;
    (!rights.is_empty()).then(|| Accuracy { photos, level: "ten classes", rate: Rate::of(rights), balanced })
}

fn grouped(names: impl Iterator<Item = String>, rights: &[bool]) -> BTreeMap<String, Rate> {
    let mut groups: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for (name, right) in names.zip(rights) {
        groups.entry(name).or_default().push(*right);
    }
    groups.into_iter().map(|(name, rights)| (name, Rate::of(rights))).collect()
}
