//! 16 bits from input to output, and layers for image editors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use pixels::{Deep, Format, Limits, Mask, Srgb16Image, decode_file, encode_deep, encode_mask_png, layer_over};
use support::{Run, names, rangrez, run, samples};

/// A sample photo with 16 bits, all of which differ from those of 8, and a mask over its middle.
fn photo(folder: &Path) -> (PathBuf, PathBuf, Srgb16Image, Mask) {
    let image = decode_file(&samples().join("red-dotted-dress-hanger.jpg"), &Limits::default()).unwrap().image;
    let (width, height) = (image.width_px(), image.height_px());
    let mut deep = Srgb16Image::from_srgb8(&image);
    let noise = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 26;
    deep.data_mut().iter_mut().enumerate().for_each(|(i, v)| *v = v.saturating_sub(noise(i) as u16));
    let inside = |i: u32| (i % width).abs_diff(width / 2) < width / 6 && (i / width).abs_diff(height / 2) < height / 5;
    let mask =
        Mask::new(width, height, (0..width * height).map(|i| if inside(i) { 255 } else { 0 }).collect()).unwrap();
    let (file, mask_file) = (folder.join("dress.png"), folder.join("mask.png"));
    fs::write(&file, encode_deep(Deep { image: &deep, alpha: None }, Format::Png).unwrap()).unwrap();
    fs::write(&mask_file, encode_mask_png(&mask).unwrap()).unwrap();
    (file, mask_file, deep, mask)
}

fn recolor(photo: &Path, mask: &Path, out: &Path, more: &[&str]) -> Run {
    let mut command = rangrez();
    command.arg("recolor").arg(photo).arg("--mask").arg(mask).args(["--to", "teal", "--gate", "off", "-o"]).arg(out);
    run(command.args(more))
}

#[test]
fn sixteen_bits_stay_outside_the_mask_and_are_made_inside() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, mask_file, deep, mask) = photo(folder.path());
    let out = folder.path().join("auto");
    let ended = recolor(&photo, &mask_file, &out, &["--format", "png,tiff,jpeg", "--sizes", "full,64w,64x64:pad"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for ending in ["png", "tif"] {
        let back = decode_file(&out.join(format!("dress--teal.{ending}")), &Limits::default()).unwrap();
        let dyed = back.deep.unwrap();
        let (mut changed, mut fine) = (0, 0);
        for (i, &alpha) in mask.data().iter().enumerate() {
            let pixels = 3 * i..3 * i + 3;
            if alpha == 0 {
                assert_eq!(dyed.data()[pixels.clone()], deep.data()[pixels], "pixel {i} of the {ending}");
            } else {
                changed += usize::from(dyed.data()[pixels.clone()] != deep.data()[pixels.clone()]);
                fine += dyed.data()[pixels].iter().filter(|&&v| v % 257 != 0).count();
            }
        }
        assert!(changed > 1000 && fine > 3000, "{changed} {fine}");
        for size in ["64w", "64x64-pad"] {
            let small = decode_file(&out.join(format!("dress--teal@{size}.{ending}")), &Limits::default()).unwrap();
            assert!(small.deep.unwrap().data().iter().filter(|&&v| v % 257 != 0).count() > 3000, "{size}.{ending}");
            assert_eq!(small.image.width_px(), 64);
        }
    }
    assert_eq!(decode_file(&out.join("dress--teal.jpg"), &Limits::default()).unwrap().bit_depth, 8);

    let eight = folder.path().join("eight");
    assert_eq!(recolor(&photo, &mask_file, &eight, &["--format", "png", "--depth", "8"]).code, Some(0));
    assert!(decode_file(&eight.join("dress--teal.png"), &Limits::default()).unwrap().deep.is_none());
    let recipe = fs::read_to_string(eight.join("recipe.toml")).unwrap();
    assert!(recipe.contains("[encoding]\ndepth = \"8\""), "{recipe}");
    // The recipe makes the same bytes again.
    let again = folder.path().join("again");
    let ended = run(rangrez().arg("recolor").arg("--recipe").arg(eight.join("recipe.toml")).arg("-o").arg(&again));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(fs::read(again.join("dress--teal.png")).unwrap(), fs::read(eight.join("dress--teal.png")).unwrap());
}

#[test]
fn sixteen_bits_of_fabrics_and_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, mask_file, deep, mask) = photo(folder.path());
    let fabric = samples().parent().unwrap().join("fabrics/gingham-red.jpg");
    let ways: [(&str, &[&str]); 3] =
        [("--fabric", &[]), ("--fabric", &["--refine"]), ("--look", &["--scope", "garment"])];
    for (way, more) in ways {
        let out = folder.path().join([&[way], more].concat().concat());
        let mut command = rangrez();
        command.arg("restyle").arg(&photo).arg("--mask").arg(&mask_file).arg(way).arg(&fabric).args(more);
        let ended = run(command.args(["--gate", "off", "--format", "png", "-o"]).arg(&out));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let made = decode_file(&out.join("dress--gingham-red.png"), &Limits::default()).unwrap().deep.unwrap();
        let (mut changed, mut fine) = (0, 0);
        for (i, &alpha) in mask.data().iter().enumerate() {
            let pixels = 3 * i..3 * i + 3;
            if alpha == 0 {
                assert_eq!(made.data()[pixels.clone()], deep.data()[pixels], "{way}, pixel {i}");
            } else {
                changed += usize::from(made.data()[pixels.clone()] != deep.data()[pixels.clone()]);
                fine += made.data()[pixels].iter().filter(|&&v| v % 257 != 0).count();
            }
        }
        assert!(changed > 1000 && fine > 3000, "{way}: {changed} {fine}");
    }
}

