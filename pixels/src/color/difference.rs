//! CIEDE2000 for single colours and whole images, checked against Sharma's 34 published pairs.

use palette::color_difference::Ciede2000;
use palette::white_point::D65;
use rayon::prelude::*;

use super::{Lab, LabImage};
use crate::{Error, Result};

/// Pixels that one task compares.
const TASK_PIXELS: usize = 1 << 12;

/// 25 to the 7th power.
const POWER7_OF_25: f32 = 6_103_515_625.0;

/// CIEDE2000 difference ΔE00 with kL = kC = kH = 1.
///
/// The formula's angles are kept as pairs of cosine and sine, which saves most trigonometry: half the hue difference
/// follows from the cross product of the two chroma vectors, the mean hue from their sum.
///
/// # Source
/// Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005; equation numbers in the comments.
pub fn delta_e00(one: Lab, other: Lab) -> f32 {
    let power7 = |c: f32| {
        let square = c * c;
        square * square * square * c
    };
    let share = |c: f32| (power7(c) / (power7(c) + POWER7_OF_25)).sqrt();

    // Equations 2 to 6.
    let mean_chroma = 0.5 * (one.chroma() + other.chroma());
    let stretch = 1.5 - 0.5 * share(mean_chroma);
    let (a1, b1, a2, b2) = (stretch * one.a, one.b, stretch * other.a, other.b);
    let (c1, c2) = ((a1 * a1 + b1 * b1).sqrt(), (a2 * a2 + b2 * b2).sqrt());

    // Equations 8 to 14; where hues are opposite, the sum has no direction and the reference decides.
    let (dot, cross) = (a1 * a2 + b1 * b2, a1 * b2 - a2 * b1);
    let product = c1 * c2;
    if product > 0.0 && product + dot < 1e-3 * product {
        return delta_e00_by_angles(one, other);
    }
    let hue_term = if product > 0.0 { cross * (2.0 / (product + dot)).sqrt() } else { 0.0 };
    let unit = |v: f32, c: f32| if c > 0.0 { v / c } else { 0.0 };
    let (x, y) = (unit(a1, c1) + unit(a2, c2), unit(b1, c1) + unit(b2, c2));
    let length = (x * x + y * y).sqrt();
    // Without any chroma the hue is 0 by definition, as long as nothing depends on it.
    let (cos1, sin1) = if length > 0.0 { (x / length, y / length) } else { (1.0, 0.0) };

    // Equation 15: cosines of h − 30°, 2h, 3h + 6° and 4h − 63°.
    let (cos2, sin2) = (cos1 * cos1 - sin1 * sin1, 2.0 * sin1 * cos1);
    let (cos3, sin3) = (cos1 * cos2 - sin1 * sin2, sin1 * cos2 + cos1 * sin2);
    let (cos4, sin4) = (cos2 * cos2 - sin2 * sin2, 2.0 * sin2 * cos2);
    let t = 1.0 - 0.17 * (cos1 * 0.866_025_4 + sin1 * 0.5)
        + 0.24 * cos2
        + 0.32 * (cos3 * 0.994_521_9 - sin3 * 0.104_528_46)
        - 0.20 * (cos4 * 0.453_990_5 + sin4 * 0.891_006_5);

    // Equations 16 to 21.
    let chroma = 0.5 * (c1 + c2);
    let off_middle = (0.5 * (one.l + other.l) - 50.0).powi(2);
    let lightness_term = (other.l - one.l) / (1.0 + 0.015 * off_middle / (20.0 + off_middle).sqrt());
    let chroma_term = (c2 - c1) / (1.0 + 0.045 * chroma);
    let hue_term = hue_term / (1.0 + 0.015 * chroma * t);
    // The rotation lives around blue, 275°; a hundred degrees away it is below single precision.
    let cos_from_blue = cos1 * 0.087_155_74 - sin1 * 0.996_194_7;
    let rotation = if cos_from_blue > -0.18 {
        let degrees_from_blue = cos_from_blue.clamp(-1.0, 1.0).acos().to_degrees();
        let turn = 30.0 * (-(degrees_from_blue / 25.0).powi(2)).exp();
        -2.0 * share(chroma) * (2.0 * turn).to_radians().sin()
    } else {
        0.0
    };

    // Equation 22.
    let square = lightness_term * lightness_term
        + chroma_term * chroma_term
        + hue_term * hue_term
        + rotation * chroma_term * hue_term;
    square.max(0.0).sqrt()
}

/// The formula as published, by the `palette` crate.
fn delta_e00_by_angles(one: Lab, other: Lab) -> f32 {
    let convert = |c: Lab| palette::Lab::<D65, f32>::new(c.l, c.a, c.b);
    convert(one).difference(convert(other))
}

/// ΔE00 of each pixel pair of two pictures, row-major, blocks in parallel.
///
/// # Errors
/// [`Error::SizeMismatch`] unless both have the same size.
///
/// # Examples
/// ```
/// use pixels::SrgbImage;
/// use pixels::color::{LabImage, delta_e00_map};
/// let one = LabImage::from_srgb(&SrgbImage::filled(2, 2, [120, 40, 40]));
/// let other = LabImage::from_srgb(&SrgbImage::filled(2, 2, [120, 40, 41]));
/// assert!(delta_e00_map(&one, &other)?.iter().all(|&d| d > 0.0 && d < 0.5));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn delta_e00_map(one: &LabImage, other: &LabImage) -> Result<Vec<f32>> {
    if (one.width_px(), one.height_px()) != (other.width_px(), other.height_px()) {
        return Err(Error::SizeMismatch {
            expected_width: one.width_px(),
            expected_height: one.height_px(),
            got_width: other.width_px(),
            got_height: other.height_px(),
        });
    }
    let pairs = one.data().par_chunks_exact(3).zip(other.data().par_chunks_exact(3));
    Ok(pairs.with_min_len(TASK_PIXELS).map(|(a, b)| delta_e00(lab(a), lab(b))).collect())
}

/// ΔE00 of each pixel to one colour, row-major, blocks in parallel.
pub fn delta_e00_to(image: &LabImage, color: Lab) -> Vec<f32> {
    image.data().par_chunks_exact(3).with_min_len(TASK_PIXELS).map(|pixel| delta_e00(lab(pixel), color)).collect()
}

fn lab(pixel: &[f32]) -> Lab {
    Lab::new(pixel[0], pixel[1], pixel[2])
}

#[cfg(test)]
mod tests;
