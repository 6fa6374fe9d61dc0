//! What variants are checked against; nothing here changes a pixel, so a recipe doesn't hold it.

use pixels::Proof;

use crate::cli::CheckArgs;
use crate::cli::checks::TOLERANCE;
use crate::exit::{Exit, Failure, Result};

/// The checks of a run.
#[derive(Clone, Debug)]
pub struct Checks {
    /// ΔE00 within which a variant's centre passes.
    pub tolerance: f32,
    /// Whether the tolerance was asked for, so that variants beyond it decide the exit code.
    pub enforced: bool,
    /// The printer to proof with.
    pub proof: Option<Proof>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { tolerance: TOLERANCE, enforced: false, proof: None }
    }
}

impl Checks {
    /// Reads the profile, if one is named.
    ///
    /// # Errors
    /// A usage error naming a profile that cannot be used.
    pub fn from_args(args: &CheckArgs) -> Result<Self> {
        let load = |path: &std::path::PathBuf| {
            Proof::load(path).map_err(|error| Failure {
                exit: Exit::Usage,
                error: anyhow::Error::new(error).context(format!("--proof {}", path.display())),
            })
        };
        Ok(Self {
            tolerance: args.tolerance.unwrap_or(TOLERANCE),
            enforced: args.tolerance.is_some(),
            proof: args.proof.as_ref().map(load).transpose()?,
        })
    }
}
