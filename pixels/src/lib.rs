//! Everything Rangrez does to images without tensors: decode, colour, masks, resize, palettes, encode.
//!
//! Nothing here knows of libtorch, so the crate builds and tests in seconds.

pub mod color;
mod error;
mod image_types;

pub use error::{Error, Result};
pub use image_types::{Mask, SrgbImage};
