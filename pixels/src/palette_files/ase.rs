//! Adobe Swatch Exchange (ASE).
//!
//! # Source
//! Format as described by the community at selapa.net/swatches/colors/fileformats.php.

use super::cursor::Cursor;
use super::{Fault, Parsed, lab_from_inks, lab_from_shares, named};
use crate::color::Lab;

const GROUP_START: u16 = 0xC001;
const GROUP_END: u16 = 0xC002;
const COLOR: u16 = 0x0001;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Fault> {
    let mut file = Cursor::new(bytes);
    file.take(4, "header")?;
    let major = file.u16("header")?;
    let minor = file.u16("header")?;
    if major != 1 {
        return Err(Fault::new("header", format!("version {major}.{minor} is unknown; export as version 1.0")));
    }
    let blocks = file.u32("header")?;
    let (mut title, mut swatches) = (None, Vec::new());
    for number in 1..=blocks {
        let place = format!("block {number} of {blocks}");
        let kind = file.u16(&place)?;
        let length = file.u32(&place)? as usize;
        let mut block = Cursor::new(file.take(length, &place)?);
        match kind {
            GROUP_START => {
                let units = usize::from(block.u16(&place)?);
                let name = block.utf16(units, &place)?;
                title.get_or_insert(name);
            }
            GROUP_END => {}
            COLOR => {
                let units = usize::from(block.u16(&place)?);
                let name = block.utf16(units, &place)?;
                let color = color(&mut block, &place)?;
                swatches.push(named(&name, color));
            }
            other => return Err(Fault::new(place, format!("its type {other:#06x} is unknown"))),
        }
    }
    Ok((title.map(|t| t.trim().to_owned()), swatches))
}

fn color(block: &mut Cursor<'_>, place: &str) -> Result<Lab, Fault> {
    let model = block.take(4, place)?;
    let share = |block: &mut Cursor<'_>| -> Result<f32, Fault> {
        let value = block.f32(place)?;
        // Writers round, so a hair beyond the ends is the end.
        if (-0.001..=1.001).contains(&value) {
            Ok(value.clamp(0.0, 1.0))
        } else {
            Err(Fault::new(place, format!("a channel is {value}, it must be 0 to 1")))
        }
    };
    match model {
        b"RGB " => Ok(lab_from_shares([share(block)?, share(block)?, share(block)?])),
        b"CMYK" => Ok(lab_from_inks([share(block)?, share(block)?, share(block)?, share(block)?])),
        b"Gray" | b"GRAY" => share(block).map(|v| lab_from_shares([v; 3])),
        b"LAB " => {
            let l = share(block)? * 100.0;
            let (a, b) = (block.f32(place)?, block.f32(place)?);
            if a.abs() > 128.0 || b.abs() > 128.0 {
                return Err(Fault::new(place, format!("a is {a} and b is {b}, they must be −128 to 128")));
            }
            Ok(Lab::from_d50(l, a, b))
        }
        other => {
            let model: String =
                other.iter().map(|&b| if (0x20..0x7F).contains(&b) { b as char } else { '?' }).collect();
            Err(Fault::new(place, format!("its colour model '{model}' is unknown; use RGB, CMYK, LAB or Gray")))
        }
    }
}
