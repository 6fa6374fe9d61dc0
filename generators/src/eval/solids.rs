//! `rangrez eval solids`: solid-coloured garments of CC0 phone photos in twelve fixed swatches, measured without an answer:
//! clipping, spread of lightness beside other photos', fine texture, colour of the centre, what is outside, and skin.

mod dumb;
mod figures;
pub(super) mod garments;
mod measured;
mod rows;
pub(crate) mod sheet;
mod skin;
mod spreads;
mod strata;

use std::path::PathBuf;

use pixels::SrgbImage;
use pixels::color::Lab;
use serde::Serialize;

use super::program::Program;
use crate::Result;
use figures::Figures;
use garments::Garment;
use measured::{Measured, Variant};

pub use garments::Part;
pub use rows::{Check, Row};
pub use skin::Skin;
pub use spreads::{Band, Spreads};

/// One of the fixed colours.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Swatch {
    /// Name in reports.
    pub name: &'static str,
    /// sRGB codes.
    pub rgb: [u8; 3],
}

impl Swatch {
    const fn new(name: &'static str, rgb: [u8; 3]) -> Self {
        Self { name, rgb }
    }

    /// In Lab.
    pub fn color(&self) -> Lab {
        Lab::from_srgb8(self.rgb)
    }
}

/// The twelve swatches: cloth colours, none at an end of sRGB, so that clipping is never the swatch's own.
pub const SWATCHES: [Swatch; 12] = [
    Swatch::new("black", [0x1a, 0x1a, 0x1c]),
    Swatch::new("white", [0xf2, 0xf1, 0xee]),
    Swatch::new("cream", [0xee, 0xe3, 0xcb]),
    Swatch::new("grey", [0x83, 0x84, 0x87]),
    Swatch::new("navy", [0x1f, 0x2a, 0x4a]),
    Swatch::new("royal blue", [0x2a, 0x50, 0xa3]),
    Swatch::new("forest green", [0x2c, 0x5a, 0x3a]),
    Swatch::new("red", [0xb3, 0x24, 0x2f]),
    Swatch::new("orange", [0xd8, 0x6b, 0x2c]),
    Swatch::new("yellow", [0xe6, 0xc2, 0x45]),
    Swatch::new("pink", [0xe3, 0xa2, 0xb4]),
    Swatch::new("brown", [0x6a, 0x49, 0x33]),
];

/// Methods in the order of a variant's figures: the analytic base, the network over it, the dumb ones.
pub const METHODS: [&str; 5] = [
    "analytic base",
    "recolour network",
    dumb::Dumb::LabMeanShift.name(),
    dumb::Dumb::SpreadMatch.name(),
    dumb::Dumb::AlbedoRatio.name(),
];

