//! Small copies of garments, cut out once by the program's own segmenter and kept in one file, told apart into plain cloth,
//! whose light is its shading, and printed cloth, which lends its prints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pixels::color::{Lab, LabImage};
use pixels::garment_stats::median_lab;
use pixels::{Mask, SrgbImage};
use serde::Deserialize;

use crate::eval::workers;
use crate::region::Region;
use crate::segmenter::Segmenter;
use crate::shading::view::{SIDE, View, log_light, smoothed};
use crate::stream::split_fraction;
use crate::train::segmenter_data::{labels, read_photo};
use crate::{Error, Result, checkpoint};

/// Groups of photos with a hash below are never trained on: the figures come from them.
pub const REPORT: f64 = 0.15;
/// Groups with a hash from [`REPORT`] to here only show a run's progress.
pub const CHECK: f64 = 0.2;
/// Version of the cache's layout and of the rules that filled it.
const MAGIC: &[u8; 8] = b"shading2";
/// Share of the photo that a usable mask covers.
const COVERAGE: std::ops::RangeInclusive<f32> = 0.05..=0.9;
/// Median L* below which the light on plain cloth is mostly noise.
const LIT: f32 = 24.0;

/// Light that jumps by more than this (natural logarithm) on plain cloth is a small print, a button or a hole.
const INTERRUPTED: f32 = 0.45;

/// A garment's small copy.
#[derive(Clone, Debug)]
pub struct Garment {
    /// What splits go by: product name or sender.
    pub key: String,
    /// `SIDE` × `SIDE`.
    pub image: SrgbImage,
    /// `SIDE` × `SIDE`.
    pub mask: Mask,
}

/// What a garment's cloth is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloth {
    /// One colour, light enough that its light is its shading.
    Plain,
    /// One colour, nearly black.
    Dark,
    /// A print over most of it.
    Printed,
    /// Anything else.
    Unsure,
}

/// Garments of one side of the split, by what they are good for.
#[derive(Clone, Debug, Default)]
pub struct Garments {
    /// Plain cloth.
    pub plain: Vec<Garment>,
    /// Nearly black plain cloth.
    pub dark: Vec<Garment>,
    /// Printed cloth.
    pub printed: Vec<Garment>,
}

/// A side of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To watch a run.
    Check,
    /// For the figures.
    Report,
}

impl Part {
    /// The side of a group of photos.
    pub fn of(key: &str) -> Self {
        match split_fraction(key) {
            f if f < REPORT => Self::Report,
            f if f < CHECK => Self::Check,
            _ => Self::Train,
        }
    }
}

/// A photo to cut a garment from.
pub struct Source {
    /// Its file.
    pub photo: PathBuf,
    /// What splits go by: product name or sender.
    pub key: String,
    /// What of it the garment is.
    pub region: Region,
}

/// What the keys of catalogue photos begin with.
const CATALOGUE: &str = "studio/";

impl Source {
    /// The title of a catalogue photo's product.
    pub fn title(&self) -> Option<&str> {
        self.key.strip_prefix(CATALOGUE)
    }

    /// The photo and the garment's mask; `None` when it can't be read or shows too little or too much.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn find(&self, segmenter: &Segmenter) -> Result<Option<(SrgbImage, Mask)>> {
        let Ok(photo) = read_photo(&self.photo) else { return Ok(None) };
        let mask = segmenter.segment(&photo)?.article_alpha(self.region, &photo)?;
        Ok(COVERAGE.contains(&mask.coverage()).then_some((photo, mask)))
    }
}

/// A line of `studio/styles.csv`.
#[derive(Clone, Debug, Deserialize)]
pub struct StyleRow {
    /// The photo's file, without ending.
    pub id: String,
    /// What it is of.
    #[serde(rename = "articleType")]
    pub article_type: String,
    /// For whom it is.
    pub gender: String,
    /// The product's name.
    #[serde(rename = "productDisplayName")]
    pub name: String,
}

impl StyleRow {
    /// What splits go by.
    pub fn key(&self) -> String {
        format!("{CATALOGUE}{}", self.name)
    }
}

#[derive(Deserialize)]
struct ClothingRow {
    image: String,
    sender_id: String,
    label: String,
}

#[derive(Deserialize)]
struct PairRow {
    a: String,
    b: String,
}

