//! Fabrics and looks through the program's front door: what changes and what doesn't, replays, and inputs that are none.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use pixels::fabric::find_period;
use pixels::{Format, Limits, Mask, SrgbImage, decode_file, decode_mask, encode, encode_mask_png};
use serde_json::Value;
use support::{Run, names, rangrez, run, samples};

const SIDE: u32 = 200;

/// A plain shirt with folds on a grey ground, its mask, and two swatches.
struct Studio {
    folder: tempfile::TempDir,
}

fn inside(x: u32, y: u32) -> bool {
    (40..160).contains(&x) && (20..180).contains(&y)
}

impl Studio {
    fn new() -> Self {
        let studio = Self { folder: tempfile::tempdir().unwrap() };
        let shirt = |i: u32| {
            let (x, y) = (i % SIDE, i / SIDE);
            let fold = 1.0 + 0.15 * (x as f32 / 11.0).sin();
            if inside(x, y) { [120.0, 70.0, 60.0].map(|v| (v * fold) as u8) } else { [186, 186, (180 + y % 5) as u8] }
        };
        let photo = SrgbImage::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(shirt).collect()).unwrap();
        let alpha = |i: u32| if inside(i % SIDE, i / SIDE) { 255 } else { 0 };
        let mask = Mask::new(SIDE, SIDE, (0..SIDE * SIDE).map(alpha).collect()).unwrap();
        studio.write("shirt.png", &encode(&photo, None, Format::Png, 90).unwrap());
        studio.write("mask.png", &encode_mask_png(&mask).unwrap());
        studio.write("nothing.png", &encode_mask_png(&Mask::filled(SIDE, SIDE, 0)).unwrap());
        studio.write("all.png", &encode_mask_png(&Mask::filled(SIDE, SIDE, 255)).unwrap());
        let stripe = |i: u32| if (i % 150 / 15).is_multiple_of(2) { [30, 50, 110] } else { [235, 230, 220] };
        let stripes = SrgbImage::new(150, 120, (0..150 * 120).flat_map(stripe).collect()).unwrap();
        studio.write("stripes.png", &encode(&stripes, None, Format::Png, 90).unwrap());
        studio.write("flat.png", &encode(&SrgbImage::filled(90, 90, [9, 90, 9]), None, Format::Png, 90).unwrap());
        studio.write("tiny.png", &encode(&SrgbImage::filled(20, 90, [9, 90, 9]), None, Format::Png, 90).unwrap());
        let clear = Mask::new(150, 120, (0..150 * 120).map(|i| if i % 150 < 70 { 255 } else { 0 }).collect()).unwrap();
        studio.write("clear.png", &encode(&stripes, Some(&clear), Format::Png, 90).unwrap());
        fs::copy(fabrics().join("gingham-red.jpg"), studio.file("gingham.jpg")).unwrap();
        studio
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.file(name), bytes).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn restyle(&self, args: &[&str]) -> Run {
        run(rangrez()
            .current_dir(self.folder.path())
            .arg("restyle")
            .args(args)
            .arg("--weights")
            .arg(support::weights()))
    }

    fn picture(&self, name: &str) -> SrgbImage {
        decode_file(&self.file(name), &Limits::default()).unwrap().image
    }
}

