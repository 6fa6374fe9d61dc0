//! Fifth stage: the photo in another colour, encoded and measured as it would leave.

use generators::recolor::{Dyed, TOLERANCE};
use pixels::color::{Lab, delta_e00};
use pixels::color_map::ColorMap;
use pixels::{Format, Limits, SrgbImage, decode, encode, flatten_on_white};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::measure;

use super::embedded::Embedded;
use super::models::Models;
use super::sizes::Profile;
use super::swatches::Target;

/// A variant that nobody has judged yet.
#[derive(Debug)]
pub struct Candidate {
    /// The colour asked for.
    pub target: Target,
    /// The variant in the photo's own size.
    pub image: SrgbImage,
    /// The variant decoded from its encoded file, over white where it is transparent: what a customer would see.
    pub seen: SrgbImage,
    /// The encoded file, in the profile's first format.
    pub encoded: (Format, Vec<u8>),
    /// Median of the mask's core in the encoded file.
    pub measured: Lab,
    /// ΔE00 between asked and measured.
    pub delta_e00: f32,
    /// Whether the cloth can reach the colour.
    pub reachable: bool,
}

impl Candidate {
    /// Dyes the garment in each of the colours.
    ///
    /// # Errors
    /// An input failure when a model or an encoder refuses.
    pub fn dye(embedded: &Embedded, models: &Models, targets: &[Target], profile: &Profile) -> Result<Vec<Self>> {
        let Embedded { decoded, mask, embedding, .. } = embedded;
        let source = models.recolorer.prepare(&decoded.image, mask, embedding).or_exit(Exit::Input)?;
        let maps: Vec<ColorMap> = targets.iter().map(|t| ColorMap::to_main(source.stats(), t.swatch.color)).collect();
        let dyed = models.recolorer.dye_all(&source, &maps).or_exit(Exit::Input)?;
        let format = profile.formats().first().copied().unwrap_or(Format::Jpeg);
        let pairs = targets.iter().zip(dyed);
        let candidate = |(target, dyed): (&Target, Dyed)| {
            let alpha = decoded.alpha.as_ref();
            let bytes = encode(&dyed.image, alpha, format, profile.quality()).or_exit(Exit::Input)?;
            let again = decode(&bytes, &Limits::default()).or_exit(Exit::Input)?;
            let measured = measure::core_median(&again.image, mask)
                .ok_or_else(|| Failure::input("the mask has no core to measure the colour in"))?;
            let seen = match &again.alpha {
                Some(alpha) => flatten_on_white(&again.image, alpha),
                None => again.image,
            };
            let delta_e00 = delta_e00(target.swatch.color, measured);
            Ok(Self {
                target: target.clone(),
                image: dyed.image,
                seen,
                encoded: (format, bytes),
                measured,
                delta_e00,
                // Encoding may round the last step towards the colour.
                reachable: dyed.reachable || delta_e00 <= TOLERANCE,
            })
        };
        pairs.map(candidate).collect()
    }
}
