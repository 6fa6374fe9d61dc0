//! Printed garments whose plain siblings were photographed in nearly the same folds: the colourway pairs of which one photo
//! is plain and the other is not.

use pixels::SrgbImage;
use pixels::color::LabImage;
use serde::Serialize;

use super::baselines::Baseline;
use super::{Figure, Options, aligned, figures, methods, names, shown};
use crate::Result;
use crate::eval::colorway_pairs::{ColorwayPair, Part, load};
use crate::eval::interval::Interval;
use crate::registration::Flow;
use crate::segmenter::Segmenter;
use crate::shading::ShadeNet;
use crate::shading::view::{SIDE, View, log_light, smoothed};
use crate::train::shading::garments::{Cloth, Garment, cloth_of};

/// Figures on real pairs.
#[derive(Clone, Debug, Serialize)]
pub struct Siblings {
    /// Pairs of which one is plain and the other is not.
    pub n: usize,
    /// Their photos: printed, plain.
    pub ids: Vec<[String; 2]>,
    /// What both see, ShadeNet, the analytic estimate, plain methods: distance of the light found on the printed photo from that of the
    /// plain one.
    pub figures: Vec<Figure>,
    /// The same distance for no shading at all: how strong the light is.
    pub flat: Option<Interval>,
}

/// Finest light that is compared, in pixels of the small copy: registration is no better.
const FINEST_PX: f32 = 1.5;
/// Rows on the sheet.
const SHOWN: usize = 16;

/// Measures the pairs; also their rows for the sheet.
pub(super) fn measure(
    network: &ShadeNet,
    baselines: &[Baseline],
    options: &Options,
) -> Result<(Siblings, Vec<Vec<SrgbImage>>)> {
    let set = load(&options.data.join("colorways/pairs.csv"), &options.data.join("studio/images"), Part::All)?;
    let segmenter = Segmenter::load(&options.weights)?;
    let (mut ids, mut errors, mut flat, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in &set.pairs {
        let Some((printed, plain)) = siblings(pair, &segmenter)? else { continue };
        let (own, other) = (LabImage::from_srgb(&printed.image), LabImage::from_srgb(&plain.image));
        // The plain photo laid over the printed one; its light is the truth.
        let laid = Flow::between(&own, &other).warp(&other).to_srgb();
        let truth = smoothed(&log_light(&laid, &printed.mask), &printed.mask, FINEST_PX);
        let inner = printed.mask.threshold(230).intersected(&plain.mask.threshold(230))?.eroded(3);
        let weight: Vec<f32> = inner.data().iter().map(|&a| f32::from(u8::from(a > 0))).collect();
        let found = methods(network, baselines, &printed.image, &printed.mask)?;
        let distance = |log: &[f32]| {
            let off = aligned(&smoothed(log, &printed.mask, FINEST_PX), &truth, &weight);
            (off.iter().map(|v| v * v).sum::<f64>() / off.len().max(1) as f64).sqrt()
        };
        errors.push(found.iter().map(|log| distance(log)).collect::<Vec<f64>>());
        flat.push(vec![distance(&[0.0; SIDE * SIDE])]);
        if options.sheet && rows.len() < SHOWN {
            rows.push(shown(&printed.image, &printed.mask, &truth, &found)?);
        }
        ids.push(if printed.key == pair.ids[0] {
            pair.ids.clone()
        } else {
            [pair.ids[1].clone(), pair.ids[0].clone()]
        });
    }
    let figures = if errors.is_empty() { Vec::new() } else { figures(&names(baselines), &errors, &[])? };
    let flat = crate::eval::interval::bootstrap(&flat, crate::eval::interval::mean);
    Ok((Siblings { n: ids.len(), ids, figures, flat }, rows))
}

/// The printed and the plain garment of a pair, if it has one of each.
fn siblings(pair: &ColorwayPair, segmenter: &Segmenter) -> Result<Option<(Garment, Garment)>> {
    let mut both = Vec::new();
    for (id, image) in pair.ids.iter().zip(&pair.images) {
        let mask = segmenter.segment(image)?.article_alpha(crate::region::Region::All, image)?;
        both.push((id.clone(), mask));
    }
    // One frame for both, or the photos would no longer lie on each other.
    let mask = both[0].1.intersected(&both[1].1)?;
    let mut garments = Vec::new();
    for ((id, _), image) in both.into_iter().zip(&pair.images) {
        let Some(view) = View::new(image, &mask)? else { return Ok(None) };
        garments.push(Garment { key: id, image: view.image, mask: view.mask });
    }
    let cloths: Vec<Cloth> = garments.iter().map(cloth_of).collect();
    let mut garments = garments.into_iter();
    let (Some(first), Some(second)) = (garments.next(), garments.next()) else { return Ok(None) };
    Ok(match cloths[..] {
        [Cloth::Printed, Cloth::Plain] => Some((first, second)),
        [Cloth::Plain, Cloth::Printed] => Some((second, first)),
        _ => None,
    })
}
