//! The colours of a photo as features: before its plain ground, in its middle, and inside the article's mask.

use pixels::color::{Lab, LabImage};
use pixels::{Mask, SrgbImage, resize_linear, resize_mask};

use crate::Result;

/// Side of the pictures that colours are counted in, in pixels.
const SIDE_PX: u32 = 112;
/// Least ΔE76 to the ground's colour of what stands before it.
const OFF_GROUND: f32 = 8.0;
/// Least alpha of a pixel that counts as the article's.
const OF_THE_ARTICLE: u8 = 200;
/// Chroma below which a colour is neutral, and from which it is vivid.
const CHROMA: [f32; 3] = [6.0, 16.0, 36.0];
/// Bins of lightness and hue.
const LIGHTNESS: usize = 8;
const HUES: usize = 14;
const BINS: usize = LIGHTNESS * (1 + 3 * HUES);
/// Shares of the pixels below the values that are looked at, of each channel.
const QUANTILES: [f32; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];
/// What divides lightness and the two others, so that they are as large as shares.
const SCALES: [f32; 3] = [100.0, 60.0, 60.0];
/// Numbers that describe one part of a photo.
const OF_PART: usize = BINS + 3 * QUANTILES.len();

/// Colours of all that stands before the ground, and of its middle.
pub(super) fn foreground(photo: &SrgbImage) -> Result<Vec<f32>> {
    let lab = LabImage::from_srgb(&resize_linear(photo, SIDE_PX, SIDE_PX)?);
    let side = SIDE_PX as usize;
    let place = |i: usize| ((i % side) as f32 / side as f32 - 0.5, (i / side) as f32 / side as f32 - 0.5);
    let all: Vec<(f32, f32, Lab)> = (0..side * side).map(|i| (place(i).0, place(i).1, lab.at(i))).collect();
    let edge = 0.5 - 4.0 / side as f32;
    let border = all.iter().filter(|(x, y, _)| x.abs().max(y.abs()) > edge).map(|(_, _, lab)| *lab);
    let ground = quantiles(&border.collect::<Vec<_>>(), [0.5])[0];
    let off = |lab: &Lab| (lab.l - ground[0]).hypot((lab.a - ground[1]).hypot(lab.b - ground[2])) > OFF_GROUND;
    let mut features = Vec::with_capacity(2 * OF_PART);
    for reach in [0.5, 0.22] {
        let inside = all.iter().filter(|(x, y, lab)| x.abs() <= reach && y.abs() <= reach && off(lab));
        describe(&inside.map(|(_, _, lab)| *lab).collect::<Vec<_>>(), &mut features);
    }
    Ok(features)
}

/// Colours of the article.
pub(super) fn of_article(photo: &SrgbImage, mask: &Mask) -> Result<Vec<f32>> {
    let lab = LabImage::from_srgb(&resize_linear(photo, SIDE_PX, SIDE_PX)?);
    let mask = resize_mask(mask, SIDE_PX, SIDE_PX)?;
    let inside = mask.data().iter().enumerate().filter(|(_, alpha)| **alpha >= OF_THE_ARTICLE);
    let mut features = Vec::with_capacity(OF_PART);
    describe(&inside.map(|(i, _)| lab.at(i)).collect::<Vec<_>>(), &mut features);
    Ok(features)
}

/// Roots of the shares of colours, and quantiles of each channel.
fn describe(seen: &[Lab], features: &mut Vec<f32>) {
    let mut bins = [0.0_f32; BINS];
    seen.iter().for_each(|lab| bins[bin(*lab)] += 1.0);
    let n = (seen.len() as f32).max(1.0);
    features.extend(bins.iter().map(|count| (count / n).sqrt()));
    let scaled = |values: [f32; 3]| values.into_iter().zip(SCALES).map(|(value, scale)| value / scale);
    features.extend(quantiles(seen, QUANTILES).into_iter().flat_map(scaled));
}

fn bin(lab: Lab) -> usize {
    let lightness = ((lab.l / 100.0 * LIGHTNESS as f32) as usize).min(LIGHTNESS - 1);
    let chroma = lab.a.hypot(lab.b);
    let vividness = CHROMA.iter().filter(|least| chroma >= **least).count();
    let turn = lab.b.atan2(lab.a) / std::f32::consts::TAU;
    let hue = ((turn.rem_euclid(1.0) * HUES as f32) as usize).min(HUES - 1);
    let within = if vividness == 0 { 0 } else { 1 + (vividness - 1) * HUES + hue };
    lightness * (1 + 3 * HUES) + within
}

/// Values of lightness, a and b that these shares of the colours are below; 0 of no colours.
fn quantiles<const N: usize>(colours: &[Lab], shares: [f32; N]) -> [[f32; 3]; N] {
    let sorted = [|c: &Lab| c.l, |c: &Lab| c.a, |c: &Lab| c.b].map(|channel: fn(&Lab) -> f32| {
        let mut values: Vec<f32> = colours.iter().map(channel).collect();
        values.sort_unstable_by(f32::total_cmp);
        values
    });
    shares.map(|share| {
        sorted.each_ref().map(|values| values.get((values.len() as f32 * share) as usize).copied().unwrap_or(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_before_the_ground() {
        let mut photo = SrgbImage::filled(SIDE_PX, SIDE_PX, [255; 3]);
        for (i, pixel) in photo.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (i as u32 % SIDE_PX, i as u32 / SIDE_PX);
            if (30..80).contains(&x) && (30..80).contains(&y) {
                pixel.copy_from_slice(&[200, 20, 30]);
            }
        }
        let features = foreground(&photo).unwrap();
        let red = bin(Lab::from_srgb8([200, 20, 30]));
        assert!(features[red] > 0.99 && features[OF_PART + red] > 0.99);
        assert_eq!(features.len(), 2 * OF_PART);
        let mut mask = Mask::filled(SIDE_PX, SIDE_PX, 0);
        let sleeve = (0..mask.data().len()).filter(|i| (30..40).contains(&(i % SIDE_PX as usize)));
        sleeve.filter(|i| (30..80).contains(&(i / SIDE_PX as usize))).for_each(|i| mask.data_mut()[i] = 255);
        let features = of_article(&photo, &mask).unwrap();
        assert!(features[red] > 0.99);
        assert!((features[BINS] - Lab::from_srgb8([200, 20, 30]).l / 100.0).abs() < 0.01);
        assert!(of_article(&photo, &Mask::filled(SIDE_PX, SIDE_PX, 0)).unwrap().iter().all(|v| *v == 0.0));
        assert_ne!(red, bin(Lab::from_srgb8([20, 30, 200])));
        assert_eq!(bin(Lab::from_srgb8([255; 3])), (LIGHTNESS - 1) * (1 + 3 * HUES));
    }
}
