use super::*;
use crate::card::Card;

/// A weights folder with a backbone of random numbers, and eight photos of two kinds.
fn material(folder: &Path) -> (PathBuf, Vec<Example>) {
    let weights = folder.join("weights");
    let mut builder = Builder::fresh(4);
    let _ = backbone::Backbone::build(&mut builder, Precision::F32);
    let params = builder.finish().unwrap();
    let path = checkpoint::weights_path(&weights, backbone::NAME);
    let sha256 = checkpoint::save(&path, backbone::NAME, &params, Kind::Half, &[]).unwrap();
    let (format, model) = (checkpoint::FORMAT.to_owned(), backbone::NAME.to_owned());
    let card = Card { format, model, sha256, ..Card::default() };
    card.write(&checkpoint::card_path(&weights, backbone::NAME)).unwrap();
    let mut stream = Stream::new(1, "photos", 0);
    let examples = (0..8).map(|i| {
        let path = folder.join(format!("{i}.png"));
        let codes = (0..32 * 32 * 3).map(|at| if at % 3 == i % 2 { 220 } else { stream.below(60) as u8 });
        let photo = pixels::SrgbImage::new(32, 32, codes.collect()).unwrap();
        let png = pixels::encode(&photo, None, pixels::Format::Png, 90).unwrap();
        std::fs::write(&path, png).unwrap();
        let recipes = vec![Recipe::Plain, Recipe::Snapshot(0)];
        Example { path, recipes, covered: vec![i % 2], words: (i > 2).then(|| vec![i % 2, 2]), learned: i < 6 }
    });
    (weights, examples.collect())
}

fn config() -> Config {
    Config {
        steps: 6,
        batch: 4,
        head_rate: 1e-2,
        tail_rate: 1e-3,
        rate_decay: 0.8,
        weight_decay: 0.01,
        dropout: 0.1,
        smoothing: 0.1,
        mixed: 0.5,
        hidden: 0.5,
        snapshots: 1,
        framings: 0,
        average: 0.5,
        words: 0.1,
        precision: Precision::F32,
        threads: 2,
        save_every: 3,
        log_every: 1,
    }
}

#[test]
fn three_steps_and_a_resume_of_three_equal_six_and_only_depthwise_kernels_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, examples) = material(folder.path());
    let tuner = || Tuner::new(&config(), 3, &examples, 2, &weights, (folder.path(), 64)).unwrap();
    let (mut straight, before) = (tuner(), tuner().state());
    for step in 0..6 {
        straight.step(step).unwrap();
    }
    let run = folder.path().join("run");
    let (mut first, _) = Run::open(&run, "gate", &config(), false).unwrap();
    let mut killed = tuner();
    for step in 0..4 {
        killed.step(step).unwrap();
        if step == 2 {
            first.save(3, &killed.state()).unwrap();
        }
    }
    drop((killed, first));
    let (mut second, saved) = Run::open(&run, "gate", &config(), true).unwrap();
    let mut resumed = tuner();
    let tuned = resumed.fit(&mut second, saved).unwrap();
    let (expected, found) = (straight.state(), resumed.state());
    for (name, tensor) in expected.iter() {
        assert_eq!(tensor, found.get(name).unwrap(), "{name}");
        if name.starts_with("model.") {
            let moved = tensor != before.get(name).unwrap();
            assert_eq!(moved, !name.contains(".depthwise."), "{name}");
        }
    }
    assert!(Tail::from_params(&tuned.tail, Precision::F32).is_ok());
}

#[test]
fn rates_fall_towards_the_input() {
    let rate = |name: &str| rate_of(name, 1.0, 0.1, 0.5);
    assert_eq!(rate("logits.weight"), 1.0);
    assert_eq!((rate("tail.head.weight"), rate("tail.blocks.15.expand.weight")), (0.1, 0.1));
    assert_eq!(rate("tail.blocks.13.project.bias"), 0.025);
}
