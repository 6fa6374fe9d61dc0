//! What the gate needs beside its head, in closed form: Gaussians, calibration scores, temperature, thresholds.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::gate::{Config, Head, trained};
use super::gate_data::augment::Recipe;
use super::gate_data::photos::Part;
use super::gate_data::rows::{IMPOSSIBLE, Row, allowed, matrix, matrix_of};
use crate::gate::{Gate, KINDS, Look, QUANTILES, Reference, Scorer, Scores, Settings, margin, softmax};
use crate::params::Params;
use crate::seam::floats_of;
use crate::taxonomy::{Node, Taxonomy};
use crate::{Error, Result};

/// Fewest training pictures that a Gaussian is fitted on.
const LEAST_FITTED: usize = 12;
/// Fewest calibration scores that stand alone: n of them give no p-value below 1 / (n + 1), so fewer could reject nothing.
const LEAST_CALIBRATED: usize = 120;
/// Width of the network that tells one picture from two joined.
const WHOLENESS_HIDDEN: i64 = 256;
/// How many times as many steps it learns as a head: its pictures are many, and errors fall long.
const WHOLENESS_PATIENCE: u64 = 4;
/// Share of the quarters' numbers that its training hides.
const WHOLENESS_DROPOUT: f64 = 0.3;
/// Where the Gaussian of an article without any photo is put: too far from everything to be near anything.
const NOWHERE: f64 = 1e3;

/// A finished gate with the tensors that it is saved as.
pub struct Fitted {
    /// The gate.
    pub gate: Gate,
    /// Its tensors, already rounded to half precision.
    pub params: Params,
}

/// Completes a head (`head.*`, taking raw embeddings) to a gate; `joined` are pictures of two photos.
///
/// # Errors
/// When an article has no photo in the training rows, unless it is `left_out`.
pub fn fit(
    config: &Config,
    taxonomy: &Taxonomy,
    head: &Params,
    (rows, joined): (&[Row], &[Row]),
    left_out: &[usize],
) -> Result<Fitted> {
    let mut params = half(head);
    let logits = logits_of(&params, matrix(rows.iter()))?;
    let articles = articles_of(&logits, rows, taxonomy.articles())?;
    gaussians(config, taxonomy, rows, &articles, left_out, &mut params)?;
    params.extend_with_prefix("wholeness.", &wholeness(config, taxonomy.articles(), rows, joined)?);
    let mut params = half(&params);
    let scorer = Scorer::from_params(&params, taxonomy.articles())?;
    let calibration: Vec<(&Row, usize, Scores)> = rows
        .par_iter()
        .zip(&articles)
        .filter(|(row, article)| row.part == Part::Calibration && **article < taxonomy.articles())
        .map(|(row, &article)| Ok((row, article, scorer.look(&Look::new(row.quarters.clone(), None)?))))
        .collect::<Result<_>>()?;
    reference_scores(taxonomy, &scorer, &calibration, &mut params)?;
    let params = half(&params);
    let mut settings = Settings { temperature: 1.0, accept: 0.0, catalog: 0.0, confidence: config.confidence };
    settings.temperature = temperature(&calibration);
    let gate = Gate::from_params(&params, taxonomy.clone(), settings)?;
    let as_labelled = calibration.iter().map(|(_, article, scores)| gate.p_values(scores, *article));
    let (scores, distances): (Vec<f32>, Vec<f32>) = as_labelled.map(|p| (p.score(), p.distance)).unzip();
    settings.accept = lowest_share(scores, 1.0 - config.true_accept);
    settings.catalog = lowest_share(distances, 1.0 - config.catalog_accept);
    Ok(Fitted { gate: Gate::from_params(&params, taxonomy.clone(), settings)?, params })
}

/// A network with one hidden layer on the quarters of a picture, which tells one product (0) from two photos joined (1).
fn wholeness(config: &Config, articles: usize, rows: &[Row], joined: &[Row]) -> Result<Params> {
    let (hidden, dropout, steps) = (WHOLENESS_HIDDEN, WHOLENESS_DROPOUT, config.steps * WHOLENESS_PATIENCE);
    let config = Config { steps, hidden, dropout, ..config.clone() };
    let product = |row: &&Row| row.covered.iter().all(|&article| article < articles);
    let learned = |row: &&Row| config.learns_from(row.part);
    let whole: Vec<&Row> = rows.iter().filter(product).filter(learned).collect();
    let joined: Vec<&Row> = joined.iter().filter(learned).collect();
    let quarters = matrix_of(whole.iter().chain(&joined).map(|row| &row.quarters[..]));
    let answers = [([0.0, IMPOSSIBLE], whole.len()), ([IMPOSSIBLE, 0.0], joined.len())];
    let allowed: Vec<f32> = answers.iter().flat_map(|(answer, n)| answer.repeat(*n)).collect();
    let allowed = Tensor::from_slice(&allowed).view([-1, 2]);
    Ok(trained(Head::on(&config, quarters, allowed)?)?.with_prefix("head."))
}

