//! From dyed colours to a picture's channels: gamut, dither, rounding, and the photo below.

use crate::color::{Curve, codes_from_lab, codes_from_linear, linear_from_codes, linear_from_lab};
use crate::composite::Channel;
use crate::dye_lanes::{InkPaint, PixelLanes, dye_lanes};
use crate::vector::{LANES, Lanes, vectorised, whole};

/// A pixel of which less is dyed keeps its bytes.
const LEAST_DYED: f32 = 0.004;

/// Columns and rows of pixels in their picture, which decide the dither.
pub(crate) struct Places {
    pub columns: Lanes,
    pub rows: Lanes,
}

impl Places {
    /// [`LANES`] neighbours in a row.
    pub fn along(column: usize, row: usize) -> Self {
        Self { columns: std::array::from_fn(|i| (column + i) as f32), rows: [row as f32; LANES] }
    }

    /// Single pixels by their row-major indices in a picture of this width.
    pub fn of(indices: &[usize], width: usize) -> Self {
        let mut places = Self { columns: [0.0; LANES], rows: [0.0; LANES] };
        for (i, &index) in indices.iter().enumerate().take(LANES) {
            (places.columns[i], places.rows[i]) = ((index % width.max(1)) as f32, (index / width.max(1)) as f32);
        }
        places
    }
}

/// Pixels in their new colour.
pub(crate) struct Finished {
    /// 0 to 255, with dither and not yet rounded.
    codes: [Lanes; 3],
    /// Share that is dyed.
    dyed: Lanes,
}

impl Finished {
    /// Dyes pixels; `noise` is the coring threshold of detail in L*, `dither` codes are added at most.
    pub fn of(pixels: &PixelLanes, paints: &[InkPaint], noise: f32, dither: f32, places: &Places) -> Self {
        let mut out = [[0.0; LANES]; 4];
        dye_lanes(pixels, paints, noise, &mut out);
        let [l, a, b, dyed] = out;
        let mut codes = [l, a, b];
        codes_from_lab(&mut codes);
        if dither > 0.0 {
            add_dither(&mut codes, dither, &places.columns, &places.rows);
        }
        Self { codes, dyed }
    }

    /// Puts the first pixels over the photo's, whose channels `row` holds, one for each of `alpha`.
    pub fn lay_over<T: Channel>(&self, row: &mut [T], alpha: &[u8], pixels: &PixelLanes, curve: Curve) {
        let mut rounded = [[T::default(); LANES]; 3];
        rounded.iter_mut().zip(&self.codes).for_each(|(rounded, codes)| T::of_codes(codes, rounded));
        let [red, green, blue] = &rounded;
        let (below, _) = row.as_chunks_mut::<3>();
        let n = alpha.len();
        // Inside the garment all pixels are exchanged, and nothing needs to be asked of each.
        let whole = alpha.iter().all(|&a| a == 255) && self.dyed[..n].iter().all(|&dyed| dyed >= LEAST_DYED);
        if whole {
            for (((rgb, &r), &g), &b) in below.iter_mut().zip(red).zip(green).zip(blue).take(n) {
                *rgb = [r, g, b];
            }
            return;
        }
        let soft = alpha.iter().any(|&a| !matches!(a, 0 | 255));
        let mixed = if soft { self.mixed(below, alpha, pixels, curve) } else { rounded };
        for (i, (rgb, &alpha)) in below.iter_mut().zip(alpha).enumerate() {
            if alpha > 0 && self.dyed[i] >= LEAST_DYED {
                let from = if alpha == 255 { &rounded } else { &mixed };
                *rgb = [from[0][i], from[1][i], from[2][i]];
            }
        }
    }

    /// Exchanges the cloth's share of pixels that also show what is behind: `photo + share · (dyed − cloth)` in linear light.
    fn mixed<T: Channel>(&self, below: &[[T; 3]], alpha: &[u8], pixels: &PixelLanes, curve: Curve) -> [[T; LANES]; 3] {
        let mut shares = [0.0; LANES];
        shares.iter_mut().zip(alpha).for_each(|(share, &a)| *share = f32::from(a) / 255.0);
        let mut cloth = pixels.color;
        linear_from_lab(&mut cloth);
        let mut out = [[T::default(); LANES]; 3];
        for (c, out) in out.iter_mut().enumerate() {
            let mut dyed = self.codes[c].map(|code| code.clamp(0.0, 255.0));
            linear_from_codes(&mut dyed, curve);
            let mut photo = [0.0; LANES];
            photo.iter_mut().zip(below).for_each(|(light, rgb)| *light = rgb[c].code());
            linear_from_codes(&mut photo, curve);
            exchange(&mut photo, &shares, &dyed, &cloth[c]);
            codes_from_linear(&mut photo, curve);
            T::of_codes(&photo, out);
        }
        out
    }
}

