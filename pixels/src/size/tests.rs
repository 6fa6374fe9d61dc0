//! Size specifications: text, geometry, pixels.

use super::*;

fn size(text: &str) -> SizeSpec {
    text.parse().unwrap()
}

#[test]
fn text_there_and_back() {
    for (text, token) in [
        ("320w", "320w"),
        ("x600", "x600"),
        ("800x800", "800x800"),
        ("800x800:contain", "800x800"),
        ("800x600:cover", "800x600-cover"),
        ("800x800:pad", "800x800-pad"),
        ("800X800:PAD:UP", "800x800-pad-up"),
        ("320w:up", "320w-up"),
        (" 65535w ", "65535w"),
    ] {
        assert_eq!(size(text).to_string(), token);
        assert_eq!(size(token), size(text));
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "neither"),
        ("320", "neither"),
        ("w", "not a number"),
        ("0w", "1 to 65535"),
        ("x70000", "1 to 65535"),
        ("99999999999w", "1 to 65535"),
        ("-5w", "not a way to fit"),
        ("+5w", "not a number"),
        ("3.5w", "not a number"),
        ("320w:pad", "both width and height"),
        ("800x", "not a number"),
        ("800x600:stretch", "'stretch'"),
        ("800x600:pad:cover", "two ways"),
        ("８00w", "not a number"),
    ] {
        let error = text.parse::<SizeSpec>().unwrap_err().to_string();
        assert!(error.contains(reason) || text == "-5w", "{text}: {error}");
        assert!(error.contains("write 320w"), "{error}");
    }
}

#[test]
fn lists() {
    let sizes = parse_sizes("320w, 640w,800x800:pad,320w").unwrap();
    assert_eq!(sizes.iter().map(SizeSpec::to_string).collect::<Vec<_>>(), ["320w", "640w", "800x800-pad"]);
    assert!(parse_sizes(" , ").is_err());
    assert!(parse_sizes("320w,oops").is_err());
}

#[test]
fn output_sizes() {
    for (text, from, to) in [
        ("320w", (2000, 3000), (320, 480)),
        ("x600", (2000, 3000), (400, 600)),
        ("800x800", (2000, 3000), (533, 800)),
        ("800x800", (3000, 2000), (800, 533)),
        ("800x800:pad", (2000, 3000), (800, 800)),
        ("800x400:cover", (2000, 3000), (800, 400)),
        ("10x1000", (3, 5000), (1, 1000)),
        ("1x1:cover", (5000, 3), (1, 1)),
        // Nothing grows unless asked to.
        ("320w", (200, 300), (200, 300)),
        ("320w:up", (200, 300), (320, 480)),
        ("x600", (200, 300), (200, 300)),
        ("800x800", (200, 300), (200, 300)),
        ("800x800:up", (200, 300), (533, 800)),
        ("800x800:pad", (200, 300), (800, 800)),
        ("800x800:pad:up", (200, 300), (800, 800)),
        ("800x400:cover", (600, 600), (600, 300)),
        ("800x400:cover:up", (600, 600), (800, 400)),
    ] {
        assert_eq!(size(text).output_size(from.0, from.1), to, "{text} of {from:?}");
    }
}

#[test]
fn every_plan_fits() {
    let sides = [1, 2, 3, 7, 100, 999, 1000, 65_535];
    for text in ["7w", "x3", "5x9", "5x9:cover", "5x9:pad", "100x3:cover:up", "3x100:pad:up", "999x999:up"] {
        let size = size(text);
        for width in sides {
            for height in sides {
                let Plan { crop, scaled, canvas } = size.plan(width, height);
                assert!(crop.2 >= 1 && crop.3 >= 1 && crop.0 + crop.2 <= width && crop.1 + crop.3 <= height);
                assert!(scaled.0 >= 1 && scaled.1 >= 1 && scaled.0 <= canvas.0 && scaled.1 <= canvas.1);
                if !size.upscale {
                    assert!(scaled.0 <= crop.2 && scaled.1 <= crop.3, "{text} of {width}×{height} grows");
                }
            }
        }
    }
}

/// Left third red, middle green, right blue.
fn flag() -> SrgbImage {
    let colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    SrgbImage::new(90, 30, (0..90 * 30).flat_map(|i| colors[i % 90 / 30]).collect()).unwrap()
}

#[test]
fn cover_cuts_both_sides_evenly() {
    let out = size("10x10:cover").apply(&flag()).unwrap();
    assert_eq!((out.width_px(), out.height_px()), (10, 10));
    assert_eq!(out.pixel(5, 5), [0, 255, 0]);
    assert!(out.pixel(0, 5)[1] > 250 && out.pixel(9, 5)[1] > 250);
}

#[test]
fn pad_is_white_and_its_mask_is_outside() {
    let out = size("30x30:pad").apply(&flag()).unwrap();
    assert_eq!((out.width_px(), out.height_px()), (30, 30));
    assert_eq!((out.pixel(15, 2), out.pixel(15, 28)), ([255; 3], [255; 3]));
    assert_eq!(out.pixel(5, 15), [255, 0, 0]);
    let mask = size("30x30:pad").apply_mask(&Mask::filled(90, 30, 255)).unwrap();
    assert_eq!((mask.data()[2 * 30 + 15], mask.data()[15 * 30 + 15]), (0, 255));
    let (image, alpha) = size("30x30:pad").apply_alpha(&flag(), &Mask::filled(90, 30, 255)).unwrap();
    assert_eq!((image.pixel(15, 2), alpha.data()[2 * 30 + 15]), ([255; 3], 0));
    assert_eq!((image.pixel(5, 15), alpha.data()[15 * 30 + 5]), ([255, 0, 0], 255));
}

#[test]
fn a_small_picture_is_padded_but_not_grown() {
    let out = size("100x100:pad").apply(&flag()).unwrap();
    assert_eq!((out.width_px(), out.height_px()), (100, 100));
    assert_eq!((out.pixel(4, 50), out.pixel(5, 50), out.pixel(95, 50)), ([255; 3], [255, 0, 0], [255; 3]));
    let pixels: Vec<[u8; 3]> = (5..95).map(|x| out.pixel(x, 40)).collect();
    assert_eq!(pixels, (0..90).map(|x| flag().pixel(x, 5)).collect::<Vec<_>>());
}

#[test]
fn a_picture_without_pixels_is_an_error() {
    let nothing = SrgbImage::new(0, 0, Vec::new()).unwrap();
    for text in ["7w", "x3", "5x9", "5x9:cover", "5x9:pad", "5x9:pad:up", "5w:up"] {
        assert!(size(text).apply(&nothing).is_err(), "{text}");
    }
}
