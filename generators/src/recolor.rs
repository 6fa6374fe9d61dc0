//! The recolour generator: an analytic base, a learned residual on a bilateral grid, and a closed loop that measures.
//!
//! The network sees 128 px of the garment and gives one small grid of affine colour maps per swatch; the grid is sliced
//! at full resolution by the photo's own lightness, so detail is never resampled. What is rendered is measured after
//! 8-bit encoding and the aim corrected until the garment's median is the colour asked for, or it is out of reach.

use std::cell::RefCell;
use std::path::Path;

use pixels::bilateral_grid::{BilateralGrid, GRID_LEN};
use pixels::color::{Lab, delta_e00, labs_from_srgb8};
use pixels::color_map::ColorMap;
use pixels::dye_plan::DyePlan;
use pixels::dye_render::{DyeSource, Gathered};
use pixels::garment_stats::{GarmentStats, SAMPLE_LIMIT, median_lab};
use pixels::{Mask, Srgb16Image, SrgbImage, foreground};
use tch::{Kind, Tensor};

use crate::backbone::EMBEDDING;
use crate::card::Card;
use crate::seam::floats_of;
use crate::{Error, Result, checkpoint};

pub mod inputs;
pub mod network;

use inputs::{CONDITION, PLANES, SIDE, SmallSource, condition};
use network::{Network, NetworkConfig, grid_order};

/// Name of the weights file, without ending.
pub const NAME: &str = "recolor";
/// ΔE00 within which the colour asked for counts as reached.
pub const TOLERANCE: f32 = 0.5;
/// Most corrections of the aim.
pub const CORRECTIONS: u8 = 3;
/// Pixels of each colour's core that the closed loop measures.
const LOOP_SAMPLES: usize = 8192;
/// Name of the card's threshold that the out-of-distribution score is measured against.
pub const SHADING_ERROR: &str = "shading_error_p95";

/// The trained generator.
pub struct Recolorer {
    network: Network,
    usual_error: f32,
}

/// A photo and what all its swatches share.
pub struct Source<'a> {
    image: &'a SrgbImage,
    deep: Option<&'a Srgb16Image>,
    mask: &'a Mask,
    dye: DyeSource,
    embedding: Tensor,
    core: Vec<usize>,
    /// The small copy that the network saw last, with the statistics that it was made for.
    small: RefCell<Option<(GarmentStats, SmallSource)>>,
    /// The pixels that were asked for last by [`Source::expected`], which are the same for every variant.
    compared: RefCell<Option<Gathered>>,
}

/// A variant that the network has seen and that waits to be rendered: small, so that many may wait.
pub struct Planned {
    plan: DyePlan,
    ood: f32,
}

/// A colour that was asked for, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The colour asked for.
    pub target: Lab,
    /// Median colour of the pixels that should have it.
    pub measured: Lab,
    /// ΔE00 between them.
    pub delta_e00: f32,
}

/// A photo in another colour.
#[derive(Clone, Debug)]
pub struct Dyed {
    /// The photo, changed only inside the mask.
    pub image: SrgbImage,
    /// The same with 16 bits a channel, when the source has them.
    pub deep: Option<Srgb16Image>,
    /// Median colour in `image` of the mask's core, as far as it is of the leading colour.
    pub measured: Lab,
    /// ΔE00 between the colour asked for and [`Dyed::measured`].
    pub delta_e00: f32,
    /// Whether every colour asked for was reached within [`TOLERANCE`].
    pub reachable: bool,
    /// Every colour asked for, the leading one first.
    pub reached: Vec<Reached>,
    /// The nearest colour that this cloth reached; equal to `measured`.
    pub nearest: Lab,
    /// How often the aim was corrected.
    pub corrections: u8,
    /// How unusual the cloth is to the network: above 1 its shading is reconstructed worse than 95% of training photos.
    pub ood: f32,
}

