//! A report for the tests of the report and the gallery.

use super::regions::PaletteEntry;
use super::*;

fn color(hex: [u8; 3]) -> Color {
    Lab::from_srgb8(hex).into()
}

fn swatch(name: &str, slug: &str, rgb: [u8; 3]) -> SwatchEntry {
    let (name, slug) = (name.to_owned(), slug.to_owned());
    SwatchEntry { name, slug, color: color(rgb), colors: Vec::new(), style: None, picture: None }
}

fn settings(swatches: Vec<SwatchEntry>) -> Settings {
    Settings {
        region: "auto".to_owned(),
        gate: "strict",
        guarantee: None,
        formats: vec!["jpeg"],
        sizes: vec!["full".to_owned()],
        quality: 92,
        bounce: None,
        network: None,
        tolerance: 1.5,
        proof: None,
        swatches,
    }
}

/// Two photos, one failed; three variants, one of them rejected, one out of reach.
pub fn report() -> (Report, Vec<Pictures>) {
    let swatches = vec![
        swatch("Madder", "madder", [138, 21, 56]),
        swatch("Indigo", "indigo", [38, 50, 110]),
        swatch("Bone", "bone", [238, 232, 216]),
    ];
    let variants = swatches.iter().enumerate().map(|(i, s)| VariantEntry {
        swatch: s.name.clone(),
        slug: s.slug.clone(),
        asked: s.color.clone(),
        measured: s.color.clone(),
        delta_e00: [0.21, 0.44, 7.9][i],
        reachable: i != 2,
        regions: vec![RegionVariant {
            region: "upper".to_owned(),
            swatch: s.name.clone(),
            asked: s.color.clone(),
            measured: s.color.clone(),
            delta_e00: 0.21,
            reachable: i != 2,
            map: vec![
                MapEntry { from: "#283c78".to_owned(), share: 0.8, change: "to", to: Some(s.color.clone()) },
                MapEntry { from: "#fafaf5".to_owned(), share: 0.2, change: "keep", to: None },
            ],
        }],
        figures: Figures {
            delta_cmc_2_1: 0.3,
            delta_e00_p95: Some(2.5),
            clipped_percent: 0.4,
            spread_kept: Some(0.98),
            fringe: Some(0.7),
            within_tolerance: i != 2,
            proof: None,
        },
        gate: GateEntry {
            verdict: if i == 1 { Verdict::Rejected } else { Verdict::Accepted },
            score: Some(0.4),
            threshold: Some(0.05),
            certified: Some(true),
            reason: "looks like Jeans rather than Kurtas".to_owned(),
            attempts: if i == 1 { 3 } else { 1 },
            nearest: vec![NearestEntry { path: "catalogue/<b>kurta.jpg".to_owned(), similarity: 0.91 }],
        },
        files: Vec::new(),
    });
    let category = CategoryEntry {
        article: "Kurtas".to_owned(),
        breadcrumb: vec!["Apparel".to_owned(), "Topwear".to_owned(), "Kurtas".to_owned()],
        confidence: 0.93,
        in_catalog: true,
        reason: String::new(),
    };
    let source = SourceEntry {
        width_px: 1800,
        height_px: 2400,
        format: "jpeg",
        notes: Vec::new(),
        category,
        region: "upper".to_owned(),
        coverage: 0.31,
        mask: "kurta.mask.png".to_owned(),
        regions: vec![RegionEntry {
            region: "upper".to_owned(),
            coverage: 0.31,
            mask: "kurta.mask.png".to_owned(),
            palette: vec![
                PaletteEntry { color: color([40, 60, 120]), share: 0.8 },
                PaletteEntry { color: color([250, 250, 245]), share: 0.2 },
            ],
        }],
    };
    let photos = vec![
        PhotoEntry {
            path: "photos/kurta.jpg".to_owned(),
            stem: "kurta".to_owned(),
            status: PhotoStatus::Done,
            error: None,
            source: Some(source),
            variants: variants.collect(),
        },
        PhotoEntry {
            path: "photos/empty.jpg".to_owned(),
            stem: "empty".to_owned(),
            status: PhotoStatus::Failed,
            error: Some("the file is empty".to_owned()),
            source: None,
            variants: Vec::new(),
        },
    ];
    let program =
        Program { name: "rangrez", version: "0.1.0", libtorch: "2.13.0".to_owned(), device: "cpu".to_owned() };
    let report = Report::new(program, settings(swatches), Vec::new(), RunStatus::Complete, photos, 3.2);
    (report, vec![Pictures::default(), Pictures::default()])
}

#[test]
fn the_report_counts_and_has_its_schema() {
    let (report, _) = report();
    let json: serde_json::Value = serde_json::from_slice(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["schema"], "rangrez.report/1");
    assert_eq!(json["summary"]["rejected"], 1);
    assert_eq!(json["summary"]["out_of_reach"], 1);
    assert_eq!(json["summary"]["failed"], 1);
    assert_eq!(json["summary"]["beyond_tolerance"], 1);
    assert_eq!(json["photos"][0]["variants"][0]["figures"]["delta_cmc_2_1"], 0.3);
    assert_eq!(json["tolerance"][0]["median"], 0.21);
    assert_eq!(json["photos"][0]["variants"][1]["gate"]["verdict"], "rejected");
    assert_eq!(json["settings"]["swatches"][0]["hex"], "#8a1538");
}
