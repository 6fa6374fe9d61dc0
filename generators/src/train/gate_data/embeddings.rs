//! Embeddings of photos and of pictures made from them, by quarters, kept on disk by content. The trunk's maps are kept too,
//! so that another tail embeds the same pictures without looking at them again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use pixels::{Soundness, SrgbImage};
use sha2::{Digest, Sha256};
use tch::Tensor;

use super::augment::Recipe;
use super::maps::{Maps, stacked};
use crate::backbone::{self, EMBEDDING, INPUT_PX, Tail};
use crate::embedding_cache::{self, Forward, Key, Network, ensure, key_of};
use crate::gate::{Look, whole};
use crate::layers::Precision;
use crate::params::Params;
use crate::seam::{floats_of, srgb_from_tensor};
use crate::{Error, Result, checkpoint, gate};

/// Maps that go through a tail together.
const BATCH: usize = 32;
/// Numbers kept of a picture: an embedding for each quarter.
const QUARTERS: usize = 4 * EMBEDDING as usize;

/// What to embed: a photo file and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// The photo.
    pub path: PathBuf,
    /// What is made of it.
    pub recipe: Recipe,
}

impl embedding_cache::Job for Job {
    fn path(&self) -> &Path {
        &self.path
    }

    fn recipe(&self) -> String {
        self.recipe.to_string()
    }

    fn make(&self, photo: &SrgbImage, content: &Key, px: u32) -> Result<Option<SrgbImage>> {
        self.recipe.make(photo, &self.path, content, px)
    }
}

/// The embeddings by one tail: the backbone's own or a gate's.
pub struct Cache {
    values: embedding_cache::Cache,
    soundness: embedding_cache::Cache,
    maps: Maps,
    weights: PathBuf,
    gate: Option<PathBuf>,
    id: Key,
}

impl Cache {
    /// Opens `folder/quarters.f16`, and what pixels were measured to be and the maps beside it. `gate` is a file with a gate's tensors, whose tail is
    /// taken if it has one; without, the backbone's own is. Pictures are `px` wide and high.
    ///
    /// # Errors
    /// When a file cannot be read or the backbone is missing.
    pub fn open(folder: &Path, weights: &Path, gate: Option<&Path>, px: u32) -> Result<Self> {
        let mut hash = Sha256::new();
        for (name, tensor) in tail_of(weights, gate)?.iter() {
            hash.update(name);
            floats_of(tensor)?.into_iter().for_each(|value| hash.update(value.to_le_bytes()));
        }
        let values = embedding_cache::Cache::open(folder, "quarters", QUARTERS)?;
        let soundness = embedding_cache::Cache::open(folder, "soundness", 5)?;
        let (maps, weights, gate) = (Maps::open(folder, weights, px)?, weights.to_owned(), gate.map(Path::to_owned));
        Ok(Self { values, soundness, maps, weights, gate, id: hash.finalize().into() })
    }

    /// Embeds `jobs`, as [`Cache::quarters`] does, each as a whole.
    ///
    /// # Errors
    /// As [`Cache::quarters`].
    pub fn embed<J: embedding_cache::Job>(
        &mut self,
        jobs: &[J],
        threads: usize,
        progress: impl Fn(usize, usize),
    ) -> Result<Vec<Option<Row>>> {
        let quarters = self.quarters(jobs, threads, progress)?;
        Ok(quarters.into_iter().map(|quarters| quarters.map(|quarters| whole(&quarters))).collect())
    }

    /// Embeds the quarters of `jobs`, those that are known from the cache; rows come in the order of the jobs.
    ///
    /// A job whose recipe makes nothing of its photo (no backdrop to crop) is left out: its entry is none.
    /// `progress` gets the jobs done and all that had to be decoded and sent through the trunk.
    ///
    /// # Errors
    /// The first photo that cannot be read, or the first failure of network or disk.
    pub fn quarters<J: embedding_cache::Job>(
        &mut self,
        jobs: &[J],
        threads: usize,
        progress: impl Fn(usize, usize),
    ) -> Result<Vec<Option<Row>>> {
        let maps = self.maps.ensure(jobs, threads, progress)?;
        let keys: Vec<Key> = maps.iter().map(|map| key_of(map, &self.id, "tail")).collect();
        let lacking = (0..keys.len())
            .filter(|&i| !self.values.contains(&keys[i]) && self.maps.holds(&maps[i]))
            .collect::<Vec<_>>();
        // Written in between, so that a run that is killed keeps most of its work.
        for some in lacking.chunks(BATCH * 64) {
            let batches: Vec<&[usize]> = some.chunks(BATCH).collect();
            let made = self.through_tail(&batches, &maps, threads)?;
            let records = some.iter().map(|&i| keys[i]).zip(made.into_iter().map(Some));
            self.values.append(&records.collect::<Vec<_>>())?;
        }
        Ok(keys.iter().map(|key| self.values.get(key)).collect())
    }

