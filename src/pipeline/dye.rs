//! What happens to the colours of one region in one variant, and how that meets a garment's palette.

use generators::dye::TOLERANCE;
use pixels::Swatch;
use pixels::color_map::{Change, ColorMap};
use pixels::garment_stats::GarmentStats;

use crate::exit::{Failure, Result};

use super::swatches::hex;

/// ΔE00 within which a colour of the garment answers to a name: people call much "navy", but not everything.
const NEAR: f32 = 25.0;

/// What happens to one region in one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Dye {
    /// What the main colour becomes.
    pub to: Option<Swatch>,
    /// Colours of the garment and what they become.
    pub map: Vec<(Swatch, Swatch)>,
    /// Colours of the garment that stay.
    pub keep: Vec<Swatch>,
}

impl Dye {
    /// The colours that come in, main colour first.
    pub fn colors(&self) -> impl Iterator<Item = &Swatch> {
        self.to.iter().chain(self.map.iter().map(|(_, to)| to))
    }

    /// Its name for people.
    pub fn name(&self) -> String {
        self.colors().map(|swatch| swatch.name.as_str()).collect::<Vec<_>>().join(" / ")
    }

    /// Its name in file names.
    pub fn slug(&self) -> String {
        self.colors().map(Swatch::slug).collect::<Vec<_>>().join("-")
    }

    /// The codes of its colours, which tell equal names apart.
    pub fn codes(&self) -> String {
        self.colors().map(|swatch| hex(swatch.color.to_srgb8())[1..].to_owned()).collect::<Vec<_>>().join("-")
    }

    /// What becomes of each colour of this garment: with `--to` its main colour and that colour's shades are dyed; a colour
    /// named by `--map` or `--keep` takes its own shades along; what is not named stays.
    ///
    /// # Errors
    /// Usage errors (exit code 2) that list the garment's colours: nothing of it is like a colour named, or one of its
    /// colours is named twice.
    pub fn color_map(&self, stats: &GarmentStats) -> Result<ColorMap> {
        let mut map = match &self.to {
            Some(target) => ColorMap::to_main(stats, target.color),
            None => ColorMap::keep_all(stats),
        };
        let named = self.named(stats)?;
        let explicit = |i: usize| named.iter().any(|(index, ..)| *index == i);
        for (index, change, _) in &named {
            let Some(change) = change else { continue };
            let ink = ColorMap::ink_of(stats, *index);
            // A shade of the main colour that is named beside --to stands for itself.
            let alone = self.to.is_some() && ink.contains(&0);
            for shade in ink.into_iter().filter(|&i| i == *index || (!alone && !explicit(i))) {
                map.set(shade, *change);
            }
        }
        Ok(map)
    }

    /// The garment's colours that the options name: index, change (`None` for `--to`, whose map is made already), option.
    fn named(&self, stats: &GarmentStats) -> Result<Vec<(usize, Option<Change>, String)>> {
        let mut named: Vec<(usize, Option<Change>, String)> = Vec::new();
        named.extend(self.to.iter().map(|to| (0, None, format!("--to {}", to.name))));
        let keep = self.keep.iter().map(|color| (color, Change::Keep, format!("--keep {}", color.name)));
        let option = |(from, to): &'_ (Swatch, Swatch)| format!("--map {}={}", from.name, to.name);
        let mapped = self.map.iter().map(|pair| (&pair.0, Change::To(pair.1.color), option(pair)));
        for (color, change, option) in keep.chain(mapped) {
            let index = match ColorMap::nearest(stats, color.color) {
                Some((index, distance)) if distance <= NEAR => index,
                _ => {
                    return Err(Failure::usage(format!(
                        "{option}: nothing like {} in this cloth, whose colours are {}",
                        color.name,
                        listed(stats)
                    )));
                }
            };
            if let Some((.., other)) = named.iter().find(|(i, ..)| *i == index) {
                let code = stats.palette.get(index).map(|p| hex(p.color.to_srgb8())).unwrap_or_default();
                return Err(Failure::usage(format!(
                    "{other} and {option} both mean {code} of this cloth, whose colours are {}",
                    listed(stats)
                )));
            }
            named.push((index, Some(change), option));
        }
        Ok(named)
    }
}

