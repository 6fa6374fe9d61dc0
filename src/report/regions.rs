//! What the report says of regions: their colours, and what became of each.

use pixels::color_map::{Change, ColorMap};
use pixels::garment_stats::GarmentStats;
use serde::Serialize;

use super::Color;

/// One region of a photo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegionEntry {
    /// A region's name, or `mask` for a mask file.
    pub region: String,
    /// Share of the picture that its mask covers, 0 to 1.
    pub coverage: f64,
    /// The mask that was used, a file beside the report.
    pub mask: String,
    /// Its colours, largest share first.
    pub palette: Vec<PaletteEntry>,
}

/// One colour of a garment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaletteEntry {
    /// The colour.
    #[serde(flatten)]
    pub color: Color,
    /// Share of the region, 0 to 1.
    pub share: f64,
}

/// How one region of a variant came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegionVariant {
    /// The region.
    pub region: String,
    /// Name of the colour, or of the colours of a map.
    pub swatch: String,
    /// The colour asked for: what the largest changed colour becomes.
    pub asked: Color,
    /// Median over that colour's core in the encoded file, decoded again.
    pub measured: Color,
    /// ΔE00 between asked and measured.
    pub delta_e00: f64,
    /// Whether this cloth can reach the colour.
    pub reachable: bool,
    /// What becomes of each colour of the region's palette, in its order.
    pub map: Vec<MapEntry>,
}

/// One colour of a garment and what becomes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapEntry {
    /// The garment's colour, `#rrggbb`.
    pub from: String,
    /// Its share of the region, 0 to 1.
    pub share: f64,
    /// `to`: it becomes another; `keep`: it stays; `follow`: it moves with the colour that leads, as its shade.
    pub change: &'static str,
    /// What it becomes, for `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Color>,
}

/// A garment's palette.
pub fn palette(stats: &GarmentStats) -> Vec<PaletteEntry> {
    stats.palette.iter().map(|p| PaletteEntry { color: p.color.into(), share: rounded(p.share) }).collect()
}

/// What a map does to a garment's palette.
pub fn map(palette: &[PaletteEntry], map: &ColorMap) -> Vec<MapEntry> {
    let entry = |(color, change): (&PaletteEntry, &Change)| {
        let (change, to) = match change {
            Change::Keep => ("keep", None),
            Change::To(target) => ("to", Some((*target).into())),
            Change::Follow => ("follow", None),
        };
        MapEntry { from: color.color.hex.clone(), share: color.share, change, to }
    };
    palette.iter().zip(map.changes()).map(entry).collect()
}

/// A share in ten-thousandths.
pub fn rounded(share: f32) -> f64 {
    f64::from((share * 1e4).round()) / 1e4
}
