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
        ("800x800:pad=#F5F5F5", "800x800-pad-f5f5f5"),
        ("800x800:pad=white", "800x800-pad-ffffff"),
        ("800x800:pad=blur:up", "800x800-pad-blur-up"),
        ("800x800:pad:edge", "800x800-pad-edge"),
        ("800x1000:garment", "800x1000-garment"),
        ("800x1000:garment:pad", "800x1000-garment"),
        ("800x1000:garment:margin=10%", "800x1000-garment-margin10"),
        ("800x1000:margin=12:garment:pad=#eee:up", "800x1000-garment-margin12-pad-eeeeee-up"),
        ("800x1000:garment:cover", "800x1000-garment-cover"),
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
        ("320w:garment", "both width and height"),
        ("800x800:margin=5", "belongs to garment"),
        ("800x800:garment:margin=50", "0 to 40"),
        ("800x800:garment:margin", "0 to 40"),
        ("800x800:garment:contain", "no meaning"),
        ("800x800:pad=plaid", "'plaid'"),
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
                let Plan { crop, scaled, canvas, .. } = size.plan(width, height, None);
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

#[test]
fn padding_shows_what_it_is_told() {
    let tall = |text: &str| size(text).apply(&flag()).unwrap();
    assert_eq!(tall("30x30:pad=#102030").pixel(15, 2), [16, 32, 48]);
    let edge = tall("30x30:pad=edge");
    assert_eq!((edge.pixel(3, 0), edge.pixel(15, 29), edge.pixel(27, 2)), ([255, 0, 0], [0, 255, 0], [0, 0, 255]));
    let blur = tall("30x30:pad=blur");
    assert_eq!(blur.pixel(15, 15), [0, 255, 0], "the picture itself is sharp");
    assert!(blur.pixel(15, 1) != [255; 3] && blur.pixel(15, 1)[1] > 100);
    let (_, alpha) = size("30x30:pad=#102030").apply_alpha(&flag(), &Mask::filled(90, 30, 9)).unwrap();
    assert_eq!((alpha.data()[15], alpha.data()[15 * 30 + 15]), (255, 9));
    for text in ["7x5:pad=edge", "5x7:pad=blur", "1x9:pad=edge:up", "200x3:pad=blur:up", "9x200:pad=edge"] {
        let plan = size(text).plan(90, 30, None);
        let scaled = resize_linear(&flag(), plan.scaled.0, plan.scaled.1).unwrap();
        let (image, _) = plan.place(scaled.clone(), None).unwrap();
        let deep = plan.place_deep(crate::Srgb16Image::from_srgb8(&scaled)).unwrap();
        assert_eq!(deep.to_srgb8(), image, "{text}");
        assert!(plan.place(SrgbImage::filled(3, 1, [0; 3]), None).is_err());
    }
}

#[test]
fn a_mask_has_its_garment_where_it_is() {
    let mut mask = Mask::filled(200, 100, 0);
    for y in 20..70 {
        mask.data_mut()[y * 200 + 50..y * 200 + 150].fill(255);
    }
    let focus = Focus { left: 50, top: 20, width: 100, height: 50 };
    assert_eq!(Focus::of_mask(&mask), Some(focus));
    mask.data_mut()[99 * 200] = 255;
    assert_eq!(Focus::of_mask(&mask), Some(focus), "a stray pixel is none of it");
    assert_eq!(Focus::of_mask(&Mask::filled(9, 9, 0)), None);
}

#[test]
fn a_garment_is_whole_and_in_the_middle_with_its_margin() {
    let focuses = [(300, 200, 400, 900), (0, 0, 50, 50), (900, 1400, 100, 100), (0, 0, 1000, 1500), (500, 700, 1, 1)];
    for text in ["800x1000:garment", "500x500:garment:margin=20", "300x900:garment:up", "99x77:garment:margin=0"] {
        for (left, top, width, height) in focuses {
            let (size, focus) = (size(text), Focus { left, top, width, height });
            let plan = size.plan(1000, 1500, Some(focus));
            let (x, y, w, h) = plan.crop;
            assert!(x <= left && y <= top && x + w >= left + width && y + h >= top + height, "{text} {focus:?} cut");
            assert!(x + w <= 1000 && y + h <= 1500, "{plan:?}");
            assert!(plan.at.0 + plan.scaled.0 <= plan.canvas.0 && plan.at.1 + plan.scaled.1 <= plan.canvas.1);
            // The garment's middle in the output, and its size there.
            let zoom = (f64::from(plan.scaled.0) / f64::from(w), f64::from(plan.scaled.1) / f64::from(h));
            let middle = |at: u32, from: u32, first: u32, length: u32, zoom: f64| {
                f64::from(at) + (f64::from(first) + f64::from(length) / 2.0 - f64::from(from)) * zoom
            };
            let across = middle(plan.at.0, x, left, width, zoom.0) - f64::from(plan.canvas.0) / 2.0;
            let down = middle(plan.at.1, y, top, height, zoom.1) - f64::from(plan.canvas.1) / 2.0;
            assert!(
                across.abs() <= 1.5 * zoom.0.max(1.0) && down.abs() <= 1.5 * zoom.1.max(1.0),
                "{text} {focus:?}: {across} {down}"
            );
            let free = 1.0 - 2.0 * f64::from(size.garment.unwrap()) / 100.0;
            let filled = (f64::from(width) * zoom.0 / f64::from(plan.canvas.0))
                .max(f64::from(height) * zoom.1 / f64::from(plan.canvas.1));
            assert!(filled <= free * 1.02 + 0.01, "{text} {focus:?}: {filled}");
            assert!(size.upscale || zoom.0 <= 1.02, "{text} {focus:?} grows");
            let covered = "400x400:garment:cover".parse::<SizeSpec>().unwrap().plan(1000, 1500, Some(focus));
            assert_eq!(covered.scaled, covered.canvas, "cover is never padded");
        }
    }
    // Without a garment it is padded as a whole.
    assert_eq!(size("100x100:garment").plan(50, 80, None).scaled, (50, 80));
    assert!(size("800x800:garment").needs_garment() && !size("800x800:cover").needs_garment());
}
