//! From one garment to the figures of all its variants, by every method.

use pixels::SrgbImage;
use pixels::color::{Lab, LabImage};
use serde::Serialize;

use super::dumb::Dumb;
use super::figures::Figures;
use super::garments::Garment;
use super::spreads::Spreads;
use super::strata::{self, Case};
use super::{METHODS, SWATCHES, Swatch};
use crate::eval::program::{Generator, Program};
use crate::{Error, Result};

/// One variant by every method.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Name of the swatch.
    pub swatch: &'static str,
    /// Whether the program says that the cloth reaches the colour.
    pub reachable: bool,
    /// Usual spread of lightness of garments of the target's lightness.
    pub usual_spread: f64,
    /// Whether the target is much lighter than the cloth.
    pub dark_to_light: bool,
    /// Which strata it belongs to, by number.
    #[serde(skip)]
    pub strata: Vec<usize>,
    /// Figures in the order of [`METHODS`].
    pub figures: [Figures; METHODS.len()],
}

/// One garment's variants.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Photo's name in the data set.
    pub id: String,
    /// Who took it.
    pub sender: String,
    /// Median lightness and spread of the cloth as photographed.
    pub own: (f64, f64),
    /// In the order of [`SWATCHES`].
    pub variants: Vec<Variant>,
}

/// The variants of a garment in all swatches, `[method][swatch]`, and whether the analytic base reached them.
///
/// # Errors
/// When a model fails.
pub fn pictures(
    program: &Program,
    garment: &Garment,
    targets: &[Lab],
    usual: &Spreads,
) -> Result<(Vec<Vec<SrgbImage>>, Vec<bool>)> {
    let found = &garment.found;
    let base = program.dye(Generator::Base, found, targets)?;
    let corrected = program.dye(Generator::Network, found, targets)?;
    let reachable = base.iter().map(|dyed| dyed.reachable).collect();
    let images = |dyed: Vec<crate::dye::Dyed>| dyed.into_iter().map(|d| d.image).collect::<Vec<_>>();
    let mut all = vec![images(base), images(corrected)];
    let lab = LabImage::from_srgb(&found.photo);
    let own = (garment.cloth.median, garment.cloth.spread);
    for dumb in Dumb::ALL {
        let dye = |&target: &Lab| dumb.dye(&found.photo, &lab, &found.mask, own, target, usual);
        all.push(targets.iter().map(dye).collect::<Result<_>>()?);
    }
    Ok((all, reachable))
}

/// Dyes a garment in every swatch by every method and measures all that.
///
/// # Errors
/// When a model fails.
pub fn measure(program: &Program, garment: &Garment, usual: &Spreads) -> Result<Measured> {
    let targets: Vec<Lab> = SWATCHES.iter().map(Swatch::color).collect();
    let (pictures, reachable) = pictures(program, garment, &targets, usual)?;
    let other_size = || Error::Input("a variant has another size than its photo".into());
    let mut variants = Vec::with_capacity(SWATCHES.len());
    for (i, (swatch, &target)) in SWATCHES.iter().zip(&targets).enumerate() {
        let figures = pictures.iter().map(|method| garment.cloth.measure(&method[i], target).ok_or_else(other_size));
        let figures: Vec<Figures> = figures.collect::<Result<_>>()?;
        let own = garment.cloth.median;
        let case = Case {
            own,
            target,
            swatch: swatch.name,
            label: &garment.candidate.label,
            light: garment.light,
            trimmed: garment.trimmed,
        };
        variants.push(Variant {
            swatch: swatch.name,
            reachable: reachable[i],
            usual_spread: usual.at(target.l),
            dark_to_light: strata::dark_to_light(own, target),
            strata: (0..strata::names().count()).filter(|&s| strata::belongs(s, &case)).collect(),
            figures: figures.try_into().map_err(|_| Error::Input("a method has no figures".into()))?,
        });
    }
    Ok(Measured {
        id: garment.candidate.id.clone(),
        sender: garment.candidate.sender.clone(),
        own: (f64::from(garment.cloth.median.l), f64::from(garment.cloth.spread)),
        variants,
    })
}
