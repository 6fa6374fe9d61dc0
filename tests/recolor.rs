//! `rangrez recolor` on the sample photos, through the program's front door.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use pixels::color::Lab;
use pixels::{Limits, decode_file, decode_mask};
use serde_json::Value;
use support::{assert_whole, names, rangrez, run, sample, samples};

fn report(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

/// Largest difference of codes where the mask is 0, and whether anything changed where it is 255.
fn differences(source: &Path, variant: &Path, mask: &Path) -> (u8, bool) {
    let limits = Limits::default();
    let [before, after] = [source, variant].map(|path| decode_file(path, &limits).unwrap().image);
    let mask = decode_mask(&fs::read(mask).unwrap(), &limits).unwrap();
    assert_eq!((before.width_px(), before.height_px()), (after.width_px(), after.height_px()));
    let mut outside = 0;
    let mut changed = false;
    let pixels = before.data().chunks_exact(3).zip(after.data().chunks_exact(3)).zip(mask.data());
    for ((b, a), &alpha) in pixels {
        let largest = b.iter().zip(a).map(|(x, y)| x.abs_diff(*y)).max().unwrap();
        match alpha {
            0 => outside = outside.max(largest),
            255 => changed |= largest > 0,
            _ => {}
        }
    }
    (outside, changed)
}

/// `--bounce` moves what lies beside the cloth and says so; without it nothing does (see [`only_the_cloth_changes`]).
#[test]
fn light_bounces_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let photo = sample();
    let mut command = rangrez();
    command.arg("recolor").arg(&photo).args(["--to", "crimson", "--bounce=0.5", "--format", "png", "--gate", "off"]);
    let ended = run(command.arg("-o").arg(&out));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let report = report(&out);
    assert_eq!(report["settings"]["bounce"], 0.5);
    let file = out.join(report["photos"][0]["variants"][0]["files"][0]["file"].as_str().unwrap());
    let mask = out.join(report["photos"][0]["source"]["mask"].as_str().unwrap());
    let (outside, changed) = differences(&photo, &file, &mask);
    assert!(changed && (1..=60).contains(&outside), "{outside}");
    assert!(fs::read_to_string(out.join("recipe.toml")).unwrap().contains("bounce = 0.5"));
}

/// The recolour network corrects the dye only where it is asked for, and a recipe remembers that.
#[test]
fn the_network_corrects_only_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let recolor = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let mut command = rangrez();
        command.arg("recolor").arg(sample()).args(["--to", "crimson", "--format", "png", "--gate", "off"]);
        let ended = run(command.args(more).arg("-o").arg(&out));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let report = report(&out);
        let file = out.join(report["photos"][0]["variants"][0]["files"][0]["file"].as_str().unwrap());
        (fs::read(file).unwrap(), report["settings"]["network"].clone(), out.join("recipe.toml"))
    };
    let (dyed, asked, _) = recolor("dyed", &[]);
    let (corrected, share, recipe) = recolor("corrected", &["--network"]);
    let (half, half_share, _) = recolor("half", &["--network=0.5"]);
    assert_eq!((asked, share, half_share), (Value::Null, Value::from(1.0), Value::from(0.5)));
    assert!(dyed != corrected && corrected != half && dyed != half);
    let again = folder.path().join("again");
    let ended = run(rangrez().args(["recolor", "--recipe"]).arg(recipe).arg("-o").arg(&again));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(fs::read_to_string(again.join("recipe.toml")).unwrap().contains("network = 1.0"));
}

/// Nearly white cloth is of one colour: its shadows don't make up for the chroma that white highlights lack.
#[test]
fn the_shadows_of_ivory_jeans_are_ivory() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("recolor").arg(samples().join("blue-jeans-brick-wall.jpg"));
    let ended = run(command.args(["--to", "ivory", "--format", "png", "--gate", "off", "-o"]).arg(&out));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let report = report(&out);
    let file = out.join(report["photos"][0]["variants"][0]["files"][0]["file"].as_str().unwrap());
    let mask = out.join(report["photos"][0]["source"]["mask"].as_str().unwrap());
    let image = decode_file(&file, &Limits::default()).unwrap().image;
    let mask = decode_mask(&fs::read(mask).unwrap(), &Limits::default()).unwrap();
    let inside = image.data().chunks_exact(3).zip(mask.data()).filter(|(_, alpha)| **alpha == 255);
    let mut b: Vec<f32> = inside.map(|(rgb, _)| Lab::from_srgb8([rgb[0], rgb[1], rgb[2]]).b).collect();
    b.sort_by(f32::total_cmp);
    let (asked, most) = (Lab::from_srgb8([255, 255, 240]).b, b[b.len() * 95 / 100]);
    assert!(most < 2.0 * asked, "b* {most}, asked for {asked}");
}

