//! The labelled photos of `studio/` and `clothing/`, and which part of the work each may be used for.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use pixels::{Limits, SrgbImage, decode_file, resize_linear};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::stream::split_fraction;
use crate::{Error, Result};

/// Where a photo comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Catalogue photos on white.
    Studio,
    /// Phone photos.
    Clothing,
    /// Photos of whoever trains, see [`super::own`].
    Own,
}

impl Source {
    /// Its name in the tree's `labels`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Studio => "studio",
            Self::Clothing => "clothing",
            Self::Own => "own",
        }
    }

    /// Its kind of photo in the gate: 0 catalogue, 1 phone.
    pub fn kind(self) -> usize {
        match self {
            Self::Studio | Self::Own => 0,
            Self::Clothing => 1,
        }
    }
}

/// What a photo may be used for; nothing is used for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Part {
    /// Weights and Gaussians are fitted on it.
    Train,
    /// Settings of the training are compared on it.
    Selection,
    /// p-values, temperature and thresholds are taken from it.
    Calibration,
    /// Thresholds are certified on it; nothing is chosen by it.
    Guarantee,
    /// Only figures that are reported are measured on it.
    Report,
    /// The published validation split of the ten-class subset, whose senders are also in the other parts.
    SmallValidation,
}

/// One labelled photo.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its file.
    pub path: PathBuf,
    /// Where it comes from.
    pub source: Source,
    /// Its label there.
    pub label: String,
    /// Who took it: the sender of a phone photo, empty for the studio.
    pub sender: String,
    /// What it may be used for.
    pub part: Part,
}

#[derive(Deserialize)]
struct StudioRow {
    id: String,
    #[serde(rename = "articleType")]
    article: String,
    #[serde(rename = "baseColour")]
    colour: String,
    gender: String,
    season: String,
    usage: String,
    #[serde(rename = "productDisplayName")]
    title: String,
}

#[derive(Deserialize)]
struct ClothingRow {
    image: String,
    sender_id: String,
    label: String,
    small_split: String,
}

/// The ten labels of the published subset of the phone photos.
pub const TEN: [&str; 10] =
    ["Dress", "Hat", "Longsleeve", "Outwear", "Pants", "Shirt", "Shoes", "Shorts", "Skirt", "T-Shirt"];

/// Near-duplicates differ in at most so many of the 256 bits of their gradient hashes.
const NEAR_BITS: u32 = 6;

/// All photos under `data`, sorted by file. Studio photos of one product, by title without colours or by sight, share a
/// part; so do the phone photos of one sender.
///
/// # Errors
/// [`Error::Data`] naming the table that is missing or malformed, or a photo that cannot be decoded.
pub fn load(data: &Path) -> Result<Vec<Photo>> {
    let mut photos = studio(&data.join("studio"))?;
    photos.extend(clothing(&data.join("clothing"))?);
    photos.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(photos)
}

/// The colour that the catalogue names for each studio photo, by file; none where it names none.
///
/// # Errors
/// As [`load`].
pub fn studio_colours(data: &Path) -> Result<HashMap<PathBuf, String>> {
    let folder = data.join("studio");
    let rows: Vec<StudioRow> = table(&folder.join("styles.csv"))?;
    let named = rows.into_iter().filter(|row| !row.colour.is_empty());
    Ok(named.map(|row| (studio_file(&folder, &row), row.colour)).collect())
}

/// The words that the catalogue says of each studio photo beside its label, by file: its title without colours, for whom
/// the product is, and for what.
///
/// # Errors
/// As [`load`].
pub fn studio_words(data: &Path) -> Result<HashMap<PathBuf, BTreeSet<String>>> {
    let folder = data.join("studio");
    let rows: Vec<StudioRow> = table(&folder.join("styles.csv"))?;
    let colours = colours(&rows);
    let words = |row: &StudioRow| {
        let title = without_colours(&row.title, &colours);
        let told = [("for", &row.gender), ("in", &row.season), ("use", &row.usage)];
        let told = told.into_iter().filter(|(_, word)| !word.is_empty());
        let told = told.map(|(what, word)| format!("{what} {}", word.to_lowercase()));
        title.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).chain(told).collect()
    };
    Ok(rows.iter().map(|row| (studio_file(&folder, row), words(row))).collect())
}

/// The published ten-class subset: its training photos, of which a tenth by hash is there to choose by
/// ([`Part::Selection`]), and its validation photos ([`Part::SmallValidation`]).
///
/// # Errors
/// As [`load`].
pub fn ten_classes(data: &Path) -> Result<Vec<Photo>> {
    let folder = data.join("clothing");
    let rows: Vec<ClothingRow> = table(&folder.join("labels.csv"))?;
    let part = |row: &ClothingRow| match row.small_split.as_str() {
        "validation" => Some(Part::SmallValidation),
        "train" if split_fraction(&format!("ten {}", row.image)) < 0.1 => Some(Part::Selection),
        "train" => Some(Part::Train),
        _ => None,
    };
    let photos = rows.into_iter().filter_map(|row| {
        let part = part(&row)?;
        Some(Photo {
            path: folder.join("images").join(format!("{}.jpg", row.image)),
            source: Source::Clothing,
            label: row.label,
            sender: row.sender_id,
            part,
        })
    });
    let mut photos: Vec<Photo> = photos.collect();
    photos.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(photos)
}

/// Reads one photo.
///
/// # Errors
/// [`Error::Data`] when it cannot be decoded.
pub fn read(path: &Path) -> Result<SrgbImage> {
    let photo = decode_file(path, &Limits::default());
    photo.map(|p| p.image).map_err(|error| Error::Data { path: path.to_owned(), reason: error.to_string() })
}

