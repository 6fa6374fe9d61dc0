//! What the gate sees of one picture: its quarters in the embedded space, and whether its pixels are sound.

use pixels::Fault;

use crate::backbone::EMBEDDING;
use crate::{Error, Result};

/// Length of an embedding.
const N: usize = EMBEDDING as usize;

/// One picture as the gate sees it.
#[derive(Clone, Debug)]
pub struct Look {
    quarters: Vec<f32>,
    fault: Option<Fault>,
}

impl Look {
    /// Joins the embeddings of four quarters, as [`crate::backbone::Tail::quarters`] gives them, with what the pixels show.
    ///
    /// # Errors
    /// When there are not 4 × 1280 values or one is not finite.
    pub fn new(quarters: Vec<f32>, fault: Option<Fault>) -> Result<Self> {
        if quarters.len() != 4 * N {
            return Err(Error::Input(format!("gate: expected 4 × {N} values, got {}", quarters.len())));
        }
        if quarters.iter().any(|v| !v.is_finite()) {
            return Err(Error::Input("gate: the embedding holds values that are not finite".into()));
        }
        Ok(Self { quarters, fault })
    }

    /// The picture's embedding.
    pub fn embedding(&self) -> Vec<f32> {
        whole(&self.quarters)
    }

    /// The embeddings of its quarters, 4 × 1280 values.
    pub fn quarters(&self) -> &[f32] {
        &self.quarters
    }

    /// What is wrong with its pixels.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }
}

/// The embedding of a picture of its quarters' embeddings, `4 × 1280` → `1280`.
pub fn whole(quarters: &[f32]) -> Vec<f32> {
    (0..N).map(|i| (0..4).map(|part| quarters[part * N + i]).sum::<f32>() / 4.0).collect()
}

/// What a person reads about a fault.
pub(super) fn explained(fault: Fault) -> String {
    let why = match fault {
        Fault::Empty => "hardly anything but one colour",
        Fault::Blurred => "no edge is sharp",
        Fault::Noisy => "noise hides what was photographed",
        Fault::CutOff => "a side is lost to one colour",
        Fault::Flat => "one even colour hides a large part",
        _ => "its pixels are broken",
    };
    format!("{}: {why}", fault.name())
}
