use moxcms::{LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass};

use super::*;
use crate::color::delta_e00;

/// A press that prints nothing more saturated than these primaries.
fn narrow() -> Vec<u8> {
    let mut profile = ColorProfile::new_srgb();
    let grey = |c: moxcms::Xyzd, all: [moxcms::Xyzd; 3]| {
        let third = |of: fn(&moxcms::Xyzd) -> f64| all.iter().map(of).sum::<f64>() / 3.0;
        let mix = |own: f64, mean: f64| 0.7 * own + 0.3 * mean;
        moxcms::Xyzd { x: mix(c.x, third(|c| c.x)), y: mix(c.y, third(|c| c.y)), z: mix(c.z, third(|c| c.z)) }
    };
    let all = [profile.red_colorant, profile.green_colorant, profile.blue_colorant];
    profile.red_colorant = grey(all[0], all);
    profile.green_colorant = grey(all[1], all);
    profile.blue_colorant = grey(all[2], all);
    profile.cicp = None;
    profile.encode().unwrap()
}

/// A CMYK press of mixing paint: each ink takes its share of one channel, black of all; 16-bit tables, PCS Lab.
fn cmyk() -> Vec<u8> {
    let identity = |channels: usize| -> Vec<u16> { [0, 0xFFFF].repeat(channels) };
    let matrix = Matrix3d { v: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };
    let to_lab = |c: f64, m: f64, y: f64, k: f64| {
        let light = [c, m, y].map(|ink| (1.0 - 0.9 * ink) * (1.0 - 0.95 * k));
        // Good enough for a press nobody owns: Lab of the light as if it were D50.
        let lab = Lab::from_linear(light.map(|v| v as f32));
        let code = |v: f32| (v * 65280.0).round().clamp(0.0, 65535.0) as u16;
        [code(lab.l / 100.0), code((lab.a + 128.0) / 255.0), code((lab.b + 128.0) / 255.0)]
    };
    let grid = |n: usize, axes: usize| {
        (0..n.pow(axes as u32)).map(move |i| {
            (0..axes).rev().map(|a| (i / n.pow(a as u32) % n) as f64 / (n - 1) as f64).collect::<Vec<f64>>()
        })
    };
    let inks = |lab: Vec<f64>| {
        let color = Lab::new((lab[0] * 100.0) as f32, (lab[1] * 255.0 - 128.0) as f32, (lab[2] * 255.0 - 128.0) as f32);
        let ink = color.to_linear().map(|v| ((1.0 - v.clamp(0.0, 1.0)) / 0.9).min(1.0));
        let code = |v: f32| (v * 65535.0).round() as u16;
        [code(ink[0]), code(ink[1]), code(ink[2]), 0]
    };
    let table = |inputs: u8, outputs: u8, points: u8, values: Vec<u16>| {
        LutWarehouse::Lut(LutDataType {
            num_input_channels: inputs,
            num_output_channels: outputs,
            num_clut_grid_points: points,
            matrix,
            num_input_table_entries: 2,
            num_output_table_entries: 2,
            input_table: LutStore::Store16(identity(inputs.into())),
            clut_table: LutStore::Store16(values),
            output_table: LutStore::Store16(identity(outputs.into())),
            lut_type: LutType::Lut16,
        })
    };
    let a_to_b = table(4, 3, 5, grid(5, 4).flat_map(|v| to_lab(v[0], v[1], v[2], v[3])).collect());
    let b_to_a = table(3, 4, 17, grid(17, 3).flat_map(inks).collect());
    let mut profile = ColorProfile::new_srgb();
    profile.profile_class = ProfileClass::OutputDevice;
    profile.color_space = DataColorSpace::Cmyk;
    profile.pcs = DataColorSpace::Lab;
    (profile.red_trc, profile.green_trc, profile.blue_trc, profile.cicp) = (None, None, None, None);
    let none = moxcms::Xyzd::default();
    (profile.red_colorant, profile.green_colorant, profile.blue_colorant) = (none, none, none);
    profile.lut_a_to_b_perceptual = Some(a_to_b.clone());
    profile.lut_a_to_b_colorimetric = Some(a_to_b);
    profile.lut_b_to_a_perceptual = Some(b_to_a.clone());
    profile.lut_b_to_a_colorimetric = Some(b_to_a);
    profile.encode().unwrap()
}

#[test]
fn srgb_itself_changes_nothing() {
    let proof = Proof::from_icc(&ColorProfile::new_srgb().encode().unwrap()).unwrap();
    let image = SrgbImage::new(2, 1, vec![200, 30, 60, 12, 130, 255]).unwrap();
    assert!(proof.picture(&image).unwrap().data().iter().zip(image.data()).all(|(a, b)| a.abs_diff(*b) <= 1));
    let teal = Lab::from_srgb8([0, 128, 128]);
    assert!(delta_e00(proof.color(teal).unwrap(), teal) < 0.3);
}

#[test]
fn a_narrow_press_dulls_what_it_cannot_print() {
    let proof = Proof::from_icc(&narrow()).unwrap();
    let change = |rgb| {
        let color = Lab::from_srgb8(rgb);
        delta_e00(proof.color(color).unwrap(), color)
    };
    assert!(change([128, 120, 110]) < 0.5, "{}", change([128, 120, 110]));
    assert!(change([255, 0, 0]) > 4.0, "{}", change([255, 0, 0]));
}

#[test]
fn a_cmyk_press_goes_there_and_back() {
    let proof = Proof::from_icc(&cmyk()).unwrap();
    let grey = Lab::from_srgb8([150, 150, 150]);
    let printed = proof.color(grey).unwrap();
    assert!(delta_e00(printed, grey) < 8.0, "{printed:?}");
    // The blackest that this press prints without black ink is a tenth of the light.
    assert!(proof.color(Lab::new(0.0, 0.0, 0.0)).unwrap().l > 15.0);
}

#[test]
fn what_is_no_printer_profile_is_refused_with_a_reason() {
    for bytes in [&b""[..], b"not a profile", &[0; 200]] {
        assert!(matches!(Proof::from_icc(bytes), Err(Error::Profile { .. })));
    }
    let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    assert!(Proof::from_icc(&grey).unwrap_err().to_string().contains("CMYK or RGB"));
    let whole = cmyk();
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        let _ = Proof::from_icc(&whole[..cut]);
    }
    let mut broken = whole;
    for at in (128..broken.len()).step_by(97) {
        broken[at] ^= 0xFF;
        let _ = Proof::from_icc(&broken);
    }
    assert!(matches!(Proof::load(Path::new("there/is/none.icc")), Err(Error::Io { .. })));
}
