//! Swatch palettes from the files that designers have: hex lists, CSV, GIMP (GPL), Adobe swatch exchange (ASE), Photoshop (ACO).

mod aco;
mod ase;
mod cursor;
mod text;

use std::collections::HashSet;
use std::path::Path;

use crate::color::Lab;
use crate::decode::read_limited;
use crate::{Error, Result};

/// A palette file is small; anything larger is another file.
const MAX_PALETTE_BYTES: u64 = 16 << 20;

/// A named colour.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Swatch {
    /// Name as written in the palette or on the command line, without control characters.
    pub name: String,
    /// The colour, CIE L*a*b* under D65.
    pub color: Lab,
}

impl Swatch {
    /// The name in lower case with only letters, digits, `-` and inner `.`: a part of a file name on every system.
    ///
    /// A minus sign before a number becomes `m`, so that `lab(40 20 -10)` and `lab(40 20 10)` differ.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pixels::parse_color("#C04030")?.slug(), "c04030");
    /// assert_eq!(pixels::parse_color("lab(40 20.5 -10)")?.slug(), "lab-40-20.5-m10");
    /// # Ok::<(), pixels::Error>(())
    /// ```
    pub fn slug(&self) -> String {
        let chars: Vec<char> = self.name.to_lowercase().chars().collect();
        let digit = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(char::is_ascii_digit);
        let mut slug = String::new();
        for (i, &c) in chars.iter().enumerate() {
            let starts_number = digit(Some(i + 1)) && !i.checked_sub(1).is_some_and(|p| chars[p].is_alphanumeric());
            match c {
                c if c.is_alphanumeric() => slug.push(c),
                '-' | '−' if starts_number => {
                    if !slug.is_empty() && !slug.ends_with('-') {
                        slug.push('-');
                    }
                    slug.push('m');
                }
                '.' if digit(i.checked_sub(1)) && digit(Some(i + 1)) => slug.push('.'),
                _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
                _ => {}
            }
        }
        let slug: String = slug.trim_end_matches('-').chars().take(60).collect();
        if slug.is_empty() { "swatch".to_owned() } else { slug }
    }
}

/// Swatches in the order of their file; slugs are unique within a palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// Name given in the file, otherwise the file's stem.
    pub name: String,
    /// At least one swatch.
    pub swatches: Vec<Swatch>,
}

impl Palette {
    /// The swatch of that name, whatever the case.
    pub fn find(&self, name: &str) -> Option<&Swatch> {
        let wanted = name.trim().to_lowercase();
        self.swatches.iter().find(|swatch| swatch.name.to_lowercase() == wanted)
    }
}

/// What is wrong and where, before the file's path is added.
#[derive(Debug)]
pub(crate) struct Fault {
    place: String,
    reason: String,
}

impl Fault {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// A palette's name, if the file has one, and its swatches.
type Parsed = (Option<String>, Vec<Swatch>);

/// Loads a palette file.
///
/// The format is told by content where it has a signature (ASE, GPL), otherwise by extension: `.aco` and `.csv`; every
/// other file is a list of `#rrggbb` with an optional name per line. CSV rows are `name,#rrggbb` or `name,L,a,b`, or have
/// a header that names the columns. Lab of CSV is under D65; Lab of ASE and ACO is under D50 as Adobe defines it and is
/// adapted. CMYK without a profile is converted by the simple formula.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Palette`] naming the line or record that is broken.
pub fn load_palette(path: &Path) -> Result<Palette> {
    parse_palette(&read_limited(path, MAX_PALETTE_BYTES)?, path)
}

/// As [`load_palette`], from bytes; `path` gives the extension, the fallback name and the text of errors.
///
/// # Errors
/// [`Error::Palette`] naming the line or record that is broken.
///
/// # Examples
/// ```
/// let palette = pixels::parse_palette(b"#ff0000 Poppy\n#000080 Ink\n", "spring.hex".as_ref())?;
/// assert_eq!(palette.name, "spring");
/// assert_eq!(palette.find("ink").map(|s| s.color.to_srgb8()), Some([0, 0, 128]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn parse_palette(bytes: &[u8], path: &Path) -> Result<Palette> {
    let fail = |fault: Fault| Error::Palette { path: path.to_owned(), place: fault.place, reason: fault.reason };
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let parsed = if bytes.starts_with(b"ASEF") {
        ase::parse(bytes)
    } else if extension == "aco" {
        aco::parse(bytes)
    } else if extension == "ase" {
        Err(Fault::new("header", "it does not start with 'ASEF'; export the swatches again as Adobe Swatch Exchange"))
    } else {
        text::parse(bytes, extension == "csv", extension == "gpl")
    };
    let (name, swatches) = parsed.map_err(fail)?;
    if swatches.is_empty() {
        return Err(fail(Fault::new("whole file", "it holds no colours")));
    }
    let stem = || path.file_stem().map_or_else(|| "palette".to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(Palette { name: name.filter(|n| !n.is_empty()).unwrap_or_else(stem), swatches: with_unique_slugs(swatches) })
}

/// Renames later swatches of one slug, so that their outputs do not overwrite each other.
fn with_unique_slugs(mut swatches: Vec<Swatch>) -> Vec<Swatch> {
    let mut taken = HashSet::new();
    for swatch in &mut swatches {
        let name = swatch.name.clone();
        let mut count = 1;
        while !taken.insert(swatch.slug()) {
            count += 1;
            swatch.name = format!("{name} {count}");
        }
    }
    swatches
}

/// A printable name; a colour without one is called by its sRGB code.
fn named(name: &str, color: Lab) -> Swatch {
    let printable: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let printable = printable.trim();
    let name = if printable.is_empty() {
        let [r, g, b] = color.to_srgb8();
        format!("#{r:02x}{g:02x}{b:02x}")
    } else {
        printable.to_owned()
    };
    Swatch { name, color }
}

/// sRGB of shares 0 to 1.
fn lab_from_shares(rgb: [f32; 3]) -> Lab {
    Lab::from_srgb8(rgb.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8))
}

/// Lab of ink shares 0 to 1, by (1 − ink)(1 − black).
fn lab_from_inks([c, m, y, k]: [f32; 4]) -> Lab {
    lab_from_shares([c, m, y].map(|ink| (1.0 - ink) * (1.0 - k)))
}

#[cfg(test)]
mod tests;
