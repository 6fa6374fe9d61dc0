//! Everything Rangrez does to images without tensors: decode, colour, masks, resize, palettes, encode.
//!
//! Nothing here knows of libtorch, so the crate builds and tests in seconds.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_cmp))]

pub mod allocation;
pub mod bilateral_grid;
mod bounce;
mod cascade;
mod checksum;
pub mod color;
pub mod color_cube;
pub mod color_map;
mod composite;
mod decode;
mod dye_finish;
mod dye_lanes;
pub mod dye_law;
pub mod dye_plan;
pub mod dye_render;
mod encode;
mod error;
mod exif;
mod exif_block;
pub mod fabric;
mod faults;
pub mod foreground;
mod format;
pub mod garment_frame;
pub mod garment_stats;
mod gloss;
pub mod guided_filter;
mod icc;
mod image_types;
mod ink_distance;
pub mod inks;
mod jpeg_planes;
pub mod lab_planes;
mod layer;
#[cfg(feature = "libaom")]
mod libaom;
mod libjpeg;
mod libwebp;
mod mask;
pub mod matting;
mod merge;
mod metadata;
mod output;
mod palette_files;
mod pool;
mod proof;
mod resize;
pub mod shading;
mod sharpen;
pub mod size;
pub mod smooth_plane;
pub mod spare;
mod srgb16_image;
mod ssim;
mod vector;

pub use bounce::Bounce;
pub use cascade::{Cut, Light, Resized, Source, cascade};
pub use checksum::sha256_hex;
pub use color::parse_color;
pub use composite::{composite, composite_deep};
pub use decode::{Decoded, Limits, decode, decode_file, decode_mask, decode_planes, decode_reduced, read_limited};
pub use encode::{
    Chroma, Deep, Effort, EncodeOptions, Encoding, Quality, Shown, TiffPages, encode, encode_deep, encode_deep_with,
    encode_mask_png, encode_measured, encode_with, flatten_on_white,
};
pub use error::{Error, Result};
pub use faults::{Fault, Soundness};
pub use format::Format;
pub use image_types::{Mask, SrgbImage};
pub use jpeg_planes::JpegPlanes;
pub use layer::layer_over;
pub use merge::{merge, merge_deep};
pub use metadata::{Keep, Metadata};
pub use output::write_atomic;
pub use palette_files::{Palette, Swatch, load_palette, parse_palette};
pub use proof::Proof;
pub use resize::{resize_linear, resize_linear_alpha, resize_mask, shrunk};
pub use sharpen::sharpen;
pub use size::{Focus, SizeSpec, parse_sizes};
pub use srgb16_image::Srgb16Image;
pub use ssim::ssim;
