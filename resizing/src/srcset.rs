//! The HTML that shows a picture in the size and format that suits a reader's screen.

use std::fmt::Write;

use maud::html;
use pixels::Format;

use crate::sizes::Encoded;

/// A file that a page may show.
#[derive(Clone, Debug)]
pub struct Candidate {
    name: String,
    format: Format,
    width_px: u32,
    height_px: u32,
}

impl Candidate {
    /// What a page needs to know of a file.
    pub fn of(file: &Encoded) -> Self {
        Self { name: file.name.clone(), format: file.format, width_px: file.width_px, height_px: file.height_px }
    }
}

/// Name of the snippet of a photo.
pub fn file_name(stem: &str) -> String {
    format!("{stem}.srcset.html")
}

/// A picture element: a source per format, best first as named, the last format for everyone else. `sizes` is its attribute.
pub fn snippet(files: &[Candidate], sizes: &str) -> String {
    let mut formats: Vec<Format> = Vec::new();
    files.iter().filter(|file| file.format != Format::Tiff).for_each(|file| {
        if !formats.contains(&file.format) {
            formats.push(file.format);
        }
    });
    let of = |format: Format| files.iter().filter(move |file| file.format == format);
    let set = |format: Format| {
        of(format).fold(String::new(), |mut set, file| {
            let comma = if set.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(set, "{comma}{} {}w", url(&file.name), file.width_px);
            set
        })
    };
    let Some((&last, better)) = formats.split_last() else { return String::new() };
    let largest = of(last).max_by_key(|file| file.width_px);
    let page = html! {
        picture {
            @for &format in better { source type=(format.media_type()) srcset=(set(format)) sizes=(sizes); }
            @if let Some(file) = largest {
                img src=(url(&file.name)) srcset=(set(last)) sizes=(sizes) width=(file.width_px) height=(file.height_px) alt="" loading="lazy";
            }
        }
    };
    format!("{}\n", page.into_string())
}

/// A file name as a URL: spaces and commas would part a srcset.
fn url(name: &str) -> String {
    name.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => url.push(char::from(byte)),
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_per_format_and_the_last_for_everyone() {
        let file = |name: &str, format, width_px| Candidate {
            name: name.to_owned(),
            format,
            width_px,
            height_px: width_px * 2,
        };
        let files = [
            file("a b@320w.avif", Format::Avif, 320),
            file("a b@640w.avif", Format::Avif, 640),
            file("a b@320w.jpg", Format::Jpeg, 320),
            file("a b@640w.jpg", Format::Jpeg, 640),
        ];
        let html = snippet(&files, "100vw");
        assert!(
            html.contains(
                "<source type=\"image/avif\" srcset=\"a%20b@320w.avif 320w, a%20b@640w.avif 640w\" sizes=\"100vw\">"
            ),
            "{html}"
        );
        assert!(html.contains("<img src=\"a%20b@640w.jpg\" srcset=\"a%20b@320w.jpg 320w, "), "{html}");
        assert!(html.contains("width=\"640\" height=\"1280\"") && html.ends_with("</picture>\n"), "{html}");
        assert_eq!(snippet(&[], "100vw"), "");
    }
}