/// Photos that are looked at and solids that are kept, per sender.
const PER_SENDER: (usize, usize) = (15, 6);
/// The same for the photos that only tell the usual spreads.
const SPREADS_PER_SENDER: (usize, usize) = (3, 3);
/// Solids that tell the usual spreads, at most.
const SPREADS_LIMIT: usize = 240;
/// Solids that are reported on, at most, unless told otherwise.
pub const LIMIT: usize = 100;
/// Variants on the sheet of the worst.
const WORST: usize = 40;
/// Variants of one photo on that sheet.
const WORST_PER_PHOTO: usize = 2;
/// Garments on the sheet of all swatches.
const GRID_ROWS: usize = 24;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `clothing/` and `street/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Which senders.
    pub part: Part,
    /// Most garments.
    pub limit: usize,
    /// Threads, one libtorch thread each.
    pub threads: usize,
    /// Draw some garments in every swatch.
    pub grid: bool,
    /// Draw the worst variants.
    pub worst: bool,
}

/// A variant that is worth looking at.
#[derive(Clone, Debug, Serialize)]
pub struct Worst {
    /// Photo's name in the data set.
    pub photo: String,
    /// The swatch.
    pub swatch: &'static str,
    /// Which figure made it bad.
    pub because: &'static str,
    /// How bad, in multiples of what is tolerable.
    pub badness: f64,
    /// Its figures.
    pub figures: Figures,
}

/// What was measured. Intervals are 95% bootstrap intervals over senders.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which senders.
    pub part: Part,
    /// How the parts were told apart and solids chosen.
    pub rule: String,
    /// Garments measured.
    pub garments: usize,
    /// Their senders.
    pub senders: usize,
    /// The swatches.
    pub swatches: Vec<Swatch>,
    /// Usual spread of lightness by lightness, on photos of the other part.
    pub usual_spreads: Spreads,
    /// One row per stratum and method.
    pub rows: Vec<Row>,
    /// How far the spreads of the photographed garments themselves are from the usual ones: no method can be asked for less.
    pub real_spread_error: Option<super::interval::Interval>,
    /// Street photos' skin; `None` without street photos.
    pub skin: Option<Skin>,
    /// The thresholds.
    pub checks: Vec<Check>,
    /// The worst variants, as on the sheet, row by row.
    pub worst: Vec<Worst>,
}

/// The sheets that were asked for.
#[derive(Default)]
pub struct Sheets {
    /// Photo and every swatch, one garment per row.
    pub grid: Option<SrgbImage>,
    /// Photo, variant and the network's, four of [`Report::worst`] per row.
    pub worst: Option<SrgbImage>,
}

/// Measures everything.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<(Report, Sheets)> {
    let mut programs = Program::load_some(&options.weights, options.threads)?;
    let programs = &mut programs[..];
    let usual = usual_spreads(options, programs)?;
    let chosen = garments::candidates(&options.data, options.part, PER_SENDER.0)?;
    let caps = (PER_SENDER.1, options.limit);
    let measured = garments::solids(&chosen, caps, programs, |program, garment| {
        Ok((measured::measure(program, &garment, &usual)?, garment.candidate))
    })?;
    let (measured, kept): (Vec<Measured>, Vec<garments::Candidate>) = measured.into_iter().unzip();
    let has_street = options.data.join("street").is_dir();
    let skin = if has_street { skin::measure(&options.data, options.part, programs)? } else { None };
    let worst = worst(&measured);
    let mut sheets = Sheets::default();
    if options.grid {
        let stride = kept.len().div_ceil(GRID_ROWS).max(1);
        let some: Vec<_> = kept.iter().step_by(stride).cloned().collect();
        let rows = garments::solids(&some, (usize::MAX, usize::MAX), programs, |program, garment| {
            let (mut methods, _) = measured::pictures(program, &garment, &colors(), &usual)?;
            let mut row = methods.swap_remove(0);
            row.insert(0, garment.found.photo);
            Ok(row)
        })?;
        sheets.grid = Some(sheet::sheet(&rows)?);
    }
    if options.worst {
        sheets.worst = Some(sheet::sheet(&worst_rows(&worst, &kept, programs, &usual)?)?);
    }
    let rows = rows::rows(&measured);
    let senders: std::collections::BTreeSet<&str> = measured.iter().map(|m| &*m.sender).collect();
    let real_spread_error = rows::over_senders(&measured, |m| vec![(m.own.1 - usual.at(m.own.0 as f32)).abs()]);
    let report = Report {
        part: options.part,
        rule: rule(),
        garments: measured.len(),
        senders: senders.len(),
        swatches: SWATCHES.to_vec(),
        checks: rows::checks(&rows, skin.as_ref()),
        rows,
        usual_spreads: usual,
        real_spread_error,
        skin,
        worst,
    };
    Ok((report, sheets))
}

fn colors() -> Vec<Lab> {
    SWATCHES.iter().map(Swatch::color).collect()
}

fn rule() -> String {
    format!(
        "report: senders with sha256 of `clothing/SENDER` below {}, on which no mask was trained; solid: category with \
         probability ≥ {}, own mask over {:.0} to {:.0}% of the photo, first palette colour with ≥ {:.0}% of it; at most {} \
         per sender",
        crate::train::segmenter_data::index::VALIDATION,
        garments::CONFIDENCE,
        100.0 * garments::COVERAGE.start(),
        100.0 * garments::COVERAGE.end(),
        100.0 * garments::MAIN_SHARE,
        PER_SENDER.1
    )
}

/// Spreads on photos of the part that is not measured.
fn usual_spreads(options: &Options, programs: &mut [Program]) -> Result<Spreads> {
    let other = if options.part == Part::Report { Part::Tune } else { Part::Report };
    let chosen = garments::candidates(&options.data, other, SPREADS_PER_SENDER.0)?;
    let garments = garments::solids(&chosen, (SPREADS_PER_SENDER.1, SPREADS_LIMIT), programs, |_, garment| {
        Ok((f64::from(garment.cloth.median.l), f64::from(garment.cloth.spread)))
    })?;
    Ok(Spreads::of(&garments))
}

/// How bad a variant is by its worst figure, in multiples of what is tolerable.
fn badness(variant: &Variant) -> (f64, &'static str) {
    let ours = &variant.figures[0];
    let spread = (ours.spread - variant.usual_spread).abs() / if variant.dark_to_light { 6.0 } else { 3.0 };
    let figures = [
        (ours.clipped / 0.02, "clipped"),
        (spread, "spread"),
        (ours.correlation.map_or(0.0, |c| (1.0 - c) / 0.15), "texture lost"),
        (if variant.reachable { ours.center } else { ours.center / 3.0 }, "colour missed"),
    ];
    // Past a point more of one fault says nothing new, and would hide the others.
    figures
        .into_iter()
        .map(|(value, name)| (value.min(8.0), name))
        .fold((0.0, ""), |a, b| if b.0 > a.0 { b } else { a })
}

fn worst(measured: &[Measured]) -> Vec<Worst> {
    let mut all: Vec<Worst> = Vec::new();
    for m in measured {
        let mut own: Vec<Worst> = m
            .variants
            .iter()
            .map(|variant| {
                let (badness, because) = badness(variant);
                Worst { photo: m.id.clone(), swatch: variant.swatch, because, badness, figures: variant.figures[0] }
            })
            .collect();
        own.sort_by(|a, b| b.badness.total_cmp(&a.badness));
        all.extend(own.into_iter().take(WORST_PER_PHOTO));
    }
    all.sort_by(|a, b| b.badness.total_cmp(&a.badness));
    all.truncate(WORST);
    all
}

/// Photo, variant and the network's of each of the worst, four of them in a row.
fn worst_rows(
    worst: &[Worst],
    kept: &[garments::Candidate],
    programs: &mut [Program],
    usual: &Spreads,
) -> Result<Vec<Vec<SrgbImage>>> {
    let shown: Vec<_> = kept.iter().filter(|c| worst.iter().any(|w| w.photo == c.id)).cloned().collect();
    let pictures = garments::solids(&shown, (usize::MAX, usize::MAX), programs, |program, garment: Garment| {
        let of_photo = worst.iter().filter(|w| w.photo == garment.candidate.id);
        let swatches: Vec<&Swatch> = of_photo.filter_map(|w| SWATCHES.iter().find(|s| s.name == w.swatch)).collect();
        let targets: Vec<Lab> = swatches.iter().map(|swatch| swatch.color()).collect();
        let (methods, _) = measured::pictures(program, &garment, &targets, usual)?;
        let name = |i: usize| (garment.candidate.id.clone(), swatches[i].name);
        let triple = |i: usize| vec![garment.found.photo.clone(), methods[0][i].clone(), methods[1][i].clone()];
        Ok((0..swatches.len()).map(|i| (name(i), triple(i))).collect::<Vec<_>>())
    })?;
    let pictures: Vec<_> = pictures.into_iter().flatten().collect();
    let of = |w: &Worst| pictures.iter().find(|((id, swatch), _)| *id == w.photo && *swatch == w.swatch);
    let triples: Vec<Vec<SrgbImage>> = worst.iter().filter_map(|w| Some(of(w)?.1.clone())).collect();
    Ok(triples.chunks(4).map(<[Vec<SrgbImage>]>::concat).collect())
}
