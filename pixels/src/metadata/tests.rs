//! What is kept, through every format and back.

use super::*;
use crate::exif_block::tests::block;
use crate::{EncodeOptions, Limits, SrgbImage, decode, encode_with};

const ALL: Keep = Keep { dpi: None, icc: true, exif: true, copyright: true };

fn image() -> SrgbImage {
    SrgbImage::new(30, 20, (0..1800).map(|i| (i * 7 % 256) as u8).collect()).unwrap()
}

#[test]
fn kept_blocks_survive_a_second_file() {
    let source = Metadata { dpi: None, icc: None, exif: Some(block(true)) };
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let photo = encode_with(&image(), None, format, &EncodeOptions::default(), &source).unwrap();
        assert_eq!(decode(&photo, &Limits::default()).unwrap().orientation, 6);
        let kept = Metadata::of_file(&photo, ALL).unwrap();
        assert!(kept.icc.is_some());
        for to in [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff] {
            let file = encode_with(&image(), None, to, &EncodeOptions::default(), &kept).unwrap();
            let back = decode(&file, &Limits::default()).unwrap();
            assert_eq!((back.orientation, back.notes.as_slice()), (1, &[][..]), "{format} to {to}");
            assert!(!back.icc_converted, "sRGB's profile changes nothing");
            assert!(file.windows(5).any(|w| w == b"Maker"), "{format} to {to}");
            assert!(!file.windows(10).any(|w| w == b"the person"));
        }
        let owner = Metadata::of_file(&photo, Keep { copyright: true, ..Keep::default() }).unwrap();
        assert!(owner.icc.is_none() && owner.exif.is_some_and(|block| block.len() < 80), "{format}");
        assert!(Metadata::of_file(&photo, Keep::default()).unwrap().is_empty());
    }
}

#[test]
fn a_tiff_keeps_its_owner() {
    let source = Metadata { dpi: None, icc: None, exif: Some(block(false)) };
    let photo = encode_with(&image(), None, Format::Tiff, &EncodeOptions::default(), &source).unwrap();
    let kept = Metadata::of_file(&photo, ALL).unwrap().exif.unwrap();
    assert_eq!(crate::exif_block::owner(&kept)[0].1, b"Maker");
}

#[test]
fn the_profile_is_the_same_every_time() {
    let keep = Keep { icc: true, ..Keep::default() };
    assert_eq!(Metadata::of_file(b"x", keep).unwrap(), Metadata::of_file(b"y", keep).unwrap());
}

#[test]
fn damaged_files_give_nothing_and_never_panic() {
    let source = Metadata { dpi: None, icc: None, exif: Some(block(true)) };
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff] {
        let photo = encode_with(&image(), None, format, &EncodeOptions::default(), &source).unwrap();
        for cut in (0..photo.len().min(600)).chain([photo.len() - 1]) {
            let _ = Metadata::of_file(&photo[..cut], ALL);
            let mut bytes = photo.clone();
            bytes[cut] = 0xFF;
            let _ = Metadata::of_file(&bytes, ALL);
        }
    }
}

#[test]
fn print_files_say_their_density() {
    let metadata = Metadata { dpi: Some(300), ..Metadata::default() };
    let file = |format| encode_with(&image(), None, format, &EncodeOptions::default(), &metadata).unwrap();
    assert_eq!(file(Format::Jpeg)[13..18], [1, 1, 44, 1, 44]);
    let png = file(Format::Png);
    assert!(png.windows(13).any(|w| w == b"pHYs\0\0\x2e\x23\0\0\x2e\x23\x01"));
    assert!(file(Format::Tiff).windows(8).any(|w| w == [44, 1, 0, 0, 1, 0, 0, 0]));
}
