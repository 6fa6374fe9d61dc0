//! The backbone against activations of the original weights, recorded by `scripts/goldens` without this code.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::Path;

use generators::backbone::Backbone;
use generators::seam;
use serde::Deserialize;
use tch::Tensor;

#[derive(Deserialize)]
struct Golden {
    input: String,
    activations: BTreeMap<String, Activation>,
    embedding: Vec<f32>,
    tolerance: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Activation {
    shape: Vec<i64>,
    mean: f64,
    std: f64,
    first: Vec<f32>,
    slice: Slice,
    corner: Corner,
}

/// One row of one channel.
#[derive(Deserialize)]
struct Slice {
    channel: i64,
    row: i64,
    values: Vec<f32>,
}

/// The last values of the last row of one channel, where a wrong padding shows.
#[derive(Deserialize)]
struct Corner {
    channel: i64,
    values: Vec<f32>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn golden() -> (Golden, Tensor) {
    let folder = root().join("tests/goldens");
    let golden: Golden = serde_json::from_slice(&std::fs::read(folder.join("backbone.json")).unwrap()).unwrap();
    let png = std::fs::read(folder.join(&golden.input)).unwrap();
    let picture = pixels::decode(&png, &pixels::Limits::default()).unwrap().image;
    (golden, seam::tensor_from_srgb(&picture).unsqueeze(0))
}

fn assert_near(what: &str, actual: &Tensor, expected: &[f32], tolerance: f64) {
    let worst = (actual.reshape([-1]) - Tensor::from_slice(expected)).abs().max().double_value(&[]);
    assert!(worst <= tolerance, "{what}: off by {worst}, allowed {tolerance}\nactual {actual:?} expected {expected:?}");
}

#[test]
fn embedding_is_that_of_the_original() {
    let (golden, codes) = golden();
    let embedding = Backbone::load(&root().join("weights")).unwrap().embed(&codes).unwrap();
    let expected = Tensor::from_slice(&golden.embedding);
    let cosine = Tensor::cosine_similarity(&embedding.reshape([-1]), &expected, 0, 1e-12).double_value(&[]);
    assert!(cosine >= golden.tolerance["embedding_cosine"], "cosine {cosine}");
    assert_near("embedding", &embedding, &golden.embedding, golden.tolerance["embedding"]);
}

#[test]
fn feature_maps_are_those_of_the_original() {
    let (golden, codes) = golden();
    let maps = Backbone::load(&root().join("weights")).unwrap().features(&codes, usize::MAX);
    for (block, map) in [0, 2, 4, 10, 15].into_iter().zip(maps) {
        let name = format!("blocks.{block}");
        let (expected, tolerance) = (&golden.activations[&name], golden.tolerance[&name]);
        let map = map.squeeze_dim(0).contiguous();
        assert_eq!(map.size(), expected.shape, "{name}");
        let std = map.std(false).double_value(&[]);
        assert!((map.mean(tch::Kind::Float).double_value(&[]) - expected.mean).abs() <= tolerance / 4.0, "{name} mean");
        assert!((std - expected.std).abs() <= tolerance / 4.0, "{name} std {std}, expected {}", expected.std);
        assert_near(&name, &map.reshape([-1]).narrow(0, 0, 8), &expected.first, tolerance);
        let row = map.get(expected.slice.channel).get(expected.slice.row);
        assert_near(&name, &row, &expected.slice.values, tolerance);
        let (side, count) = (expected.shape[2], expected.corner.values.len() as i64);
        let corner = map.get(expected.corner.channel).get(side - 1).narrow(0, side - count, count);
        assert_near(&name, &corner, &expected.corner.values, tolerance);
    }
}
