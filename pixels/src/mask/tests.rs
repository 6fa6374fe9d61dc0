//! Mask operations against their definitions.

use super::*;

fn noise(width: u32, height: u32) -> Mask {
    let data = (0..width * height).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Mask::new(width, height, data).unwrap()
}

/// Largest value of the square neighbourhood, the slow way.
fn slow_dilated(mask: &Mask, radius: i64) -> Mask {
    let (width, height) = (i64::from(mask.width_px()), i64::from(mask.height_px()));
    let mut out = mask.clone();
    for y in 0..height {
        for x in 0..width {
            let mut largest = 0;
            for v in (y - radius).max(0)..=(y + radius).min(height - 1) {
                for u in (x - radius).max(0)..=(x + radius).min(width - 1) {
                    largest = largest.max(mask.data()[(v * width + u) as usize]);
                }
            }
            out.data_mut()[(y * width + x) as usize] = largest;
        }
    }
    out
}

#[test]
fn dilation_is_the_largest_neighbour_over_odd_sizes() {
    for (width, height) in [(1, 1), (1, 9), (7, 1), (13, 8), (31, 33)] {
        let mask = noise(width, height);
        for radius in [0, 1, 2, 5, 40] {
            assert_eq!(mask.dilated(radius), slow_dilated(&mask, i64::from(radius)), "{width}×{height}, {radius}");
        }
    }
}

#[test]
fn erosion_mirrors_dilation_and_spares_the_border() {
    let mask = noise(17, 11);
    assert_eq!(mask.eroded(2), mask.inverted().dilated(2).inverted());
    assert_eq!(Mask::filled(9, 9, 255).eroded(3), Mask::filled(9, 9, 255));
}

#[test]
fn the_core_keeps_away_from_edges() {
    let disc = Mask::new(
        41,
        41,
        (0..41 * 41).map(|i| if (i % 41 - 20i32).pow(2) + (i / 41 - 20i32).pow(2) < 225 { 255 } else { 0 }).collect(),
    )
    .unwrap();
    let core = disc.core(4);
    assert_eq!(core.data()[20 * 41 + 20], 255);
    for (i, &inside) in core.data().iter().enumerate() {
        let (x, y) = (i as i32 % 41 - 20, i as i32 / 41 - 20);
        assert!(inside == 0 || x * x + y * y <= 121, "({x}, {y})");
    }
    assert_eq!(Mask::filled(9, 9, 249).core(0).coverage(), 0.0);
}

#[test]
fn feathering_is_close_to_a_gaussian_edge() {
    let edge = Mask::new(101, 3, (0..303).map(|i| if i % 101 < 50 { 255 } else { 0 }).collect()).unwrap();
    for sigma in [1.0f32, 2.5, 6.0] {
        let soft = edge.feathered(sigma);
        let row = &soft.data()[101..202];
        assert!(row.windows(2).all(|w| w[0] >= w[1]), "not monotone at {sigma}");
        assert_eq!((row[0], row[100]), (255, 0));
        // One standard deviation inside the edge a Gaussian has 84.1% left.
        let at = (49.5 - sigma).round() as usize;
        let expected = 255.0 * gaussian_share((49.5 - at as f32) / sigma);
        assert!((f32::from(row[at]) - expected).abs() < 10.0, "{} instead of {expected} at {sigma}", row[at]);
    }
    assert_eq!(edge.feathered(0.0), edge);
    assert_eq!(edge.feathered(f32::NAN), edge);
    assert_eq!(Mask::filled(5, 5, 77).feathered(30.0), Mask::filled(5, 5, 77));
}

/// Share of a standard Gaussian below `z`, by summation.
fn gaussian_share(z: f32) -> f32 {
    let density = |x: f32| (-0.5 * x * x).exp() * 0.398_942_3;
    (0..12_000).map(|i| -6.0 + i as f32 * 0.001).take_while(|&x| x < z).map(|x| density(x) * 0.001).sum()
}

#[test]
fn unions_intersections_and_boxes() {
    let left = Mask::new(4, 1, vec![255, 255, 0, 0]).unwrap();
    let soft = Mask::new(4, 1, vec![0, 128, 128, 0]).unwrap();
    assert_eq!(left.intersected(&soft).unwrap().data(), [0, 128, 0, 0]);
    assert_eq!(left.united(&soft).unwrap().data(), [255, 255, 128, 0]);
    assert!(left.united(&Mask::filled(1, 4, 0)).is_err());
    assert_eq!(soft.bounding_box(1), Some((1, 0, 2, 1)));
    assert_eq!(soft.bounding_box(200), None);
    let dots = Mask::new(3, 3, vec![0, 9, 0, 0, 0, 0, 9, 0, 0]).unwrap();
    assert_eq!(dots.bounding_box(9), Some((0, 0, 2, 3)));
}

#[test]
fn masks_without_pixels() {
    let nothing = Mask::new(0, 0, Vec::new()).unwrap();
    assert_eq!(nothing.dilated(3), nothing);
    assert_eq!(nothing.feathered(3.0), nothing);
    assert_eq!(nothing.core(3), nothing);
    assert_eq!(nothing.bounding_box(0), None);
}
