//! A variant's figures for the quality department.

use pixels::Proof;
use pixels::color::{Lab, LabImage, delta_cmc, delta_e00, delta_e00_map};
use pixels::{Mask, SrgbImage};
use serde::Serialize;

use super::Color;
use super::inspection::Inspected;

/// ΔE00 from which a printed pixel counts as out of the printer's gamut; tables of profiles are off by up to half of it.
const OUT_OF_GAMUT: f32 = 2.0;

/// How a variant compares with what was asked and what its cloth allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// CMC(2:1) of the measured colour, the asked one being the standard.
    pub delta_cmc_2_1: f64,
    /// 95th percentile over the cloth of each pixel's ΔE00 to what the dye law expects there.
    pub delta_e00_p95: Option<f64>,
    /// Pixels of the cloth newly clipped, per cent: at 0 or 255 in a channel where neither source nor expectation is.
    pub clipped_percent: f64,
    /// Spread of lightness (L*, 5th to 95th percentile) as a share of the expected one.
    pub spread_kept: Option<f64>,
    /// How far the edge stands off towards the old colour, mean over the band, CIE76 units.
    pub fringe: Option<f64>,
    /// Whether ΔE00 of the centre is within the tolerance.
    pub within_tolerance: bool,
    /// As it would be printed; absent without `--proof`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofEntry>,
}

/// A variant as a printer would show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProofEntry {
    /// The measured colour, printed.
    pub printed: Color,
    /// ΔE00 of that to the asked colour.
    pub delta_e00: f64,
    /// Cloth that the printer cannot show within ΔE00 2, per cent.
    pub out_of_gamut_percent: f64,
}

impl Figures {
    /// Gathers the figures; without a proof.
    pub fn new(asked: Lab, measured: Lab, delta_e00: f64, tolerance: f32, found: &Inspected) -> Self {
        Self {
            delta_cmc_2_1: rounded(delta_cmc(asked, measured, 2.0, 1.0), 3),
            delta_e00_p95: found.delta_e00_p95.map(|v| rounded(v, 2)),
            clipped_percent: rounded(found.clipped * 100.0, 2),
            spread_kept: found.spread_kept.map(|v| rounded(v, 3)),
            fringe: found.fringe.map(|v| rounded(v, 2)),
            // The figure shown decides, so that nobody reads 1.500 and "beyond 1.5".
            within_tolerance: delta_e00 <= f64::from(tolerance) + 1e-6,
            proof: None,
        }
    }
}

impl ProofEntry {
    /// Proofs a variant: `small` is its thumbnail and `cloth` the mask at the same size. Also gives the printed picture.
    ///
    /// # Errors
    /// When the profile's tables cannot be used or the sizes differ.
    pub fn of(
        proof: &Proof,
        asked: Lab,
        measured: Lab,
        small: &SrgbImage,
        cloth: &Mask,
    ) -> pixels::Result<(Self, SrgbImage)> {
        cloth.check_size(small.width_px(), small.height_px())?;
        let printed = proof.color(measured)?;
        let picture = proof.picture(small)?;
        let differences = delta_e00_map(&LabImage::from_srgb(small), &LabImage::from_srgb(&picture))?;
        let inside = || differences.iter().zip(cloth.data()).filter(|(_, a)| **a >= 128);
        let outside = inside().filter(|(d, _)| **d > OUT_OF_GAMUT).count();
        let entry = Self {
            printed: printed.into(),
            delta_e00: rounded(delta_e00(asked, printed), 3),
            out_of_gamut_percent: rounded(100.0 * outside as f32 / inside().count().max(1) as f32, 1),
        };
        Ok((entry, picture))
    }
}

fn rounded(value: f32, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (f64::from(value) * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_is_of_the_figure_shown() {
        let (asked, measured) = (Lab::new(40.0, 20.0, 10.0), Lab::new(41.0, 20.0, 10.0));
        let within = |delta| Figures::new(asked, measured, delta, 1.5, &Inspected::default()).within_tolerance;
        assert!(within(1.5) && !within(1.501));
        let figures = Figures::new(asked, measured, 1.0, 1.5, &Inspected::default());
        assert!(figures.delta_cmc_2_1 > 0.3 && figures.delta_cmc_2_1 < 1.0 && figures.spread_kept.is_none());
    }
}