/// The value below which a share of the scores lies.
fn lowest_share(mut scores: Vec<f32>, share: f64) -> f32 {
    scores.sort_unstable_by(f32::total_cmp);
    let rank = (share * scores.len() as f64) as usize;
    scores.get(rank).copied().unwrap_or(0.0)
}

fn half(params: &Params) -> Params {
    params.map(|tensor| tensor.detach().to_kind(Kind::Half).to_kind(Kind::Float))
}

/// Logits of embeddings by a head `head.*`.
///
/// # Shapes
/// `[N, 1280]` → `[N, outputs]`.
///
/// # Errors
/// When libtorch refuses.
pub fn logits_of(params: &Params, embeddings: Tensor) -> Result<Tensor> {
    let mut x = embeddings;
    for layer in 0.. {
        let name = format!("head.{layer}");
        let (Some(weight), Some(bias)) = (params.get(&format!("{name}.weight")), params.get(&format!("{name}.bias")))
        else {
            break;
        };
        let input = if layer == 0 { x } else { x.relu() };
        x = input.f_linear(weight, Some(bias))?;
    }
    Ok(x)
}

/// The article of each row: its label's, or the likeliest of those that the label covers.
fn articles_of(logits: &Tensor, rows: &[Row], articles: usize) -> Result<Vec<usize>> {
    let best = (logits + allowed(rows.iter(), articles)).f_argmax(1, false)?;
    Ok(floats_of(&best)?.into_iter().map(|index| index as usize).collect())
}

fn gaussians(
    config: &Config,
    taxonomy: &Taxonomy,
    rows: &[Row],
    articles: &[usize],
    left_out: &[usize],
    params: &mut Params,
) -> Result<()> {
    let learned = |row: &Row, article: usize| article < taxonomy.articles() && config.learns_from(row.part);
    let (fitted, of_fitted): (Vec<&Row>, Vec<usize>) =
        rows.iter().zip(articles).filter(|(row, article)| learned(row, **article)).map(|(r, &a)| (r, a)).unzip();
    let x = matrix(fitted.iter().copied());
    let mean = x.mean_dim([0].as_slice(), false, Kind::Float);
    let centred = &x - &mean;
    let n = centred.size()[0] as f64;
    let (values, vectors) = (centred.tr().matmul(&centred) / n).f_linalg_eigh("L")?;
    // Eigenvalues come in rising order.
    let pca = vectors.f_narrow(1, values.size()[0] - config.dimensions, config.dimensions)?.tr().contiguous();
    params.insert("pca.bias", pca.mv(&mean).neg());
    let reduced = centred.matmul(&pca.tr());
    params.insert("pca.weight", pca);
    let mut components: Vec<(usize, usize, Vec<i64>)> = Vec::new();
    for article in 0..taxonomy.articles() {
        // An article that shares every label with others may be the likeliest nowhere; then all that may be it count.
        let likeliest_somewhere = of_fitted.contains(&article);
        let of_kind = |kind: usize| -> Vec<i64> {
            let member = |&i: &usize| {
                if likeliest_somewhere { of_fitted[i] == article } else { fitted[i].covered.contains(&article) }
            };
            (0..fitted.len()).filter(|&i| fitted[i].kind == kind).filter(member).map(|i| i as i64).collect()
        };
        let mut kinds: Vec<_> = (0..KINDS).map(|kind| (article, kind, of_kind(kind))).collect();
        // The kind with most photos always stands, the other if it has enough.
        kinds.sort_by_key(|(_, _, members)| std::cmp::Reverse(members.len()));
        let mut first = true;
        kinds.retain(|(_, _, members)| std::mem::take(&mut first) || members.len() >= LEAST_FITTED);
        if kinds[0].2.is_empty() && !left_out.contains(&article) {
            let name = &taxonomy.nodes()[article].name;
            return Err(Error::Input(format!("no training photo for the article `{name}`")));
        }
        components.extend(kinds);
    }
    let mut spread = Tensor::zeros_like(&reduced);
    let mut means = Vec::new();
    for (_, _, members) in &components {
        if members.is_empty() {
            means.push(Tensor::full([config.dimensions], NOWHERE, (Kind::Float, tch::Device::Cpu)));
            continue;
        }
        let index = Tensor::from_slice(members);
        let own = reduced.index_select(0, &index);
        let mean = own.mean_dim([0].as_slice(), false, Kind::Float);
        spread = spread.f_index_copy(0, &index, &(own - &mean))?;
        means.push(mean);
    }
    let within = whitening(&spread, config.shrinkage)?;
    let background = whitening(&reduced, config.shrinkage)?;
    let zeros = Tensor::zeros([config.dimensions], (Kind::Float, tch::Device::Cpu));
    params.insert("components.mean", Tensor::f_stack(&means, 0)?.matmul(&within.tr()));
    params.insert("within.weight", within);
    params.insert("within.bias", zeros.shallow_clone());
    params.insert("background.weight", background);
    params.insert("background.bias", zeros);
    let column = |f: fn(&(usize, usize, Vec<i64>)) -> usize| {
        Tensor::from_slice(&components.iter().map(|c| f(c) as f32).collect::<Vec<_>>())
    };
    params.insert("components.article", column(|c| c.0));
    params.insert("components.kind", column(|c| c.1));
    Ok(())
}

