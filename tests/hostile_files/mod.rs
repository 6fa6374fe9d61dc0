//! Makes the hostile files: the same ones in every run.

use pixels::{
    Chroma, Deep, EncodeOptions, Format, Keep, Mask, Metadata, Srgb16Image, encode, encode_deep, encode_with,
};

use super::support::picture;

/// A generator of numbers that look random (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }
}

/// A small EXIF block with an orientation and a copyright.
fn exif() -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
    exif.extend(b"\x98\x82\x02\0\x08\0\0\0\x26\0\0\0\0\0\0\0(c) Ada\0");
    exif
}

/// Good files in every format and layout.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let image = picture(61, 47);
    let alpha = Mask::new(61, 47, (0..61 * 47).map(|i| (i % 256) as u8).collect()).unwrap();
    let icc = Metadata::of_file(&[], Keep { icc: true, ..Keep::default() }).unwrap().icc;
    let metadata = Metadata { dpi: Some(72), icc, exif: Some(exif()) };
    let rich = EncodeOptions { progressive: true, lossless: true, chroma: Chroma::Full, ..EncodeOptions::default() };
    let (plain, usual) = (Metadata::default(), EncodeOptions::default());
    let mut seeds = Vec::new();
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff] {
        let made =
            |alpha, options: &EncodeOptions, metadata| encode_with(&image, alpha, format, options, metadata).unwrap();
        seeds.push((format.extension(), made(None, &usual, &plain)));
        seeds.push((format.extension(), made(None, &rich, &metadata)));
        seeds.push((format.extension(), made(Some(&alpha), &usual, &metadata)));
    }
    let deep = Srgb16Image::from_srgb8(&image);
    for format in [Format::Png, Format::Tiff] {
        seeds.push((format.extension(), encode_deep(Deep { image: &deep, alpha: Some(&alpha) }, format).unwrap()));
    }
    seeds
}

/// Files that are nearly good: bits flipped, ends cut off, lengths edited, pieces moved, repeated and swapped.
pub fn mutants(count: usize) -> Vec<(String, Vec<u8>)> {
    let seeds = seeds();
    (0..count)
        .map(|i| {
            let (ending, seed) = &seeds[i % seeds.len()];
            let mut dice = Dice(i as u64);
            (format!("m{i:04}.{ending}"), mutated(seed, &seeds, &mut dice))
        })
        .collect()
}

