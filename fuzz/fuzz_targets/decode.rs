//! Any bytes through everything that reads a photo's file: pixels, a JPEG's planes and a size of them, masks, metadata.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pixels::{Chroma, Keep, Limits, Metadata, decode, decode_mask, decode_planes};

// Small enough that a legal file is no slow input.
const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20 };

fuzz_target!(|bytes: &[u8]| {
    if let Ok(photo) = decode(bytes, &LIMITS) {
        let pixels = u64::from(photo.image.width_px()) * u64::from(photo.image.height_px());
        assert!(pixels > 0 && pixels <= LIMITS.max_pixels);
        assert!(photo.alpha.is_none_or(|alpha| alpha.data().len() as u64 == pixels));
    }
    if let Ok(Some(planes)) = decode_planes(bytes, &LIMITS, |_, _| 1) {
        assert!(planes.sizes(&[(5, 7)], 80, Chroma::Auto).is_ok());
    }
    let _ = decode_mask(bytes, &LIMITS);
    let _ = Metadata::of_file(bytes, Keep { dpi: None, icc: false, exif: true, copyright: true });
});
