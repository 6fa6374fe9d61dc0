use super::*;
use crate::recolor::inputs::{CONDITION, PLANES, SIDE};
use crate::stream::Stream;

fn config() -> Config {
    Config {
        run_dir: PathBuf::new(),
        seed: 3,
        steps: 6,
        pairs: 2,
        jitters: 0,
        shards: 1,
        rate: 1e-3,
        judge_rate: 1e-3,
        warmup_steps: 2,
        judge_from: 1,
        judge_every: 1,
        penalty_every: 2,
        weight_decay: 0.01,
        clip_norm: 5.0,
        average_decay: 0.9,
        embedding_shown: 0.5,
        mined: None,
        ablations: BTreeMap::new(),
        check_every: 100,
        network: NetworkConfig { width: 4, bottleneck: 8, head: 8, embedding: 4, ..NetworkConfig::default() },
        weights: Weights {
            pairs: 1.0,
            jitter: 1.0,
            adversarial: 0.1,
            autoencoder: 0.5,
            residual: 0.01,
            texture: 1.0,
            spread: 0.5,
            r1: 1.0,
        },
    }
}

fn dataset() -> Dataset {
    let mut stream = Stream::new(2, "items", 0);
    let mut values = |n: usize, low: f32, high: f32| (0..n).map(|_| stream.uniform(low, high)).collect::<Vec<_>>();
    let pixels = SIDE * SIDE;
    let mut item = || Item {
        planes: values(PLANES * pixels, 0.0, 1.0),
        condition: values(CONDITION, -1.0, 1.0),
        embedding: values(1280, 0.0, 1.0),
        answer: values(3 * pixels / 4, 20.0, 60.0),
        region: vec![1.0; pixels / 4],
        is_pair: true,
    };
    Dataset { pairs: vec![item(), item(), item()], check: vec![item()], studio: Vec::new() }
}

#[test]
fn a_resumed_run_ends_with_the_same_weights() {
    tch::set_num_threads(1);
    let (config, data) = (config(), dataset());
    let mut whole = State::fresh(&config).unwrap();
    let mut first = State::fresh(&config).unwrap();
    for _ in 0..6 {
        step(&mut whole.opponents, &config, &data).unwrap();
        whole.opponents.step += 1;
    }
    for _ in 0..3 {
        step(&mut first.opponents, &config, &data).unwrap();
        first.opponents.step += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    crate::checkpoint::save(&path, NAME, &first.tensors(), Kind::Float, &[]).unwrap();
    let (tensors, _) = crate::checkpoint::load(&path, NAME).unwrap();
    let mut second = State::fresh(&config).unwrap();
    second.restore(&Saved { step: 3, tensors }).unwrap();
    for _ in 3..6 {
        step(&mut second.opponents, &config, &data).unwrap();
        second.opponents.step += 1;
    }
    let (one, other) = (whole.tensors(), second.tensors());
    for (name, tensor) in one.iter() {
        if name != "best_check" {
            assert_eq!(tensor, other.get(name).unwrap(), "{name}");
        }
    }
}

#[test]
fn a_few_steps_lower_the_loss_on_their_own_items() {
    tch::set_num_threads(1);
    let (config, data) = (Config { judge_from: 1000, steps: 30, rate: 3e-3, ..config() }, dataset());
    let mut state = State::fresh(&config).unwrap();
    let total = |values: &[(&str, f64)]| values.iter().find(|(name, _)| *name == "pairs").map_or(0.0, |(_, v)| *v);
    let before = total(&step(&mut state.opponents, &config, &data).unwrap());
    let mut after = before;
    for _ in 1..30 {
        state.opponents.step += 1;
        after = total(&step(&mut state.opponents, &config, &data).unwrap());
    }
    assert!(after < before, "{before} to {after}");
}
