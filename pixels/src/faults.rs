//! What can be wrong with a picture whatever it shows: empty, out of focus, noise, cut off, covered by a flat patch.
//!
//! Measured on a copy of 224×224 px, the size at which the gate looks, so a fault is one that the gate can see; fine
//! blur of a large photo is none. Thresholds were chosen on 1,744 real catalogue and phone photos (the gate's calibration
//! part), of which at most three in a thousand may be lost to each check; `rangrez eval gate` says how many others are.

use crate::{Result, SrgbImage, resize_linear};

/// Side of the copy that is measured, in pixels.
const SIDE: u32 = 224;
const N: usize = SIDE as usize;

/// A fault of a picture.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Hardly anything but one colour.
    Empty,
    /// No edge is sharp.
    Blurred,
    /// Noise covers what was photographed.
    Noisy,
    /// A band along one side was lost to one colour, as after a broken download.
    CutOff,
    /// One exactly even colour fills a large part that is no backdrop.
    Flat,
}

impl Fault {
    /// Every fault, in the order in which they are named when several hold.
    pub const EVERY: [Self; 5] = [Self::Empty, Self::Blurred, Self::Noisy, Self::CutOff, Self::Flat];

    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Blurred => "blurred",
            Self::Noisy => "covered by noise",
            Self::CutOff => "cut off",
            Self::Flat => "covered by one flat colour",
        }
    }
}

/// What the checks measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Soundness {
    /// Range of luma that holds all but a hundredth at each end, in codes.
    pub range: f32,
    /// The steepest change of slope of luma over the steepest slope (99.5th percentiles): 2 for single-pixel edges,
    /// towards 0 the softer the edges are.
    pub sharpness: f32,
    /// Standard deviation of noise in codes, by the median response of a mask that is blind to edges and slopes.
    pub noise: f32,
    /// Share of the picture in an even band along one side, if its inner border is a straight cut through the picture.
    pub cut: f32,
    /// Share of the largest connected area of one exact colour that is neither near white or black nor the backdrop, which
    /// is what runs along much of the picture's border.
    pub flat: f32,
}

impl Soundness {
    /// Measures a picture of any size.
    ///
    /// # Errors
    /// When it has no pixels.
    ///
    /// # Source
    /// Noise: Immerkær, "Fast noise variance estimation", 1996, with the median in place of the mean.
    pub fn of(image: &SrgbImage) -> Result<Self> {
        let small = resize_linear(image, SIDE, SIDE)?;
        let luma: Vec<f32> = small.data().chunks_exact(3).map(luma).collect();
        Ok(Self {
            range: range(&luma),
            sharpness: sharpness(&luma),
            noise: noise(&luma),
            cut: cut(&small),
            flat: flat(&small),
        })
    }

    /// The first fault that these measures amount to.
    pub fn fault(&self) -> Option<Fault> {
        Fault::EVERY.into_iter().find(|&fault| self.has(fault))
    }

    /// Whether a check fails.
    pub fn has(&self, fault: Fault) -> bool {
        match fault {
            // Real photos: at least 32.
            Fault::Empty => self.range < 20.0,
            // Real photos: at least 0.82; reduced to 28 px and enlarged: half below 0.41.
            Fault::Blurred => self.sharpness < 0.78,
            // Real photos: at most 10.9.
            Fault::Noisy => self.noise > 12.0,
            // Catalogue photos padded to their format have such bands too: 0.29 in three of a thousand.
            Fault::CutOff => self.cut > 0.3,
            // Real photos: at most 0.11 in 999 of a thousand.
            Fault::Flat => self.flat > 0.15,
        }
    }
}

fn luma(code: &[u8]) -> f32 {
    0.299 * f32::from(code[0]) + 0.587 * f32::from(code[1]) + 0.114 * f32::from(code[2])
}

