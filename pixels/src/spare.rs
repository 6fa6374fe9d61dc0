//! Keeps a mask off what borders on the cloth and must not change with it: skin beside a hem, a sleeve, a neckline.
//!
//! A filtered edge is as wide as the filter, and skin is thin: some pixels of an arm are much of it. Beside what is known to be
//! skin, a pixel's place on the line from the skin's colour around it to the cloth's decides, as in [`crate::matting`], but here
//! alpha is only ever taken away, from sure cloth too, and what is nearer to the skin's colour loses all of it. Where the two
//! colours are alike the grid on which the skin was found decides.

use rayon::prelude::*;

use crate::guided_filter::{Plane, PlaneRow};
use crate::{Error, Mask, Result, SrgbImage};

/// Half-width of the window over which both colours are averaged, in cells.
const WINDOW: usize = 4;
/// How far from a cell that is spared pixels are asked, in cells.
const REACH: usize = 2;
/// Distances of the two colours, in codes, at which they begin to tell and tell all.
const CONTRAST: (f32, f32) = (15.0, 45.0);
/// Distances off the line, as shares of its length, at which trust starts to fall and is gone: jewellery, prints.
const OFF_LINE: (f32, f32) = (0.5, 1.0);
/// Places on the line up to which a pixel is skin and from which it is cloth: light on skin varies more than the mixture of one pixel.
const MIXED: (f32, f32) = (0.4, 0.8);
/// Shares of what is spared in the cells around a pixel between which its alpha goes where colours do not tell. At one half begins
/// a cell that is spared, in which cloth of a skin's colour is not to be had.
const GRID: (f32, f32) = (0.1, 0.5);
/// Least weight of a window that has a cell in it.
const SOME: f32 = 0.005;

/// The mean colour around each cell of one side, three planes of codes, and the share of the window that it is taken over.
struct Side([Plane; 4]);

impl Side {
    /// Of the cells whose whole neighbourhood is of this side, so that no mixture speaks for it.
    fn of(small: &SrgbImage, cells: &Plane) -> Self {
        let sure = cells.box_mean(1).values.iter().map(|&share| f32::from(u8::from(share > 0.999))).collect::<Vec<_>>();
        let plane = |values: Vec<f32>| Plane { width: cells.width, height: cells.height, values }.box_mean(WINDOW);
        let weight = plane(sure.clone());
        let [r, g, b] = [0, 1, 2].map(|c| {
            let mut mean =
                plane(sure.iter().enumerate().map(|(i, w)| w * f32::from(small.data()[3 * i + c])).collect());
            mean.values.iter_mut().zip(&weight.values).for_each(|(v, w)| *v /= w.max(1e-6));
            mean
        });
        Self([r, g, b, weight])
    }

    fn line(&self, height: usize, y: usize) -> [PlaneRow; 4] {
        self.0.each_ref().map(|plane| plane.line(height, y))
    }
}

/// Takes alpha from the pixels beside `spared` that have its colour rather than the cloth's.
///
/// `cloth` and `spared` are 1 where a cell of a grid over the photo surely is one or the other, and 0 elsewhere; `small` is
/// the photo at the grid's size.
///
/// # Errors
/// [`crate::Error::SizeMismatch`] when the mask has another size than the photo, or the small photo than the grid.
pub fn spare(photo: &SrgbImage, small: &SrgbImage, mask: &mut Mask, cloth: &Plane, spared: &Plane) -> Result<()> {
    let (w, h) = (photo.width_px() as usize, photo.height_px() as usize);
    mask.check_size(photo.width_px(), photo.height_px())?;
    for grid in [cloth, spared] {
        let (expected_width, expected_height) = (grid.width as u32, grid.height as u32);
        let (got_width, got_height) = (small.width_px(), small.height_px());
        if (expected_width, expected_height) != (got_width, got_height) {
            return Err(Error::SizeMismatch { expected_width, expected_height, got_width, got_height });
        }
    }
    let near = spared.box_mean(REACH);
    let cells = spared;
    let (cloth, spared) = (Side::of(small, cloth), Side::of(small, spared));
    let columns = near.columns(w);
    mask.data_mut().par_chunks_mut(w.max(1)).enumerate().for_each(|(y, row)| {
        let near = near.line(h, y);
        let mut sides = None;
        for (xs, x0, x1) in columns.runs() {
            if near.cells()[x0].max(near.cells()[x1]) < SOME {
                continue;
            }
            let (cloth, spared, cells) =
                sides.get_or_insert_with(|| (cloth.line(h, y), spared.line(h, y), cells.line(h, y)));
            for x in xs.filter(|&x| near.at(x, &columns) >= SOME) {
                if row[x] == 0 {
                    continue;
                }
                let (share, trust) = if cloth[3].at(x, &columns) < SOME || spared[3].at(x, &columns) < SOME {
                    (1.0, 0.0)
                } else {
                    let pixel = [0, 1, 2].map(|c| f32::from(photo.data()[3 * (y * w + x) + c]));
                    let color = |side: &[PlaneRow; 4]| [0, 1, 2].map(|c| side[c].at(x, &columns));
                    share_of_cloth(pixel, color(cloth), color(spared))
                };
                let before = f32::from(row[x]) / 255.0;
                let by_grid = 1.0 - ramp(cells.at(x, &columns), GRID);
                row[x] = (255.0 * (trust * before.min(share) + (1.0 - trust) * before.min(by_grid))).round() as u8;
            }
        }
    });
    Ok(())
}

