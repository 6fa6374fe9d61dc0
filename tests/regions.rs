//! Several regions, palette-to-palette maps and kept colours, through the program's front door.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use pixels::color::{Lab, delta_e00};
use pixels::{Format, Limits, Mask, SrgbImage, decode_file, decode_mask, encode, encode_mask_png};
use serde_json::Value;
use support::{Run, names, rangrez, run, samples};

const SIDE: u32 = 160;
const GREY: [u8; 3] = [186, 186, 184];

/// A picture of two pieces of cloth beside each other with a soft border, plain left, striped right.
struct Outfit {
    folder: tempfile::TempDir,
}

fn at(x: u32, y: u32) -> usize {
    (y * SIDE + x) as usize
}

impl Outfit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut photo = SrgbImage::filled(SIDE, SIDE, GREY);
        let (mut left, mut right) = (Mask::filled(SIDE, SIDE, 0), Mask::filled(SIDE, SIDE, 0));
        for y in 20..140 {
            for x in 20..140 {
                let i = at(x, y);
                let fold = (8.0 * (x as f32 / 9.0).sin()) as i32;
                let plain: [i32; 3] = [150, 60, 66];
                let stripe: [i32; 3] = if (y / 10).is_multiple_of(3) { [236, 234, 228] } else { [32, 40, 84] };
                // Around x = 80 a pixel is a mixture of both, and the masks share it.
                let share = ((x as f32 - 77.0) / 6.0).clamp(0.0, 1.0);
                for c in 0..3 {
                    let mixed = (1.0 - share) * (plain[c] + fold) as f32 + share * (stripe[c] + fold) as f32;
                    photo.data_mut()[3 * i + c] = mixed.round().clamp(0.0, 255.0) as u8;
                }
                right.data_mut()[i] = (share * 255.0).round() as u8;
                left.data_mut()[i] = 255 - right.data()[i];
            }
        }
        let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        write("look.png", encode(&photo, None, Format::Png, 90).unwrap());
        write("left.png", encode_mask_png(&left).unwrap());
        write("right.png", encode_mask_png(&right).unwrap());
        write("nothing.png", encode_mask_png(&Mask::filled(SIDE, SIDE, 0)).unwrap());
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn recolor(&self, args: &[&str]) -> Run {
        let mut command = rangrez();
        let weights = support::weights();
        command.current_dir(self.folder.path()).args(["recolor", "look.png", "--format", "png", "--gate", "off"]);
        run(command.arg("--weights").arg(weights).args(args).args(["--force", "-o", "out"]))
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("out/report.json")).unwrap()).unwrap()
    }

    fn picture(&self, name: &str) -> SrgbImage {
        decode_file(&self.file(name), &Limits::default()).unwrap().image
    }
}

fn codes(image: &SrgbImage, x: u32, y: u32) -> [u8; 3] {
    image.pixel(x, y)
}

fn median_within(image: &SrgbImage, xs: std::ops::Range<u32>, keep: impl Fn(u32) -> bool) -> Lab {
    let mut colors: Vec<Lab> = Vec::new();
    for y in (30..130).filter(|&y| keep(y)) {
        colors.extend(xs.clone().map(|x| Lab::from_srgb8(codes(image, x, y))));
    }
    pixels::garment_stats::median_lab(&colors)
}

#[test]
fn each_region_takes_its_own_colour_and_nothing_else_changes() {
    let outfit = Outfit::new();
    let args = [
        "--mask",
        "left.png",
        "--to",
        "teal",
        "--to",
        "#c8a040",
        "--mask",
        "right.png",
        "--map",
        "midnightblue=#6a2040",
    ];
    let ended = outfit.recolor(&args);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let files = names(&outfit.file("out"));
    for name in [
        "look--teal+6a2040.png",
        "look--c8a040+6a2040.png",
        "look.mask.png",
        "look.region1.mask.png",
        "look.region2.mask.png",
    ] {
        assert!(files.iter().any(|f| f == name), "{name} is missing: {files:?}");
    }

    let source = outfit.picture("look.png");
    let masks = ["look.region1.mask.png", "look.region2.mask.png"]
        .map(|name| decode_mask(&fs::read(outfit.file("out").join(name)).unwrap(), &Limits::default()).unwrap());
    for (a, b) in masks[0].data().iter().zip(masks[1].data()) {
        assert!(u16::from(*a) + u16::from(*b) <= 255, "masks overlap: {a} and {b}");
    }
    let variants =
        ["look--teal+6a2040.png", "look--c8a040+6a2040.png"].map(|name| outfit.picture(&format!("out/{name}")));
    for variant in &variants {
        for i in 0..(SIDE * SIDE) as usize {
            if masks[0].data()[i] == 0 && masks[1].data()[i] == 0 {
                assert_eq!(variant.data()[3 * i..3 * i + 3], source.data()[3 * i..3 * i + 3], "outside, pixel {i}");
            }
        }
    }
    // The other region does not know which colour its neighbour took.
    for y in 20..140 {
        for x in 90..140 {
            assert_eq!(codes(&variants[0], x, y), codes(&variants[1], x, y), "at {x}, {y}");
        }
    }
    let left = median_within(&variants[0], 24..72, |_| true);
    assert!(delta_e00(left, Lab::from_srgb8([0, 128, 128])) < 2.0, "{left:?}");

    let report = outfit.report();
    assert_eq!(report["settings"]["swatches"][0]["slug"], "teal+6a2040");
    assert_eq!(report["settings"]["swatches"][0]["colors"].as_array().unwrap().len(), 2);
    let source = &report["photos"][0]["source"];
    assert_eq!(source["region"], "mask+mask");
    let palette = source["regions"][1]["palette"].as_array().unwrap();
    assert!(palette.len() >= 2 && palette.len() <= 5, "{palette:?}");
    let shares: f64 = palette.iter().map(|entry| entry["share"].as_f64().unwrap()).sum();
    assert!((0.9..=1.001).contains(&shares), "{shares}");
    let regions = report["photos"][0]["variants"][0]["regions"].as_array().unwrap();
    assert_eq!(regions.len(), 2);
    for region in regions {
        assert!(region["delta_e00"].as_f64().unwrap() < 2.0 || region["reachable"] == false, "{region:#}");
    }
    assert_eq!(regions[0]["asked"]["hex"], "#008080");
    assert_eq!(regions[1]["asked"]["hex"], "#6a2040");
}