impl Source<'_> {
    /// The garment's median colour as photographed.
    pub fn median(&self) -> Lab {
        self.dye.stats.median
    }

    /// The garment's colour statistics, whose palette a [`ColorMap`] is about.
    pub fn stats(&self) -> &GarmentStats {
        &self.dye.stats
    }

    /// Row-major indices of the photo's pixels that the variant's colour is measured by.
    pub fn core(&self) -> &[usize] {
        &self.core
    }

    /// The colours that the analytic base alone expects at some pixels (row-major indices), inside the garment's frame;
    /// not clipped to sRGB, before mixing by alpha and before encoding. Pixels outside the frame keep their own.
    pub fn expected(&self, map: &ColorMap, indices: &[usize]) -> Vec<Lab> {
        let own = |i: usize| match self.image.data().get(3 * i..3 * i + 3) {
            Some(&[r, g, b]) => Lab::from_srgb8([r, g, b]),
            _ => Lab::default(),
        };
        let dyed = self.dye.plan(map).map(|plan| {
            let known = self.compared.take().filter(|pixels| pixels.is_of(&plan, indices));
            let pixels = known.unwrap_or_else(|| self.dye.gather(&plan, indices));
            let colors = self.dye.colors(&plan, &pixels);
            self.compared.replace(Some(pixels));
            colors
        });
        let dyed = dyed.unwrap_or_else(|| vec![None; indices.len()]);
        indices.iter().zip(dyed).map(|(&i, color)| color.unwrap_or_else(|| own(i))).collect()
    }

    /// Row-major indices of the photo's pixels that a variant of this map is measured by: its core, as far as it is of
    /// the leading colour.
    pub fn core_of(&self, map: &ColorMap) -> Vec<usize> {
        match self.dye.plan(map) {
            Some(plan) => self.dye.core_of(&plan, plan.leader(), SAMPLE_LIMIT),
            None => self.core.clone(),
        }
    }

    /// Renders a planned variant, its aim corrected until the colours asked for are the colours measured.
    ///
    /// # Errors
    /// When the photo and its mask no longer fit together.
    pub fn render(&self, planned: Planned) -> Result<Dyed> {
        finish(self, planned)
    }
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
        let usual_error = card.thresholds.get(SHADING_ERROR).map(|t| t.value as f32).filter(|v| *v > 0.0);
        let usual_error = usual_error
            .ok_or_else(|| checkpoint::invalid(&path, format!("its card has no positive `{SHADING_ERROR}`")))?;
        Ok(Self { network, usual_error })
    }

    /// A generator of a network in memory, for training and tests.
    pub fn new(network: Network, usual_error: f32) -> Self {
        Self { network, usual_error: usual_error.max(1e-6) }
    }

    /// Measures a photo's garment once for all its swatches. `embedding` is the photo's, `[1280]` or `[1, 1280]`.
    ///
    /// # Errors
    /// When the mask is empty or of another size, or the embedding has another length.
    pub fn prepare<'a>(&self, image: &'a SrgbImage, mask: &'a Mask, embedding: &Tensor) -> Result<Source<'a>> {
        check_embedding(embedding)?;
        // Mixed pixels would dye what is behind the cloth too.
        let dye = DyeSource::new(&foreground::estimate(image, mask)?, mask)?;
        source(image, None, mask, dye, embedding)
    }

    /// The same for a photo with 16 bits a channel, whose variants are also rendered so deep; `image` is its rounded copy.
    ///
    /// # Errors
    /// As [`Recolorer::prepare`], and when the two copies differ in size.
    pub fn prepare_deep<'a>(
        &self,
        image: &'a SrgbImage,
        deep: &'a Srgb16Image,
        mask: &'a Mask,
        embedding: &Tensor,
    ) -> Result<Source<'a>> {
        check_embedding(embedding)?;
        mask.check_size(deep.width_px(), deep.height_px())?;
        let cloth = foreground::estimate(image, mask)?;
        let mut own = deep.clone();
        let mixed = mask.data().iter().enumerate().filter(|(_, a)| !matches!(**a, 0 | 255));
        for (i, _) in mixed {
            let codes = cloth.data()[3 * i..3 * i + 3].iter().map(|&code| u16::from(code) * 257);
            own.data_mut()[3 * i..3 * i + 3].iter_mut().zip(codes).for_each(|(value, code)| *value = code);
        }
        source(image, Some(deep), mask, DyeSource::deep(&own, mask)?, embedding)
    }

    /// Dyes a photo's main colour.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn dye(&self, source: &Source, target: Lab) -> Result<Dyed> {
        let mut all = self.dye_all(source, &[ColorMap::to_main(source.stats(), target)])?;
        all.pop().ok_or_else(|| Error::Input("recolour: the network gave no grid".into()))
    }

    /// Dyes a photo by several maps; the network sees all of them in one batch.
    ///
    /// # Errors
    /// When a map changes nothing, a target is not finite or libtorch refuses.
    pub fn dye_all(&self, source: &Source, maps: &[ColorMap]) -> Result<Vec<Dyed>> {
        self.dye_all_at(source, maps, 1.0)
    }

    /// As [`Recolorer::dye_all`], with a share of the network's correction, 0 to 1; with 0 the analytic dye alone.
    ///
    /// # Errors
    /// As [`Recolorer::dye_all`].
    pub fn dye_all_at(&self, source: &Source, maps: &[ColorMap], strength: f32) -> Result<Vec<Dyed>> {
        self.plan_all_at(source, maps, strength)?.into_iter().map(|planned| source.render(planned)).collect()
    }

    /// Shows the network all variants in one batch. Each is rendered by [`Source::render`], one at a time so that only
    /// one needs memory.
    ///
    /// # Errors
    /// When a map changes nothing, a target is not finite or libtorch refuses.
    pub fn plan_all(&self, source: &Source, maps: &[ColorMap]) -> Result<Vec<Planned>> {
        self.plan_all_at(source, maps, 1.0)
    }

    fn plan_all_at(&self, source: &Source, maps: &[ColorMap], strength: f32) -> Result<Vec<Planned>> {
        let plan = |map: &ColorMap| {
            let plan = source.dye.plan(map).ok_or_else(|| Error::Input("recolour: a map changes no colour".into()))?;
            match plan.aims().iter().find(|(_, t)| ![t.l, t.a, t.b].iter().all(|v| v.is_finite())) {
                Some((_, bad)) => Err(Error::Input(format!("recolour: {bad:?} is not a colour"))),
                None => Ok(plan),
            }
        };
        let mut plans = maps.iter().map(plan).collect::<Result<Vec<_>>>()?;
        if plans.is_empty() {
            return Ok(Vec::new());
        }
        let (grids, ood) = self.grids(source, &plans, strength)?;
        plans.iter_mut().zip(&grids).for_each(|(plan, grid)| source.dye.refine(plan, grid));
        Ok(plans.into_iter().map(|plan| Planned { plan, ood }).collect())
    }

    /// The network's grids for all plans and the out-of-distribution score of the cloth.
    fn grids(&self, source: &Source, plans: &[DyePlan], strength: f32) -> Result<(Vec<BilateralGrid>, f32)> {
        let n = plans.len() as i64;
        let side = SIDE as i64;
        let (mut planes, mut conditions) = (Vec::new(), Vec::new());
        // Plans usually share their leading ink, and with it the small copy.
        let mut small = source.small.take();
        for plan in plans {
            let law = plan.law().ok_or_else(|| Error::Input("recolour: a plan without a leading colour".into()))?;
            let stats = plan.leader_stats();
            let known = small.take().filter(|(of, _)| of.median == stats.median && of.sampled == stats.sampled);
            let known = known.unwrap_or_else(|| (stats.clone(), SmallSource::of(&source.dye, source.mask, stats)));
            planes.extend(known.1.planes(law));
            conditions.extend(condition(stats, law.target()));
            small = Some(known);
        }
        source.small.replace(small);
        let planes = Tensor::from_slice(&planes).f_view([n, PLANES as i64, side, side])?;
        let conditions = Tensor::from_slice(&conditions).f_view([n, CONDITION as i64])?;
        let (grid, error) = tch::no_grad(|| {
            let embedding = source.embedding.expand([n, EMBEDDING], false);
            let output = self.network.forward(&planes, &conditions, &embedding);
            let error = shading_error(&output.shading, &planes).mean(Kind::Float);
            (grid_order(&output.grid), error)
        });
        let numbers = floats_of(&(grid * f64::from(strength)))?;
        let grids: pixels::Result<Vec<BilateralGrid>> =
            numbers.chunks_exact(GRID_LEN).map(BilateralGrid::new).collect();
        Ok((grids?, error.f_double_value(&[])? as f32 / self.usual_error))
    }
}

