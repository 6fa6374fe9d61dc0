//! `report.json`: what was asked, what was done, and how close every variant came, in a versioned schema.

pub mod figures;
mod fringe;
pub mod gallery;
pub mod heat_map;
pub mod inspection;
mod link;
pub mod map;
pub mod measure;
mod palette_view;
mod picture;
mod quality_view;
pub mod regions;
mod tolerance;
pub mod tolerance_csv;

use std::collections::BTreeSet;
use std::time::SystemTime;

use generators::gate::Guarantee;
use pixels::color::Lab;
use serde::Serialize;

use crate::pipeline::sizes::Target;

pub use figures::{Figures, ProofEntry};
pub use link::relative_url;
pub use picture::{Pictures, data_url, overlay, reduced};
pub use regions::{MapEntry, RegionEntry, RegionVariant};
pub use tolerance::Tolerance;

/// Name and version of the schema; the number grows when a field changes its meaning or disappears.
pub const SCHEMA: &str = "rangrez.report/1";

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When it was written, RFC 3339 in UTC.
    pub created: String,
    /// What made it.
    pub program: Program,
    /// What was asked.
    pub settings: Settings,
    /// The weights that made it.
    pub weights: Vec<WeightsFile>,
    /// How the run ended.
    pub status: RunStatus,
    /// Counts.
    pub summary: Summary,
    /// Per swatch, how close the variants came.
    pub tolerance: Vec<Tolerance>,
    /// One entry per photo, in the order given.
    pub photos: Vec<PhotoEntry>,
}

/// Versions.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// Always `rangrez`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// libtorch's version.
    pub libtorch: String,
    /// `cpu` or `cuda`.
    pub device: String,
}

/// What was asked on the command line.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// `auto`, a region's name, or `mask` for a mask file; several joined by `+`.
    pub region: String,
    /// `strict`, `report` or `off`.
    pub gate: &'static str,
    /// What `--false-accept` promises; absent when it was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<GuaranteeEntry>,
    /// Formats written.
    pub formats: Vec<&'static str>,
    /// Sizes written, `full` for the photo's own.
    pub sizes: Vec<String>,
    /// Quality of JPEG and WebP, 1 to 100.
    pub quality: u8,
    /// Share of the cloth's light that skin or floor beside it catches; absent when nothing outside the mask changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce: Option<f64>,
    /// Share of the recolour network's correction over the analytic dye; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<f64>,
    /// ΔE00 within which a variant's centre passes.
    pub tolerance: f64,
    /// Name of the profile that variants are proofed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Colours, fabrics or looks asked for.
    pub swatches: Vec<SwatchEntry>,
}

impl Settings {
    /// What the run gave its photos when it was no colour; a run has colours or styles, never both.
    pub fn style(&self) -> Option<StyleName> {
        self.swatches.first().and_then(|swatch| swatch.style)
    }
}

/// A colour asked for.
#[derive(Clone, Debug, Serialize)]
pub struct SwatchEntry {
    /// Its name as given.
    pub name: String,
    /// Its part of output file names.
    pub slug: String,
    /// The colour, of the first region.
    #[serde(flatten)]
    pub color: Color,
    /// The colours of all regions, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub colors: Vec<Color>,
    /// What it is when it is no colour; then the colour is its mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<StyleName>,
    /// A small picture of a style, as a data URL for the gallery.
    #[serde(skip)]
    pub picture: Option<String>,
}

/// What a photo can be given instead of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StyleName {
    /// Another cloth.
    Fabric,
    /// The light and colours of a picture.
    Look,
}

/// A weights file.
#[derive(Clone, Debug, Serialize)]
pub struct WeightsFile {
    /// File name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// A colour, as a code for eyes and as coordinates for arithmetic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Color {
    /// Nearest sRGB code, `#rrggbb`.
    pub hex: String,
    /// CIE L*, a*, b* under D65, two decimals.
    pub lab: [f64; 3],
}

impl From<Lab> for Color {
    fn from(lab: Lab) -> Self {
        let round = |v: f32| (f64::from(v) * 100.0).round() / 100.0;
        let hex = crate::pipeline::swatches::hex(lab.to_srgb8());
        Self { hex, lab: [round(lab.l), round(lab.a), round(lab.b)] }
    }
}

/// How the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every photo was worked on.
    Complete,
    /// The user interrupted it.
    Interrupted,
    /// It stopped because nothing more could be written.
    Stopped,
}

