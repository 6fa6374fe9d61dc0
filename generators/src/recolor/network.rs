//! The recolour network: an encoder with a shared bottleneck, an autoencoder branch and a bilateral-grid head.
//!
//! Gharbi et al., "Deep bilateral learning for real-time image enhancement", 2017; FiLM after Perez et al. 2018.
//! Departures: the grid holds a residual over an analytic base and starts at exactly zero; the bottleneck must also
//! reconstruct the garment's colour-normalised shading, which keeps it about cloth and gives an out-of-distribution score.

use pixels::bilateral_grid::{COEFFICIENTS, COLUMNS, DEPTH, ROWS};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::inputs::{BASE_PLANE, CONDITION, LAB_SCALE, SEEN};
use crate::backbone::EMBEDDING;
use crate::layers::{Conv, ConvShape, Linear, leaky};
use crate::params::{Builder, Init, Params};
use crate::{Error, Result};

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Channels of the first convolution; deeper ones are multiples.
    pub width: i64,
    /// Channels of the shared bottleneck.
    pub bottleneck: i64,
    /// Channels of the grid head.
    pub head: i64,
    /// Length of the projected embedding.
    pub embedding: i64,
    /// Largest part of the residual that follows the source's deviation, in Lab units per 25 Lab units.
    pub slope_limit: f64,
    /// Largest constant part of the residual, in Lab units.
    pub offset_limit: f64,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { width: 24, bottleneck: 96, head: 128, embedding: 16, slope_limit: 12.0, offset_limit: 14.0 }
    }
}