fn fabrics() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/fabrics")
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn the_garment_takes_the_print_and_nothing_else_changes() {
    let studio = Studio::new();
    let ended = studio.restyle(&[
        "shirt.png",
        "--mask",
        "mask.png",
        "--fabric",
        "stripes.png",
        "--fabric",
        "gingham.jpg",
        "--repeat",
        "24px",
        "--format",
        "png",
        "--gate",
        "off",
        "-o",
        "out",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let out = studio.file("out");
    assert!(names(&out).contains(&"shirt--gingham.png".to_owned()), "{:?}", names(&out));
    let (before, after) = (studio.picture("shirt.png"), studio.picture("out/shirt--stripes.png"));
    for i in 0..SIDE * SIDE {
        let (x, y) = (i % SIDE, i / SIDE);
        if !inside(x, y) {
            assert_eq!(before.pixel(x, y), after.pixel(x, y), "outside the mask, at {x}, {y}");
        }
    }
    let rows = (40..160).flat_map(|y| (50..150).flat_map(move |x| [x, y])).collect::<Vec<u32>>();
    let cloth = rows.chunks_exact(2).flat_map(|at| after.pixel(at[0], at[1])).collect();
    let period = find_period(&SrgbImage::new(100, 120, cloth).unwrap())[0].expect("stripes on the shirt");
    assert!((period.px - 24.0).abs() < 0.03 * 24.0, "{period:?}");
    let report = report(&out);
    assert_eq!(report["photos"][0]["variants"][0]["swatch"], "stripes");
    assert_eq!(report["summary"]["beyond_tolerance"], 0, "a print has no tolerance");
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("gingham") && page.contains("shirt--gingham.png"));
}

/// How the fine light of two pictures goes together inside a mask, −1 to 1: logarithms less their mean over 9 × 9 pixels.
fn fine_light_in_common(one: &SrgbImage, other: &SrgbImage, mask: &Mask) -> f64 {
    const REACH: u32 = 4;
    let inner = mask.threshold(250).eroded(REACH);
    let light = |image: &SrgbImage, x: u32, y: u32| {
        let [r, g, b] = image.pixel(x, y).map(f64::from);
        (0.3 * r + 0.6 * g + 0.1 * b + 8.0).ln()
    };
    let fine = |image: &SrgbImage, x: u32, y: u32| {
        let around = (y - REACH..=y + REACH).flat_map(|v| (x - REACH..=x + REACH).map(move |u| (u, v)));
        light(image, x, y) - around.map(|(u, v)| light(image, u, v)).sum::<f64>() / f64::from((2 * REACH + 1).pow(2))
    };
    let (mut product, mut squares) = (0.0, [0.0; 2]);
    for y in REACH..one.height_px() - REACH {
        for x in (REACH..one.width_px() - REACH).filter(|x| inner.data()[(y * one.width_px() + x) as usize] > 0) {
            let (a, b) = (fine(one, x, y), fine(other, x, y));
            product += a * b;
            squares = [squares[0] + a * a, squares[1] + b * b];
        }
    }
    product / (squares[0] * squares[1]).sqrt()
}

#[test]
fn plain_cloth_keeps_its_seams_and_printed_cloth_loses_its_print() {
    let studio = Studio::new();
    let photo = |name: &str| samples().join(format!("{name}.jpg"));
    let (plain, printed) =
        (["denim-jacket-tiles", "crimson-blazer-hanger"], ["plaid-shirt-hanger", "red-dotted-dress-hanger"]);
    let mut program = rangrez();
    program.current_dir(studio.folder.path()).arg("restyle").args(plain.iter().chain(&printed).map(|name| photo(name)));
    program.arg("--fabric").arg(fabrics().join("plain-weave-linen.jpg")).arg("--weights").arg(support::weights());
    let ended = run(program.args(["--format", "png", "--gate", "off", "-o", "linen"]));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let in_common = |name: &str| {
        let before = decode_file(&photo(name), &Limits::default()).unwrap().image;
        let mask = fs::read(studio.file(&format!("linen/{name}.mask.png"))).unwrap();
        let mask = decode_mask(&mask, &Limits::default()).unwrap();
        fine_light_in_common(&before, &studio.picture(&format!("linen/{name}--plain-weave-linen.png")), &mask)
    };
    for name in plain {
        assert!(in_common(name) > 0.7, "{name}: {}", in_common(name));
    }
    for name in printed {
        assert!(in_common(name) < 0.4, "{name}: {}", in_common(name));
    }
}

#[test]
fn who_says_what_the_garment_is_made_of_is_believed_and_the_recipe_says_it_again() {
    let studio = Studio::new();
    fs::copy(samples().join("denim-jacket-tiles.jpg"), studio.file("jacket.jpg")).unwrap();
    fs::copy(fabrics().join("plain-weave-linen.jpg"), studio.file("linen.jpg")).unwrap();
    let with = |more: &[&str]| {
        let ended = studio.restyle(&[&["--format", "png", "--gate", "off"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    };
    with(&["jacket.jpg", "--fabric", "linen.jpg", "-o", "judged"]);
    for cloth in ["plain", "patterned"] {
        with(&["jacket.jpg", "--fabric", "linen.jpg", "--own-cloth", cloth, "-o", cloth]);
    }
    let before = studio.picture("jacket.jpg");
    let mask = fs::read(studio.file("judged/jacket.mask.png")).unwrap();
    let mask = decode_mask(&mask, &Limits::default()).unwrap();
    let in_common =
        |of: &str| fine_light_in_common(&before, &studio.picture(&format!("{of}/jacket--linen.png")), &mask);
    assert!(in_common("plain") > in_common("patterned") + 0.3, "{} {}", in_common("plain"), in_common("patterned"));
    assert_eq!(studio.picture("judged/jacket--linen.png"), studio.picture("plain/jacket--linen.png"));
    let mut again = rangrez();
    again.current_dir(studio.folder.path()).args(["restyle", "--recipe", "patterned/recipe.toml", "-o", "again"]);
    let ended = run(again.arg("--weights").arg(support::weights()));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(studio.picture("again/jacket--linen.png"), studio.picture("patterned/jacket--linen.png"));
}

#[test]
fn a_recipe_makes_the_same_files_and_notices_another_swatch() {
    let studio = Studio::new();
    let args = ["shirt.png", "--mask", "mask.png", "--fabric", "stripes.png", "--rotate", "30", "--offset", "0.5,0.25"];
    let more = ["--garment-width", "45cm", "--strength", "0.9", "--format", "png", "--gate", "off", "-o", "first"];
    let made = studio.restyle(&[&args[..], &more[..]].concat());
    assert_eq!(made.code, Some(0), "{made:#?}");
    for command in ["restyle", "recolor"] {
        let mut again = rangrez();
        again.arg(command).arg("--recipe").arg(studio.file("first/recipe.toml")).arg("-o").arg(studio.file(command));
        let again = run(again.arg("--input-root").arg(studio.folder.path()));
        assert_eq!(again.code, Some(0), "{again:#?}");
        let bytes = |folder: &str| fs::read(studio.file(folder).join("shirt--stripes.png")).unwrap();
        assert!(bytes("first") == bytes(command), "{command} --recipe made another picture");
    }
    fs::copy(studio.file("gingham.jpg"), studio.file("stripes.png")).unwrap();
    let mut changed = rangrez();
    changed.current_dir(studio.folder.path()).args(["restyle", "--recipe", "first/recipe.toml", "-o", "third"]);
    run(&mut changed).says(2, &["stripes.png", "sha256"]);
}

#[test]
fn a_look_is_the_same_transform_for_every_photo() {
    let studio = Studio::new();
    let reference = samples().join("rust-knit-sweater.jpg");
    fs::copy(&reference, studio.file("editorial.jpg")).unwrap();
    fs::create_dir(studio.file("set")).unwrap();
    for name in ["a.png", "b.png"] {
        fs::copy(studio.file("shirt.png"), studio.file("set").join(name)).unwrap();
    }
    let args = ["set", "--look", "editorial.jpg", "--region", "all", "--format", "png", "--gate", "off", "-o", "out"];
    let ended = studio.restyle(&args);
    if ended.code == Some(3) {
        // Nothing in this drawing need look like a garment to the segmenter.
        assert!(ended.err.iter().any(|line| line.contains("no garment found")), "{ended:#?}");
    } else {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(studio.picture("out/a--editorial.png"), studio.picture("out/b--editorial.png"));
    }
    let args = ["shirt.png", "--mask", "mask.png", "--look", "editorial.jpg", "--format", "png", "--gate", "off"];
    let scene = studio.restyle(&[&args[..], &["-o", "scene"]].concat());
    let garment = studio.restyle(&[&args[..], &["--scope", "garment", "-o", "garment"]].concat());
    let none = studio.restyle(&[&args[..], &["--strength", "0", "-o", "none"]].concat());
    assert_eq!((scene.code, garment.code, none.code), (Some(0), Some(0), Some(0)), "{scene:#?} {garment:#?} {none:#?}");
    let before = studio.picture("shirt.png");
    let (scene, garment) =
        (studio.picture("scene/shirt--editorial.png"), studio.picture("garment/shirt--editorial.png"));
    assert_eq!(garment.pixel(5, 5), before.pixel(5, 5));
    assert_ne!(scene.pixel(5, 5), before.pixel(5, 5));
    assert_ne!(garment.pixel(100, 100), before.pixel(100, 100));
}

#[test]
fn a_painted_look_keeps_what_is_outside_its_scope_and_replays() {
    let studio = Studio::new();
    fs::copy(samples().join("rust-knit-sweater.jpg"), studio.file("painting.jpg")).unwrap();
    let look = ["shirt.png", "--mask", "mask.png", "--look", "painting.jpg", "--format", "png", "--gate", "off"];
    let painted = |more: &[&str]| studio.restyle(&[&look[..], &["--painterly"], more].concat());
    let ended = [
        painted(&["--scope", "garment", "-o", "garment"]),
        painted(&["-o", "scene"]),
        painted(&["--strength", "0", "-o", "none"]),
        studio.restyle(&[&look[..], &["-o", "graded"]].concat()),
    ];
    assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:#?}");
    let before = studio.picture("shirt.png");
    let of = |folder: &str| studio.picture(&format!("{folder}/shirt--painting-painted.png"));
    let (garment, scene) = (of("garment"), of("scene"));
    assert_eq!(garment.pixel(5, 5), before.pixel(5, 5));
    assert_ne!(garment.pixel(100, 100), before.pixel(100, 100));
    assert_ne!(scene.pixel(5, 5), before.pixel(5, 5));
    assert_eq!(of("none"), before);
    assert_ne!(scene, studio.picture("graded/shirt--painting.png"));
    let mut again = rangrez();
    again.current_dir(studio.folder.path()).args(["restyle", "--recipe", "scene/recipe.toml", "-o", "again"]);
    assert_eq!(run(&mut again).code, Some(0));
    assert_eq!(of("again"), scene);
}

#[test]
fn a_refined_fabric_differs_in_its_light_alone_and_replays() {
    let studio = Studio::new();
    let args = ["shirt.png", "--mask", "mask.png", "--fabric", "gingham.jpg", "--format", "png", "--gate", "off"];
    let with = |more: &[&str]| studio.restyle(&[&args[..], more].concat());
    let ended = [
        with(&["-o", "plain"]),
        with(&["--refine", "-o", "refined"]),
        with(&["--refine", "--strength", "0", "-o", "none"]),
    ];
    assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:#?}");
    let of = |folder: &str| studio.picture(&format!("{folder}/shirt--gingham.png"));
    let (before, plain, refined) = (studio.picture("shirt.png"), of("plain"), of("refined"));
    assert_eq!(of("none"), before);
    assert_ne!(plain, refined);
    for (i, (one, other)) in plain.data().chunks_exact(3).zip(refined.data().chunks_exact(3)).enumerate() {
        let (x, y) = (i as u32 % SIDE, i as u32 / SIDE);
        let most = one.iter().zip(other).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(if inside(x, y) { most <= 26 } else { most == 0 }, "{most} at {x}, {y}");
    }
    let mut again = rangrez();
    again.current_dir(studio.folder.path()).args(["restyle", "--recipe", "refined/recipe.toml", "-o", "again"]);
    assert_eq!(run(&mut again).code, Some(0));
    assert_eq!(of("again"), refined);
}

#[test]
fn what_is_no_swatch_is_refused_before_work_starts() {
    let studio = Studio::new();
    for (args, says) in [
        (vec!["--fabric", "tiny.png"], "at least 32 px"),
        (vec!["--fabric", "flat.png"], "one flat colour"),
        (vec!["--fabric", "clear.png"], "transparent"),
        (vec!["--fabric", "missing.jpg"], "missing.jpg"),
        (vec!["--fabric", "mask.png", "--look", "stripes.png"], "cannot be used with"),
        (vec!["--fabric", "stripes.png", "--painterly"], "cannot be used with"),
        (vec!["--look", "stripes.png", "--refine"], "cannot be used with"),
        (vec!["--look", "stripes.png", "--own-cloth", "plain"], "cannot be used with"),
        (vec!["--fabric", "stripes.png", "--fabric", "stripes.png"], "named twice"),
        (vec!["--fabric", "stripes.png", "--repeat", "4"], "write 4cm"),
        (vec!["--fabric", "stripes.png", "--offset", "1"], "two numbers"),
        (vec!["--fabric", "stripes.png", "--garment-width", "4m"], "5cm to 300cm"),
        (vec!["--fabric", "stripes.png", "--strength", "2"], "from 0 to 1"),
        (vec!["--fabric", "stripes.png", "--depth", "16", "--format", "png"], "8 bits"),
        (vec![], "--fabric"),
    ] {
        let ended = studio.restyle(&[&["shirt.png", "--mask", "mask.png", "-o", "out"][..], &args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:#?}");
        assert!(ended.err.join("\n").contains(says), "{args:?}: {ended:#?}");
        assert!(!studio.file("out").exists(), "{args:?} left something behind");
    }
}

#[test]
fn masks_and_repeats_at_their_limits() {
    let studio = Studio::new();
    let args = ["shirt.png", "--fabric", "stripes.png", "--gate", "off"];
    let with = |more: &[&str]| studio.restyle(&[&args[..], more].concat());
    let none = with(&["--mask", "nothing.png", "-o", "none"]);
    assert_eq!(none.code, Some(3), "{none:#?}");
    assert!(none.err.iter().any(|line| line.contains("covers nothing")), "{none:#?}");
    let huge = with(&["--mask", "mask.png", "--repeat", "9000px", "-o", "huge"]);
    assert_eq!(huge.code, Some(3), "{huge:#?}");
    assert!(huge.err.iter().any(|line| line.contains("--repeat")), "{huge:#?}");
    let all = with(&["--mask", "all.png", "-o", "all"]);
    assert_eq!(all.code, Some(0), "{all:#?}");
    let mask = decode_mask(&fs::read(studio.file("all/shirt.mask.png")).unwrap(), &Limits::default()).unwrap();
    assert!(mask.data().iter().all(|&a| a == 255));
}

#[test]
fn models_of_styles_are_missed_only_by_those_who_ask_for_them() {
    let studio = Studio::new();
    let few = studio.file("few");
    fs::create_dir(&few).unwrap();
    for entry in fs::read_dir(support::weights()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !["look.", "shading.", "pattern.", "style.", "refiner."].iter().any(|model| name.starts_with(model)) {
            std::os::unix::fs::symlink(entry.path(), few.join(name)).unwrap();
        }
    }
    let with = |command: &str, args: &[&str]| {
        let mut program = rangrez();
        program.current_dir(studio.folder.path()).args([command, "shirt.png", "--mask", "mask.png", "--gate", "off"]);
        run(program.args(args).args(["--weights", "few", "-o", "out"]))
    };
    with("restyle", &["--look", "stripes.png"]).says(4, &["look.", "scripts/setup"]);
    with("restyle", &["--look", "stripes.png", "--painterly"]).says(4, &["style.", "scripts/setup"]);
    with("restyle", &["--fabric", "stripes.png"]).says(4, &["pattern.", "scripts/setup"]);
    let add = |model: &str| {
        for file in [format!("{model}.safetensors"), format!("{model}.card.json")] {
            std::os::unix::fs::symlink(support::weights().join(&file), few.join(&file)).unwrap();
        }
    };
    add("pattern");
    with("restyle", &["--fabric", "stripes.png"]).says(4, &["shading.", "scripts/setup"]);
    add("shading");
    with("restyle", &["--fabric", "stripes.png", "--refine"]).says(4, &["refiner.", "scripts/setup"]);
    assert!(!studio.file("out/report.json").exists(), "a run without its models left a report");
    let dyed = with("recolor", &["--to", "#1f3a5f"]);
    assert_eq!(dyed.code, Some(0), "{dyed:#?}");
}
