//! From an embedding to article logits and relative Mahalanobis distances, in plain `f32` so that threads can share it.
//!
//! Lee et al., "A simple unified framework for detecting out-of-distribution samples", 2018 (shared covariance), and
//! Ren et al., "A simple fix to Mahalanobis distance", 2021 (background Gaussian). Departure: an article has one
//! Gaussian mean per kind of photo, because catalogue and phone photos lie apart. A small network on the four
//! quarters tells one product from two photos joined, which pass by their average.

use super::look::Look;
use crate::backbone::EMBEDDING;
use crate::params::Params;
use crate::seam::floats_of;
use crate::{Error, Result};

/// `y = W x + b`.
struct Dense {
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

/// A Gaussian of one article in one kind of photo.
#[derive(Clone, Debug)]
pub struct Component {
    /// The article, by index.
    pub article: usize,
    /// The kind of photo: 0 catalogue, 1 phone.
    pub kind: usize,
    mean: Vec<f32>,
}

/// What the gate knows of one picture.
#[derive(Clone, Debug)]
pub struct Scores {
    /// One logit per article, then one for "no product".
    pub logits: Vec<f32>,
    /// Per component, squared Mahalanobis distance to it minus that to the background; lower is more typical.
    pub distances: Vec<f32>,
    /// Log-odds that it is one picture rather than two joined; none when only a whole embedding was scored, which is enough
    /// to classify it but passes as nothing.
    pub wholeness: Option<f32>,
}

/// The head and the Gaussians.
pub struct Scorer {
    layers: Vec<Dense>,
    wholeness: Vec<Dense>,
    pca: Dense,
    within: Dense,
    background: Dense,
    components: Vec<Component>,
}

impl Dense {
    fn from(params: &Params, name: &str, inputs: Option<usize>, problems: &mut Vec<String>) -> Result<Self> {
        let (weight_name, bias_name) = (format!("{name}.weight"), format!("{name}.bias"));
        let empty = Self { weight: Vec::new(), bias: Vec::new(), inputs: 0 };
        let (Some(weight), Some(bias)) = (params.get(&weight_name), params.get(&bias_name)) else {
            problems.push(format!("{name}: weight or bias missing"));
            return Ok(empty);
        };
        let (size, bias_size) = (weight.size(), bias.size());
        if size.len() != 2 || bias_size != size[..1] || inputs.is_some_and(|n| size[1] != n as i64) {
            problems.push(format!("{name}: weight {size:?} and bias {bias_size:?} do not fit {inputs:?} inputs"));
            return Ok(empty);
        }
        Ok(Self { weight: floats_of(weight)?, bias: floats_of(bias)?, inputs: size[1] as usize })
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        self.weight.chunks_exact(self.inputs).zip(&self.bias).map(|(row, bias)| dot(row, x) + bias).collect()
    }

    /// Layers one after the other, each but the last cut off at zero.
    fn chain(layers: &[Self], x: &[f32]) -> Vec<f32> {
        let mut x = x.to_vec();
        for (i, layer) in layers.iter().enumerate() {
            if i > 0 {
                x.iter_mut().for_each(|x| *x = x.max(0.0));
            }
            x = layer.forward(&x);
        }
        x
    }

    /// Reads `NAME.0`, `NAME.1`, … as far as there are any, from `inputs` numbers to `outputs`.
    fn chain_of(
        params: &Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        problems: &mut Vec<String>,
    ) -> Result<Vec<Self>> {
        let mut layers = Vec::new();
        let mut width = inputs;
        while layers.is_empty() || params.get(&format!("{name}.{}.weight", layers.len())).is_some() {
            let layer = Self::from(params, &format!("{name}.{}", layers.len()), Some(width), problems)?;
            width = layer.outputs();
            layers.push(layer);
        }
        if width != outputs {
            problems.push(format!("{name}: gives {width} logits, expected {outputs}"));
        }
        Ok(layers)
    }

