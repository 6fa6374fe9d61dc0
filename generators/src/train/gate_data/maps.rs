//! Pictures as the trunk's maps, kept on disk in half precision, so that the frozen half of the network runs once.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::backbone::{self, Backbone, TRUNK_SHAPE};
use crate::embedding_cache::{Cache, Forward, Job, Key, Network, ensure};
use crate::stream::Stream;
use crate::{Error, Result, checkpoint};

/// Numbers in one map.
pub const VALUES: usize = (TRUNK_SHAPE[0] * TRUNK_SHAPE[1] * TRUNK_SHAPE[2]) as usize;
/// Cells along one side of a map.
const SIDE: usize = TRUNK_SHAPE[2] as usize;

/// Maps of pictures, by key.
pub struct Maps {
    cache: Cache,
    id: Key,
    weights: PathBuf,
}

impl Maps {
    /// Opens `folder/maps.f16` for the backbone of a weights folder.
    ///
    /// # Errors
    /// When the backbone or the file cannot be read.
    pub fn open(folder: &Path, weights: &Path) -> Result<Self> {
        let path = checkpoint::weights_path(weights, backbone::NAME);
        let mut hash = Sha256::new();
        hash.update(std::fs::read(&path).map_err(Error::io(&path))?);
        hash.update(format!("{TRUNK_SHAPE:?}"));
        let cache = Cache::open(folder, "maps", VALUES)?;
        Ok(Self { cache, id: hash.finalize().into(), weights: weights.to_owned() })
    }

    /// Computes what is lacking of `jobs`; keys come in the order of the jobs.
    ///
    /// # Errors
    /// The first photo that cannot be read, or when the backbone is missing or the disk fails.
    pub fn ensure<J: Job>(&mut self, jobs: &[J], threads: usize, progress: impl Fn(usize, usize)) -> Result<Vec<Key>> {
        let weights = &self.weights;
        let load = || -> Result<Forward> {
            let backbone = Backbone::load(weights)?;
            Ok(Box::new(move |codes| backbone.trunk(codes)))
        };
        let network = Network { id: self.id, load: &load };
        let (keys, missing) = ensure(&mut self.cache, &network, jobs, threads, progress)?;
        missing.into_iter().next().map_or(Ok(keys), |(_, error)| Err(error))
    }

    /// Whether something could be made of the photo.
    pub fn holds(&self, key: &Key) -> bool {
        self.cache.holds(key)
    }

    /// One map, row-major.
    ///
    /// # Errors
    /// [`Error::Input`] when its record is damaged.
    pub fn get(&self, key: &Key) -> Result<Vec<f32>> {
        self.cache.get(key).ok_or_else(|| Error::Input("a map in the cache is damaged: remove the cache's file".into()))
    }
}

/// Mirrors a map, as mirroring the picture would.
pub fn mirror(map: &mut [f32]) {
    map.chunks_exact_mut(SIDE).for_each(<[f32]>::reverse);
}

/// Hides a random rectangle of a map, up to half of each side.
pub fn hide(map: &mut [f32], stream: &mut Stream) {
    let (width, height) = (1 + stream.below(SIDE / 2), 1 + stream.below(SIDE / 2));
    let (left, top) = (stream.below(SIDE - width + 1), stream.below(SIDE - height + 1));
    for plane in map.chunks_exact_mut(SIDE * SIDE) {
        for row in plane.chunks_exact_mut(SIDE).skip(top).take(height) {
            row[left..left + width].fill(0.0);
        }
    }
}
