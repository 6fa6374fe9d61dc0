//! The last stage before the report: what was made of one photo, whether or not it was finished.

use generators::gate::Classification;
use pixels::{Focus, Mask, encode_mask_png, resize_mask};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::regions::{map, palette, rounded};
use crate::report::{
    self, CategoryEntry, Figures, GateEntry, Pictures, ProofEntry, RegionEntry, RegionVariant, SourceEntry,
    VariantEntry, format_name, heat_map,
};

use super::candidate::Candidate;
use super::catalog_photos;
use super::embedded::Embedded;
use super::judged::Judged;
use super::layers::Layers;
use super::masked::Choice;
use super::order::Order;
use super::prepared::Prepared;
use super::renditions::Renditions;
use super::{mask_name, region_mask_name, variant_name};

/// What was made of one photo so far.
#[derive(Debug, Default)]
pub struct Recolored {
    /// What was found in it.
    pub source: Option<SourceEntry>,
    /// Its variants, each whole.
    pub variants: Vec<VariantEntry>,
    /// SHA-256 of the photo's file, once it has been read.
    pub sha256: Option<String>,
    /// Small pictures of all that.
    pub pictures: Pictures,
    /// Its layers, if they are wanted and not yet written whole.
    pub layers: Option<(Layers, Mask)>,
}

impl Recolored {
    /// Notes what was found in the photo and writes its masks.
    ///
    /// # Errors
    /// An input failure when a mask can't be written.
    pub fn begin(&mut self, prepared: &Prepared, order: &Order) -> Result<()> {
        let embedded = prepared.embedded;
        let Embedded { decoded, category, garments, .. } = embedded;
        let stem = &decoded.photo.stem;
        let mask = embedded.mask();
        let small = report::reduced(&decoded.over_white()).or_exit(Exit::Input)?;
        let cloth = resize_mask(&mask, small.width_px(), small.height_px()).or_exit(Exit::Input)?;
        self.pictures.source = Some(report::data_url(&small).or_exit(Exit::Input)?);
        let opaque = decoded.alpha.is_none().then_some(small);
        let below = opaque.map_or_else(|| report::reduced(&decoded.image), Ok).or_exit(Exit::Input)?;
        self.pictures.overlay = Some(report::overlay(below, &cloth).or_exit(Exit::Input)?);
        self.pictures.cloth = Some(cloth);
        if let Some(format) = order.layers {
            let layers = Layers::begin(format, stem, &decoded.image, decoded.alpha.as_ref(), &mask, &order.out)?;
            self.layers = Some((layers, mask.clone()));
        }
        let name = mask_name(stem);
        order.out.write(&name, &encode_mask_png(&mask).or_exit(Exit::Input)?)?;
        let mut regions = Vec::with_capacity(garments.len());
        for (i, (garment, stats)) in garments.iter().zip(prepared.stats()).enumerate() {
            let mut file = name.clone();
            if garments.len() > 1 {
                file = region_mask_name(stem, i, order.regions.get(i).map_or("auto", Choice::title));
                order.out.write(&file, &encode_mask_png(&garment.mask).or_exit(Exit::Input)?)?;
            }
            regions.push(RegionEntry {
                region: garment.region.clone(),
                coverage: rounded(garment.mask.coverage()),
                mask: file,
                palette: palette(stats),
            });
        }
        self.source = Some(SourceEntry {
            width_px: decoded.image.width_px(),
            height_px: decoded.image.height_px(),
            format: format_name(decoded.format),
            notes: decoded.notes.clone(),
            category: CategoryEntry::from(category),
            region: embedded.region(),
            coverage: rounded(mask.coverage()),
            mask: name,
            regions,
        });
        Ok(())
    }

