//! Crops, scales, turns and mirrors pictures together with what is known of their pixels.

use pixels::SrgbImage;

use crate::segmenter::ClassSet;

/// A picture and what is known of every pixel.
pub struct Labelled {
    /// The picture.
    pub image: SrgbImage,
    /// One set per pixel, row-major.
    pub sets: Vec<ClassSet>,
}

/// Which part of a source is shown, in source pixels.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Source point at the centre of the output.
    pub center: (f32, f32),
    /// Source pixels per output pixel.
    pub scale: f32,
    /// Counter-clockwise, in radians.
    pub turn: f32,
    /// Left and right swapped.
    pub mirror: bool,
}

/// A float picture on the way to being a training sample: codes 0 to 255, interleaved RGB, and sets at half size.
pub struct Canvas {
    /// Width in pixels, even.
    pub width: usize,
    /// Height in pixels, even.
    pub height: usize,
    /// Codes, interleaved.
    pub codes: Vec<f32>,
    /// Sets of the pixels of the half-size picture.
    pub sets: Vec<ClassSet>,
}

/// What surrounds a source picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// More of the same backdrop.
    Backdrop,
    /// Nobody knows; the edge is repeated.
    Unknown,
}

impl View {
    /// Source coordinates (pixel centres at .5) of an output point.
    fn source(&self, x: f32, y: f32, width: usize, height: usize) -> (f32, f32) {
        let (mut dx, dy) = (x - width as f32 / 2.0, y - height as f32 / 2.0);
        if self.mirror {
            dx = -dx;
        }
        let (sin, cos) = self.turn.sin_cos();
        let (sx, sy) = (cos * dx - sin * dy, sin * dx + cos * dy);
        (self.center.0 + sx * self.scale, self.center.1 + sy * self.scale)
    }

    /// Points per side of an output pixel that keep thin things from flickering when the source is finer.
    fn taps(&self) -> usize {
        if self.scale > 2.2 {
            3
        } else if self.scale > 1.25 {
            2
        } else {
            1
        }
    }
}

fn bilinear<const N: usize>(data: &[f32], w: usize, h: usize, x: f32, y: f32) -> [f32; N] {
    let (x, y) = ((x - 0.5).clamp(0.0, (w - 1) as f32), (y - 0.5).clamp(0.0, (h - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    std::array::from_fn(|c| {
        let at = |x: usize, y: usize| data[(y * w + x) * N + c];
        let top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
        let bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
        top + (bottom - top) * fy
    })
}

fn set_at(sets: &[ClassSet], w: usize, h: usize, x: f32, y: f32, outside: ClassSet) -> ClassSet {
    if x < 0.0 || y < 0.0 || x >= w as f32 || y >= h as f32 {
        return outside;
    }
    sets[y as usize * w + x as usize]
}

/// Samples planes of `N` values at every output pixel.
fn sample_planes<const N: usize>(
    data: &[f32],
    size: (usize, usize),
    view: &View,
    width: usize,
    height: usize,
    mut put: impl FnMut(usize, [f32; N]),
) {
    let taps = view.taps();
    let share = 1.0 / (taps * taps) as f32;
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0; N];
            for t in 0..taps * taps {
                let offset = |i: usize| (i as f32 + 0.5) / taps as f32;
                let (sx, sy) = view.source(x as f32 + offset(t % taps), y as f32 + offset(t / taps), width, height);
                let value: [f32; N] = bilinear(data, size.0, size.1, sx, sy);
                for c in 0..N {
                    sum[c] += value[c] * share;
                }
            }
            put(y * width + x, sum);
        }
    }
}

impl Canvas {
    /// A canvas of one code and one set.
    pub fn filled(width: usize, height: usize, code: [f32; 3], set: ClassSet) -> Self {
        let sets = vec![set; (width / 2) * (height / 2)];
        Self { width, height, codes: code.repeat(width * height), sets }
    }

    /// Shows a view of a labelled picture.
    pub fn view(source: &Labelled, view: &View, outside: Outside, width: usize, height: usize) -> Self {
        let size = (source.image.width_px() as usize, source.image.height_px() as usize);
        let data: Vec<f32> = source.image.data().iter().map(|&code| f32::from(code)).collect();
        let mut canvas = Self::filled(width, height, [0.0; 3], ClassSet::ANY);
        sample_planes::<3>(&data, size, view, width, height, |i, rgb| {
            canvas.codes[3 * i..3 * i + 3].copy_from_slice(&rgb);
        });
        let beyond = if outside == Outside::Backdrop { ClassSet::BACKGROUND } else { ClassSet::ANY };
        canvas.fill_sets(|x, y| {
            let (sx, sy) = view.source(x, y, width, height);
            Some(set_at(&source.sets, size.0, size.1, sx, sy, beyond))
        });
        canvas
    }

