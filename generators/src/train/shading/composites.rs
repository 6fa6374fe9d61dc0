//! Samples whose shading is known: the light of plain garments on random prints, and plain garments as they are.

use pixels::color::{linear_from_srgb8, srgb8_from_linear};
use pixels::{Mask, SrgbImage};

use super::garments::{Garment, Garments, clear};
use super::prints::{Family, HELD_OUT, Print, TRAINED};
use crate::registration::Plane;
use crate::shading::view::{self, SIDE, core, log_light, median_inside, smoothed};
use crate::stream::Stream;
use crate::{Error, Result};

/// A small copy of a garment and its true shading.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it shows, `SIDE` × `SIDE`.
    pub image: SrgbImage,
    /// Where the garment is.
    pub mask: Mask,
    /// Log shading relative to its median over the cloth.
    pub truth: Vec<f32>,
    /// Where the truth counts: 1 on what is surely cloth.
    pub weight: Vec<f32>,
    /// What is printed on it.
    pub family: Family,
}

/// Finest detail of the truth, in pixels: below it lie weave and the camera's noise.
const FINEST_PX: f32 = 0.8;
/// The same for garments as they are that are nearly black.
const FINEST_DARK_PX: f32 = 2.0;
/// Share of training samples that are garments as they are.
const AS_IT_IS: f32 = 0.12;
/// Of these, the share that is nearly black.
const DARK: f32 = 0.3;

/// Draws a training sample.
///
/// # Errors
/// When there are no plain garments.
pub fn draw(garments: &Garments, stream: &mut Stream) -> Result<Sample> {
    if stream.chance(AS_IT_IS) {
        let dark = stream.chance(DARK) && !garments.dark.is_empty();
        let (from, finest) = if dark { (&garments.dark, FINEST_DARK_PX) } else { (&garments.plain, FINEST_PX) };
        return Ok(as_it_is(pick(from, stream)?, finest));
    }
    let garment = pick(&garments.plain, stream)?;
    let family = TRAINED[stream.below(TRAINED.len())];
    composite(garment, family, &garments.printed, stream)
}

/// The composite of a held-out garment and a held-out print that has this number: always the same one.
///
/// # Errors
/// When there are no plain garments.
pub fn held_out(garments: &Garments, number: u64) -> Result<Sample> {
    let mut stream = Stream::new(0, "shading/held-out", number);
    let family = HELD_OUT[number as usize % HELD_OUT.len()];
    let garment = pick(&garments.plain, &mut stream)?;
    composite(garment, family, &garments.printed, &mut stream)
}

fn pick<'a>(garments: &'a [Garment], stream: &mut Stream) -> Result<&'a Garment> {
    garments
        .get(stream.below(garments.len()))
        .ok_or_else(|| Error::Input("shading: the data holds no plain garments".into()))
}

/// A plain garment with its own light as truth.
fn as_it_is(garment: &Garment, finest_px: f32) -> Sample {
    let light = log_light(&garment.image, &garment.mask);
    let truth = relative(&smoothed(&light, &garment.mask, finest_px), &garment.mask);
    Sample {
        image: garment.image.clone(),
        mask: garment.mask.clone(),
        truth,
        weight: weight(garment),
        family: Family::Solid,
    }
}

/// 1 where the garment's own light is its shading, else 0: small prints and buttons are no truth.
fn weight(garment: &Garment) -> Vec<f32> {
    clear(garment).into_iter().map(|clear| f32::from(u8::from(clear))).collect()
}

fn relative(values: &[f32], mask: &Mask) -> Vec<f32> {
    let median = median_inside(values, &core(mask));
    values.iter().map(|v| v - median).collect()
}

/// A plain garment's light on a print that follows its folds.
fn composite(garment: &Garment, family: Family, printed: &[Garment], stream: &mut Stream) -> Result<Sample> {
    let garment = if stream.chance(0.5) { &mirrored(garment)? } else { garment };
    let own = log_light(&garment.image, &garment.mask);
    // Garments whose cloth is surely plain have shallow folds; deep ones must be known as well.
    let contrast = stream.uniform(0.75, 1.9);
    let lamp = lamp(stream);
    let light: Vec<f32> = own.iter().enumerate().map(|(i, v)| contrast * v + lamp(i % SIDE, i / SIDE)).collect();
    let light = relative(&light, &garment.mask);
    let truth = relative(&smoothed(&light, &garment.mask, FINEST_PX), &garment.mask);

    let print = Print::draw(family, printed, stream);
    let folds = Plane { width: SIDE, height: SIDE, data: smoothed(&light, &garment.mask, 3.0) }.gradients();
    let pull = stream.uniform(-25.0, 25.0);
    let bend = bend(stream);
    let tint = [0, 1, 2].map(|_| 1.0 + 0.06 * stream.normal());
    let gain = (0.25 * stream.normal()).exp();
    let noise = 1.5 * stream.unit();
    let mut image = garment.image.clone();
    for (i, code) in image.data_mut().chunks_exact_mut(3).enumerate() {
        if garment.mask.data()[i] == 0 {
            continue;
        }
        let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
        let (dx, dy) = bend(x, y);
        let albedo = print.at(x + dx + pull * folds[0].data[i], y + dy + pull * folds[1].data[i]);
        let lit = gain * light[i].exp();
        for (c, value) in code.iter_mut().enumerate() {
            let exact = f32::from(srgb8_from_linear((albedo[c] * lit * tint[c]).clamp(0.0, 1.0)));
            *value = (exact + noise * stream.normal()).round().clamp(0.0, 255.0) as u8;
        }
    }
    Ok(Sample { image, mask: garment.mask.clone(), truth, weight: weight(garment), family })
}