    /// Writes a variant that may leave, and notes one that may not.
    ///
    /// # Errors
    /// An input failure when a file can't be encoded or written.
    pub fn add(&mut self, prepared: &Prepared, judged: &Judged, order: &Order) -> Result<()> {
        let decoded = &prepared.embedded.decoded;
        let source = self.source.as_ref();
        let tolerance = order.checks.tolerance;
        let (renditions, mut entry, candidate) = match judged {
            Judged::Cleared(cleared) => {
                let garment =
                    order.profile.needs_garment().then(|| Focus::of_mask(&prepared.embedded.mask())).flatten();
                let base = variant_name(&decoded.photo.stem, &cleared.candidate().variant.slug);
                let written = Renditions::write(
                    cleared,
                    (decoded.alpha.as_ref(), &decoded.metadata, garment),
                    &base,
                    &order.profile,
                    &order.out,
                )?;
                (written, entry(cleared.candidate(), source, cleared.verdict(), tolerance)?, cleared.candidate())
            }
            Judged::Rejected(rejected) => {
                let candidate = rejected.candidate();
                (Renditions::default(), entry(candidate, source, rejected.verdict(), tolerance)?, candidate)
            }
        };
        let small = report::reduced(&candidate.seen).or_exit(Exit::Input)?;
        self.pictures.variants.push(report::data_url(&small).or_exit(Exit::Input)?);
        let near = |entry| catalog_photos::thumbnail(entry).unwrap_or_default();
        self.pictures.nearest.push(judged.verdict().nearest.iter().map(near).collect());
        if candidate.variant.style.is_none() {
            let heat = heat_map::draw(&candidate.inspected, prepared.inspection().grid()).or_exit(Exit::Input)?;
            self.pictures.heat.push(report::data_url(&heat).or_exit(Exit::Input)?);
        }
        let proofed = order.checks.proof.as_ref().zip(self.pictures.cloth.as_ref()).zip(candidate.worst());
        if let Some(((proof, cloth), worst)) = proofed {
            let proofed = ProofEntry::of(proof, worst.asked, worst.measured, &small, cloth);
            let (proof, printed) = proofed.or_exit(Exit::Input)?;
            self.pictures.proofs.push(report::data_url(&printed).or_exit(Exit::Input)?);
            entry.figures.proof = Some(proof);
        }
        self.variants.push(VariantEntry { files: renditions.files, ..entry });
        if let (Judged::Cleared(_), Some((layers, mask))) = (judged, &mut self.layers) {
            layers.add(&candidate.variant.slug, &decoded.image, &candidate.image, mask, &order.out)?;
        }
        Ok(())
    }

    /// Writes what is written once all variants are there.
    ///
    /// # Errors
    /// An input failure when it can't be written.
    pub fn finish(&mut self, order: &Order) -> Result<()> {
        self.layers.take().map_or(Ok(()), |(layers, _)| layers.finish(&order.out))
    }
}

fn entry(
    candidate: &Candidate,
    source: Option<&SourceEntry>,
    verdict: &GateEntry,
    tolerance: f32,
) -> Result<VariantEntry> {
    let worst = candidate.worst().ok_or_else(|| Failure::input("a variant without regions"))?;
    let found = source.map(|s| s.regions.as_slice()).unwrap_or_default();
    // Light and print move a mean colour, which is no fault of a fabric.
    let tolerance = if candidate.variant.style.is_some() { f32::INFINITY } else { tolerance };
    let regions = candidate.regions.iter().zip(found).enumerate();
    let regions = regions.map(|(i, (measured, region))| RegionVariant {
        region: region.region.clone(),
        swatch: candidate.variant.taken_by(i),
        asked: measured.asked.into(),
        measured: measured.measured.into(),
        delta_e00: thousandths(measured.delta_e00),
        reachable: measured.reachable,
        map: map(&region.palette, &measured.map),
    });
    let off = thousandths(worst.delta_e00);
    let figures = Figures::new(worst.asked, worst.measured, off, tolerance, &candidate.inspected);
    Ok(VariantEntry {
        swatch: candidate.variant.name.clone(),
        slug: candidate.variant.slug.clone(),
        asked: worst.asked.into(),
        measured: worst.measured.into(),
        delta_e00: thousandths(worst.delta_e00),
        reachable: candidate.regions.iter().all(|region| region.reachable),
        regions: regions.collect(),
        figures,
        gate: verdict.clone(),
        files: Vec::new(),
    })
}

fn thousandths(value: f32) -> f64 {
    f64::from((value * 1e3).round()) / 1e3
}

impl From<&Classification> for CategoryEntry {
    fn from(found: &Classification) -> Self {
        Self {
            article: found.article.clone(),
            breadcrumb: found.breadcrumb.clone(),
            confidence: rounded(found.confidence),
            in_catalog: found.in_catalog,
            reason: found.reason.clone().unwrap_or_default(),
        }
    }
}
