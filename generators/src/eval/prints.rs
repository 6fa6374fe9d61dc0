//! `rangrez eval prints`: can a judge tell a plain garment that was cut from a printed cloth from the photo of a printed one?
//!
//! Every printed garment of the catalogue lends a piece of its cloth to a plain garment of the same article and gender, at
//! the scale that it has on its own, so that prints, colours and articles are the same in both classes. On plain cloth the
//! program's light is analytic, so that no product needs to be held out but from the judge. Crops alone would not do: what is
//! pasted is a piece of a photo, and only the whole garment shows that its folds are another's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pixels::fabric::{MakeTile, Placing, Repeat, Restyle, Tile};
use pixels::{Format, Limits, Mask, SrgbImage, decode, encode};
use serde::Serialize;

use super::fabric::measure::{cut, largest_square};
use super::fabric::{in_even_light, multiplied};
use super::program::Program;
use super::told::whole::{self, Seen};
use super::told::{self, Role, Row};
use super::workers;
use crate::backbone::Backbone;
use crate::shading::{self, ShadeNet, view::View};
use crate::stream::split_fraction;
use crate::train::shading::garments::{Cloth, Garment, StyleRow, catalogue, cloth_of};
use crate::{Error, Result, judge};

/// Articles whose cloth is printed all over when their title says so.
const ARTICLES: [&str; 8] = ["Shirts", "Kurtas", "Kurtis", "Tops", "Tunics", "Dresses", "Skirts", "Sweaters"];
/// Words that name an all-over print.
const PRINTS: [&str; 12] = [
    "printed", "print", "check", "checks", "checked", "stripe", "stripes", "striped", "floral", "paisley", "polka",
    "plaid",
];
/// Least side of a piece of cloth that a swatch is made of, in pixels.
const LEAST_SWATCH: usize = 36;
/// How much smaller and larger the plain garment may be in its photo, so that its print is about as sharp as the other's.
const LEAST_SCALE: f32 = 0.6;
const MOST_SCALE: f32 = 1.7;

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `studio/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
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
    /// Printed garments, each with a plain one in its cloth.
    pub pairs: usize,
    /// One row per method.
    pub rows: Vec<Row>,
    /// Whether ours is nearer to one half than pasting and multiplying.
    pub nearer_than_every_baseline: bool,
}

const METHODS: [(&str, Role); 5] = [
    ("ours", Role::Model),
    ("ours in even light", Role::Base),
    ("pasted flat", Role::Baseline),
    ("multiplied", Role::Baseline),
    ("real against real", Role::Sanity),
];
/// Pairs on the sheet.
const SHOWN: usize = 24;
/// Quality of the compression that all pictures go through.
const QUALITY: u8 = 92;

/// Features of a printed garment, and of a plain one in its cloth by every method but the last.
struct Item {
    real: Vec<f32>,
    made: Vec<Vec<f32>>,
}

/// A photo with its article cut out.
struct Found {
    title: String,
    /// Article and gender.
    kind: [String; 2],
    photo: SrgbImage,
    mask: Mask,
    cloth: Cloth,
}

/// Measures; also the rows of the sheet.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<(Report, Option<SrgbImage>)> {
    let mut programs = Program::load_some(&options.weights, options.threads)?;
    let rows = listed(&options.data)?;
    let images = options.data.join("studio/images");
    let found: Vec<Found> = workers::each(&rows, &mut programs, |program, row| garment(program, &images, row))?
        .into_iter()
        .flatten()
        .collect();
    drop(programs);
    let pairs = pairs(&found);
    if pairs.is_empty() {
        let reason = "has no printed garments with plain ones of the same kind".into();
        return Err(Error::Data { path: options.data.clone(), reason });
    }
    let load = |_| Ok((ShadeNet::load(&options.weights)?, judge::load()?));
    let mut networks = (0..options.threads.max(1)).map(load).collect::<Result<Vec<_>>>()?;
    let made = workers::each(&pairs, &mut networks, |(network, judge), pair| item(network, judge, *pair))?;
    let (items, pictures): (Vec<Item>, Vec<Vec<SrgbImage>>) = made.into_iter().flatten().unzip();
    let sheet =
        options.sheet.then(|| super::solids::sheet::sheet(&pictures[..pictures.len().min(SHOWN)])).transpose()?;
    let told = (0..METHODS.len()).map(|method| whole::judged(&classes(&items, method))).collect::<Result<Vec<_>>>()?;
    let rows = told::table(&told, &METHODS);
    let report = Report {
        protocol: "halves by a hash of the product; a linear classifier on the judge's features of the whole garment"
            .into(),
        pairs: items.len(),
        nearer_than_every_baseline: told::nearer_than_every_baseline(&rows),
        rows,
    };
    Ok((report, sheet))
}

/// The real garments and a method's, or real ones of two classes.
fn classes(items: &[Item], method: usize) -> Vec<Seen<'_>> {
    let mut seen = Vec::new();
    for (group, item) in items.iter().enumerate() {
        let made = item.made.get(method);
        let second = made.is_none() && group / 2 % 2 == 0;
        seen.push(Seen { features: &item.real, second, group });
        seen.extend(made.map(|features| Seen { features, second: true, group }));
    }
    seen
}

/// Catalogue photos of the articles, one per product.
fn listed(data: &Path) -> Result<Vec<StyleRow>> {
    let mut products: BTreeMap<String, StyleRow> = BTreeMap::new();
    for row in catalogue(data)?.into_iter().filter(|row| ARTICLES.contains(&row.article_type.as_str())) {
        products.entry(row.name.clone()).or_insert(row);
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

/// Printed garments, each with a plain one of the same kind that no other has; the order depends on names alone.
fn pairs(found: &[Found]) -> Vec<[&Found; 2]> {
    let named = |one: &&Found| one.title.split_whitespace().any(|w| PRINTS.contains(&w.to_lowercase().as_str()));
    let mut printed: Vec<&Found> = found.iter().filter(|f| f.cloth == Cloth::Printed && named(f)).collect();
    let mut plain: Vec<&Found> = found.iter().filter(|f| f.cloth == Cloth::Plain && !named(f)).collect();
    for list in [&mut printed, &mut plain] {
        list.sort_by(|a, b| split_fraction(&a.title).total_cmp(&split_fraction(&b.title)));
    }
    let partner = |one| {
        let at = plain.iter().position(|other: &&Found| other.kind == (one as &Found).kind)?;
        Some([one, plain.remove(at)])
    };
    printed.into_iter().filter_map(partner).collect()
}

/// Features of a pair, and its pictures; `None` when either has too little cloth.
fn item(network: &ShadeNet, judge: &Backbone, [printed, plain]: [&Found; 2]) -> Result<Option<(Item, Vec<SrgbImage>)>> {
    let Some(square) = largest_square(&printed.mask, LEAST_SWATCH) else { return Ok(None) };
    let swatch = cut(&printed.photo, square)?;
    let Ok(tile) = Tile::of_swatch(&swatch, &MakeTile::default()) else { return Ok(None) };
    let ours = shading::cut(network, &plain.photo, &plain.mask)?;
    let lender = Restyle::new(&printed.photo, &printed.mask)?;
    let scale = ours.placement().body_px / lender.placement().body_px.max(1.0);
    if !(LEAST_SCALE..=MOST_SCALE).contains(&scale) {
        return Ok(None);
    }
    let placing = Placing { repeat: Some(Repeat::Px(tile.repeat_px() * scale)), ..Placing::default() };
    let Ok(made) = ours.render(&tile, &placing, 1.0) else { return Ok(None) };
    let even = in_even_light(&plain.photo, &plain.mask)?.render(&tile, &placing, 1.0)?;
    let flat = pasted(&swatch, scale, &plain.photo, &plain.mask)?;
    let multiplied = within(&multiplied(&flat, &plain.photo)?, &plain.photo, &plain.mask);
    let features = |picture: &SrgbImage, mask: &Mask| {
        // Both classes are compressed once more, so that how a photo was stored tells nothing.
        let bytes = encode(picture, None, Format::Jpeg, QUALITY)?;
        whole::features(judge, &decode(&bytes, &Limits::default())?.image, mask)
    };
    let Some(real) = features(&printed.photo, &printed.mask)? else { return Ok(None) };
    let of_plain = [&made.image, &even.image, &flat, &multiplied].map(|picture| features(picture, &plain.mask));
    let made_features: Vec<Vec<f32>> =
        of_plain.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let pictures = vec![printed.photo.clone(), plain.photo.clone(), made.image, flat, multiplied];
    let complete = made_features.len() + 1 == METHODS.len();
    Ok(complete.then_some((Item { real, made: made_features }, pictures)))
}

/// The photo with copies of a swatch, side by side, where the mask is.
fn pasted(swatch: &SrgbImage, scale: f32, photo: &SrgbImage, mask: &Mask) -> Result<SrgbImage> {
    let side = |n: u32| ((n as f32 * scale).round() as u32).max(1);
    let piece = pixels::resize_linear(swatch, side(swatch.width_px()), side(swatch.height_px()))?;
    let mut cloth = photo.clone();
    let width = photo.width_px();
    for (i, pixel) in cloth.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        pixel.copy_from_slice(&piece.pixel(x % piece.width_px(), y % piece.height_px()));
    }
    Ok(within(&cloth, photo, mask))
}

/// The picture inside the mask, the photo outside, mixed as codes.
fn within(picture: &SrgbImage, photo: &SrgbImage, mask: &Mask) -> SrgbImage {
    let mut out = photo.clone();
    let pixels = out.data_mut().chunks_exact_mut(3).zip(picture.data().chunks_exact(3)).zip(mask.data());
    for ((own, new), &alpha) in pixels {
        for (code, &new) in own.iter_mut().zip(new) {
            let mixed = u32::from(*code) * u32::from(255 - alpha) + u32::from(new) * u32::from(alpha);
            *code = ((mixed + 127) / 255) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(title: &str, article: &str, cloth: Cloth) -> Found {
        let (photo, mask) = (SrgbImage::filled(4, 4, [9; 3]), Mask::filled(4, 4, 255));
        Found { title: title.to_owned(), kind: [article.to_owned(), "Women".to_owned()], photo, mask, cloth }
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
    fn pasted_cloth_repeats_at_its_scale_inside_the_mask_alone() {
        let swatch = SrgbImage::new(2, 1, vec![200, 0, 0, 0, 0, 200]).unwrap();
        let photo = SrgbImage::filled(8, 2, [90, 90, 90]);
        let mut mask = Mask::filled(8, 2, 255);
        mask.data_mut()[..8].fill(0);
        mask.data_mut()[8] = 51;
        let out = pasted(&swatch, 1.0, &photo, &mask).unwrap();
        assert_eq!(out.data()[..24], photo.data()[..24]);
        // A fifth of the cloth, mixed as codes.
        assert_eq!(out.pixel(0, 1), [112, 72, 72]);
        let row: Vec<[u8; 3]> = (1..8).map(|x| out.pixel(x, 1)).collect();
        let (red, blue) = ([200, 0, 0], [0, 0, 200]);
        assert_eq!(row, [blue, red, blue, red, blue, red, blue]);
        let twice = pasted(&swatch, 2.0, &photo, &Mask::filled(8, 2, 255)).unwrap();
        assert_eq!(twice.pixel(0, 0), twice.pixel(4, 0));
        assert_ne!(twice.pixel(0, 0), twice.pixel(2, 0));
    }

    #[test]
    fn each_method_is_told_from_the_same_real_garments() {
        let item = |v: f32| Item { real: vec![v], made: vec![vec![v + 0.5]; METHODS.len() - 1] };
        let items: Vec<Item> = (0..4).map(|i| item(i as f32)).collect();
        let seen = classes(&items, 0);
        let of = |second: bool| -> Vec<f32> {
            seen.iter().filter(|seen| seen.second == second).map(|seen| seen.features[0]).collect()
        };
        assert_eq!((of(false), of(true)), (vec![0.0, 1.0, 2.0, 3.0], vec![0.5, 1.5, 2.5, 3.5]));
        let real = classes(&items, METHODS.len() - 1);
        assert_eq!((real.len(), real.iter().filter(|seen| seen.second).count()), (4, 2));
        assert!(real.iter().all(|seen| seen.features[0].fract() == 0.0));
    }
}
