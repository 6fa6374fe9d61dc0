//! One training run's folder: resolved configuration, checkpoint, `stats.jsonl`, TensorBoard events, sample grids.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use tch::Kind;

use super::tensorboard::EventFile;
use crate::params::Params;
use crate::{Error, Result, checkpoint};

/// A run in progress.
pub struct Run {
    dir: PathBuf,
    model: &'static str,
    stats: File,
    events: EventFile,
}

/// What a checkpoint holds.
pub struct Saved {
    /// Steps done.
    pub step: u64,
    /// Everything the loop saved: parameters, moments, averages, by prefix.
    pub tensors: Params,
}

/// Reads a TOML configuration.
///
/// # Errors
/// [`Error::Config`] with the file and the line.
pub fn read_config<C: DeserializeOwned>(path: &Path) -> Result<C> {
    let bad = |reason: String| Error::Config { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    toml::from_str(&text).map_err(|error| bad(error.to_string()))
}

impl Run {
    /// Opens `dir` for a new run or, with `resume`, for the one that was interrupted there.
    ///
    /// # Errors
    /// A new run refuses a folder that holds a checkpoint; a resumed one refuses a folder without, or with another
    /// configuration.
    pub fn open<C: Serialize>(
        dir: &Path,
        model: &'static str,
        config: &C,
        resume: bool,
    ) -> Result<(Self, Option<Saved>)> {
        let refuse = |reason: &str| Error::Data { path: dir.to_owned(), reason: reason.into() };
        std::fs::create_dir_all(dir.join("samples")).map_err(Error::io(dir))?;
        let checkpoint_path = dir.join("checkpoint.safetensors");
        let config_path = dir.join("config.toml");
        let resolved = toml::to_string(config).map_err(|error| refuse(&error.to_string()))?;
        let saved = match (resume, checkpoint_path.exists()) {
            (false, true) => {
                return Err(refuse("holds a run already: add --resume to continue it, or remove the folder"));
            }
            // A run killed before its first checkpoint starts anew.
            (true | false, false) => None,
            (true, true) => {
                let before = std::fs::read_to_string(&config_path).map_err(Error::io(&config_path))?;
                if before != resolved {
                    return Err(refuse("was started with another configuration: restore it, or start a new run"));
                }
                let (tensors, metadata) = checkpoint::load(&checkpoint_path, model)?;
                let step = metadata.get("step").and_then(|s| s.parse().ok());
                Some(Saved { step: step.ok_or_else(|| refuse("its checkpoint names no step"))?, tensors })
            }
        };
        checkpoint::write_atomic(&config_path, resolved.as_bytes())?;
        let first_step = saved.as_ref().map_or(0, |s| s.step);
        let stats_path = dir.join("stats.jsonl");
        keep_lines_before(&stats_path, first_step)?;
        let stats = OpenOptions::new().create(true).append(true).open(&stats_path).map_err(Error::io(&stats_path))?;
        let events = EventFile::create(dir, first_step)?;
        Ok((Self { dir: dir.to_owned(), model, stats, events }, saved))
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends named values of one step to `stats.jsonl` and TensorBoard.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn log(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let mut line = serde_json::Map::new();
        line.insert("step".into(), step.into());
        for (name, value) in values {
            line.insert((*name).to_owned(), serde_json::json!(value));
            self.events.scalar(step, name, *value)?;
        }
        writeln!(self.stats, "{}", serde_json::Value::Object(line)).map_err(Error::io(self.dir.join("stats.jsonl")))
    }

    /// Writes an encoded PNG as `samples/TAG-STEP.png` and to TensorBoard.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn sample_png(&mut self, step: u64, tag: &str, width_px: u32, height_px: u32, png: &[u8]) -> Result<()> {
        checkpoint::write_atomic(&self.dir.join("samples").join(format!("{tag}-{step:06}.png")), png)?;
        self.events.png(step, tag, width_px, height_px, png)
    }

    /// Replaces the checkpoint.
    ///
    /// # Errors
    /// When it cannot be written; the one before then still stands.
    pub fn save(&mut self, step: u64, tensors: &Params) -> Result<()> {
        let path = self.dir.join("checkpoint.safetensors");
        checkpoint::save(&path, self.model, tensors, Kind::Float, &[("step", step.to_string())])?;
        self.stats.sync_all().map_err(Error::io(&self.dir))
    }
}

/// Drops the lines that a killed run logged after its last checkpoint.
fn keep_lines_before(path: &Path, step: u64) -> Result<()> {
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(()) };
    let kept: String = text
        .lines()
        .filter(|line| {
            let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
            value.and_then(|v| v.get("step")?.as_u64()).is_some_and(|at| at < step)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    checkpoint::write_atomic(path, kept.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[derive(Serialize)]
    struct Config {
        rate: f64,
    }

    #[test]
    fn a_resumed_run_continues_after_its_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (mut run, saved) = Run::open(folder.path(), "m", &Config { rate: 0.1 }, false).unwrap();
        assert!(saved.is_none());
        let tensors: Params = [("w".to_owned(), Tensor::from_slice(&[1.5_f32]))].into_iter().collect();
        for step in 0..4 {
            run.log(step, &[("loss", 1.0)]).unwrap();
            if step == 1 {
                run.save(2, &tensors).unwrap();
            }
        }
        assert!(Run::open(folder.path(), "m", &Config { rate: 0.1 }, false).is_err());
        assert!(Run::open(folder.path(), "m", &Config { rate: 0.2 }, true).is_err());
        let (_run, saved) = Run::open(folder.path(), "m", &Config { rate: 0.1 }, true).unwrap();
        let saved = saved.unwrap();
        assert_eq!((saved.step, saved.tensors.get("w").unwrap().double_value(&[0])), (2, 1.5));
        let stats = std::fs::read_to_string(folder.path().join("stats.jsonl")).unwrap();
        assert_eq!(stats.lines().count(), 2);
    }
}