/// Slow changes of the light that the photo itself did not have.
fn lamp(stream: &mut Stream) -> impl Fn(usize, usize) -> f32 + use<> {
    let strength = if stream.chance(0.5) { stream.uniform(0.0, 0.8) } else { 0.0 };
    let angle = stream.uniform(0.0, std::f32::consts::TAU);
    let (c, s, bow) = (angle.cos(), angle.sin(), stream.uniform(-1.0, 1.0));
    move |x, y| {
        let (x, y) = (x as f32 / SIDE as f32 - 0.5, y as f32 / SIDE as f32 - 0.5);
        let along = c * x + s * y;
        strength * (along + bow * (along * along - 0.1))
    }
}

/// How the cloth hangs: slow displacements of a few pixels.
fn bend(stream: &mut Stream) -> impl Fn(f32, f32) -> (f32, f32) + use<> {
    let size = 5.0 * stream.unit();
    let number: [f32; 6] = std::array::from_fn(|_| stream.uniform(0.0, std::f32::consts::TAU));
    let wave = move |x: f32, y: f32, phase: f32, turn: f32| {
        let (c, s) = (turn.cos(), turn.sin());
        (std::f32::consts::TAU * (c * x + s * y) / (0.7 * SIDE as f32) + phase).sin()
    };
    move |x, y| (size * wave(x, y, number[0], number[1]), size * wave(x, y, number[2], number[3]))
}

fn mirrored(garment: &Garment) -> Result<Garment> {
    let side = SIDE as u32;
    let across = |i: usize| i / SIDE * SIDE + SIDE - 1 - i % SIDE;
    let image = (0..SIDE * SIDE).flat_map(|i| garment.image.data()[3 * across(i)..3 * across(i) + 3].iter().copied());
    let mask = (0..SIDE * SIDE).map(|i| garment.mask.data()[across(i)]);
    Ok(Garment {
        key: garment.key.clone(),
        image: SrgbImage::new(side, side, image.collect())?,
        mask: Mask::new(side, side, mask.collect())?,
    })
}

/// What a log shading looks like: mid-grey cloth in that light, white around it.
///
/// # Errors
/// Never for planes of the small copy's size.
pub fn picture(log: &[f32], mask: &Mask) -> Result<SrgbImage> {
    let grey = |(&v, &a): (&f32, &u8)| {
        let cloth = 0.22 * v.exp();
        let alpha = f32::from(a) / 255.0;
        [srgb8_from_linear((cloth * alpha + linear_from_srgb8(255) * (1.0 - alpha)).clamp(0.0, 1.0)); 3]
    };
    Ok(SrgbImage::new(SIDE as u32, SIDE as u32, log.iter().zip(mask.data()).flat_map(grey).collect())?)
}

/// The planes that the network reads, truth and weight as one row of numbers each.
///
/// # Errors
/// Never for samples made here.
pub fn planes(sample: &Sample) -> Result<Vec<f32>> {
    view::planes(&sample.image, &sample.mask)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::seam;

    /// A garment of one colour with folds.
    pub fn folded(key: &str) -> Garment {
        let side = SIDE as u32;
        let mut image = SrgbImage::filled(side, side, [0; 3]);
        let mut mask = Mask::filled(side, side, 0);
        for i in 0..SIDE * SIDE {
            let (x, y) = (i % SIDE, i / SIDE);
            let fold = 130.0 + 40.0 * (x as f32 / 9.0 + y as f32 / 30.0).sin();
            image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&[fold as u8, (0.8 * fold) as u8, (0.6 * fold) as u8]);
            mask.data_mut()[i] = if (15..110).contains(&x) && (10..120).contains(&y) { 255 } else { 0 };
        }
        Garment { key: key.to_owned(), image, mask }
    }

    #[test]
    fn the_truth_of_a_composite_is_the_light_that_made_it() {
        let garments = Garments { plain: vec![folded("a")], ..Garments::default() };
        let mut stream = Stream::new(3, "composite", 0);
        let sample = composite(&garments.plain[0], Family::Solid, &[], &mut stream).unwrap();
        let light = log_light(&sample.image, &sample.mask);
        let inside: Vec<usize> = (0..SIDE * SIDE).filter(|&i| sample.weight[i] > 0.0).collect();
        // Up to a factor, to noise, and to what is finer than the truth or clipped.
        let mean = |of: &dyn Fn(usize) -> f64| inside.iter().map(|&i| of(i)).sum::<f64>() / inside.len() as f64;
        let (seen, truth) = (|i: usize| f64::from(light[i]), |i: usize| f64::from(sample.truth[i]));
        let (a, b) = (mean(&seen), mean(&truth));
        let spread = |f: &dyn Fn(usize) -> f64, m: f64| mean(&|i| (f(i) - m).powi(2)).sqrt();
        let correlation = mean(&|i| (seen(i) - a) * (truth(i) - b)) / (spread(&seen, a) * spread(&truth, b));
        assert!(correlation > 0.9, "{correlation}");
        let again = held_out(&garments, 7).unwrap();
        assert_eq!(again.image, held_out(&garments, 7).unwrap().image);
        assert!(held_out(&Garments::default(), 7).is_err());
        assert_eq!(seam::tensor_from_srgb(&picture(&sample.truth, &sample.mask).unwrap()).size(), [3, 128, 128]);
    }
}
