//! The garments of a photo cut from another cloth, in light that a network may have changed.

use pixels::fabric::{Placing, Restyle, Tile, relight, relight_deep};
use pixels::guided_filter::Plane;
use pixels::{Mask, Srgb16Image, SrgbImage, merge, merge_deep};

use crate::exit::{Exit, OrExit, Result};

use super::decoded::Decoded;
use super::models::Models;

/// A fabric and how it is laid.
pub struct Fabric<'a> {
    /// SHA-256 of the swatch's file.
    pub sha256: &'a str,
    /// The cloth.
    pub tile: &'a Tile,
    /// How it is laid.
    pub placing: &'a Placing,
    /// Whether a network may change the light on it.
    pub refine: bool,
    /// How much of it is taken, 0 to 1.
    pub strength: f32,
}

impl Fabric<'_> {
    /// The photo with its garments cut from the cloth, with 16 bits too if it has them; `masks` are of the same garments.
    ///
    /// # Errors
    /// A weights failure (exit code 4), an input failure when the cloth can't be laid or libtorch refuses.
    pub fn laid(
        &self,
        models: &Models,
        photo: &Decoded,
        cuts: &[Restyle],
        masks: &[&Mask],
    ) -> Result<(SrgbImage, Option<Srgb16Image>)> {
        let garments = || cuts.iter().zip(masks.iter().copied());
        if let Some(deep) = &photo.deep {
            let parts = garments().map(|(cut, mask)| self.deep(models, deep, cut, mask)).collect::<Result<Vec<_>>>()?;
            let layers: Vec<(&Srgb16Image, &Mask)> = parts.iter().zip(masks.iter().copied()).collect();
            let merged = merge_deep(deep, &layers).or_exit(Exit::Input)?;
            return Ok((merged.to_srgb8(), Some(merged)));
        }
        let mut parts = garments().map(|(cut, mask)| self.one(models, cut, mask)).collect::<Result<Vec<_>>>()?;
        if parts.len() == 1 {
            return Ok((parts.remove(0), None));
        }
        let layers: Vec<(&SrgbImage, &Mask)> = parts.iter().zip(masks.iter().copied()).collect();
        Ok((merge(&photo.image, &layers).or_exit(Exit::Input)?, None))
    }

    fn one(&self, models: &Models, cut: &Restyle, mask: &Mask) -> Result<SrgbImage> {
        let mut made = cut.render(self.tile, self.placing, self.strength).or_exit(Exit::Input)?.image;
        if let Some(light) = self.light(models, cut, &made, mask)? {
            relight(&mut made, mask, &light).or_exit(Exit::Input)?;
        }
        Ok(made)
    }

    fn deep(&self, models: &Models, photo: &Srgb16Image, cut: &Restyle, mask: &Mask) -> Result<Srgb16Image> {
        let mut made = cut.render_deep(photo, self.tile, self.placing, self.strength).or_exit(Exit::Input)?;
        if let Some(light) = self.light(models, cut, &made.to_srgb8(), mask)? {
            relight_deep(&mut made, mask, &light).or_exit(Exit::Input)?;
        }
        Ok(made)
    }

    /// By how much the network would change the light; none where nobody asked.
    fn light(&self, models: &Models, cut: &Restyle, made: &SrgbImage, mask: &Mask) -> Result<Option<Plane>> {
        if !self.refine {
            return Ok(None);
        }
        let mut light = models.refined_light((self.sha256, self.tile), cut, made, mask)?;
        light.iter_mut().flat_map(|plane| &mut plane.values).for_each(|value| *value *= self.strength);
        Ok(light)
    }
}