/// Counts over the run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Photos given.
    pub photos: usize,
    /// Photos worked on to their end.
    pub done: usize,
    /// Photos that failed.
    pub failed: usize,
    /// Photos not finished because the run ended before.
    pub not_done: usize,
    /// Variants made.
    pub variants: usize,
    /// Variants that the gate rejected.
    pub rejected: usize,
    /// Variants whose colour this cloth cannot reach.
    pub out_of_reach: usize,
    /// Variants whose centre is beyond the tolerance, whether in reach or not.
    pub beyond_tolerance: usize,
    /// Median ΔE00 between asked and measured, over reachable variants.
    pub delta_e00_median: Option<f64>,
    /// 90th percentile of the same.
    pub delta_e00_p90: Option<f64>,
    /// Image files written.
    pub files: usize,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// What became of a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// All its variants were made and judged.
    Done,
    /// It could not be worked on; `error` says why.
    Failed,
    /// The run was interrupted while it was in work.
    Interrupted,
    /// The run ended before it.
    NotStarted,
}

/// One photo.
#[derive(Clone, Debug, Serialize)]
pub struct PhotoEntry {
    /// The file as given.
    pub path: String,
    /// What its output names start with.
    pub stem: String,
    /// What became of it.
    pub status: PhotoStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was found in it; absent when it failed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceEntry>,
    /// Its variants, in the order of the swatches.
    pub variants: Vec<VariantEntry>,
}

/// What was found in a photo.
#[derive(Clone, Debug, Serialize)]
pub struct SourceEntry {
    /// Width in pixels, upright.
    pub width_px: u32,
    /// Height in pixels, upright.
    pub height_px: u32,
    /// `jpeg`, `png` or `webp`.
    pub format: &'static str,
    /// What a person should know about the file or the masks.
    pub notes: Vec<String>,
    /// What it is of.
    pub category: CategoryEntry,
    /// What was dyed: regions' names joined by `+`, or `mask` for a mask file.
    pub region: String,
    /// Share of the picture that the masks cover, 0 to 1.
    pub coverage: f64,
    /// Everything that was dyed, a file beside the report.
    pub mask: String,
    /// The regions with their colours.
    pub regions: Vec<RegionEntry>,
}

/// What a photo is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryEntry {
    /// The article, such as `Kurtas`.
    pub article: String,
    /// From the widest to the narrowest category.
    pub breadcrumb: Vec<String>,
    /// Calibrated probability of the article, 0 to 1.
    pub confidence: f64,
    /// Whether it belongs to the catalogue at all.
    pub in_catalog: bool,
    /// Why, in words.
    pub reason: String,
}

/// One variant.
#[derive(Clone, Debug, Serialize)]
pub struct VariantEntry {
    /// Name of the swatch.
    pub swatch: String,
    /// The swatch's part of output names.
    pub slug: String,
    /// The colour asked for; of several regions, the one that came out furthest from it.
    pub asked: Color,
    /// Median over the mask's core of the encoded file, decoded again; of the same region.
    pub measured: Color,
    /// ΔE00 between asked and measured.
    pub delta_e00: f64,
    /// Whether this cloth can reach the colours; when not, `measured` is the nearest it came.
    pub reachable: bool,
    /// How each region came out.
    pub regions: Vec<RegionVariant>,
    /// Figures for the quality department.
    pub figures: Figures,
    /// The gate's verdict.
    pub gate: GateEntry,
    /// Files written, beside the report; none when rejected under `--gate strict`.
    pub files: Vec<FileEntry>,
}

/// The gate's word on a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateEntry {
    /// The verdict.
    pub verdict: Verdict,
    /// Score; accepted from the threshold on. Absent when not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether a guarantee stands behind the threshold; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certified: Option<bool>,
    /// Why, in words.
    pub reason: String,
    /// How often the variant was dyed before it was accepted or given up, each time with another share of the network's correction.
    pub attempts: u8,
    /// Real photos of the catalogue that it is nearest to, nearest first; none without `--catalog`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<NearestEntry>,
}

/// A real photo near to a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearestEntry {
    /// The photo's file.
    pub path: String,
    /// Cosine of the angle between the two in the gate's space.
    pub similarity: f64,
}

