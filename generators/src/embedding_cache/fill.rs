//! Computes what a cache lacks: photos are decoded and go through the network in batches, one libtorch thread a worker.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use pixels::{Limits, SrgbImage, decode_file, resize_linear};
use sha2::{Digest, Sha256};
use tch::Tensor;

use super::{Cache, Key, key_of};
use crate::seam::{floats_of, tensor_from_srgb};
use crate::{Error, Result};

/// Pictures that go through the network together.
const BATCH: usize = 16;

/// A picture to compute numbers of: a photo, and what is made of it.
pub trait Job: Sync {
    /// The photo's file.
    fn path(&self) -> &Path;

    /// Name of what is made of the photo, part of the key.
    fn recipe(&self) -> String;

    /// Makes the picture, `px` wide and high, or none where the photo does not lend itself. `content` is the
    /// checksum of the photo's bytes, to draw from.
    ///
    /// # Errors
    /// When something beside the photo is missing.
    fn make(&self, photo: &SrgbImage, content: &Key, px: u32) -> Result<Option<SrgbImage>>;
}

/// A whole photo, both sides resized to the network's input in linear light.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plain(pub PathBuf);

impl Job for Plain {
    fn path(&self) -> &Path {
        &self.0
    }

    fn recipe(&self) -> String {
        "plain".into()
    }

    fn make(&self, photo: &SrgbImage, _content: &Key, px: u32) -> Result<Option<SrgbImage>> {
        Ok(Some(resize_linear(photo, px, px)?))
    }
}

/// What computes the numbers of a batch, `[N, 3, px, px]` codes → `[N, …]`.
pub type Forward = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

/// A network by its checksum, and how a worker loads it.
pub struct Network<'a> {
    /// Checksum of all that decides its numbers.
    pub id: Key,
    /// Side of the pictures that it sees, in pixels.
    pub px: u32,
    /// Loads it; tensors cannot be shared between threads.
    pub load: &'a (dyn Fn() -> Result<Forward> + Sync),
}

/// A job that could not be done, by its place in the list, and why.
pub type Missing = (usize, Error);

/// Computes what `cache` lacks of `jobs`; returns each job's key, and the jobs whose photos could not be read.
///
/// `progress` gets the jobs done and all that were lacking.
///
/// # Errors
/// When the network cannot be loaded or refuses, or the disk is full; what was finished is kept.
pub fn ensure<J: Job>(
    cache: &mut Cache,
    network: &Network,
    jobs: &[J],
    threads: usize,
    progress: impl Fn(usize, usize),
) -> Result<(Vec<Key>, Vec<Missing>)> {
    let mut keys = Vec::with_capacity(jobs.len());
    let mut missing = Vec::new();
    let mut contents: HashMap<&Path, Key> = HashMap::new();
    let mut wanted: Vec<(usize, Key)> = Vec::new();
    for (i, job) in jobs.iter().enumerate() {
        let content = match contents.get(job.path()) {
            Some(content) => *content,
            None => match std::fs::read(job.path()) {
                Ok(bytes) => *contents.entry(job.path()).or_insert(Sha256::digest(bytes).into()),
                Err(error) => {
                    missing.push((i, Error::io(job.path())(error)));
                    keys.push([0; 32]);
                    continue;
                }
            },
        };
        keys.push(key_of(&content, &network.id, &job.recipe()));
        if !cache.contains(&keys[i]) {
            wanted.push((i, content));
        }
    }
    if wanted.is_empty() {
        return Ok((keys, missing));
    }
    let next = AtomicUsize::new(0);
    let batches: Vec<&[(usize, Key)]> = wanted.chunks(BATCH).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel::<Result<Batch>>();
        for _ in 0..threads.clamp(1, batches.len()) {
            let (sender, next, batches) = (sender.clone(), &next, &batches);
            scope.spawn(move || {
                tch::set_num_threads(1);
                let forward = (network.load)();
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = match &forward {
                        Ok(forward) => compute(forward, network.px, jobs, batch),
                        Err(error) => Err(Error::Input(error.to_string())),
                    };
                    // The receiver is gone after the first error.
                    if sender.send(done).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut done = 0;
        for batch in receiver {
            let batch = batch?;
            done += batch.made.len() + batch.failed.len();
            let records: Vec<_> = batch.made.into_iter().map(|(job, values)| (keys[job], values)).collect();
            cache.append(&records)?;
            missing.extend(batch.failed);
            progress(done, wanted.len());
        }
        Ok::<(), Error>(())
    })?;
    Ok((keys, missing))
}

struct Batch {
    made: Vec<(usize, Option<Vec<f32>>)>,
    failed: Vec<Missing>,
}

fn compute<J: Job>(forward: &Forward, px: u32, jobs: &[J], batch: &[(usize, Key)]) -> Result<Batch> {
    let (mut made, mut failed, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
    let mut last: Option<(&Path, SrgbImage)> = None;
    for (index, content) in batch {
        let job = &jobs[*index];
        let photo = match last.take() {
            Some((path, photo)) if path == job.path() => photo,
            _ => match decode_file(job.path(), &Limits::default()) {
                Ok(decoded) => decoded.image,
                Err(error) => {
                    let (path, reason) = (job.path().to_owned(), error.to_string());
                    failed.push((*index, Error::Data { path, reason }));
                    continue;
                }
            },
        };
        match job.make(&photo, content, px)? {
            Some(picture) => pictures.push((*index, tensor_from_srgb(&picture))),
            None => made.push((*index, None)),
        }
        last = Some((job.path(), photo));
    }
    if !pictures.is_empty() {
        let stacked: Vec<&Tensor> = pictures.iter().map(|(_, picture)| picture).collect();
        let values = floats_of(&forward(&Tensor::f_stack(&stacked, 0)?)?)?;
        let rows = values.chunks_exact(values.len() / pictures.len()).map(|row| Some(row.to_vec()));
        made.extend(pictures.iter().map(|(index, _)| *index).zip(rows));
    }
    Ok(Batch { made, failed })
}
