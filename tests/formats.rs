//! Formats, targets and metadata, end to end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use pixels::{EncodeOptions, Format, Keep, Limits, Metadata, encode_with};
use support::{names, picture, rangrez, run};

fn resize(photo: &Path, out: &Path, more: &[&str]) -> support::Run {
    run(rangrez().arg("resize").arg(photo).arg("-o").arg(out).args(more))
}

/// A photo with an owner and orientation 3.
fn photo(folder: &Path) -> std::path::PathBuf {
    let mut exif = b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0".to_vec();
    exif.extend(b"\x98\x82\x02\0\x08\0\0\0\x26\0\0\0\0\0\0\0(c) Ada\0");
    let metadata = Metadata { icc: None, exif: Some(exif) };
    let bytes = encode_with(&picture(160, 120), None, Format::Jpeg, &EncodeOptions::default(), &metadata).unwrap();
    let path = folder.join("shirt.jpg");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn every_format_is_written_and_metadata_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photo(folder.path());
    let formats = "jpeg,png,webp,avif,tiff";
    let plain = folder.path().join("plain");
    assert_eq!(resize(&photo, &plain, &["--sizes", "80w", "--format", formats, "--effort", "fast"]).code, Some(0));
    assert_eq!(names(&plain), ["shirt@80w.avif", "shirt@80w.jpg", "shirt@80w.png", "shirt@80w.tif", "shirt@80w.webp"]);
    let kept = folder.path().join("kept");
    let ended = resize(&photo, &kept, &["--sizes", "80w", "--format", formats, "--keep", "all", "--progressive"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for name in names(&kept) {
        let (before, after) = (fs::read(plain.join(&name)).unwrap(), fs::read(kept.join(&name)).unwrap());
        let has_owner = |bytes: &[u8]| bytes.windows(7).any(|w| w == b"(c) Ada");
        assert!(!has_owner(&before) && has_owner(&after), "{name}");
        if !name.ends_with("avif") {
            let back = pixels::decode(&after, &Limits::default()).unwrap();
            assert_eq!((back.orientation, back.image.width_px()), (1, 80), "{name}");
            assert!(
                pixels::Metadata::of_file(&after, Keep { copyright: true, ..Keep::default() }).unwrap().exif.is_some()
            );
        }
    }
}

#[test]
fn targets_are_reached_or_said_to_be_out_of_reach() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photo(folder.path());
    let out = |name: &str| folder.path().join(name);
    let ended = resize(&photo, &out("kb"), &["--sizes", "full", "--format", "jpeg,webp", "--max-kb", "4"]);
    assert_eq!((ended.code, ended.err.len()), (Some(0), 0), "{ended:#?}");
    for name in names(&out("kb")) {
        assert!(fs::metadata(out("kb").join(name)).unwrap().len() <= 4000);
    }
    let ended = resize(&photo, &out("never"), &["--sizes", "full", "--ssim", "1"]);
    assert_eq!(ended.code, Some(0));
    ended.says(0, &["shirt.jpg: the target cannot be reached", "quality 100", "similarity is 0.9"]);
    let ended = resize(&photo, &out("two"), &["--sizes", "full", "--ssim", "0.9", "--quality", "80"]);
    assert!(ended.code == Some(2) && ended.err[0].contains("cannot be used with"), "{ended:#?}");
    let ended = resize(&photo, &out("none"), &["--sizes", "full", "--ssim", "2"]);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn padding_and_its_file_names() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photo(folder.path());
    let out = folder.path().join("out");
    let sizes = "90x90:pad=#102030,90x90:pad=blur,90x90:pad=edge";
    assert_eq!(resize(&photo, &out, &["--sizes", sizes, "--format", "png"]).code, Some(0));
    assert_eq!(names(&out), ["shirt@90x90-pad-102030.png", "shirt@90x90-pad-blur.png", "shirt@90x90-pad-edge.png"]);
    let padded = pixels::decode_file(&out.join("shirt@90x90-pad-102030.png"), &Limits::default()).unwrap();
    assert_eq!(padded.image.pixel(45, 2), [16, 32, 48]);
}
