//! Named profiles: sizes, formats, quality and encoding in a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use pixels::Format;
use serde::Deserialize;

use crate::exit::{Failure, Result};
use crate::options::{SizeArg, sizes};

use crate::encoding::Encoding;
use crate::resized::Resampling;

/// The profiles that come with the program.
const SHIPPED: &str = include_str!("../../configs/sizes.toml");
/// Largest profile file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Millimetres of an inch.
const INCH_MM: f64 = 25.4;

/// What one picture becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeProfile {
    /// Sizes.
    pub sizes: Vec<SizeArg>,
    /// Formats.
    pub formats: Vec<Format>,
    /// Quality of lossy formats, 1 to 100.
    pub quality: Option<u8>,
    /// How files are encoded besides.
    pub encoding: Encoding,
    /// The `sizes` attribute of a picture element, if one is wanted.
    pub srcset: Option<String>,
    /// How pictures are brought to their sizes.
    pub resampling: Resampling,
}

/// A profile as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sizes: Vec<String>,
    formats: Vec<Format>,
    quality: Option<u8>,
    dpi: Option<u16>,
    srcset: Option<String>,
    // Named one by one: a flattened `Resampling` would lose the line of what is wrong.
    #[serde(default)]
    gamma: bool,
    #[serde(default)]
    sharpen: f32,
    #[serde(default)]
    fast: bool,
    #[serde(default)]
    encoding: Encoding,
}

impl SizeProfile {
    /// Reads `NAME` of the shipped profiles, or `FILE#NAME`.
    ///
    /// # Errors
    /// Usage errors that name the file and say which profiles it has.
    pub fn load(text: &str) -> Result<Self> {
        let Some((file, name)) = text.rsplit_once('#') else {
            return Self::of_text(SHIPPED, text).map_err(|why| Failure::usage(format!("profile {text}: {why}")));
        };
        let wrong = |why: String| Failure::usage(format!("profile {text}: {why}"));
        let bytes = pixels::read_limited(Path::new(file), MAX_BYTES).map_err(|error| wrong(error.to_string()))?;
        let content = String::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8 text".to_owned()))?;
        Self::of_text(&content, name).map_err(wrong)
    }

    fn of_text(content: &str, name: &str) -> std::result::Result<Self, String> {
        let mut found: BTreeMap<String, Entry> = toml::from_str(content).map_err(|error| {
            let line =
                error.span().map_or(1, |span| content[..span.start.min(content.len())].matches('\n').count() + 1);
            format!("line {line}: {}", error.message().lines().collect::<Vec<_>>().join(": "))
        })?;
        let Some(entry) = found.remove(name) else {
            let names: Vec<String> = found.into_keys().collect();
            return Err(format!("there is none of that name; there are {}", names.join(", ")));
        };
        if entry.sizes.is_empty() || entry.formats.is_empty() {
            return Err("sizes and formats name at least one each".to_owned());
        }
        if entry.quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
            return Err("quality is 1 to 100".to_owned());
        }
        let encoding = Encoding { dpi: entry.dpi.or(entry.encoding.dpi), ..entry.encoding.clone() };
        encoding.check()?;
        let size = |text: &String| sizes::size(&in_pixels(text, encoding.dpi)?);
        let sizes = entry.sizes.iter().map(size).collect::<std::result::Result<_, _>>()?;
        let Entry { formats, quality, srcset, gamma, sharpen, fast, .. } = entry;
        let resampling = Resampling { gamma, sharpen, fast };
        resampling.check()?;
        Ok(Self { sizes, formats, quality, encoding, srcset, resampling })
    }
}

/// A size in millimetres as one in pixels: `210x297mm:cover` at 300 dpi is `2480x3508:cover`.
fn in_pixels(text: &str, dpi: Option<u16>) -> std::result::Result<String, String> {
    let (size, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let Some(size) = size.strip_suffix("mm") else { return Ok(text.to_owned()) };
    let dpi = f64::from(dpi.ok_or_else(|| format!("size '{text}': millimetres need a dpi in the profile"))?);
    let side = |text: &str| {
        let mm: f64 = text.parse().ok().filter(|mm| (1.0..=10_000.0).contains(mm))?;
        Some((mm / INCH_MM * dpi).round() as u32)
    };
    let sides = size.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    let (width, height) = sides.ok_or_else(|| format!("size '{text}': write 210x297mm"))?;
    Ok(format!("{width}x{height}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_are_good() {
        let web = SizeProfile::load("web").unwrap();
        assert_eq!((web.sizes.len(), web.formats.as_slice()), (6, &[Format::Avif, Format::Webp, Format::Jpeg][..]));
        assert!(web.encoding.progressive && web.srcset.is_some());
        let print = SizeProfile::load("print").unwrap();
        assert_eq!(print.sizes[0].to_string(), "2480x3508");
        assert_eq!((print.sizes[1].to_string().as_str(), print.encoding.dpi), ("709x945-cover", Some(300)));
        assert_eq!(SizeProfile::load("marketplace").unwrap().sizes[0].to_string(), "1600x1600-garment");
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let says = |content: &str, part: &str| {
            let error = SizeProfile::of_text(content, "p").unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        };
        says("[q]\nsizes = ['9w']\nformats = ['png']\n", "there are q");
        says("[p]\nsizes = ['9v']\nformats = ['png']\n", "'9v'");
        says("[p]\nsizes = ['9x9mm']\nformats = ['png']\n", "need a dpi");
        says("[p]\nsizes = ['9w']\nformats = ['gif']\n", "line 3: ");
        says("[p]\nsizes = ['9w']\nformats = ['png']\ncolour = 1\n", "line 4: unknown field `colour`");
        says("[p]\nsizes = []\nformats = ['png']\n", "at least one");
        assert!(SizeProfile::load("no.toml#p").unwrap_err().line().contains("no.toml"));
    }
}
