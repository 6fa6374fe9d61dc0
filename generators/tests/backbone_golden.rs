//! The folded half-precision backbone against activations of the original weights, computed by `scripts/goldens`.

use std::path::PathBuf;

use generators::backbone::Backbone;
use generators::checkpoint;
use generators::layers::Precision;
use generators::seam::{floats_of, tensor_from_srgb};
use serde_json::Value;

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_stage_matches_the_original_network() {
    let golden: Value =
        serde_json::from_slice(&std::fs::read(repository("tests/goldens/backbone.json")).unwrap()).unwrap();
    let png = std::fs::read(repository("tests/goldens").join(golden["input"].as_str().unwrap())).unwrap();
    let photo = pixels::decode(&png, &pixels::Limits::default()).unwrap().image;
    let (params, _) = checkpoint::load(&repository("weights/backbone.safetensors"), "backbone").unwrap();
    let backbone = Backbone::from_params(&params, Precision::F32).unwrap();
    let codes = tensor_from_srgb(&photo).unsqueeze(0);

    let maps = backbone.features(&codes, usize::MAX);
    for (name, map) in ["blocks.2", "blocks.4", "blocks.10", "blocks.15"].iter().zip(&maps[1..]) {
        let expected = &golden["activations"][name];
        let slice = &expected["slice"];
        let row = map.get(0).get(slice["channel"].as_i64().unwrap()).get(slice["row"].as_i64().unwrap());
        let difference = largest_difference(&floats_of(&row).unwrap(), &floats(&slice["values"]));
        let tolerance = golden["tolerance"][name].as_f64().unwrap() as f32;
        assert!(difference <= tolerance, "{name}: {difference} > {tolerance}");
        let mean = map.mean(tch::Kind::Float).double_value(&[]);
        assert!((mean - expected["mean"].as_f64().unwrap()).abs() < 0.01, "{name}: mean {mean}");
    }

    let embedding = floats_of(&backbone.embed(&codes).unwrap()).unwrap();
    let expected = floats(&golden["embedding"]);
    let difference = largest_difference(&embedding, &expected);
    assert!(difference <= golden["tolerance"]["embedding"].as_f64().unwrap() as f32, "embedding: {difference}");
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    let cosine = dot(&embedding, &expected) / (dot(&embedding, &embedding) * dot(&expected, &expected)).sqrt();
    assert!(cosine > golden["tolerance"]["embedding_cosine"].as_f64().unwrap(), "cosine {cosine}");
}