/// What `--false-accept` promises.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuaranteeEntry {
    /// Largest share of the negatives that may pass.
    pub false_accept: f64,
    /// Probability that the bounds of all categories hold.
    pub confidence: f64,
    /// The kinds of pictures that it covers, and no others.
    pub negatives: Vec<String>,
    /// Categories whose thresholds are certified.
    pub certified: Vec<String>,
    /// Categories with too few negatives, or too many that pass.
    pub uncertified: Vec<String>,
}

impl GuaranteeEntry {
    /// Sums up the gate's thresholds for one share.
    pub fn of(guarantees: &[&Guarantee]) -> Option<Self> {
        let first = guarantees.first()?;
        let names = |certified: bool| {
            let of = guarantees.iter().filter(|guarantee| guarantee.certified == certified);
            of.map(|guarantee| guarantee.category.clone()).collect()
        };
        let negatives: BTreeSet<String> =
            guarantees.iter().flat_map(|g| g.negatives.iter().map(|set| set.name.clone())).collect();
        Some(Self {
            false_accept: first.false_accept,
            confidence: first.confidence,
            negatives: negatives.into_iter().collect(),
            certified: names(true),
            uncertified: names(false),
        })
    }
}

/// Accepted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It still looks like the product.
    Accepted,
    /// It does not.
    Rejected,
    /// The gate was off.
    NotJudged,
}

/// One file written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileEntry {
    /// File name, beside the report.
    pub file: String,
    /// The size asked for, `full` for the photo's own.
    pub size: String,
    /// `jpeg`, `png` or `webp`.
    pub format: &'static str,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Length in bytes.
    pub bytes: usize,
    /// How it stands to a target that was named in place of a quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetEntry>,
}

/// How a file stands to a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetEntry {
    /// The quality that was chosen, 1 to 100; none when the file is lossless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Structural similarity on luma, if that was the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssim: Option<f64>,
    /// Whether the target was reached.
    pub met: bool,
}

impl From<&Target> for TargetEntry {
    fn from(target: &Target) -> Self {
        let ssim = target.ssim.map(|ssim| (f64::from(ssim) * 1e5).round() / 1e5);
        Self { quality: target.level, ssim, met: target.met }
    }
}

/// The report's name for a format.
pub fn format_name(format: pixels::Format) -> &'static str {
    match format {
        pixels::Format::Jpeg => "jpeg",
        pixels::Format::Png => "png",
        pixels::Format::Webp => "webp",
        pixels::Format::Tiff => "tiff",
        pixels::Format::Avif => "avif",
    }
}

impl Report {
    /// Counts and tolerances over `photos`.
    pub fn new(
        program: Program,
        settings: Settings,
        weights: Vec<WeightsFile>,
        status: RunStatus,
        photos: Vec<PhotoEntry>,
        seconds: f64,
    ) -> Self {
        let tolerance = settings.swatches.iter().map(|swatch| Tolerance::of(swatch, &photos)).collect();
        let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let summary = Summary::of(&photos, seconds);
        Self { schema: SCHEMA, created, program, settings, weights, status, summary, tolerance, photos }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Never in practice: all keys are strings.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

impl Summary {
    fn of(photos: &[PhotoEntry], seconds: f64) -> Self {
        let status = |wanted| photos.iter().filter(|p| p.status == wanted).count();
        let variants: Vec<_> = photos.iter().flat_map(|p| &p.variants).collect();
        let deltas = tolerance::sorted(variants.iter().filter(|v| v.reachable).map(|v| v.delta_e00));
        Self {
            photos: photos.len(),
            done: status(PhotoStatus::Done),
            failed: status(PhotoStatus::Failed),
            not_done: status(PhotoStatus::Interrupted) + status(PhotoStatus::NotStarted),
            variants: variants.len(),
            rejected: variants.iter().filter(|v| v.gate.verdict == Verdict::Rejected).count(),
            out_of_reach: variants.iter().filter(|v| !v.reachable).count(),
            beyond_tolerance: variants.iter().filter(|v| !v.figures.within_tolerance).count(),
            delta_e00_median: tolerance::percentile(&deltas, 0.5),
            delta_e00_p90: tolerance::percentile(&deltas, 0.9),
            files: variants.iter().map(|v| v.files.len()).sum(),
            seconds: (seconds * 10.0).round() / 10.0,
        }
    }
}

#[cfg(test)]
pub mod fixture;