fn rows<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>> {
    let bad = |error: csv::Error| Error::Data { path: path.to_owned(), reason: error.to_string() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(bad)?;
    // A few product names hold stray quotes and commas; such lines are skipped.
    Ok(reader.deserialize().filter_map(std::result::Result::ok).collect())
}

/// The catalogue photos of a data folder.
///
/// # Errors
/// When the table is missing.
pub fn catalogue(data: &Path) -> Result<Vec<StyleRow>> {
    rows(&data.join("studio/styles.csv"))
}

/// At most `limit` photos of each data set, in an order that depends on nothing but their names; photos of colourway pairs
/// are left out, since the light on them is measured elsewhere.
///
/// # Errors
/// When a table is missing.
pub fn sources(data: &Path, limit: usize) -> Result<Vec<Source>> {
    let pairs: Vec<PairRow> = rows(&data.join("colorways/pairs.csv"))?;
    let paired: BTreeSet<String> = pairs.into_iter().flat_map(|row| [row.a, row.b]).collect();
    let studio = catalogue(data)?.into_iter().filter_map(|row| {
        let apparel = labels::article(&row.article_type).is_some_and(|article| article.apparel);
        let region = labels::region(&row.article_type).filter(|_| apparel && !paired.contains(&row.id))?;
        let photo = data.join(format!("studio/images/{}.jpg", row.id));
        Some(Source { photo, key: row.key(), region })
    });
    let clothing = rows::<ClothingRow>(&data.join("clothing/labels.csv"))?.into_iter().filter_map(|row| {
        labels::flat_lay(&row.label).filter(|_| row.label != "Shoes" && row.label != "Hat")?;
        let photo = data.join(format!("clothing/images/{}.jpg", row.image));
        Some(Source { photo, key: format!("clothing/{}", row.sender_id), region: Region::All })
    });
    let chosen = |all: Vec<Source>| {
        let name = |source: &Source| split_fraction(&source.photo.file_name().unwrap_or_default().to_string_lossy());
        let mut all: Vec<(f64, Source)> =
            all.into_iter().filter(|source| source.photo.is_file()).map(|source| (name(&source), source)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.truncate(limit);
        all.into_iter().map(|(_, source)| source).collect::<Vec<_>>()
    };
    Ok(chosen(studio.collect()).into_iter().chain(chosen(clothing.collect())).collect())
}

/// All usable garments, from `cache` where it exists and else cut out anew and kept there.
///
/// # Errors
/// When data or weights are missing, or the cache is damaged.
pub fn load(data: &Path, weights: &Path, cache: &Path, limit: usize) -> Result<Vec<Garment>> {
    if let Ok(bytes) = std::fs::read(cache) {
        let damaged =
            || Error::Data { path: cache.to_owned(), reason: "is damaged or of another version: remove it".into() };
        return parse(&bytes).ok_or_else(damaged);
    }
    let garments = cut(data, weights, limit, &|_| true)?;
    checkpoint::write_atomic(cache, &serialised(&garments))?;
    Ok(garments)
}

/// Cuts the garments out of at most `limit` photos of each data set, where they are of a wanted part.
///
/// # Errors
/// When data or weights are missing.
pub fn cut(data: &Path, weights: &Path, limit: usize, wanted: &dyn Fn(Part) -> bool) -> Result<Vec<Garment>> {
    let segmenter = Segmenter::load(weights)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut handles: Vec<Segmenter> = (0..threads).map(|_| segmenter.handle()).collect::<Result<_>>()?;
    let mut sources = sources(data, limit)?;
    sources.retain(|source| wanted(Part::of(&source.key)));
    let cut = workers::each(&sources, &mut handles, |segmenter, source| {
        let Some((photo, mask)) = source.find(segmenter)? else { return Ok(None) };
        let view = View::new(&photo, &mask)?;
        Ok(view.map(|view| Garment { key: source.key.clone(), image: view.image, mask: view.mask }))
    })?;
    Ok(cut.into_iter().flatten().collect())
}

fn serialised(garments: &[Garment]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for garment in garments {
        bytes.extend((garment.key.len() as u32).to_le_bytes());
        bytes.extend(garment.key.as_bytes());
        bytes.extend(garment.image.data());
        bytes.extend(garment.mask.data());
    }
    bytes
}

fn parse(bytes: &[u8]) -> Option<Vec<Garment>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut garments = Vec::new();
    let side = SIDE as u32;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (key, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (image, after) = after.split_at_checked(3 * SIDE * SIDE)?;
        let (mask, after) = after.split_at_checked(SIDE * SIDE)?;
        garments.push(Garment {
            key: String::from_utf8(key.to_vec()).ok()?,
            image: SrgbImage::new(side, side, image.to_vec()).ok()?,
            mask: Mask::new(side, side, mask.to_vec()).ok()?,
        });
        rest = after;
    }
    Some(garments)
}

/// Sorts the garments of one side by their cloth.
pub fn sorted(garments: &[Garment], part: Part) -> Garments {
    use rayon::prelude::*;
    let own: Vec<&Garment> = garments.iter().filter(|garment| Part::of(&garment.key) == part).collect();
    let cloths: Vec<Cloth> = own.par_iter().map(|garment| cloth_of(garment)).collect();
    let mut out = Garments::default();
    for (garment, cloth) in own.into_iter().zip(cloths) {
        match cloth {
            Cloth::Plain => out.plain.push(garment.clone()),
            Cloth::Dark => out.dark.push(garment.clone()),
            Cloth::Printed => out.printed.push(garment.clone()),
            Cloth::Unsure => {}
        }
    }
    out
}

/// What shows in a small copy, by its colours and by how much its light jumps.
pub fn cloth_of(garment: &Garment) -> Cloth {
    let inner = garment.mask.threshold(230).eroded(2);
    let lab = LabImage::from_srgb(&garment.image);
    let inside: Vec<usize> = inner.data().iter().enumerate().filter(|&(_, &a)| a > 0).map(|(i, _)| i).collect();
    if inside.len() < SIDE * SIDE / 20 {
        return Cloth::Unsure;
    }
    let share = |test: &dyn Fn(usize) -> bool| inside.iter().filter(|&&i| test(i)).count() as f32 / inside.len() as f32;
    let centre = median_lab(&inside.iter().map(|&i| lab.at(i)).collect::<Vec<_>>());
    let own_color = share(&|i| is_shaded(lab.at(i), centre));
    let light = log_light(&garment.image, &garment.mask);
    let around = smoothed(&light, &inner, 2.5);
    let jumps = share(&|i| (light[i] - around[i]).abs() > 0.2);
    if own_color < 0.75 || own_color < 0.96 && jumps > 0.15 || jumps > 0.35 {
        Cloth::Printed
    } else if own_color < 0.96 || jumps > 0.12 {
        Cloth::Unsure
    } else if centre.l < LIT {
        Cloth::Dark
    } else {
        Cloth::Plain
    }
}

/// Where a plain garment's light is its shading: on cloth of its own colour that no print or button interrupts.
pub fn clear(garment: &Garment) -> Vec<bool> {
    let inner = garment.mask.threshold(230).eroded(1);
    let lab = LabImage::from_srgb(&garment.image);
    let inside: Vec<Lab> = (0..SIDE * SIDE).filter(|&i| inner.data()[i] > 0).map(|i| lab.at(i)).collect();
    let centre = median_lab(&inside);
    let light = log_light(&garment.image, &garment.mask);
    let around = smoothed(&light, &inner, 2.5);
    (0..SIDE * SIDE)
        .map(|i| inner.data()[i] > 0 && is_shaded(lab.at(i), centre) && (light[i] - around[i]).abs() < INTERRUPTED)
        .collect()
}

/// Whether shading alone can make `color` of `centre`: chroma follows the light, hue stays.
fn is_shaded(color: Lab, centre: Lab) -> bool {
    let along = (color.a * centre.a + color.b * centre.b) / (centre.a * centre.a + centre.b * centre.b + 1e-3);
    // Highlights and shadows are paler or stronger than the cloth, of the same hue.
    let along = along.clamp(0.4, 1.6);
    let off = (color.a - along * centre.a).hypot(color.b - along * centre.b);
    off < 5.0 + 0.12 * centre.chroma()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn garment(code: impl Fn(usize, usize) -> [u8; 3]) -> Garment {
        let side = SIDE as u32;
        let mut image = SrgbImage::filled(side, side, [0; 3]);
        for (i, rgb) in image.data_mut().chunks_exact_mut(3).enumerate() {
            rgb.copy_from_slice(&code(i % SIDE, i / SIDE));
        }
        Garment { key: "studio/Someone's Shirt".into(), image, mask: Mask::filled(side, side, 255) }
    }

    #[test]
    fn folds_are_plain_and_stripes_are_printed() {
        let fold = |x: usize| (18.0 * (x as f32 / 9.0).sin() + 120.0) as u8;
        assert_eq!(cloth_of(&garment(|x, _| [fold(x), fold(x) / 2, fold(x) / 3])), Cloth::Plain);
        assert_eq!(cloth_of(&garment(|x, _| [fold(x) / 5; 3])), Cloth::Dark);
        assert_eq!(cloth_of(&garment(|x, _| if x / 4 % 2 == 0 { [200; 3] } else { [90; 3] })), Cloth::Printed);
        assert_eq!(
            cloth_of(&garment(|x, _| if x / 40 % 2 == 0 { [90, 40, 40] } else { [40, 40, 120] })),
            Cloth::Printed
        );
    }

    #[test]
    fn the_cache_gives_back_what_was_put_in_and_refuses_half_of_it() {
        let one = garment(|x, y| [x as u8, y as u8, 7]);
        let bytes = serialised(std::slice::from_ref(&one));
        let back = parse(&bytes).unwrap();
        assert_eq!((back.len(), &back[0].key, &back[0].image), (1, &one.key, &one.image));
        assert!(parse(&bytes[..bytes.len() - 1]).is_none() && parse(b"another!").is_none());
    }
}