vectorised! {
/// Adds shares of the difference of what is dyed and what was.
fn exchange / exchange_plain(photo: &mut Lanes, shares: &Lanes, dyed: &Lanes, cloth: &Lanes) {
    for i in 0..LANES {
        photo[i] += shares[i] * (dyed[i] - cloth[i]);
    }
}
}

/// Ordered noise between −½ and ½: interleaved gradient noise (Jimenez, "Next generation post processing", 2014).
#[inline(always)]
#[allow(clippy::inline_always)]
fn threshold(x: f32, y: f32) -> f32 {
    let fraction = |v: f32| v - whole(v);
    fraction(52.982_918 * fraction(0.067_110_56 * x + 0.005_837_15 * y)) - 0.5
}

vectorised! {
/// Adds up to `dither` codes of ordered noise either way.
fn add_dither / add_dither_plain(codes: &mut [Lanes; 3], dither: f32, columns: &Lanes, rows: &Lanes) {
    for i in 0..LANES {
        let noise = dither * threshold(columns[i], rows[i]);
        codes[0][i] += noise;
        codes[1][i] += noise;
        codes[2][i] += noise;
    }
}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::{Lab, linear_from_srgb_code, srgb_code_from_linear};

    #[test]
    fn wide_code_gives_the_bits_of_plain_code() {
        let places = Places::along(1937, 2803);
        let codes = [0.3, 100.2, 254.9].map(|code| [code; LANES]);
        let (mut wide, mut plain) = (codes, codes);
        add_dither(&mut wide, 0.8, &places.columns, &places.rows);
        add_dither_plain(&mut plain, 0.8, &places.columns, &places.rows);
        assert_eq!(wide, plain);
        exchange(&mut wide[0], &[0.3; LANES], &codes[1], &codes[2]);
        exchange_plain(&mut plain[0], &[0.3; LANES], &codes[1], &codes[2]);
        assert_eq!(wide, plain);
        assert!(wide[1].iter().all(|code| (code - 100.2).abs() <= 0.401) && wide[1][0] != wide[1][1]);
    }

    #[test]
    fn edges_mix_as_their_definition_has_it() {
        let mut pixels = PixelLanes::new(1);
        for i in 0..LANES {
            let at = i as f32;
            (pixels.color[0][i], pixels.color[1][i], pixels.color[2][i]) = (at * 1.5, at - 30.0, 20.0 - at);
        }
        let codes = [3.7, 0.9, 5.1].map(|step| std::array::from_fn(|i| i as f32 * step - 10.0));
        let finished = Finished { codes, dyed: [1.0; LANES] };
        let alpha: Vec<u8> = (0..60).map(|i| [0, 7, 128, 254, 255][i % 5]).collect();
        let photo: Vec<u8> = (0..180).map(|i| (i * 89 % 256) as u8).collect();
        let mut out = photo.clone();
        finished.lay_over(&mut out, &alpha, &pixels, Curve::get());
        for (i, &a) in alpha.iter().enumerate() {
            let cloth = Lab::new(pixels.color[0][i], pixels.color[1][i], pixels.color[2][i]).to_linear();
            for c in 0..3 {
                let (before, code) = (photo[3 * i + c], codes[c][i]);
                let new = linear_from_srgb_code(code.clamp(0.0, 255.0));
                let mixed = linear_from_srgb_code(f32::from(before)) + f32::from(a) / 255.0 * (new - cloth[c]);
                let expected = match a {
                    0 => before,
                    255 => u8::of_code(code),
                    _ => u8::of_code(srgb_code_from_linear(mixed)),
                };
                assert_eq!(out[3 * i + c], expected, "pixel {i}, channel {c}");
            }
        }
    }

    #[test]
    fn places_of_neighbours_are_those_along_the_row() {
        let (along, single) =
            (Places::along(30, 7), Places::of(&(0..LANES).map(|i| 7 * 200 + 30 + i).collect::<Vec<_>>(), 200));
        assert_eq!((along.columns, along.rows), (single.columns, single.rows));
    }
}
