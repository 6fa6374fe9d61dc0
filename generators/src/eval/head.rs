//! How often a head that was trained on features of some photos names others rightly.

use std::path::PathBuf;

use tch::{Kind, Tensor};

use super::gate::Rate;
use crate::Result;
use crate::train::gate::{Config, train_head};
use crate::train::gate_data::augment::Recipe;
use crate::train::gate_data::photos::{Part, Photo};
use crate::train::gate_data::rows::{Row, matrix};
use crate::train::gate_fit::logits_of;

/// What to measure with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `studio/`.
    pub data: PathBuf,
    /// Weights folder with the backbone, and with the models that make masks.
    pub weights: PathBuf,
    /// Configuration of the heads, as a gate's.
    pub config: PathBuf,
}

/// The part that is reported on. With `learn_selection = false` it is the selection part, to choose settings by.
pub fn judged(config: &Config) -> Part {
    if config.learn_selection { Part::Report } else { Part::Selection }
}

/// Whether a head learns from a photo. None of these heads is calibrated, so it also learns from what others are by.
pub fn learned(config: &Config, photo: &Photo) -> bool {
    config.learns_from(photo.part) || photo.part == Part::Calibration
}

/// Trains a head on the features of the learned photos and asks it about the judged ones. `classes` counts the answers; a
/// photo of none of them has an answer that no head gives.
///
/// # Errors
/// When there is nothing to learn from or libtorch refuses.
pub fn accuracy(
    config: &Config,
    photos: &[Photo],
    classes: usize,
    class: impl Fn(&Photo) -> Option<usize>,
    features: impl Fn(usize) -> Vec<f32>,
) -> Result<Rate> {
    let answers = answers(config, photos, classes, &class, features)?;
    rate(config, photos, class, &answers)
}

/// What such a head says of the judged photos.
///
/// # Shapes
/// Log-probabilities `[judged photos, classes]`.
///
/// # Errors
/// As [`accuracy`].
pub fn answers(
    config: &Config,
    photos: &[Photo],
    classes: usize,
    class: impl Fn(&Photo) -> Option<usize>,
    features: impl Fn(usize) -> Vec<f32>,
) -> Result<Tensor> {
    let row = |(i, photo): (usize, &Photo)| Row {
        photo: Some(i),
        recipe: Recipe::Plain,
        covered: vec![class(photo).unwrap_or(classes)],
        kind: 0,
        part: if learned(config, photo) { Part::Train } else { photo.part },
        embedding: features(i),
        quarters: Vec::new(),
    };
    let rows: Vec<Row> = photos.iter().enumerate().map(row).collect();
    let head = train_head(config, &rows, classes - 1)?;
    let held_out = rows.iter().filter(|row| row.part == judged(config));
    Ok(logits_of(&head, matrix(held_out))?.log_softmax(1, Kind::Float))
}

/// How often the likeliest answers are right.
///
/// # Errors
/// When libtorch refuses.
pub fn rate(
    config: &Config,
    photos: &[Photo],
    class: impl Fn(&Photo) -> Option<usize>,
    answers: &Tensor,
) -> Result<Rate> {
    let best = Vec::<i64>::try_from(&answers.f_argmax(1, false)?)?;
    let held_out = photos.iter().filter(|photo| photo.part == judged(config));
    Ok(Rate::of(held_out.zip(best).map(|(photo, best)| class(photo) == Some(best as usize))))
}
