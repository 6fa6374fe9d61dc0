//! A second look at people: the network's input is small, and arms and hands are lost in it first.
//!
//! The frame around whom the first look found goes through the network again by itself, and larger. There the second look
//! decides what is cloth, and both together which garment it is: seen larger than the network learnt them, large garments fall to
//! pieces. Things without people therefore get no second look.

use pixels::SrgbImage;
use pixels::garment_frame::GarmentFrame;
use pixels::guided_filter::Plane;

use crate::Result;
use crate::segmentation::Segmentation;
use crate::segmenter::{Class, ClassSet};

/// What is added around the person, shares of its width and height, and grid points.
const MARGIN: (f64, f64, f64) = (1.0 / 8.0, 1.0 / 16.0, 2.0);
/// The frame has at least this share of the photo's width and height, or small photos of a crowd would become huge grids.
const LEAST_SIDE: f64 = 1.0 / 3.0;
/// Side of the square that has as many pixels as the second look's input, about.
pub(crate) const CLOSER_PX: u32 = 448;
/// A frame with a smaller share of that input's pixels stays as the first look saw it: enlarged so far, little is gained.
const LEAST_PIXELS: f64 = 0.3;

/// Where the second look goes: the size to which the photo is resized, and the frame in that picture, in pixels, all even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closer {
    /// The resized photo's width and height.
    pub(crate) size: (u32, u32),
    /// The part of it that the network sees.
    pub(crate) frame: GarmentFrame,
}

impl Closer {
    /// Decides by the first look at a photo of this size; `input_size` gives the network's input for a photo's size.
    pub(crate) fn of(
        first: &Segmentation,
        photo: (u32, u32),
        input_size: impl Fn(u32, u32) -> (u32, u32),
    ) -> Option<Self> {
        if !first.shows_person() {
            return None;
        }
        let front = first.probability(ClassSet::FOREGROUND);
        let taken = |i: &usize| front.values[*i] > 0.5;
        let columns = (0..front.values.len()).filter(taken).map(|i| i % front.width);
        let rows = (0..front.values.len()).filter(taken).map(|i| i / front.width);
        let x = side(columns.clone().min()?, columns.max()?, front.width, MARGIN.0);
        let y = side(rows.clone().min()?, rows.max()?, front.height, MARGIN.1);
        let (width, height) = ((x.1 - x.0) * f64::from(photo.0), (y.1 - y.0) * f64::from(photo.1));
        let input = input_size(width.round() as u32, height.round() as u32);
        if width * height < LEAST_PIXELS * f64::from(input.0) * f64::from(input.1) {
            return None;
        }
        let fitted = |input: u32, (from, to): (f64, f64)| {
            let whole = even(f64::from(input) / (to - from)).max(input);
            (whole, even(from * f64::from(whole)).min(whole - input))
        };
        let ((whole_w, left), (whole_h, top)) = (fitted(input.0, x), fitted(input.1, y));
        let frame = GarmentFrame { x_px: left, y_px: top, width_px: input.0, height_px: input.1 };
        Some(Self { size: (whole_w, whole_h), frame })
    }

    /// The part of the resized photo that the network sees.
    pub(crate) fn cut(&self, resized: &SrgbImage) -> Result<SrgbImage> {
        crate::shading::view::crop(resized, self.frame)
    }

    /// The first look on the second's finer grid, with the second where it looked; probabilities of garments are there shared
    /// out by the mean of both.
    pub(crate) fn merged(&self, first: &Segmentation, second: &Segmentation) -> Result<Segmentation> {
        let (width, height) = ((self.size.0 / 2) as usize, (self.size.1 / 2) as usize);
        let (left, top) = ((self.frame.x_px / 2) as usize, (self.frame.y_px / 2) as usize);
        let finer = |class: Class| {
            let plane = Plane { width: first.width(), height: first.height(), values: first.class(class).to_vec() };
            plane.resized(width, height).values
        };
        let mut planes = Class::EVERY.map(finer);
        for i in 0..second.width() * second.height() {
            let at = (top + i / second.width()) * width + left + i % second.width();
            let garments = |of: &dyn Fn(Class) -> f32| -> f32 { ClassSet::GARMENT.classes().map(of).sum() };
            let cloth = garments(&|class| second.class(class)[i]);
            let both = cloth + garments(&|class| planes[class as usize][at]);
            for class in Class::EVERY {
                let (own, value) = (second.class(class)[i], &mut planes[class as usize][at]);
                let shared = (*value + own) * cloth / both.max(f32::MIN_POSITIVE);
                *value = if ClassSet::GARMENT.has(class) { shared } else { own };
            }
        }
        Segmentation::new(width, height, planes.concat())
    }
}

