//! Which colour of a garment becomes which: one change per palette colour.

use crate::color::{Lab, delta_e00};
use crate::garment_stats::{GarmentStats, PaletteColor};
use crate::ink_distance::Centre;

/// What happens to one colour of a garment's palette.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It stays as photographed.
    Keep,
    /// It becomes this colour.
    To(Lab),
    /// It is dyed along with the leading colour and keeps its relation to it, as a shade of the same cloth does.
    Follow,
}

/// One change for every colour of [`GarmentStats::palette`], in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorMap {
    changes: Vec<Change>,
}

impl ColorMap {
    /// The map of a single colour asked for: the garment's main colour becomes `target`, its shades follow it, and colours
    /// that are neutral or foreign to it are kept; so is gloss, but on a lighter colour, where it would be a stain.
    pub fn to_main(stats: &GarmentStats, target: Lab) -> Self {
        let lighter = stats.palette.first().is_some_and(|main| target.l > main.color.l);
        let mut changes: Vec<Change> = (relations(stats).into_iter().zip(&stats.palette))
            .map(|(relation, entry)| match relation {
                Relation::Shade | Relation::Sibling => Change::Follow,
                Relation::Other if entry.gloss && lighter => Change::Follow,
                Relation::Other => Change::Keep,
            })
            .collect();
        changes.resize(changes.len().max(1), Change::Keep);
        changes[0] = Change::To(target);
        Self { changes }
    }

    /// The map that changes nothing, to be filled by [`ColorMap::set`].
    pub fn keep_all(stats: &GarmentStats) -> Self {
        Self { changes: vec![Change::Keep; stats.palette.len().max(1)] }
    }

    /// Changes the rule of one palette colour; an index past the palette is ignored.
    pub fn set(&mut self, index: usize, change: Change) {
        if let Some(slot) = self.changes.get_mut(index) {
            *slot = change;
        }
    }

    /// The changes, in the palette's order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The largest colour that is given a colour of its own, and that colour: what the variant is measured by. `None` when
    /// nothing is.
    pub fn leader(&self) -> Option<(usize, Lab)> {
        self.changes.iter().enumerate().find_map(|(i, change)| match change {
            Change::To(target) => Some((i, *target)),
            Change::Keep | Change::Follow => None,
        })
    }

    /// Indices of the palette colours that are one ink in light and shadow with the colour at `index`, itself included.
    pub fn ink_of(stats: &GarmentStats, index: usize) -> Vec<usize> {
        families(stats).into_iter().find(|family| family.contains(&index)).unwrap_or_else(|| vec![index])
    }