pub(super) fn part_of(key: &str) -> Part {
    match split_fraction(key) {
        f if f < 0.15 => Part::Report,
        f if f < 0.24 => Part::Calibration,
        f if f < 0.30 => Part::Guarantee,
        f if f < 0.40 => Part::Selection,
        _ => Part::Train,
    }
}

fn table<R: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<R>> {
    let bad = |error: csv::Error| Error::Data { path: path.to_owned(), reason: error.to_string() };
    csv::Reader::from_path(path).map_err(bad)?.deserialize().map(|row| row.map_err(bad)).collect()
}

fn studio(folder: &Path) -> Result<Vec<Photo>> {
    let mut rows: Vec<StudioRow> = table(&folder.join("styles.csv"))?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let hash = |row: &StudioRow| gradient_hash(&read(&studio_file(folder, row))?);
    let hashes = rows.par_iter().map(hash).collect::<Result<Vec<_>>>()?;
    let colours = colours(&rows);
    let titles: Vec<String> = rows.iter().map(|row| without_colours(&row.title, &colours)).collect();
    let groups = groups(&titles, &hashes);
    let photos = rows.iter().zip(groups).map(|(row, group)| Photo {
        path: studio_file(folder, row),
        source: Source::Studio,
        label: row.article.clone(),
        sender: String::new(),
        part: part_of(&format!("product {}", titles[group])),
    });
    Ok(photos.collect())
}

fn studio_file(folder: &Path, row: &StudioRow) -> PathBuf {
    folder.join("images").join(format!("{}.jpg", row.id))
}

/// The words of all names of colours, in lower case.
fn colours(rows: &[StudioRow]) -> BTreeSet<String> {
    let words = |row: &StudioRow| row.colour.to_lowercase().split(' ').map(str::to_owned).collect::<Vec<_>>();
    rows.iter().flat_map(words).collect()
}

fn clothing(folder: &Path) -> Result<Vec<Photo>> {
    let rows: Vec<ClothingRow> = table(&folder.join("labels.csv"))?;
    let photo = |row: ClothingRow| Photo {
        path: folder.join("images").join(format!("{}.jpg", row.image)),
        source: Source::Clothing,
        part: if row.small_split == "validation" {
            Part::SmallValidation
        } else {
            part_of(&format!("sender {}", row.sender_id))
        },
        label: row.label,
        sender: row.sender_id,
    };
    Ok(rows.into_iter().map(photo).collect())
}

/// A title in lower case without punctuation and colour words, so that two colours of a product stay together.
fn without_colours(title: &str, colours: &BTreeSet<String>) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !colours.contains(*w));
    words.collect::<Vec<_>>().join(" ")
}

/// Whether each pixel of a 17×16 thumbnail is darker than its right neighbour: 256 bits.
pub(super) fn gradient_hash(image: &SrgbImage) -> Result<[u64; 4]> {
    let small = resize_linear(image, 17, 16)?;
    let luma = |x: u32, y: u32| {
        let [r, g, b] = small.pixel(x, y).map(u32::from);
        299 * r + 587 * g + 114 * b
    };
    let mut bits = [0; 4];
    for i in 0..256 {
        let (x, y) = (i % 16, i / 16);
        bits[i as usize / 64] |= u64::from(luma(x, y) < luma(x + 1, y)) << (i % 64);
    }
    Ok(bits)
}

/// For each item, the first item of its group: equal titles and near-equal hashes are joined.
pub(super) fn groups(titles: &[String], hashes: &[[u64; 4]]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..titles.len()).collect();
    let mut join = |a: usize, b: usize| {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        parent[a.max(b)] = a.min(b);
    };
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (i, title) in titles.iter().enumerate() {
        let earlier = *first.entry(title).or_insert(i);
        join(earlier, i);
    }
    let near =
        |a: &[u64; 4], b: &[u64; 4]| a.iter().zip(b).map(|(x, y)| (x ^ y).count_ones()).sum::<u32>() <= NEAR_BITS;
    for i in 0..hashes.len() {
        for j in 0..i {
            if near(&hashes[i], &hashes[j]) {
                join(j, i);
            }
        }
    }
    (0..titles.len()).map(|i| root(&mut parent, i)).collect()
}

/// The first item of a group, shortening the way to it.
fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_a_product_and_pictures_alike_share_a_group() {
        let colours = ["navy", "blue", "red"].map(str::to_owned).into();
        let titles = ["Puma Men's Navy Blue Tee", "Puma Men's Red Tee", "Lee Jeans", "Lee Slim Jeans", "Fila Cap"];
        let titles: Vec<String> = titles.iter().map(|t| without_colours(t, &colours)).collect();
        assert_eq!(titles[0], titles[1]);
        let hashes = [[0; 4], [u64::MAX; 4], [0xff00; 4], [0xff01, 0xff00, 0xff00, 0xff00], [0xf0f0_f0f0; 4]];
        assert_eq!(groups(&titles, &hashes), [0, 0, 2, 2, 4]);
    }

    #[test]
    fn a_gradient_hash_ignores_small_changes_of_brightness() {
        let ramp = |scale: u32| {
            let bytes = (0..64 * 64u32).flat_map(|i| [((i % 64) * scale) as u8; 3]).collect();
            gradient_hash(&SrgbImage::new(64, 64, bytes).unwrap()).unwrap()
        };
        assert_eq!(ramp(3), ramp(2));
        assert_eq!(ramp(3), [u64::MAX; 4]);
    }
}
