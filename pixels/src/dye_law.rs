//! The analytic law by which a garment takes another colour: the base that the recolour network corrects.
//!
//! Lightness deviations from the garment's median carry folds and texture. Folds are scaled by a gain that brings the
//! garment's lightness range towards the range that real cloth of the target's lightness shows, fine detail keeps its size,
//! and both are bent so that neither black nor white is ever crossed. What a and b differ by is turned from the source's
//! hue to the target's and never amplified: cloth of one chroma everywhere looks painted on. The constants of lightness
//! were fitted on the training part of the real colourway pairs, registered and on the main cloth, to the colours and at
//! the same time to the spread of lightness of the real photos: to the colours alone they come out too flat, since folds
//! are never quite registered. Colours that are not the cloth's (prints, logos, zips, specular highlights) are mostly
//! kept: see [`DyeLaw::lock`].

use crate::color::{Lab, lightest_with};
use crate::dye_lanes::InkPaint;
use crate::garment_stats::GarmentStats;

/// How a garment of given statistics takes a target colour.
#[derive(Clone, Debug)]
pub struct DyeLaw {
    source: Lab,
    target: Lab,
    shading: Lock,
    fold_gain: f32,
    /// Lightness that highlights never pass.
    ceiling: f32,
    /// Coring threshold of detail, in L*; 0 where the cloth does not get lighter.
    noise: f32,
}

/// Share of what the source's a and b differ by that is kept where that is much, as of a second colour or a reflection.
const CHROMA_KEPT: f32 = 0.12;
/// Share of all such differences that the base had on which the network was trained.
const CHROMA_TRAINED_ON: f32 = 0.12;
/// Difference of a and b, in Lab units, of which half is left out.
const MUCH_CHROMA: f32 = 12.0;
/// Chroma that grey cloth is taken to have, so that ratios stay finite.
const NO_CHROMA: f32 = 2.0;
/// Chroma below which a colour's hue says less and less about what its cloth differs by.
const HARDLY_A_HUE: f32 = 4.0;
/// Folds lighter than the median are flatter on real cloth than darker ones.
pub(crate) const HIGHLIGHT_GAIN: f32 = 0.82;
pub(crate) const SHADOW_GAIN: f32 = 0.96;
/// How far the target's chroma follows the light: 0 not at all, 1 in proportion.
const CHROMA_FOLLOWS: f32 = 0.2;
/// Share of the target's chroma that its highlights keep at least, of colours that are not light and of nearly white ones.
/// Past that the lighter half of ivory cloth is white, and what its median lacks of the colour then would have to be made
/// up for by the shadows, which become yellow.
const HIGHLIGHTS_KEEP: (f32, f32) = (0.33, 0.9);
/// Lightness, from and to, between the two.
const HIGHLIGHTS_LIGHT: (f32, f32) = (90.0, 99.0);
/// Least room above the median, in L*.
pub(crate) const LEAST_ROOM: f32 = 0.05;
/// Most of a locked colour that stays as it was.
const LOCK_STRENGTH: f32 = 0.8;

/// Tells the cloth's own colour, in light and shadow, from colours that are not the cloth's.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    median: Lab,
    /// Deviation of lightness that shading alone explains, above and below the median.
    lighter: f32,
    darker: f32,
    threshold: f32,
    strength: f32,
}

/// Half the width of the lock's soft edge, in ΔE76.
const LOCK_EDGE: f32 = 9.0;

impl Lock {
    /// Learns what the cloth itself looks like. A cloth of which too much would be locked (a stripe, a print all over)
    /// is locked less, since there the second colour is cloth too; so is a cloth without a main colour (a plaid).
    pub fn new(stats: &GarmentStats) -> Self {
        let range = lightness_deviation(stats);
        let mut lock = Self {
            median: stats.median,
            lighter: 10.0 + 0.8 * range,
            darker: 18.0 + 1.2 * range,
            threshold: 20.0 + 0.2 * stats.median.chroma(),
            strength: LOCK_STRENGTH,
        };
        let locked: f32 = stats.palette.iter().map(|p| p.share * lock.weight(p.color) / LOCK_STRENGTH).sum();
        let main = stats.palette.first().map_or(1.0, |p| p.share);
        lock.strength *= (1.0 - smoothstep((locked - 0.25) / 0.2)) * smoothstep((main - 0.4) / 0.2);
        lock
    }