    fn outputs(&self) -> usize {
        self.bias.len()
    }
}

/// Sixteen running sums, so that the compiler may use vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..16 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

impl Scorer {
    /// Reads `head.*`, `wholeness.*`, `pca.*`, `within.*`, `background.*` and `components.*` for a tree of `articles`.
    ///
    /// # Errors
    /// One [`Error::Input`] that lists every tensor that is missing or misshapen.
    pub fn from_params(params: &Params, articles: usize) -> Result<Self> {
        let mut problems = Vec::new();
        let width = EMBEDDING as usize;
        // The articles and none; one picture and two.
        let layers = Dense::chain_of(params, "head", (width, articles + 1), &mut problems)?;
        let wholeness = Dense::chain_of(params, "wholeness", (4 * width, 2), &mut problems)?;
        let pca = Dense::from(params, "pca", Some(EMBEDDING as usize), &mut problems)?;
        let within = Dense::from(params, "within", Some(pca.outputs()), &mut problems)?;
        let background = Dense::from(params, "background", Some(pca.outputs()), &mut problems)?;
        let components = components_of(params, within.outputs(), articles, &mut problems)?;
        if !problems.is_empty() {
            return Err(Error::Input(problems.join("; ")));
        }
        Ok(Self { layers, wholeness, pca, within, background, components })
    }

    /// The Gaussians, in the order of [`Scores::distances`].
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Scores a picture, also whether it is one.
    pub fn look(&self, look: &Look) -> Scores {
        let logits = Dense::chain(&self.wholeness, look.quarters());
        Scores { wholeness: Some(logits[0] - logits[1]), ..self.scores(&look.embedding()) }
    }

    /// Scores one embedding of [`EMBEDDING`] values.
    pub fn scores(&self, embedding: &[f32]) -> Scores {
        let logits = Dense::chain(&self.layers, embedding);
        let reduced = self.pca.forward(embedding);
        let square = |values: &[f32]| dot(values, values);
        let background = square(&self.background.forward(&reduced));
        let whitened = self.within.forward(&reduced);
        let distance = |component: &Component| {
            let off: Vec<f32> = whitened.iter().zip(&component.mean).map(|(x, m)| x - m).collect();
            square(&off) - background
        };
        Scores { logits, distances: self.components.iter().map(distance).collect(), wholeness: None }
    }

    /// The component nearest to a picture among those of some articles: its index and distance.
    pub fn nearest(&self, scores: &Scores, articles: &[usize]) -> Option<(usize, f32)> {
        let of_node = self.components.iter().zip(&scores.distances).enumerate();
        of_node
            .filter(|(_, (component, _))| articles.contains(&component.article))
            .map(|(index, (_, &distance))| (index, distance))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn components_of(params: &Params, width: usize, articles: usize, problems: &mut Vec<String>) -> Result<Vec<Component>> {
    let mut read = |name: &str, columns: usize| -> Result<Vec<f32>> {
        let name = format!("components.{name}");
        match params.get(&name) {
            Some(tensor) if tensor.numel() % columns.max(1) == 0 => floats_of(tensor),
            Some(tensor) => {
                problems.push(format!("{name}: {:?} has no rows of {columns}", tensor.size()));
                Ok(Vec::new())
            }
            None => {
                problems.push(format!("{name}: missing"));
                Ok(Vec::new())
            }
        }
    };
    let (means, of_articles, kinds) = (read("mean", width)?, read("article", 1)?, read("kind", 1)?);
    let rows = means.chunks_exact(width.max(1));
    if rows.len() != of_articles.len() || kinds.len() != of_articles.len() {
        problems.push("components: mean, article and kind differ in number".into());
    }
    let bad = |&index: &f32| index < 0.0 || index as usize >= articles;
    if of_articles.iter().any(bad) || kinds.iter().any(|&kind| kind != 0.0 && kind != 1.0) {
        problems.push("components: an article or kind is out of range".into());
    }
    let each = rows.zip(of_articles).zip(kinds);
    Ok(each
        .map(|((mean, article), kind)| Component {
            article: article as usize,
            kind: kind as usize,
            mean: mean.to_vec(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_dot_product_is_the_dot_product() {
        for n in [0, 1, 15, 16, 17, 50] {
            let a: Vec<f32> = (0..n).map(|i| i as f32 * 0.5).collect();
            let b: Vec<f32> = (0..n).map(|i| 2.0 - i as f32).collect();
            let expected: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - expected).abs() <= 1e-3 * (1.0 + expected.abs()));
        }
    }
}
