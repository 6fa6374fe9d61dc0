//! Makes the bytes of test files.

use crate::{Format, SrgbImage, encode};

/// A picture without symmetry, smooth enough for JPEG.
pub(super) fn picture(width: u32, height: u32) -> SrgbImage {
    let data = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [
                (40 + x * 180 / width) as u8,
                (30 + y * 190 / height) as u8,
                (200 - x * 90 / width - y * 60 / height) as u8,
            ]
        })
        .collect();
    SrgbImage::new(width, height, data).unwrap()
}

/// Picture plus noise, so that files are long enough to cut at many places.
pub(super) fn noisy(width: u32, height: u32) -> SrgbImage {
    let mut image = picture(width, height);
    for (i, code) in image.data_mut().iter_mut().enumerate() {
        *code = code.wrapping_add(((i as u32).wrapping_mul(2_654_435_761) >> 27) as u8);
    }
    image
}

pub(super) fn worst_difference(one: &SrgbImage, other: &SrgbImage) -> u8 {
    assert_eq!((one.width_px(), one.height_px()), (other.width_px(), other.height_px()));
    one.data().iter().zip(other.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// How a JPEG is laid out.
#[derive(Clone, Copy, Default)]
pub(super) struct JpegLayout {
    pub(super) progressive: bool,
    pub(super) separate_scans: bool,
    pub(super) half_chroma: bool,
    pub(super) restart_interval: u16,
}

/// A JPEG of `channels` per pixel in the given colour type.
pub(super) fn jpeg(
    data: &[u8],
    width: u16,
    height: u16,
    color: jpeg_encoder::ColorType,
    layout: JpegLayout,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 97);
    encoder.set_sampling_factor(if layout.half_chroma {
        jpeg_encoder::SamplingFactor::R_4_2_0
    } else {
        jpeg_encoder::SamplingFactor::R_4_4_4
    });
    encoder.set_progressive(layout.progressive);
    encoder.set_optimized_huffman_tables(layout.separate_scans);
    if layout.restart_interval > 0 {
        encoder.set_restart_interval(layout.restart_interval);
    }
    encoder.encode(data, width, height, color).unwrap();
    out
}

/// Puts a marker segment right after the start-of-image marker.
pub(super) fn with_jpeg_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend([0xFF, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
    out.extend(&jpeg[2..]);
    out
}

/// Puts a profile into a JPEG, in parts of at most `part` bytes.
pub(super) fn with_jpeg_icc(jpeg: &[u8], profile: &[u8], part: usize) -> Vec<u8> {
    let parts: Vec<&[u8]> = profile.chunks(part).collect();
    let mut out = jpeg.to_vec();
    for (i, bytes) in parts.iter().enumerate().rev() {
        let mut body = b"ICC_PROFILE\0".to_vec();
        body.extend([i as u8 + 1, parts.len() as u8]);
        body.extend(*bytes);
        out = with_jpeg_segment(&out, 0xE2, &body);
    }
    out
}

/// A PNG written chunk by chunk.
pub(super) struct PngChunks(Vec<u8>);

impl PngChunks {
    pub(super) fn new(width: u32, height: u32, depth: u8, color: u8, interlaced: bool) -> Self {
        let mut header = Vec::new();
        header.extend(width.to_be_bytes());
        header.extend(height.to_be_bytes());
        header.extend([depth, color, 0, 0, u8::from(interlaced)]);
        Self(b"\x89PNG\r\n\x1a\n".to_vec()).chunk(*b"IHDR", &header)
    }

    pub(super) fn chunk(mut self, kind: [u8; 4], body: &[u8]) -> Self {
        let mut content = kind.to_vec();
        content.extend(body);
        self.0.extend((body.len() as u32).to_be_bytes());
        self.0.extend(&content);
        self.0.extend(crc32(&content).to_be_bytes());
        self
    }

    /// Compressed picture data (stored, not deflated) from filtered rows.
    pub(super) fn rows(self, rows: &[u8]) -> Self {
        let body = zlib_stored(rows);
        self.chunk(*b"IDAT", &body)
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.chunk(*b"IEND", &[]).0
    }
}

pub(super) fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = data.chunks(0xFFFF).collect();
    for (i, block) in blocks.iter().enumerate() {
        out.push(u8::from(i + 1 == blocks.len()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(*block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Inserts a chunk after the header of a PNG made elsewhere.
pub(super) fn with_png_chunk(png: &[u8], kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = PngChunks(png[..33].to_vec()).chunk(kind, body).0;
    out.extend(&png[33..]);
    out
}

/// A WebP in the extended layout with the given flags and chunks around the picture chunk of `webp`.
pub(super) fn webp_extended(webp: &[u8], width: u32, height: u32, flags: u8, chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    let push = |body: &mut Vec<u8>, kind: &[u8], data: &[u8]| {
        body.extend(kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(data);
        if data.len() % 2 == 1 {
            body.push(0);
        }
    };
    let mut header = vec![flags, 0, 0, 0];
    header.extend(&(width - 1).to_le_bytes()[..3]);
    header.extend(&(height - 1).to_le_bytes()[..3]);
    push(&mut body, b"VP8X", &header);
    for (kind, data) in chunks.iter().filter(|c| &c.0 != b"EXIF") {
        push(&mut body, kind, data);
    }
    body.extend(&webp[12..]);
    for (kind, data) in chunks.iter().filter(|c| &c.0 == b"EXIF") {
        push(&mut body, kind, data);
    }
    let mut out = b"RIFF".to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out
}

/// One valid file of each format, of the same noisy picture.
pub(super) fn one_of_each(width: u32, height: u32) -> Vec<(Format, Vec<u8>)> {
    let image = noisy(width, height);
    [(Format::Jpeg, 80), (Format::Jpeg, 95), (Format::Png, 0), (Format::Webp, 80), (Format::Webp, 100)]
        .into_iter()
        .map(|(format, quality)| (format, encode(&image, None, format, quality).unwrap()))
        .collect()
}
