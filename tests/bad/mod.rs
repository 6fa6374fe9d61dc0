//! Hostile files, made on the spot.
// Each test file uses its own part of this.
#![allow(dead_code)]

use crate::support::jpeg;

/// A JPEG that stops in the middle.
pub fn truncated_jpeg() -> Vec<u8> {
    let whole = jpeg(300, 200);
    whole[..whole.len() / 2].to_vec()
}

/// A PNG of 64 bytes or so that announces 30000×30000 pixels.
pub fn png_bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = 30_000_u32.to_be_bytes().to_vec();
    header.extend(30_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]);
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc32(&png[from..]);
    png.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// A WebP of two frames, each a valid picture.
pub fn animated_webp() -> Vec<u8> {
    let frame = pixels::encode(&crate::support::picture(16, 16), None, pixels::Format::Webp, 80).unwrap();
    let mut body = b"WEBP".to_vec();
    // Flags (animation), reserved, canvas width and height less one.
    riff(&mut body, *b"VP8X", &[0x02, 0, 0, 0, 15, 0, 0, 15, 0, 0]);
    riff(&mut body, *b"ANIM", &[255, 255, 255, 255, 0, 0]);
    for _ in 0..2 {
        // Frame x, y, width and height less one, duration, flags; then the frame's own chunks.
        let mut data = vec![0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, 100, 0, 0, 0];
        data.extend(&frame[12..]);
        riff(&mut body, *b"ANMF", &data);
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

fn riff(body: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    body.extend(kind);
    body.extend((data.len() as u32).to_le_bytes());
    body.extend(data);
    if data.len() % 2 == 1 {
        body.push(0);
    }
}

/// A weights file whose first tensor with unequal sides has them swapped.
pub fn with_swapped_shape(weights: &[u8]) -> Vec<u8> {
    edit_header(weights, |header| {
        for (name, tensor) in header {
            let Some(shape) = tensor.get_mut("shape").and_then(|s| s.as_array_mut()).filter(|_| name != "__metadata__")
            else {
                continue;
            };
            if shape.len() >= 2 && shape[0] != shape[1] {
                shape.swap(0, 1);
                return;
            }
        }
        panic!("no tensor with unequal sides");
    })
}

/// A weights file of a format version to come.
pub fn of_another_version(weights: &[u8]) -> Vec<u8> {
    edit_header(weights, |header| {
        header["__metadata__"]["format"] = "999".into();
    })
}

fn edit_header(weights: &[u8], edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
    let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Map<_, _> = serde_json::from_slice(&weights[8..8 + length]).unwrap();
    edit(&mut header);
    let mut text = serde_json::to_vec(&header).unwrap();
    while text.len() % 8 != 0 {
        text.push(b' ');
    }
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.extend(text);
    file.extend(&weights[8 + length..]);
    file
}
