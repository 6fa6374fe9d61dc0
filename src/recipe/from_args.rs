//! The recipe that a command line stands for.

use std::path::PathBuf;

use pixels::{Palette, Swatch, load_palette, parse_color};

use crate::cli::parts::PartFlag;
use crate::cli::{RecolorArgs, RestyleArgs, SizeArg, VariantArgs};
use crate::exit::{Exit, Failure, OrExit, Result};

use super::{InputFile, Recipe, RecipeColor, RecipeMap, RecipeRegion, RecipeStyle, SCHEMA};

/// A region of the command line with the options that belong to it.
#[derive(Clone, Debug, Default)]
struct Group {
    region: RecipeRegion,
    to: Vec<String>,
    palette: Option<PathBuf>,
    maps: Vec<String>,
    keep: Vec<String>,
}

impl Recipe {
    /// Resolves the command line: what belongs to which region, and every colour's exact coordinates.
    ///
    /// # Errors
    /// Usage errors: no colours for a region, a colour that is none, a palette that cannot be read.
    pub fn from_args(args: &RecolorArgs) -> Result<Self> {
        let regions = groups(&args.parts.flags)?.iter().map(resolved).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            layers: args.layers,
            bounce: args.bounce,
            network: args.network,
            regions,
            ..Self::of_options(&args.variants)
        })
    }

    /// What the options that all variants have stand for.
    fn of_options(args: &VariantArgs) -> Self {
        let profile = args.profile.as_ref();
        let sizes: Vec<String> =
            profile.map_or(&args.sizes, |profile| &profile.sizes).iter().map(SizeArg::to_string).collect();
        Self {
            schema: SCHEMA.to_owned(),
            version: Some(crate::VERSION.to_owned()),
            seed: 0,
            gate: args.gate,
            false_accept: args.false_accept,
            sizes: if sizes.is_empty() { super::sizes() } else { sizes },
            formats: profile.map_or(&args.format, |profile| &profile.formats).clone(),
            quality: profile.map_or(args.encode.quality, |profile| profile.quality).unwrap_or_else(super::quality),
            encoding: profile.map_or_else(|| args.encode.encoding(), |profile| profile.encoding.clone()),
            layers: None,
            bounce: None,
            network: None,
            weights: std::collections::BTreeMap::new(),
            photos: Vec::new(),
            styles: Vec::new(),
            regions: Vec::new(),
            outputs: std::collections::BTreeMap::new(),
        }
    }

    /// Resolves the command line of a restyling: every fabric or look with its options.
    ///
    /// # Errors
    /// Usage errors: an offset that is none, the same mask or region twice.
    pub fn of_restyle(args: &RestyleArgs) -> Result<Self> {
        let offset = match args.offset.as_slice() {
            [] => [0.0; 2],
            [x, y] => [*x, *y],
            _ => return Err(Failure::usage("--offset is two numbers, such as 0.5,0.25")),
        };
        let style = |fabric: Option<&PathBuf>, look: Option<&PathBuf>| RecipeStyle {
            strength: args.strength,
            repeat: args.repeat.clone(),
            garment_cm: args.garment_width,
            rotate: args.rotate,
            offset,
            scope: args.scope,
            painterly: args.painterly,
            refine: args.refine,
            own_cloth: args.own_cloth,
            fabric: fabric.map(|path| InputFile::new(path)),
            look: look.map(|path| InputFile::new(path)),
        };
        let fabrics = args.fabric.iter().map(|path| style(Some(path), None));
        let styles = fabrics.chain(args.look.iter().map(|path| style(None, Some(path)))).collect();
        let named = args.region.iter().map(|name| RecipeRegion { name: *name, ..RecipeRegion::default() });
        let mut regions: Vec<RecipeRegion> = match &args.mask {
            Some(path) => vec![RecipeRegion { mask: Some(InputFile::new(path)), ..RecipeRegion::default() }],
            None => named.collect(),
        };
        if regions.is_empty() {
            regions.push(RecipeRegion::default());
        }
        Ok(Self { bounce: args.bounce, styles, regions, ..Self::of_options(&args.variants) })
    }
}

impl Group {
    fn named(region: RecipeRegion) -> Self {
        Self { region, ..Self::default() }
    }

    fn has_colors(&self) -> bool {
        !self.to.is_empty() || !self.maps.is_empty()
    }
}

