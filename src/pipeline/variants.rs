//! The variants of a run: the n-th colour of every region together, with names fit for files.

use std::collections::HashMap;
use std::sync::Arc;

use generators::checkpoint::sha256_hex;
use pixels::Swatch;
use pixels::color::Lab;

use crate::exit::{Failure, Result};
use crate::recipe::{RecipeColor, RecipeRegion};

use super::dye::Dye;
use super::style::Style;

/// Longest name of a variant in file names; beyond, its end becomes a checksum.
const MAX_SLUG: usize = 120;

/// One way to dye or to restyle a photo.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name for people: the regions' colours joined by `+`.
    pub name: String,
    /// Its name in output file names, unique in the run.
    pub slug: String,
    /// What happens to each region, in the run's order of regions; none when it is restyled.
    pub dyes: Vec<Dye>,
    /// The fabric or the look that all regions take instead.
    pub style: Option<Arc<Style>>,
}

impl Variant {
    /// What a region takes, for people.
    pub fn taken_by(&self, region: usize) -> String {
        self.dyes.get(region).map_or_else(|| self.name.clone(), Dye::name)
    }

    /// The colours that lead it, region by region; the mean colour of a style.
    pub fn colors(&self) -> Vec<Lab> {
        match &self.style {
            Some(style) => vec![style.color],
            None => self.dyes.iter().filter_map(|dye| dye.colors().next()).map(|swatch| swatch.color).collect(),
        }
    }
}

/// One variant for each style.
///
/// # Errors
/// Usage errors: colours beside styles, a region named twice, the same style twice.
pub fn styled(styles: Vec<Style>, regions: &[RecipeRegion]) -> Result<Vec<Variant>> {
    if regions.iter().any(|region| !(region.to.is_empty() && region.keep.is_empty() && region.map.is_empty())) {
        return Err(Failure::usage("a recipe has either colours or styles: take one of them out"));
    }
    named_once(regions)?;
    let mut uses: HashMap<String, usize> = HashMap::new();
    for style in &styles {
        *uses.entry(style.slug.clone()).or_default() += 1;
    }
    let mut variants: Vec<Variant> = Vec::new();
    for style in styles {
        let shared = uses.get(&style.slug).is_some_and(|&n| n > 1);
        let slug = if shared { format!("{}-{}", style.slug, &style.sha256[..8]) } else { style.slug.clone() };
        if variants.iter().any(|other| other.slug == slug) {
            return Err(Failure::usage(format!("{} is named twice: once is enough", style.name)));
        }
        variants.push(Variant { name: style.name.clone(), slug, dyes: Vec::new(), style: Some(Arc::new(style)) });
    }
    Ok(variants)
}

fn named_once(regions: &[RecipeRegion]) -> Result<()> {
    for (i, region) in regions.iter().enumerate().filter(|(_, region)| region.mask.is_none()) {
        if regions[..i].iter().any(|other| other.mask.is_none() && other.name == region.name) {
            return Err(Failure::usage(format!("region {} is named twice: give all its colours once", region.title())));
        }
    }
    Ok(())
}

/// Pairs up the regions' colours: the n-th of each makes the n-th variant; a region with one colour has it in all of them.
///
/// # Errors
/// Usage errors: a colour that is none, a region without colours or with another number of them, a colour named twice.
pub fn plan(regions: &[RecipeRegion]) -> Result<Vec<Variant>> {
    named_once(regions)?;
    let each: Vec<Vec<Dye>> = regions.iter().map(dyes).collect::<Result<_>>()?;
    let count = each.iter().map(Vec::len).max().unwrap_or(0);
    if let Some((i, dyes)) = each.iter().enumerate().find(|(_, dyes)| dyes.len() != count && dyes.len() != 1) {
        let most = each.iter().position(|dyes| dyes.len() == count).unwrap_or(0);
        return Err(Failure::usage(format!(
            "region {} has {count} colours, region {} has {}: give each region as many, or a single one for all variants",
            regions[most].title(),
            regions[i].title(),
            dyes.len()
        )));
    }
    let nth = |dyes: &Vec<Dye>, n: usize| dyes.get(n).or(dyes.first()).cloned();
    let variants = (0..count).map(|n| each.iter().filter_map(|dyes| nth(dyes, n)).collect());
    Ok(named(variants))
}

/// The region's dyes, one for each of its `to`, or the one that its map makes.
fn dyes(region: &RecipeRegion) -> Result<Vec<Dye>> {
    let title = region.title();
    let swatch =
        |color: &RecipeColor| color.swatch().map_err(|error| Failure::usage(format!("region {title}: {error}")));
    let pair = |pair: &crate::recipe::RecipeMap| Ok((swatch(&pair.from)?, swatch(&pair.to)?));
    let map: Vec<(Swatch, Swatch)> = region.map.iter().map(pair).collect::<Result<_>>()?;
    let keep: Vec<Swatch> = region.keep.iter().map(swatch).collect::<Result<_>>()?;
    let targets: Vec<Swatch> = region.to.iter().map(swatch).collect::<Result<_>>()?;
    let mut named: Vec<&Swatch> = Vec::new();
    for color in keep.iter().chain(map.iter().map(|(from, _)| from)) {
        if named.iter().any(|other| other.color == color.color) {
            return Err(Failure::usage(format!("region {title}: {} is named twice in --map and --keep", color.name)));
        }
        named.push(color);
    }
    if targets.is_empty() && map.is_empty() {
        let hint = "give it --to COLOR, --map FROM=TO or a --palette with swatches";
        return Err(Failure::usage(match title {
            "auto" => format!("no colours: {hint}"),
            _ => format!("region {title} has no colours: {hint}"),
        }));
    }
    if targets.is_empty() {
        return Ok(vec![Dye { to: None, map, keep }]);
    }
    Ok(targets.into_iter().map(|to| Dye { to: Some(to), map: map.clone(), keep: keep.clone() }).collect())
}

