//! Blocks that are true, broken, and pointing in circles.

use super::*;

/// Orientation 6, an artist, a copyright, an EXIF directory with size and colour space, and a thumbnail.
pub(crate) fn block(little: bool) -> Vec<u8> {
    let two = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
    let four = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
    let short = |tag, value| [&two(tag)[..], &two(SHORT), &four(1), &two(value), &[0, 0]].concat();
    let long = |tag, value| [&two(tag)[..], &two(LONG), &four(1), &four(value)].concat();
    let text = |tag, count, at| [&two(tag)[..], &two(ASCII), &four(count), &four(at)].concat();
    let mut out = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    out.extend(four(8));
    // 8: four entries, ends at 62.
    out.extend(two(4));
    out.extend(short(ORIENTATION, 6));
    out.extend(text(ARTIST, 6, 62));
    out.extend(text(COPYRIGHT, 12, 68));
    out.extend(long(EXIF_DIRECTORY, 80));
    out.extend(four(122));
    out.extend(b"Maker\0");
    out.extend("© 2026 Maker".as_bytes()[..11].iter());
    out.push(0);
    // 80: three entries, ends at 122.
    out.extend(two(3));
    out.extend(short(COLOR_SPACE, 2));
    out.extend(long(WIDTH, 4000));
    out.extend(short(HEIGHT, 3000));
    out.extend(four(0));
    // 122: the thumbnail's, ends at 152.
    out.extend(two(2));
    out.extend(long(THUMBNAIL, 152));
    out.extend(long(THUMBNAIL_BYTES, 10));
    out.extend(four(0));
    out.extend(b"the person");
    out
}

fn number(block: &[u8], tag: u16) -> Option<u32> {
    let tiff = Tiff::new(block)?;
    let (mut entries, _) = tiff.first()?;
    entries.extend(exif_entries(tiff, &entries.clone()));
    let entry = entries.into_iter().find(|entry| entry.tag == tag)?;
    if entry.kind == SHORT { tiff.u16(entry.at).map(u32::from) } else { tiff.u32(entry.at) }
}

#[test]
fn what_is_kept_is_true_of_the_new_picture() {
    for little in [true, false] {
        let given = [b"Exif\0\0", block(little).as_slice()].concat();
        let kept = sized(&upright(&given).unwrap(), 300, 400);
        assert_eq!(crate::exif::orientation(&kept), 1);
        assert_eq!(
            (number(&kept, WIDTH), number(&kept, HEIGHT), number(&kept, COLOR_SPACE)),
            (Some(300), Some(400), Some(1))
        );
        assert_eq!(owner(&kept), owner(&given));
        assert!(!kept.windows(10).any(|w| w == b"the person") && kept.len() == given.len() - 16, "no thumbnail");
        assert_eq!(
            Tiff::new(&kept).unwrap().first().and_then(|(_, next)| Tiff::new(&kept).unwrap().u32(next)),
            Some(0)
        );
    }
}

#[test]
fn the_owner_alone() {
    for little in [true, false] {
        let kept = owner_only(&block(little)).unwrap();
        assert_eq!(owner(&kept), owner(&block(little)));
        assert_eq!(owner(&kept)[0], (ARTIST, b"Maker".to_vec()));
        assert_eq!(number(&kept, ORIENTATION), None);
    }
    assert_eq!(owner_only(&crate::exif::tests::exif_block(3, true)), None);
}

#[test]
fn broken_blocks_are_refused_and_circles_end() {
    let whole = block(true);
    for cut in 0..whole.len() {
        let _ = (upright(&whole[..cut]), owner_only(&whole[..cut]), sized(&whole[..cut], 1, 1));
    }
    for at in 0..whole.len() {
        for value in [0, 8, 0x7F, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = (upright(&bytes), owner_only(&bytes), sized(&bytes, 1, 1));
        }
    }
    assert!(upright(b"Exif\0\0nothing").is_none() && upright(b"").is_none());
    // A directory that names itself as the next and as its own EXIF directory.
    let mut circle = b"II*\0\x08\0\0\0\x01\0".to_vec();
    circle.extend([0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0]);
    assert!(upright(&circle).is_some());
}
