//! Links of a page to files that lie elsewhere on the disk.

use std::path::{Component, Path, PathBuf};

/// A file name as one segment of a relative URL.
pub fn url_segment(name: &str) -> String {
    use std::fmt::Write as _;
    name.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            url.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
        url
    })
}

/// How the page in `out` reaches the photo, if the two share a folder above them other than the root.
pub fn relative_url(photo: &Path, out: &Path) -> Option<String> {
    let (photo, out) = (photo.canonicalize().ok()?, out.canonicalize().ok()?);
    let shared = photo.components().zip(out.components()).take_while(|(a, b)| a == b).count();
    if shared < 2 {
        return None;
    }
    let up = out.components().skip(shared).map(|_| "..".to_owned());
    let down = photo.components().skip(shared).collect::<PathBuf>();
    let down = down.components().filter_map(|part| match part {
        Component::Normal(name) => Some(url_segment(&name.to_string_lossy())),
        _ => None,
    });
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}
