//! What the gate learns from: labelled photos and their splits, simulated recolourings and broken pictures, and the
//! cache of their embeddings.

pub mod augment;
pub mod embeddings;
pub mod photos;
pub mod rows;