/// Two regions and light thrown beside them: what is outside both keeps its bits, what is inside has 16.
#[test]
fn sixteen_bits_of_several_regions_and_their_light() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, mask_file, deep, mask) = photo(folder.path());
    let width = mask.width_px() as usize;
    // The mask's halves, with a soft border that both share.
    let half = |left: bool| {
        let share = |(i, &alpha): (usize, &u8)| {
            let share = ((i % width) as f32 - width as f32 / 2.0 + 4.0).clamp(0.0, 8.0) / 8.0;
            (f32::from(alpha) * if left { 1.0 - share } else { share }) as u8
        };
        Mask::new(mask.width_px(), mask.height_px(), mask.data().iter().enumerate().map(share).collect()).unwrap()
    };
    let files = [true, false].map(|left| {
        let file = folder.path().join(format!("{left}.png"));
        fs::write(&file, encode_mask_png(&half(left)).unwrap()).unwrap();
        file
    });
    for (name, more) in [("plain", &[][..]), ("light", &["--bounce"])] {
        let out = folder.path().join(name);
        let mut command = rangrez();
        command.arg("recolor").arg(&photo).args(["--gate", "off", "--format", "png", "--depth", "16"]).args(more);
        command
            .arg("--mask")
            .arg(&files[0])
            .args(["--to", "teal"])
            .arg("--mask")
            .arg(&files[1])
            .args(["--to", "maroon"]);
        let ended = run(command.arg("-o").arg(&out));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let file = names(&out).into_iter().find(|name| name.starts_with("dress--teal")).unwrap();
        let dyed = decode_file(&out.join(file), &Limits::default()).unwrap().deep.unwrap();
        let fine = |v: &&u16| !(**v).is_multiple_of(257);
        for (i, &alpha) in mask.data().iter().enumerate().filter(|_| more.is_empty()) {
            let same = dyed.data()[3 * i..3 * i + 3] == deep.data()[3 * i..3 * i + 3];
            assert!(alpha > 0 || same, "pixel {i} outside both");
        }
        let inside = mask.data().iter().enumerate().filter(|(_, a)| **a == 255);
        let fine_inside: usize = inside.map(|(i, _)| dyed.data()[3 * i..3 * i + 3].iter().filter(fine).count()).sum();
        assert!(fine_inside > 3000, "{name}: {fine_inside}");
    }
    let mask_only = recolor(&photo, &mask_file, &folder.path().join("one"), &["--format", "png", "--bounce"]);
    assert_eq!(mask_only.code, Some(0), "{mask_only:#?}");
    let one = decode_file(&folder.path().join("one/dress--teal.png"), &Limits::default()).unwrap();
    assert_eq!(one.bit_depth, 16);
}

#[test]
fn resize_keeps_sixteen_bits_or_makes_eight() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, ..) = photo(folder.path());
    for (depth, has) in [("auto", true), ("8", false), ("16", true)] {
        let out = folder.path().join(depth);
        let mut command = rangrez();
        command.arg("resize").arg(&photo).args(["--sizes", "50w,full", "--format", "png", "--depth", depth, "-o"]);
        assert_eq!(run(command.arg(&out)).code, Some(0));
        for name in names(&out) {
            assert_eq!(
                decode_file(&out.join(&name), &Limits::default()).unwrap().deep.is_some(),
                has,
                "{depth} {name}"
            );
        }
    }
}

#[test]
fn layers_laid_over_the_photo_are_the_variant() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, mask_file, deep, mask) = photo(folder.path());
    let source = deep.to_srgb8();
    let out = folder.path().join("png");
    let ended = recolor(&photo, &mask_file, &out, &["--format", "png", "--depth", "8", "--layers", "png"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let layers = out.join("dress.layers");
    assert_eq!(names(&layers), ["0.source.png", "1.mask.png", "teal.png"]);
    let read = |path: &Path| decode_file(path, &Limits::default()).unwrap();
    assert_eq!(read(&layers.join("0.source.png")).image, source);
    assert_eq!(pixels::decode_mask(&fs::read(layers.join("1.mask.png")).unwrap(), &Limits::default()).unwrap(), mask);
    let variant = read(&out.join("dress--teal.png")).image;
    let layer = read(&layers.join("teal.png"));
    let (expected, alpha) = layer_over(&source, &variant, &mask).unwrap();
    assert_eq!((&layer.image, layer.alpha.as_ref()), (&expected, Some(&alpha)));

    let out = folder.path().join("tiff");
    assert_eq!(
        recolor(&photo, &mask_file, &out, &["--format", "png", "--depth", "8", "--layers", "tiff"]).code,
        Some(0)
    );
    let bytes = fs::read(out.join("dress.layers.tif")).unwrap();
    let first = pixels::decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(first.image, source, "the first page is the photo");
    assert!(first.notes.iter().any(|note| note.contains("several pages")));
    for page in [&b"source\0"[..], b"mask\0", b"teal\0"] {
        assert!(bytes.windows(page.len()).any(|w| w == page));
    }
}
