//! Output keys: what decides a task's files, as one hash. Equal key, equal bytes, so the work is not done again.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A task's key from the master's identity, the recipe of the task, and the program with the weights that it uses.
pub fn key(master: &str, recipe: &str, version: &str, weights: Option<&BTreeMap<String, String>>) -> String {
    let mut hash = Sha256::new();
    let mut part = |name: &str, value: &str| {
        // Lengths keep one part from running into the next.
        hash.update(format!("{name} {}\n{value}\n", value.len()));
    };
    part("rangrez.task/1", master);
    part("recipe", recipe);
    part("version", version);
    for (file, sum) in weights.into_iter().flatten() {
        part(file, sum);
    }
    hex(&hash.finalize())
}

/// A number that spreads names evenly, the same on every machine.
pub fn spread(name: &str) -> u64 {
    let sum = Sha256::digest(name.as_bytes());
    sum.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_decides() {
        let weights = BTreeMap::from([("gate.safetensors".to_owned(), "ab".to_owned())]);
        let keys = [
            key("m", "r", "1", Some(&weights)),
            key("n", "r", "1", Some(&weights)),
            key("m", "s", "1", Some(&weights)),
            key("m", "r", "2", Some(&weights)),
            key("m", "r", "1", None),
            key("mr", "", "1", None),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(one.len() == 64 && keys[..i].iter().all(|other| other != one), "{i}");
        }
        assert_eq!(keys[0], key("m", "r", "1", Some(&weights)));
    }

    #[test]
    fn hexadecimal_and_spread_are_fixed() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(spread("abc"), 0xba78_16bf_8f01_cfea);
    }
}