/// Names the variants; equal ones fall together, different ones of equal name are told apart by their colours' codes.
fn named(variants: impl Iterator<Item = Vec<Dye>>) -> Vec<Variant> {
    let mut kept: Vec<Variant> = Vec::new();
    for dyes in variants {
        let join = |part: fn(&Dye) -> String, by: &str| dyes.iter().map(part).collect::<Vec<_>>().join(by);
        let (name, slug) = (join(Dye::name, " + "), join(Dye::slug, "+"));
        let equal = |other: &Variant| other.slug == slug && codes(&other.dyes) == codes(&dyes);
        if !kept.iter().any(equal) {
            kept.push(Variant { name, slug, dyes, style: None });
        }
    }
    let mut uses: HashMap<String, usize> = HashMap::new();
    for variant in &kept {
        *uses.entry(variant.slug.clone()).or_default() += 1;
    }
    for variant in &mut kept {
        if uses.get(&variant.slug).is_some_and(|&n| n > 1) {
            variant.slug = format!("{}-{}", variant.slug, codes(&variant.dyes));
        }
        if variant.slug.len() > MAX_SLUG {
            let sum = sha256_hex(variant.slug.as_bytes());
            let short: String = variant.slug.chars().take(MAX_SLUG / 2).collect();
            variant.slug = format!("{short}-{}", &sum[..8]);
        }
    }
    kept
}

fn codes(dyes: &[Dye]) -> String {
    dyes.iter().map(Dye::codes).collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str, to: &[(&str, [u8; 3])]) -> RecipeRegion {
        let color = |&(name, rgb): &(&str, [u8; 3])| {
            RecipeColor::from(&Swatch { name: name.to_owned(), color: Lab::from_srgb8(rgb) })
        };
        RecipeRegion { name: name.parse().ok(), to: to.iter().map(color).collect(), ..RecipeRegion::default() }
    }

    fn slugs(regions: &[RecipeRegion]) -> Vec<String> {
        plan(regions).unwrap().into_iter().map(|v| v.slug).collect()
    }

    #[test]
    fn slugs_are_fit_for_file_names_and_unique() {
        let colors = [
            ("Deep Sea / Blue", [1, 2, 30]),
            ("../../etc", [9, 9, 9]),
            ("Untitled", [255, 0, 0]),
            ("untitled", [0, 0, 255]),
            ("Untitled", [255, 0, 0]),
            ("—", [0, 255, 0]),
        ];
        let expected = ["deep-sea-blue", "etc", "untitled-ff0000", "untitled-0000ff", "swatch"];
        assert_eq!(slugs(&[region("auto", &colors)]), expected);
    }

    #[test]
    fn the_nth_colours_of_all_regions_make_the_nth_variant() {
        let (red, blue, tan) = (("red", [255, 0, 0]), ("blue", [0, 0, 255]), ("tan", [200, 180, 140]));
        let pairs = [region("upper", &[red, blue]), region("lower", &[tan])];
        assert_eq!(slugs(&pairs), ["red+tan", "blue+tan"]);
        let pairs = [region("upper", &[red, blue, red]), region("lower", &[tan, tan, blue])];
        assert_eq!(slugs(&pairs), ["red+tan", "blue+tan", "red+blue"]);
        let uneven = plan(&[region("upper", &[red, blue, tan]), region("lower", &[tan, red])]).unwrap_err();
        assert!(uneven.exit.code() == 2 && uneven.line().contains("upper has 3 colours, region lower has 2"));
        let twice = plan(&[region("upper", &[red]), region("upper", &[blue])]).unwrap_err();
        assert!(twice.line().contains("named twice"));
        let none = plan(&[region("upper", &[red]), region("lower", &[])]).unwrap_err();
        assert!(none.line().contains("region lower has no colours"), "{}", none.line());
    }

    #[test]
    fn a_name_that_is_too_long_for_a_file_ends_in_a_checksum() {
        let long = "x".repeat(60);
        let name = long.as_str();
        let red = |r: u8| region(["upper", "lower", "bag"][r as usize], &[(name, [r, 0, 0])]);
        let slug = slugs(&[red(0), red(1), red(2)]).remove(0);
        assert!(slug.len() < MAX_SLUG && slug.starts_with("xxx"), "{slug}");
    }

    #[test]
    fn one_colour_of_the_cloth_has_one_fate() {
        let mut kept = region("auto", &[("red", [255, 0, 0])]);
        kept.keep = kept.to.clone();
        kept.map.push(crate::recipe::RecipeMap { from: kept.to[0].clone(), to: kept.to[0].clone() });
        assert!(plan(&[kept]).unwrap_err().line().contains("named twice in --map and --keep"));
    }
}
