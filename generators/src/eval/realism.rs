//! `rangrez eval realism`: can a classifier that never saw training tell recoloured cloth from photographs of cloth of that
//! colour? An accuracy of one half means that it cannot.
//!
//! Half of the held-out products train the judge, the other half are shown to it, then the halves are swapped. For each
//! photograph of a product in colour B there is the photograph in colour A dyed to B, so that colours, cuts and cloths are
//! the same in both classes; the judge is told which colour was asked for. Both go through the same compression, and the
//! judge sees the main cloth alone: no edge, no backdrop, no print.

mod crops;
mod judge;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pixels::SrgbImage;
use pixels::color::Lab;
use serde::Serialize;

use super::colorway_baselines::Baseline;
use super::colorway_pairs::{ColorwayPair, Part, load};
use super::colorway_view::Protocol;
use super::interval::{Interval, bootstrap, mean};
use super::program::{Generator, Program};
use super::workers;
use crate::stream::split_fraction;
use crate::{Error, Result};
use crops::{Crops, Gathered, Set, places};

/// Epochs of a judge's training.
const EPOCHS: usize = 10;
/// Judges that are averaged, each with other first weights and another order.
const SEEDS: u64 = 2;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// The pairs: CSV with the two image ids.
    pub pairs: PathBuf,
    /// Folder of the images, ID.jpg.
    pub images: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Threads, one libtorch thread each.
    pub threads: usize,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The trained network.
    Model,
    /// The network's analytic base alone.
    Base,
    /// A dumb method.
    Baseline,
    /// Fitted to the answer.
    Floor,
    /// Tells whether the judge can see at all and does not see ghosts.
    Sanity,
}

/// How well the judge told one method's pictures from real ones.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Method.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// Share of crops told rightly, half of them real; 95% interval over products.
    pub accuracy: Interval,
    /// Accuracy minus the network's, product by product: above 0, the network is the harder one to tell.
    pub behind_ours: Option<Interval>,
    /// Crops judged, per judge.
    pub crops: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How halves and crops were chosen.
    pub protocol: String,
    /// Directions (a photograph and its counterpart dyed to it).
    pub directions: usize,
    /// Groups of products that share photos.
    pub groups: usize,
    /// One row per method.
    pub rows: Vec<Row>,
    /// Whether the network is nearer to one half than every baseline.
    pub nearer_than_every_baseline: bool,
}

/// A way to make the second class.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Ours(Generator),
    Dumb(Baseline),
    Flat,
    RealAgain,
}

const METHODS: [(Method, Role); 10] = [
    (Method::Ours(Generator::Trained), Role::Model),
    (Method::Ours(Generator::Base), Role::Base),
    (Method::Dumb(Baseline::SpreadMatchedCurve), Role::Baseline),
    (Method::Dumb(Baseline::LabMeanShift), Role::Baseline),
    (Method::Dumb(Baseline::Reinhard), Role::Baseline),
    (Method::Dumb(Baseline::AlbedoRatio), Role::Baseline),
    (Method::Dumb(Baseline::FittedQuadratic), Role::Floor),
    (Method::RealAgain, Role::Sanity),
    (Method::Dumb(Baseline::LeaveAsIs), Role::Sanity),
    (Method::Flat, Role::Sanity),
];

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours(Generator::Trained) => "recolour network",
            Self::Ours(Generator::Base) => "analytic base",
            Self::Dumb(baseline) => baseline.name(),
            Self::Flat => "flat colour",
            Self::RealAgain => "real against real",
        }
    }
}

/// One direction: crops of the real photo, and of every method's picture of it.
struct Direction {
    group: usize,
    /// Whether this photo is of the second class where real is told from real.
    second: bool,
    real: Crops,
    /// In the order of [`METHODS`]; none where real is told from real.
    made: Vec<Option<Crops>>,
}

