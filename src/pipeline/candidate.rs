//! Fifth stage: the photo in another colour, fabric or look, encoded and measured as it would leave.

use pixels::color::{Lab, delta_e00};
use pixels::color_map::ColorMap;
use pixels::{Encoding, Format, Srgb16Image, SrgbImage, encode_measured, flatten_on_white, shrunk};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::inspection::Inspected;
use crate::report::measure;

use super::dye::reached;
use super::models::Models;
use super::prepared::{DyedPhoto, Prepared};
use super::sizes::{Profile, deep_file, is_deep};
use super::variants::Variant;

/// A variant that nobody has judged yet.
#[derive(Debug)]
pub struct Candidate {
    /// What was asked for.
    pub variant: Variant,
    /// The variant in the photo's own size.
    pub image: SrgbImage,
    /// The same with 16 bits per channel, if files are to have them.
    pub deep: Option<Srgb16Image>,
    /// The variant decoded from its encoded file, over white where it is transparent: what a customer would see. Large
    /// ones are shrunk to what the gate and the gallery need.
    pub seen: SrgbImage,
    /// The encoded file, in the profile's first format.
    pub encoded: (Format, Encoding),
    /// How each region came out, in the order's order of regions.
    pub regions: Vec<RegionResult>,
    /// How the encoded file compares with what the dye law expects.
    pub inspected: Inspected,
}

/// How one region of a variant came out.
#[derive(Clone, Debug)]
pub struct RegionResult {
    /// What became of each of its colours.
    pub map: ColorMap,
    /// The colour asked for: what the largest changed colour becomes.
    pub asked: Lab,
    /// Median of that colour's core in the encoded file.
    pub measured: Lab,
    /// ΔE00 between asked and measured.
    pub delta_e00: f32,
    /// Whether the cloth can reach the colour.
    pub reachable: bool,
}

/// Least sides of what the gate and the gallery look at, shorter and longer: twice what they make of it.
const LOOK_PX: (u32, u32) = (448, 800);

/// By how much a picture may be shrunk for looking at it.
fn look_factor(width: u32, height: u32) -> u32 {
    (width.min(height) / LOOK_PX.0).min(width.max(height) / LOOK_PX.1).max(1)
}

impl Candidate {
    /// Dyes the garments in each of the variants, with a share of the network's correction, 0 to 1 (0 is the analytic dye).
    ///
    /// # Errors
    /// A usage error when a colour named is not in this garment, an input failure when a model or an encoder refuses.
    pub fn dye(
        prepared: &Prepared,
        models: &Models,
        variants: &[Variant],
        profile: &Profile,
        network: f32,
    ) -> Result<Vec<Self>> {
        let dyed = prepared.dye(models, variants, network)?;
        variants.iter().zip(dyed).map(|(variant, dyed)| Self::encoded(prepared, variant, dyed, profile)).collect()
    }

    fn encoded(prepared: &Prepared, variant: &Variant, dyed: DyedPhoto, profile: &Profile) -> Result<Self> {
        let format = profile.formats().first().copied().unwrap_or(Format::Jpeg);
        let alpha = prepared.embedded.decoded.alpha.as_ref();
        let metadata = &prepared.embedded.decoded.metadata;
        let encoded = match dyed.deep.as_ref().filter(|_| is_deep(format)) {
            Some(deep) => deep_file(deep, alpha, format, profile.options(), metadata)?,
            None => encode_measured(&dyed.image, alpha, format, profile.options(), metadata).or_exit(Exit::Input)?,
        };
        let (again, again_alpha) = encoded.shown().or_exit(Exit::Input)?;
        let measured = |(i, region): (usize, super::prepared::DyedRegion)| {
            let by = prepared.measured_by(i, &region.map);
            let measured = by.and_then(|core| match &variant.style {
                // A print has no middle colour that its median would be.
                Some(_) => measure::mean_at(&again, &core),
                None => measure::median_at(&again, &core),
            });
            let measured = measured.ok_or_else(|| Failure::input("the mask has no core to measure the colour in"))?;
            // A map without a target of its own is refused before anything is dyed.
            let asked = region.asked.unwrap_or(measured);
            let delta_e00 = delta_e00(asked, measured);
            // Encoding may round the last step towards the colour.
            let reachable = region.reachable || reached(delta_e00);
            Ok(RegionResult { map: region.map, asked, measured, delta_e00, reachable })
        };
        let regions = dyed.regions.into_iter().enumerate().map(measured).collect::<Result<Vec<_>>>()?;
        let seen = match &again_alpha {
            Some(alpha) => flatten_on_white(&again, alpha),
            None => again,
        };
        // The dye law says nothing of another cloth.
        let inspected = if variant.style.is_none() { prepared.inspect(&seen, &regions) } else { Inspected::default() };
        let small = shrunk(&seen, look_factor(seen.width_px(), seen.height_px())).or_exit(Exit::Input)?;
        seen.recycle();
        Ok(Self {
            variant: variant.clone(),
            image: dyed.image,
            deep: dyed.deep,
            seen: small,
            encoded: (format, Encoding { seen: None, ..encoded }),
            regions,
            inspected,
        })
    }

    /// Gives the picture's memory back for the next variant.
    pub fn recycle(self) {
        self.image.recycle();
    }

    /// The region that came out furthest from what was asked.
    pub fn worst(&self) -> Option<&RegionResult> {
        self.regions.iter().max_by(|one, other| one.delta_e00.total_cmp(&other.delta_e00))
    }
}
