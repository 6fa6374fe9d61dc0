//! What the recolour network sees: a small copy of the garment and a vector of its statistics.

use pixels::Mask;
use pixels::color::Lab;
use pixels::dye_law::{DyeLaw, Lock};
use pixels::dye_render::{DyeSource, input};
use pixels::garment_stats::{GarmentStats, PALETTE_LIMIT};

/// Side of the small copy, in pixels.
pub const SIDE: usize = 128;
/// Planes that the encoder reads: shading, detail, mask, source Lab, base Lab.
pub const SEEN: usize = 9;
/// All planes of an item: those seen, the guide, the three inputs of the affine maps, and where there is cloth.
pub const PLANES: usize = SEEN + 5;
/// Index of the plane that is 1 on cloth and 0 on prints that are kept, which the residual must leave alone.
pub const CLOTH_PLANE: usize = SEEN + 4;
/// Index of the first plane of the base.
pub const BASE_PLANE: usize = 6;
/// Length of the condition vector.
pub const CONDITION: usize = 16 + 4 * PALETTE_LIMIT;

const PIXELS: usize = SIDE * SIDE;

/// The small copy of one garment, shared by all its swatches.
pub struct SmallSource {
    /// `[7][SIDE][SIDE]`: L, a, b, low-passed L, alpha, inner, L of broad forms.
    planes: Vec<f32>,
    /// Everything of the item that does not depend on the target.
    fixed: Vec<f32>,
}

/// Lab scaled to about −1 to 1.
fn scaled(color: Lab) -> [f32; 3] {
    [color.l / 50.0 - 1.0, color.a / 50.0, color.b / 50.0]
}

/// Undoes `scaled` for one channel of a plane: `(scale, offset)`.
pub const LAB_SCALE: [(f64, f64); 3] = [(50.0, 50.0), (50.0, 0.0), (50.0, 0.0)];

impl SmallSource {
    /// Samples the garment's frame, for a cloth of one ink.
    pub fn new(source: &DyeSource, mask: &Mask) -> Self {
        Self::of(source, mask, &source.stats)
    }

    /// Samples the garment's frame, for the ink with these statistics.
    pub fn of(source: &DyeSource, mask: &Mask, stats: &GarmentStats) -> Self {
        let width = source.picture_width();
        let (left, top) = (source.frame.x_px as usize, source.frame.y_px as usize);
        let planes = source.frame.sample(SIDE, |column, row| {
            let (x, y) = (column - left, row - top);
            let Lab { l, a, b } = source.lab().color(x, y);
            let alpha = f32::from(mask.data()[row * width + column]) / 255.0;
            [l, a, b, source.low().at(x, y), alpha, source.inner().at(x, y), source.broad().at(x, y)]
        });
        let range = (stats.l95 - stats.l5).max(6.0);
        let lock = Lock::new(stats);
        let mut fixed = vec![0.0; PLANES * PIXELS];
        for i in 0..PIXELS {
            let at = |channel: usize| planes[channel * PIXELS + i];
            let (color, low, alpha, broad) = (Lab::new(at(0), at(1), at(2)), at(3), at(4), at(6));
            let shading = ((low - stats.median.l) / range * 2.0).clamp(-3.0, 3.0) * alpha;
            let detail = ((color.l - low) / 5.0).clamp(-3.0, 3.0) * alpha;
            let own = scaled(color);
            // What the renderer's residual sees, so that training and rendering agree.
            let input = input(stats, Lab::new(broad, stats.median.a, stats.median.b));
            let values = [shading, detail, alpha, own[0], own[1], own[2], 0.0, 0.0, 0.0, stats.guide(broad)];
            for (plane, value) in values.into_iter().chain(input).chain([1.0 - lock.foreign(color)]).enumerate() {
                fixed[plane * PIXELS + i] = value;
            }
        }
        Self { planes, fixed }
    }

    /// All planes for one target, `[PLANES][SIDE][SIDE]`.
    pub fn planes(&self, law: &DyeLaw) -> Vec<f32> {
        let mut planes = self.fixed.clone();
        for i in 0..PIXELS {
            let at = |channel: usize| self.planes[channel * PIXELS + i];
            let color = Lab::new(at(0), at(1), at(2));
            let base = law.evened(color, at(3), at(5));
            let alpha = at(4);
            let over = |dyed: f32, own: f32| own + (dyed - own) * alpha;
            let shown = Lab::new(over(base.l, color.l), over(base.a, color.a), over(base.b, color.b));
            for (channel, value) in scaled(shown).into_iter().enumerate() {
                planes[(BASE_PLANE + channel) * PIXELS + i] = value;
            }
        }
        planes
    }
}

/// The condition vector of one garment and target.
pub fn condition(stats: &GarmentStats, target: Lab) -> Vec<f32> {
    let (t, s) = (scaled(target), scaled(stats.median));
    let mut values = Vec::with_capacity(CONDITION);
    values.extend(t);
    values.extend(s);
    values.extend([t[0] - s[0], t[1] - s[1], t[2] - s[2]]);
    values.extend([stats.l5 / 50.0 - 1.0, stats.l95 / 50.0 - 1.0]);
    values.extend([stats.spread.l / 15.0, stats.spread.a / 15.0, stats.spread.b / 15.0]);
    values.extend([target.chroma() / 50.0, stats.median.chroma() / 50.0]);
    for i in 0..PALETTE_LIMIT {
        match stats.palette.get(i) {
            Some(entry) => {
                values.extend(scaled(entry.color));
                values.push(entry.share);
            }
            None => values.extend([0.0; 4]),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::SrgbImage;

    #[test]
    fn items_have_the_declared_sizes_and_the_base_is_the_law() {
        let image = SrgbImage::filled(50, 40, [120, 60, 60]);
        let mask = Mask::filled(50, 40, 255);
        let source = DyeSource::new(&image, &mask).unwrap().unwrap();
        let target = Lab::new(70.0, -10.0, 30.0);
        let planes = SmallSource::new(&source, &mask).planes(&DyeLaw::new(&source.stats, target));
        assert_eq!(planes.len(), PLANES * PIXELS);
        for (channel, value) in scaled(target).into_iter().enumerate() {
            assert!((planes[(BASE_PLANE + channel) * PIXELS + 700] - value).abs() < 1e-3);
        }
        assert_eq!(condition(&source.stats, target).len(), CONDITION);
    }
}