fn check_embedding(embedding: &Tensor) -> Result<()> {
    if embedding.numel() as i64 == EMBEDDING {
        return Ok(());
    }
    let got = embedding.size();
    Err(Error::Input(format!("recolour: expected an embedding of {EMBEDDING} numbers, got {got:?}")))
}

fn source<'a>(
    image: &'a SrgbImage,
    deep: Option<&'a Srgb16Image>,
    mask: &'a Mask,
    dye: Option<DyeSource>,
    embedding: &Tensor,
) -> Result<Source<'a>> {
    let dye = dye.ok_or_else(|| Error::Input("recolour: the mask is empty, there is nothing to dye".into()))?;
    let core = dye.core();
    let embedding = embedding.to_kind(Kind::Float).f_view([1, EMBEDDING])?;
    let (small, compared) = (RefCell::default(), RefCell::default());
    Ok(Source { image, deep, mask, dye, embedding, core, small, compared })
}

fn network_config(card: &Card) -> std::result::Result<NetworkConfig, String> {
    let config = card.config.get("network").cloned().unwrap_or_default();
    let config: NetworkConfig =
        serde_json::from_value(config).map_err(|error| format!("its card's network configuration: {error}"))?;
    config.validate().map_err(|error| error.to_string())?;
    Ok(config)
}

