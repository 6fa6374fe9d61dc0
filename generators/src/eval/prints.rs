//! `rangrez eval prints`: can a judge tell a garment that was cut from a printed cloth from the photo of a printed one?
//!
//! Every printed garment of the catalogue lends a piece of its cloth to a plain garment of the same article and gender, at
//! the scale that it has on its own, so that prints, colours and articles are the same in both classes. Crops alone would
//! not do: what is pasted is a piece of a photo, and only the whole garment shows that its folds are another's. Plain
//! garments are cut otherwise than printed ones, though, which a judge sees in their outlines alone; so printed garments
//! are also compared with themselves in their own cloth. Figures come from products that the refiner never saw and that no
//! constant was chosen on; the others are for choosing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pixels::{Mask, SrgbImage};
use serde::Serialize;

mod methods;

use self::methods::{FILLED, Item, METHODS, Networks, item};
use super::program::Program;
use super::told::whole::{self, Seen};
use super::told::{self, Role, Row};
use super::workers;
use crate::shading::view::View;
use crate::stream::split_fraction;
use crate::train::pattern::Named;
use crate::train::refiner::data::REPORT;
use crate::train::shading::garments::{Cloth, Garment, StyleRow, catalogue, cloth_of};
use crate::{Error, Result};

/// Articles whose cloth is printed all over when their title says so.
const ARTICLES: [&str; 8] = ["Shirts", "Kurtas", "Kurtis", "Tops", "Tunics", "Dresses", "Skirts", "Sweaters"];
/// A side of the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To choose constants on: the refiner learnt from them.
    Tune,
    /// For the figures.
    Report,
}

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `studio/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
    /// Which products.
    pub part: Part,
    /// Threads, one set of models each.
    pub threads: usize,
    /// Draw the pairs: printed photo, plain photo, ours, pasted, multiplied.
    pub sheet: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How halves were chosen and judged.
    pub protocol: String,
    /// One table per way of choosing garments and cloths.
    pub tables: Vec<Table>,
}

/// How often a judge told each method's garments from real ones.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Which garments are in which cloth.
    pub name: &'static str,
    /// Printed garments.
    pub pairs: usize,
    /// One row per method.
    pub rows: Vec<Row>,
    /// Whether the first is nearer to one half than pasting and multiplying.
    pub nearer_than_every_baseline: bool,
}

/// Names of the tables.
pub const TABLES: [&str; 2] = ["plain garments in the cloth of printed ones", "printed garments in their own cloth"];
/// Methods of each table, as places in [`METHODS`], with what they are there.
const COMPARED: [&[(usize, Role)]; 2] = [
    &[
        (0, Role::Model),
        (1, Role::Variation),
        (2, Role::Variation),
        (3, Role::Baseline),
        (4, Role::Baseline),
        (FILLED, Role::Sanity),
    ],
    &[(0, Role::Model), (1, Role::Variation), (2, Role::Variation), (3, Role::Baseline), (4, Role::Baseline)],
];
/// Pairs on the sheet, of each table.
const SHOWN: usize = 24;

/// A photo with its article cut out.
struct Found {
    title: String,
    /// Article and gender.
    kind: [String; 2],
    photo: SrgbImage,
    mask: Mask,
    cloth: Cloth,
}

/// Measures; also the rows of the sheet: printed photo, photo in its cloth by each method.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<(Report, Option<SrgbImage>)> {
    // What is missing is missed before the photos are gone through.
    let mut networks: Vec<Networks> =
        (0..options.threads.max(1)).map(|_| Networks::load(&options.weights)).collect::<Result<_>>()?;
    let mut programs = Program::load_some(&options.weights, options.threads)?;
    let rows = listed(&options.data, options.part)?;
    let images = options.data.join("studio/images");
    let found: Vec<Found> = workers::each(&rows, &mut programs, |program, row| garment(program, &images, row))?
        .into_iter()
        .flatten()
        .collect();
    drop(programs);
    let own = found.iter().filter(|one| is_printed(one)).map(|one| [one, one]).collect();
    let (mut tables, mut shown) = (Vec::new(), Vec::new());
    for ((name, compared), pairs) in TABLES.into_iter().zip(COMPARED).zip([pairs(&found), own]) {
        let made = workers::each(&pairs, &mut networks, |networks, pair| item(networks, *pair))?;
        let (items, pictures): (Vec<Item>, Vec<Vec<SrgbImage>>) = made.into_iter().flatten().unzip();
        if items.is_empty() {
            let reason = format!("has no garments for: {name}");
            return Err(Error::Data { path: options.data.clone(), reason });
        }
        tables.push(table(name, compared, &items)?);
        shown.extend(pictures.into_iter().take(SHOWN));
    }
    let sheet = options.sheet.then(|| super::solids::sheet::sheet(&shown)).transpose()?;
    let protocol =
        "halves by a hash of the product; a linear classifier on the judge's features of the whole garment".into();
    Ok((Report { protocol, tables }, sheet))
}

/// What the judge tells of some methods, and of real garments among themselves.
fn table(name: &'static str, compared: &[(usize, Role)], items: &[Item]) -> Result<Table> {
    let mut told =
        compared.iter().map(|(method, _)| whole::judged(&classes(items, *method))).collect::<Result<Vec<_>>>()?;
    told.push(whole::judged(&real_classes(items))?);
    let mut methods: Vec<(&'static str, Role)> =
        compared.iter().map(|(method, role)| (METHODS[*method], *role)).collect();
    methods.push(("real against real", Role::Sanity));
    let rows = told::table(&told, &methods);
    Ok(Table { name, pairs: items.len(), nearer_than_every_baseline: told::nearer_than_every_baseline(&rows), rows })
}

/// The real garments and a method's.
fn classes<'a>(items: &'a [Item], method: usize) -> Vec<Seen<'a>> {
    let both = |(group, item): (usize, &'a Item)| {
        let real = if method == FILLED { &item.real_filled } else { &item.real };
        [(real, false), (&item.made[method], true)].map(|(features, second)| Seen { features, second, group })
    };
    items.iter().enumerate().flat_map(both).collect()
}

/// Real garments in two classes that mean nothing.
fn real_classes<'a>(items: &'a [Item]) -> Vec<Seen<'a>> {
    let seen = |(group, item): (usize, &'a Item)| Seen { features: &item.real, second: group / 2 % 2 == 0, group };
    items.iter().enumerate().map(seen).collect()
}

/// Catalogue photos of the articles on one side, one per product.
fn listed(data: &Path, part: Part) -> Result<Vec<StyleRow>> {
    let mut products: BTreeMap<String, StyleRow> = BTreeMap::new();
    for row in catalogue(data)?.into_iter().filter(|row| ARTICLES.contains(&row.article_type.as_str())) {
        let side = if split_fraction(&row.key()) < REPORT { Part::Report } else { Part::Tune };
        if side == part {
            products.entry(row.name.clone()).or_insert(row);
        }
    }
    Ok(products.into_values().collect())
}

fn garment(program: &Program, images: &Path, row: &StyleRow) -> Result<Option<Found>> {
    let path = images.join(format!("{}.jpg", row.id));
    if !path.is_file() {
        return Ok(None);
    }
    let found = program.find(&path)?;
    let Some(View { image, mask, .. }) = View::new(&found.photo, &found.mask)? else { return Ok(None) };
    let cloth = cloth_of(&Garment { key: row.name.clone(), image, mask });
    let kind = [row.article_type.clone(), row.gender.clone()];
    Ok(Some(Found { title: row.name.clone(), kind, photo: found.photo, mask: found.mask, cloth }))
}

/// Whether a garment is printed all over, by its title and by its cloth.
fn is_printed(one: &Found) -> bool {
    one.cloth == Cloth::Printed && Named::of(&one.title) == Named::Patterned
}

/// Printed garments, each with a plain one of the same kind that no other has; the order depends on names alone.
fn pairs<'a>(found: &'a [Found]) -> Vec<[&'a Found; 2]> {
    let mut printed: Vec<&Found> = found.iter().filter(|one| is_printed(one)).collect();
    let mut plain: Vec<&Found> =
        found.iter().filter(|one| one.cloth == Cloth::Plain && Named::of(&one.title) != Named::Patterned).collect();
    for list in [&mut printed, &mut plain] {
        list.sort_by(|a, b| split_fraction(&a.title).total_cmp(&split_fraction(&b.title)));
    }
    let partner = |one: &'a Found| {
        let at = plain.iter().position(|other| other.kind == one.kind)?;
        Some([one, plain.remove(at)])
    };
    printed.into_iter().filter_map(partner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(title: &str, article: &str, cloth: Cloth) -> Found {
        let (photo, mask) = (SrgbImage::filled(4, 4, [9; 3]), Mask::filled(4, 4, 255));
        let kind = [article.to_owned(), "Women".to_owned()];
        Found { title: title.to_owned(), kind, photo, mask, cloth }
    }

    #[test]
    fn a_print_is_laid_on_one_plain_garment_of_its_kind_that_no_other_has() {
        let all = [
            found("A Printed Kurta", "Kurtas", Cloth::Printed),
            found("A Striped Kurta", "Kurtas", Cloth::Printed),
            found("Checks on a Kurta", "Kurtas", Cloth::Printed),
            // Neither what the title calls plain nor what only looks printed.
            found("A Kurta", "Kurtas", Cloth::Printed),
            found("A Checked Kurta in White", "Kurtas", Cloth::Plain),
            found("A Red Kurta", "Kurtas", Cloth::Plain),
            found("A Blue Kurta", "Kurtas", Cloth::Plain),
            found("A Blue Shirt", "Shirts", Cloth::Plain),
        ];
        let titles = |found: &[Found]| -> Vec<[String; 2]> {
            pairs(found).into_iter().map(|pair| pair.map(|one| one.title.clone())).collect()
        };
        let made = titles(&all);
        assert_eq!(made.len(), 2, "{made:?}");
        let plain: Vec<&str> = made.iter().map(|[_, plain]| plain.as_str()).collect();
        assert!(plain.contains(&"A Red Kurta") && plain.contains(&"A Blue Kurta"), "{plain:?}");
        let named = |title: &str| ["A Printed Kurta", "A Striped Kurta", "Checks on a Kurta"].contains(&title);
        assert!(made.iter().all(|[printed, _]| named(printed)), "{made:?}");
        let mut backwards = all;
        backwards.reverse();
        assert_eq!(titles(&backwards), made);
    }

    #[test]
    fn each_method_is_told_from_the_same_real_garments_and_outlines_from_outlines() {
        let item = |v: f32| Item { real: vec![v], real_filled: vec![-v], made: vec![vec![v + 0.5]; METHODS.len()] };
        let items: Vec<Item> = (1..5).map(|i| item(i as f32)).collect();
        let of = |seen: &[Seen], second: bool| -> Vec<f32> {
            seen.iter().filter(|seen| seen.second == second).map(|seen| seen.features[0]).collect()
        };
        let seen = classes(&items, 0);
        assert_eq!((of(&seen, false), of(&seen, true)), (vec![1.0, 2.0, 3.0, 4.0], vec![1.5, 2.5, 3.5, 4.5]));
        assert_eq!(of(&classes(&items, FILLED), false), vec![-1.0, -2.0, -3.0, -4.0]);
        let real = real_classes(&items);
        assert_eq!((real.len(), real.iter().filter(|seen| seen.second).count()), (4, 2));
        assert!(real.iter().all(|seen| seen.features[0].fract() == 0.0));
        assert!(COMPARED.iter().flat_map(|table| table.iter()).all(|(method, _)| *method < METHODS.len()));
    }
}
