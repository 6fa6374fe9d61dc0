//! The items to train and validate on, each with its side of the split.
//!
//! A source item never has photos on both sides: street photos are split one by one, flat-lay photos by sender,
//! studio photos by product name, and colourway photos by connected component of the pairs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use super::labels::{self, Article};
use super::{backdrop, read_photo};
use crate::segmenter::ClassSet;
use crate::stream::split_fraction;
use crate::{Error, Result};

/// Share of street photos, flat-lay senders and studio products that are kept for validation.
pub const VALIDATION: f64 = 0.15;
/// Share of colourway components that are kept for validation.
pub const COLORWAY_VALIDATION: f64 = 1.0 / 3.0;

/// A street photo.
pub struct Street {
    /// JPEG.
    pub photo: PathBuf,
    /// Label index per pixel, PNG.
    pub mask: PathBuf,
}

/// A studio photo on an even backdrop.
pub struct Studio {
    /// JPEG.
    pub photo: PathBuf,
    /// Article type as the data set names it.
    pub article_type: String,
    /// What that says of its pixels.
    pub article: Article,
    /// Whether a person wears it (or may).
    pub worn: bool,
}

/// A flat-lay photo.
pub struct FlatLay {
    /// JPEG.
    pub photo: PathBuf,
    /// Classes of its garment; `None` when the label does not say.
    pub garment: Option<ClassSet>,
    /// The data set's label.
    pub label: String,
}

/// Two photos of one product in two colours.
pub struct Colorway {
    /// First photo.
    pub a: PathBuf,
    /// Second photo.
    pub b: PathBuf,
    /// Article type as the data set names it.
    pub article_type: String,
    /// What that says of the changed pixels.
    pub article: Article,
}

/// One side of the split.
#[derive(Default)]
pub struct Items {
    /// Street photos with masks.
    pub street: Vec<Street>,
    /// Studio photos without a person.
    pub packshots: Vec<Studio>,
    /// Studio photos with a person.
    pub models: Vec<Studio>,
    /// Flat-lay photos.
    pub flat_lays: Vec<FlatLay>,
    /// Colourway pairs.
    pub colorways: Vec<Colorway>,
}

/// Both sides.
#[derive(Default)]
pub struct Index {
    /// To learn from.
    pub train: Items,
    /// To measure on.
    pub validation: Items,
    /// Names of the street labels, by value in the masks.
    pub street_labels: Vec<ClassSet>,
}

impl Index {
    fn side(&mut self, key: &str, validation: f64) -> &mut Items {
        if split_fraction(key) < validation { &mut self.validation } else { &mut self.train }
    }
}

#[derive(Deserialize)]
struct StyleRow {
    id: String,
    #[serde(rename = "articleType")]
    article_type: String,
    #[serde(rename = "productDisplayName")]
    name: String,
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
    // A few product names hold stray quotes and commas; such lines are skipped.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(bad)?;
    Ok(reader.deserialize().filter_map(std::result::Result::ok).collect())
}

