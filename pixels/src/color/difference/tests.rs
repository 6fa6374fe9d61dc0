//! The published test pairs of CIEDE2000.

use super::*;

/// L, a, b of both colours and ΔE00, Sharma, Wu and Dalal 2005, table 1.
const SHARMA: [[f32; 7]; 34] = [
    [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
    [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
    [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
    [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
    [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
    [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
    [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
    [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
    [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
    [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
    [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
    [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
    [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
    [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
    [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
    [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
    [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
    [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
    [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
    [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
    [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
    [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
    [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
    [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
    [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
    [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
    [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
    [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
    [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
    [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
];

#[test]
fn the_34_published_pairs_both_ways() {
    for (i, [l1, a1, b1, l2, a2, b2, expected]) in SHARMA.into_iter().enumerate() {
        let (one, other) = (Lab::new(l1, a1, b1), Lab::new(l2, a2, b2));
        for got in [delta_e00(one, other), delta_e00(other, one)] {
            assert!((got - expected).abs() < 1e-4, "pair {}: {got} instead of {expected}", i + 1);
        }
    }
}

#[test]
fn the_map_is_the_formula_at_every_pixel() {
    let flatten = |from: usize| -> Vec<f32> { SHARMA.iter().flat_map(|row| row[from..from + 3].to_vec()).collect() };
    let one = LabImage::new(17, 2, flatten(0)).unwrap();
    let other = LabImage::new(17, 2, flatten(3)).unwrap();
    for (got, row) in delta_e00_map(&one, &other).unwrap().iter().zip(SHARMA) {
        assert!((got - row[6]).abs() < 1e-4);
    }
    let target = other.at(16);
    assert_eq!(delta_e00_to(&one, target)[16], delta_e00(one.at(16), target));
    let narrow = LabImage::new(2, 17, flatten(0)).unwrap();
    assert!(matches!(delta_e00_map(&one, &narrow), Err(Error::SizeMismatch { .. })));
}

/// Numbers 0 to 1 from a counter.
fn noise(i: u32) -> f32 {
    (i.wrapping_mul(2_654_435_761) ^ i.wrapping_mul(40_503) << 7).wrapping_mul(2_246_822_519) as f32 / u32::MAX as f32
}

#[test]
fn vectors_agree_with_angles_near_and_far() {
    let mut worst = 0.0f32;
    for i in 0..200_000u32 {
        let value = |k: u32| noise(6 * i + k);
        let one = Lab::new(100.0 * value(0), 256.0 * value(1) - 128.0, 256.0 * value(2) - 128.0);
        // From all over the space down to steps that no eye can see.
        let reach = 10f32.powf(-4.0 * noise(i + 77));
        let step = |k: u32| reach * (value(k) - 0.5);
        let other =
            Lab::new((one.l + 100.0 * step(3)).clamp(0.0, 100.0), one.a + 256.0 * step(4), one.b + 256.0 * step(5));
        let (got, want) = (delta_e00(one, other), delta_e00_by_angles(one, other));
        worst = worst.max((got - want).abs() / want.max(1.0));
    }
    assert!(worst < 2e-4, "largest difference {worst}");
}

#[test]
fn greys_and_equal_colors() {
    let grey = |l: f32| Lab::new(l, 0.0, 0.0);
    assert_eq!(delta_e00(grey(40.0), grey(40.0)), 0.0);
    assert!((delta_e00(grey(40.0), grey(50.0)) - delta_e00_by_angles(grey(40.0), grey(50.0))).abs() < 1e-4);
    for hue in 0..360 {
        let (sin, cos) = (hue as f32).to_radians().sin_cos();
        let color = Lab::new(50.0, 30.0 * cos, 30.0 * sin);
        assert_eq!(delta_e00(color, color), 0.0);
        for (one, other) in [(color, grey(50.0)), (grey(50.0), color)] {
            assert!((delta_e00(one, other) - delta_e00_by_angles(one, other)).abs() < 1e-3, "hue {hue}");
        }
        let opposite = Lab::new(50.0, -color.a, -color.b);
        assert!((delta_e00(color, opposite) - delta_e00_by_angles(color, opposite)).abs() < 1e-3, "hue {hue}");
    }
}
