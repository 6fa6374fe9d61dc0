//! Which size is made from which.

use super::Cut;
use super::taps::{Filter, Taps};

/// Where a level's rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// The picture itself.
    Picture,
    /// An earlier level.
    Level(usize),
}

impl Parent {
    /// Index of its rows among the rings.
    pub(super) fn ring(self) -> usize {
        match self {
            Self::Picture => 0,
            Self::Level(index) => index + 1,
        }
    }
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) parent: Parent,
    /// Part of the picture that it shows.
    pub(super) crop: (u32, u32, u32, u32),
    pub(super) size: (u32, u32),
    pub(super) down: Taps,
    pub(super) across: Taps,
    /// Index of the cut that it is; `None` for a step in between.
    pub(super) output: Option<usize>,
}

/// A reduction beyond this goes in two steps: Lanczos weights reach far, so many rows would have to be kept.
const MOST_AT_ONCE: u32 = 6;
/// How many times as large as the output the step in between is.
const BETWEEN: u32 = 3;

/// The tree of all cuts, parents before their children; equal cuts are made once.
pub(super) fn levels(mut wanted: Vec<(usize, Cut)>) -> Vec<Level> {
    wanted.sort_by_key(|(index, cut)| (std::cmp::Reverse(u64::from(cut.size.0) * u64::from(cut.size.1)), *index));
    let mut levels: Vec<Level> = Vec::with_capacity(wanted.len());
    for (output, Cut { crop, size }) in wanted {
        if levels.iter().any(|l| l.output.is_some() && l.crop == crop && l.size == size) {
            continue;
        }
        // Half a pixel of rounding aside, at least twice as large both ways, and itself a reduction.
        let serves = |l: &Level| {
            l.crop == crop
                && l.size.0 <= crop.2
                && l.size.1 <= crop.3
                && l.size.0 + 1 >= 2 * size.0
                && l.size.1 + 1 >= 2 * size.1
        };
        let smallest = (0..levels.len())
            .filter(|&i| serves(&levels[i]))
            .min_by_key(|&i| u64::from(levels[i].size.0) * u64::from(levels[i].size.1));
        let (mut parent, mut from) = match smallest {
            Some(index) => (Parent::Level(index), levels[index].size),
            None => (Parent::Picture, (crop.2, crop.3)),
        };
        let between = |from: u32, to: u32| if from / MOST_AT_ONCE > to { BETWEEN * to } else { from };
        let step = (between(from.0, size.0), between(from.1, size.1));
        if step != from {
            levels.push(level(parent, crop, from, step, Filter::Area, None));
            (parent, from) = (Parent::Level(levels.len() - 1), step);
        }
        levels.push(level(parent, crop, from, size, Filter::Lanczos3, Some(output)));
    }
    levels
}

fn level(
    parent: Parent,
    crop: (u32, u32, u32, u32),
    from: (u32, u32),
    size: (u32, u32),
    reduce: Filter,
    output: Option<usize>,
) -> Level {
    let filter = |from: u32, to: u32| if to > from { Filter::CatmullRom } else { reduce };
    let down = Taps::new(filter(from.1, size.1), from.1, size.1);
    let across = Taps::new(filter(from.0, size.0), from.0, size.0);
    Level { parent, crop, size, down, across, output }
}
