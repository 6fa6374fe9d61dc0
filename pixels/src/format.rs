//! The file formats, told apart by content and never by file name.

use std::fmt;
use std::str::FromStr;

/// A picture file format that is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG (ITU-T T.81), lossy, no alpha.
    Jpeg,
    /// PNG, lossless, with alpha.
    Png,
    /// WebP, lossy or lossless, with alpha.
    Webp,
    /// TIFF, lossless, with alpha.
    Tiff,
    /// AVIF, lossy, with alpha; written, not read.
    Avif,
}

impl Format {
    /// The format that the first bytes announce, if it is one of these.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.len() >= 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WEBP" {
            Some(Self::Webp)
        } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| bytes.starts_with(*magic)) {
            Some(Self::Tiff)
        } else if [b"ftypavif", b"ftypavis"].iter().any(|magic| bytes.get(4..12) == Some(&magic[..])) {
            Some(Self::Avif)
        } else {
            None
        }
    }

    /// Usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Tiff => "tif",
            Self::Avif => "avif",
        }
    }

    /// Whether files of this format can carry an alpha channel.
    pub fn has_alpha(self) -> bool {
        self != Self::Jpeg
    }

    /// Media type for HTTP and data URLs.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Avif => "image/avif",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Tiff => "TIFF",
            Self::Avif => "AVIF",
        })
    }
}

/// The name of a format that is not written here.
#[derive(Debug, thiserror::Error)]
#[error("unknown format '{0}'; write jpeg, png, webp, avif or tiff")]
pub struct UnknownFormatName(String);

impl FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            "png" => Ok(Self::Png),
            "webp" => Ok(Self::Webp),
            "tiff" | "tif" => Ok(Self::Tiff),
            "avif" => Ok(Self::Avif),
            _ => Err(UnknownFormatName(text.to_owned())),
        }
    }
}

/// What bytes of no readable format look like, for the error message.
pub(crate) fn describe_unknown(bytes: &[u8]) -> String {
    let known: [(&[u8], usize, &str); 6] = [
        (b"BM", 0, "it looks like a BMP"),
        (b"%PDF", 0, "it is a PDF"),
        (b"8BPS", 0, "it is a Photoshop file"),
        (b"PK\x03\x04", 0, "it is a ZIP archive"),
        (b"ftyp", 4, "it is a HEIC or video file"),
        (b"<svg", 0, "it is an SVG"),
    ];
    for (magic, at, description) in known {
        if bytes.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
            return description.to_owned();
        }
    }
    if bytes.starts_with(b"GIF8") {
        return match gif_frames(bytes) {
            0 | 1 => "it is a GIF".to_owned(),
            frames => format!("it is a GIF animation of {frames} frames"),
        };
    }
    let head = &bytes[..bytes.len().min(512)];
    let printable = head.iter().filter(|b| (0x20..0x7f).contains(*b) || matches!(b, b'\n' | b'\r' | b'\t')).count();
    if printable * 20 >= head.len() * 19 {
        return "it is a text file".to_owned();
    }
    let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("it starts with the bytes {}", start.join(" "))
}

/// Pictures in a GIF, as far as its blocks can be followed.
fn gif_frames(bytes: &[u8]) -> usize {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << (1 + (flags & 7)) };
    let mut at = 13 + bytes.get(10).map_or(0, |&flags| table(flags));
    let mut frames = 0;
    loop {
        match bytes.get(at) {
            Some(0x21) => at += 2,
            Some(0x2C) => {
                frames += 1;
                at += 11 + bytes.get(at + 9).map_or(0, |&flags| table(flags));
            }
            _ => return frames,
        }
        // Data comes in blocks that say their length, the last of which is empty.
        while let Some(&length) = bytes.get(at) {
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(Format::sniff(&[0xFF, 0xD8, 0xFF, 0xE0]), Some(Format::Jpeg));
        assert_eq!(Format::sniff(b"\x89PNG\r\n\x1a\n...."), Some(Format::Png));
        assert_eq!(Format::sniff(b"RIFF\0\0\0\0WEBPVP8 "), Some(Format::Webp));
        assert_eq!(Format::sniff(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(Format::sniff(b""), None);
    }

    #[test]
    fn unknown_bytes_are_described() {
        assert_eq!(describe_unknown(b"hello, this is not a photo\n"), "it is a text file");
        assert_eq!(describe_unknown(b"GIF89a"), "it is a GIF");
        let frame = b"\x2C\0\0\0\0\x01\0\x01\0\0\x02\x01\x44\0";
        let gif = [b"GIF89a\x01\0\x01\0\0\0\0".as_slice(), b"\x21\xF9\x04\0\0\0\0\0", frame, frame, b";"].concat();
        assert_eq!(describe_unknown(&gif), "it is a GIF animation of 2 frames");
        assert_eq!(describe_unknown(&[0, 1, 2, 3, 4]), "it starts with the bytes 00 01 02 03");
    }
}
