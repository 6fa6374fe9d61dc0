//! `tolerance.csv`: one row per variant, for the quality department's spreadsheets.
//!
//! Columns keep their names and order; new ones are added at the end. Text that a spreadsheet would take for a formula
//! gets an apostrophe before it. Numbers have a point as decimal mark, and nothing where there is no figure.

use csv::Terminator;

use super::{Color, PhotoEntry, Report, VariantEntry, Verdict};
use crate::terminal::clean;

/// Names of the columns.
pub const COLUMNS: [&str; 28] = [
    "photo",
    "stem",
    "swatch",
    "slug",
    "asked_hex",
    "asked_l",
    "asked_a",
    "asked_b",
    "measured_hex",
    "measured_l",
    "measured_a",
    "measured_b",
    "delta_e00",
    "delta_cmc_2_1",
    "delta_e00_p95",
    "clipped_percent",
    "spread_kept",
    "fringe",
    "tolerance",
    "within_tolerance",
    "reachable",
    "gate",
    "printed_hex",
    "printed_delta_e00",
    "out_of_gamut_percent",
    "width_px",
    "height_px",
    "file",
];

/// The file's bytes, rows ended as RFC 4180 says.
///
/// # Errors
/// Never in practice: rows are as long as the header.
pub fn table(report: &Report) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for photo in &report.photos {
        for variant in &photo.variants {
            writer.write_record(row(report, photo, variant))?;
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn row(report: &Report, photo: &PhotoEntry, variant: &VariantEntry) -> [String; 28] {
    let figures = &variant.figures;
    let proof = figures.proof.as_ref();
    let [asked_l, asked_a, asked_b] = coordinates(&variant.asked);
    let [measured_l, measured_a, measured_b] = coordinates(&variant.measured);
    let gate = match variant.gate.verdict {
        Verdict::Accepted => "accepted",
        Verdict::Rejected => "rejected",
        Verdict::NotJudged => "not_judged",
    };
    let size = photo.source.as_ref().map(|s| [s.width_px, s.height_px].map(|px| px.to_string()));
    let [width, height] = size.unwrap_or_default();
    [
        text(&photo.path),
        text(&photo.stem),
        text(&variant.swatch),
        text(&variant.slug),
        variant.asked.hex.clone(),
        asked_l,
        asked_a,
        asked_b,
        variant.measured.hex.clone(),
        measured_l,
        measured_a,
        measured_b,
        format!("{:.3}", variant.delta_e00),
        format!("{:.3}", figures.delta_cmc_2_1),
        optional(figures.delta_e00_p95),
        format!("{:.2}", figures.clipped_percent),
        optional(figures.spread_kept),
        optional(figures.fringe),
        report.settings.tolerance.to_string(),
        yes(figures.within_tolerance),
        yes(variant.reachable),
        gate.to_owned(),
        proof.map(|p| p.printed.hex.clone()).unwrap_or_default(),
        optional(proof.map(|p| p.delta_e00)),
        optional(proof.map(|p| p.out_of_gamut_percent)),
        width,
        height,
        variant.files.first().map(|f| text(&f.file)).unwrap_or_default(),
    ]
}

/// Text that no spreadsheet runs: control characters shown, formulas made text.
fn text(value: &str) -> String {
    let shown = clean(value);
    // Blanks before the sign don't stop every spreadsheet.
    if shown.trim_start().starts_with(['=', '+', '-', '@']) { format!("'{shown}") } else { shown }
}

fn coordinates(color: &Color) -> [String; 3] {
    color.lab.map(|value| format!("{value:.2}"))
}

fn optional(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_row_per_variant_under_a_stable_header() {
        let (report, _) = fixture::report();
        let bytes = table(&report).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header, COLUMNS);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        let at = |row: usize, name: &str| rows[row][COLUMNS.iter().position(|c| *c == name).unwrap()].to_owned();
        assert_eq!(
            (at(0, "swatch"), at(0, "delta_e00"), at(0, "tolerance")),
            ("Madder".into(), "0.210".into(), "1.5".into())
        );
        assert_eq!(
            (at(2, "within_tolerance"), at(1, "gate"), at(0, "printed_hex")),
            ("no".into(), "rejected".into(), String::new())
        );
        assert!(bytes.ends_with(b"\r\n"));
    }

    #[test]
    fn no_name_becomes_a_formula() {
        let (mut report, _) = fixture::report();
        for (name, shown) in [
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("a,b\"c", "a,b\"c"),
        ] {
            report.photos[0].variants[0].swatch = name.to_owned();
            let bytes = table(&report).unwrap();
            let mut reader = csv::Reader::from_reader(bytes.as_slice());
            assert_eq!(&reader.records().next().unwrap().unwrap()[2], shown);
        }
        report.photos[0].stem = "\t=1\r\n".to_owned();
        let bytes = table(&report).unwrap();
        let stem = csv::Reader::from_reader(bytes.as_slice()).records().next().unwrap().unwrap()[1].to_owned();
        assert!(!stem.contains(['\t', '\r', '\n']), "{stem:?}");
    }
}
