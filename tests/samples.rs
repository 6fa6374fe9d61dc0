//! Every sample is listed in `samples/SOURCES.toml` with its licence, and is the file that was listed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    file: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    source: String,
    licence: String,
    sha256: String,
    /// Identity in the source data set; photos only.
    id: Option<String>,
    sender: Option<u32>,
}

fn samples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/samples"))
}

fn sources() -> Sources {
    toml::from_str(&std::fs::read_to_string(samples().join("SOURCES.toml")).unwrap()).unwrap()
}

fn hex_sha256(path: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(path).unwrap());
    digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn samples_are_listed_and_unchanged() {
    let listed: BTreeMap<_, _> = sources().file.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    let mut found = Vec::new();
    for folder in ["photos", "palettes", "fabrics", "paintings"] {
        for file in std::fs::read_dir(samples().join(folder)).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            let entry = listed.get(&name).unwrap_or_else(|| panic!("{name} is not in SOURCES.toml"));
            assert_eq!(hex_sha256(&path), entry.sha256, "{name} is not the file that was listed");
            found.push(name);
        }
    }
    assert_eq!(found.len(), listed.len(), "SOURCES.toml lists files that are not there; found {found:?}");
}

#[test]
fn photos_are_cc0_and_traceable() {
    let photos: Vec<_> = sources().file.into_iter().filter(|entry| entry.path.starts_with("photos/")).collect();
    assert!(photos.len() >= 16, "{} photos", photos.len());
    for photo in photos {
        assert_eq!(photo.licence, "CC0-1.0", "{}", photo.path);
        assert_eq!(photo.source, "alexeygrigorev/clothing-dataset", "{}", photo.path);
        assert!(photo.id.is_some() && photo.sender.is_some(), "{} has no identity in its source", photo.path);
    }
}

#[test]
fn palettes_of_every_format_load() {
    let expected = [
        ("bazaar.txt", "bazaar", 6, "Deep Navy"),
        ("autumn-winter.csv", "autumn-winter", 8, "Rust"),
        ("coast.gpl", "Coast", 6, "Sea Glass"),
        ("block-print.ase", "Block Print", 6, "Pomegranate"),
        ("studio-neutrals.aco", "studio-neutrals", 6, "Ink"),
        ("vivid.hex", "vivid", 7, "#f46036"),
    ];
    for (file, name, swatches, one) in expected {
        let palette = pixels::load_palette(&samples().join("palettes").join(file)).unwrap();
        assert_eq!(palette.name, name, "{file}");
        assert_eq!(palette.swatches.len(), swatches, "{file}");
        assert!(palette.find(one).is_some(), "{file} has no {one}: {:?}", palette.swatches);
    }
}

#[test]
fn fabrics_become_tiles_without_a_seam() {
    let fabrics: Vec<_> = sources().file.into_iter().filter(|entry| entry.path.starts_with("fabrics/")).collect();
    assert!(fabrics.len() >= 12, "{} fabrics", fabrics.len());
    for fabric in fabrics {
        assert_eq!((fabric.licence.as_str(), fabric.source.as_str()), ("CC0-1.0", "scripts/make-fabrics"));
        let swatch = pixels::decode_file(&samples().join(&fabric.path), &pixels::Limits::default()).unwrap().image;
        let tile = pixels::fabric::Tile::of_swatch(&swatch, &pixels::fabric::MakeTile::default()).unwrap();
        assert!(tile.seam <= 1.1, "{}: {}", fabric.path, tile.seam);
    }
}

#[test]
fn photos_decode() {
    for entry in sources().file.iter().filter(|entry| entry.path.starts_with("photos/")) {
        let bytes = std::fs::read(samples().join(&entry.path)).unwrap();
        let decoded = pixels::decode(&bytes, &pixels::Limits::default()).unwrap();
        let longest = decoded.image.width_px().max(decoded.image.height_px());
        assert_eq!(longest, 272, "{}", entry.path);
    }
}
