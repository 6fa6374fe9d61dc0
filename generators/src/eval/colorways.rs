//! `rangrez eval colorways`: the recolour network and every baseline on real colourway pairs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::colorway_measure::{MaskKind, Models, Role, Sample, measure};
use super::colorway_pairs::{ColorwayPair, ColorwaySet, MISMATCH_LIMIT, Part};
use super::colorway_strata::{Direction, Product, Stratum, products};
use super::colorway_view::Protocol;
use super::interval::{Interval, bootstrap, mean, median};
use crate::Result;

/// One method's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// How it was compared.
    pub protocol: Protocol,
    /// Whose mask it was given.
    pub mask: MaskKind,
    /// Method.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Mean over directions of the mean ΔE00 per pixel, with its 95% interval over groups of pairs.
    pub mean_delta_e00: Interval,
    /// Median over directions.
    pub median_delta_e00: f64,
    /// Directions measured (two per pair).
    pub n: usize,
}

/// One hard case: the program with its own mask, registered and on the main cloth.
#[derive(Clone, Debug, Serialize)]
pub struct StratumFigure {
    /// Which.
    pub stratum: Stratum,
    /// Directions in it.
    pub n: usize,
    /// The analytic base.
    pub model: Interval,
    /// The network's correction over it.
    pub network: f64,
    /// Name of the best baseline in this stratum.
    pub best_baseline: String,
    /// Its mean ΔE00.
    pub baseline: f64,
    /// Base minus that baseline; the base wins for sure where even the upper end is below 0.
    pub difference: Interval,
}

/// What `rangrez eval colorways` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which part of the pairs.
    pub part: Part,
    /// How the parts were told apart.
    pub split: String,
    /// Pairs in the list.
    pub listed: usize,
    /// Pairs left out because a photo is missing.
    pub missing: usize,
    /// Pairs measured as they come.
    pub pairs: usize,
    /// Directions whose folds could not be registered, by [`MISMATCH_LIMIT`], and that the other protocols leave out.
    pub unregistered: usize,
    /// One row per protocol, mask and method.
    pub figures: Vec<Figure>,
    /// The hard cases.
    pub strata: Vec<StratumFigure>,
    /// Whether the base is below every baseline given the same mask, for every protocol and mask.
    pub below_every_baseline: bool,
    /// Median intersection over union of the program's own mask with the plain region.
    pub own_mask_median_iou: Option<f64>,
    /// Every sample behind the figures.
    #[serde(skip)]
    pub samples: Vec<Sample>,
}

/// Fewer directions than this make no stratum.
pub const STRATUM_FLOOR: usize = 10;

/// Measures everything on one part of the pairs, one thread for each of the `workers`.
///
/// `images` is the folder of the photos; a `styles.csv` beside it names the products.
///
/// # Errors
/// When data cannot be read or a model fails.
pub fn evaluate(set: &ColorwaySet, part: Part, images: &Path, workers: &mut [Models]) -> Result<Report> {
    let styles = images.with_file_name("styles.csv");
    let products = if styles.is_file() { products(&styles)? } else { HashMap::new() };
    let samples = measure(&set.pairs, workers)?;
    let mut overlaps: Vec<f64> = samples
        .iter()
        .filter(|s| is(s, Protocol::Plain, MaskKind::Own) && s.role == Role::Model)
        .map(|s| s.overlap)
        .collect();
    let figures = figures(set, &samples);
    let below = |protocol: Protocol, mask: MaskKind| {
        let least = |role: Role| {
            let of = figures.iter().filter(|f| f.protocol == protocol && f.mask == mask && f.role == role);
            of.map(|f| f.mean_delta_e00.value).reduce(f64::min)
        };
        matches!((least(Role::Model), least(Role::Baseline)), (Some(ours), Some(best)) if ours < best)
    };
    let kinds = Protocol::ALL.into_iter().flat_map(|p| [(p, MaskKind::Own), (p, MaskKind::True)]);
    let kinds = kinds.filter(|&(p, m)| figures.iter().any(|f| f.protocol == p && f.mask == m));
    let all = set.pairs.iter().flat_map(|pair| [0, 1].map(|from| pair.view(Protocol::Plain, from)));
    Ok(Report {
        part,
        split: "pairs that share a photo form a group; validation: sha256 of its smallest id < 1/3".into(),
        listed: set.listed,
        missing: set.missing,
        pairs: set.pairs.len(),
        unregistered: all.filter(Option::is_none).count(),
        below_every_baseline: kinds.into_iter().all(|(p, m)| below(p, m)),
        own_mask_median_iou: (!overlaps.is_empty()).then(|| median(&mut overlaps)),
        strata: strata(set, &samples, &products),
        figures,
        samples,
    })
}

fn is(sample: &Sample, protocol: Protocol, mask: MaskKind) -> bool {
    sample.protocol == protocol && sample.mask == mask
}

/// Values in clusters by group, so that pairs which share photos count once in an interval.
fn clusters<'a>(set: &ColorwaySet, values: impl Iterator<Item = (usize, f64)> + 'a) -> Vec<Vec<f64>> {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (pair, value) in values {
        groups.entry(&set.pairs[pair].group).or_default().push(value);
    }
    groups.into_values().collect()
}