    /// Index of the palette colour nearest to `color` (ΔE00), and that distance; `None` without a palette.
    pub fn nearest(stats: &GarmentStats, color: Lab) -> Option<(usize, f32)> {
        let distances = stats.palette.iter().map(|entry| delta_e00(entry.color, color));
        distances.enumerate().min_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// What a palette colour is to the garment's main colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// The same ink in light or shadow.
    Shade,
    /// Another ink of the same hue.
    Sibling,
    /// Neutral where the main colour is not, another hue, or another neutral.
    Other,
}

/// Folds of cloth with one colour stay within this spread; what varies more has several.
const FOLD_RANGE: f32 = 9.0;
/// Farther than this from all that shading explains, a colour is another ink (ΔE76).
const SHADE_DISTANCE: f32 = 16.0;
/// From this chroma on, the main colour has a hue that others can share; and from this on, those others.
const COLOURED: (f32, f32) = (20.0, 10.0);
/// Cosine of the angle within which two hues are one.
const SAME_HUE: f32 = 0.88;

/// A cloth whose largest colour covers less has no main colour, as some plaids: it is dyed as a whole, tone on tone.
const MAIN_SHARE: f32 = 0.35;

fn relations(stats: &GarmentStats) -> Vec<Relation> {
    let Some(main) = stats.palette.first().map(|entry| entry.color) else { return Vec::new() };
    let range = ((stats.l95 - stats.l5) / 3.3).clamp(2.0, FOLD_RANGE);
    let cloth = Centre::new(main, range);
    let relation = |&PaletteColor { color, .. }: &PaletteColor| {
        let turn = (main.a * color.a + main.b * color.b) / (main.chroma() * color.chroma()).max(1e-3);
        if cloth.unexplained(color) < SHADE_DISTANCE {
            Relation::Shade
        } else if main.chroma() > COLOURED.0 && color.chroma() > COLOURED.1 && turn > SAME_HUE {
            Relation::Sibling
        } else {
            Relation::Other
        }
    };
    let relations: Vec<Relation> = stats.palette.iter().map(relation).collect();
    let own = relations.iter().zip(&stats.palette).filter(|(relation, _)| **relation == Relation::Shade);
    if own.map(|(_, entry)| entry.share).sum::<f32>() < MAIN_SHARE {
        return vec![Relation::Shade; relations.len()];
    }
    relations
}

/// Palette colours that are one ink: the main colour with its shades first, then every other by itself.
pub(crate) fn families(stats: &GarmentStats) -> Vec<Vec<usize>> {
    let relations = relations(stats);
    let of = |shade: bool| {
        let wanted = move |&(_, relation): &(usize, &Relation)| (*relation == Relation::Shade) == shade;
        relations.iter().enumerate().filter(wanted).map(|(i, _)| i)
    };
    let mut main: Vec<usize> = of(true).collect();
    if main.is_empty() {
        main.push(0);
    }
    std::iter::once(main).chain(of(false).map(|i| vec![i])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn striped() -> GarmentStats {
        let navy = Lab::new(20.0, 5.0, -30.0);
        let white = Lab::new(92.0, 0.0, 1.0);
        let colors: Vec<Lab> = (0..3000).map(|i| if i % 3 == 0 { white } else { navy }).collect();
        GarmentStats::of_colors(&colors).unwrap()
    }

    #[test]
    fn the_largest_changed_colour_leads() {
        let stats = striped();
        let red = Lab::new(45.0, 60.0, 30.0);
        let mut map = ColorMap::to_main(&stats, red);
        assert_eq!(map.leader(), Some((0, red)));
        map.set(0, Change::Keep);
        map.set(1, Change::To(red));
        map.set(9, Change::To(red));
        assert_eq!((map.leader(), map.changes().len()), (Some((1, red)), 2));
        assert_eq!(ColorMap::keep_all(&stats).leader(), None);
    }

    #[test]
    fn gloss_stays_on_darker_colours_and_follows_lighter_ones() {
        let (leather, sheen) = (Lab::new(31.0, 12.0, 14.0), Lab::new(54.0, -2.0, 7.0));
        let colors: Vec<Lab> = (0..3000).map(|i| if i % 6 == 0 { sheen } else { leather }).collect();
        let mut stats = GarmentStats::of_colors(&colors).unwrap();
        let (black, tan) = (Lab::new(10.0, 0.0, 0.0), Lab::new(70.0, 5.0, 29.0));
        let sheen_in = |stats: &GarmentStats, target| ColorMap::to_main(stats, target).changes()[1];
        assert_eq!(sheen_in(&stats, tan), Change::Keep, "a print");
        stats.palette[1].gloss = true;
        assert_eq!((sheen_in(&stats, tan), sheen_in(&stats, black)), (Change::Follow, Change::Keep));
    }

    #[test]
    fn shades_follow_neutrals_stay_and_a_plaid_is_dyed_as_a_whole() {
        let red = Lab::new(45.0, 60.0, 30.0);
        assert_eq!(ColorMap::to_main(&striped(), red).changes(), [Change::To(red), Change::Keep]);
        let of = |colors: &[Lab]| {
            let all: Vec<Lab> = (0..3000).map(|i| colors[i % colors.len()]).collect();
            GarmentStats::of_colors(&all).unwrap()
        };
        let (blue, light) = (Lab::new(30.0, 10.0, -45.0), Lab::new(75.0, 2.0, -25.0));
        let map = ColorMap::to_main(&of(&[blue, blue, light]), red);
        assert_eq!(map.changes(), [Change::To(red), Change::Follow]);
        let many = [blue, Lab::new(60.0, 50.0, 50.0), Lab::new(70.0, -50.0, 40.0), Lab::new(85.0, 0.0, 70.0)];
        let map = ColorMap::to_main(&of(&many), red);
        assert!(map.changes()[1..].iter().all(|change| *change == Change::Follow), "{map:?}");
        assert_eq!(families(&of(&many)).len(), 1);
    }

    #[test]
    fn a_named_colour_finds_its_palette_colour() {
        let (index, distance) = ColorMap::nearest(&striped(), Lab::new(95.0, 0.0, 0.0)).unwrap();
        assert!(index == 1 && distance < 3.0);
    }
}
