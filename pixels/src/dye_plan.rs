//! What becomes of each ink of a garment: a law for those that are dyed, nothing for those that are kept.

use std::sync::Arc;

use crate::color::Lab;
use crate::color_map::{Change, ColorMap};
use crate::dye_lanes::InkPaint;
use crate::dye_law::{DyeLaw, ceiling};
use crate::garment_stats::GarmentStats;
use crate::inks::Inks;
use crate::smooth_plane::SmoothPlane;

/// How one variant of a photo is dyed.
#[derive(Clone)]
pub struct DyePlan {
    inks: Arc<Inks>,
    dyes: Vec<Dye>,
    leader: usize,
    pub(crate) residual: Option<Arc<[SmoothPlane; 3]>>,
}

#[derive(Clone)]
enum Dye {
    Keep,
    /// Its own law.
    Own(DyeLaw),
    /// The leading ink's law.
    Follow,
}

/// What a map says about one ink; `None` when it says different things about the palette colours of that ink.
pub(crate) fn change_of(map: &ColorMap, entries: &[usize]) -> Option<Change> {
    let mut changes = entries.iter().filter_map(|&e| map.changes().get(e)).copied();
    let first = changes.next().unwrap_or(Change::Keep);
    let agrees = |change: Change| {
        // Shades that follow their own main colour say what it says.
        change == first || (matches!(first, Change::To(_)) && change == Change::Follow && leads(map, entries))
    };
    changes.all(agrees).then_some(first)
}

fn leads(map: &ColorMap, entries: &[usize]) -> bool {
    map.leader().is_some_and(|(leader, _)| entries.contains(&leader))
}

impl DyePlan {
    /// The plan of a map over inks that it treats one by one; `None` when nothing is dyed.
    pub(crate) fn new(inks: Arc<Inks>, map: &ColorMap) -> Option<Self> {
        let (entry, _) = map.leader()?;
        let leader = inks.inks().iter().position(|ink| ink.entries.contains(&entry)).unwrap_or(0);
        let dyes = inks
            .inks()
            .iter()
            .map(|ink| match change_of(map, &ink.entries).unwrap_or(Change::Keep) {
                Change::Keep => Dye::Keep,
                Change::To(target) => Dye::Own(DyeLaw::new(&ink.stats, target)),
                Change::Follow => Dye::Follow,
            })
            .collect();
        Some(Self { inks, dyes, leader, residual: None })
    }

    /// The inks that the plan is about.
    pub fn inks(&self) -> &Inks {
        &self.inks
    }

    pub(crate) fn shared_inks(&self) -> Arc<Inks> {
        self.inks.clone()
    }

    /// Index of the ink that the variant is measured by.
    pub fn leader(&self) -> usize {
        self.leader
    }

    /// Statistics of that ink.
    pub fn leader_stats(&self) -> &GarmentStats {
        &self.inks.inks()[self.leader].stats
    }

    /// The leading ink's law.
    ///
    /// Every plan has one: it is not made otherwise.
    pub fn law(&self) -> Option<&DyeLaw> {
        match self.dyes.get(self.leader) {
            Some(Dye::Own(law)) => Some(law),
            _ => None,
        }
    }

    /// The inks that have a colour of their own to reach, and that colour as the law has it now.
    pub fn aims(&self) -> Vec<(usize, Lab)> {
        let own = |(k, dye): (usize, &Dye)| match dye {
            Dye::Own(law) => Some((k, law.target())),
            Dye::Keep | Dye::Follow => None,
        };
        self.dyes.iter().enumerate().filter_map(own).collect()
    }

    /// The same plan with one ink's law aimed at another colour: what the closed loop corrects with.
    pub fn aim(&mut self, ink: usize, target: Lab) {
        if let Some(Dye::Own(law)) = self.dyes.get_mut(ink) {
            *law = law.aimed_at(target);
        }
    }

    /// How much dither the result needs, 0 to 1 codes.
    pub(crate) fn dither(&self) -> f32 {
        self.law().map_or(0.0, DyeLaw::dither)
    }

    pub(crate) fn noise(&self) -> f32 {
        self.law().map_or(0.0, DyeLaw::noise)
    }

    pub(crate) fn paints(&self) -> Vec<InkPaint> {
        let lead = self.law().map(DyeLaw::paint);
        let paint = |(ink, dye): (&crate::inks::Ink, &Dye)| {
            let Lab { l, a, b } = ink.stats.median;
            let kept = InkPaint {
                dyed: 0.0,
                source: [l, a, b],
                target: [l, a, b],
                fold: 1.0,
                ceiling: 100.0,
                chroma: [0.0; 4],
            };
            match (dye, lead) {
                (Dye::Own(law), _) => law.paint(),
                (Dye::Follow, Some(lead)) => followed(lead, ink.stats.median),
                (Dye::Keep, _) | (Dye::Follow, None) => kept,
            }
        };
        self.inks.inks().iter().zip(&self.dyes).map(paint).collect()
    }
}

/// The leader's law for an ink that keeps its relation to the leader: as much lighter and as much more colourful.
fn followed(lead: InkPaint, median: Lab) -> InkPaint {
    let chroma = |c: [f32; 3]| c[1].hypot(c[2]);
    let own = [median.l, median.a, median.b];
    let richer = if chroma(lead.source) > 8.0 { (chroma(own) / chroma(lead.source)).clamp(0.4, 1.4) } else { 1.0 };
    // Its lightness follows by the fold term, which knows its distance from the leader's; its chroma is scaled here.
    let target = [lead.target[0], lead.target[1] * richer, lead.target[2] * richer];
    let ceiling = ceiling(Lab::new(target[0], target[1], target[2]));
    InkPaint { source: [lead.source[0], own[1], own[2]], target, ceiling, ..lead }
}
