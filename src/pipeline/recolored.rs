//! The last stage before the report: what was made of one photo, whether or not it was finished.

use generators::gate::Classification;
use pixels::encode_mask_png;

use crate::exit::{Exit, OrExit, Result};
use crate::report::{self, CategoryEntry, GateEntry, Pictures, SourceEntry, VariantEntry, format_name};

use super::candidate::Candidate;
use super::embedded::Embedded;
use super::judged::Judged;
use super::out_dir::OutDir;
use super::renditions::Renditions;
use super::{Order, mask_name, variant_name};

/// What was made of one photo so far.
#[derive(Debug, Default)]
pub struct Recolored {
    /// What was found in it.
    pub source: Option<SourceEntry>,
    /// Its variants, each whole.
    pub variants: Vec<VariantEntry>,
    /// Small pictures of all that.
    pub pictures: Pictures,
}

impl Recolored {
    /// Notes what was found in the photo and writes its mask.
    ///
    /// # Errors
    /// An input failure when the mask can't be written.
    pub fn begin(&mut self, embedded: &Embedded, out: &OutDir) -> Result<()> {
        let Embedded { decoded, mask, region, category, .. } = embedded;
        self.pictures.source = Some(report::thumbnail(&decoded.image).or_exit(Exit::Input)?);
        self.pictures.overlay = Some(report::overlay(&decoded.image, mask).or_exit(Exit::Input)?);
        let name = mask_name(&decoded.photo.stem);
        out.write(&name, &encode_mask_png(mask).or_exit(Exit::Input)?)?;
        self.source = Some(SourceEntry {
            width_px: decoded.image.width_px(),
            height_px: decoded.image.height_px(),
            format: format_name(decoded.format),
            notes: decoded.notes.clone(),
            category: CategoryEntry::from(category),
            region: region.clone(),
            coverage: f64::from((mask.coverage() * 1e4).round()) / 1e4,
            mask: name,
        });
        Ok(())
    }

    /// Writes a variant that may leave, and notes one that may not.
    ///
    /// # Errors
    /// An input failure when a file can't be encoded or written.
    pub fn add(&mut self, embedded: &Embedded, judged: &Judged, order: &Order) -> Result<()> {
        let decoded = &embedded.decoded;
        let (renditions, entry, picture) = match judged {
            Judged::Cleared(cleared) => {
                let base = variant_name(&decoded.photo.stem, &cleared.candidate().target.slug);
                let written = Renditions::write(cleared, decoded.alpha.as_ref(), &base, &order.profile, &order.out)?;
                (written, entry(cleared.candidate(), cleared.verdict()), &cleared.candidate().seen)
            }
            Judged::Rejected(rejected) => {
                let candidate = rejected.candidate();
                (Renditions::default(), entry(candidate, rejected.verdict()), &candidate.seen)
            }
        };
        self.pictures.variants.push(report::thumbnail(picture).or_exit(Exit::Input)?);
        self.variants.push(VariantEntry { files: renditions.files, ..entry });
        Ok(())
    }
}

fn entry(candidate: &Candidate, verdict: &GateEntry) -> VariantEntry {
    VariantEntry {
        swatch: candidate.target.swatch.name.clone(),
        slug: candidate.target.slug.clone(),
        asked: candidate.target.swatch.color.into(),
        measured: candidate.measured.into(),
        delta_e00: f64::from((candidate.delta_e00 * 1e3).round()) / 1e3,
        reachable: candidate.reachable,
        gate: verdict.clone(),
        files: Vec::new(),
    }
}

impl From<&Classification> for CategoryEntry {
    fn from(found: &Classification) -> Self {
        Self {
            article: found.article.clone(),
            breadcrumb: found.breadcrumb.clone(),
            confidence: f64::from((found.confidence * 1e4).round()) / 1e4,
            in_catalog: found.in_catalog,
            reason: found.reason.clone().unwrap_or_default(),
        }
    }
}
