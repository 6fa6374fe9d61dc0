//! The colour that a file really has: the median over the mask's core of the decoded picture.

use pixels::color::Lab;
use pixels::{Mask, SrgbImage};

/// Steps per Lab unit of the histograms.
const STEPS: f32 = 20.0;
/// Pixels that are looked at; of larger cores, evenly spread ones.
const MAX_SAMPLES: usize = 400_000;
/// Smallest core that is measured; a thinner mask is measured over its solid part, or over all of it.
const MIN_CORE_PX: usize = 64;

/// Median Lab over the mask's core, per coordinate, to 0.05 units. `None` when the mask is empty.
///
/// The core is alpha of at least 250, shrunk by a pixel and another per 800 px of the longer side, so that blended
/// edges don't count.
pub fn core_median(image: &SrgbImage, mask: &Mask) -> Option<Lab> {
    let radius = 1 + mask.width_px().max(mask.height_px()) / 800;
    let solid = |m: &Mask| m.data().iter().map(|&a| usize::from(a == 255)).sum::<usize>();
    let enough = |m: &Mask| solid(m) >= MIN_CORE_PX;
    let core = Some(mask.core(radius))
        .filter(enough)
        .or_else(|| Some(mask.core(0)).filter(enough))
        .unwrap_or_else(|| mask.threshold(1));
    let mut histograms = [vec![0_u32; bins()], vec![0; bins()], vec![0; bins()]];
    let mut count = 0_u32;
    // An odd step does not fall in with a weave of two threads.
    let step = (solid(&core) / MAX_SAMPLES) | 1;
    let inside = image.data().chunks_exact(3).zip(core.data()).filter(|&(_, &a)| a == 255);
    for (pixel, _) in inside.step_by(step) {
        let lab = Lab::from_srgb8([pixel[0], pixel[1], pixel[2]]);
        for (histogram, value) in histograms.iter_mut().zip([lab.l, lab.a, lab.b]) {
            histogram[bin(value)] += 1;
        }
        count += 1;
    }
    if count == 0 {
        return None;
    }
    let [l, a, b] = histograms.map(|h| median(&h, count));
    Some(Lab { l, a, b })
}

/// Lab coordinates of sRGB colours lie within ±128.
fn bins() -> usize {
    (256.0 * STEPS) as usize + 1
}

fn bin(value: f32) -> usize {
    ((value + 128.0).clamp(0.0, 256.0) * STEPS).round() as usize
}

fn median(histogram: &[u32], count: u32) -> f32 {
    let mut below = 0;
    let at = histogram.iter().position(|&n| {
        below += n;
        below * 2 >= count
    });
    at.unwrap_or(0) as f32 / STEPS - 128.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::delta_e00;

    #[test]
    fn the_core_is_measured_and_the_rest_is_not() {
        let mut image = SrgbImage::filled(40, 40, [255, 255, 255]);
        let mut mask = Mask::filled(40, 40, 0);
        for y in 5..35 {
            for x in 5..35 {
                let i = y * 40 + x;
                image.data_mut()[i * 3..i * 3 + 3].copy_from_slice(&[138, 21, 56]);
                mask.data_mut()[i] = 255;
            }
        }
        let measured = core_median(&image, &mask).unwrap();
        assert!(delta_e00(measured, Lab::from_srgb8([138, 21, 56])) < 0.06);
        assert!(core_median(&image, &Mask::filled(40, 40, 0)).is_none());
    }
}