/// Deals the options out to their regions.
fn groups(flags: &[PartFlag]) -> Result<Vec<Group>> {
    let mut before = Group::default();
    let mut groups: Vec<Group> = Vec::new();
    for flag in flags {
        let group = groups.last_mut().unwrap_or(&mut before);
        match flag {
            PartFlag::Region(name) => {
                groups.push(Group::named(RecipeRegion { name: *name, ..RecipeRegion::default() }));
            }
            PartFlag::Mask(path) => {
                let mask = Some(InputFile::new(path));
                groups.push(Group::named(RecipeRegion { mask, ..RecipeRegion::default() }));
            }
            PartFlag::To(color) => group.to.push(color.clone()),
            PartFlag::Map(map) => group.maps.push(map.clone()),
            PartFlag::Keep(color) => group.keep.push(color.clone()),
            PartFlag::Palette(path) => {
                if group.palette.replace(path.clone()).is_some() {
                    return Err(Failure::usage(format!(
                        "region {} has two palettes: name one --palette for each --region",
                        group.region.title()
                    )));
                }
            }
        }
    }
    match groups.as_mut_slice() {
        [] => return Ok(vec![before]),
        // With one region that has no colours after it, the order doesn't matter: all options are its own.
        [only] if !only.has_colors() && (only.palette.is_none() || !before.has_colors()) => {
            only.to = before.to;
            only.maps = before.maps;
            only.palette = only.palette.take().or(before.palette);
            only.keep.extend(before.keep);
            return Ok(groups);
        }
        [only] if !before.has_colors() => only.keep.extend(std::mem::take(&mut before.keep)),
        _ => {}
    }
    if let Some(keep) = before.keep.first().filter(|_| !before.has_colors()) {
        return Err(Failure::usage(format!(
            "--keep {keep} stands before the first --region: put it after the one it belongs to"
        )));
    }
    for group in &mut groups {
        group.palette = group.palette.take().or_else(|| before.palette.clone());
    }
    if before.has_colors() {
        groups.insert(0, before);
    }
    Ok(groups)
}

fn resolved(group: &Group) -> Result<RecipeRegion> {
    let palette = group.palette.as_deref().map(load_palette).transpose().or_exit(Exit::Usage)?;
    let palette = palette.as_ref();
    let color = |text: &str| named(text, palette).map(|swatch| RecipeColor::from(&swatch));
    let mut region = group.region.clone();
    region.to = match palette {
        Some(palette) if !group.has_colors() => palette.swatches.iter().map(RecipeColor::from).collect(),
        _ => group.to.iter().map(|text| color(text)).collect::<Result<_>>()?,
    };
    region.keep = group.keep.iter().map(|text| color(text)).collect::<Result<_>>()?;
    for map in &group.maps {
        for (from, to) in changes(map)? {
            region.map.push(RecipeMap { from: color(from)?, to: color(to)? });
        }
    }
    Ok(region)
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

/// The pairs of a `--map`: separated by commas outside parentheses, since `lab(…)` has commas of its own.
fn changes(map: &str) -> Result<Vec<(&str, &str)>> {
    let mut depth = 0_i32;
    let pieces = map.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    pieces
        .map(|piece| match piece.split_once('=').map(|(from, to)| (from.trim(), to.trim())) {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from, to)),
            _ => Err(Failure::usage(format!("--map {piece:?}: write FROM=TO, such as navy=ivory"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::region::Region;
    use std::path::Path;

    const UPPER: PartFlag = PartFlag::Region(Some(Region::Upper));
    const LOWER: PartFlag = PartFlag::Region(Some(Region::Lower));

    fn to(color: &str) -> PartFlag {
        PartFlag::To(color.to_owned())
    }

    /// Region and colours of each group.
    fn dealt(flags: &[PartFlag]) -> Vec<(&'static str, Vec<String>)> {
        groups(flags).unwrap().into_iter().map(|g| (g.region.title(), g.to)).collect()
    }

    fn row(title: &'static str, colors: &[&str]) -> (&'static str, Vec<String>) {
        (title, colors.iter().map(|&c| c.to_owned()).collect())
    }

    #[test]
    fn colours_belong_to_the_region_before_them() {
        assert_eq!(dealt(&[to("red")]), [row("auto", &["red"])]);
        assert_eq!(
            dealt(&[UPPER, to("red"), to("blue"), LOWER, to("navy")]),
            [row("upper", &["red", "blue"]), row("lower", &["navy"])]
        );
        assert_eq!(dealt(&[to("red"), UPPER]), [row("upper", &["red"])], "one region may come last");
        assert_eq!(dealt(&[to("red"), UPPER, to("blue")]), [row("auto", &["red"]), row("upper", &["blue"])]);
    }

    #[test]
    fn a_palette_before_all_regions_names_colours_for_all() {
        let palette = PartFlag::Palette("p.csv".into());
        let groups = groups(&[palette.clone(), UPPER, to("Rust"), LOWER]).unwrap();
        assert!(groups.iter().all(|g| g.palette.as_deref() == Some(Path::new("p.csv"))) && groups.len() == 2);
        assert!(super::groups(&[UPPER, palette.clone(), palette]).unwrap_err().line().contains("two palettes"));
        let keep = PartFlag::Keep("white".to_owned());
        assert!(super::groups(&[keep, UPPER, to("red"), LOWER]).unwrap_err().line().contains("put it after"));
    }

    #[test]
    fn maps_are_split_outside_parentheses() {
        assert_eq!(
            changes("navy = ivory,lab(40, 20, -10)=#a00").unwrap(),
            [("navy", "ivory"), ("lab(40, 20, -10)", "#a00")]
        );
        for bad in ["navy", "=red", "navy=", "navy=red,,"] {
            assert!(changes(bad).unwrap_err().line().contains("FROM=TO"), "{bad}");
        }
    }
}
