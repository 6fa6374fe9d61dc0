//! Rows of a picture on their way down the tree of its sizes.

use super::kernels::{self, BATCH, BLOCK, MARGIN, Ring};
use super::plan::{Level, Parent};
use super::taps::CHANNELS;
use crate::pool;

/// The tree, and the last rows of each of its levels.
pub(super) struct Flow {
    /// Numbers per pixel: [`CHANNELS`], or 1.
    channels: usize,
    levels: Vec<Level>,
    /// The last rows of the picture, then of each level.
    rings: Vec<Rows>,
    /// Next row of each level.
    next: Vec<usize>,
    /// Sums down, before they are summed across.
    sums: Buffer,
    /// The same of single numbers, their rows side by side.
    turned: Buffer,
    /// Weights of the rows that a batch is made of.
    weights: Vec<[f32; BATCH]>,
}

/// The last rows of a level.
struct Rows {
    buffer: Buffer,
    stride: usize,
    slots: usize,
}

/// Numbers from the pool, the first at the start of a cache line, so that no vector lies across two.
pub(super) struct Buffer {
    numbers: Vec<f32>,
    start: usize,
}

/// Numbers of a cache line.
const LINE: usize = 16;

impl Buffer {
    pub(super) fn new(length: usize) -> Self {
        let numbers = pool::numbers(length + LINE);
        let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
        // Where alignment cannot be told, any start will do.
        Self { start: if start < LINE { start } else { 0 }, numbers }
    }

    fn get(&self) -> &[f32] {
        &self.numbers[self.start..]
    }

    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        pool::keep_numbers(std::mem::take(&mut self.numbers));
    }
}

impl Flow {
    /// Ready for the first row of a picture of `width` samples.
    pub(super) fn new(width: u32, channels: usize, levels: Vec<Level>) -> Self {
        let row_length = |width: u32| (width as usize * channels + MARGIN).next_multiple_of(LINE);
        // Most rows that a batch of any reader is made of, and as many more as come at once.
        let rows_of = |parent: Parent| {
            let of_parent = levels.iter().filter(|level| level.parent == parent);
            of_parent.map(|level| level.down.longest(BATCH)).max().map_or(0, |most| most + BATCH)
        };
        // Whole batches, so that one always lies in a piece.
        let rows = |slots: usize, width: u32| {
            let (slots, stride) = (slots.next_multiple_of(BATCH).max(BATCH), row_length(width));
            Rows { buffer: Buffer::new(slots * stride), stride, slots }
        };
        let mut rings = vec![rows(rows_of(Parent::Picture), width)];
        rings.extend(levels.iter().enumerate().map(|(i, level)| rows(rows_of(Parent::Level(i)), level.size.0)));
        let read = levels.iter().map(|level| sums_length(level, channels)).max().unwrap_or(0);
        let turned = if channels == CHANNELS { 0 } else { BATCH * read };
        let (sums, turned, next) = (Buffer::new(BATCH * read), Buffer::new(turned), vec![0; levels.len()]);
        Self { channels, levels, rings, next, sums, turned, weights: Vec::new() }
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Takes every row of the picture that somebody reads from `load`, and hands every row of every level to `store` with the
    /// level's index and the row's.
    pub(super) fn run(&mut self, load: impl Fn(usize, &mut [f32]), store: &mut dyn FnMut(usize, usize, &[f32])) {
        let top = self.levels.iter().map(|level| level.crop.1).min().unwrap_or(0) as usize;
        let end = self.levels.iter().map(|level| level.crop.1 + level.crop.3).max().unwrap_or(0) as usize;
        for y in top..end {
            let Rows { buffer, stride, slots } = &mut self.rings[0];
            load(y, &mut buffer.get_mut()[y % *slots * *stride..][..*stride - MARGIN]);
            self.advance(Parent::Picture, y, store);
        }
    }

    /// Makes all rows that can be made now that row `newest` of `parent` is there.
    fn advance(&mut self, parent: Parent, newest: usize, store: &mut dyn FnMut(usize, usize, &[f32])) {
        for index in 0..self.levels.len() {
            let level = &self.levels[index];
            if level.parent != parent {
                continue;
            }
            let (left, top) = if parent == Parent::Picture { (level.crop.0, level.crop.1) } else { (0, 0) };
            let rows = level.size.1 as usize;
            while self.next[index] < rows {
                let first = self.next[index];
                let last = (first + BATCH).min(rows) - 1;
                let tap = self.levels[index].down.of_pixels[last];
                if top as usize + (tap.start + tap.length) as usize > newest + 1 {
                    break;
                }
                self.next[index] = last + 1;
                self.make_rows(index, first..last + 1, (left as usize, top as usize));
                let Rows { buffer, stride, slots } = &self.rings[index + 1];
                for y in first..=last {
                    store(index, y, &buffer.get()[y % *slots * *stride..][..*stride]);
                }
                self.advance(Parent::Level(index), last, store);
            }
        }
    }

    /// Makes a batch of rows of a level.
    fn make_rows(&mut self, index: usize, rows: std::ops::Range<usize>, (left, top): (usize, usize)) {
        let level = &self.levels[index];
        let from = &self.rings[level.parent.ring()];
        let (batch, first) = (rows.start, level.down.of_pixels[rows.start].start as usize);
        self.weights.clear();
        for (place, y) in rows.enumerate() {
            let (tap, weights) = level.down.of(y);
            let skipped = tap.start as usize - first;
            self.weights.resize(self.weights.len().max(skipped + weights.len()), [0.0; BATCH]);
            for (of_row, weight) in self.weights[skipped..].iter_mut().zip(weights) {
                of_row[place] = *weight;
            }
        }
        let ring = Ring { rows: from.buffer.get(), stride: from.stride, slots: from.slots };
        // Pixels after the crop's right edge are summed along up to a whole block; their weights across are 0.
        let length = sums_length(level, self.channels);
        let sums = &mut self.sums.get_mut()[..BATCH * length];
        kernels::vertical(&ring, top + first, &self.weights, left * self.channels, sums);
        let Rows { buffer, stride, slots } = &mut self.rings[index + 1];
        // Rows come in whole batches, only the last one of all may be short; its rows too many are of nothing.
        let place = batch % *slots * *stride;
        let out = &mut buffer.get_mut()[place..place + BATCH * *stride];
        if self.channels == CHANNELS {
            return kernels::horizontal(sums, &level.across, out);
        }
        let turned = &mut self.turned.get_mut()[..BATCH * length];
        kernels::side_by_side(sums, turned);
        kernels::horizontal_single(turned, &level.across, out);
    }
}

/// Numbers of a row of sums that a level is made of.
fn sums_length(level: &Level, channels: usize) -> usize {
    (level.across.reads_px * channels).next_multiple_of(BLOCK)
}
