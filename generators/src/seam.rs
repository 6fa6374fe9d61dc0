//! The only place where image bytes become tensors and back.

use pixels::color::LabImage;
use pixels::{Mask, SrgbImage};
use tch::{Kind, Tensor};

use crate::Result;

/// A picture as codes 0 to 255.
///
/// # Shapes
/// `[3, H, W]`, `f32`.
pub fn tensor_from_srgb(image: &SrgbImage) -> Tensor {
    planar(&Tensor::from_slice(image.data()), image.height_px(), image.width_px(), 3).to_kind(Kind::Float)
}

/// A mask as alpha 0 to 1.
///
/// # Shapes
/// `[1, H, W]`, `f32`.
pub fn tensor_from_mask(mask: &Mask) -> Tensor {
    planar(&Tensor::from_slice(mask.data()), mask.height_px(), mask.width_px(), 1).to_kind(Kind::Float) / 255.0
}

/// A Lab picture in Lab units.
///
/// # Shapes
/// `[3, H, W]`, `f32`.
pub fn tensor_from_lab(image: &LabImage) -> Tensor {
    planar(&Tensor::from_slice(image.data()), image.height_px(), image.width_px(), 3)
}

/// Reads codes 0 to 255 back into a picture, rounding and clipping.
///
/// # Shapes
/// `[3, H, W]`, any float kind.
///
/// # Errors
/// When the shape is another.
pub fn srgb_from_tensor(tensor: &Tensor) -> Result<SrgbImage> {
    let (_, height, width) = tensor.size3()?;
    let bytes = tensor.to_kind(Kind::Float).f_clamp(0.0, 255.0)?.f_round()?.to_kind(Kind::Uint8);
    Ok(SrgbImage::new(width as u32, height as u32, bytes_of(&bytes.permute([1, 2, 0]))?)?)
}

/// Reads alpha 0 to 1 back into a mask, rounding and clipping.
///
/// # Shapes
/// `[1, H, W]`, any float kind.
///
/// # Errors
/// When the shape is another.
pub fn mask_from_tensor(tensor: &Tensor) -> Result<Mask> {
    let (_, height, width) = tensor.size3()?;
    let bytes = (tensor.to_kind(Kind::Float) * 255.0).f_clamp(0.0, 255.0)?.f_round()?.to_kind(Kind::Uint8);
    Ok(Mask::new(width as u32, height as u32, bytes_of(&bytes)?)?)
}

/// The values of a float tensor, row-major.
///
/// # Errors
/// When libtorch cannot read it.
pub fn floats_of(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.to_kind(Kind::Float).contiguous().f_view(-1)?;
    let mut values = vec![0.0; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}

fn planar(interleaved: &Tensor, height: u32, width: u32, channels: i64) -> Tensor {
    interleaved.view([i64::from(height), i64::from(width), channels]).permute([2, 0, 1]).contiguous()
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.contiguous().f_view(-1)?;
    let mut bytes = vec![0; flat.numel()];
    flat.f_copy_data(&mut bytes, flat.numel())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_masks_survive_the_round_trip() {
        let bytes: Vec<u8> = (0..5 * 3 * 3).map(|i| (i * 5) as u8).collect();
        let image = SrgbImage::new(5, 3, bytes).unwrap();
        let tensor = tensor_from_srgb(&image);
        assert_eq!(tensor.size(), [3, 3, 5]);
        assert_eq!(f64::try_from(tensor.get(1).get(0).get(1)).unwrap(), 20.0);
        assert_eq!(srgb_from_tensor(&tensor).unwrap(), image);
        let mask = Mask::new(2, 2, vec![0, 1, 128, 255]).unwrap();
        assert_eq!(mask_from_tensor(&tensor_from_mask(&mask)).unwrap(), mask);
    }
}
