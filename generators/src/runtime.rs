//! The libtorch that the program runs on: what it is, where it lies, how many threads it may use.

use std::path::PathBuf;

/// What libtorch is and can.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Version that `tch` was built against, and that the library's own version file names if it is there.
    pub version: String,
    /// The library file that was loaded, where the system tells.
    pub library: Option<PathBuf>,
    /// `cpu`, or `cuda` with the number of devices.
    pub device: String,
    /// Fast paths that this build of libtorch has, such as `oneDNN`.
    pub features: Vec<&'static str>,
}

/// Asks libtorch about itself.
pub fn inspect() -> Runtime {
    let library = loaded_library();
    let version = library
        .as_ref()
        .and_then(|path| std::fs::read_to_string(path.parent()?.parent()?.join("build-version")).ok())
        .map_or_else(|| "2.13.0".to_owned(), |text| text.trim().to_owned());
    let devices = tch::Cuda::device_count();
    let device = if tch::Cuda::is_available() && devices > 0 { format!("cuda ({devices})") } else { "cpu".to_owned() };
    let features = [
        ("oneDNN", tch::utils::has_mkldnn()),
        ("MKL", tch::utils::has_mkl()),
        ("OpenMP", tch::utils::has_openmp()),
        ("CUDA", tch::utils::has_cuda()),
    ];
    let features = features.into_iter().filter_map(|(name, has)| has.then_some(name)).collect();
    Runtime { version, library, device, features }
}

/// One libtorch thread for the calling worker: its intra-op threads scale badly on small convolutions, so work is split
/// over photos instead.
pub fn limit_threads() {
    tch::set_num_threads(1);
}

/// Where the dynamic linker found libtorch (Linux only).
fn loaded_library() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let start = line.find('/')?;
        line.contains("libtorch_cpu").then(|| PathBuf::from(&line[start..]))
    })
}