    /// How foreign a colour is to the cloth: 0 for cloth, 1 for a print that is kept. What the network corrects is cloth.
    #[inline]
    pub fn foreign(&self, color: Lab) -> f32 {
        self.weight(color) / LOCK_STRENGTH
    }

    /// Share of a pixel's own colour that is kept, 0 to 1.
    #[inline]
    pub fn weight(&self, color: Lab) -> f32 {
        let difference = color.l - self.median.l;
        let explained = if difference > 0.0 { self.lighter } else { self.darker };
        let excess = (difference.abs() - explained).max(0.0);
        // The cloth's chroma grows with its light, so colours between its own and that shaded one are cloth.
        let median = self.median;
        let shaded = ((color.l + 8.0) / (median.l + 8.0)).clamp(0.4, 1.8);
        let along = (color.a * median.a + color.b * median.b) / (median.a * median.a + median.b * median.b + 1e-3);
        let along = along.clamp(shaded.min(1.0), shaded.max(1.0));
        let (a, b) = (color.a - along * median.a, color.b - along * median.b);
        let distance = (a * a + b * b + excess * excess).sqrt();
        self.strength * smoothstep((distance - self.threshold + LOCK_EDGE) / (2.0 * LOCK_EDGE))
    }
}

/// Standard deviation of lightness, from the 5th and 95th percentiles as if it were normal.
fn lightness_deviation(stats: &GarmentStats) -> f32 {
    ((stats.l95 - stats.l5) / 3.3).max(2.0)
}

/// How much a and b usually differ on cloth of this chroma, along its hue and across it, in Lab units: curves near the
/// median standard deviations of photos of the training pairs.
fn usual_chroma(chroma: f32) -> (f32, f32) {
    (1.5 + 3.5 * chroma / (chroma + 20.0), 1.5 + 0.7 * chroma / (chroma + 5.0))
}

/// What becomes of the source's differences of a and b, row by row: those along its hue come to lie along the target's,
/// those across it across, smaller where such cloth usually differs less. Kept as they are, magenta's folds would be pink on beige.
fn chroma_turn(source: Lab, target: Lab) -> [f32; 4] {
    let (own, new) = (usual_chroma(source.chroma()), usual_chroma(target.chroma()));
    // Light makes less of a pale colour, and noise that was amplified would be blotches.
    let paler = (target.chroma() + NO_CHROMA) / (source.chroma() + NO_CHROMA);
    let along = (new.0 / own.0).min(paler).min(1.0);
    let across = (new.1 / own.1).min(1.0);
    let unit = |c: Lab| (c.a / c.chroma().max(1e-3), c.b / c.chroma().max(1e-3));
    let ((u, v), (s, t)) = (unit(source), unit(target));
    let turned = [
        along * s * u + across * t * v,
        along * s * v - across * t * u,
        along * t * u - across * s * v,
        along * t * v + across * s * u,
    ];
    let known = source.chroma() / (source.chroma() + HARDLY_A_HUE);
    let same = 0.5 * (along + across) * (1.0 - known);
    [known * turned[0] + same, known * turned[1], known * turned[2], known * turned[3] + same]
}

