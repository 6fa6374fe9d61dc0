//! What libaom's encoder reports, beside its decoder.

use super::*;

fn coding(width: u32, height: u32) -> Coding {
    Coding { width, height, bits: 10, half_chroma: false, quantizer: 20, speed: 7, tile_halvings: (0, 0), threads: 1 }
}

/// Planes with gradients and edges.
fn planes(coding: &Coding, count: usize) -> Vec<Vec<u16>> {
    let value = |i: usize, plane: usize| ((i * (3 + plane)) ^ ((i >> 5) * 97)) as u16 & ((1 << coding.bits) - 1);
    let plane = |plane| {
        let (columns, rows) = coding.plane_size(plane);
        (0..columns * rows).map(|i| value(i, plane)).collect()
    };
    (0..count).map(plane).collect()
}

/// The planes of AV1 data by libaom's decoder.
fn decoded(data: &[u8], coding: &Coding, count: usize) -> Vec<Vec<u16>> {
    let config = sys::aom_codec_dec_cfg { threads: 1, w: 0, h: 0, allow_lowbitdepth: 1 };
    // SAFETY: the context is initialised by libaom before it is used and destroyed after its last use; pointer and length
    // describe `data`; the image stays until the context is used again.
    unsafe {
        let mut context = MaybeUninit::<sys::aom_codec_ctx_t>::zeroed().assume_init();
        let version = sys::AOM_DECODER_ABI_VERSION as c_int;
        said(sys::aom_codec_dec_init_ver(&raw mut context, sys::aom_codec_av1_dx(), &raw const config, 0, version))
            .unwrap();
        said(sys::aom_codec_decode(&raw mut context, data.as_ptr(), data.len(), std::ptr::null_mut())).unwrap();
        let mut iterator = std::ptr::null();
        let image = sys::aom_codec_get_frame(&raw mut context, &raw mut iterator).as_ref().unwrap();
        let planes = planes_of(image, coding, count).unwrap();
        assert_eq!(image.range, sys::AOM_CR_FULL_RANGE);
        sys::aom_codec_destroy(&raw mut context);
        planes
    }
}

#[test]
fn what_is_reported_is_what_a_decoder_shows() {
    for (width, height) in [(1, 1), (1, 17), (17, 1), (33, 9), (130, 70)] {
        for (bits, count, half_chroma) in
            [(8, 3, true), (8, 3, false), (8, 1, false), (10, 3, true), (10, 3, false), (10, 1, true)]
        {
            let coding = Coding { bits, half_chroma, ..coding(width, height) };
            let (data, shown) = encode(&coding, &planes(&coding, count)).unwrap();
            assert_eq!(decoded(&data, &coding, count), shown, "{coding:?}, {count} planes");
        }
    }
}

#[test]
fn threads_change_no_byte() {
    for (speed, half_chroma, tile_halvings) in [(7, true, (1, 1)), (5, false, (0, 2)), (7, false, (0, 0))] {
        let coding = Coding { half_chroma, speed, tile_halvings, ..coding(700, 500) };
        let planes = planes(&coding, 3);
        let one = encode(&coding, &planes).unwrap();
        assert_eq!(decoded(&one.0, &coding, 3), one.1, "{coding:?}");
        for threads in [2, 5] {
            assert!(encode(&Coding { threads, ..coding }, &planes).unwrap() == one, "{threads} threads, {coding:?}");
        }
    }
}

#[test]
fn planes_of_another_size_or_depth_are_refused() {
    let coding = coding(20, 10);
    let good = planes(&coding, 3);
    assert!(encode(&coding, &good[..2]).is_err() && encode(&coding, &[]).is_err());
    assert!(encode(&Coding { width: 21, ..coding }, &good).is_err());
    assert!(encode(&Coding { half_chroma: true, ..coding }, &good).is_err());
    assert!(encode(&Coding { bits: 8, ..coding }, &good).is_err());
    assert!(encode(&Coding { width: 0, ..coding }, &[Vec::new()]).is_err());
    assert!(encode(&Coding { speed: 99, ..coding }, &good).unwrap_err().contains("cpu_used"));
}
