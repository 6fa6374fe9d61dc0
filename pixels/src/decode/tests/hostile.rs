//! Files made to hurt: each is one clear error, none a panic, none a large allocation.

use super::build::*;
use crate::{Error, Format, Limits, Mask, decode, decode_file, decode_mask, encode};

fn error(bytes: &[u8]) -> Error {
    decode(bytes, &Limits::default()).unwrap_err()
}

#[test]
fn no_bytes_and_other_files() {
    assert!(matches!(error(b""), Error::Empty));
    let text = error(b"This is a text file named photo.jpg.\n");
    assert!(text.to_string().contains("it is a text file"), "{text}");
    assert!(error(b"GIF89a\x01\0\x01\0").to_string().contains("GIF"));
    assert!(error(b"\0\0\0\x20ftypheic\0\0\0\0").to_string().contains("HEIC"));
    for magic in [&b"\xFF\xD8\xFF"[..], b"\xFF\xD8", b"\x89PNG\r\n\x1a\n", b"RIFF\x08\0\0\0WEBP", b"RIFF", b"\0"] {
        error(magic);
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_or_whole() {
    for (format, bytes) in one_of_each(48, 40) {
        let whole = decode(&bytes, &Limits::default()).unwrap().image;
        for cut in 0..bytes.len() {
            match decode(&bytes[..cut], &Limits::default()) {
                Err(Error::Empty | Error::UnknownFormat { .. }) => assert!(cut < 12),
                Err(Error::Truncated { got_bytes, .. }) => assert_eq!(got_bytes, cut as u64),
                Err(Error::Corrupt { .. }) => {}
                Err(other) => panic!("{format} cut at {cut}: {other}"),
                // Only what is no picture data may be missing: the end chunk of a PNG.
                Ok(photo) => {
                    assert_eq!(photo.image, whole, "{format} cut at {cut}");
                    assert!(format == Format::Png && cut + 16 >= bytes.len(), "{format} cut at {cut}");
                }
            }
        }
    }
}

#[test]
fn every_jpeg_layout_cut_anywhere_is_an_error() {
    let image = noisy(40, 40);
    for progressive in [false, true] {
        for separate_scans in [false, true] {
            let layout = JpegLayout {
                progressive,
                separate_scans,
                half_chroma: true,
                restart_interval: u16::from(!separate_scans) * 2,
            };
            let bytes = jpeg(image.data(), 40, 40, jpeg_encoder::ColorType::Rgb, layout);
            for cut in (3..bytes.len()).step_by(7) {
                assert!(matches!(error(&bytes[..cut]), Error::Truncated { .. }), "cut at {cut}");
                // The end marker put back makes it look complete; the data still runs out.
                let mut mended = bytes[..cut].to_vec();
                mended.extend([0xFF, 0xD9]);
                let _ = decode(&mended, &Limits::default());
            }
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    for (_, bytes) in one_of_each(24, 20) {
        let mut state = 1u32;
        for _ in 0..1500 {
            let mut damaged = bytes.clone();
            for _ in 0..=state % 3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % damaged.len();
                damaged[at] = (state >> 3) as u8;
            }
            state = state.wrapping_add(1);
            let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
            if let Ok(photo) = decode(&damaged, &limits) {
                assert_eq!(
                    photo.image.data().len() as u64,
                    u64::from(photo.image.width_px()) * u64::from(photo.image.height_px()) * 3
                );
            }
            let _ = decode_mask(&damaged, &limits);
        }
    }
}

#[test]
fn bombs_are_refused_by_their_header() {
    // 30000×30000 px of zeros deflate to almost nothing; the picture data here is empty, the header is enough.
    let png = PngChunks::new(30_000, 30_000, 8, 2, false).chunk(*b"IDAT", &[]).end();
    let Error::TooManyPixels { width, height, limit_pixels } = error(&png) else { panic!() };
    assert_eq!((width, height, limit_pixels), (30_000, 30_000, 100_000_000));
    for (width, height) in [(u32::MAX, u32::MAX), (0x7FFF_FFFF, 0x7FFF_FFFF), (0x7FFF_FFFF, 1), (0, 5), (5, 0)] {
        error(&PngChunks::new(width, height, 16, 6, false).chunk(*b"IDAT", &[]).end());
    }
    let mut jpeg = encode(&picture(16, 16), None, Format::Jpeg, 90).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert!(matches!(error(&jpeg), Error::TooManyPixels { width: 65_535, height: 65_535, .. }));
    // A lossless WebP header announces up to 16384×16384 px in 5 bytes.
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f\0\0\0\0\0\0\0\0\0";
    assert!(matches!(error(webp), Error::TooManyPixels { width: 16_384, height: 16_384, .. }));
}

#[test]
fn limits_are_exact() {
    let bytes = encode(&picture(30, 20), None, Format::Png, 0).unwrap();
    let limits = |max_bytes, max_pixels| Limits { max_bytes, max_pixels };
    let size = bytes.len() as u64;
    assert!(decode(&bytes, &limits(size, 600)).is_ok());
    assert!(matches!(decode(&bytes, &limits(size - 1, 600)), Err(Error::TooManyBytes { .. })));
    assert!(matches!(decode(&bytes, &limits(size, 599)), Err(Error::TooManyPixels { .. })));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    std::fs::write(&path, &bytes).unwrap();
    assert!(decode_file(&path, &limits(size, 600)).is_ok());
    assert!(matches!(decode_file(&path, &limits(size - 1, 600)), Err(Error::TooManyBytes { .. })));
    assert!(matches!(decode_file(&folder.path().join("none.png"), &Limits::default()), Err(Error::Io { .. })));
    assert!(matches!(decode_file(folder.path(), &Limits::default()), Err(Error::Io { .. })));
}

#[test]
fn a_metadata_bomb_costs_no_memory() {
    // A megabyte of zeros in a text chunk and in a profile chunk.
    let png = encode(&picture(8, 8), None, Format::Png, 0).unwrap();
    let mut text = b"Comment\0\0".to_vec();
    text.extend(zlib_stored(&vec![0; 1 << 20]));
    assert!(decode(&with_png_chunk(&png, *b"zTXt", &text), &Limits::default()).is_ok());
    let mut profile = b"p\0\0".to_vec();
    profile.extend(zlib_stored(&vec![0; 1 << 20]));
    let photo = decode(&with_png_chunk(&png, *b"iCCP", &profile), &Limits::default()).unwrap();
    assert!(!photo.notes.is_empty());
}

#[test]
fn animations_are_refused_with_a_reason() {
    let png = encode(&picture(8, 8), None, Format::Png, 0).unwrap();
    let animated = with_png_chunk(&png, *b"acTL", &[0, 0, 0, 12, 0, 0, 0, 0]);
    let reason = error(&animated).to_string();
    assert!(reason.contains("an animation of 12 frames") && reason.contains("still picture"), "{reason}");

    // Two frames, each holding the picture chunk of a still WebP.
    let webp = encode(&picture(8, 8), None, Format::Webp, 90).unwrap();
    let mut frame = vec![0; 6];
    frame.extend([7, 0, 0, 7, 0, 0, 100, 0, 0, 0]);
    frame.extend(&webp[12..]);
    let mut animated = webp_extended(&webp, 8, 8, 2, &[(*b"ANIM", &[0; 6]), (*b"ANMF", &frame), (*b"ANMF", &frame)]);
    animated.truncate(animated.len() - (webp.len() - 12));
    let length = animated.len() as u32 - 8;
    animated[4..8].copy_from_slice(&length.to_le_bytes());
    let reason = error(&animated).to_string();
    assert!(reason.contains("an animation of 2 frames") && reason.contains("still picture"), "{reason}");
}

#[test]
fn jpeg_kinds_that_are_not_read_say_so() {
    let bytes = encode(&picture(16, 16), None, Format::Jpeg, 90).unwrap();
    let frame = bytes.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[frame + at] = value;
        error(&changed).to_string()
    };
    assert!(with(1, 0xC3).contains("lossless"));
    assert!(with(1, 0xC9).contains("arithmetic"));
    assert!(with(4, 12).contains("12 bits"));
    assert!(with(9, 2).contains("2 colour channels"));
    let mut twice = bytes[..frame].to_vec();
    twice.extend(&bytes[frame..frame + 19]);
    twice.extend(&bytes[frame..]);
    assert!(error(&twice).to_string().contains("two frame headers"));
}

#[test]
fn a_png_with_a_wrong_checksum_is_damaged() {
    let image = noisy(20, 20);
    let mut bytes = encode(&image, Some(&Mask::filled(20, 20, 9)), Format::Png, 0).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    assert!(matches!(error(&bytes), Error::Corrupt { .. }));
}

#[test]
fn errors_are_one_line() {
    for bytes in [&b""[..], b"text", b"\xFF\xD8\xFF\xE0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 "] {
        assert!(!error(bytes).to_string().contains('\n'));
    }
}
