//! Which colour of a garment becomes which: one change per palette colour.

use crate::color::{Lab, delta_e00};
use crate::garment_stats::GarmentStats;

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
    /// The map of a single colour asked for: the garment's main colour becomes `target`.
    pub fn to_main(stats: &GarmentStats, target: Lab) -> Self {
        let mut changes = vec![Change::Follow; stats.palette.len().max(1)];
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

    /// Index of the palette colour nearest to `color` (ΔE00), and that distance; `None` without a palette.
    pub fn nearest(stats: &GarmentStats, color: Lab) -> Option<(usize, f32)> {
        let distances = stats.palette.iter().map(|entry| delta_e00(entry.color, color));
        distances.enumerate().min_by(|one, other| one.1.total_cmp(&other.1))
    }
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
    fn a_named_colour_finds_its_palette_colour() {
        let (index, distance) = ColorMap::nearest(&striped(), Lab::new(95.0, 0.0, 0.0)).unwrap();
        assert!(index == 1 && distance < 3.0);
    }
}
