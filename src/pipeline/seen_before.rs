//! Features of photos that were computed before, in the user's cache: a catalogue's second map needs no network.

use std::path::Path;
use std::sync::Mutex;

use generators::backbone::EMBEDDING;
use generators::embedding_cache::{Cache, Key, key_of, user_folder};
use pixels::SrgbImage;
use sha2::{Digest, Sha256};

use crate::exit::{Exit, OrExit, Result};
use crate::terminal::tell;

use super::models::{self, Viewer};

/// The cache of one set of weights; workers share it.
pub struct SeenBefore {
    cache: Option<Mutex<Cache>>,
    /// What besides a photo's bytes decides its features.
    recipe: String,
}

impl SeenBefore {
    /// Opens the cache. One that can't be used is told of, and everything is computed.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn open(weights: &Path) -> Result<Self> {
        let sums = models::files(weights, &[])?.into_iter().map(|file| file.sha256);
        let recipe = format!("whole photo over white {}", sums.collect::<Vec<_>>().join(" "));
        let cache = user_folder().and_then(|folder| match Cache::open(&folder, "features", EMBEDDING as usize) {
            Ok(cache) => Some(Mutex::new(cache)),
            Err(error) => {
                tell(&format!("working without a cache: {error}"));
                None
            }
        });
        Ok(Self { cache, recipe })
    }

    /// The features of a photo, computed only if they are not known.
    ///
    /// # Errors
    /// When the photo can't be read, libtorch refuses or the disk is full.
    pub fn features(&self, viewer: &Viewer, path: &Path, over_white: &SrgbImage) -> Result<Vec<f32>> {
        let Some(cache) = &self.cache else { return viewer.features(over_white).or_exit(Exit::Input) };
        let content: Key = Sha256::digest(std::fs::read(path).or_exit(Exit::Input)?).into();
        let key = key_of(&content, &[0; 32], &self.recipe);
        // A panic elsewhere can't leave half a record: they are appended whole.
        let locked = || cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = locked().get(&key) {
            return Ok(known);
        }
        let features = viewer.features(over_white).or_exit(Exit::Input)?;
        let mut cache = locked();
        cache.append(&[(key, Some(features.clone()))]).or_exit(Exit::Input)?;
        // As the next run reads them, so that it draws the same map.
        Ok(cache.get(&key).unwrap_or(features))
    }
}