/// Root-mean-square error of the reconstructed shading inside the mask, per item.
///
/// # Shapes
/// `[N, 1, s, s]`, `[N, PLANES, S, S]` with S a multiple of s → `[N]`.
pub fn shading_error(reconstructed: &Tensor, planes: &Tensor) -> Tensor {
    let size = reconstructed.size();
    let pooled = planes.narrow(1, 0, 3).adaptive_avg_pool2d([size[2], size[3]]);
    let (shading, mask) = (pooled.narrow(1, 0, 1), pooled.narrow(1, 2, 1));
    let square = (reconstructed - shading).square() * &mask;
    let total = |t: &Tensor| t.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
    ((total(&square) + 1e-8) / (total(&mask) + 1.0)).sqrt()
}

/// One colour of a variant on its way to its target.
struct Aim {
    ink: usize,
    target: Lab,
    /// Pixels that it is measured by.
    core: Gathered,
    /// Where the law aims, what came of it, and how the second follows the first.
    law: Lab,
    at: Lab,
    slope: [f32; 3],
    /// The best aim so far and what came of it.
    best: (Lab, Lab),
    distance: f32,
}

/// Median of a colour's core as it will be encoded: rendered, laid over the photo, measured.
fn measure(source: &Source, plan: &DyePlan, core: &Gathered) -> Lab {
    let codes = source.dye.render_sample(source.image, source.mask, plan, core);
    median_lab(&labs_from_srgb8(codes.as_chunks().0))
}

/// Corrects the aims on samples of the core, then renders once.
fn finish(source: &Source, planned: Planned) -> Result<Dyed> {
    let Planned { mut plan, ood } = planned;
    let leader = plan.leader();
    let mut aims: Vec<Aim> =
        plan.aims().into_iter().map(|(ink, target)| first_aim(source, &plan, ink, target)).collect();
    aims.sort_by_key(|aim| aim.ink != leader);
    let mut corrections = 0;
    while corrections < CORRECTIONS && aims.iter().any(|aim| aim.distance > TOLERANCE * 0.6) {
        corrections += 1;
        let before: Vec<(Lab, Lab)> = aims.iter().map(|aim| (aim.law, aim.at)).collect();
        for aim in aims.iter_mut().filter(|aim| aim.distance > TOLERANCE * 0.6) {
            aim.law = corrected(aim.law, aim.target, aim.at, aim.slope);
            plan.aim(aim.ink, aim.law);
        }
        for (aim, before) in aims.iter_mut().zip(before) {
            aim.at = measure(source, &plan, &aim.core);
            aim.slope = response(aim.slope, before, (aim.law, aim.at));
            let distance = delta_e00(aim.at, aim.target);
            if distance < aim.distance {
                (aim.best, aim.distance) = ((aim.law, aim.at), distance);
            }
        }
    }
    aims.iter().for_each(|aim| plan.aim(aim.ink, aim.best.0));
    let reached: Vec<Reached> =
        aims.iter().map(|a| Reached { target: a.target, measured: a.best.1, delta_e00: a.distance }).collect();
    let image = source.dye.render(source.image, source.mask, &plan)?;
    let deep = source.deep.map(|deep| source.dye.render_deep(deep, source.mask, &plan)).transpose()?;
    let led = reached.first().copied();
    let led = led.ok_or_else(|| Error::Input("recolour: a plan without a leading colour".into()))?;
    Ok(Dyed {
        image,
        deep,
        measured: led.measured,
        delta_e00: led.delta_e00,
        reachable: reached.iter().all(|r| r.delta_e00 <= TOLERANCE),
        reached,
        nearest: led.measured,
        corrections,
        ood,
    })
}

fn first_aim(source: &Source, plan: &DyePlan, ink: usize, target: Lab) -> Aim {
    let core = source.dye.gather(plan, &source.dye.core_of(plan, ink, LOOP_SAMPLES));
    let at = measure(source, plan, &core);
    Aim { ink, target, core, law: target, at, slope: [1.0; 3], best: (target, at), distance: delta_e00(at, target) }
}

fn channels(c: Lab) -> [f32; 3] {
    [c.l, c.a, c.b]
}