/// From where to where the frame goes along one axis, shares of the photo, for grid points `first` to `last` of `n`.
fn side(first: usize, last: usize, n: usize, margin: f64) -> (f64, f64) {
    let (from, to, n) = (first as f64, last as f64 + 1.0, n as f64);
    let margin = (to - from) * margin + MARGIN.2;
    let (from, to) = ((from - margin).max(0.0) / n, (to + margin).min(n) / n);
    let lacking = (LEAST_SIDE - (to - from)).max(0.0);
    let from = (from - lacking / 2.0).clamp(0.0, (1.0 - LEAST_SIDE).max(0.0).min(from));
    (from, to.max(from + LEAST_SIDE.min(1.0)))
}

fn even(px: f64) -> u32 {
    2 * (px / 2.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 50×50 grid with a face and a shirt in the given columns and rows, background elsewhere.
    fn person(xs: std::ops::Range<usize>, ys: std::ops::Range<usize>) -> Segmentation {
        let mut probabilities = vec![0.0; 11 * 2500];
        for i in 0..2500 {
            let inside = xs.contains(&(i % 50)) && ys.contains(&(i / 50));
            let class = match inside {
                true if i / 50 < ys.start + 6 => Class::Skin,
                true => Class::Upper,
                false => Class::Background,
            };
            probabilities[class as usize * 2500 + i] = 1.0;
        }
        Segmentation::new(50, 50, probabilities).unwrap()
    }

    fn input(_: u32, _: u32) -> (u32, u32) {
        (128, 256)
    }

    #[test]
    fn a_person_in_a_large_photo_is_looked_at_again_and_larger() {
        let first = person(20..30, 5..45);
        let closer = Closer::of(&first, (1000, 1000), input).unwrap();
        let GarmentFrame { x_px, y_px, width_px, height_px } = closer.frame;
        assert_eq!((width_px, height_px), (128, 256));
        assert!(x_px + width_px <= closer.size.0 && y_px + height_px <= closer.size.1);
        let share = |at: u32, of: u32| f64::from(at) / f64::from(of);
        assert!(share(x_px, closer.size.0) < 0.4 && share(x_px + width_px, closer.size.0) > 0.6);
        assert!(share(y_px, closer.size.1) < 0.1 && share(y_px + height_px, closer.size.1) > 0.9);
        assert!([closer.size.0, closer.size.1, x_px, y_px].iter().all(|px| px % 2 == 0));

        let mut seen = vec![0.0; 11 * 64 * 128];
        seen[Class::Bag as usize * 64 * 128..][..64 * 128].fill(1.0);
        let merged = closer.merged(&first, &Segmentation::new(64, 128, seen).unwrap()).unwrap();
        let at = |class: Class, x: u32, y: u32| merged.class(class)[(y * closer.size.0 / 2 + x) as usize];
        let near = |value: f32, expected: f32| (value - expected).abs() < 1e-5;
        assert!(near(at(Class::Background, 0, 0), 1.0));
        // Where the first look saw a shirt both decide; where it saw a face the second knows that it is cloth.
        let (shirt, face) = ((x_px / 2 + 32, y_px / 2 + 64), (x_px / 2 + 32, y_px / 2 + 12));
        assert!(near(at(Class::Bag, shirt.0, shirt.1), 0.5) && near(at(Class::Upper, shirt.0, shirt.1), 0.5));
        assert!(near(at(Class::Bag, face.0, face.1), 1.0) && near(at(Class::Skin, face.0, face.1), 0.0));
    }

    #[test]
    fn no_second_look_without_a_person_or_where_it_would_show_no_more() {
        assert!(Closer::of(&person(2..48, 2..48), (1000, 1000), input).is_some());
        assert_eq!(Closer::of(&person(20..30, 5..45), (100, 100), input), None);
        assert_eq!(Closer::of(&person(0..0, 0..0), (1000, 1000), input), None);
    }

    #[test]
    fn the_frame_stays_within_the_photo_and_is_never_tiny() {
        for (first, last) in [(0, 0), (0, 49), (49, 49), (20, 21), (3, 40)] {
            let (from, to) = side(first, last, 50, 0.125);
            assert!(0.0 <= from && to <= 1.0 + 1e-9 && to - from >= LEAST_SIDE - 1e-9, "{first} {last}: {from} {to}");
            assert!(from <= first as f64 / 50.0 && to >= (last + 1) as f64 / 50.0, "{first} {last}: {from} {to}");
        }
    }
}
