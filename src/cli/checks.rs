//! What variants are checked against, which changes no pixel: `--tolerance` and `--proof`.

use std::path::PathBuf;

use clap::Args;

/// ΔE00 that a variant's centre may be off unless `--tolerance` says otherwise.
pub const TOLERANCE: f32 = 1.5;

/// Checks of the variants.
#[derive(Clone, Debug, Default, Args)]
pub struct CheckArgs {
    /// Largest ΔE00 between the colour asked for and the one measured [default: 1.5]. Variants beyond it are written and
    /// named in summary, report.json and tolerance.csv; given on the command line, they also make the exit code 1.
    #[arg(long, value_name = "ΔE00", value_parser = tolerance)]
    pub tolerance: Option<f32>,
    /// Soft proof: a printer's ICC profile (CMYK or RGB). The report shows each variant as it would be printed, relative
    /// colorimetric, with its colour's ΔE00 to the asked one and the share of the cloth out of the printer's gamut.
    #[arg(long, value_name = "FILE.icc")]
    pub proof: Option<PathBuf>,
}

fn tolerance(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() && value > 0.0 && value <= 100.0 => Ok(value),
        _ => Err("a tolerance is a ΔE00 above 0 and up to 100, such as 1.5".to_owned()),
    }
}
