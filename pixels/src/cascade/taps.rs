//! Filter weights along one axis, each distinct phase stored once.

use std::collections::HashMap;

/// The curve by which source pixels are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Lanczos with 3 lobes, widened by the reduction.
    Lanczos3,
    /// Catmull-Rom, for enlarging.
    CatmullRom,
    /// Share of the area that a source pixel has in the output's.
    Area,
}

impl Filter {
    /// Half the width of the curve, in pixels of the smaller of both sides.
    fn reach(self) -> f64 {
        match self {
            Self::Lanczos3 => 3.0,
            Self::CatmullRom => 2.0,
            Self::Area => 0.5,
        }
    }

    /// Height of the curve at `x`; `step` is a source pixel's width in the same unit.
    fn at(self, x: f64, step: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Lanczos3 if x >= 3.0 => 0.0,
            Self::Lanczos3 => sinc(x) * sinc(x / 3.0),
            Self::CatmullRom if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::CatmullRom if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::CatmullRom => 0.0,
            // What of the source pixel lies inside.
            Self::Area => ((0.5 - x) / step + 0.5).clamp(0.0, 1.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if x < 1e-9 { 1.0 } else { angle.sin() / angle }
}

/// Source pixels that a vector of the kernels takes at once.
pub(super) const GROUP: usize = 4;
/// Channels of a pixel in the kernels.
pub(super) const CHANNELS: usize = 4;

/// The weights of one output pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// First source pixel.
    pub(super) start: u32,
    /// Source pixels.
    pub(super) length: u32,
    /// Which set of weights.
    pub(super) phase: u32,
}

/// Weights for every output pixel of an axis.
#[derive(Clone, Debug)]
pub(super) struct Taps {
    /// One per output pixel.
    pub(super) of_pixels: Vec<Tap>,
    /// Weights of a set, a multiple of [`GROUP`], zeros at the end.
    pub(super) stride: usize,
    /// The sets, one after the other.
    pub(super) weights: Vec<f32>,
    /// The sets with every weight repeated for each channel.
    pub(super) spread: Vec<f32>,
    /// Source pixels that are read, zero weights after the end included.
    pub(super) reads_px: usize,
}

/// An axis of a picture on its way to another length, and how many pixels lie between its samples: 2 where a JPEG stores
/// every second one of its colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Length in pixels, at least 1.
    pub(super) from: u32,
    /// Pixels per sample.
    pub(super) from_step: u32,
    /// New length in pixels, at least 1.
    pub(super) to: u32,
    /// Its pixels per sample.
    pub(super) to_step: u32,
}

impl Axis {
    /// Source samples per output sample, as a fraction.
    fn ratio(self) -> (u64, u64) {
        (u64::from(self.from) * u64::from(self.to_step), u64::from(self.to) * u64::from(self.from_step))
    }

    /// Whether there are to be more samples.
    pub(super) fn enlarges(self) -> bool {
        let (from, to) = self.ratio();
        to > from
    }
}

impl Taps {
    /// Weights that turn an axis' samples into others.
    pub(super) fn new(filter: Filter, axis: Axis) -> Self {
        let (over, under) = axis.ratio();
        let (wide, count) = (u64::from(axis.from.div_ceil(axis.from_step)), axis.to.div_ceil(axis.to_step));
        let (scale, same) = ((over as f64 / under as f64).max(1.0), over == under);
        let reach = if same { 0.5 } else { filter.reach() * scale };
        // Where an output sample's centre is: source sample, fraction of it as a rest of the division; and what it reads.
        let place = |x: u64| {
            let (numerator, denominator) = ((2 * x + 1) * over, 2 * under);
            let (whole, rest) = (numerator / denominator, numerator % denominator);
            let fraction = rest as f64 / denominator as f64;
            // A sample counts when its centre is within reach, and with shares of area also when its edge is.
            let edge = if filter == Filter::Area && !same { -0.5 } else { 0.0 };
            let first = (fraction - reach - 0.5 + edge + 1e-9).ceil() as i64;
            let last = (fraction + reach - 0.5 - edge - 1e-9).floor() as i64 + 1;
            let first = first.max(-(whole as i64));
            (whole as i64, rest, fraction, first, last.min(wide as i64 - whole as i64).max(first + 1))
        };
        let longest = (0..u64::from(count)).map(place).map(|(_, _, _, first, last)| last - first).max();
        let stride = (longest.unwrap_or(1) as usize).next_multiple_of(GROUP);
        let mut known: HashMap<(u64, i64, i64, i64), u32> = HashMap::new();
        let mut sets: Vec<Vec<f32>> = Vec::new();
        let mut taps = Vec::with_capacity(count as usize);
        for x in 0..u64::from(count) {
            let (whole, rest, fraction, first, last) = place(x);
            // At the end of a row zeros come first, so that a full set of weights doesn't read beyond it.
            let over = (whole + first + stride as i64 - wide as i64).clamp(0, whole + first);
            let phase = *known.entry((rest, first, last, over)).or_insert_with(|| {
                let mut set = vec![0.0; over as usize];
                set.extend(weights(filter, first..last, fraction, scale, same));
                sets.push(set);
                sets.len() as u32 - 1
            });
            taps.push(Tap { start: (whole + first - over) as u32, length: (last - first + over) as u32, phase });
        }
        let mut all = vec![0.0; stride * sets.len()];
        for (slot, set) in all.chunks_exact_mut(stride).zip(&sets) {
            slot[..set.len()].copy_from_slice(set);
        }
        let spread = all.iter().flat_map(|&weight| [weight; CHANNELS]).collect();
        let reads_px = taps.iter().map(|tap| tap.start as usize + stride).max().unwrap_or(0);
        Self { of_pixels: taps, stride, weights: all, spread, reads_px }
    }

    /// The weights of output pixel `x` without the zeros at their end.
    pub(super) fn of(&self, x: usize) -> (Tap, &[f32]) {
        let tap = self.of_pixels[x];
        let start = tap.phase as usize * self.stride;
        (tap, &self.weights[start..start + tap.length as usize])
    }

    /// Most source pixels of any `batch` neighbouring output pixels.
    pub(super) fn longest(&self, batch: usize) -> usize {
        let span = |taps: &[Tap]| match (taps.first(), taps.last()) {
            (Some(first), Some(last)) => (last.start + last.length - first.start) as usize,
            _ => 1,
        };
        self.of_pixels.chunks(batch).map(span).max().unwrap_or(1)
    }
}

/// Weights of the source pixels `range`, counted from the pixel that holds the centre, which is `fraction` into it.
fn weights(filter: Filter, range: std::ops::Range<i64>, fraction: f64, scale: f64, copy: bool) -> Vec<f32> {
    let raw: Vec<f64> = range
        .map(|i| {
            let distance = (i as f64 + 0.5 - fraction) / scale;
            if copy { f64::from(u8::from(i == 0)) } else { filter.at(distance, 1.0 / scale) }
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|weight| (weight / sum) as f32).collect()
}
