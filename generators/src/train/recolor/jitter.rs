//! A random family of colour maps: what inverse jitter does to a photo whose true colour is known.

use pixels::color::{Lab, LabImage};
use pixels::garment_stats::GarmentStats;
use pixels::{Mask, SrgbImage};

use crate::stream::Stream;

/// A colour that sRGB can show: any lightness, grey one time in five.
pub fn random_color(stream: &mut Stream) -> Lab {
    let grey = stream.chance(0.2);
    for _ in 0..32 {
        let chroma = if grey { stream.uniform(0.0, 4.0) } else { stream.uniform(4.0, 75.0) };
        let hue = stream.uniform(0.0, std::f32::consts::TAU);
        let color = Lab::new(stream.uniform(7.0, 94.0), chroma * hue.cos(), chroma * hue.sin());
        if color.to_linear().iter().all(|c| (0.0..=1.0).contains(c)) {
            return color;
        }
    }
    Lab::new(50.0, 0.0, 0.0)
}

/// The photo with its garment moved to `color` by one map of the family, as 8-bit sRGB.
pub fn jittered(
    lab: &LabImage,
    photo: &SrgbImage,
    mask: &Mask,
    stats: &GarmentStats,
    color: Lab,
    stream: &mut Stream,
) -> SrgbImage {
    let map = map(stats.median, color, stream);
    let mut out = photo.clone();
    for (i, (rgb, &alpha)) in out.data_mut().chunks_exact_mut(3).zip(mask.data()).enumerate() {
        if alpha > 0 {
            rgb.copy_from_slice(&map(lab.at(i)).to_srgb8());
        }
    }
    out
}

/// Draws a map that takes `from` to `to`.
fn map(from: Lab, to: Lab, stream: &mut Stream) -> Box<dyn Fn(Lab) -> Lab> {
    let kept = stream.uniform(0.0, 0.9);
    let chroma = move |c: Lab| (to.a + kept * (c.a - from.a), to.b + kept * (c.b - from.b));
    match stream.below(3) {
        // Lightness deviations scaled, differently above and below.
        0 => {
            let (lighter, darker) = (stream.uniform(0.5, 1.4), stream.uniform(0.5, 1.4));
            Box::new(move |c| {
                let deviation = c.l - from.l;
                let gain = if deviation > 0.0 { lighter } else { darker };
                let (a, b) = chroma(c);
                Lab::new((to.l + gain * deviation).clamp(0.0, 100.0), a, b)
            })
        }
        // A power law of lightness through black and white.
        1 => {
            let share = |l: f32| (l / 100.0).clamp(0.02, 0.98).ln();
            let power = (share(to.l) / share(from.l)).clamp(0.2, 5.0);
            Box::new(move |c| {
                let l = 100.0 * (c.l / 100.0).clamp(0.0, 1.0).powf(power);
                let (a, b) = chroma(c);
                let shade = ((l + 8.0) / (to.l + 8.0)).clamp(0.2, 1.5);
                Lab::new(l, a * shade, b * shade)
            })
        }
        // Light multiplied, as another albedo would.
        _ => {
            let light = |c: Lab| c.to_linear().map(|v| v.clamp(0.0, 1.0) + 4e-3);
            let (own, other) = (light(from), light(to));
            Box::new(move |c| {
                let rgb = c.to_linear();
                Lab::from_linear(std::array::from_fn(|i| (rgb[i] * other[i] / own[i]).clamp(0.0, 1.0)))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_takes_the_median_near_the_colour() {
        for step in 0..40 {
            let mut stream = Stream::new(9, "jitter", step);
            let (from, to) = (random_color(&mut stream), random_color(&mut stream));
            let moved = map(from, to, &mut stream)(from);
            // The power law is held within bounds and light is floored, so extremes fall short.
            assert!((moved.l - to.l).abs() < 25.0, "{from:?} {to:?} {moved:?}");
        }
    }
}