/// Measures every method.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let set = load(&options.pairs, &options.images, Part::Validation)?;
    let mut programs = Program::load_some(&options.weights, options.threads)?;
    let groups = numbered(&set.pairs);
    let asked: Vec<(&ColorwayPair, usize)> = set.pairs.iter().flat_map(|pair| [(pair, 0), (pair, 1)]).collect();
    let directions = workers::each(&asked, &mut programs, |program, &(pair, from)| {
        direction(program, pair, from, groups[&*pair.group])
    })?;
    let directions: Vec<Direction> = directions.into_iter().flatten().collect();
    if directions.is_empty() {
        let reason = "holds no pair with enough cloth to judge".into();
        return Err(Error::Data { path: options.pairs.clone(), reason });
    }
    let numbers: Vec<usize> = (0..METHODS.len()).collect();
    let judged = workers::each(&numbers, &mut programs, |_, &method| {
        let set = class_set(&directions, method)?;
        Ok((accuracies(&set)?, set.classes.len()))
    })?;
    let ours: BTreeMap<usize, f64> = judged[0].0.iter().map(|(&group, values)| (group, mean_of(values))).collect();
    let mut rows = Vec::new();
    for ((method, role), (accuracy, crops)) in METHODS.into_iter().zip(&judged) {
        let clusters: Vec<Vec<f64>> = accuracy.values().cloned().collect();
        let Some(interval) = bootstrap(&clusters, mean) else { continue };
        let behind = |(group, values): (&usize, &Vec<f64>)| {
            let ours = ours.get(group)?;
            Some(values.iter().map(|right| right - ours).collect())
        };
        let behind: Vec<Vec<f64>> = accuracy.iter().filter_map(behind).collect();
        let behind_ours = if role == Role::Model || role == Role::Sanity { None } else { bootstrap(&behind, mean) };
        rows.push(Row { name: method.name(), role, accuracy: interval, behind_ours, crops: *crops });
    }
    let distance = |row: &Row| (row.accuracy.value - 0.5).abs();
    let model = rows.iter().find(|row| row.role == Role::Model).map_or(f64::INFINITY, distance);
    Ok(Report {
        protocol: format!(
            "validation third of the pairs; groups halved by hash; {} px crops of the main cloth, JPEG; {SEEDS} judges of \
             {EPOCHS} epochs per half",
            crops::CROP
        ),
        directions: directions.len(),
        groups: directions.iter().map(|d| d.group).collect::<std::collections::BTreeSet<_>>().len(),
        nearer_than_every_baseline: rows
            .iter()
            .filter(|row| row.role == Role::Baseline)
            .all(|row| distance(row) > model),
        rows,
    })
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A number for every group, in an order that depends on nothing but their names: even ones are one half.
fn numbered(pairs: &[ColorwayPair]) -> BTreeMap<&str, usize> {
    let mut names: Vec<&str> = pairs.iter().map(|pair| &*pair.group).collect();
    names.sort_by(|a, b| split_fraction(&format!("judge {a}")).total_cmp(&split_fraction(&format!("judge {b}"))));
    names.dedup();
    names.into_iter().enumerate().map(|(i, name)| (name, i)).collect()
}

/// Crops of one direction; `None` when the cloth is too small.
fn direction(program: &Program, pair: &ColorwayPair, from: usize, group: usize) -> Result<Option<Direction>> {
    let to = 1 - from;
    let (Some(own), Some(other)) = (pair.view(Protocol::Plain, from), pair.view(Protocol::Plain, to)) else {
        return Ok(None);
    };
    let target = own.target();
    let (here, there) = (places(&own.region, &pair.ids[from]), places(&other.region, &pair.ids[to]));
    if here.is_empty() || there.is_empty() {
        return Ok(None);
    }
    let photo = &pair.images[from];
    let embedding = program.embed(photo)?;
    let mask = program.mask(photo, &embedding)?.united(&own.region)?;
    let made = METHODS.map(|(method, _)| -> Result<Option<Crops>> {
        let picture = match method {
            Method::Ours(generator) => {
                let dyed = program.dye_within(generator, photo, &mask, &embedding, &[target])?;
                dyed.into_iter().next().map(|dyed| dyed.image)
            }
            Method::Dumb(baseline) => Some(baseline.dye(photo, &pair.labs[from], own, &mask)),
            Method::Flat => Some(flat(photo, target)),
            Method::RealAgain => None,
        };
        picture.map(|picture| Crops::cut(&picture, &own.region, target, &here)).transpose()
    });
    Ok(Some(Direction {
        group,
        second: (split_fraction(&format!("second {}", pair.ids[0])) < 0.5) == (from == 0),
        real: Crops::cut(&pair.images[to], &other.region, target, &there)?,
        made: made.into_iter().collect::<Result<_>>()?,
    }))
}

fn flat(photo: &SrgbImage, color: Lab) -> SrgbImage {
    SrgbImage::filled(photo.width_px(), photo.height_px(), color.to_srgb8())
}

/// Real crops and as many of a method, or real crops of two classes.
fn class_set(directions: &[Direction], method: usize) -> Result<Set> {
    let mut gathered = Gathered::default();
    for direction in directions {
        if let Some(made) = &direction.made[method] {
            let n = made.planes.len().min(direction.real.planes.len());
            gathered.add(&direction.real, n, 0.0, direction.group);
            gathered.add(made, n, 1.0, direction.group);
        } else {
            let class = f32::from(u8::from(direction.second));
            gathered.add(&direction.real, usize::MAX, class, direction.group);
        }
    }
    gathered.into_set()
}

/// Per group: how often each of its crops was told rightly, over judges of other seeds.
fn accuracies(set: &Set) -> Result<BTreeMap<usize, Vec<f64>>> {
    let mut rights = vec![0.0; set.classes.len()];
    for seed in 0..SEEDS {
        for half in 0..2 {
            for (i, right) in judge::judged(set, |i| set.groups[i] % 2 == half, seed, EPOCHS)? {
                rights[i] += f64::from(u8::from(right)) / SEEDS as f64;
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    rights.into_iter().zip(&set.groups).for_each(|(right, &group)| groups.entry(group).or_default().push(right));
    Ok(groups)
}