#[inline]
fn smoothstep(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

impl DyeLaw {
    /// The law for one garment and one target.
    pub fn new(stats: &GarmentStats, target: Lab) -> Self {
        let (from, to) = (stats.median.l / 50.0 - 1.0, target.l / 50.0 - 1.0);
        let range = lightness_deviation(stats);
        let gain = -0.37 - 0.42 * from + 0.24 * to - 0.58 * (range / 10.0).ln() + 0.03 * from * from - 0.18 * to * to;
        let gain = gain.exp().clamp(0.3, 1.6);
        let lightening = ((target.l - stats.median.l) / 40.0).clamp(0.0, 1.0);
        // In dark cloth one step of an sRGB code and JPEG's rounding are about one L*.
        let darkness = ((40.0 - stats.median.l) / 30.0).clamp(0.0, 1.0);
        Self {
            source: stats.median,
            target,
            shading: Lock::new(stats),
            fold_gain: gain,
            ceiling: ceiling(target),
            noise: 1.2 * lightening * darkness,
        }
    }

    /// The same law aimed at another colour: what the closed loop corrects with.
    #[must_use]
    pub fn aimed_at(&self, target: Lab) -> Self {
        Self { target, ceiling: ceiling(target), ..self.clone() }
    }

    /// How much dither the result needs, 0 to 1 codes: dark cloth made lighter has too few codes of its own.
    pub fn dither(&self) -> f32 {
        (self.noise / 0.6).min(1.0)
    }

    /// The colour that the median becomes.
    pub fn target(&self) -> Lab {
        self.target
    }

    /// Coring threshold of detail, in L*.
    pub(crate) fn noise(&self) -> f32 {
        self.noise
    }

    /// What the law does to one ink, for the renderer.
    pub(crate) fn paint(&self) -> InkPaint {
        let channels = |c: Lab| [c.l, c.a, c.b];
        InkPaint {
            dyed: 1.0,
            source: channels(self.source),
            target: channels(self.target),
            fold: self.fold_gain,
            ceiling: self.ceiling,
            chroma: chroma_turn(self.source, self.target),
        }
    }

    /// The rule by which foreign colours are kept.
    pub fn lock(&self) -> &Lock {
        &self.shading
    }

    /// The dyed colour of a pixel; `low` is the cloth's lightness around it without fine detail, `inner` is 1 inside the
    /// garment and falls to 0 at its edge, where a pixel is a mixture with the backdrop and only the cloth around it
    /// tells its colour. Not clipped to sRGB.
    pub fn apply(&self, color: Lab, low: f32, inner: f32) -> Lab {
        let off = self.off(color, low, inner);
        let [aa, ab, ba, bb] = chroma_turn(self.source, self.target);
        self.dyed(color, low, inner, (aa * off.0 + ab * off.1, ba * off.0 + bb * off.1))
    }

    /// The same with nearly even chroma, as the network that corrects the law has learnt to see it.
    pub fn evened(&self, color: Lab, low: f32, inner: f32) -> Lab {
        let off = |own: f32, median: f32| CHROMA_TRAINED_ON * (own - median);
        self.dyed(color, low, inner, (off(color.a, self.source.a), off(color.b, self.source.b)))
    }

    /// What a and b differ by from the source's median in the pixel's light.
    fn off(&self, color: Lab, low: f32, inner: f32) -> (f32, f32) {
        let lighter = low - self.source.l + (color.l - low) * inner;
        let lit = followed(lighter, self.source.l);
        let (a, b) = (color.a - lit * self.source.a, color.b - lit * self.source.b);
        let kept = inner * kept_chroma(a, b);
        (kept * a, kept * b)
    }

    fn dyed(&self, color: Lab, low: f32, inner: f32, off: (f32, f32)) -> Lab {
        let detail = (color.l - low) * inner;
        let detail = detail * detail * detail / (detail * detail + self.noise * self.noise + 1e-6);
        let fold = self.fold_gain * (low - self.source.l);
        let fold = fold * if fold > 0.0 { HIGHLIGHT_GAIN } else { SHADOW_GAIN };
        let deviation = fold + detail;
        let room = if deviation > 0.0 { self.ceiling - self.target.l } else { self.target.l + 1.0 };
        let ratio = deviation / room.max(LEAST_ROOM);
        // Slope 1 at the median, never past black or the lightest that has the target's colour.
        let bent = deviation / (1.0 + ratio * ratio).sqrt();
        let lock = self.shading.weight(color) * inner;
        let keep = |dyed: f32, own: f32| dyed + (own - dyed) * lock;
        let lit = followed(bent, self.target.l);
        Lab::new(
            keep(self.target.l + bent, color.l),
            keep(self.target.a * lit + off.0, color.a),
            keep(self.target.b * lit + off.1, color.b),
        )
    }
}

/// The lightness that highlights of a colour never pass: white, or where sRGB would take too much of its chroma.
pub fn ceiling(target: Lab) -> f32 {
    let (from, to) = HIGHLIGHTS_LIGHT;
    let (dark, light) = HIGHLIGHTS_KEEP;
    lightest_with(target.a, target.b, dark + (light - dark) * smoothstep((target.l - from) / (to - from)))
}

/// Share that is kept of such a difference.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn kept_chroma(a: f32, b: f32) -> f32 {
    let square = (a * a + b * b) / (MUCH_CHROMA * MUCH_CHROMA);
    CHROMA_KEPT + (1.0 - CHROMA_KEPT) / (1.0 + square * square)
}