fn percentile(values: &mut [f32], share: f32) -> f32 {
    let rank = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

fn range(luma: &[f32]) -> f32 {
    let mut values = luma.to_vec();
    percentile(&mut values, 0.99) - percentile(&mut values, 0.01)
}

fn sharpness(luma: &[f32]) -> f32 {
    let (mut slopes, mut bends) = (Vec::with_capacity(2 * N * N), Vec::with_capacity(2 * N * N));
    for y in 1..N - 1 {
        for x in 1..N - 1 {
            let at = |dx: usize, dy: usize| luma[(y + dy - 1) * N + x + dx - 1];
            for (before, here, after) in [(at(0, 1), at(1, 1), at(2, 1)), (at(1, 0), at(1, 1), at(1, 2))] {
                slopes.push((after - here).abs());
                bends.push((before - 2.0 * here + after).abs());
            }
        }
    }
    percentile(&mut bends, 0.995) / percentile(&mut slopes, 0.995).max(1.0)
}

fn noise(luma: &[f32]) -> f32 {
    let mut responses = Vec::with_capacity(N * N);
    for y in 1..N - 1 {
        let row = |dy: usize, x: usize| luma[(y + dy - 1) * N + x];
        for x in 1..N - 1 {
            let line = |dy: usize| row(dy, x - 1) - 2.0 * row(dy, x) + row(dy, x + 1);
            responses.push((line(0) - 2.0 * line(1) + line(2)).abs());
        }
    }
    // The mask's weights have a root of squares of 6; 1.4826 makes a median a deviation.
    percentile(&mut responses, 0.5) * 1.4826 / 6.0
}

/// From a depth below a side and a place along it to a pixel's place.
type FromSide = fn(usize, usize) -> (usize, usize);

/// The deepest even band along a side whose inner border is a cut.
fn cut(image: &SrgbImage) -> f32 {
    let sides: [FromSide; 4] = [|i, j| (j, i), |i, j| (j, N - 1 - i), |i, j| (i, j), |i, j| (N - 1 - i, j)];
    let of_side = |at: FromSide| {
        let pixel = |i: usize, j: usize| {
            let (x, y) = at(i, j);
            image.pixel(x as u32, y as u32)
        };
        let fill = pixel(0, 0);
        let even = |i: &usize| (0..N).all(|j| apart(pixel(*i, j), fill) <= 3);
        let depth = (0..N).take_while(even).count();
        // A backdrop gives way to the product little by little, a cut at once along much of its length.
        let inner = depth + 1;
        if depth == 0 || inner >= N {
            return 0.0;
        }
        let changed = (0..N).filter(|&j| apart(pixel(inner, j), fill) > 16).count();
        if changed * 4 >= N { depth as f32 / N as f32 } else { 0.0 }
    };
    sides.into_iter().map(of_side).fold(0.0, f32::max)
}

/// The largest channel's difference.
fn apart(a: [u8; 3], b: [u8; 3]) -> u8 {
    a.into_iter().zip(b).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

fn flat(image: &SrgbImage) -> f32 {
    let codes: Vec<[u8; 3]> = image.data().chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect();
    let clipped = |c: [u8; 3]| c.iter().all(|&v| v >= 248) || c.iter().all(|&v| v <= 7);
    let mut seen = vec![false; N * N];
    let mut largest = 0;
    for start in 0..N * N {
        if seen[start] || clipped(codes[start]) {
            continue;
        }
        seen[start] = true;
        let (mut stack, mut size, mut at_border) = (vec![start], 0, 0);
        while let Some(i) = stack.pop() {
            size += 1;
            let (x, y) = (i % N, i / N);
            at_border += usize::from(x == 0 || y == 0 || x == N - 1 || y == N - 1);
            let mut visit = |j: usize| {
                if !seen[j] && apart(codes[j], codes[start]) <= 1 {
                    seen[j] = true;
                    stack.push(j);
                }
            };
            if x > 0 {
                visit(i - 1);
            }
            if x + 1 < N {
                visit(i + 1);
            }
            if y > 0 {
                visit(i - N);
            }
            if y + 1 < N {
                visit(i + N);
            }
        }
        if at_border * 8 < 4 * N {
            largest = largest.max(size);
        }
    }
    largest as f32 / (N * N) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(f: impl Fn(u32, u32) -> [u8; 3]) -> SrgbImage {
        SrgbImage::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(|i| f(i % SIDE, i / SIDE)).collect()).unwrap()
    }

    /// A number without pattern for each pixel, 0 to 255.
    fn speckle(x: u32, y: u32, salt: u32) -> u32 {
        let mut h = x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_mul(0x85EB_CA6B) ^ salt.wrapping_mul(0xC2B2_AE35);
        h ^= h >> 15;
        h = h.wrapping_mul(0x2C1B_3C6D);
        (h ^ (h >> 13)) & 255
    }

    /// A striped shirt with a weave on a white backdrop, its hem uneven.
    fn shirt(x: u32, y: u32) -> [u8; 3] {
        if !(60..164).contains(&x) || y < 30 || y > 195 + x % 7 {
            return [255; 3];
        }
        let stripe = if (x / 12).is_multiple_of(2) { 40 } else { 120 };
        [stripe + (speckle(x, y, 1) % 6) as u8, 60 + (speckle(x, y, 2) % 6) as u8, 150]
    }

    fn fault(image: &SrgbImage) -> Option<Fault> {
        Soundness::of(image).unwrap().fault()
    }

    #[test]
    fn a_sound_picture_has_no_fault_at_any_size() {
        assert_eq!(fault(&picture(shirt)), None);
        let large = resize_linear(&picture(shirt), 900, 1200).unwrap();
        // Enlarged fourfold and looked at small again, edges are as sharp as before.
        assert_eq!(fault(&large), None);
        assert_eq!(Soundness::of(&picture(shirt)).unwrap(), Soundness::of(&picture(shirt)).unwrap());
    }

    #[test]
    fn every_fault_is_named() {
        let blurred = resize_linear(&resize_linear(&picture(shirt), 14, 14).unwrap(), SIDE, SIDE).unwrap();
        let noise =
            |x: u32, y: u32, c: u32| (shirt(x, y)[c as usize].saturating_sub(60)) + (speckle(x, y, c + 5) / 2) as u8;
        let cases = [
            (picture(|x, _| [200 + (x % 3) as u8; 3]), Fault::Empty),
            (blurred, Fault::Blurred),
            (picture(|x, y| [0, 1, 2].map(|c| noise(x, y, c))), Fault::Noisy),
            (picture(|x, y| [0, 1, 2].map(|c| speckle(x, y, c) as u8)), Fault::Noisy),
            (picture(|x, y| if y < SIDE / 3 { shirt(x, y) } else { [128; 3] }), Fault::CutOff),
            (picture(|x, y| if x < SIDE / 2 { shirt(x, y) } else { [255; 3] }), Fault::CutOff),
            (picture(|x, y| if y > SIDE / 2 { shirt(x, y) } else { [0; 3] }), Fault::CutOff),
            (
                picture(
                    |x, y| if (50..180).contains(&x) && (40..180).contains(&y) { [90, 30, 60] } else { shirt(x, y) },
                ),
                Fault::Flat,
            ),
        ];
        for (image, expected) in cases {
            assert_eq!(fault(&image), Some(expected), "{:?}", Soundness::of(&image));
        }
    }

    #[test]
    fn a_backdrop_is_no_cut_and_no_patch() {
        // The product in the upper half alone, a long way of white below it.
        assert_eq!(fault(&picture(|x, y| if y < 110 - x % 9 { shirt(x, y) } else { [255; 3] })), None);
        assert!(Soundness::of(&SrgbImage::filled(50, 20, [255; 3])).unwrap().has(Fault::Empty));
    }
}
