//! The models of Rangrez: backbone, segmenter, recolour GAN and gate, with their training loops.
//!
//! One model, one file; [`seam`] is the only place where image bytes become tensors and back.

pub mod backbone;
mod bare_skin;
pub mod card;
pub mod checkpoint;
mod closer;
mod color_split;
mod components;
pub mod dye;
pub mod embedding;
pub mod embedding_cache;
mod error;
pub mod eval;
pub mod gate;
mod ground;
pub mod judge;
pub mod layers;
pub mod look;
pub mod params;
pub mod pattern;
pub mod projection;
pub mod recolor;
pub mod refiner;
pub mod region;
pub mod registration;
pub mod runtime;
pub mod seam;
pub mod segmentation;
pub mod segmenter;
pub mod shading;
pub mod stream;
pub mod style;
pub mod tailor;
pub mod taxonomy;
pub mod train;

pub use error::{Error, Result};