/// By how much chroma is multiplied where cloth of lightness `own` is lighter by so many L*.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn followed(lighter: f32, own: f32) -> f32 {
    (1.0 + CHROMA_FOLLOWS * lighter / (own + 10.0)).clamp(0.3, 1.7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloth(median: Lab) -> GarmentStats {
        let colors: Vec<Lab> =
            (0..1000).map(|i| Lab::new(median.l + (i % 21) as f32 - 10.0, median.a, median.b)).collect();
        GarmentStats::of_colors(&colors).unwrap()
    }

    #[test]
    fn the_median_takes_the_target_and_the_order_of_lightness_stays() {
        for (from, to) in [(15.0, 90.0), (90.0, 12.0), (50.0, 50.0), (50.0, 99.0), (50.0, 1.0)] {
            let median = Lab::new(from, 10.0, -20.0);
            let target = Lab::new(to, -5.0, 15.0);
            let law = DyeLaw::new(&cloth(median), target);
            let centre = law.apply(median, median.l, 1.0);
            assert!((centre.l - to).abs() < 0.01 && (centre.a - target.a).abs() < 0.01, "{centre:?}");
            let mut before = -1.0;
            for step in 0..=20 {
                let l = from - 10.0 + step as f32;
                let dyed = law.apply(Lab::new(l, 10.0, -20.0), l, 1.0);
                assert!(dyed.l > before && dyed.l < 101.0, "{from} to {to}: {l} became {}", dyed.l);
                before = dyed.l;
            }
        }
    }

    #[test]
    fn highlights_of_nearly_white_cloth_keep_its_colour() {
        let ivory = Lab::from_srgb8([255, 255, 240]);
        let law = DyeLaw::new(&cloth(Lab::new(40.0, 5.0, -20.0)), ivory);
        for lighter in [1.0, 5.0, 15.0] {
            let dyed = Lab::from_srgb8(law.apply(Lab::new(40.0 + lighter, 5.0, -20.0), 40.0 + lighter, 1.0).to_srgb8());
            assert!(dyed.b > 0.4 * ivory.b, "{lighter}: {dyed:?}");
        }
        // Grey ends at white, and a colour with room above it has it.
        assert!(ceiling(Lab::new(95.0, 0.0, 0.0)) > 99.9);
        assert!(ceiling(Lab::from_srgb8([180, 30, 40])) > 80.0);
    }

    #[test]
    fn folds_of_the_old_hue_become_folds_of_the_new_one_and_no_difference_grows() {
        let (magenta, beige) = (Lab::new(35.0, 50.0, -15.0), Lab::new(75.0, 3.0, 20.0));
        let law = DyeLaw::new(&cloth(magenta), beige);
        // More of the dye in equal light.
        let richer = law.apply(Lab::new(35.0, 55.0, -16.5), 35.0, 1.0);
        let (along, across) = (richer.b - beige.b, richer.a - beige.a);
        assert!(along > 1.0 && across.abs() < 0.3 * along, "{richer:?}");
        // Texture stays, another colour is held back.
        assert!(kept_chroma(3.0, 2.0) > 0.9 && kept_chroma(20.0, -25.0) < 0.15);
        // At the garment's edge nothing of the backdrop is kept.
        let edge = law.apply(Lab::new(35.0, 55.0, -16.5), 35.0, 0.0);
        assert!((edge.a - beige.a).abs() < 0.01 && (edge.b - beige.b).abs() < 0.01);
        for (source, target) in
            [(Lab::new(50.0, 1.0, 0.0), Lab::new(50.0, 60.0, 30.0)), (magenta, beige), (beige, magenta)]
        {
            let [aa, ab, ba, bb] = chroma_turn(source, target);
            for angle in 0..12 {
                let (sin, cos) = (angle as f32 * 0.5).sin_cos();
                assert!((aa * cos + ab * sin).hypot(ba * cos + bb * sin) <= 1.0, "{source:?} to {target:?}");
            }
        }
    }

    #[test]
    fn a_white_logo_on_black_cloth_stays_white() {
        let black = Lab::new(14.0, 0.0, 0.0);
        let law = DyeLaw::new(&cloth(black), Lab::new(45.0, 60.0, 30.0));
        let logo = Lab::new(95.0, 0.0, 0.0);
        let dyed = law.apply(logo, logo.l, 1.0);
        assert!(dyed.chroma() < 20.0 && dyed.l > 80.0, "{dyed:?}");
    }
}
