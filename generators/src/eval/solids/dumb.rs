//! Dumb methods beside the program: they know the garment's median, and one of them how garments usually look.

use pixels::color::{Lab, LabImage};
use pixels::{Mask, SrgbImage, composite};

use super::spreads::Spreads;
use crate::Result;

/// A way to recolour without a law or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumb {
    /// Every pixel moved by the difference of the colours.
    LabMeanShift,
    /// Lab deviations scaled so that lightness has the spread that garments of the target's lightness usually have
    /// (Reinhard et al. 2001, the answer's deviation replaced by the usual one).
    SpreadMatch,
    /// Linear light multiplied by the ratio of the colours.
    AlbedoRatio,
}

impl Dumb {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LabMeanShift, Self::SpreadMatch, Self::AlbedoRatio];

    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LabMeanShift => "Lab mean shift",
            Self::SpreadMatch => "Reinhard, usual spread",
            Self::AlbedoRatio => "albedo ratio",
        }
    }

    /// The garment of median `own` and spread of lightness `spread` dyed inside the mask.
    ///
    /// # Errors
    /// When mask and photo differ in size.
    pub fn dye(
        self,
        photo: &SrgbImage,
        lab: &LabImage,
        mask: &Mask,
        (own, spread): (Lab, f32),
        target: Lab,
        usual: &Spreads,
    ) -> Result<SrgbImage> {
        let mut dyed = lab.clone();
        let gain = usual.at(target.l) as f32 / spread.max(0.5);
        let light = |c: Lab| c.to_linear().map(|v| v.clamp(0.0, 1.0) + 1e-3);
        let (from, to) = (light(own), light(target));
        for (i, _) in mask.data().iter().enumerate().filter(|&(_, &a)| a > 0) {
            let c = lab.at(i);
            let difference = [c.l - own.l, c.a - own.a, c.b - own.b];
            let moved =
                |gain: f32| [target.l + gain * difference[0], target.a + difference[1], target.b + difference[2]];
            let after = match self {
                Self::LabMeanShift => moved(1.0),
                Self::SpreadMatch => moved(gain),
                Self::AlbedoRatio => {
                    let own = c.to_linear();
                    let c = Lab::from_linear(std::array::from_fn(|k| (own[k] * to[k] / from[k]).clamp(0.0, 1.0)));
                    [c.l, c.a, c.b]
                }
            };
            dyed.data_mut()[3 * i..3 * i + 3].copy_from_slice(&after);
        }
        Ok(composite(photo, &dyed.to_srgb(), mask)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::color::delta_e00;

    #[test]
    fn each_takes_the_median_to_the_target_and_leaves_the_rest() {
        let mut photo = SrgbImage::filled(20, 10, [90, 100, 120]);
        photo.data_mut()[..3].copy_from_slice(&[255, 255, 255]);
        let mut mask = Mask::filled(20, 10, 255);
        mask.data_mut()[0] = 0;
        let (own, target) = (Lab::from_srgb8([90, 100, 120]), Lab::from_srgb8([150, 60, 40]));
        let usual = Spreads::of(&[(50.0, 8.0); 12]);
        for dumb in Dumb::ALL {
            let dyed = dumb.dye(&photo, &LabImage::from_srgb(&photo), &mask, (own, 4.0), target, &usual).unwrap();
            assert_eq!(dyed.pixel(0, 0), [255; 3]);
            assert!(delta_e00(Lab::from_srgb8(dyed.pixel(5, 5)), target) < 0.6, "{}", dumb.name());
        }
    }
}
