use pixels::color::Lab;
use pixels::{Mask, SrgbImage};

use super::*;
use crate::refiner::{EMBEDDING, light_picture};
use crate::shading::view::SIDE;
use crate::stream::Stream;
use crate::train::run::Saved;

fn config() -> Config {
    Config {
        run_dir: PathBuf::new(),
        seed: 3,
        steps: 6,
        batch: 2,
        shards: 1,
        photos: 1,
        cloths: 1,
        rate: 3e-3,
        judge_rate: 1e-3,
        warmup_steps: 1,
        judge_from: 2,
        penalty_every: 2,
        weight_decay: 0.01,
        clip_norm: 5.0,
        average_decay: 0.9,
        check_every: 100,
        model: ModelConfig { width: 4, swatch: 4 },
        weights: Weights { adversarial: 0.1, light: 10.0, residual: 0.01, smooth: 0.1, r1: 1.0 },
    }
}

/// Garments that are a tenth darker in their photos than they were laid.
fn dataset() -> Dataset {
    let side = SIDE as u32;
    let mut stream = Stream::new(2, "items", 0);
    let mut item = |own: bool| {
        let code = 120 + stream.below(60) as u8;
        Item {
            made: SrgbImage::filled(side, side, [code; 3]),
            lit: light_picture(&vec![1.0; SIDE * SIDE], side, side).unwrap(),
            mask: Mask::filled(side, side, 255),
            swatch: (0..EMBEDDING).map(|_| stream.normal()).collect(),
            color: Lab::new(50.0, 0.0, 0.0),
            real: SrgbImage::filled(side, side, [code - 12; 3]),
            real_mask: Mask::filled(side, side, 255),
            own,
        }
    };
    Dataset { items: vec![item(true), item(false), item(true)], check: vec![item(true)], printed: 2, plain: 1 }
}

#[test]
fn a_resumed_run_ends_with_the_same_weights() {
    tch::set_num_threads(1);
    let (config, data) = (config(), dataset());
    let go = |state: &mut Opponents, steps: u64| {
        for _ in 0..steps {
            step(state, &config, &data).unwrap();
            state.step += 1;
        }
    };
    let (mut whole, mut first, mut second) =
        (fresh(&config).unwrap(), fresh(&config).unwrap(), fresh(&config).unwrap());
    go(&mut whole, 6);
    go(&mut first, 3);
    second.restore(&Saved { step: 3, tensors: first.tensors().deep_clone() }).unwrap();
    go(&mut second, 3);
    let (one, other) = (whole.tensors(), second.tensors());
    for (name, tensor) in one.iter() {
        assert_eq!(tensor, other.get(name).unwrap(), "{name}");
    }
}

#[test]
fn it_learns_that_garments_are_darker_than_they_were_laid() {
    tch::set_num_threads(1);
    let (config, data) = (Config { judge_from: 1000, steps: 25, ..config() }, dataset());
    let mut state = fresh(&config).unwrap();
    let light = |values: &[(&str, f64)]| values.iter().find(|(name, _)| *name == "light").map_or(0.0, |(_, v)| *v);
    let before = light(&step(&mut state, &config, &data).unwrap());
    let mut after = before;
    for _ in 1..25 {
        state.step += 1;
        after = light(&step(&mut state, &config, &data).unwrap());
    }
    assert!((before - 12.0 / 255.0).abs() < 0.01, "{before}");
    assert!(after < 0.6 * before, "{before} to {after}");
}
