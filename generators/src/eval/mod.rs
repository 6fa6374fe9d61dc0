//! Measurements behind `rangrez eval`: figures with their n and baselines, on held-out data.

pub mod base_colour;
pub mod classifier;
pub mod colorway_baselines;
pub mod colorway_measure;
pub mod colorway_pairs;
pub mod colorway_sheet;
pub mod colorway_strata;
pub mod colorway_view;
pub mod colorways;
pub mod fabric;
pub mod gate;
pub mod head;
pub mod interval;
pub mod looks;
pub mod mask;
pub mod masked;
pub mod pattern;
pub mod prints;
pub mod program;
pub mod realism;
pub mod shading;
pub mod solids;
pub mod told;
pub mod workers;
