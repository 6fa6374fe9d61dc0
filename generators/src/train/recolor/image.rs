//! Differentiable picture operations: blur, compositing, and Lab to 8-bit sRGB as encoding does it.

use tch::{Kind, Tensor};

use super::losses::Batch;
use crate::recolor::inputs::BASE_PLANE;
use crate::recolor::network::lab_planes;

/// Gaussian weights for σ = 0.56 px, which at the size of [`Batch::small`] stands for 1.5 px of a 224 px photo.
const BLUR: [f32; 3] = [0.144, 0.712, 0.144];

/// Gaussian blur, edges repeated.
///
/// # Shapes
/// `[N, C, S, S]` → the same.
pub fn blur(x: &Tensor) -> Tensor {
    let size = x.size();
    let flat = x.reshape([size[0] * size[1], 1, size[2], size[3]]);
    let kernel = Tensor::from_slice(&BLUR);
    let along = |x: &Tensor, shape: [i64; 4]| x.conv2d(&kernel.view(shape), None::<Tensor>, [1, 1], [0, 0], [1, 1], 1);
    let padded = flat.replication_pad2d([1, 1, 1, 1]);
    along(&along(&padded, [1, 1, 1, 3]), [1, 1, 3, 1]).reshape(size)
}

/// The source's own colours in Lab units.
pub fn source_planes(planes: &Tensor) -> Tensor {
    lab_planes(planes, BASE_PLANE as i64 - 3)
}

/// A picture inside the garment's mask over the source photo.
pub fn composite(picture: &Tensor, batch: &Batch) -> Tensor {
    let mask = batch.small.narrow(1, 2, 1);
    let own = source_planes(&batch.small);
    &own + (picture - &own) * mask
}

/// sRGB codes scaled to −1 to 1, rounded to 8 bits; the gradient passes the rounding as if it were not there.
///
/// # Shapes
/// `[N, 3, S, S]` in Lab units → the same.
pub fn encoded(lab: &Tensor) -> Tensor {
    let fy = (lab.narrow(1, 0, 1) + 16.0) / 116.0;
    let fx = &fy + lab.narrow(1, 1, 1) / 500.0;
    let fz = &fy - lab.narrow(1, 2, 1) / 200.0;
    let light = |f: &Tensor| {
        let line = (f * 116.0 - 16.0) * (27.0 / 24389.0);
        (f * f * f).where_self(&f.gt(6.0 / 29.0), &line)
    };
    let (x, y, z) = (light(&fx) * 0.950_47, light(&fy), light(&fz) * 1.088_83);
    let row = |m: [f64; 3]| &x * m[0] + &y * m[1] + &z * m[2];
    let rgb = Tensor::cat(
        &[
            row([3.240_454_2, -1.537_138_5, -0.498_531_4]),
            row([-0.969_266, 1.876_010_8, 0.041_556]),
            row([0.055_643_4, -0.204_025_9, 1.057_225_2]),
        ],
        1,
    );
    let rgb = rgb.clamp(0.0, 1.0);
    let curve = rgb.clamp_min(0.003_130_8).pow_tensor_scalar(1.0 / 2.4) * 1.055 - 0.055;
    let codes = curve.where_self(&rgb.gt(0.003_130_8), &(&rgb * 12.92)) * 255.0;
    let rounded = (codes.round() - &codes).detach() + codes;
    rounded / 127.5 - 1.0
}

/// Pictures in Lab units, `[3, S, S]` each, side by side as one sRGB image: rows of pictures.
///
/// # Errors
/// When shapes differ.
pub fn contact_sheet(rows: &[Vec<Tensor>]) -> crate::Result<pixels::SrgbImage> {
    let lines: Result<Vec<Tensor>, tch::TchError> = rows.iter().map(|row| Tensor::f_cat(row, 2)).collect();
    let sheet = Tensor::f_cat(&lines?, 1)?;
    crate::seam::srgb_from_tensor(&((encoded(&sheet.unsqueeze(0)).squeeze_dim(0) + 1.0) * 127.5).to_kind(Kind::Float))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::Lab;

    #[test]
    fn encoding_equals_the_pixel_crates() {
        for rgb in [[0, 0, 0], [255, 255, 255], [12, 200, 99], [250, 3, 128], [5, 4, 9]] {
            let c = Lab::from_srgb8(rgb);
            let tensor = Tensor::from_slice(&[c.l, c.a, c.b]).view([1, 3, 1, 1]);
            let codes = (encoded(&tensor) + 1.0) * 127.5;
            for (channel, code) in rgb.into_iter().enumerate() {
                assert!((codes.double_value(&[0, channel as i64, 0, 0]) - f64::from(code)).abs() < 0.01, "{rgb:?}");
            }
        }
    }

    #[test]
    fn blur_keeps_a_flat_picture() {
        let flat = Tensor::ones([2, 3, 16, 16], (Kind::Float, tch::Device::Cpu)) * 7.0;
        assert!((blur(&flat) - &flat).abs().max().double_value(&[]) < 1e-2);
    }
}
