//! Pictures as the trunk's maps, kept on disk in half precision, so that the frozen half of the network runs once.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tch::Tensor;

use crate::backbone::{self, Backbone, trunk_shape};
use crate::embedding_cache::{Cache, Forward, Job, Key, Network, ensure};
use crate::stream::Stream;
use crate::{Error, Result, checkpoint};

/// Maps of pictures of `px` × `px` in a row as a tensor, `[N, …trunk_shape(px)]`.
pub fn stacked(maps: &[f32], px: u32) -> Tensor {
    let [channels, height, width] = trunk_shape(px);
    Tensor::from_slice(maps).view([-1, channels, height, width])
}

/// Maps of pictures, by key.
pub struct Maps {
    cache: Cache,
    id: Key,
    weights: PathBuf,
    px: u32,
}

impl Maps {
    /// Opens `folder/maps.f16`, or `folder/maps-PX.f16` for other pictures than the backbone's own size, for the backbone of
    /// a weights folder.
    ///
    /// # Errors
    /// When the backbone or the file cannot be read.
    pub fn open(folder: &Path, weights: &Path, px: u32) -> Result<Self> {
        let path = checkpoint::weights_path(weights, backbone::NAME);
        let mut hash = Sha256::new();
        hash.update(std::fs::read(&path).map_err(Error::io(&path))?);
        hash.update(format!("{:?}", trunk_shape(px)));
        // One file holds records of one length.
        let name = if px == backbone::INPUT_PX { "maps".to_owned() } else { format!("maps-{px}") };
        let cache = Cache::open(folder, &name, trunk_shape(px).iter().product::<i64>() as usize)?;
        Ok(Self { cache, id: hash.finalize().into(), weights: weights.to_owned(), px })
    }

    /// Numbers in one map.
    pub fn values(&self) -> usize {
        trunk_shape(self.px).iter().product::<i64>() as usize
    }

    /// Side of the pictures that they are of, in pixels.
    pub fn px(&self) -> u32 {
        self.px
    }

    /// Cells along one side of a map.
    fn side(&self) -> usize {
        trunk_shape(self.px)[2] as usize
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
        let network = Network { id: self.id, px: self.px, load: &load };
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

    /// Mirrors a map, as mirroring the picture would.
    pub fn mirror(&self, map: &mut [f32]) {
        map.chunks_exact_mut(self.side()).for_each(<[f32]>::reverse);
    }

    /// Hides a random rectangle of a map, up to half of each side.
    pub fn hide(&self, map: &mut [f32], stream: &mut Stream) {
        let side = self.side();
        let (width, height) = (1 + stream.below(side / 2), 1 + stream.below(side / 2));
        let (left, top) = (stream.below(side - width + 1), stream.below(side - height + 1));
        for plane in map.chunks_exact_mut(side * side) {
            for row in plane.chunks_exact_mut(side).skip(top).take(height) {
                row[left..left + width].fill(0.0);
            }
        }
    }
}
