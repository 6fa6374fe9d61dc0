//! How far lightness usually spreads in photos of garments of a lightness, measured on photos that are not reported on.

use serde::Serialize;

use super::super::interval::median;

/// Upper ends of the bands of median L*.
const BANDS: [f64; 7] = [15.0, 25.0, 35.0, 50.0, 65.0, 80.0, 100.0];
/// A band of fewer garments says nothing.
const BAND_FLOOR: usize = 5;

/// Garments whose median lies in one band of lightness.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Band {
    /// L* from which the band goes.
    pub from: f64,
    /// L* to which it goes.
    pub to: f64,
    /// Garments.
    pub n: usize,
    /// Median of their medians, L*.
    pub lightness: f64,
    /// Median of their spreads, L*.
    pub spread: f64,
}

/// Usual spread by lightness.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Spreads(pub Vec<Band>);

impl Spreads {
    /// From the median lightness and spread of each garment.
    pub fn of(garments: &[(f64, f64)]) -> Self {
        let from = |i: usize| if i == 0 { 0.0 } else { BANDS[i - 1] };
        let band = |i: usize| {
            let last = i + 1 == BANDS.len();
            let inside = |l: f64| l >= from(i) && (l < BANDS[i] || last);
            let (mut l, mut spreads): (Vec<f64>, Vec<f64>) = garments.iter().copied().filter(|g| inside(g.0)).unzip();
            let n = l.len();
            (n >= BAND_FLOOR).then(|| Band {
                from: from(i),
                to: BANDS[i],
                n,
                lightness: median(&mut l),
                spread: median(&mut spreads),
            })
        };
        Self((0..BANDS.len()).filter_map(band).collect())
    }

    /// Usual spread at a lightness, linear between the bands' medians; NaN without any band.
    pub fn at(&self, lightness: f32) -> f64 {
        let l = f64::from(lightness);
        let Some((first, last)) = self.0.first().zip(self.0.last()) else { return f64::NAN };
        if l <= first.lightness {
            return first.spread;
        }
        let between = self.0.windows(2).find(|pair| l <= pair[1].lightness);
        between.map_or(last.spread, |pair| {
            let t = (l - pair[0].lightness) / (pair[1].lightness - pair[0].lightness).max(1e-9);
            pair[0].spread + t * (pair[1].spread - pair[0].spread)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_medians_per_band_and_linear_between() {
        let mut garments: Vec<(f64, f64)> = (0..9).map(|i| (20.0, f64::from(i))).collect();
        garments.extend((0..5).map(|_| (60.0, 8.0)));
        garments.push((90.0, 50.0));
        let spreads = Spreads::of(&garments);
        assert_eq!(spreads.0.iter().map(|band| band.n).collect::<Vec<_>>(), [9, 5]);
        assert_eq!((spreads.at(5.0), spreads.at(99.0)), (4.0, 8.0));
        assert!((spreads.at(40.0) - 6.0).abs() < 1e-9);
        assert!(Spreads::of(&[]).at(50.0).is_nan());
    }
}
