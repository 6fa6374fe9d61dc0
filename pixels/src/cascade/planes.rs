//! Single planes in all their sizes: the luma and chroma of a JPEG, whose chroma may have fewer samples than pixels.

use super::flow::Flow;
use super::plan::{self, Grid, Level};
use super::{Cut, kernels};
use crate::pool;

/// Codes of one channel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// Samples.
    pub(crate) codes: Vec<u8>,
    /// Samples of a row, those that fill it up included.
    pub(crate) stride: usize,
    /// Pixels per sample, across and down.
    pub(crate) step: (u32, u32),
}

impl Plane {
    /// Samples of a row and rows that show a picture of this size.
    fn samples(&self, (width, height): (u32, u32)) -> (usize, usize) {
        (width.div_ceil(self.step.0) as usize, height.div_ceil(self.step.1) as usize)
    }

    /// Repeats the last sample of each row that shows something, and the last such row, to fill what is left.
    fn fill_up(&mut self, (width, height): (usize, usize)) {
        for row in self.codes.chunks_exact_mut(self.stride).take(height) {
            let last = row[width - 1];
            row[width..].fill(last);
        }
        let (shown, rest) = self.codes.split_at_mut(height * self.stride);
        let last = &shown[shown.len() - self.stride..];
        rest.chunks_exact_mut(self.stride).for_each(|row| row.copy_from_slice(last));
    }
}

/// Makes all sizes of planes of a picture of `whole` pixels, which have equal steps, with `step` pixels per sample, filled up
/// to whole multiples of `fill` pixels. Sizes are distinct and no side is 0.
pub(crate) fn cascade_planes<const N: usize>(
    planes: [&Plane; N],
    whole: (u32, u32),
    sizes: &[(u32, u32)],
    step: (u32, u32),
    fill: (u32, u32),
) -> [Vec<Plane>; N] {
    let crop = (0, 0, whole.0, whole.1);
    let wanted: Vec<(usize, Cut)> = sizes.iter().map(|&size| Cut { crop, size }).enumerate().collect();
    let from = planes.first().map_or((1, 1), |plane| plane.step);
    let levels = plan::levels(wanted, Grid { from, to: step });
    planes.map(|plane| cascade(plane, whole, sizes, (step, fill), levels.clone()))
}

fn cascade(
    plane: &Plane,
    whole: (u32, u32),
    sizes: &[(u32, u32)],
    (step, fill): ((u32, u32), (u32, u32)),
    levels: Vec<Level>,
) -> Vec<Plane> {
    let filled = |side: u32, fill: u32, step: u32| (side.next_multiple_of(fill).div_ceil(step)) as usize;
    let mut made: Vec<Plane> = sizes
        .iter()
        .map(|size| {
            let (stride, rows) = (filled(size.0, fill.0, step.0), filled(size.1, fill.1, step.1));
            Plane { codes: pool::bytes(stride * rows), stride, step }
        })
        .collect();
    let outputs: Vec<Option<usize>> = levels.iter().map(|level| level.output).collect();
    let width = plane.samples(whole).0;
    let load = |y: usize, row: &mut [f32]| kernels::load_single(&plane.codes[y * plane.stride..][..width], row);
    Flow::new(width as u32, 1, levels).run(load, &mut |index, y, row| {
        let Some(output) = outputs[index] else { return };
        let (size, plane) = (sizes[output], &mut made[output]);
        let width = plane.samples(size).0;
        kernels::store_single(&row[..width], &mut plane.codes[y * plane.stride..][..width]);
    });
    for (plane, size) in made.iter_mut().zip(sizes) {
        let shown = plane.samples(*size);
        plane.fill_up(shown);
    }
    made
}
