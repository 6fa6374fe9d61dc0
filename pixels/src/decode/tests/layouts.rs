//! Every layout of pixels that the formats allow.

use jpeg_encoder::ColorType;

use super::build::*;
use crate::exif::tests::exif_block;
use crate::{Format, Limits, Mask, SrgbImage, decode, decode_file, decode_mask, encode};

fn layouts() -> Vec<JpegLayout> {
    let mut all = Vec::new();
    for progressive in [false, true] {
        for separate_scans in [false, true] {
            for half_chroma in [false, true] {
                // The encoder breaks its own restart markers in separate scans.
                for restart_interval in if separate_scans { vec![0] } else { vec![0, 3] } {
                    all.push(JpegLayout { progressive, separate_scans, half_chroma, restart_interval });
                }
            }
        }
    }
    all
}

#[test]
fn jpeg_in_every_layout() {
    let image = picture(75, 53);
    for layout in layouts() {
        let bytes = jpeg(image.data(), 75, 53, ColorType::Rgb, layout);
        let photo = decode(&bytes, &Limits::default()).unwrap();
        assert!(worst_difference(&photo.image, &image) <= 8);
        assert_eq!((photo.format, photo.bit_depth, photo.orientation), (Format::Jpeg, 8, 1));
        assert!(photo.alpha.is_none() && photo.notes.is_empty());
    }
}

#[test]
fn flat_jpeg_keeps_its_last_rows_in_every_layout() {
    // Flat rows take few bits, so a decoder that looks ahead meets the next marker many rows early.
    for (width, height) in [(16, 16), (64, 64), (40, 200)] {
        let image = SrgbImage::filled(width, height, [255; 3]);
        for layout in layouts() {
            let bytes = jpeg(image.data(), width as u16, height as u16, ColorType::Rgb, layout);
            assert!(worst_difference(&decode(&bytes, &Limits::default()).unwrap().image, &image) <= 1);
        }
    }
}

#[test]
fn grey_jpeg() {
    let grey: Vec<u8> = (0..40 * 30).map(|i| (i % 40 * 6) as u8).collect();
    for layout in layouts() {
        let photo = decode(&jpeg(&grey, 40, 30, ColorType::Luma, layout), &Limits::default()).unwrap();
        for (pixel, want) in photo.image.data().chunks_exact(3).zip(&grey) {
            assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2] && pixel[0].abs_diff(*want) <= 4);
        }
    }
}

#[test]
fn cmyk_and_ycck_jpeg_as_adobe_stores_them() {
    // The encoder inverts and writes Adobe's marker for both.
    let inks: Vec<u8> = (0..48 * 32).flat_map(|i| [(i % 48 * 5) as u8, (i / 48 * 7) as u8, 40, 30]).collect();
    let expected: Vec<u8> = inks
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]].map(|ink| ((255 - u32::from(ink)) * (255 - 30) / 255) as u8))
        .collect();
    let expected = SrgbImage::new(48, 32, expected).unwrap();
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        for layout in layouts() {
            let photo = decode(&jpeg(&inks, 48, 32, color, layout), &Limits::default()).unwrap();
            let worst = worst_difference(&photo.image, &expected);
            assert!(worst <= if layout.half_chroma { 24 } else { 8 }, "{worst}");
            assert!(photo.notes[0].contains("CMYK without a profile"), "{:?}", photo.notes);
        }
    }
}

#[test]
fn cmyk_jpeg_without_adobes_marker_is_not_inverted() {
    let inks = [10u8, 200, 60, 20].repeat(16 * 16);
    let with_marker =
        jpeg(&inks.iter().map(|v| 255 - v).collect::<Vec<_>>(), 16, 16, ColorType::Cmyk, JpegLayout::default());
    let at = with_marker.windows(7).position(|w| w == b"\xFF\xEE\0\x0eAdo").unwrap();
    let mut bytes = with_marker.clone();
    bytes.drain(at..at + 16);
    // Stored values are the inks themselves now: (1 − c)(1 − k).
    let photo = decode(&bytes, &Limits::default()).unwrap();
    let expected = SrgbImage::filled(16, 16, [226, 51, 180]);
    assert!(worst_difference(&photo.image, &expected) <= 3, "{:?}", photo.image.pixel(3, 3));
}