/// How much of a pixel is cloth by its colour, and how far that can be trusted, both 0 to 1.
fn share_of_cloth(pixel: [f32; 3], cloth: [f32; 3], spared: [f32; 3]) -> (f32, f32) {
    let line = [0, 1, 2].map(|c| cloth[c] - spared[c]);
    let offset = [0, 1, 2].map(|c| pixel[c] - spared[c]);
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let length = dot(line, line).sqrt().max(1.0);
    let t = dot(offset, line) / (length * length);
    let off = [0, 1, 2].map(|c| offset[c] - t.clamp(0.0, 1.0) * line[c]);
    let off = dot(off, off).sqrt() / length;
    (ramp(t, MIXED), ramp(length, CONTRAST) * (1.0 - ramp(off, OFF_LINE)))
}

fn ramp(value: f32, (from, to): (f32, f32)) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: usize = 30;
    const SIDE: usize = 4 * CELLS;
    const SKIN: [u8; 3] = [205, 160, 135];

    /// Skin on the left half, cloth on the right; the mask begins `early` pixels too far left.
    fn scene(cloth: [u8; 3], early: usize) -> (SrgbImage, Mask, Plane, Plane) {
        let mut photo = SrgbImage::filled(SIDE as u32, SIDE as u32, SKIN);
        let mut mask = Mask::filled(SIDE as u32, SIDE as u32, 0);
        for i in 0..SIDE * SIDE {
            if i % SIDE >= SIDE / 2 {
                photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&cloth);
            }
            mask.data_mut()[i] = if i % SIDE + early >= SIDE / 2 { 255 } else { 0 };
        }
        let cells = |is: fn(usize) -> bool| {
            let values = (0..CELLS * CELLS).map(|i| f32::from(u8::from(is(i % CELLS)))).collect();
            Plane { width: CELLS, height: CELLS, values }
        };
        (photo, mask, cells(|x| x > CELLS / 2), cells(|x| x < CELLS / 2 - 1))
    }

    fn small(photo: &SrgbImage) -> SrgbImage {
        crate::resize_linear(photo, CELLS as u32, CELLS as u32).unwrap()
    }

    fn at(mask: &Mask, x: usize) -> u8 {
        mask.data()[SIDE / 2 * SIDE + x]
    }

    #[test]
    fn skin_that_the_mask_took_along_is_given_back_and_cloth_is_kept() {
        let (photo, mut mask, cloth, skin) = scene([30, 60, 150], 5);
        spare(&photo, &small(&photo), &mut mask, &cloth, &skin).unwrap();
        assert_eq!(
            [SIDE / 2 - 5, SIDE / 2 - 1, SIDE / 2, SIDE / 2 + 3, SIDE - 1].map(|x| at(&mask, x)),
            [0, 0, 255, 255, 255]
        );
    }

    #[test]
    fn nude_cloth_keeps_its_mask() {
        let (photo, mask, cloth, skin) = scene([210, 163, 137], 0);
        let mut spared = mask.clone();
        spare(&photo, &small(&photo), &mut spared, &cloth, &skin).unwrap();
        assert_eq!(spared, mask);
    }

    #[test]
    fn skin_in_the_cloths_colour_is_given_back_as_far_as_its_cells_go() {
        let (photo, mut mask, cloth, skin) = scene([210, 163, 137], SIDE);
        spare(&photo, &small(&photo), &mut mask, &cloth, &skin).unwrap();
        let last = 4 * (CELLS / 2 - 1);
        assert_eq!([last - 5, last - 1, last + 4, SIDE - 1].map(|x| at(&mask, x)), [0, 0, 255, 255]);
    }

    #[test]
    fn what_is_of_neither_colour_and_what_is_far_away_keep_theirs() {
        let (mut photo, mask, cloth, skin) = scene([30, 60, 150], 0);
        for i in 0..SIDE * SIDE {
            if (SIDE / 2..SIDE / 2 + 2).contains(&(i % SIDE)) {
                photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[20, 255, 20]);
            } else if i % SIDE > SIDE / 2 + 30 {
                photo.data_mut()[3 * i..3 * i + 3].copy_from_slice(&SKIN);
            }
        }
        let mut spared = mask.clone();
        spare(&photo, &small(&photo), &mut spared, &cloth, &skin).unwrap();
        assert_eq!(spared, mask);
        assert!(spare(&photo, &small(&photo), &mut Mask::filled(3, 3, 0), &cloth, &skin).is_err());
        assert!(spare(&photo, &photo, &mut spared, &cloth, &skin).is_err());
    }
}