fn mutated(seed: &[u8], seeds: &[(&str, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(3) {
        let length = bytes.len().max(2);
        // Headers are where the damage is done: half of all mutations are there.
        let reach = if dice.roll(2) == 0 { length.min(200) } else { length };
        let at = dice.roll(reach).min(length - 2);
        match dice.roll(8) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => (0..=dice.roll(16)).for_each(|_| bytes[dice.roll(reach)] = dice.roll(256) as u8),
            2 => bytes.truncate(1 + at),
            3 | 4 => {
                // A number of two or four bytes that is zero, huge, or one off.
                let width = [2, 4][dice.roll(2)].min(bytes.len() - at);
                let value = [0_u32, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFFFF, 0x8000_0000][dice.roll(6)];
                let number = if dice.roll(2) == 0 { value.to_be_bytes() } else { value.to_le_bytes() };
                bytes[at..at + width].copy_from_slice(&number[4 - width..]);
            }
            5 => {
                // Two pieces swapped.
                let (other, size) = (dice.roll(length), 1 + dice.roll(40));
                (0..size).for_each(|i| {
                    if at + i < bytes.len() && other + i < bytes.len() {
                        bytes.swap(at + i, other + i);
                    }
                });
            }
            6 => {
                // A piece twice.
                let piece = bytes[at..(at + 1 + dice.roll(60)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                // A piece of another file.
                let other = &seeds[dice.roll(seeds.len())].1;
                let from = dice.roll(other.len());
                let piece = other[from..(from + 1 + dice.roll(80)).min(other.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.len() < 2 {
            break;
        }
    }
    bytes
}

/// A bomb: its name, its bytes, and what its refusal says; `None` when it is harmless after all.
type Bomb = (String, Vec<u8>, Option<&'static str>);

/// Files that ask for too much, say nonsense, or are two things at once.
pub fn bombs() -> Vec<Bomb> {
    let mut bombs: Vec<Bomb> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, says| bombs.push((name.to_owned(), bytes, says));
    let image = picture(64, 48);
    let jpeg = encode(&image, None, Format::Jpeg, 85).unwrap();
    let png = encode(&image, None, Format::Png, 85).unwrap();

    add("empty.jpg", Vec::new(), Some("empty"));
    add("huge-png.png", edited_png(&png, 60_000, 60_000), Some("more than the limit"));
    add("endless-png.png", edited_png(&png, 0x7FFF_FFFF, 0x7FFF_FFFF), Some("more than the limit"));
    add("flat-png.png", edited_png(&png, 0, 48), Some("PNG"));
    add("huge-jpeg.jpg", edited_jpeg(&jpeg, 65_500, 65_500), Some("more than the limit"));
    add("flat-jpeg.jpg", edited_jpeg(&jpeg, 64, 0), Some("JPEG"));
    // Larger than its data by far, but within the limits: pixels may be allocated, and the file is still refused.
    add("hungry-jpeg.jpg", edited_jpeg(&jpeg, 4000, 4000), Some("JPEG"));
    add("hungry-png.png", edited_png(&png, 4000, 4000), Some("PNG"));
    add("deep-scans.jpg", many_scans(&image), Some("scans"));
    add("broken-icc.jpg", with_icc(&image, vec![0xAB; 70_000]), None);
    add(
        "half-icc.png",
        {
            let icc = Metadata::of_file(&[], Keep { icc: true, ..Keep::default() }).unwrap().icc.unwrap();
            let metadata = Metadata { icc: Some(icc[..icc.len() / 2].to_vec()), ..Metadata::default() };
            encode_with(&image, None, Format::Png, &EncodeOptions::default(), &metadata).unwrap()
        },
        None,
    );
    // A directory whose next is itself, and whose EXIF directory is itself.
    let mut circle =
        b"II*\0\x08\0\0\0\x02\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0".to_vec();
    circle.extend(8_u32.to_le_bytes());
    let looped = Metadata { exif: Some(circle.clone()), ..Metadata::default() };
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let bytes = encode_with(&image, None, format, &EncodeOptions::default(), &looped).unwrap();
        add(&format!("exif-loop-{}.{}", format.extension(), format.extension()), bytes, None);
    }
    add("tiff-loop.tif", circle, Some("TIFF"));
    add("polyglot.jpg", [jpeg.as_slice(), b"<script>alert(1)</script>PK\x03\x04", &png].concat(), None);
    add("zip-first.jpg", [b"PK\x03\x04".as_slice(), &jpeg].concat(), Some("ZIP"));
    add("html.png", b"<html><body>not found</body></html>".repeat(9), Some("text file"));
    let frame = b"\x2C\0\0\0\0\x01\0\x01\0\0\x02\x01\x44\0";
    let gif = [b"GIF89a\x01\0\x01\0\0\0\0".as_slice(), frame, frame, frame, b";"].concat();
    add("animated.png", gif, Some("GIF animation of 3 frames"));
    add("sequence.jpg", b"\0\0\0\x20ftypavis\0\0\0\0avismsf1".to_vec(), Some("animation"));
    add("avif.jpg", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1".to_vec(), Some("written, not read"));
    add("only-magic.webp", b"RIFF\x04\0\0\0WEBP".to_vec(), Some("WebP"));
    add("magic-alone.tif", b"II*\0\xFF\xFF\xFF\xFF".to_vec(), Some("TIFF"));
    bombs
}

/// A PNG whose header announces another size, its checksum put right.
fn edited_png(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut out = png.to_vec();
    out[16..20].copy_from_slice(&width.to_be_bytes());
    out[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = !out[12..29].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    out[29..33].copy_from_slice(&crc.to_be_bytes());
    out
}

fn edited_jpeg(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut out = jpeg.to_vec();
    let frame = out.windows(2).position(|w| matches!(w, [0xFF, 0xC0..=0xC2])).unwrap();
    out[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    out[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    out
}

fn with_icc(image: &pixels::SrgbImage, icc: Vec<u8>) -> Vec<u8> {
    let metadata = Metadata { icc: Some(icc), ..Metadata::default() };
    encode_with(image, None, Format::Jpeg, &EncodeOptions::default(), &metadata).unwrap()
}

/// A progressive JPEG of 8000×8000 px whose last scan comes thousands of times: each costs a pass over 64 million pixels.
fn many_scans(image: &pixels::SrgbImage) -> Vec<u8> {
    let options = EncodeOptions { progressive: true, ..EncodeOptions::default() };
    let jpeg = encode_with(image, None, Format::Jpeg, &options, &Metadata::default()).unwrap();
    let jpeg = edited_jpeg(&jpeg, 8000, 8000);
    let last = jpeg.windows(2).rposition(|w| w == [0xFF, 0xDA]).unwrap();
    let (scan, end) = (&jpeg[last..jpeg.len() - 2], &jpeg[jpeg.len() - 2..]);
    [&jpeg[..last], &scan.repeat(3000), end].concat()
}