/// The aim moved by what was missed, divided by how the measured colour responds to the aim.
fn corrected(aim: Lab, target: Lab, measured: Lab, slope: [f32; 3]) -> Lab {
    let (aim, target, measured) = (channels(aim), channels(target), channels(measured));
    let [l, a, b] = std::array::from_fn(|i| aim[i] + (target[i] - measured[i]) / slope[i]);
    Lab::new(l.clamp(-5.0, 105.0), a.clamp(-140.0, 140.0), b.clamp(-140.0, 140.0))
}

/// Change of the measured colour per change of the aim, per channel, kept where the aim hardly moved.
fn response(before: [f32; 3], from: (Lab, Lab), to: (Lab, Lab)) -> [f32; 3] {
    let (aim, measured) = ((channels(from.0), channels(to.0)), (channels(from.1), channels(to.1)));
    std::array::from_fn(|i| {
        let moved = aim.1[i] - aim.0[i];
        if moved.abs() < 0.2 { before[i] } else { ((measured.1[i] - measured.0[i]) / moved).clamp(0.3, 1.5) }
    })
}

#[cfg(test)]
mod tests {
    use pixels::garment_stats::core_sample;

    use super::*;
    use crate::params::Builder;

    fn fresh() -> Recolorer {
        Recolorer::new(Network::build(&mut Builder::fresh(1), &NetworkConfig::default()), 1.0)
    }

    fn shirt() -> (SrgbImage, Mask) {
        let (width, height) = (120, 90);
        let mut image = SrgbImage::filled(width, height, [240; 3]);
        let mut mask = Mask::filled(width, height, 0);
        for y in 10..80 {
            for x in 20..100 {
                let i = y * width as usize + x;
                let fold = (20.0 * (x as f32 / 7.0).sin() + 110.0) as u8;
                image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[fold, fold / 2, fold / 2 + 10]);
                mask.data_mut()[i] = if (22..98).contains(&x) { 255 } else { 120 };
            }
        }
        (image, mask)
    }

    #[test]
    fn the_colour_asked_for_is_the_colour_measured_and_the_backdrop_stays() {
        let (image, mask) = shirt();
        let recolorer = fresh();
        let source =
            recolorer.prepare(&image, &mask, &Tensor::zeros([EMBEDDING], (Kind::Float, tch::Device::Cpu))).unwrap();
        let targets = [[20, 40, 120], [230, 220, 200], [20, 20, 22], [200, 30, 60]].map(Lab::from_srgb8);
        let maps = targets.map(|target| ColorMap::to_main(source.stats(), target));
        for (dyed, target) in recolorer.dye_all(&source, &maps).unwrap().iter().zip(targets) {
            assert!(dyed.reachable, "{target:?}: {dyed:?}", dyed = (dyed.measured, dyed.delta_e00));
            let core = core_sample(&mask, SAMPLE_LIMIT);
            let colors: Vec<Lab> =
                core.iter().map(|&i| Lab::from_srgb8(dyed.image.pixel(i as u32 % 120, i as u32 / 120))).collect();
            assert!(delta_e00(median_lab(&colors), target) <= TOLERANCE);
            for (i, &alpha) in mask.data().iter().enumerate() {
                if alpha == 0 {
                    assert_eq!(dyed.image.data()[3 * i..3 * i + 3], image.data()[3 * i..3 * i + 3]);
                }
            }
        }
    }

    #[test]
    fn a_colour_outside_srgb_is_named_out_of_reach_with_the_nearest() {
        let (image, mask) = shirt();
        let recolorer = fresh();
        let source =
            recolorer.prepare(&image, &mask, &Tensor::zeros([EMBEDDING], (Kind::Float, tch::Device::Cpu))).unwrap();
        let dyed = recolorer.dye(&source, Lab::new(50.0, 120.0, -120.0)).unwrap();
        assert!(!dyed.reachable && dyed.delta_e00 > TOLERANCE);
        assert_eq!(dyed.nearest, dyed.measured);
    }

    #[test]
    fn an_empty_mask_and_a_wrong_embedding_are_errors() {
        let (image, mask) = shirt();
        let none = Mask::filled(120, 90, 0);
        let embedding = Tensor::zeros([EMBEDDING], (Kind::Float, tch::Device::Cpu));
        assert!(fresh().prepare(&image, &none, &embedding).is_err());
        assert!(fresh().prepare(&image, &mask, &Tensor::zeros([7], (Kind::Float, tch::Device::Cpu))).is_err());
        let source = fresh();
        let source = source.prepare(&image, &mask, &embedding).unwrap();
        assert!(fresh().dye(&source, Lab::new(f32::NAN, 0.0, 0.0)).is_err());
    }
}
