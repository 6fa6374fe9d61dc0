//! Embeddings of photos and of pictures made from them, cached on disk by content.
//!
//! The cache is one file of records: a 32-byte key, SHA-256 of the photo's bytes, the backbone's checksum and the
//! recipe, then 1280 half-precision numbers. A run that was killed loses at most its last record.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use half::f16;
use pixels::SrgbImage;
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::augment::Recipe;
use super::photos;
use crate::backbone::{Backbone, EMBEDDING};
use crate::seam::{floats_of, tensor_from_srgb};
use crate::{Error, Result, backbone, checkpoint};

type Key = [u8; 32];
const VALUES: usize = EMBEDDING as usize;
const RECORD: usize = 32 + 2 * VALUES;
/// Pictures that go through the network together.
const BATCH: usize = 16;

/// What to embed: a photo file and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// The photo.
    pub path: PathBuf,
    /// What is made of it.
    pub recipe: Recipe,
}

/// The cache.
pub struct Cache {
    path: PathBuf,
    file: File,
    index: HashMap<Key, usize>,
    values: Vec<f16>,
    backbone: Key,
    weights: PathBuf,
}

impl Cache {
    /// Opens `folder/embeddings.f16`, dropping a record that was cut off.
    ///
    /// # Errors
    /// When the file cannot be read or the backbone is missing.
    pub fn open(folder: &Path, weights: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join("embeddings.f16");
        let network = checkpoint::weights_path(weights, backbone::NAME);
        let backbone = Sha256::digest(std::fs::read(&network).map_err(Error::io(&network))?).into();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(Error::io(&path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io(&path))?;
        let whole = bytes.len() / RECORD * RECORD;
        file.set_len(whole as u64).map_err(Error::io(&path))?;
        let mut cache =
            Self { path, file, index: HashMap::new(), values: Vec::new(), backbone, weights: weights.to_owned() };
        for record in bytes[..whole].chunks_exact(RECORD) {
            let (key, values) = record.split_at(32);
            let values: Vec<f16> = values.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
            cache.remember(key.try_into().unwrap_or_default(), &values);
        }
        Ok(cache)
    }

    /// Number of embeddings held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Embeds `jobs`, those that are known from the cache; rows come in the order of the jobs.
    ///
    /// A job whose recipe makes nothing of its photo (no backdrop to crop) is left out: its entry is none.
    /// `progress` gets the jobs done and all that were missing.
    ///
    /// # Errors
    /// The first photo that cannot be read, or the first failure of network or disk.
    pub fn embed(&mut self, jobs: &[Job], threads: usize, progress: impl Fn(usize, usize)) -> Result<Vec<Option<Row>>> {
        let mut keys = Vec::with_capacity(jobs.len());
        let mut contents: HashMap<&Path, Key> = HashMap::new();
        for job in jobs {
            let content = if let Some(content) = contents.get(job.path.as_path()) {
                *content
            } else {
                let bytes = std::fs::read(&job.path).map_err(Error::io(&job.path))?;
                *contents.entry(&job.path).or_insert(Sha256::digest(bytes).into())
            };
            let mut hash = Sha256::new();
            hash.update(content);
            hash.update(self.backbone);
            hash.update(job.recipe.to_string());
            let key: Key = hash.finalize().into();
            keys.push((key, content));
        }
        let missing: Vec<(usize, Key)> =
            (0..jobs.len()).filter(|&i| !self.index.contains_key(&keys[i].0)).map(|i| (i, keys[i].1)).collect();
        self.compute(jobs, &keys, &missing, threads.max(1), progress)?;
        let row = |(key, _): &(Key, Key)| -> Option<Row> {
            let at = *self.index.get(key)?;
            let values = &self.values[at * VALUES..(at + 1) * VALUES];
            // A recipe that makes nothing is remembered as such by not-a-number.
            values[0].is_finite().then(|| values.iter().map(|v| v.to_f32()).collect())
        };
        Ok(keys.iter().map(row).collect())
    }

    fn compute(
        &mut self,
        jobs: &[Job],
        keys: &[(Key, Key)],
        missing: &[(usize, Key)],
        threads: usize,
        progress: impl Fn(usize, usize),
    ) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let next = AtomicUsize::new(0);
        let batches: Vec<&[(usize, Key)]> = missing.chunks(BATCH).collect();
        let weights = self.weights.clone();
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel::<Result<Vec<(usize, Vec<f16>)>>>();
            for _ in 0..threads {
                let (sender, next, batches, weights) = (sender.clone(), &next, &batches, &weights);
                scope.spawn(move || {
                    tch::set_num_threads(1);
                    let network = Backbone::load(weights);
                    while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let rows = match &network {
                            Ok(network) => embed_batch(network, jobs, batch),
                            Err(error) => Err(Error::Input(error.to_string())),
                        };
                        // The receiver is gone after the first error.
                        if sender.send(rows).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut done = 0;
            for rows in receiver {
                let mut bytes = Vec::new();
                for (job, values) in rows? {
                    bytes.extend_from_slice(&keys[job].0);
                    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
                    self.remember(keys[job].0, &values);
                    done += 1;
                }
                self.file.write_all(&bytes).map_err(Error::io(&self.path))?;
                progress(done, missing.len());
            }
            Ok(())
        })
    }

    fn remember(&mut self, key: Key, values: &[f16]) {
        let at = self.values.len() / VALUES;
        if *self.index.entry(key).or_insert(at) == at {
            self.values.extend_from_slice(values);
        }
    }
}

/// One embedding, 1280 values.
pub type Row = Vec<f32>;

fn embed_batch(network: &Backbone, jobs: &[Job], batch: &[(usize, Key)]) -> Result<Vec<(usize, Vec<f16>)>> {
    let mut made = Vec::new();
    let mut rows = Vec::new();
    let mut last: Option<(&Path, SrgbImage)> = None;
    for (index, content) in batch {
        let job = &jobs[*index];
        let source = match last.take() {
            Some((path, image)) if path == job.path => image,
            _ => photos::read(&job.path)?,
        };
        match job.recipe.make(&source, &job.path, content)? {
            Some(picture) => made.push((*index, tensor_from_srgb(&picture))),
            None => rows.push((*index, vec![f16::NAN; VALUES])),
        }
        last = Some((&job.path, source));
    }
    if !made.is_empty() {
        let pictures: Vec<&Tensor> = made.iter().map(|(_, picture)| picture).collect();
        let embedded = network.embed(&Tensor::f_stack(&pictures, 0)?)?.to_kind(Kind::Float);
        let values = floats_of(&embedded)?;
        let halves = values.chunks_exact(VALUES).map(|row| row.iter().map(|&v| f16::from_f32(v)).collect());
        rows.extend(made.iter().map(|(index, _)| *index).zip(halves));
    }
    Ok(rows)
}