    /// Puts the front of a labelled picture, given by `alpha` (0 to 1 per source pixel), over this canvas.
    ///
    /// Returns the alpha laid down, per output pixel.
    pub fn paste(&mut self, source: &Labelled, alpha: &[f32], view: &View, shadow: Option<Shadow>) -> Vec<f32> {
        let (width, height) = (self.width, self.height);
        let size = (source.image.width_px() as usize + 2, source.image.height_px() as usize + 2);
        // Premultiplied, with a transparent frame, so that nothing of the old backdrop bleeds in at the edge.
        let mut data = vec![0.0; size.0 * size.1 * 4];
        for y in 0..size.1 - 2 {
            for x in 0..size.0 - 2 {
                let (from, to) = (y * (size.0 - 2) + x, ((y + 1) * size.0 + x + 1) * 4);
                for c in 0..3 {
                    data[to + c] = f32::from(source.image.data()[3 * from + c]) * alpha[from];
                }
                data[to + 3] = alpha[from];
            }
        }
        let framed = View { center: (view.center.0 + 1.0, view.center.1 + 1.0), ..*view };
        let mut laid = vec![0.0; width * height];
        let mut front = vec![0.0; width * height * 3];
        sample_planes::<4>(&data, size, &framed, width, height, |i, [r, g, b, a]| {
            front[3 * i..3 * i + 3].copy_from_slice(&[r, g, b]);
            laid[i] = a;
        });
        if let Some(shadow) = shadow {
            self.darken(&laid, shadow);
        }
        for (i, &a) in laid.iter().enumerate() {
            for c in 0..3 {
                self.codes[3 * i + c] = front[3 * i + c] + self.codes[3 * i + c] * (1.0 - a);
            }
        }
        let (w, h) = (size.0 - 2, size.1 - 2);
        let shown = laid.clone();
        self.fill_sets(|x, y| {
            let a = shown[y as usize * width + x as usize];
            if a < 0.5 {
                return None;
            }
            let (sx, sy) = view.source(x, y, width, height);
            Some(set_at(&source.sets, w, h, sx, sy, ClassSet::ANY))
        });
        laid
    }

    fn darken(&mut self, alpha: &[f32], shadow: Shadow) {
        let mut soft = alpha.to_vec();
        for _ in 0..2 {
            box_blur(&mut soft, self.width, self.height, shadow.radius);
        }
        let (dx, dy) = shadow.offset;
        for y in 0..self.height as i32 {
            for x in 0..self.width as i32 {
                let (sx, sy) = ((x - dx).clamp(0, self.width as i32 - 1), (y - dy).clamp(0, self.height as i32 - 1));
                let keep = 1.0 - shadow.strength * soft[(sy * self.width as i32 + sx) as usize];
                let at = (y * self.width as i32 + x) as usize * 3;
                self.codes[at..at + 3].iter_mut().for_each(|code| *code *= keep);
            }
        }
    }

    /// Sets the half-size pixels for which `of`, asked at their centres in output pixels, knows something.
    fn fill_sets(&mut self, of: impl Fn(f32, f32) -> Option<ClassSet>) {
        let (w, h) = (self.width / 2, self.height / 2);
        for y in 0..h {
            for x in 0..w {
                if let Some(set) = of(2.0 * x as f32 + 1.0, 2.0 * y as f32 + 1.0) {
                    self.sets[y * w + x] = set;
                }
            }
        }
    }
}

/// A soft drop shadow.
#[derive(Clone, Copy, Debug)]
pub struct Shadow {
    /// Right and down, in pixels.
    pub offset: (i32, i32),
    /// Blur radius in pixels.
    pub radius: usize,
    /// Share of the light taken away, 0 to 1.
    pub strength: f32,
}

/// Mean over a (2r + 1)² window, edges repeated, in place.
pub fn box_blur(data: &mut [f32], w: usize, h: usize, radius: usize) {
    let r = radius as isize;
    let share = 1.0 / (2 * radius + 1) as f32;
    let mut line = Vec::new();
    let mut run = |data: &mut [f32], start: usize, step: usize, n: usize| {
        line.clear();
        line.extend((0..n).map(|i| data[start + i * step]));
        let at = |i: isize| line[i.clamp(0, n as isize - 1) as usize];
        let mut sum: f32 = (-r..=r).map(at).sum();
        for i in 0..n {
            data[start + i * step] = sum * share;
            sum += at(i as isize + r + 1) - at(i as isize - r);
        }
    };
    for y in 0..h {
        run(data, y * w, 1, w);
    }
    for x in 0..w {
        run(data, x, w, h);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Labelled {
        let mut image = SrgbImage::filled(8, 8, [0; 3]);
        for i in 0..64 {
            image.data_mut()[3 * i] = i as u8;
        }
        let mut sets = vec![ClassSet::BACKGROUND; 64];
        sets[63] = ClassSet::GARMENT;
        Labelled { image, sets }
    }

    #[test]
    fn the_identity_view_shows_the_source_and_a_mirrored_one_its_mirror() {
        let source = ramp();
        let view = View { center: (4.0, 4.0), scale: 1.0, turn: 0.0, mirror: false };
        let same = Canvas::view(&source, &view, Outside::Unknown, 8, 8);
        assert!((0..64).all(|i| (same.codes[3 * i] - i as f32).abs() < 1e-3));
        assert_eq!(same.sets[15], ClassSet::GARMENT);
        let mirrored = Canvas::view(&source, &View { mirror: true, ..view }, Outside::Unknown, 8, 8);
        assert!((mirrored.codes[0] - 7.0).abs() < 1e-3);
    }

    #[test]
    fn pasting_leaves_the_canvas_where_alpha_is_zero() {
        let view = View { center: (4.0, 4.0), scale: 1.0, turn: 0.0, mirror: false };
        let mut canvas = Canvas::filled(8, 8, [9.0; 3], ClassSet::BACKGROUND);
        let mut alpha = vec![0.0; 64];
        alpha[63] = 1.0;
        canvas.paste(&ramp(), &alpha, &view, None);
        assert!((canvas.codes[0] - 9.0).abs() < 1e-4 && (canvas.codes[63 * 3] - 63.0).abs() < 1e-3);
    }

    #[test]
    fn a_blur_of_a_constant_is_the_constant() {
        let mut data = vec![3.0; 35];
        box_blur(&mut data, 7, 5, 2);
        assert!(data.iter().all(|v| (v - 3.0).abs() < 1e-5));
    }
}
