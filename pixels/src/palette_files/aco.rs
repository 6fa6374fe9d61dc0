//! Photoshop colour swatches (ACO), versions 1 (no names) and 2 (names); files usually hold one after the other.
//!
//! # Source
//! Adobe Photoshop File Formats Specification, "Color swatches"; grey is lightness, 10,000 is white.

use super::cursor::Cursor;
use super::{Fault, Parsed, lab_from_inks, lab_from_shares, named};
use crate::color::Lab;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Fault> {
    let mut file = Cursor::new(bytes);
    let mut swatches = Vec::new();
    let mut sections = 0;
    while !file.is_at_end() {
        let version = file.u16("header")?;
        match version {
            1 | 2 => {}
            // Some writers fill the file up after the last section.
            0 if sections > 0 => break,
            other => return Err(Fault::new("header", format!("version {other} is unknown; export as .aco again"))),
        }
        let count = file.u16("header")?;
        let mut section = Vec::new();
        for number in 1..=count {
            let place = format!("colour {number} of {count} (version {version})");
            let color = color(&mut file, &place)?;
            let name = if version == 2 {
                let units = file.u32(&place)? as usize;
                file.utf16(units, &place)?
            } else {
                String::new()
            };
            section.push(named(&name, color));
        }
        sections += 1;
        // Version 2 repeats version 1's colours with names.
        if version == 2 || swatches.is_empty() {
            swatches = section;
        }
        if version == 2 {
            break;
        }
    }
    Ok((None, swatches))
}

fn color(file: &mut Cursor<'_>, place: &str) -> Result<Lab, Fault> {
    let space = file.u16(place)?;
    let values = [file.u16(place)?, file.u16(place)?, file.u16(place)?, file.u16(place)?];
    let shares = values.map(|v| f32::from(v) / 65535.0);
    match space {
        0 => Ok(lab_from_shares([shares[0], shares[1], shares[2]])),
        1 => Ok(lab_from_shares(rgb_from_hsb(shares[0] * 360.0, shares[1], shares[2]))),
        // Stored as light that is left: 0 is full ink.
        2 => Ok(lab_from_inks(shares.map(|light| 1.0 - light))),
        7 => {
            if values[0] > 10_000 {
                return Err(Fault::new(place, format!("its lightness is {}, it must be 0 to 10000", values[0])));
            }
            let signed = |v: u16| f32::from(v as i16) / 100.0;
            Ok(Lab::from_d50(f32::from(values[0]) / 100.0, signed(values[1]), signed(values[2])))
        }
        8 => {
            if values[0] > 10_000 {
                return Err(Fault::new(place, format!("its grey is {}, it must be 0 to 10000", values[0])));
            }
            Ok(lab_from_shares([f32::from(values[0]) / 10_000.0; 3]))
        }
        other => {
            let book = match other {
                3 => " (Pantone)",
                4 => " (Focoltone)",
                5 => " (Trumatch)",
                6 => " (Toyo)",
                10 => " (HKS)",
                _ => "",
            };
            Err(Fault::new(
                place,
                format!("its colour space {other}{book} holds no colour values; convert it to RGB or Lab"),
            ))
        }
    }
}

/// Hue in degrees, saturation and brightness 0 to 1.
fn rgb_from_hsb(hue: f32, saturation: f32, brightness: f32) -> [f32; 3] {
    [5.0, 3.0, 1.0].map(|n: f32| {
        let k = (n + hue / 60.0) % 6.0;
        brightness - brightness * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}
