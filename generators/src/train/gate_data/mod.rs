//! What the gate learns from: labelled photos and their splits, simulated recolourings and broken pictures, and the
//! caches of their embeddings and maps.

pub mod altered;
pub mod augment;
pub mod embeddings;
pub mod joined;
pub mod maps;
pub mod own;
pub mod photos;
pub mod rows;
pub mod snapshot;