/// `W` such that `W z` has unit covariance, the covariance being shrunk towards a multiple of the identity.
fn whitening(z: &Tensor, shrinkage: f64) -> Result<Tensor> {
    let d = z.size()[1];
    let covariance = z.tr().matmul(z) / z.size()[0] as f64;
    let scale = covariance.trace() / d as f64;
    let shrunk = covariance * (1.0 - shrinkage) + Tensor::eye(d, (Kind::Float, tch::Device::Cpu)) * (scale * shrinkage);
    let (values, vectors) = shrunk.f_linalg_eigh("L")?;
    Ok(vectors.tr() / values.clamp_min(1e-12).sqrt().unsqueeze(1))
}

/// Calibration scores at a level of the tree, by the node that they are collected at (none for the whole tree) and the
/// kind of photo.
type Pools = BTreeMap<(usize, Option<usize>, usize), Vec<f32>>;

/// Calibration scores of every node, and of all photos of a kind for components. Where a node has too few, those of the
/// nodes of its own level under the same parent are joined to them, so that an article is never compared with the easier
/// scores of a category.
fn reference_scores(
    taxonomy: &Taxonomy,
    scorer: &Scorer,
    calibration: &[(&Row, usize, Scores)],
    params: &mut Params,
) -> Result<()> {
    let (nodes, components) = (taxonomy.nodes(), scorer.components());
    let (mut margins, mut distances, mut wholeness) = (Pools::new(), Pools::new(), Pools::new());
    for (_, article, scores) in calibration {
        let Some((component, distance)) = scorer.nearest(scores, &[*article]) else { continue };
        let kind = components[component].kind;
        let whole = scores.wholeness.unwrap_or(f32::NAN);
        for (level, node) in taxonomy.upwards(*article).enumerate() {
            let margin = margin(taxonomy, scores, node);
            for place in taxonomy.upwards(node).map(Some).chain([None]) {
                margins.entry((level, place, kind)).or_default().push(margin);
            }
        }
        distances.entry((0, None, kind)).or_default().push(-distance);
        wholeness.entry((0, None, kind)).or_default().push(whole);
    }
    let mut of_nodes = Vec::new();
    for (node, Node { articles, .. }) in nodes.iter().enumerate() {
        let level = taxonomy.upwards(articles[0]).position(|above| above == node).unwrap_or(0);
        of_nodes.extend((0..KINDS).map(|kind| enough(&margins, level, taxonomy.upwards(node), kind)));
    }
    store(params, "calibration.margin", of_nodes)?;
    // The covariance is shared, so distances mean the same everywhere; beside the few photos of one article, nothing is rare.
    for (name, pools) in [("distance", distances), ("wholeness", wholeness)] {
        let of_components = components.iter().map(|component| enough(&pools, 0, std::iter::empty(), component.kind));
        store(params, &format!("calibration.{name}"), of_components.collect())?;
    }
    Ok(())
}

/// The scores of the first place with enough of them, at last those of the whole tree.
fn enough(pools: &Pools, level: usize, mut places: impl Iterator<Item = usize>, kind: usize) -> Vec<f32> {
    let of = |place: Option<usize>| pools.get(&(level, place, kind));
    let first = places.find_map(|place| of(Some(place)).filter(|scores| scores.len() >= LEAST_CALIBRATED));
    // Photos of one's own may all be of one kind, which then stands for the other.
    let other = || pools.iter().find(|((at, place, _), _)| *at == level && place.is_none()).map(|(_, scores)| scores);
    first.or_else(|| of(None)).or_else(other).cloned().unwrap_or_default()
}

fn store(params: &mut Params, name: &str, sets: Vec<Vec<f32>>) -> Result<()> {
    let (mut tables, mut counts) = (Vec::new(), Vec::new());
    for scores in sets {
        let reference = Reference::of(scores);
        let reference = reference.ok_or_else(|| Error::Input("a kind of photo has no calibration photo".into()))?;
        tables.extend_from_slice(reference.parts().0);
        counts.push(reference.parts().1);
    }
    params.insert(name, Tensor::from_slice(&tables).view([-1, QUANTILES as i64]));
    params.insert(format!("{name}_n"), Tensor::from_slice(&counts));
    Ok(())
}

/// The temperature under which the calibration labels are likeliest (Guo et al. 2017).
fn temperature(calibration: &[(&Row, usize, Scores)]) -> f32 {
    let surprise = |temperature: f32| -> f64 {
        let plain = calibration.iter().filter(|(row, _, _)| row.recipe == Recipe::Plain);
        let each = plain.map(|(row, _, scores)| {
            let probabilities = softmax(&scores.logits, temperature);
            -f64::from(row.covered.iter().map(|&article| probabilities[article]).sum::<f32>().max(1e-12)).ln()
        });
        each.sum()
    };
    let candidates = (8..=100).map(|i| i as f32 * 0.05);
    candidates.min_by(|a, b| surprise(*a).total_cmp(&surprise(*b))).unwrap_or(1.0)
}
