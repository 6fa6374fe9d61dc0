//! Random photographic transforms: what cameras, films and editors do to colours.

use pixels::color::{Lab, srgb_code_from_linear};

use crate::look::linear_from_code;
use crate::stream::Stream;

/// One transform: film matrix, white balance and exposure in linear light, a tone curve on codes, saturation and split
/// toning in Lab.
#[derive(Clone, Debug)]
pub struct Transform {
    matrix: [[f32; 3]; 3],
    gains: [f32; 3],
    gamma: f32,
    contrast: f32,
    lift: f32,
    top: f32,
    saturation: f32,
    shadows: [f32; 2],
    lights: [f32; 2],
}

impl Transform {
    /// Draws one; many are mild and some are strong.
    pub fn draw(stream: &mut Stream) -> Self {
        let amount = stream.uniform(0.15, 1.3);
        let mut normal = |size: f32| amount * size * stream.normal().clamp(-2.5, 2.5);
        let mut matrix = [[0.0; 3]; 3];
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = if i == j { 1.0 } else { normal(0.05) };
            }
            // Greys stay grey.
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|value| *value /= sum);
        }
        let (warm, green, exposure) = (normal(0.16), normal(0.06), normal(0.3));
        let gains = [warm, green, -warm].map(|tint| (exposure + tint).exp());
        let (gamma, contrast) = (normal(0.18).exp(), normal(0.35));
        let (shadows, lights) = ([normal(5.0), normal(7.0)], [normal(4.0), normal(6.0)]);
        let colorful = normal(0.3);
        let saturation = if stream.chance(0.03) { 0.0 } else { colorful.exp().min(1.9) };
        let lift = if stream.chance(0.4) { amount * stream.uniform(0.0, 0.14) } else { 0.0 };
        let top = if stream.chance(0.3) { 1.0 - amount * stream.uniform(0.0, 0.12) } else { 1.0 };
        Self { matrix, gains, gamma, contrast, lift, top, saturation, shadows, lights }
    }

    /// What becomes of sRGB codes 0 to 255.
    pub fn of_codes(&self, codes: [u8; 3]) -> [u8; 3] {
        let linear = codes.map(|code| linear_from_code(f32::from(code)));
        let lit: [f32; 3] = std::array::from_fn(|i| {
            let mixed: f32 = (0..3).map(|j| self.matrix[i][j] * linear[j]).sum();
            (mixed * self.gains[i]).max(0.0)
        });
        let toned = lit.map(|v| {
            // A shoulder, so that gains do not cut highlights off.
            let v = if v > 0.7 { 0.7 + 0.3 * (1.0 - (-(v - 0.7) / 0.3).exp()) } else { v };
            let code = (srgb_code_from_linear(v.clamp(0.0, 1.0)) / 255.0).powf(self.gamma);
            let curve = code * code * (3.0 - 2.0 * code);
            let code = code + self.contrast.max(-0.8) * (curve - code);
            linear_from_code(255.0 * (self.lift + (self.top - self.lift) * code))
        });
        let color = Lab::from_linear(toned);
        let (dark, light) = ((1.0 - color.l / 100.0).powi(2), (color.l / 100.0).powi(2));
        let toning = |i: usize| dark * self.shadows[i] + light * self.lights[i];
        Lab::new(color.l, color.a * self.saturation + toning(0), color.b * self.saturation + toning(1)).to_srgb8()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_differ_keep_the_order_of_greys_and_are_mild_on_the_whole() {
        let mut stream = Stream::new(1, "transforms", 0);
        let mut moved = 0.0;
        for _ in 0..200 {
            let transform = Transform::draw(&mut stream);
            let lightness = |v: u8| Lab::from_srgb8(transform.of_codes([v; 3])).l;
            let greys: Vec<f32> = (0..=8).map(|i| lightness((i * 31) as u8)).collect();
            assert!(greys.windows(2).all(|w| w[1] > w[0] - 0.6), "{transform:?} {greys:?}");
            moved += (greys[4] - Lab::from_srgb8([124; 3]).l).abs();
        }
        assert!((2.0..20.0).contains(&(moved / 200.0)), "{}", moved / 200.0);
    }
}
