//! Training: runs with checkpoints and exact resume, the optimiser, and one loop per model.
//!
//! Nothing in inference depends on this module.

pub mod optim;
pub mod parallel;
pub mod run;
mod tensorboard;
