//! CMC(l:c), the colour difference that textile houses write into their contracts.

use super::Lab;

/// Colour difference ΔE CMC(l:c) of a `sample` from a `standard`; the two are not interchangeable.
///
/// `lightness` and `chroma` are the formula's l and c: 2 and 1 for accepting a dyed cloth, 1 and 1 for seeing any difference.
///
/// # Source
/// Clarke, McDonald and Rigg, "Modification to the JPC79 colour-difference formula", 1984; BS 6923, ISO 105-J03.
///
/// # Examples
/// ```
/// use pixels::color::{Lab, delta_cmc};
/// let lighter = delta_cmc(Lab::new(50.0, 0.0, 0.0), Lab::new(51.0, 0.0, 0.0), 2.0, 1.0);
/// assert!((lighter - 0.4594).abs() < 1e-3);
/// ```
pub fn delta_cmc(standard: Lab, sample: Lab, lightness: f32, chroma: f32) -> f32 {
    let [l1, a1, b1, l2, a2, b2] = [standard.l, standard.a, standard.b, sample.l, sample.a, sample.b].map(f64::from);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = b1.atan2(a1).to_degrees().rem_euclid(360.0);
    let t = if (164.0..=345.0).contains(&hue) {
        0.56 + (0.2 * (hue + 168.0).to_radians().cos()).abs()
    } else {
        0.36 + (0.4 * (hue + 35.0).to_radians().cos()).abs()
    };
    let fourth = c1.powi(4);
    let f = (fourth / (fourth + 1900.0)).sqrt();
    let s_l = if l1 < 16.0 { 0.511 } else { 0.040_975 * l1 / (1.0 + 0.017_65 * l1) };
    let s_c = 0.0638 * c1 / (1.0 + 0.0131 * c1) + 0.638;
    let s_h = s_c * (f * t + 1.0 - f);
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dh_squared = ((a2 - a1).powi(2) + (b2 - b1).powi(2) - dc * dc).max(0.0);
    let terms = (dl / (f64::from(lightness) * s_l)).powi(2) + (dc / (f64::from(chroma) * s_c)).powi(2);
    (terms + dh_squared / (s_h * s_h)).sqrt() as f32
}

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "published values are quoted as they stand")]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // The colour-science library's test values, made with its independent implementation; the last three follow by hand.
        let cases = [
            (
                [48.991_836_22, -0.105_616_67, 400.656_199_25],
                [50.659_073_24, -0.116_719_10, 402.822_357_18],
                2.0,
                0.899_7,
            ),
            ([100.0, 21.572_103_57, 272.228_193_5], [100.0, 426.679_453_53, 72.395_908_35], 2.0, 172.704_77),
            ([100.0, 21.572_103_57, 272.228_193_5], [100.0, 74.052_169_81, 276.453_181_93], 2.0, 20.597_327),
            ([100.0, 21.572_103_57, 272.228_193_5], [100.0, 8.322_819_57, -73.582_977_16], 2.0, 121.718_415),
            ([100.0, 21.572_103_57, 272.228_193_5], [100.0, 8.322_819_57, -73.582_977_16], 1.0, 121.718_415),
            // S_L is 0.511 below L* 16 and 1.08831 at 50; without chroma S_C is 0.638.
            ([10.0, 0.0, 0.0], [11.0, 0.0, 0.0], 1.0, 1.956_947),
            ([50.0, 0.0, 0.0], [52.0, 0.0, 0.0], 2.0, 0.918_853),
            ([50.0, 0.0, 0.0], [50.0, 0.638, 0.0], 2.0, 1.0),
        ];
        for (one, other, l, expected) in cases {
            let lab = |[l, a, b]: [f32; 3]| Lab::new(l, a, b);
            let got = delta_cmc(lab(one), lab(other), l, 1.0);
            // Single-precision coordinates of several hundred carry this much.
            assert!((got - expected).abs() < 2e-4 * expected.max(1.0), "{got} {expected}");
        }
    }

    #[test]
    fn no_difference_is_zero_and_the_standard_matters() {
        let (one, other) = (Lab::new(30.0, 60.0, 20.0), Lab::new(35.0, 50.0, 30.0));
        assert_eq!(delta_cmc(one, one, 2.0, 1.0), 0.0);
        assert!((delta_cmc(one, other, 2.0, 1.0) - delta_cmc(other, one, 2.0, 1.0)).abs() > 0.01);
    }
}
