//! `rangrez eval masked`: whether an embedding tells articles better when the background, the person or the face is taken
//! out of the photo first.

use std::collections::BTreeMap;
use std::fmt;

use pixels::guided_filter::Plane;
use pixels::{Mask, SrgbImage};
use serde::Serialize;

use super::gate::Rate;
use super::head::{self, Options};
use super::program::Program;
use super::workers;
use crate::backbone::INPUT_PX;
use crate::seam;
use crate::segmenter::{Class, ClassSet};
use crate::train::gate::Config;
use crate::train::gate_data::photos::{self, Photo, Source};
use crate::train::run::read_config;
use crate::{Error, Result};

/// Articles with fewer photos are left out.
const LEAST_PHOTOS: usize = 25;
/// What is put in place of what is taken out: the backbone's zero.
const NOTHING: [f32; 3] = [127.0; 3];

/// Shares that are right on products that nothing was learned from.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Articles.
    pub articles: usize,
    /// By what is left of the photo.
    pub views: Vec<(&'static str, Rate)>,
}

const VIEWS: [&str; 4] = ["the whole photo", "without the background", "the article alone", "without skin and hair"];

/// Trains and measures a head for each view.
///
/// # Errors
/// When the configuration, data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let config: Config = read_config(&options.config)?;
    let mut photos = photos::load(&options.data)?;
    photos.retain(|photo| photo.source == Source::Studio);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    photos.iter().for_each(|photo| *counts.entry(photo.label.clone()).or_default() += 1);
    photos.retain(|photo| counts[&photo.label] >= LEAST_PHOTOS);
    let articles: Vec<&str> = counts.iter().filter(|(_, n)| **n >= LEAST_PHOTOS).map(|(name, _)| &**name).collect();
    if !photos.iter().any(|photo| photo.part == head::judged(&config)) {
        return Err(Error::Data { path: options.data.clone(), reason: "holds no photo to report on".into() });
    }
    let mut programs = Program::load_some(&options.weights, config.threads)?;
    let seen = workers::each(&photos, &mut programs, seen)?;
    drop(programs);
    let class = |photo: &Photo| articles.iter().position(|name| *name == photo.label);
    let mut views = Vec::new();
    for (view, name) in VIEWS.into_iter().enumerate() {
        let features = |i: usize| seen[i][view].clone();
        views.push((name, head::accuracy(&config, &photos, articles.len(), class, features)?));
    }
    Ok(Report { articles: articles.len(), views })
}

/// The photo's embedding in every view.
fn seen(program: &mut Program, photo: &Photo) -> Result<Vec<Vec<f32>>> {
    let found = program.find(&photo.path)?;
    let whole = pixels::resize_linear(&found.photo, INPUT_PX, INPUT_PX)?;
    let mask = pixels::resize_mask(&found.mask, INPUT_PX, INPUT_PX)?;
    let map = program.segment(&found.photo)?;
    let side = INPUT_PX as usize;
    let [front, person] = [ClassSet::FOREGROUND, ClassSet::of(&[Class::Skin, Class::Hair])]
        .map(|set| map.probability(set).resized(side, side));
    let share = |plane: &Plane, i: usize| plane.values[i].clamp(0.0, 1.0);
    let views = [
        whole.clone(),
        kept(&whole, |i| share(&front, i)),
        kept(&whole, |i| alpha(&mask, i)),
        kept(&whole, |i| 1.0 - share(&person, i)),
    ];
    views.iter().map(|view| seam::floats_of(&program.general(view)?)).collect()
}

fn alpha(mask: &Mask, i: usize) -> f32 {
    f32::from(mask.data()[i]) / 255.0
}

/// As much of each pixel as `share` says, of nothing the rest.
fn kept(photo: &SrgbImage, share: impl Fn(usize) -> f32) -> SrgbImage {
    let mut out = photo.clone();
    for (i, rgb) in out.data_mut().chunks_exact_mut(3).enumerate() {
        let share = share(i);
        for (code, nothing) in rgb.iter_mut().zip(NOTHING) {
            *code = (nothing + (f32::from(*code) - nothing) * share).round() as u8;
        }
    }
    out
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "articles of studio photos, new products, {} articles, by the frozen backbone (95%)",
            self.articles
        )?;
        for (view, rate) in &self.views {
            writeln!(f, "  {view:<32}{rate}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_the_backbones_zero() {
        let photo = SrgbImage::filled(4, 1, [200, 20, 90]);
        let half = kept(&photo, |i| [1.0, 0.0, 0.5, 1.0][i]);
        assert_eq!([half.pixel(0, 0), half.pixel(1, 0), half.pixel(2, 0)], [[200, 20, 90], [127; 3], [164, 74, 109]]);
    }
}
