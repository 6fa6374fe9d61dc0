//! A photo's garment dyed by analytic laws, and a closed loop that measures.
//!
//! What is rendered is measured after 8-bit encoding and the aim corrected until the garment's median is the colour asked
//! for, or it is out of reach. [`crate::recolor`] may correct what the laws make of broad forms.

use std::cell::RefCell;

use pixels::color::{Lab, delta_e00, labs_from_srgb8};
use pixels::color_map::ColorMap;
use pixels::dye_law::ceiling;
use pixels::dye_plan::DyePlan;
use pixels::dye_render::{DyeSource, Gathered};
use pixels::garment_stats::{GarmentStats, SAMPLE_LIMIT, median_lab};
use pixels::{Mask, Srgb16Image, SrgbImage, foreground};

use crate::{Error, Result};

/// ΔE00 within which the colour asked for counts as reached.
pub const TOLERANCE: f32 = 0.5;
/// Most corrections of the aim.
pub const CORRECTIONS: u8 = 3;
/// Pixels of each colour's core that the closed loop measures.
const LOOP_SAMPLES: usize = 8192;

/// A photo and what all its swatches share.
pub struct Source<'a> {
    image: &'a SrgbImage,
    deep: Option<&'a Srgb16Image>,
    mask: &'a Mask,
    dye: DyeSource,
    core: Vec<usize>,
    /// The pixels that were asked for last by [`Source::expected`], which are the same for every variant.
    compared: RefCell<Option<Gathered>>,
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
}

impl<'a> Source<'a> {
    /// Measures a photo's garment once for all its swatches.
    ///
    /// # Errors
    /// When the mask is empty or of another size.
    pub fn new(image: &'a SrgbImage, mask: &'a Mask) -> Result<Self> {
        // Mixed pixels would dye what is behind the cloth too.
        Self::of(image, None, mask, DyeSource::new(&foreground::estimate(image, mask)?, mask)?)
    }

    /// The same for a photo with 16 bits a channel, whose variants are also rendered so deep; `image` is its rounded copy.
    ///
    /// # Errors
    /// As [`Source::new`], and when the two copies differ in size.
    pub fn deep(image: &'a SrgbImage, deep: &'a Srgb16Image, mask: &'a Mask) -> Result<Self> {
        mask.check_size(deep.width_px(), deep.height_px())?;
        let cloth = foreground::estimate(image, mask)?;
        let mut own = deep.clone();
        let mixed = mask.data().iter().enumerate().filter(|(_, a)| !matches!(**a, 0 | 255));
        for (i, _) in mixed {
            let codes = cloth.data()[3 * i..3 * i + 3].iter().map(|&code| u16::from(code) * 257);
            own.data_mut()[3 * i..3 * i + 3].iter_mut().zip(codes).for_each(|(value, code)| *value = code);
        }
        Self::of(image, Some(deep), mask, DyeSource::deep(&own, mask)?)
    }

    fn of(image: &'a SrgbImage, deep: Option<&'a Srgb16Image>, mask: &'a Mask, dye: Option<DyeSource>) -> Result<Self> {
        let dye = dye.ok_or_else(|| Error::Input("recolour: the mask is empty, there is nothing to dye".into()))?;
        let core = dye.core();
        Ok(Self { image, deep, mask, dye, core, compared: RefCell::default() })
    }

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

    /// What becomes of the cloth by each map.
    ///
    /// # Errors
    /// When a map changes nothing or a target is not finite.
    pub fn plans(&self, maps: &[ColorMap]) -> Result<Vec<DyePlan>> {
        let plan = |map: &ColorMap| {
            let plan = self.dye.plan(map).ok_or_else(|| Error::Input("recolour: a map changes no colour".into()))?;
            match plan.aims().iter().find(|(_, t)| ![t.l, t.a, t.b].iter().all(|v| v.is_finite())) {
                Some((_, bad)) => Err(Error::Input(format!("recolour: {bad:?} is not a colour"))),
                None => Ok(plan),
            }
        };
        maps.iter().map(plan).collect()
    }

    /// Renders a variant, its aim corrected until the colours asked for are the colours measured.
    ///
    /// # Errors
    /// When the photo and its mask no longer fit together.
    pub fn render(&self, plan: DyePlan) -> Result<Dyed> {
        finish(self, plan)
    }

    /// Dyes the photo by several maps.
    ///
    /// # Errors
    /// As [`Source::plans`].
    pub fn dye(&self, maps: &[ColorMap]) -> Result<Vec<Dyed>> {
        self.plans(maps)?.into_iter().map(|plan| self.render(plan)).collect()
    }

    /// What the laws are made of, for what corrects them.
    pub(crate) fn dye_source(&self) -> &DyeSource {
        &self.dye
    }

    pub(crate) fn mask(&self) -> &Mask {
        self.mask
    }
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
fn finish(source: &Source, mut plan: DyePlan) -> Result<Dyed> {
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

/// Most that an aim lies beside its target in a and b: so many Lab units, and this share of the target's chroma. Where sRGB
/// ends the median stops following the aim, and all that is darker would take the chroma instead.
const BESIDE: (f32, f32) = (2.0, 0.25);

/// By how many L* an aim is lowered for each unit of chroma that is lacking, where there is hardly room above the target: of
/// colours at sRGB's edge only what is a little darker has the chroma.
const DARKER: f32 = 0.1;
/// Less room than this, in L*, is hardly any.
const HARDLY_ROOM: f32 = 1.0;

/// The aim moved by what was missed, divided by how the measured colour responds to the aim.
fn corrected(aim: Lab, target: Lab, measured: Lab, slope: [f32; 3]) -> Lab {
    let beside = BESIDE.0 + BESIDE.1 * target.chroma();
    let lightest = ceiling(target).max(target.l);
    let lacking = (target.chroma() - measured.chroma()).max(0.0);
    let darker = if lightest - target.l < HARDLY_ROOM { DARKER * lacking } else { 0.0 };
    let (aim, target, measured) = (channels(aim), channels(target), channels(measured));
    let [l, a, b] = std::array::from_fn(|i| aim[i] + (target[i] - measured[i]) / slope[i]);
    let near = |value: f32, target: f32| value.clamp(target - beside, target + beside);
    Lab::new((l - darker).clamp(-5.0, lightest), near(a, target[1]), near(b, target[2]))
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
        let source = Source::new(&image, &mask).unwrap();
        let targets = [[20, 40, 120], [230, 220, 200], [20, 20, 22], [200, 30, 60]].map(Lab::from_srgb8);
        let maps = targets.map(|target| ColorMap::to_main(source.stats(), target));
        for (dyed, target) in source.dye(&maps).unwrap().iter().zip(targets) {
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
        let source = Source::new(&image, &mask).unwrap();
        let dyed = source.dye(&[ColorMap::to_main(source.stats(), Lab::new(50.0, 120.0, -120.0))]).unwrap().remove(0);
        assert!(!dyed.reachable && dyed.delta_e00 > TOLERANCE);
        assert_eq!(dyed.nearest, dyed.measured);
    }

    #[test]
    fn an_empty_mask_and_a_colour_that_is_none_are_errors() {
        let (image, mask) = shirt();
        assert!(Source::new(&image, &Mask::filled(120, 90, 0)).is_err());
        let source = Source::new(&image, &mask).unwrap();
        assert!(source.dye(&[ColorMap::to_main(source.stats(), Lab::new(f32::NAN, 0.0, 0.0))]).is_err());
    }
}
