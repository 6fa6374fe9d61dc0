//! Names of colours by the backbone's last blocks, fine-tuned on photos that no recolouring touched.

use tch::{Kind, Tensor};

use crate::Result;
use crate::backbone::EMBEDDING;
use crate::eval::head::{self, Options};
use crate::gate::NAME;
use crate::train::gate::Config;
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::embeddings::{Cache, Job};
use crate::train::gate_data::photos::{Part, Photo};
use crate::train::gate_fit::logits_of;
use crate::train::run::Run;
use crate::train::tail::{self, Example, Tuner, told};

/// Log-probabilities of the names of the judged photos' colours.
///
/// # Errors
/// When the run's folder holds another run, a photo cannot be read or the disk fails.
pub(super) fn answers(
    config: &Config,
    tuning: &tail::Config,
    options: &Options,
    (photos, names): (&[Photo], usize),
    class: impl Fn(&Photo) -> Option<usize>,
) -> Result<Tensor> {
    let examples: Vec<Example> = photos
        .iter()
        .filter_map(|photo| {
            let learned = head::learned(config, photo);
            // What is reported on is not even watched.
            let watched = learned || photo.part == Part::Selection;
            let covered = vec![class(photo).filter(|_| watched)?];
            Some(Example { path: photo.path.clone(), recipes: vec![Recipe::Plain], covered, words: None, learned })
        })
        .collect();
    let (mut run, saved) = Run::open(&config.run, NAME, config, false)?;
    let mut tuner =
        Tuner::new(tuning, config.seed, &examples, names, &options.weights, (config.cache(), config.input_px))?;
    let file = config.run.join("tail.safetensors");
    let head = tuner.fit(&mut run, saved)?.write(&file)?;
    drop(tuner);
    let judged: Vec<&Photo> = photos.iter().filter(|photo| photo.part == head::judged(config)).collect();
    let jobs: Vec<Job> = judged.iter().map(|p| Job { path: p.path.clone(), recipe: Recipe::Plain }).collect();
    let mut cache = Cache::open(config.cache(), &options.weights, Some(&file), config.input_px)?;
    let embeddings = cache.embed(&jobs, config.threads, told("embedded"))?;
    let embeddings: Vec<f32> = embeddings.into_iter().flatten().flatten().collect();
    let embeddings = Tensor::from_slice(&embeddings).view([judged.len() as i64, EMBEDDING]);
    Ok(logits_of(&head, embeddings)?.log_softmax(1, Kind::Float))
}
