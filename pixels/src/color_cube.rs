//! Any map from colours to colours as a table, fast enough for every pixel of a large photo.

use rayon::prelude::*;

use crate::composite::Channel;
use crate::{Mask, Result, Srgb16Image, SrgbImage};

/// Nodes per axis.
const NODES: usize = 33;
/// Nodes per sRGB code.
const STEP: f32 = (NODES - 1) as f32 / 255.0;

/// A map of sRGB colours, tabulated at 33 × 33 × 33 of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorCube {
    /// `[red][green][blue]`, codes 0 to 255, not rounded.
    nodes: Vec<[f32; 3]>,
}

impl ColorCube {
    /// Tabulates a map of sRGB codes 0 to 255.
    pub fn new(map: impl Fn([f32; 3]) -> [f32; 3] + Sync) -> Self {
        let code = |i: usize| i as f32 / STEP;
        let at = |i: usize| map([code(i / (NODES * NODES)), code(i / NODES % NODES), code(i % NODES)]);
        Self { nodes: (0..NODES * NODES * NODES).into_par_iter().map(at).collect() }
    }

    /// The map's value for a colour of codes 0 to 255, tetrahedrally between the nodes.
    ///
    /// # Source
    /// Kasson, Plouffe and Nin, "A tetrahedral interpolation technique for color space conversion", 1993.
    #[inline]
    pub fn at(&self, rgb: [f32; 3]) -> [f32; 3] {
        let place = rgb.map(|code| code * STEP);
        let low = place.map(|v| (v as usize).min(NODES - 2));
        let [r, g, b] = [place[0] - low[0] as f32, place[1] - low[1] as f32, place[2] - low[2] as f32];
        let (red, green, blue) = (NODES * NODES, NODES, 1);
        let base = low[0] * red + low[1] * green + low[2];
        // From the darkest corner to the lightest along the axes, the largest share first.
        let [(first, a), (second, m), (_, c)] = {
            let mut axes = [(red, r), (green, g), (blue, b)];
            if axes[0].1 < axes[1].1 {
                axes.swap(0, 1);
            }
            if axes[1].1 < axes[2].1 {
                axes.swap(1, 2);
            }
            if axes[0].1 < axes[1].1 {
                axes.swap(0, 1);
            }
            axes
        };
        let corners = [base, base + first, base + first + second, base + red + green + blue];
        let shares = [1.0 - a, a - m, m - c, c];
        let mut out = [0.0; 3];
        for (corner, share) in corners.into_iter().zip(shares) {
            let node = &self.nodes[corner];
            out.iter_mut().zip(node).for_each(|(sum, value)| *sum += share * value);
        }
        out
    }

    /// A photo through the map, as far as `share` (0 none, 255 whole) says of each pixel; where it is 0 the photo stays as
    /// it is, bit for bit.
    ///
    /// # Errors
    /// [`crate::Error::SizeMismatch`] when photo and mask differ in size.
    pub fn apply(&self, photo: &SrgbImage, share: &Mask) -> Result<SrgbImage> {
        share.check_size(photo.width_px(), photo.height_px())?;
        let mut out = photo.clone();
        self.apply_rows(out.data_mut(), share);
        Ok(out)
    }

    /// The same with 16 bits a channel.
    ///
    /// # Errors
    /// As [`ColorCube::apply`].
    pub fn apply_deep(&self, photo: &Srgb16Image, share: &Mask) -> Result<Srgb16Image> {
        share.check_size(photo.width_px(), photo.height_px())?;
        let mut out = photo.clone();
        self.apply_rows(out.data_mut(), share);
        Ok(out)
    }

    fn apply_rows<T: Channel>(&self, picture: &mut [T], share: &Mask) {
        let width = (share.width_px() as usize).max(1);
        picture.par_chunks_mut(3 * width).zip(share.data().par_chunks(width)).for_each(|(row, shares)| {
            for (rgb, &share) in row.chunks_exact_mut(3).zip(shares) {
                if share == 0 {
                    continue;
                }
                let mapped = self.at([rgb[0].code(), rgb[1].code(), rgb[2].code()]);
                let share = f32::from(share) / 255.0;
                for (value, mapped) in rgb.iter_mut().zip(mapped) {
                    let own = value.code();
                    *value = T::of_code((own + (mapped - own) * share).clamp(0.0, 255.0));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind_of_color() -> impl Iterator<Item = [u8; 3]> {
        (0..4000_u32).map(|i| [i * 37 % 256, i * 101 % 256, i * 193 % 256].map(|v| v as u8))
    }

    #[test]
    fn affine_maps_are_kept_exactly_and_curved_ones_nearly() {
        let affine = |[r, g, b]: [f32; 3]| [0.5 * r + 0.2 * b + 3.0, 0.9 * g, 0.3 * r + 0.3 * g + 0.3 * b];
        let cube = ColorCube::new(affine);
        let curve = |rgb: [f32; 3]| rgb.map(|v| 255.0 * (v / 255.0).powf(0.8));
        let curved = ColorCube::new(curve);
        for rgb in every_kind_of_color() {
            let exact = affine(rgb.map(f32::from));
            assert!(cube.at(rgb.map(f32::from)).iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-3), "{rgb:?}");
            let exact = curve(rgb.map(f32::from));
            assert!(curved.at(rgb.map(f32::from)).iter().zip(exact).all(|(a, b)| (a - b).abs() < 1.5), "{rgb:?}");
        }
    }

    #[test]
    fn nothing_changes_where_the_share_is_nothing_and_by_the_identity() {
        let photo = SrgbImage::new(4, 1, vec![0, 255, 7, 90, 91, 92, 255, 255, 255, 1, 2, 3]).unwrap();
        let dark = ColorCube::new(|_| [0.0; 3]);
        let mut share = Mask::filled(4, 1, 0);
        share.data_mut()[1] = 255;
        let out = dark.apply(&photo, &share).unwrap();
        assert_eq!(out.data(), [0, 255, 7, 0, 0, 0, 255, 255, 255, 1, 2, 3]);
        let same = ColorCube::new(|rgb| rgb);
        assert_eq!(same.apply(&photo, &Mask::filled(4, 1, 255)).unwrap(), photo);
        assert!(same.apply(&photo, &Mask::filled(1, 4, 255)).is_err());
    }

    #[test]
    fn sixteen_bits_keep_what_eight_round_away() {
        let ramp = Srgb16Image::new(300, 1, (0..900).map(|i| 20_000 + i as u16).collect()).unwrap();
        let darker = ColorCube::new(|rgb| rgb.map(|v| 0.5 * v));
        let whole = Mask::filled(300, 1, 255);
        let out = darker.apply_deep(&ramp, &whole).unwrap();
        assert!(
            out.data().iter().zip(ramp.data()).all(|(new, old)| (f32::from(*new) - 0.5 * f32::from(*old)).abs() < 1.5)
        );
        assert_eq!(darker.apply_deep(&ramp, &Mask::filled(300, 1, 0)).unwrap(), ramp);
        let eight = darker.apply(&ramp.to_srgb8(), &whole).unwrap();
        assert!(eight.data().iter().zip(out.to_srgb8().data()).all(|(a, b)| a.abs_diff(*b) <= 1));
    }
}
