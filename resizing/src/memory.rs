//! How much memory a batch may take, how much a photo needs, and how the two are divided.

use std::fs;

use crate::budget::Budget;

/// Bytes of memory that are assumed where the system does not say.
const ASSUMED: u64 = 4 << 30;
/// What the program has before its first photo.
const PROGRAM: u64 = 160 << 20;
/// What the models of one worker take.
const MODELS: u64 = 192 << 20;
/// Bytes a pixel needs while a photo is resized, and while it is dyed: a third more than the peak memory of runs over
/// photos of 4 and 24 megapixels grew by (19 and 35).
const RESIZE_PER_PIXEL: u64 = 25;
const RECOLOR_PER_PIXEL: u64 = 47;
/// What painting a photo takes besides, whatever its size, since it is done tile by tile: a third more than was measured.
pub const PAINTING: u64 = 640 << 20;
/// What any photo needs.
const LEAST: u64 = 8 << 20;
/// Pixels that are assumed of a file whose header says nothing; it fails before it takes as much.
const UNKNOWN_PIXELS: u64 = 1 << 20;

/// The budget's parts. Each stage waits for its own part only, so that no two can wait for each other.
#[derive(Debug)]
pub struct Memory {
    /// Files read and not yet worked on.
    pub inputs: Budget,
    /// Photos in work.
    pub work: Budget,
    /// Files made and not yet written.
    pub outputs: Budget,
}

impl Memory {
    /// Divides `bytes` among the stages of `workers` workers.
    ///
    /// # Errors
    /// In words, when the program itself has no room in it.
    pub fn divide(bytes: u64, workers: usize, models: bool) -> Result<Self, String> {
        let fixed = PROGRAM + if models { MODELS * workers as u64 } else { 0 };
        let least = fixed + 64 * (1 << 20);
        if bytes < least {
            return Err(format!(
                "--memory {} is too little for {workers} workers: give {} or more, or fewer --jobs",
                size(bytes),
                size(least)
            ));
        }
        let rest = bytes - fixed;
        Ok(Self { inputs: Budget::new(rest / 8), work: Budget::new(rest / 8 * 6), outputs: Budget::new(rest / 8) })
    }
}

/// Bytes that a photo needs while it is in work, with or without models.
pub fn need(models: bool, pixels: Option<u64>) -> u64 {
    let per_pixel = if models { RECOLOR_PER_PIXEL } else { RESIZE_PER_PIXEL };
    LEAST + per_pixel.saturating_mul(pixels.unwrap_or(UNKNOWN_PIXELS))
}

/// Pixels that the header announces.
pub fn pixels_of(bytes: &[u8]) -> Option<u64> {
    let size = imagesize::blob_size(bytes).ok()?;
    (size.width as u64).checked_mul(size.height as u64)
}

/// Memory that a batch takes unless `--memory` says otherwise: three quarters of what is free, inside a container of what
/// the container may have.
pub fn default_budget() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = meminfo.lines().find_map(|line| {
        let kib = line.strip_prefix("MemAvailable:")?.trim().trim_end_matches("kB").trim();
        Some(kib.parse::<u64>().ok()? << 10)
    });
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = container.iter().find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    let bound = free.unwrap_or(ASSUMED).min(container.unwrap_or(u64::MAX));
    bound / 4 * 3
}

/// Reads `4GiB`, `1500MB`, `2g`, or a number of bytes.
///
/// # Errors
/// In words.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no amount of memory: write 4GiB, 1500MB or a number of bytes");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "kb" => 1e3,
        "m" | "mib" => 1024.0 * 1024.0,
        "mb" => 1e6,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "gb" => 1e9,
        _ => return Err(wrong()),
    };
    let bytes = number * unit;
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

/// A number of bytes for people.
pub fn size(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(parse("4GiB").unwrap(), 4 << 30);
        assert_eq!(parse("1.5g").unwrap(), 3 << 29);
        assert_eq!(parse("1500MB").unwrap(), 1_500_000_000);
        assert_eq!(parse("123").unwrap(), 123);
        for bad in ["", "GiB", "4 apples", "-1", "0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!((size(3 << 29).as_str(), size(7).as_str()), ("1.5 GiB", "7 bytes"));
    }

    #[test]
    fn the_parts_stay_within_the_whole() {
        let memory = Memory::divide(2 << 30, 4, true).unwrap();
        let parts = memory.inputs.limit() + memory.work.limit() + memory.outputs.limit();
        assert!(parts + PROGRAM + 4 * MODELS <= 2 << 30);
        assert!(Memory::divide(256 << 20, 4, true).unwrap_err().contains("too little"));
        assert!(default_budget() > 64 << 20);
    }
}
