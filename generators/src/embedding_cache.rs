//! Numbers computed from photos, kept on disk by content: embeddings and feature maps, in half precision.
//!
//! One file per kind of number: a header, then records of a 32-byte key, the numbers and a checksum. The key is a hash of
//! the photo's bytes, the network and what was made of the photo, so an edited photo or another network is never
//! mistaken for the old one. Records are only appended, under a lock, so processes may share a cache, and a run that
//! was killed loses at most its last batch. The file is mapped into memory: opening reads keys alone.

mod fill;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use half::f16;
use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

pub use fill::{Forward, Job, Missing, Network, Plain, ensure};

/// What a record is found by: see [`key_of`].
pub type Key = [u8; 32];

const MAGIC: &[u8; 8] = b"rzcache1";
const HEADER: usize = 16;
const KEY: usize = 32;
const CHECKSUM: usize = 4;

/// One file of records of equal length.
pub struct Cache {
    path: PathBuf,
    file: File,
    map: Option<Mmap>,
    index: HashMap<Key, usize>,
    values: usize,
    scanned: usize,
}

/// The key of what a network makes of a picture that `recipe` makes of a photo.
pub fn key_of(content: &Key, network: &Key, recipe: &str) -> Key {
    let mut hash = Sha256::new();
    hash.update(content);
    hash.update(network);
    hash.update(recipe);
    hash.finalize().into()
}

/// The user's cache folder for this program: `$XDG_CACHE_HOME/rangrez` or the system's usual place; none without a home.
pub fn user_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home_cache = || {
        let below = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        of("HOME").map(|home| home.join(below))
    };
    let windows = || if cfg!(windows) { of("LOCALAPPDATA") } else { None };
    of("XDG_CACHE_HOME").or_else(windows).or_else(home_cache).map(|folder| folder.join("rangrez"))
}

impl Cache {
    /// Opens `FOLDER/NAME.f16`, which holds records of `values` numbers; makes it when there is none.
    ///
    /// # Errors
    /// [`Error::Data`] when the file is no cache or one of other records, [`Error::Io`] when it cannot be used.
    pub fn open(folder: &Path, name: &str, values: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join(format!("{name}.f16"));
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(Error::io(&path))?;
        let mut cache = Self { path, file, map: None, index: HashMap::new(), values, scanned: 0 };
        cache.locked(Self::begin)?;
        cache.refresh()?;
        Ok(cache)
    }

    /// Number of pictures held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether a key is held.
    pub fn contains(&self, key: &Key) -> bool {
        self.index.contains_key(key)
    }

    /// Whether there are numbers under a key: it is known, and something could be made.
    pub fn holds(&self, key: &Key) -> bool {
        let first = |record: &[u8]| f16::from_le_bytes([record[KEY], record[KEY + 1]]);
        let record = self.index.get(key).and_then(|&at| self.record(at));
        record.is_some_and(|record| self.values > 0 && !first(record).is_nan())
    }

    /// The numbers under a key; none when it is unknown, when its record is damaged, or when nothing could be made.
    pub fn get(&self, key: &Key) -> Option<Vec<f32>> {
        let record = self.record(*self.index.get(key)?)?;
        let (body, sum) = record.split_at(record.len() - CHECKSUM);
        if crc32c::crc32c(body).to_le_bytes() != *sum {
            return None;
        }
        let values = body[KEY..].chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32());
        let values: Vec<f32> = values.collect();
        // A recipe that makes nothing of a photo is remembered as such by not-a-number.
        values.first().is_some_and(|first| !first.is_nan()).then_some(values)
    }

    /// Appends records; `None` remembers that nothing can be made. Keys that are held already are left alone.
    ///
    /// # Errors
    /// [`Error::Input`] for another number of values, [`Error::Io`] when the disk fails; whole records remain.
    pub fn append(&mut self, records: &[(Key, Option<Vec<f32>>)]) -> Result<()> {
        let record = KEY + 2 * self.values + CHECKSUM;
        if let Some((_, Some(wrong))) = records.iter().find(|(_, v)| v.as_ref().is_some_and(|v| v.len() != self.values))
        {
            return Err(Error::Input(format!("cache: expected {} values, got {}", self.values, wrong.len())));
        }
        self.locked(|cache| {
            cache.refresh()?;
            let mut bytes = Vec::with_capacity(records.len() * record);
            for (key, values) in records.iter().filter(|(key, _)| cache.get(key).is_none()) {
                let start = bytes.len();
                bytes.extend_from_slice(key);
                match values {
                    Some(values) => bytes.extend(values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes())),
                    None => bytes.extend((0..cache.values).flat_map(|_| f16::NAN.to_le_bytes())),
                }
                let sum = crc32c::crc32c(&bytes[start..]);
                bytes.extend_from_slice(&sum.to_le_bytes());
            }
            // What a killed run left behind its last whole record would shift all that follow.
            let whole = HEADER + cache.scanned * record;
            cache.file.set_len(whole as u64).map_err(Error::io(&cache.path))?;
            cache.file.write_all(&bytes).map_err(Error::io(&cache.path))
        })?;
        self.refresh()
    }

    /// Writes the header of a new file, or checks that of an old one.
    fn begin(&mut self) -> Result<()> {
        let io = Error::io(&self.path);
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&(self.values as u32).to_le_bytes());
        let length = self.file.metadata().map_err(Error::io(&self.path))?.len();
        if length < HEADER as u64 {
            self.file.set_len(0).map_err(Error::io(&self.path))?;
            return self.file.write_all(&header).map_err(io);
        }
        let mut found = [0; HEADER];
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io(&self.path))?;
        self.file.read_exact(&mut found).map_err(io)?;
        if found == header {
            return Ok(());
        }
        let reason = format!("is no cache of {} numbers per picture: remove it", self.values);
        Err(Error::Data { path: self.path.clone(), reason })
    }

    /// Maps the file anew and reads the keys of records that were not there before.
    fn refresh(&mut self) -> Result<()> {
        let length = self.file.metadata().map_err(Error::io(&self.path))?.len() as usize;
        let record = KEY + 2 * self.values + CHECKSUM;
        let whole = length.saturating_sub(HEADER) / record;
        if whole <= self.scanned {
            return Ok(());
        }
        // SAFETY: whole records are never changed nor cut off, by this program's own lock; if another program did so,
        // numbers would be refused by their checksums.
        self.map = Some(unsafe { Mmap::map(&self.file) }.map_err(Error::io(&self.path))?);
        for at in self.scanned..whole {
            if let Some(key) = self.record(at).and_then(|r| r[..KEY].try_into().ok()) {
                // A later record of the same key replaces a damaged one.
                self.index.insert(key, at);
            }
        }
        self.scanned = whole;
        Ok(())
    }

    fn record(&self, at: usize) -> Option<&[u8]> {
        let length = KEY + 2 * self.values + CHECKSUM;
        self.map.as_ref()?.get(HEADER + at * length..HEADER + (at + 1) * length)
    }

    fn locked(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.file.lock().map_err(Error::io(&self.path))?;
        let done = work(self);
        self.file.unlock().map_err(Error::io(&self.path))?;
        done
    }
}

#[cfg(test)]
mod tests;
