//! The user's own catalogue as the gate sees it, to show the real photos that a variant is nearest to.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use generators::card::Card;
use generators::checkpoint::card_path;
use generators::embedding::Embedder;
use generators::embedding_cache::{self, Cache, Forward, Network, Plain, ensure, user_folder};
use generators::gate::{self, Look};
use pixels::{Limits, decode_file};
use sha2::{Digest, Sha256};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::{self, NearestEntry};
use crate::terminal::tell;

use super::photo;

/// Photos shown beside a variant.
const SHOWN: usize = 3;
/// Longest side of their pictures, in pixels.
const THUMBNAIL_PX: u32 = 96;

/// Photos with their places in the gate's space.
#[derive(Debug)]
pub struct CatalogPhotos {
    photos: Vec<(PathBuf, Vec<f32>)>,
}

impl CatalogPhotos {
    /// Embeds the photos of a folder; what was embedded before comes from the user's cache.
    ///
    /// # Errors
    /// Usage errors when the folder holds no photo, weights failures, input failures when the cache cannot be used.
    pub fn open(folder: &Path, weights: &Path, threads: usize) -> Result<Self> {
        let found = photo::find(&[folder.to_owned()])?;
        let jobs: Vec<Plain> = found.photos.iter().map(|photo| Plain(photo.path.clone())).collect();
        let mut hash = Sha256::new();
        for name in [generators::backbone::NAME, generators::gate::NAME] {
            let path = generators::checkpoint::weights_path(weights, name);
            let bytes = std::fs::read(&path)
                .map_err(|error| Failure::new(Exit::Weights, format!("weights {}: {error}", path.display())))?;
            hash.update(bytes);
        }
        let id: embedding_cache::Key = hash.finalize().into();
        let card = Card::read(&card_path(weights, gate::NAME), gate::NAME).or_exit(Exit::Weights)?;
        let px = gate::input_px(&card).map_err(|reason| Failure::new(Exit::Weights, reason))?;
        let load = || -> generators::Result<Forward> {
            let embedder = Embedder::load(weights)?;
            Ok(Box::new(move |codes| embedder.codes_for_gate(codes)))
        };
        let cache = user_folder()
            .ok_or_else(|| Failure::usage("--catalog wants a cache folder: set HOME or XDG_CACHE_HOME"))?;
        let mut cache =
            Cache::open(&cache, "catalog", generators::backbone::EMBEDDING as usize).or_exit(Exit::Input)?;
        let network = Network { id, px, load: &load };
        let (keys, missing) = ensure(&mut cache, &network, &jobs, threads, |_, _| {}).or_exit(Exit::Input)?;
        for (_, error) in &missing {
            tell(&format!("not in the catalogue: {error}"));
        }
        let skipped: HashSet<usize> = missing.iter().map(|(job, _)| *job).collect();
        let known = jobs.into_iter().zip(keys).enumerate().filter(|(i, _)| !skipped.contains(i));
        let photos: Vec<_> = known.filter_map(|(_, (job, key))| Some((job.0, unit(cache.get(&key)?)))).collect();
        if photos.is_empty() {
            return Err(Failure::usage(format!("--catalog {}: no photo in it can be read", folder.display())));
        }
        Ok(Self { photos })
    }

    /// The photos nearest to a picture, nearest first, by the cosine of their embeddings.
    pub fn nearest(&self, look: &Look) -> Vec<NearestEntry> {
        let of = unit(look.embedding());
        let mut all: Vec<(f32, &PathBuf)> = self.photos.iter().map(|(path, to)| (dot(&of, to), path)).collect();
        all.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
        let entry = |(similarity, path): (f32, &PathBuf)| NearestEntry {
            path: path.to_string_lossy().into_owned(),
            similarity: (f64::from(similarity) * 1e3).round() / 1e3,
        };
        all.into_iter().take(SHOWN).map(entry).collect()
    }
}

/// A small picture of a catalogue photo as a data URL; none when it is gone by now.
pub fn thumbnail(entry: &NearestEntry) -> Option<String> {
    let photo = decode_file(Path::new(&entry.path), &Limits::default()).ok()?.image;
    let longest = photo.width_px().max(photo.height_px()).max(THUMBNAIL_PX);
    let side = |px: u32| (px * THUMBNAIL_PX / longest).max(1);
    let small = pixels::resize_linear(&photo, side(photo.width_px()), side(photo.height_px())).ok()?;
    report::data_url(&small).ok()
}

fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let length = dot(&values, &values).sqrt().max(1e-12);
    values.iter_mut().for_each(|value| *value /= length);
    values
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_photos_come_first() {
        let at = |angle: f32| {
            let mut values = vec![0.0; 1280];
            (values[0], values[1]) = (angle.cos() * 3.0, angle.sin() * 3.0);
            values
        };
        let photos = [("far", 1.5), ("near", 0.1), ("middle", 0.6), ("opposite", 3.0)];
        let photos = photos.map(|(name, angle)| (PathBuf::from(name), unit(at(angle)))).to_vec();
        let look = Look::new(at(0.0).repeat(4), None).unwrap();
        let nearest = CatalogPhotos { photos }.nearest(&look);
        assert_eq!(nearest.iter().map(|n| n.path.as_str()).collect::<Vec<_>>(), ["near", "middle", "far"]);
        assert!((nearest[0].similarity - 0.995).abs() < 1e-9);
    }
}
