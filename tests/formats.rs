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
    let metadata = Metadata { dpi: None, icc: None, exif: Some(exif) };
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

#[test]
fn a_profile_has_everything_and_its_snippet() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photo(folder.path());
    let file = folder.path().join("mine.toml");
    fs::write(
        &file,
        "[shop]\nsizes = ['80w', '10x10mm:pad']\nformats = ['webp', 'jpeg']\ndpi = 127\nsrcset = '50vw'\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let ended = resize(&photo, &out, &["--profile", &format!("{}#shop", file.display())]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let expected =
        ["shirt.srcset.html", "shirt@50x50-pad.jpg", "shirt@50x50-pad.webp", "shirt@80w.jpg", "shirt@80w.webp"];
    assert_eq!(names(&out), expected);
    let html = fs::read_to_string(out.join("shirt.srcset.html")).unwrap();
    assert!(html.contains("shirt@80w.webp 80w") && html.contains("sizes=\"50vw\""), "{html}");
    assert_eq!(fs::read(out.join("shirt@80w.jpg")).unwrap()[13..16], [1, 0, 127]);
    let ended = resize(&photo, &folder.path().join("none"), &["--profile", "shop"]);
    assert!(ended.code == Some(2) && ended.err[0].contains("marketplace"), "{ended:#?}");
}

#[test]
fn a_garment_is_found_and_put_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let photo = support::samples().join("red-dotted-dress-hanger.jpg");
    let ended = resize(&photo, &out, &["--sizes", "200x240:garment,120x120:garment:cover", "--format", "png"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let name = "red-dotted-dress-hanger@200x240-garment.png";
    assert_eq!(names(&out), ["red-dotted-dress-hanger@120x120-garment-cover.png", name]);
    // Its own mask, found again in the new picture, is in the middle and whole.
    let masks = folder.path().join("masks");
    assert_eq!(run(rangrez().arg("mask").arg(out.join(name)).arg("-o").arg(&masks)).code, Some(0));
    let mask =
        pixels::decode_mask(&fs::read(masks.join(name.replace(".png", ".mask.png"))).unwrap(), &Limits::default())
            .unwrap();
    let found = pixels::Focus::of_mask(&mask).unwrap();
    let middle =
        (f64::from(found.left) + f64::from(found.width) / 2.0, f64::from(found.top) + f64::from(found.height) / 2.0);
    assert!((middle.0 - 100.0).abs() < 20.0 && (middle.1 - 120.0).abs() < 24.0, "{found:?}");
    assert!(
        found.left > 0 && found.top > 0 && found.left + found.width < 200 && found.top + found.height < 240,
        "{found:?}"
    );
}

#[test]
fn fast_makes_the_same_files_of_nearly_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    // A quarter turn and odd sides, so that halves are rounded.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let metadata = Metadata { dpi: None, icc: None, exif: Some(exif) };
    let bytes = encode_with(&picture(531, 347), None, Format::Jpeg, &EncodeOptions::at_level(95), &metadata).unwrap();
    let photo = folder.path().join("shirt.jpg");
    fs::write(&photo, bytes).unwrap();
    let made = |name: &str, sizes: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let ended = resize(&photo, &out, &[&["--sizes", sizes, "--format", "png"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        names(&out).into_iter().map(|file| (file.clone(), fs::read(out.join(file)).unwrap())).collect::<Vec<_>>()
    };
    for sizes in ["80w,x50,64x64:pad,60x40:cover", "160w"] {
        let (exact, fast) =
            (made(&format!("{sizes}-exact"), sizes, &[]), made(&format!("{sizes}-fast"), sizes, &["--fast"]));
        for ((name, exact), (of_fast, fast)) in exact.iter().zip(&fast) {
            assert!(name == of_fast && exact != fast, "{name} {of_fast}");
            let [exact, fast] = [exact, fast].map(|file| pixels::decode(file, &Limits::default()).unwrap().image);
            assert_eq!((exact.width_px(), exact.height_px()), (fast.width_px(), fast.height_px()), "{name}");
            let off: f64 = exact.data().iter().zip(fast.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            assert!(off / (exact.data().len() as f64) < 1.5, "{name}: {off}");
        }
    }
    // A size that needs all pixels has them, and with it all others.
    let (exact, fast) = (made("all", "full,80w", &[]), made("all-fast", "full,80w", &["--fast"]));
    assert_eq!(exact, fast);
}
