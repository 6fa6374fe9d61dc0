//! `OKLab` and its polar form `OKLCH`.

use super::{Lab, linear_from_srgb8, srgb8_from_linear};

/// An `OKLab` colour: `l` 0 to 1, `a` and `b` about −0.4 to 0.4.
///
/// # Source
/// Ottosson, "A perceptual color space for image processing", 2020.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Oklab {
    /// Lightness, 0 (black) to 1 (white).
    pub l: f32,
    /// Green (−) to red (+).
    pub a: f32,
    /// Blue (−) to yellow (+).
    pub b: f32,
}

/// `OKLab` in polar form.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Oklch {
    /// Lightness, 0 (black) to 1 (white).
    pub l: f32,
    /// Chroma, 0 (grey) to about 0.4.
    pub c: f32,
    /// Hue in degrees.
    pub h: f32,
}

impl Oklab {
    /// `OKLab` of linear sRGB light.
    pub fn from_linear([r, g, b]: [f32; 3]) -> Self {
        let l = (0.412_221_47 * r + 0.536_332_54 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_84 * g + 0.629_978_7 * b).cbrt();
        Self {
            l: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            a: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            b: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }

    /// Linear sRGB light; channels outside 0 to 1 mean that sRGB cannot show the colour.
    pub fn to_linear(self) -> [f32; 3] {
        let cube = |v: f32| v * v * v;
        let l = cube(self.l + 0.396_337_78 * self.a + 0.215_803_76 * self.b);
        let m = cube(self.l - 0.105_561_346 * self.a - 0.063_854_17 * self.b);
        let s = cube(self.l - 0.089_484_18 * self.a - 1.291_485_5 * self.b);
        [
            4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
            -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
            -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
        ]
    }

    /// `OKLab` of an sRGB colour.
    pub fn from_srgb8(rgb: [u8; 3]) -> Self {
        Self::from_linear(rgb.map(linear_from_srgb8))
    }

    /// The sRGB colour, channels clipped to what sRGB can show.
    pub fn to_srgb8(self) -> [u8; 3] {
        self.to_linear().map(srgb8_from_linear)
    }

    /// The polar form.
    pub fn to_oklch(self) -> Oklch {
        let hue = self.b.atan2(self.a).to_degrees();
        Oklch { l: self.l, c: self.a.hypot(self.b), h: if hue < 0.0 { hue + 360.0 } else { hue } }
    }
}

impl Oklch {
    /// The rectangular form.
    pub fn to_oklab(self) -> Oklab {
        let (sin, cos) = self.h.to_radians().sin_cos();
        Oklab { l: self.l, a: self.c * cos, b: self.c * sin }
    }

    /// The same colour in CIE L*a*b*.
    pub fn to_lab(self) -> Lab {
        Lab::from_linear(self.to_oklab().to_linear())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_corners() {
        // Rounded values as listed by CSS Color 4 for its named colours.
        let near = |rgb: [u8; 3], expected: [f32; 3]| {
            let Oklab { l, a, b } = Oklab::from_srgb8(rgb);
            for (got, want) in [l, a, b].iter().zip(expected) {
                assert!((got - want).abs() < 2e-4, "{rgb:?}: {got} {want}");
            }
        };
        near([255, 255, 255], [1.0, 0.0, 0.0]);
        near([255, 0, 0], [0.627_96, 0.224_86, 0.125_85]);
        near([0, 255, 0], [0.866_44, -0.233_89, 0.179_5]);
        near([0, 0, 255], [0.452_01, -0.032_46, -0.311_53]);
    }

    #[test]
    fn round_trip_over_a_grid() {
        for r in (0..=255).step_by(17) {
            for g in (0..=255).step_by(17) {
                for b in (0..=255).step_by(17) {
                    let rgb = [r as u8, g as u8, b as u8];
                    assert_eq!(Oklab::from_srgb8(rgb).to_srgb8(), rgb);
                    assert_eq!(Oklab::from_srgb8(rgb).to_oklch().to_oklab().to_srgb8(), rgb);
                }
            }
        }
    }
}
