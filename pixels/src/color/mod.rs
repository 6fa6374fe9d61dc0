//! Colour spaces over single colours and whole images. All Lab here is CIE L*a*b* under D65, the white of sRGB.

mod difference;
mod lab;
mod srgb;

pub use difference::delta_e00;
pub use lab::{Lab, LabImage};
pub use srgb::{linear_from_srgb8, srgb8_from_linear};
