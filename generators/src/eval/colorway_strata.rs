//! The named hard cases of recolouring, told by the colours of a pair and by the shop's own words for the product.

use std::collections::HashMap;
use std::path::Path;

use pixels::color::Lab;
use serde::Serialize;

use crate::{Error, Result};

/// A hard case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stratum {
    /// Everything.
    All,
    /// More than 25 L* up.
    DarkToLight,
    /// More than 25 L* down.
    LightToDark,
    /// To L* over 78 with chroma under 12.
    ToWhite,
    /// To L* under 22 with chroma under 12.
    ToBlack,
    /// To chroma over 45.
    ToSaturated,
    /// From chroma over 45.
    FromSaturated,
    /// Denim and jeans.
    Denim,
    /// Sweaters, sweatshirts, knitwear.
    Knit,
    /// Leather and other specular cloth: bags, wallets, belts, shoes, jackets of leather, satin, silk.
    Specular,
    /// Sheer cloth: chiffon, georgette, net, lace, scarves, dupattas.
    Sheer,
    /// Melange and heather yarns.
    Melange,
    /// Prints, stripes and checks, by name or since the main cloth is under 70% of what differs.
    Print,
}

/// What the shop says of a photo's product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Article type, lower case.
    pub article: String,
    /// Display name, lower case.
    pub name: String,
}

/// What decides a direction's strata.
#[derive(Clone, Copy, Debug)]
pub struct Direction<'a> {
    /// Median of the cloth that is dyed.
    pub source: Lab,
    /// Median of the real one.
    pub target: Lab,
    /// Share of the differing pixels that show the main cloth, 0 to 1.
    pub plain_share: f64,
    /// What the shop says, if it does.
    pub product: Option<&'a Product>,
}

impl Stratum {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::All,
        Self::DarkToLight,
        Self::LightToDark,
        Self::ToWhite,
        Self::ToBlack,
        Self::ToSaturated,
        Self::FromSaturated,
        Self::Denim,
        Self::Knit,
        Self::Specular,
        Self::Sheer,
        Self::Melange,
        Self::Print,
    ];

    /// Whether a direction belongs to it.
    pub fn holds(self, direction: Direction) -> bool {
        let Direction { source, target, plain_share, product } = direction;
        let said = |articles: &[&str], words: &[&str]| {
            product.is_some_and(|p| {
                articles.iter().any(|a| p.article.contains(a)) || words.iter().any(|w| p.name.contains(w))
            })
        };
        match self {
            Self::All => true,
            Self::DarkToLight => target.l - source.l > 25.0,
            Self::LightToDark => source.l - target.l > 25.0,
            Self::ToWhite => target.l > 78.0 && target.chroma() < 12.0,
            Self::ToBlack => target.l < 22.0 && target.chroma() < 12.0,
            Self::ToSaturated => target.chroma() > 45.0,
            Self::FromSaturated => source.chroma() > 45.0,
            Self::Denim => said(&["jeans"], &["denim"]),
            Self::Knit => said(&["sweater", "sweatshirt"], &["knit", "cardigan", "pullover"]),
            Self::Specular => said(
                &["wallet", "handbag", "belt", "shoe", "clutch", "sandal", "heels", "flats"],
                &["leather", "satin", "silk", "patent", "metallic"],
            ),
            Self::Sheer => said(&["dupatta", "scarves", "stole"], &["chiffon", "georgette", " net ", "lace", "sheer"]),
            Self::Melange => said(&[], &["melange", "heather"]),
            Self::Print => plain_share < 0.7 || said(&[], &["print", "stripe", "check", "plaid", "graphic"]),
        }
    }
}

/// Reads a shop's `styles.csv`: products by photo id.
///
/// # Errors
/// [`Error::Data`] when it cannot be read or lacks a column.
pub fn products(path: &Path) -> Result<HashMap<String, Product>> {
    #[derive(serde::Deserialize)]
    struct Row {
        id: String,
        #[serde(rename = "articleType")]
        article: String,
        #[serde(rename = "productDisplayName")]
        name: String,
    }
    let bad = |error: csv::Error| Error::Data { path: path.to_owned(), reason: error.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(bad)?;
    let product = |row: std::result::Result<Row, csv::Error>| {
        let row = row.map_err(bad)?;
        Ok((row.id, Product { article: row.article.to_lowercase(), name: row.name.to_lowercase() }))
    };
    reader.deserialize().map(product).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(source: Lab, target: Lab, product: Option<&Product>) -> Vec<Stratum> {
        let of = Direction { source, target, plain_share: 0.9, product };
        Stratum::ALL.into_iter().filter(|s| s.holds(of)).collect()
    }

    #[test]
    fn colours_decide() {
        let (navy, cream) = (Lab::new(20.0, 5.0, -20.0), Lab::new(85.0, 0.0, 10.0));
        assert_eq!(direction(navy, cream, None), [Stratum::All, Stratum::DarkToLight, Stratum::ToWhite]);
        assert_eq!(direction(cream, navy, None), [Stratum::All, Stratum::LightToDark]);
    }

    #[test]
    fn the_shops_words_decide() {
        let jeans = Product { article: "jeans".into(), name: "washed denim".into() };
        let grey = Lab::new(50.0, 0.0, 0.0);
        assert_eq!(direction(grey, grey, Some(&jeans)), [Stratum::All, Stratum::Denim]);
    }
}
