//! What the judge sees: crops of cloth alone, as deviations from the colour asked for, equally compressed.

use pixels::color::{Lab, LabImage};
use pixels::{Format, Limits, Mask, SrgbImage, decode, encode};
use tch::Tensor;

use crate::Result;
use crate::stream::Stream;

/// Side of a crop in pixels.
pub const CROP: usize = 64;
/// Planes of a crop: deviation of L, a, b, of log luminance and of chroma along the target's hue, and where cloth is.
pub const PLANES: usize = 6;
/// The plane that says where cloth is.
pub const COVER: usize = PLANES - 1;
/// Most crops of one picture.
const PER_PICTURE: usize = 4;
/// Places that are tried for them.
const TRIES: usize = 40;
/// Least share of a crop that is cloth.
const COVERED: f32 = 0.6;
/// Quality of the compression that real and recoloured pictures alike go through.
const QUALITY: u8 = 92;
/// One unit of each deviation; lightness varies most.
const SCALE: [f32; COVER] = [15.0, 8.0, 8.0, 0.5, 8.0];

/// Crops of one picture.
pub struct Crops {
    /// `[PLANES][CROP][CROP]` each.
    pub planes: Vec<Vec<f32>>,
    /// The colour asked for, about −1 to 1.
    pub target: [f32; 3],
}

/// Upper left corners of crops that are mostly cloth; the same for the same name and region.
pub fn places(region: &Mask, name: &str) -> Vec<(usize, usize)> {
    let (width, height) = (region.width_px() as usize, region.height_px() as usize);
    if width < CROP || height < CROP {
        return Vec::new();
    }
    let mut stream = Stream::new(0, &format!("crops of {name}"), 0);
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for _ in 0..TRIES {
        let place = (stream.below(width - CROP + 1), stream.below(height - CROP + 1));
        let inside = (0..CROP)
            .map(|y| &region.data()[(place.1 + y) * width + place.0..][..CROP])
            .map(|row| row.iter().filter(|&&a| a > 0).count())
            .sum::<usize>();
        if inside as f32 >= COVERED * (CROP * CROP) as f32 {
            chosen.push(place);
        }
        if chosen.len() == PER_PICTURE {
            break;
        }
    }
    chosen
}

impl Crops {
    /// Compresses a picture and cuts crops of it; what is outside the region is hidden, so that neither edges nor what
    /// surrounds the cloth can tell.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn cut(picture: &SrgbImage, region: &Mask, target: Lab, places: &[(usize, usize)]) -> Result<Self> {
        let bytes = encode(picture, None, Format::Jpeg, QUALITY)?;
        let lab = LabImage::from_srgb(&decode(&bytes, &Limits::default())?.image);
        let width = picture.width_px() as usize;
        let cut = |&(left, top): &(usize, usize)| {
            let mut planes = vec![0.0; PLANES * CROP * CROP];
            for i in 0..CROP * CROP {
                let at = (top + i / CROP) * width + left + i % CROP;
                if region.data()[at] > 0 {
                    for (channel, (value, scale)) in deviations(lab.at(at), target).into_iter().zip(SCALE).enumerate() {
                        planes[channel * CROP * CROP + i] = (value / scale).clamp(-4.0, 4.0);
                    }
                    planes[COVER * CROP * CROP + i] = 1.0;
                }
            }
            planes
        };
        let target = [target.l / 50.0 - 1.0, target.a / 50.0, target.b / 50.0];
        Ok(Self { planes: places.iter().map(cut).collect(), target })
    }
}

/// What a pixel deviates by. Light multiplies: on real cloth log luminance varies alike whatever the colour, and chroma
/// goes with it. A judge of few crops would not find that in Lab alone.
fn deviations(c: Lab, target: Lab) -> [f32; COVER] {
    let luminance = |l: f32| ((l.max(0.0) + 16.0) / 116.0).powi(3) + 0.01;
    let chroma = target.chroma();
    // Grey has no hue to go along.
    let along = ((c.a * target.a + c.b * target.b) / chroma.max(1.0) - chroma) * (chroma / 10.0).min(1.0);
    [c.l - target.l, c.a - target.a, c.b - target.b, (luminance(c.l) / luminance(target.l)).ln(), along]
}

/// Crops with their class and cluster, as tensors.
pub struct Set {
    /// `[N, PLANES, CROP, CROP]`.
    pub crops: Tensor,
    /// `[N, 3]`.
    pub targets: Tensor,
    /// 1 for recoloured (or for the second class), 0 for real.
    pub classes: Vec<f32>,
    /// Which products the crop is of.
    pub groups: Vec<usize>,
}

/// Gathers crops for a [`Set`].
#[derive(Default)]
pub struct Gathered {
    crops: Vec<f32>,
    targets: Vec<f32>,
    classes: Vec<f32>,
    groups: Vec<usize>,
}

impl Gathered {
    /// Adds the first `n` crops of a picture.
    pub fn add(&mut self, crops: &Crops, n: usize, class: f32, group: usize) {
        for planes in crops.planes.iter().take(n) {
            self.crops.extend_from_slice(planes);
            self.targets.extend_from_slice(&crops.target);
            self.classes.push(class);
            self.groups.push(group);
        }
    }

    /// The tensors.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn into_set(self) -> Result<Set> {
        let n = self.classes.len() as i64;
        let side = CROP as i64;
        Ok(Set {
            crops: Tensor::from_slice(&self.crops).f_view([n, PLANES as i64, side, side])?,
            targets: Tensor::from_slice(&self.targets).f_view([n, 3])?,
            classes: self.classes,
            groups: self.groups,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_on_cloth_and_hide_the_rest() {
        let (mut photo, mut region) = (SrgbImage::filled(150, 120, [250, 250, 250]), Mask::filled(150, 120, 0));
        for y in 20..110 {
            for x in 30..120 {
                photo.data_mut()[3 * (y * 150 + x)..][..3].copy_from_slice(&[120, 40, 50]);
                region.data_mut()[y * 150 + x] = if x == 70 { 0 } else { 255 };
            }
        }
        let places = places(&region, "photo");
        assert!(!places.is_empty());
        let target = Lab::from_srgb8([120, 40, 50]);
        let crops = Crops::cut(&photo, &region, target, &places).unwrap();
        for (planes, place) in crops.planes.iter().zip(&places) {
            let column = planes[COVER * CROP * CROP..].iter().skip(70_usize.saturating_sub(place.0)).step_by(CROP);
            if (place.0..place.0 + CROP).contains(&70) {
                assert!(column.take(CROP).all(|&inside| inside == 0.0));
            }
            // Inside, away from the edge, nothing deviates; outside, the white backdrop is hidden.
            assert!(planes[..CROP * CROP].iter().all(|v| v.abs() < 1.5));
        }
        assert!(super::places(&Mask::filled(20, 20, 255), "small").is_empty());
    }
}