impl NetworkConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Input`] naming the field.
    pub fn validate(&self) -> Result<()> {
        let sizes = [("width", self.width), ("bottleneck", self.bottleneck), ("head", self.head)];
        for (name, value) in sizes.into_iter().chain([("embedding", self.embedding)]) {
            if !(1..=1024).contains(&value) {
                return Err(Error::Input(format!("network.{name}: expected 1 to 1024, got {value}")));
            }
        }
        for (name, value) in [("slope_limit", self.slope_limit), ("offset_limit", self.offset_limit)] {
            if !(0.0..=50.0).contains(&value) {
                return Err(Error::Input(format!("network.{name}: expected 0 to 50, got {value}")));
            }
        }
        Ok(())
    }
}

/// Generator with its autoencoder branch.
pub struct Network {
    encoder: Vec<Conv>,
    bottleneck: Conv,
    decoder: Vec<Conv>,
    shading: Conv,
    embed: Linear,
    condition: [Linear; 2],
    enter: Conv,
    blocks: Vec<(Conv, Linear)>,
    grid: Conv,
    head: i64,
    limits: (f64, f64),
}

/// What one pass gives.
pub struct Output {
    /// `[N, DEPTH · 12, ROWS, COLUMNS]`, in Lab units.
    pub grid: Tensor,
    /// Reconstructed shading, `[N, 1, SIDE / 2, SIDE / 2]`.
    pub shading: Tensor,
}

/// Length of the condition after its first layers.
const CONDITION_WIDTH: i64 = 96;
const BLOCKS: usize = 3;

impl Network {
    /// Asks `builder` for the network's tensors.
    pub fn build(builder: &mut Builder, config: &NetworkConfig) -> Self {
        let w = config.width;
        let channels = [SEEN as i64, w, 2 * w, 4 * w, 6 * w];
        let encoder = (0..4)
            .map(|i| {
                let shape = ConvShape::dense(channels[i], channels[i + 1], if i == 0 { 5 } else { 3 }).stride(2);
                Conv::new(builder, &format!("encoder.{i}"), shape)
            })
            .collect();
        let bottleneck = Conv::new(builder, "bottleneck", ConvShape::dense(6 * w, config.bottleneck, 1));
        let up = [config.bottleneck, 3 * w, 2 * w, w];
        let decoder = (0..3)
            .map(|i| Conv::new(builder, &format!("decoder.{i}"), ConvShape::dense(up[i], up[i + 1], 3)))
            .collect();
        let shading = Conv::new(builder, "shading", ConvShape::dense(up[3], 1, 3));
        let embed = Linear::new(builder, "embed", EMBEDDING, config.embedding, Init::He);
        let condition = [
            Linear::new(builder, "condition.0", CONDITION as i64 + config.embedding, CONDITION_WIDTH, Init::He),
            Linear::new(builder, "condition.1", CONDITION_WIDTH, CONDITION_WIDTH, Init::He),
        ];
        let enter = Conv::new(builder, "enter", ConvShape::dense(config.bottleneck, config.head, 1));
        let blocks = (0..BLOCKS)
            .map(|i| {
                builder.scope(&format!("head.{i}"), |b| {
                    let conv = Conv::new(b, "conv", ConvShape::dense(config.head, config.head, 3));
                    (conv, Linear::new(b, "film", CONDITION_WIDTH, 2 * config.head, Init::Zeros))
                })
            })
            .collect();
        let cells = (DEPTH * COEFFICIENTS) as i64;
        let grid = Conv::with_init(builder, "grid", ConvShape::dense(config.head, cells, 1), Init::Zeros);
        Self {
            encoder,
            bottleneck,
            decoder,
            shading,
            embed,
            condition,
            enter,
            blocks,
            grid,
            head: config.head,
            limits: (config.slope_limit, config.offset_limit),
        }
    }

    /// Makes a network of loaded tensors.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or misshapen.
    pub fn from_params(params: &Params, config: &NetworkConfig) -> Result<Self> {
        let mut builder = Builder::loaded(params);
        let network = Self::build(&mut builder, config);
        builder.finish()?;
        Ok(network)
    }

    /// # Shapes
    /// `planes` `[N, ≥ SEEN, SIDE, SIDE]`, `condition` `[N, CONDITION]`, `embedding` `[N, 1280]` (zeros for none).
    pub fn forward(&self, planes: &Tensor, condition: &Tensor, embedding: &Tensor) -> Output {
        let n = planes.size()[0];
        let seen = planes.narrow(1, 0, SEEN as i64);
        let deep = self.encoder.iter().fold(seen, |x, conv| leaky(&conv.forward(&x))); // [N, 6w, 8, 8]
        let code = self.bottleneck.forward(&deep);
        let decoded = self.decoder.iter().fold(leaky(&code), |x, conv| {
            let size = x.size();
            leaky(&conv.forward(&x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)))
        });
        let shading = self.shading.forward(&decoded);

        let projected = self.embed.forward(&(embedding * 0.3)).tanh();
        let joined = Tensor::cat(&[condition, &projected], 1);
        let mood = leaky(&self.condition[1].forward(&leaky(&self.condition[0].forward(&joined))));
        let mut x = leaky(&self.enter.forward(&leaky(&code)));
        for (conv, film) in &self.blocks {
            let film = film.forward(&mood).view([n, 2, self.head, 1, 1]);
            let modulated = conv.forward(&x) * (film.select(1, 0) + 1.0) + film.select(1, 1);
            // Not in place: the convolution's backward pass needs its input.
            let next = &x + leaky(&modulated) * 0.5;
            x = next;
        }
        Output { grid: self.bounded(&self.grid.forward(&x)), shading }
    }

    fn bounded(&self, raw: &Tensor) -> Tensor {
        let (slope, offset) = (self.limits.0 as f32, self.limits.1 as f32);
        let limits: Vec<f32> = (0..DEPTH * COEFFICIENTS).map(|i| if i % 4 == 3 { offset } else { slope }).collect();
        (raw * 0.25).tanh() * Tensor::from_slice(&limits).view([1, -1, 1, 1])
    }
}

/// The residual in Lab units that a grid gives at the small size: what [`pixels::bilateral_grid`] does at full size,
/// here with gradients.
///
/// # Shapes
/// grid `[N, DEPTH · 12, ROWS, COLUMNS]`, planes `[N, PLANES, S, S]` → `[N, 3, S, S]`.
pub fn residual(grid: &Tensor, planes: &Tensor) -> Tensor {
    let n = grid.size()[0];
    let side = planes.size()[2];
    let depth = DEPTH as i64;
    let wide = grid.upsample_bilinear2d([side, side], false, None, None);
    let wide = wide.view([n, depth, COEFFICIENTS as i64, side, side]);
    let place = planes.narrow(1, SEEN as i64, 1) * (DEPTH - 1) as f64; // [N, 1, S, S]
    let centres = Tensor::arange(depth, (Kind::Float, planes.device())).view([1, depth, 1, 1]);
    let tent = (1.0_f64 - (place - centres).abs()).relu().unsqueeze(2); // [N, D, 1, S, S]
    let map = (wide * tent).sum_dim_intlist([1].as_slice(), false, Kind::Float).view([n, 3, 4, side, side]);
    let input = planes.narrow(1, SEEN as i64 + 1, 3).unsqueeze(1); // [N, 1, 3, S, S]
    let slopes = (map.narrow(2, 0, 3) * input).sum_dim_intlist([2].as_slice(), false, Kind::Float);
    slopes + map.select(2, 3)
}

/// Three Lab planes, scaled as the network sees them, in Lab units.
///
/// # Shapes
/// `[N, ≥ first + 3, S, S]` → `[N, 3, S, S]`.
pub fn lab_planes(planes: &Tensor, first: i64) -> Tensor {
    let channels: Vec<Tensor> = LAB_SCALE
        .iter()
        .enumerate()
        .map(|(i, &(scale, offset))| planes.narrow(1, first + i as i64, 1) * scale + offset)
        .collect();
    Tensor::cat(&channels, 1)
}

/// The base's Lab planes, in Lab units.
pub fn base_planes(planes: &Tensor) -> Tensor {
    lab_planes(planes, BASE_PLANE as i64)
}

/// Numbers of a batch's grids in the order of [`pixels::bilateral_grid::GRID_LEN`]: `[N, DEPTH, ROWS, COLUMNS, 12]`.
pub fn grid_order(grid: &Tensor) -> Tensor {
    let n = grid.size()[0];
    let shape = [n, DEPTH as i64, COEFFICIENTS as i64, ROWS as i64, COLUMNS as i64];
    grid.view(shape).permute([0, 1, 3, 4, 2]).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recolor::inputs::{PLANES, SIDE};
    use crate::seam::floats_of;
    use crate::stream::Stream;
    use pixels::bilateral_grid::{BilateralGrid, GRID_LEN};

    #[test]
    fn the_fresh_network_leaves_the_base_alone() {
        let config = NetworkConfig::default();
        let network = Network::build(&mut Builder::fresh(3), &config);
        let mut stream = Stream::new(1, "test", 0);
        let planes = stream.normal_tensor(&[2, PLANES as i64, SIDE as i64, SIDE as i64], 1.0);
        let condition = stream.normal_tensor(&[2, CONDITION as i64], 1.0);
        let out = network.forward(&planes, &condition, &stream.normal_tensor(&[2, EMBEDDING], 1.0));
        assert_eq!(out.grid.abs().max().double_value(&[]), 0.0);
        assert_eq!(out.shading.size(), [2, 1, SIDE as i64 / 2, SIDE as i64 / 2]);
    }

    #[test]
    fn the_differentiable_slice_equals_the_renderers() {
        let mut stream = Stream::new(5, "slice", 0);
        let grid = stream.normal_tensor(&[1, (DEPTH * COEFFICIENTS) as i64, ROWS as i64, COLUMNS as i64], 1.0);
        let planes = stream.normal_tensor(&[1, PLANES as i64, SIDE as i64, SIDE as i64], 0.5).clamp(0.0, 1.0);
        let soft = floats_of(&residual(&grid, &planes)).unwrap();
        let values = floats_of(&grid_order(&grid)).unwrap();
        assert_eq!(values.len(), GRID_LEN);
        let hard = BilateralGrid::new(&values).unwrap();
        let numbers = floats_of(&planes).unwrap();
        for y in (0..SIDE).step_by(7) {
            let row = hard.row(y, SIDE);
            for x in (0..SIDE).step_by(5) {
                let at = |plane: usize| numbers[(plane * SIDE + y) * SIDE + x];
                let got = row.apply(x, SIDE, at(SEEN), [at(SEEN + 1), at(SEEN + 2), at(SEEN + 3)]);
                for (channel, value) in got.into_iter().enumerate() {
                    assert!((value - soft[(channel * SIDE + y) * SIDE + x]).abs() < 1e-4);
                }
            }
        }
    }
}
