//! `rangrez eval realism`: can a classifier that never saw training tell recoloured cloth from photographs of cloth of that
//! colour? An accuracy of one half means that it cannot.
//!
//! Half of the held-out products train the judge, the other half are shown to it, then the halves are swapped. For each
//! photograph of a product in colour B there is the photograph in colour A dyed to B, so that colours, cuts and cloths are
//! the same in both classes; the judge is told which colour was asked for. Both go through the same compression, and the
//! judge sees the main cloth alone: no edge, no backdrop, no print.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pixels::SrgbImage;
use pixels::color::Lab;
use serde::Serialize;

use super::colorway_baselines::Baseline;
use super::colorway_pairs::{ColorwayPair, Part, load};
use super::colorway_view::Protocol;
use super::program::{Generator, Program};
use super::told::crops::{Crops, places};
use super::told::{self, Item, Role, Row};
use super::workers;
use crate::stream::split_fraction;
use crate::{Error, Result};

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// The pairs: CSV with the two image ids.
    pub pairs: PathBuf,
    /// Folder of the images, ID.jpg.
    pub images: PathBuf,
    /// Which of them: what is not held out is for tuning alone, since the network has seen it.
    pub part: Part,
    /// Weights folder.
    pub weights: PathBuf,
    /// Threads, one libtorch thread each.
    pub threads: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How halves and crops were chosen.
    pub protocol: String,
    /// Directions (a photograph and its counterpart dyed to it).
    pub directions: usize,
    /// Groups of products that share photos.
    pub groups: usize,
    /// One row per method.
    pub rows: Vec<Row>,
    /// Whether the analytic base is nearer to one half than every baseline.
    pub nearer_than_every_baseline: bool,
}

/// A way to make the second class.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Ours(Generator),
    Dumb(Baseline),
    Flat,
    RealAgain,
}

const METHODS: [(Method, Role); 10] = [
    (Method::Ours(Generator::Base), Role::Model),
    (Method::Ours(Generator::Network), Role::Variation),
    (Method::Dumb(Baseline::SpreadMatchedCurve), Role::Baseline),
    (Method::Dumb(Baseline::LabMeanShift), Role::Baseline),
    (Method::Dumb(Baseline::Reinhard), Role::Baseline),
    (Method::Dumb(Baseline::AlbedoRatio), Role::Baseline),
    (Method::Dumb(Baseline::FittedQuadratic), Role::Floor),
    (Method::RealAgain, Role::Sanity),
    (Method::Dumb(Baseline::LeaveAsIs), Role::Sanity),
    (Method::Flat, Role::Sanity),
];

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours(Generator::Network) => "recolour network",
            Self::Ours(Generator::Base) => "analytic base",
            Self::Dumb(baseline) => baseline.name(),
            Self::Flat => "flat colour",
            Self::RealAgain => "real against real",
        }
    }
}

/// Measures every method.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let set = load(&options.pairs, &options.images, options.part)?;
    let mut programs = Program::load_some(&options.weights, options.threads)?;
    let groups = numbered(&set.pairs);
    let asked: Vec<(&ColorwayPair, usize)> = set.pairs.iter().flat_map(|pair| [(pair, 0), (pair, 1)]).collect();
    let directions = workers::each(&asked, &mut programs, |program, &(pair, from)| {
        direction(program, pair, from, groups[&*pair.group])
    })?;
    let directions: Vec<Item> = directions.into_iter().flatten().collect();
    if directions.is_empty() {
        let reason = "holds no pair with enough cloth to judge".into();
        return Err(Error::Data { path: options.pairs.clone(), reason });
    }
    let rows = told::rows(&directions, &METHODS.map(|(method, role)| (method.name(), role)), options.threads)?;
    Ok(Report {
        protocol: format!("{} of the pairs; {}", options.part.name(), told::protocol()),
        directions: directions.len(),
        groups: directions.iter().map(|d| d.group).collect::<std::collections::BTreeSet<_>>().len(),
        nearer_than_every_baseline: told::nearer_than_every_baseline(&rows),
        rows,
    })
}

/// A number for every group, in an order that depends on nothing but their names: even ones are one half.
fn numbered(pairs: &[ColorwayPair]) -> BTreeMap<&str, usize> {
    let mut names: Vec<&str> = pairs.iter().map(|pair| &*pair.group).collect();
    names.sort_by(|a, b| split_fraction(&format!("judge {a}")).total_cmp(&split_fraction(&format!("judge {b}"))));
    names.dedup();
    names.into_iter().enumerate().map(|(i, name)| (name, i)).collect()
}

/// Crops of one direction; `None` when the cloth is too small.
fn direction(program: &Program, pair: &ColorwayPair, from: usize, group: usize) -> Result<Option<Item>> {
    let to = 1 - from;
    let (Some(own), Some(other)) = (pair.view(Protocol::Plain, from), pair.view(Protocol::Plain, to)) else {
        return Ok(None);
    };
    let target = own.target();
    let (here, there) = (places(&own.region, &pair.ids[from]), places(&other.region, &pair.ids[to]));
    if here.is_empty() || there.is_empty() {
        return Ok(None);
    }
    let photo = &pair.images[from];
    let mask = program.mask(photo)?.united(&own.region)?;
    let made = METHODS.map(|(method, _)| -> Result<Option<Crops>> {
        let picture = match method {
            Method::Ours(generator) => {
                let dyed = program.dye_within(generator, photo, &mask, &[target])?;
                dyed.into_iter().next().map(|dyed| dyed.image)
            }
            Method::Dumb(baseline) => Some(baseline.dye(photo, &pair.labs[from], own, &mask)),
            Method::Flat => Some(flat(photo, target)),
            Method::RealAgain => None,
        };
        picture.map(|picture| Crops::cut(&picture, &own.region, target, &here)).transpose()
    });
    Ok(Some(Item {
        group,
        second: (split_fraction(&format!("second {}", pair.ids[0])) < 0.5) == (from == 0),
        real: Crops::cut(&pair.images[to], &other.region, target, &there)?,
        made: made.into_iter().collect::<Result<_>>()?,
    }))
}

fn flat(photo: &SrgbImage, color: Lab) -> SrgbImage {
    SrgbImage::filled(photo.width_px(), photo.height_px(), color.to_srgb8())
}
