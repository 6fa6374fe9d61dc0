//! Colour spaces over single colours and whole images. All Lab here is CIE L*a*b* under D65, the white of sRGB.

mod cmc;
mod difference;
mod lab;
mod lanes;
mod oklab;
mod parse;
mod srgb;

pub use cmc::delta_cmc;
pub use difference::{delta_e00, delta_e00_map, delta_e00_to};
pub use lab::{Lab, LabImage};
pub use lanes::labs_from_srgb8;
pub(crate) use lanes::{
    codes_from_lab, codes_from_linear, lab_from_linear, lightest_with, linear_from_codes, linear_from_lab,
};
pub use oklab::{Oklab, Oklch};
pub use parse::parse_color;
pub(crate) use parse::rgb_from_hex;
pub(crate) use srgb::{Curve, linear_from_srgb_code};
pub use srgb::{linear_from_srgb_code16, linear_from_srgb8, srgb_code_from_linear, srgb8_from_linear};