/// The garment's colours with their shares, for messages.
fn listed(stats: &GarmentStats) -> String {
    let entry =
        |p: &pixels::garment_stats::PaletteColor| format!("{} ({:.0}%)", hex(p.color.to_srgb8()), p.share * 100.0);
    stats.palette.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// Whether a colour counts as reached.
pub fn reached(delta_e00: f32) -> bool {
    delta_e00 <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::Lab;
    use pixels::parse_color;

    fn swatch(text: &str) -> Swatch {
        parse_color(text).unwrap()
    }

    /// Two thirds navy, one third white.
    fn striped() -> GarmentStats {
        let (navy, white) = (Lab::new(20.0, 5.0, -30.0), Lab::new(92.0, 0.0, 1.0));
        let colors: Vec<Lab> = (0..3000).map(|i| if i % 3 == 0 { white } else { navy }).collect();
        GarmentStats::of_colors(&colors).unwrap()
    }

    fn dye(to: &[&str], map: &[(&str, &str)], keep: &[&str]) -> Dye {
        Dye {
            to: to.first().map(|t| swatch(t)),
            map: map.iter().map(|(from, to)| (swatch(from), swatch(to))).collect(),
            keep: keep.iter().map(|k| swatch(k)).collect(),
        }
    }

    #[test]
    fn names_meet_the_nearest_colour_of_the_cloth() {
        let red = Change::To(swatch("red").color);
        let map = dye(&[], &[("navy", "red")], &[]).color_map(&striped()).unwrap();
        assert_eq!(map.changes(), [red, Change::Keep]);
        let map = dye(&["red"], &[], &["white"]).color_map(&striped()).unwrap();
        assert_eq!(map.changes(), [red, Change::Keep]);
        let map = dye(&["red"], &[], &[]).color_map(&striped()).unwrap();
        assert_eq!(map.changes(), [red, Change::Keep]);
    }

    #[test]
    fn a_named_colour_takes_its_shades_along() {
        let tones = [Lab::new(27.0, 41.0, 20.0), Lab::new(36.0, 54.0, 30.0), Lab::new(19.0, 29.0, 14.0)];
        let white = Lab::new(92.0, 0.0, 1.0);
        let colors: Vec<Lab> = (0..4000).map(|i| if i % 4 == 0 { white } else { tones[i % 3] }).collect();
        let stats = GarmentStats::of_colors(&colors).unwrap();
        let navy = Change::To(swatch("navy").color);
        let map = dye(&[], &[("firebrick", "navy")], &[]).color_map(&stats).unwrap();
        for (entry, change) in stats.palette.iter().zip(map.changes()) {
            let expected = if entry.color.chroma() > 10.0 { navy } else { Change::Keep };
            assert_eq!(*change, expected, "{entry:?}");
        }
    }

    #[test]
    fn a_colour_that_is_not_there_or_named_twice_is_refused_with_the_palette() {
        let says = |dye: Dye, parts: &[&str]| {
            let failure = dye.color_map(&striped()).unwrap_err();
            assert_eq!(failure.exit.code(), 2);
            for part in parts.iter().chain(&["(67%)", "(33%)"]) {
                assert!(failure.line().contains(part), "{part}: {}", failure.line());
            }
        };
        says(dye(&[], &[("lime", "red")], &[]), &["nothing like lime"]);
        says(
            dye(&[], &[("navy", "red"), ("midnightblue", "teal")], &[]),
            &["--map navy=red", "--map midnightblue=teal"],
        );
        says(dye(&[], &[("white", "red")], &["ivory"]), &["--keep ivory", "--map white=red"]);
        says(dye(&["red"], &[("navy", "teal")], &[]), &["--to red", "--map navy=teal"]);
    }

    #[test]
    fn a_dye_is_called_by_what_comes_in() {
        let dye = dye(&["teal"], &[("white", "#ffeedd")], &["red"]);
        assert_eq!((dye.name().as_str(), dye.slug().as_str()), ("teal / #ffeedd", "teal-ffeedd"));
        assert_eq!(dye.codes(), "008080-ffeedd");
    }
}
