use super::composites::tests::folded;
use super::*;
use crate::layers::Precision;
use crate::train::run::Saved;

fn config() -> Config {
    Config {
        run_dir: PathBuf::new(),
        seed: 3,
        steps: 6,
        batch: 2,
        shards: 2,
        photos: 0,
        rate: 1e-3,
        warmup_steps: 2,
        weight_decay: 0.01,
        clip_norm: 1.0,
        average_decay: 0.9,
        check_every: 100,
        model: ModelConfig { width: 4, precision: Precision::F32 },
        weights: Weights { gradients: 0.5, level: 0.1 },
    }
}

fn garments() -> Garments {
    Garments { plain: vec![folded("a"), folded("b")], ..Garments::default() }
}

#[test]
fn a_resumed_run_ends_with_the_same_weights() {
    tch::set_num_threads(1);
    let (config, garments) = (config(), garments());
    let run = |state: &mut State, until: u64| {
        while state.step < until {
            step(state, &config, &garments).unwrap();
            state.step += 1;
        }
    };
    let mut whole = fresh(&config).unwrap();
    run(&mut whole, 6);
    let mut first = fresh(&config).unwrap();
    run(&mut first, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    crate::checkpoint::save(&path, NAME, &first.tensors(), tch::Kind::Float, &[]).unwrap();
    let (tensors, _) = crate::checkpoint::load(&path, NAME).unwrap();
    let mut second = fresh(&config).unwrap();
    second.restore(&Saved { step: 3, tensors }).unwrap();
    run(&mut second, 6);
    let (one, other) = (whole.tensors(), second.tensors());
    for (name, tensor) in one.iter() {
        assert_eq!(tensor, other.get(name).unwrap(), "{name}");
    }
}

#[test]
fn steps_on_the_same_garments_lower_their_loss() {
    tch::set_num_threads(1);
    let (config, garments) = (Config { steps: 40, rate: 3e-3, batch: 4, ..config() }, garments());
    let mut state = fresh(&config).unwrap();
    let mut losses = Vec::new();
    for _ in 0..40 {
        // What is drawn depends on the step.
        state.step = 2;
        let values = step(&mut state, &config, &garments).unwrap();
        losses.push(values.iter().find(|(name, _)| *name == "total").map_or(0.0, |(_, v)| *v));
    }
    assert!(losses[39] < 0.9 * losses[0], "{losses:?}");
}
