//! The colours of a run: `--to` and `--palette` resolved to swatches with names fit for files.

use std::collections::HashMap;
use std::path::Path;

use pixels::{Palette, Swatch, load_palette, parse_color};

use crate::exit::{Exit, Failure, OrExit, Result};

/// A colour asked for.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name and colour as given.
    pub swatch: Swatch,
    /// Its name in output file names, unique in the run.
    pub slug: String,
}

impl Target {
    /// The colour as `#rrggbb`.
    pub fn hex(&self) -> String {
        hex(self.swatch.color.to_srgb8())
    }
}

/// `#rrggbb`.
pub fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Resolves the colours: those named, or all of the palette when none is.
///
/// # Errors
/// Usage errors: a palette that cannot be read, a colour that is none, no colour at all.
pub fn resolve(to: &[String], palette: Option<&Path>) -> Result<Vec<Target>> {
    let palette = palette.map(load_palette).transpose().or_exit(Exit::Usage)?;
    let swatches = if to.is_empty() {
        palette.map(|p| p.swatches).unwrap_or_default()
    } else {
        to.iter().map(|text| named(text, palette.as_ref())).collect::<Result<_>>()?
    };
    if swatches.is_empty() {
        return Err(Failure::usage("no colours: give --to COLOR or a --palette with swatches"));
    }
    Ok(with_slugs(swatches))
}

fn named(text: &str, palette: Option<&Palette>) -> Result<Swatch> {
    if let Some(swatch) = palette.and_then(|p| p.find(text)) {
        return Ok(swatch.clone());
    }
    parse_color(text).map_err(|error| match palette {
        None => Failure { exit: Exit::Usage, error: error.into() },
        Some(p) => Failure::usage(format!("{error}; nor is it a name in the palette {}", p.name)),
    })
}

/// Gives each swatch a slug; equal colours of equal name fall together, different ones are told apart by their hex.
fn with_slugs(swatches: Vec<Swatch>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::with_capacity(swatches.len());
    for swatch in swatches {
        let code = hex(swatch.color.to_srgb8());
        let slug = swatch.slug();
        if !targets.iter().any(|t| t.slug == slug && t.hex() == code) {
            targets.push(Target { swatch, slug });
        }
    }
    let mut uses: HashMap<String, usize> = HashMap::new();
    for target in &targets {
        *uses.entry(target.slug.clone()).or_default() += 1;
    }
    for target in &mut targets {
        if uses.get(&target.slug).is_some_and(|&n| n > 1) {
            target.slug = format!("{}-{}", target.slug, &target.hex()[1..]);
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::Lab;

    fn swatch(name: &str, rgb: [u8; 3]) -> Swatch {
        Swatch { name: name.to_owned(), color: Lab::from_srgb8(rgb) }
    }

    #[test]
    fn slugs_are_fit_for_file_names_and_unique() {
        let targets = with_slugs(vec![
            swatch("Deep Sea / Blue", [1, 2, 30]),
            swatch("../../etc", [9, 9, 9]),
            swatch("Untitled", [255, 0, 0]),
            swatch("untitled", [0, 0, 255]),
            swatch("Untitled", [255, 0, 0]),
            swatch("—", [0, 255, 0]),
        ]);
        let slugs: Vec<_> = targets.iter().map(|t| t.slug.as_str()).collect();
        assert_eq!(slugs, ["deep-sea-blue", "etc", "untitled-ff0000", "untitled-0000ff", "swatch"]);
    }

    #[test]
    fn an_unknown_colour_is_a_usage_error() {
        let failure = resolve(&["blurple-ish".to_owned()], None).unwrap_err();
        assert_eq!(failure.exit.code(), 2);
        assert!(failure.line().contains("blurple-ish"));
    }
}