    /// What the gate sees of the pictures, in the order of the jobs; none as in [`Cache::quarters`].
    ///
    /// # Errors
    /// As [`Cache::quarters`].
    pub fn looks<J: embedding_cache::Job>(&mut self, jobs: &[J], threads: usize) -> Result<Vec<Option<Look>>> {
        let quarters = self.quarters(jobs, threads, |_, _| {})?;
        let load = || -> Result<Forward> { Ok(Box::new(measured)) };
        // Count up when the measures change.
        let network = Network { id: Sha256::digest("soundness 2").into(), px: INPUT_PX, load: &load };
        let (keys, missing) = ensure(&mut self.soundness, &network, jobs, threads, |_, _| {})?;
        if let Some((_, error)) = missing.into_iter().next() {
            return Err(error);
        }
        let look = |(quarters, key): (Option<Row>, &Key)| {
            let (Some(quarters), Some(values)) = (quarters, self.soundness.get(key)) else { return Ok(None) };
            let [range, sharpness, noise, cut, flat] = values[..] else { return Ok(None) };
            Look::new(quarters, Soundness { range, sharpness, noise, cut, flat }.fault()).map(Some)
        };
        quarters.into_iter().zip(&keys).map(look).collect()
    }

    /// The quarters' embeddings of batches of jobs, in their order.
    fn through_tail(&self, batches: &[&[usize]], keys: &[Key], threads: usize) -> Result<Vec<Row>> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Vec<f32>)>> {
            tch::set_num_threads(1);
            let tail = Tail::from_params(&tail_of(&self.weights, self.gate.as_deref())?, Precision::F32)?;
            let mut made = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = batches.get(at) else { return Ok(made) };
                let maps = batch.iter().map(|&i| self.maps.get(&keys[i])).collect::<Result<Vec<_>>>()?;
                let maps = stacked(&maps.concat(), self.maps.px());
                made.push((at, floats_of(&tail.quarters(&maps)?.contiguous())?));
            }
        };
        let results: Vec<Result<Vec<_>>> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            let failed = || Err(Error::Input("an embedding thread panicked".into()));
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| failed())).collect()
        });
        let mut made = results.into_iter().collect::<Result<Vec<_>>>()?.concat();
        made.sort_by_key(|(at, _)| *at);
        let rows = made.iter().flat_map(|(_, values)| values.chunks_exact(QUARTERS));
        Ok(rows.map(<[f32]>::to_vec).collect())
    }
}

/// The tensors of a gate's own tail, or of the backbone's.
fn tail_of(weights: &Path, gate: Option<&Path>) -> Result<Params> {
    let own = gate.map(|path| Ok::<_, Error>(checkpoint::load(path, gate::NAME)?.0.with_prefix(gate::TAIL)));
    match own.transpose()?.filter(|own| !own.is_empty()) {
        Some(own) => Ok(own),
        None => Ok(Tail::params_of(&checkpoint::load_model(weights, backbone::NAME)?.0)),
    }
}

/// The measures of pictures' pixels, `[N, 3, S, S]` → `[N, 5]`.
fn measured(codes: &Tensor) -> Result<Tensor> {
    let mut values = Vec::new();
    for i in 0..codes.size()[0] {
        let of = Soundness::of(&srgb_from_tensor(&codes.f_get(i)?)?)?;
        values.extend([of.range, of.sharpness, of.noise, of.cut, of.flat]);
    }
    Ok(Tensor::from_slice(&values).f_view([-1, 5])?)
}

/// One embedding, 1280 values, or four of quarters.
pub type Row = Vec<f32>;
