//! The recolour network: a learned correction of the analytic dye on a bilateral grid.
//!
//! It sees 128 px of the garment and gives one small grid of affine colour maps per swatch; the grid is sliced at full
//! resolution by the photo's own lightness, so detail is never resampled. The closed loop of [`crate::dye`] comes after it.

use std::path::Path;

use pixels::bilateral_grid::{BilateralGrid, GRID_LEN};
use pixels::color_map::ColorMap;
use pixels::dye_plan::DyePlan;
use pixels::garment_stats::GarmentStats;
use tch::{Kind, Tensor};

use crate::backbone::EMBEDDING;
use crate::card::Card;
use crate::dye::{Dyed, Source};
use crate::seam::floats_of;
use crate::{Error, Result, checkpoint};

pub mod inputs;
pub mod network;

use inputs::{CONDITION, PLANES, SIDE, SmallSource, condition};
use network::{Network, NetworkConfig, grid_order};

/// Name of the weights file, without ending.
pub const NAME: &str = "recolor";

/// The trained network.
pub struct Recolorer {
    network: Network,
}

impl Recolorer {
    /// Loads `recolor.safetensors` and its card.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] or [`Error::WeightsInvalid`].
    pub fn load(weights: &Path) -> Result<Self> {
        let (params, card) = checkpoint::load_model(weights, NAME)?;
        let path = checkpoint::weights_path(weights, NAME);
        let config = network_config(&card).map_err(|reason| checkpoint::invalid(&path, reason))?;
        let network =
            Network::from_params(&params, &config).map_err(|error| checkpoint::invalid(&path, error.to_string()))?;
        Ok(Self { network })
    }

    /// A network in memory, for training and tests.
    pub fn new(network: Network) -> Self {
        Self { network }
    }

    /// Dyes a photo by several maps with a share of the network's correction, 0 to 1. `embedding` is the photo's, `[1280]`
    /// or `[1, 1280]`; the network sees all maps in one batch.
    ///
    /// # Errors
    /// When a map changes nothing, a target is not finite, the embedding has another length or libtorch refuses.
    pub fn dye(&self, source: &Source, embedding: &Tensor, maps: &[ColorMap], share: f32) -> Result<Vec<Dyed>> {
        let mut plans = source.plans(maps)?;
        let grids = self.grids(source, embedding, &plans, share)?;
        plans.iter_mut().zip(&grids).for_each(|(plan, grid)| source.dye_source().refine(plan, grid));
        plans.into_iter().map(|plan| source.render(plan)).collect()
    }

    /// The network's grids for all plans.
    fn grids(&self, source: &Source, embedding: &Tensor, plans: &[DyePlan], share: f32) -> Result<Vec<BilateralGrid>> {
        if embedding.numel() as i64 != EMBEDDING {
            let got = embedding.size();
            return Err(Error::Input(format!("recolour: expected an embedding of {EMBEDDING} numbers, got {got:?}")));
        }
        let n = plans.len() as i64;
        let side = SIDE as i64;
        let (mut planes, mut conditions) = (Vec::new(), Vec::new());
        // Plans usually share their leading ink, and with it the small copy.
        let mut small: Option<(&GarmentStats, SmallSource)> = None;
        for plan in plans {
            let law = plan.law().ok_or_else(|| Error::Input("recolour: a plan without a leading colour".into()))?;
            let stats = plan.leader_stats();
            let known = small.take().filter(|(of, _)| of.median == stats.median && of.sampled == stats.sampled);
            let known = known.unwrap_or_else(|| (stats, SmallSource::of(source.dye_source(), source.mask(), stats)));
            planes.extend(known.1.planes(law));
            conditions.extend(condition(stats, law.target()));
            small = Some(known);
        }
        if plans.is_empty() {
            return Ok(Vec::new());
        }
        let planes = Tensor::from_slice(&planes).f_view([n, PLANES as i64, side, side])?;
        let conditions = Tensor::from_slice(&conditions).f_view([n, CONDITION as i64])?;
        let embedding = embedding.f_to_kind(Kind::Float)?.f_view([1, EMBEDDING])?.f_expand([n, EMBEDDING], false)?;
        let grid = tch::no_grad(|| grid_order(&self.network.forward(&planes, &conditions, &embedding).grid));
        let numbers = floats_of(&(grid * f64::from(share)))?;
        Ok(numbers.chunks_exact(GRID_LEN).map(BilateralGrid::new).collect::<pixels::Result<_>>()?)
    }
}

fn network_config(card: &Card) -> std::result::Result<NetworkConfig, String> {
    let config = card.config.get("network").cloned().unwrap_or_default();
    let config: NetworkConfig =
        serde_json::from_value(config).map_err(|error| format!("its card's network configuration: {error}"))?;
    config.validate().map_err(|error| error.to_string())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use pixels::color::Lab;
    use pixels::{Mask, SrgbImage};

    use super::*;
    use crate::params::Builder;

    #[test]
    fn a_network_that_has_learnt_nothing_dyes_as_the_laws_do_and_wants_a_whole_embedding() {
        let codes = (0..60 * 40).flat_map(|i| [90 + (i % 60) as u8, 60, 70]).collect();
        let (image, mask) = (SrgbImage::new(60, 40, codes).unwrap(), Mask::filled(60, 40, 255));
        let source = Source::new(&image, &mask).unwrap();
        let maps = [ColorMap::to_main(source.stats(), Lab::from_srgb8([20, 40, 120]))];
        let fresh = Recolorer::new(Network::build(&mut Builder::fresh(1), &NetworkConfig::default()));
        let zeros = |n: i64| Tensor::zeros([n], (Kind::Float, tch::Device::Cpu));
        let dyed = fresh.dye(&source, &zeros(EMBEDDING), &maps, 1.0).unwrap();
        assert_eq!(dyed[0].image.data(), source.dye(&maps).unwrap()[0].image.data());
        assert!(fresh.dye(&source, &zeros(7), &maps, 1.0).is_err());
        assert!(fresh.dye(&source, &zeros(EMBEDDING), &[], 1.0).unwrap().is_empty());
    }
}
