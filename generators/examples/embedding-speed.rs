//! How many pictures the backbone embeds a second, for `scripts/bench-embedding`.
//!
//! usage: cargo run --release -p generators --example embedding-speed -- WEIGHTS f32|bf16 THREADS SECONDS PICTURES.f32
//!
//! PICTURES holds 16 pictures of 3×224×224 codes, `f32`. Prints one JSON line: pictures, wall and CPU seconds (user and
//! system, of all threads), and the first embedding. Every thread has a network and a libtorch thread of its own, as the
//! program's workers have.
#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::path::Path;
use std::time::Instant;

use generators::backbone::{self, Backbone};
use generators::layers::Precision;
use generators::seam::floats_of;
use generators::{Error, Result, checkpoint};
use tch::Tensor;

/// Pictures that go through the network together.
const BATCH: i64 = 16;

fn main() -> Result<()> {
    pixels::allocation::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, precision, threads, seconds, pictures] = &arguments[..] else {
        return Err(Error::Input("usage: embedding-speed WEIGHTS f32|bf16 THREADS SECONDS PICTURES.f32".into()));
    };
    let number = |text: &str| text.parse::<f64>().map_err(|error| Error::Input(format!("{text}: {error}")));
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let (threads, seconds) = (number(threads)? as usize, number(seconds)?);
    let bytes = std::fs::read(pictures).map_err(Error::io(pictures))?;
    let codes: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let work = |seconds: f64| work(Path::new(weights), precision, &codes, seconds);
    // Once through, so that libtorch has chosen its kernels.
    work(0.0)?;
    let before = cpu_seconds()?;
    let start = Instant::now();
    let results: Vec<Result<(usize, Vec<f32>)>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(|| work(seconds))).collect();
        let failed = || Err(Error::Input("a thread panicked".into()));
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| failed())).collect()
    });
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - before);
    let results = results.into_iter().collect::<Result<Vec<_>>>()?;
    let n: usize = results.iter().map(|(n, _)| n).sum();
    let embedding = results.first().map(|(_, embedding)| &embedding[..]).unwrap_or_default();
    println!("{}", serde_json::json!({ "pictures": n, "wall": wall, "cpu": cpu, "embedding": embedding }));
    Ok(())
}

/// Embeds the same pictures again and again for a while.
fn work(weights: &Path, precision: Precision, codes: &[f32], seconds: f64) -> Result<(usize, Vec<f32>)> {
    generators::runtime::limit_threads();
    let (params, _card) = checkpoint::load_model(weights, backbone::NAME)?;
    let network = Backbone::from_params(&params, precision)?;
    let side = i64::from(backbone::INPUT_PX);
    let codes = Tensor::from_slice(codes).view([BATCH, 3, side, side]);
    let first = floats_of(&network.embed(&codes)?)?;
    let (start, mut n) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < seconds {
        let _ = network.embed(&codes)?;
        n += BATCH as usize;
    }
    Ok((n, first[..backbone::EMBEDDING as usize].to_vec()))
}

/// User and system time of this process so far (Linux).
fn cpu_seconds() -> Result<f64> {
    let path = "/proc/self/stat";
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    // After the name in brackets, user and system time are the 12th and 13th fields, in ticks of 10 ms.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Ok(fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0)
}