#[test]
fn png_of_every_depth_and_color() {
    // Grey of 1, 2 and 4 bits: one row 0 1 2 3 ….
    for depth in [1u8, 2, 4] {
        let levels = 1u32 << depth;
        let mut packed = vec![0u8; (levels as usize * usize::from(depth)).div_ceil(8)];
        for i in 0..levels as usize {
            let bit = i * usize::from(depth);
            packed[bit / 8] |= (i as u8) << (8 - usize::from(depth) - bit % 8);
        }
        let mut rows = vec![0];
        rows.extend(&packed);
        let photo = decode(&PngChunks::new(levels, 1, depth, 0, false).rows(&rows).end(), &Limits::default()).unwrap();
        assert_eq!(photo.bit_depth, depth);
        let want: Vec<u8> = (0..levels).flat_map(|i| [(i * 255 / (levels - 1)) as u8; 3]).collect();
        assert_eq!(photo.image.data(), want);
    }
    // Palette of 2 bits with transparency of the second entry.
    let bytes = PngChunks::new(3, 1, 2, 3, false)
        .chunk(*b"PLTE", &[255, 0, 0, 0, 255, 0, 0, 0, 255])
        .chunk(*b"tRNS", &[255, 100])
        .rows(&[0, 0b00_01_10_00])
        .end();
    let photo = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(photo.image.data(), [255, 0, 0, 0, 255, 0, 0, 0, 255]);
    assert_eq!(photo.alpha.map(|a| a.data().to_vec()), Some(vec![255, 100, 255]));
    // Grey with alpha.
    let photo = decode(&PngChunks::new(2, 1, 8, 4, false).rows(&[0, 7, 255, 9, 80]).end(), &Limits::default()).unwrap();
    assert_eq!((photo.image.data(), photo.alpha.unwrap().data()), (&[7, 7, 7, 9, 9, 9][..], &[255, 80][..]));
    // A colour key makes one colour transparent.
    let bytes =
        PngChunks::new(2, 1, 8, 2, false).chunk(*b"tRNS", &[0, 1, 0, 2, 0, 3]).rows(&[0, 1, 2, 3, 4, 5, 6]).end();
    assert_eq!(decode(&bytes, &Limits::default()).unwrap().alpha.unwrap().data(), [0, 255]);
}

#[test]
fn png_of_sixteen_bits_is_rounded() {
    let values = [0u16, 1, 128, 129, 257, 0x8000, 0xFF7E, 0xFF80, 0xFFFF];
    let mut rows = vec![0];
    rows.extend(values.iter().flat_map(|v| v.to_be_bytes()));
    let photo = decode(&PngChunks::new(3, 1, 16, 2, false).rows(&rows).end(), &Limits::default()).unwrap();
    let want = values.map(|v| (f64::from(v) / 257.0).round() as u8);
    assert_eq!((photo.image.data(), photo.bit_depth), (&want[..], 16));
    assert_eq!(photo.deep.unwrap().data(), values);
    let rows = [0, 0x12, 0x34, 0xFF, 0xFF, 0xAB, 0xCD, 0x80, 0x00];
    let photo = decode(&PngChunks::new(2, 1, 16, 4, false).rows(&rows).end(), &Limits::default()).unwrap();
    assert_eq!((photo.image.pixel(1, 0), photo.alpha.unwrap().data()), ([171; 3], &[255, 128][..]));
}

#[test]
fn all_bits_are_kept_upright_and_only_where_there_are_more_than_eight() {
    let values: Vec<u16> = (0..18).map(|i| i * 3001 + 7).collect();
    let mut rows = Vec::new();
    for row in values.chunks(6) {
        rows.push(0);
        rows.extend(row.iter().flat_map(|v| v.to_be_bytes()));
    }
    let png = PngChunks::new(2, 3, 16, 2, false).rows(&rows).end();
    let photo = decode(&with_png_chunk(&png, *b"eXIf", &exif_block(6, true)[6..]), &Limits::default()).unwrap();
    let deep = photo.deep.unwrap();
    assert_eq!((deep.width_px(), deep.height_px(), deep.pixel(0, 0)), (3, 2, [12, 13, 14].map(|i| i * 3001 + 7)));
    assert_eq!(deep.to_srgb8(), photo.image);
    let grey = PngChunks::new(1, 1, 16, 0, false).rows(&[0, 0x12, 0x34]).end();
    assert_eq!(decode(&grey, &Limits::default()).unwrap().deep.unwrap().pixel(0, 0), [0x1234; 3]);
    let eight = encode(&picture(2, 3), None, Format::Png, 0).unwrap();
    assert!(decode(&eight, &Limits::default()).unwrap().deep.is_none());
}

