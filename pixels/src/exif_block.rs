//! EXIF blocks that are kept: made true of the picture that is written, or cut down to who owns it.

/// Tags of the first directory.
const ORIENTATION: u16 = 0x0112;
const ARTIST: u16 = 0x013B;
const EXIF_DIRECTORY: u16 = 0x8769;
const COPYRIGHT: u16 = 0x8298;
/// Tags of the EXIF directory.
const COLOR_SPACE: u16 = 0xA001;
const WIDTH: u16 = 0xA002;
const HEIGHT: u16 = 0xA003;
/// Tags of the thumbnail's directory: where it is and how long.
const THUMBNAIL: u16 = 0x0201;
const THUMBNAIL_BYTES: u16 = 0x0202;
/// Value types.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
/// Most entries of a directory that are looked at.
const MAX_ENTRIES: u16 = 1000;
/// Longest owner that is carried, in bytes.
const MAX_TEXT: usize = 4096;

/// A TIFF structure whose every read is checked.
#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// One entry of a directory.
#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    /// Where its value, or the value's offset, stands.
    at: usize,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, little: true }),
            b"MM\0*" => Some(Self { bytes, little: false }),
            _ => None,
        }
    }

    fn u16(self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// The entries of the directory at an offset, as far as they are there, and where the next directory's offset stands.
    fn directory(self, at: usize) -> Option<(Vec<Entry>, usize)> {
        let count = self.u16(at)?;
        let start = at.checked_add(2)?;
        let entry = |i: u16| {
            let at = start.checked_add(12 * usize::from(i))?;
            Some(Entry { tag: self.u16(at)?, kind: self.u16(at + 2)?, count: self.u32(at + 4)?, at: at + 8 })
        };
        let entries = (0..count.min(MAX_ENTRIES)).map_while(entry).collect();
        Some((entries, start.checked_add(12 * usize::from(count))?))
    }

    fn first(self) -> Option<(Vec<Entry>, usize)> {
        self.directory(self.u32(4)? as usize)
    }

    /// A text, without what follows its first zero.
    fn text(self, entry: Entry) -> Option<&'a [u8]> {
        let length = entry.count as usize;
        if entry.kind != ASCII || length > MAX_TEXT {
            return None;
        }
        let at = if length <= 4 { entry.at } else { self.u32(entry.at)? as usize };
        let text = self.bytes.get(at..at.checked_add(length)?)?;
        let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
        Some(&text[..end]).filter(|text| !text.is_empty())
    }
}

/// Writes a number where an entry has its own.
fn set(bytes: &mut [u8], little: bool, entry: Entry, value: u32) {
    let (at, short) = (entry.at, value as u16);
    let four = match (entry.kind, little) {
        (SHORT, true) => [short.to_le_bytes(), [0; 2]].concat(),
        (SHORT, false) => [short.to_be_bytes(), [0; 2]].concat(),
        (LONG, true) => value.to_le_bytes().to_vec(),
        (LONG, false) => value.to_be_bytes().to_vec(),
        _ => return,
    };
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&four);
    }
}

/// The block made true of an upright sRGB picture: orientation 1, no thumbnail of the old one. `None` when it is broken.
///
/// Everything else keeps its place, since makers' notes point into the block.
pub(crate) fn upright(block: &[u8]) -> Option<Vec<u8>> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let tiff = Tiff::new(block)?;
    let (entries, next) = tiff.first()?;
    let mut out = block.to_vec();
    for entry in entries.iter().filter(|entry| entry.tag == ORIENTATION) {
        set(&mut out, tiff.little, *entry, 1);
    }
    for entry in exif_entries(tiff, &entries).iter().filter(|entry| entry.tag == COLOR_SPACE) {
        set(&mut out, tiff.little, *entry, 1);
    }
    if let Some((thumbnail, _)) = tiff.u32(next).filter(|&at| at != 0).and_then(|at| tiff.directory(at as usize)) {
        let number = |tag| thumbnail.iter().find(|entry| entry.tag == tag).and_then(|entry| tiff.u32(entry.at));
        let range = number(THUMBNAIL).zip(number(THUMBNAIL_BYTES));
        if let Some((at, length)) = range.map(|(at, length)| (at as usize, length as usize)) {
            if let Some(picture) = at.checked_add(length).and_then(|end| out.get_mut(at..end)) {
                picture.fill(0);
            }
            if at.checked_add(length) == Some(out.len()) {
                out.truncate(at);
            }
        }
    }
    if let Some(place) = out.get_mut(next..next + 4) {
        place.fill(0);
    }
    Some(out)
}

/// The same block with the size of the picture that it is written with.
pub(crate) fn sized(block: &[u8], width_px: u32, height_px: u32) -> Vec<u8> {
    let mut out = block.to_vec();
    if let Some((tiff, (entries, _))) = Tiff::new(block).and_then(|tiff| Some((tiff, tiff.first()?))) {
        for entry in exif_entries(tiff, &entries) {
            match entry.tag {
                WIDTH => set(&mut out, tiff.little, entry, width_px),
                HEIGHT => set(&mut out, tiff.little, entry, height_px),
                _ => {}
            }
        }
    }
    out
}

fn exif_entries(tiff: Tiff<'_>, first: &[Entry]) -> Vec<Entry> {
    let found = first.iter().find(|entry| entry.tag == EXIF_DIRECTORY).and_then(|entry| tiff.u32(entry.at));
    found.and_then(|at| tiff.directory(at as usize)).map(|(entries, _)| entries).unwrap_or_default()
}

/// Artist and copyright of a TIFF structure, as far as it has them.
pub(crate) fn owner(block: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let Some((tiff, (entries, _))) = Tiff::new(block).and_then(|tiff| Some((tiff, tiff.first()?))) else {
        return Vec::new();
    };
    let of = |tag| entries.iter().find(|entry| entry.tag == tag).and_then(|entry| tiff.text(*entry));
    [ARTIST, COPYRIGHT].into_iter().filter_map(|tag| Some((tag, of(tag)?.to_vec()))).collect()
}

/// A block that says who owns the picture and nothing else; `None` when the block given doesn't say.
pub(crate) fn owner_only(block: &[u8]) -> Option<Vec<u8>> {
    let owner = owner(block);
    if owner.is_empty() {
        return None;
    }
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((owner.len() as u16).to_le_bytes());
    let mut texts = Vec::new();
    let texts_at = 8 + 2 + 12 * owner.len() + 4;
    for (tag, text) in owner {
        let length = text.len() + 1;
        out.extend([tag.to_le_bytes(), ASCII.to_le_bytes()].concat());
        out.extend((length as u32).to_le_bytes());
        if length <= 4 {
            let mut own = [0; 4];
            own[..text.len()].copy_from_slice(&text);
            out.extend(own);
        } else {
            out.extend(((texts_at + texts.len()) as u32).to_le_bytes());
            texts.extend(text);
            texts.extend(std::iter::repeat_n(0, 1 + length % 2));
        }
    }
    out.extend([0; 4]);
    out.extend(texts);
    Some(out)
}

#[cfg(test)]
pub(crate) mod tests;