/// Show 2: with PNG, nothing outside the written mask differs, over all samples.
#[test]
fn only_the_cloth_changes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("recolor").arg(samples()).args(["--to", "#8a1538", "--to", "teal", "--format", "png"]);
    let ended = run(command.args(["--gate", "report", "-o"]).arg(&out));
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    let report = report(&out);
    assert_eq!(report["schema"], "rangrez.report/1");
    let photos = report["photos"].as_array().unwrap();
    assert!(photos.len() >= 16);
    for photo in photos {
        assert_eq!(photo["status"], "done", "{photo:#}");
        let mask = out.join(photo["source"]["mask"].as_str().unwrap());
        let variants = photo["variants"].as_array().unwrap();
        assert_eq!(variants.len(), 2);
        for variant in variants {
            let file = out.join(variant["files"][0]["file"].as_str().unwrap());
            let (outside, changed) = differences(Path::new(photo["path"].as_str().unwrap()), &file, &mask);
            assert_eq!(outside, 0, "{}", file.display());
            assert!(changed, "{} is not dyed", file.display());
        }
    }
    assert_whole(&out);
}

/// A given mask wins, sizes and formats are named as promised, and a second run is refused.
#[test]
fn names_sizes_and_a_given_mask() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let photo = sample();
    let image = decode_file(&photo, &Limits::default()).unwrap().image;
    let (width, height) = (image.width_px(), image.height_px());
    let mut mask = pixels::Mask::filled(width, height, 0);
    for y in height / 4..height / 2 {
        let row = (y * width) as usize;
        mask.data_mut()[row + width as usize / 4..row + width as usize / 2].fill(255);
    }
    let mask_file = folder.path().join("mine.png");
    fs::write(&mask_file, pixels::encode_mask_png(&mask).unwrap()).unwrap();
    let recolor = |more: &[&str]| {
        let mut command = rangrez();
        command.arg("recolor").arg(&photo).args(["--to", "Teal", "--sizes", "full,60w", "--format", "png,webp"]);
        command.args(["--gate", "off", "--mask"]).arg(&mask_file).arg("-o").arg(&out).args(more);
        run(&mut command)
    };

    let dry = recolor(&["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:#?}");
    assert!(!out.exists(), "a dry run makes nothing");

    let ended = recolor(&[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let stem = photo.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut expected = vec![
        format!("{stem}--teal.png"),
        format!("{stem}--teal.webp"),
        format!("{stem}--teal@60w.png"),
        format!("{stem}--teal@60w.webp"),
        format!("{stem}.mask.png"),
        "index.html".to_owned(),
        "recipe.toml".to_owned(),
        "report.json".to_owned(),
        "tolerance.csv".to_owned(),
    ];
    expected.sort();
    assert_eq!(names(&out), expected);
    assert_eq!(ended.out.len(), 4, "one written path per line: {ended:#?}");
    assert_eq!(dry.out.len(), expected.len(), "the dry run named every file: {dry:#?}");
    assert_eq!(
        decode_mask(&fs::read(out.join(format!("{stem}.mask.png"))).unwrap(), &Limits::default()).unwrap(),
        mask
    );
    assert_eq!(report(&out)["photos"][0]["source"]["region"], "mask");

    recolor(&[]).says(2, &["exists already", "--force"]);
    assert_eq!(recolor(&["--force"]).code, Some(0));
}

#[test]
fn a_mask_of_another_size_or_that_is_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.png");
    let out = folder.path().join("out");
    let recolor = || {
        let mut command = rangrez();
        command.arg("recolor").arg(sample()).args(["--to", "teal", "--mask"]).arg(&mask).arg("-o").arg(&out);
        run(&mut command)
    };
    fs::write(&mask, pixels::encode_mask_png(&pixels::Mask::filled(10, 10, 255)).unwrap()).unwrap();
    let ended = recolor();
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.err[0].contains("does not fit the photo") && ended.err[0].contains("10×10"), "{ended:#?}");
    assert!(!names(&out).iter().any(|name| name.contains(".jpg") || name.contains(".png")));
    fs::write(&mask, b"no picture").unwrap();
    recolor().says(2, &["mask.png", "not a JPEG"]);
}

/// One photo's failure is a row in the report; the others are done; exit code 3.
#[test]
fn a_bad_photo_is_a_row_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.jpg"), b"").unwrap();
    fs::copy(sample(), folder.path().join("good.jpg")).unwrap();
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("recolor").arg(folder.path()).args(["--to", "navy", "--gate", "off", "--json", "-o"]).arg(&out);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let lines: Vec<Value> = ended.out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let report = report(&out);
    assert_eq!(report["summary"]["failed"], 1);
    assert_eq!(report["photos"][0]["status"], "failed");
    assert!(report["photos"][0]["error"].as_str().unwrap().contains("empty"));
    let variant = &report["photos"][1]["variants"][0];
    assert_eq!(variant["asked"]["hex"], "#000080");
    assert!(variant["delta_e00"].as_f64().unwrap() < 3.0 || variant["reachable"] == false, "{variant:#}");
    let gallery = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(gallery.contains("broken") && gallery.contains("data:image/jpeg;base64,"));
    assert!(!gallery.contains("http://") && !gallery.contains("https://"), "the gallery opens offline");
}