/// Split key of every photo that is in a colourway pair: `colorways/` and the smallest id of its connected component.
#[expect(clippy::needless_pass_by_value, reason = "an iterator is walked twice, so it is cloned")]
pub fn colorway_keys<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)> + Clone) -> BTreeMap<String, String> {
    let mut root: BTreeMap<String, String> = BTreeMap::new();
    let order = |id: &str| (id.len(), id.to_owned());
    for (a, b) in pairs.clone() {
        for id in [a, b] {
            root.entry(id.to_owned()).or_insert_with(|| id.to_owned());
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for (a, b) in pairs.clone() {
            let (ra, rb) = (root[a].clone(), root[b].clone());
            let least = if order(&ra) <= order(&rb) { ra.clone() } else { rb.clone() };
            changed |= ra != least || rb != least;
            root.insert(a.to_owned(), least.clone());
            root.insert(b.to_owned(), least);
        }
    }
    root.into_iter().map(|(id, least)| (id, format!("colorways/{least}"))).collect()
}

/// Reads the listings of a data folder and looks at every studio photo once.
///
/// # Errors
/// When a listing is missing or malformed. Studio photos that cannot be read are left out.
pub fn read(data: &Path) -> Result<Index> {
    let mut index = Index { street_labels: street_labels(data)?, ..Index::default() };
    let photos = data.join("street/photos");
    let mut names: Vec<_> = std::fs::read_dir(&photos)
        .map_err(Error::io(&photos))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    for name in names {
        let mask = data.join(format!("street/masks/{name}.png"));
        if mask.exists() {
            let photo = photos.join(format!("{name}.jpg"));
            index.side(&format!("street/{name}"), VALIDATION).street.push(Street { photo, mask });
        }
    }
    for row in rows::<ClothingRow>(&data.join("clothing/labels.csv"))? {
        let photo = data.join(format!("clothing/images/{}.jpg", row.image));
        if photo.exists() {
            let garment = labels::flat_lay(&row.label);
            let item = FlatLay { photo, garment, label: row.label };
            index.side(&format!("clothing/{}", row.sender_id), VALIDATION).flat_lays.push(item);
        }
    }
    read_studio(data, &mut index)?;
    Ok(index)
}

fn street_labels(data: &Path) -> Result<Vec<ClassSet>> {
    let path = data.join("street/labels.txt");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    Ok(text.lines().map(|line| labels::street(line.trim())).collect())
}

fn read_studio(data: &Path, index: &mut Index) -> Result<()> {
    let pairs: Vec<PairRow> = rows(&data.join("colorways/pairs.csv"))?;
    let keys = colorway_keys(pairs.iter().map(|row| (row.a.as_str(), row.b.as_str())));
    let styles: Vec<StyleRow> = rows(&data.join("studio/styles.csv"))?;
    let photo_of = |id: &str| data.join(format!("studio/images/{id}.jpg"));
    let scanned: Vec<Option<(&StyleRow, Studio)>> = styles
        .par_iter()
        .map(|row| {
            let article = labels::article(&row.article_type)?;
            let photo = photo_of(&row.id);
            let found = backdrop::find(&read_photo(&photo).ok()?)?;
            let apparel_worn = found.touches_top_or_bottom || found.skin > 0.06;
            let small = matches!(row.article_type.as_str(), "Caps" | "Hat" | "Scarves" | "Mufflers" | "Stoles");
            let worn = if article.apparel { apparel_worn } else { small && found.skin > 0.3 };
            let usable = (0.01..0.9).contains(&found.coverage);
            usable.then(|| (row, Studio { photo, article_type: row.article_type.clone(), article, worn }))
        })
        .collect();
    let articles: HashMap<&str, &StyleRow> = styles.iter().map(|row| (row.id.as_str(), row)).collect();
    for (row, studio) in scanned.into_iter().flatten() {
        let side = match keys.get(&row.id) {
            Some(key) => index.side(key, COLORWAY_VALIDATION),
            None => index.side(&format!("studio/{}", row.name), VALIDATION),
        };
        if studio.worn { side.models.push(studio) } else { side.packshots.push(studio) }
    }
    for row in &pairs {
        let Some(style) = articles.get(row.a.as_str()) else { continue };
        let (Some(article), Some(key)) = (labels::article(&style.article_type), keys.get(&row.a)) else { continue };
        let article_type = style.article_type.clone();
        let pair = Colorway { a: photo_of(&row.a), b: photo_of(&row.b), article_type, article };
        // The listing names a few photos that are held out elsewhere.
        if !pair.a.exists() || !pair.b.exists() {
            continue;
        }
        index.side(key, COLORWAY_VALIDATION).colorways.push(pair);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_that_share_a_pair_share_a_key() {
        let keys = colorway_keys([("9", "100"), ("100", "30"), ("7", "8")]);
        assert_eq!(keys["9"], "colorways/9");
        assert_eq!(keys["30"], "colorways/9");
        assert_eq!(keys["8"], "colorways/7");
    }
}
