//! Training: runs with checkpoints and exact resume, the optimiser, and one loop per model.
//!
//! Nothing in inference depends on this module.

mod discriminator;
pub mod gate;
pub mod gate_certify;
pub mod gate_data;
mod gate_export;
pub mod gate_feedback;
pub mod gate_fit;
pub mod gate_tail;
pub mod logistic;
pub mod look;
mod opponents;
pub mod optim;
pub mod parallel;
pub mod pattern;
pub mod recolor;
pub mod refiner;
pub mod run;
pub mod segmenter;
pub mod segmenter_data;
mod segmenter_export;
mod segmenter_pseudo;
pub mod shading;
pub mod small_network;
pub mod state;
pub mod style;
pub mod tail;
mod tensorboard;
