//! CIEDE2000, by the `palette` crate, which passes Sharma's 34 published pairs.

use palette::color_difference::Ciede2000;
use palette::white_point::D65;

use super::Lab;

/// CIEDE2000 difference ΔE00 with kL = kC = kH = 1.
///
/// # Source
/// Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005.
pub fn delta_e00(one: Lab, other: Lab) -> f32 {
    let convert = |c: Lab| palette::Lab::<D65, f32>::new(c.l, c.a, c.b);
    convert(one).difference(convert(other))
}
