use pixels::color::Lab;

use super::*;
use crate::look::Look;

fn config() -> Config {
    Config {
        run_dir: PathBuf::new(),
        seed: 4,
        steps: 6,
        batch: 4,
        shards: 2,
        examples: 5,
        checked: 1,
        rate: 2e-3,
        warmup_steps: 1,
        weight_decay: 0.01,
        hidden_share: 0.2,
        average_decay: 0.9,
        check_every: 100,
        model: ModelConfig { hidden: 6 },
    }
}

fn examples() -> Vec<Example> {
    let mut stream = Stream::new(9, "examples", 0);
    let mut values = |n: usize, low, high| (0..n).map(|_| stream.uniform(low, high)).collect::<Vec<f32>>();
    let mut example = || Example {
        features: values(FEATURES, -1.0, 1.0),
        before: values(3 * COLORS, 10.0, 60.0),
        after: values(3 * COLORS, 30.0, 80.0),
    };
    (0..5).map(|_| example()).collect()
}

#[test]
fn a_resumed_run_ends_with_the_same_weights() {
    let (config, examples) = (config(), examples());
    let run = |best: &mut Best, until: u64| {
        while best.state.step < until {
            step(&mut best.state, &config, &examples).unwrap();
            best.state.step += 1;
        }
    };
    let mut whole = Best::fresh(&config, &examples).unwrap();
    run(&mut whole, 6);
    let mut first = Best::fresh(&config, &examples).unwrap();
    run(&mut first, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    crate::checkpoint::save(&path, NAME, &first.tensors(), Kind::Float, &[]).unwrap();
    let (tensors, _) = crate::checkpoint::load(&path, NAME).unwrap();
    let mut second = Best::fresh(&config, &examples).unwrap();
    second.restore(&Saved { step: 3, tensors }).unwrap();
    run(&mut second, 6);
    for (name, tensor) in whole.tensors().iter() {
        assert_eq!(tensor, second.tensors().get(name).unwrap(), "{name}");
    }
    let before = distance(
        &Network::from_params(&Best::fresh(&config, &examples).unwrap().state.params, config.model).unwrap(),
        &examples,
    );
    let after = distance(&Network::from_params(&whole.state.params, config.model).unwrap(), &examples);
    assert!(after.unwrap() < before.unwrap());
}

#[test]
fn the_differentiable_look_equals_the_shipped_one() {
    let mut stream = Stream::new(6, "maps", 0);
    let maps: Vec<f32> = (0..LEVELS * COEFFICIENTS).map(|_| stream.uniform(-0.1, 0.1)).collect();
    let look = Look::new(&maps).unwrap();
    let colors = [[20.0, 10.0, -30.0], [55.0, -8.0, 4.0], [96.0, 0.0, 2.0]];
    let before = Tensor::from_slice(&colors.concat()).view([1, 3, 3]);
    let expected: Vec<f32> = colors
        .iter()
        .flat_map(|c| {
            let lab = look.of_color(Lab::new(c[0], c[1], c[2]), 1.0);
            [lab.l, lab.a, lab.b]
        })
        .collect();
    let after = Tensor::from_slice(&expected).view([1, 3, 3]);
    let off = distances(&Tensor::from_slice(&maps).view([1, -1]), &before, &after);
    // The floor under the root is a tenth.
    assert!(off.max().double_value(&[]) < 0.11, "{off:?}");
}