fn figures(set: &ColorwaySet, samples: &[Sample]) -> Vec<Figure> {
    let mut kinds: Vec<(Protocol, MaskKind, &str, Role)> = Vec::new();
    for s in samples {
        if !kinds.iter().any(|k| (k.0, k.1, k.2) == (s.protocol, s.mask, &s.method)) {
            kinds.push((s.protocol, s.mask, &s.method, s.role));
        }
    }
    let figure = |(protocol, mask, name, role): (Protocol, MaskKind, &str, Role)| {
        let of: Vec<(usize, f64)> = samples
            .iter()
            .filter(|s| is(s, protocol, mask) && s.method == name)
            .map(|s| (s.pair, s.delta_e00))
            .collect();
        let mut values: Vec<f64> = of.iter().map(|v| v.1).collect();
        Some(Figure {
            protocol,
            mask,
            name: name.to_owned(),
            role,
            mean_delta_e00: bootstrap(&clusters(set, of.into_iter()), mean)?,
            median_delta_e00: median(&mut values),
            n: values.len(),
        })
    };
    kinds.into_iter().filter_map(figure).collect()
}

/// The hard cases with at least [`STRATUM_FLOOR`] directions, with the program's own mask where it was measured.
fn strata(set: &ColorwaySet, samples: &[Sample], products: &HashMap<String, Product>) -> Vec<StratumFigure> {
    let mask = if samples.iter().any(|s| s.mask == MaskKind::Own) { MaskKind::Own } else { MaskKind::True };
    let measured: Vec<&Sample> = samples.iter().filter(|s| is(s, Protocol::Plain, mask)).collect();
    let holds = |stratum: Stratum, sample: &Sample| {
        let pair = &set.pairs[sample.pair];
        let product = products.get(&pair.ids[1 - sample.from]);
        direction(pair, sample.from, product).is_some_and(|d| stratum.holds(d))
    };
    let figure = |stratum: Stratum| {
        let inside: Vec<&Sample> = measured.iter().copied().filter(|s| holds(stratum, s)).collect();
        let of = |method: &str| -> BTreeMap<(usize, usize), f64> {
            inside.iter().filter(|s| s.method == method).map(|s| ((s.pair, s.from), s.delta_e00)).collect()
        };
        let named = |role: Role| inside.iter().find(|s| s.role == role).map(|s| s.method.clone());
        let model = of(&named(Role::Model)?);
        let average = |of: &BTreeMap<(usize, usize), f64>| of.values().sum::<f64>() / of.len().max(1) as f64;
        let mut names: Vec<&str> =
            inside.iter().filter(|s| s.role == Role::Baseline).map(|s| s.method.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let baselines = names.into_iter().map(|name| (name, of(name)));
        let (name, best) = baselines.min_by(|one, other| average(&one.1).total_cmp(&average(&other.1)))?;
        let differences = model.iter().filter_map(|(key, value)| Some((key.0, value - best.get(key)?)));
        (model.len() >= STRATUM_FLOOR || stratum == Stratum::All).then_some(())?;
        Some(StratumFigure {
            stratum,
            n: model.len(),
            model: bootstrap(&clusters(set, model.iter().map(|(key, &v)| (key.0, v))), mean)?,
            network: average(&of(&named(Role::Network)?)),
            best_baseline: name.to_owned(),
            baseline: average(&best),
            difference: bootstrap(&clusters(set, differences), mean)?,
        })
    };
    Stratum::ALL.into_iter().filter_map(figure).collect()
}

fn direction<'a>(pair: &ColorwayPair, from: usize, product: Option<&'a Product>) -> Option<Direction<'a>> {
    let (plain, registered) = (pair.view(Protocol::Plain, from)?, pair.view(Protocol::Registered, from));
    let indices = plain.indices();
    let own: Vec<_> = indices.iter().map(|&i| pair.labs[from].at(i)).collect();
    let differing = registered.map_or(indices.len(), |view| view.indices().len());
    Some(Direction {
        source: pixels::garment_stats::median_lab(&own),
        target: plain.target(),
        plain_share: indices.len() as f64 / differing.max(1) as f64,
        product,
    })
}

/// The directions where the base is farthest from the real photo, worst first: pair, photo dyed, mean ΔE00.
pub fn worst(report: &Report, n: usize) -> Vec<(usize, usize, f64)> {
    let own = report.samples.iter().any(|s| s.mask == MaskKind::Own);
    let mask = if own { MaskKind::Own } else { MaskKind::True };
    let of = report.samples.iter().filter(|s| is(s, Protocol::Plain, mask) && s.role == Role::Model);
    let mut of: Vec<(usize, usize, f64)> = of.map(|s| (s.pair, s.from, s.delta_e00)).collect();
    of.sort_by(|one, other| other.2.total_cmp(&one.2));
    of.truncate(n);
    of
}

/// What [`Report::unregistered`] means, for readers.
pub fn registration_note(report: &Report) -> String {
    format!(
        "{} of {} directions show other folds (more than {MISMATCH_LIMIT} L* unexplained) or too little of one cloth",
        report.unregistered,
        2 * report.pairs
    )
}
