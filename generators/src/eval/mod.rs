//! Measurements behind `rangrez eval`: figures with their n and baselines, on held-out data.

pub mod gate;