#[test]
fn mapped_colours_change_and_kept_ones_stay() {
    let outfit = Outfit::new();
    let ended = outfit.recolor(&["--mask", "right.png", "--map", "midnightblue=#7a3b12", "--keep", "ivory"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let (before, after) = (outfit.picture("look.png"), outfit.picture("out/look--7a3b12.png"));
    let white = |y: u32| (y / 10).is_multiple_of(3) && (2..8).contains(&(y % 10));
    // Well inside the stripe, away from the rows that mix with the white.
    let navy = |y: u32| (12..28).contains(&(y % 30));
    let kept = delta_e00(median_within(&before, 90..136, white), median_within(&after, 90..136, white));
    assert!(kept < 3.0, "the kept white moved by {kept}");
    let reached = delta_e00(median_within(&after, 90..136, navy), Lab::from_srgb8([0x7a, 0x3b, 0x12]));
    assert!(reached < 3.0, "the navy is {reached} away");
    let map = outfit.report()["photos"][0]["variants"][0]["regions"][0]["map"].clone();
    let changes: Vec<_> =
        map.as_array().unwrap().iter().map(|entry| entry["change"].as_str().unwrap().to_owned()).collect();
    assert!(changes.contains(&"to".to_owned()) && changes.contains(&"keep".to_owned()), "{map:#}");
}

#[test]
fn what_does_not_fit_the_cloth_is_refused_with_its_palette() {
    let outfit = Outfit::new();
    let refused = |args: &[&str], parts: &[&str]| {
        let ended = outfit.recolor(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:#?}");
        for part in parts {
            assert!(ended.err[0].contains(part), "{args:?}: {part:?} is missing in {:?}", ended.err[0]);
        }
        assert!(!names(&outfit.file("out")).iter().any(|n| n.contains("--")), "something was written");
    };
    let right = |args: &[&'static str]| [&["--mask", "right.png"], args].concat();
    refused(&right(&["--map", "lime=red"]), &["nothing like lime", "whose colours are #"]);
    refused(&right(&["--map", "navi=red"]), &["navi", "navy"]);
    refused(&right(&["--map", "navy"]), &["FROM=TO"]);
    refused(&right(&["--map", "navy=red,navy=teal"]), &["navy is named twice"]);
    refused(&right(&["--map", "midnightblue=red,#202a54=teal"]), &["both mean #", "whose colours are"]);
    refused(&right(&["--map", "white=red", "--keep", "ivory"]), &["--keep ivory", "--map white=red", "both mean #"]);
    refused(&right(&["--map", "white=red", "--keep", "white"]), &["white is named twice"]);
    refused(&right(&["--keep", "white"]), &["no colours"]);
    refused(
        &["--to", "red", "--region", "upper", "--to", "blue", "--region", "upper", "--to", "tan"],
        &["upper is named twice"],
    );
    refused(
        &[
            "--mask",
            "left.png",
            "--to",
            "red",
            "--to",
            "tan",
            "--to",
            "blue",
            "--mask",
            "right.png",
            "--to",
            "red",
            "--to",
            "tan",
        ],
        &["3 colours", "has 2"],
    );
    refused(&["--region", "upper", "--to", "red", "--region", "lower"], &["region lower has no colours"]);
}

#[test]
fn a_region_that_is_empty_or_the_same_cloth_fails_the_photo() {
    let outfit = Outfit::new();
    let ended = outfit.recolor(&["--mask", "left.png", "--to", "red", "--mask", "nothing.png", "--to", "teal"]);
    ended.starts(3, &["the mask covers nothing"]);
    let ended = outfit.recolor(&["--mask", "left.png", "--to", "red", "--mask", "left.png", "--to", "teal"]);
    ended.starts(3, &["the same cloth"]);
    assert!(!names(&outfit.file("out")).iter().any(|n| n.contains("--")));
}

/// The order of options is what binds a colour to its region.
#[test]
fn regions_are_found_in_a_photo_and_named_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let recolor = |args: &[&str], out: &Path| {
        let mut command = rangrez();
        command.arg("recolor").arg(samples().join("blue-jeans-brick-wall.jpg")).args(args);
        run(command.args(["--gate", "off", "-o"]).arg(out))
    };
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let ended = recolor(&["--region", "lower", "--to", "olive"], &one);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(recolor(&["--to", "olive", "--region", "lower"], &other).code, Some(0));
    let name = "blue-jeans-brick-wall--olive.jpg";
    assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(other.join(name)).unwrap());
    let gallery = fs::read_to_string(one.join("index.html")).unwrap();
    assert!(gallery.contains("class=\"shares\"") && gallery.contains("recipe.toml"));
}
