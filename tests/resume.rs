//! A training run that is killed outright ends, once resumed, with the weights of one that was not.
#![cfg(unix)]
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use generators::checkpoint;

const STEPS: usize = 6;

/// A data folder with the sample photos as flat-lays, each from a sender of its own, and nothing else.
fn data(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    for part in ["street/photos", "street/masks", "studio/images", "clothing/images", "colorways"] {
        fs::create_dir_all(data.join(part)).unwrap();
    }
    fs::write(data.join("street/labels.txt"), "null\nskin\n").unwrap();
    fs::write(data.join("studio/styles.csv"), "id,articleType,productDisplayName\n").unwrap();
    fs::write(data.join("colorways/pairs.csv"), "a,b\n").unwrap();
    let mut labels = "image,sender_id,label\n".to_owned();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/photos");
    for (sender, photo) in fs::read_dir(samples).unwrap().enumerate() {
        let photo = photo.unwrap().path();
        let stem = photo.file_stem().unwrap().to_str().unwrap();
        fs::copy(&photo, data.join(format!("clothing/images/{stem}.jpg"))).unwrap();
        writeln!(labels, "{stem},{sender},Shirt").unwrap();
    }
    fs::write(data.join("clothing/labels.csv"), labels).unwrap();
    data
}

fn training(folder: &Path, data: &Path, name: &str) -> Command {
    let run_dir = folder.join(name);
    let config = folder.join(format!("{name}.toml"));
    let text = format!(
        "seed = 5\nsteps = {STEPS}\nbatch = 2\nshards = 1\nrun_dir = \"{}\"\nfrozen_blocks = 14\n\
         encoder_rate = 1e-4\ndecoder_rate = 1e-3\nwarmup_steps = 2\nweight_decay = 1e-4\nclip_norm = 5.0\n\
         average_decay = 0.9\ndice_weight = 0.5\ncheckpoint_every = 1\nsample_every = 100\nhints_from = 0\n\
         self_training_from = 100\n\n[model]\ndecoder_channels = 8\nprecision = \"f32\"\n\n[mix]\nstreet = 0.0\n\
         street_cutout = 0.0\npackshot = 0.0\nmodel = 0.0\ncolorway = 0.0\ncomposite = 0.0\nflat_lay = 1.0\n",
        run_dir.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = support::rangrez();
    command.args(["train", "segmenter", "--config"]).arg(config).arg("--data").arg(data);
    command.arg("--export").arg(folder.join(format!("{name}-weights"))).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    // What comes after the last step, measuring on an empty validation side, is not this test's matter.
    let _ = training(folder.path(), &data, "whole").status().unwrap();

    let saved = folder.path().join("broken/checkpoint.safetensors");
    let mut victim = training(folder.path(), &data, "broken").spawn().unwrap();
    let started = Instant::now();
    while !saved.exists() {
        assert!(victim.try_wait().unwrap().is_none(), "training ended before its first checkpoint");
        assert!(started.elapsed() < Duration::from_mins(2), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    let step = |path: &Path| -> usize { checkpoint::load(path, "segmenter").unwrap().1["step"].parse().unwrap() };
    assert!(step(&saved) < STEPS, "killed too late to show anything");

    let _ = training(folder.path(), &data, "broken").arg("--resume").status().unwrap();
    let whole = folder.path().join("whole/checkpoint.safetensors");
    assert_eq!((step(&whole), step(&saved)), (STEPS, STEPS));
    let [one, other] = [&whole, &saved].map(|path| checkpoint::load(path, "segmenter").unwrap().0);
    assert_eq!(one.len(), other.len());
    for (name, tensor) in one.iter() {
        assert_eq!(Some(tensor), other.get(name), "{name}");
    }
}