#[test]
fn interlaced_png() {
    // Adam7 of a 3×3 grey picture numbered in rows: its passes in order.
    let value = |x: u32, y: u32| (10 * (y * 3 + x)) as u8;
    let passes: [(u32, u32, u32, u32); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let mut rows = Vec::new();
    for (x0, y0, dx, dy) in passes {
        for y in (y0..3).step_by(dy as usize) {
            let row: Vec<u8> = (x0..3).step_by(dx as usize).map(|x| value(x, y)).collect();
            if !row.is_empty() {
                rows.push(0);
                rows.extend(row);
            }
        }
    }
    let photo = decode(&PngChunks::new(3, 3, 8, 0, true).rows(&rows).end(), &Limits::default()).unwrap();
    let want: Vec<u8> = (0..9).flat_map(|i| [10 * i; 3]).collect();
    assert_eq!(photo.image.data(), want);
}

#[test]
fn opaque_alpha_is_no_alpha() {
    let image = picture(9, 9);
    for format in [Format::Png, Format::Webp] {
        let bytes = encode(&image, Some(&Mask::filled(9, 9, 255)), format, 100).unwrap();
        assert!(decode(&bytes, &Limits::default()).unwrap().alpha.is_none());
    }
}

#[test]
fn all_orientations_of_all_formats() {
    let image = picture(24, 16);
    let jpeg = encode(&image, None, Format::Jpeg, 97).unwrap();
    let png = encode(&image, None, Format::Png, 0).unwrap();
    let webp = encode(&image, None, Format::Webp, 100).unwrap();
    let upright = decode(&jpeg, &Limits::default()).unwrap().image;
    for orientation in 1..=8u16 {
        for little in [true, false] {
            let block = exif_block(orientation, little);
            let want = crate::exif::orient_image(image.clone(), orientation as u8).unwrap();
            let photo = decode(&with_png_chunk(&png, *b"eXIf", &block[6..]), &Limits::default()).unwrap();
            assert_eq!((photo.image, u16::from(photo.orientation)), (want.clone(), orientation));
            let bytes = webp_extended(&webp, 24, 16, 8, &[(*b"EXIF", &block)]);
            let photo = decode(&bytes, &Limits::default()).unwrap();
            assert_eq!((photo.image, u16::from(photo.orientation)), (want, orientation));
            let photo = decode(&with_jpeg_segment(&jpeg, 0xE1, &block), &Limits::default()).unwrap();
            assert_eq!(photo.image, crate::exif::orient_image(upright.clone(), orientation as u8).unwrap());
        }
    }
}

#[test]
fn the_alpha_channel_turns_with_the_picture() {
    let alpha = Mask::new(2, 3, vec![1, 2, 3, 4, 5, 6]).unwrap();
    let png = encode(&picture(2, 3), Some(&alpha), Format::Png, 0).unwrap();
    let photo = decode(&with_png_chunk(&png, *b"eXIf", &exif_block(6, true)[6..]), &Limits::default()).unwrap();
    let turned = photo.alpha.unwrap();
    assert_eq!((turned.width_px(), turned.height_px(), turned.data()), (3, 2, &[5, 3, 1, 6, 4, 2][..]));
}

#[test]
fn mask_files() {
    let grey: Vec<u8> = (0..=255).collect();
    let png = PngChunks::new(256, 1, 8, 0, false).rows(&[&[0][..], &grey].concat()).end();
    assert_eq!(decode_mask(&png, &Limits::default()).unwrap().data(), grey);
    let alpha = Mask::new(2, 1, vec![9, 200]).unwrap();
    let layered = encode(&picture(2, 1), Some(&alpha), Format::Png, 0).unwrap();
    assert_eq!(decode_mask(&layered, &Limits::default()).unwrap(), alpha);
    let colors = encode(&SrgbImage::filled(1, 1, [255, 0, 0]), None, Format::Png, 0).unwrap();
    assert_eq!(decode_mask(&colors, &Limits::default()).unwrap().data(), [54]);
}

#[test]
fn the_extension_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, encode(&picture(5, 4), None, Format::Png, 0).unwrap()).unwrap();
    assert_eq!(decode_file(&path, &Limits::default()).unwrap().format, Format::Png);
}
