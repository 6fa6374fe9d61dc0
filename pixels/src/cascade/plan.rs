//! Which size is made from which.

use super::Cut;
use super::taps::{Axis, Filter, Taps};

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
    /// Part of the picture that it shows, in samples.
    pub(super) crop: (u32, u32, u32, u32),
    /// Its samples.
    pub(super) size: (u32, u32),
    pub(super) down: Taps,
    pub(super) across: Taps,
    /// Index of the cut that it is; `None` for a step in between.
    pub(super) output: Option<usize>,
}

/// Pixels per sample, across and down, of the picture and of what is made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) from: (u32, u32),
    pub(super) to: (u32, u32),
}

impl Grid {
    /// A sample for every pixel.
    pub(super) const PIXELS: Self = Self { from: (1, 1), to: (1, 1) };
}

/// A reduction beyond this goes in two steps: Lanczos weights reach far, so many rows would have to be kept.
const MOST_AT_ONCE: u32 = 6;
/// How many times as large as the output the step in between is.
const BETWEEN: u32 = 3;

/// The tree of all cuts, parents before their children; equal cuts are made once. Cuts are in pixels, and of the whole picture
/// where a sample is more than a pixel.
pub(super) fn levels(mut wanted: Vec<(usize, Cut)>, grid: Grid) -> Vec<Level> {
    wanted.sort_by_key(|(index, cut)| (std::cmp::Reverse(u64::from(cut.size.0) * u64::from(cut.size.1)), *index));
    let mut made: Vec<Cut> = Vec::with_capacity(wanted.len());
    let mut levels: Vec<Level> = Vec::with_capacity(wanted.len());
    let mut add = |parent: Parent, from: (u32, u32), cut: Cut, reduce: Filter, output: Option<usize>| {
        levels.push(level(parent, from, cut, reduce, output, grid));
        Parent::Level(levels.len() - 1)
    };
    let mut outputs: Vec<Parent> = Vec::new();
    for (output, cut) in wanted {
        if made.contains(&cut) {
            continue;
        }
        let Cut { crop, size } = cut;
        // Half a pixel of rounding aside, at least twice as large both ways, and itself a reduction.
        let serves = |larger: &Cut| {
            larger.crop == crop
                && larger.size.0 <= crop.2
                && larger.size.1 <= crop.3
                && larger.size.0 + 1 >= 2 * size.0
                && larger.size.1 + 1 >= 2 * size.1
        };
        let smallest = (0..made.len())
            .filter(|&i| serves(&made[i]))
            .min_by_key(|&i| u64::from(made[i].size.0) * u64::from(made[i].size.1));
        let (mut parent, mut from) = match smallest {
            Some(index) => (outputs[index], made[index].size),
            None => (Parent::Picture, (crop.2, crop.3)),
        };
        let between = |from: u32, to: u32| if from / MOST_AT_ONCE > to { BETWEEN * to } else { from };
        let step = (between(from.0, size.0), between(from.1, size.1));
        if step != from {
            parent = add(parent, from, Cut { crop, size: step }, Filter::Area, None);
            from = step;
        }
        outputs.push(add(parent, from, cut, Filter::Lanczos3, Some(output)));
        made.push(cut);
    }
    levels
}

fn level(
    parent: Parent,
    from: (u32, u32),
    Cut { crop, size }: Cut,
    reduce: Filter,
    output: Option<usize>,
    grid: Grid,
) -> Level {
    let (across_step, down_step) = if parent == Parent::Picture { grid.from } else { grid.to };
    let across = Axis { from: from.0, from_step: across_step, to: size.0, to_step: grid.to.0 };
    let down = Axis { from: from.1, from_step: down_step, to: size.1, to_step: grid.to.1 };
    let taps = |axis: Axis| Taps::new(if axis.enlarges() { Filter::CatmullRom } else { reduce }, axis);
    let samples = |(width, height): (u32, u32), step: (u32, u32)| (width.div_ceil(step.0), height.div_ceil(step.1));
    let ((left, top), (width, height)) = (samples((crop.0, crop.1), grid.from), samples((crop.2, crop.3), grid.from));
    Level {
        parent,
        crop: (left, top, width, height),
        size: samples(size, grid.to),
        down: taps(down),
        across: taps(across),
        output,
    }
}
