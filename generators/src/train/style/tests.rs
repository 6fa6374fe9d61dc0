use super::*;
use crate::train::run::Saved;

fn config() -> Config {
    Config {
        run_dir: PathBuf::new(),
        seed: 3,
        steps: 4,
        batch: 2,
        shards: 2,
        rate: 1e-3,
        warmup_steps: 1,
        clip_norm: 5.0,
        average_decay: 0.9,
        check_every: 100,
        model: ModelConfig { width: 4, precision: Precision::F32 },
        weights: Weights { style: 4.0, itself: 1.0, range: 1.0 },
    }
}

/// The sample photos and a backbone that has learnt nothing.
fn fixed() -> Fixed {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/photos");
    let mut photos: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    let photos = [photos.clone(), photos];
    let mut builder = Builder::fresh(1);
    let network = Backbone::build(&mut builder, Precision::F32);
    let usual = data::usual(&photos, 3, &network).unwrap();
    Fixed { photos, backbone: builder.finish().unwrap(), usual }
}

#[test]
fn a_resumed_run_ends_with_the_same_weights_and_the_usual_is_not_trained() {
    tch::set_num_threads(1);
    let (config, fixed) = (config(), fixed());
    let run = |state: &mut State, until: u64| {
        while state.step < until {
            step(state, &config, &fixed).unwrap();
            state.step += 1;
        }
    };
    let mut whole = fresh(&config, &fixed.usual).unwrap();
    run(&mut whole, 4);
    let mut first = fresh(&config, &fixed.usual).unwrap();
    run(&mut first, 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    checkpoint::save(&path, NAME, &first.tensors(), Kind::Float, &[]).unwrap();
    let (tensors, _) = checkpoint::load(&path, NAME).unwrap();
    let mut second = fresh(&config, &fixed.usual).unwrap();
    second.restore(&Saved { step: 2, tensors }).unwrap();
    run(&mut second, 4);
    let (one, other) = (whole.tensors(), second.tensors());
    for (name, tensor) in one.iter() {
        assert_eq!(tensor, other.get(name).unwrap(), "{name}");
    }
    let fresh = fresh(&config, &fixed.usual).unwrap();
    for (name, before) in fresh.params.iter() {
        let changed = before != whole.params.get(name).unwrap();
        assert_eq!(changed, !name.starts_with("center.") && !name.starts_with("scale."), "{name}");
    }
}

#[test]
fn steps_on_the_same_pictures_lower_their_loss() {
    tch::set_num_threads(1);
    let (config, fixed) = (Config { rate: 3e-3, ..config() }, fixed());
    let mut state = fresh(&config, &fixed.usual).unwrap();
    let mut losses = Vec::new();
    for _ in 0..16 {
        // What is drawn depends on the step.
        state.step = 1;
        let values = step(&mut state, &config, &fixed).unwrap();
        losses.push(values.iter().find(|(name, _)| *name == "total").map_or(0.0, |(_, v)| *v));
    }
    assert!(losses[15] < 0.8 * losses[0], "{losses:?}");
}