/// A tolerance that is given decides the exit code; one that isn't is for information. TIFF goes in and out.
#[test]
fn variants_beyond_the_tolerance_are_named_in_summary_and_table() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("=photo.tif");
    let image = decode_file(&sample(), &Limits::default()).unwrap().image;
    fs::write(&photo, pixels::encode(&image, None, pixels::Format::Tiff, 90).unwrap()).unwrap();
    let recolor = |name: &str, more: &[&str]| {
        let mut command = rangrez();
        command.arg("recolor").arg(&photo).args(["--to", "#8a1538", "--format", "tiff", "--gate", "report"]);
        run(command.args(more).arg("-o").arg(folder.path().join(name)))
    };
    assert_eq!(recolor("strict", &["--tolerance", "0.00001"]).code, Some(1));
    assert_eq!(recolor("wide", &["--tolerance", "50"]).code, Some(0));
    let strict = report(&folder.path().join("strict"));
    assert_eq!(strict["summary"]["beyond_tolerance"], 1);
    let figures = &strict["photos"][0]["variants"][0]["figures"];
    assert_eq!(figures["within_tolerance"], false);
    for name in ["delta_cmc_2_1", "delta_e00_p95", "clipped_percent", "spread_kept", "fringe"] {
        assert!(figures[name].is_number(), "{name}: {figures}");
    }
    let table = fs::read_to_string(folder.path().join("wide/tolerance.csv")).unwrap();
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert!(lines[0].starts_with("photo,stem,swatch,slug,asked_hex,"), "{table}");
    assert!(lines.len() == 3 && lines[1].contains(",'=photo,") && lines[1].contains(",50,yes,"), "{table}");
    let made = decode_file(&folder.path().join("wide/=photo--8a1538.tif"), &Limits::default()).unwrap();
    assert_eq!((made.format, made.image.width_px()), (pixels::Format::Tiff, image.width_px()));
    let bad = recolor("bad", &["--proof", photo.to_str().unwrap()]);
    assert_eq!(bad.code, Some(2), "{bad:#?}");
    assert!(!folder.path().join("bad").exists());
}

/// A picture without any product is rejected: nothing of it is written, exit code 1 (or 3 when no garment is found).
#[test]
fn what_is_no_product_does_not_leave() {
    let folder = tempfile::tempdir().unwrap();
    let mut noise = pixels::SrgbImage::filled(300, 300, [0; 3]);
    let mut state = 0x2545_F491_u32;
    for code in noise.data_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *code = (state >> 24) as u8;
    }
    let photo = folder.path().join("noise.png");
    fs::write(&photo, pixels::encode(&noise, None, pixels::Format::Png, 90).unwrap()).unwrap();
    let mask = folder.path().join("mask.png");
    fs::write(&mask, pixels::encode_mask_png(&pixels::Mask::filled(300, 300, 255)).unwrap()).unwrap();
    let out = folder.path().join("out");
    let mut command = rangrez();
    command.arg("recolor").arg(&photo).args(["--to", "teal", "--mask"]).arg(&mask).arg("-o").arg(&out);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert_eq!(names(&out), ["index.html", "noise.mask.png", "recipe.toml", "report.json", "tolerance.csv"]);
    let report = report(&out);
    assert_eq!(report["photos"][0]["variants"][0]["gate"]["verdict"], "rejected");
}

#[test]
fn classify_and_mask_speak_json_and_png() {
    let ended = run(rangrez().arg("classify").arg(samples()).arg("--json"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for line in &ended.out {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert!(answer["breadcrumb"].as_array().is_some_and(|b| !b.is_empty()), "{answer}");
        assert!((0.0..=1.0).contains(&answer["confidence"].as_f64().unwrap()), "{answer}");
        assert!(answer["in_catalog"].is_boolean() && answer["path"].is_string(), "{answer}");
    }
    let out = tempfile::tempdir().unwrap();
    let ended = run(rangrez().arg("mask").arg(sample()).arg("-o").arg(out.path()));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let image = decode_file(&sample(), &Limits::default()).unwrap().image;
    let mask = decode_mask(&fs::read(&ended.out[0]).unwrap(), &Limits::default()).unwrap();
    assert_eq!((mask.width_px(), mask.height_px()), (image.width_px(), image.height_px()));
    assert!(mask.coverage() > 0.02);
}
