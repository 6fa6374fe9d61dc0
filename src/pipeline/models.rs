//! The models of one worker. Tensors can't be shared between threads, so each worker loads its own.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use generators::backbone;
use generators::card::Card;
use generators::checkpoint::{card_path, sha256_hex};
use generators::embedding::{self, Embedder, Point};
use generators::gate::{self, Classification, Gate};
use generators::look::{Look, Looker, looker};
use generators::pattern;
use generators::recolor::{self, Recolorer};
use generators::refiner::{self, Refiner};
use generators::region::Region;
use generators::seam;
use generators::segmenter::{self, Segmenter};
use generators::shading;
use generators::style::painter::{Counted, Statistics};
use generators::style::{self, Painter};
use generators::tailor::Tailor;
use generators::taxonomy;
use pixels::fabric::{Restyle, Tile};
use pixels::guided_filter::Plane;
use pixels::{Mask, SrgbImage};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::report::WeightsFile;

use super::style::{Style, StyleKind};
use super::variants::Variant;

/// Names of the weights files that every run needs, without ending.
pub const NAMES: [&str; 4] = [backbone::NAME, segmenter::NAME, recolor::NAME, gate::NAME];

/// What finds the garment and says what it is.
pub struct Finder {
    /// Embeds photos.
    pub embedder: Embedder,
    /// Finds garments.
    pub segmenter: Segmenter,
    /// Classifies and judges.
    pub gate: Gate,
}

/// What says what a photo is of.
pub struct Viewer {
    embedder: Embedder,
    gate: Gate,
}

impl Viewer {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        let (embedder, gate) = Embedder::load_with_gate(weights).or_exit(Exit::Weights)?;
        Ok(Self { embedder, gate })
    }

    /// The features that a photo is classified by.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn features(&self, photo: &SrgbImage) -> generators::Result<Vec<f32>> {
        seam::floats_of(&self.embedder.for_gate(photo)?)
    }

    /// What a photo of these features is of.
    ///
    /// # Errors
    /// When they are not 1280 finite numbers.
    pub fn say(&self, features: &[f32]) -> generators::Result<Classification> {
        self.gate.classify(&embedding::point(features))
    }
}

/// All models.
pub struct Models {
    /// What finds the garment and says what it is.
    pub finder: Finder,
    /// Corrects the analytic dye.
    pub recolorer: Recolorer,
    weights: PathBuf,
    /// Tells light from cloth, once a fabric is asked for.
    tailor: OnceCell<Tailor>,
    /// Changes the light on fabrics, once that is asked for.
    refiner: OnceCell<Refiner>,
    /// Embeddings of fabrics, by the checksums of their files.
    fabrics: RefCell<BTreeMap<String, Point>>,
    /// Finds looks, once one is asked for.
    looker: OnceCell<Looker>,
    /// The looks of references, by the checksums of their files.
    looks: RefCell<BTreeMap<String, Look>>,
    /// Paints, once that is asked for.
    painter: OnceCell<Painter>,
    /// What painted pictures are to be like, by the checksums of the references' files.
    paintings: RefCell<BTreeMap<String, Statistics>>,
}

impl Finder {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        let (embedder, gate) = Embedder::load_with_gate(weights).or_exit(Exit::Weights)?;
        Ok(Self { embedder, segmenter: Segmenter::load(weights).or_exit(Exit::Weights)?, gate })
    }

    /// Says what a photo of any size is of; see [`Gate::classify_worn`].
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn classify(
        &self,
        photo: &SrgbImage,
        found_in: impl Fn(Region) -> Region,
    ) -> generators::Result<Classification> {
        self.gate.classify_worn(&self.embedder.for_gate(photo)?, found_in)
    }

    /// What the gate sees of pictures of any sizes, in one batch.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn looks(&self, pictures: &[&SrgbImage]) -> generators::Result<Vec<gate::Look>> {
        self.embedder.looks(pictures)
    }
}

impl Models {
    /// Loads the models from the weights folder.
    ///
    /// # Errors
    /// A weights failure (exit code 4).
    pub fn load(weights: &Path) -> Result<Self> {
        Ok(Self {
            finder: Finder::load(weights)?,
            recolorer: Recolorer::load(weights).or_exit(Exit::Weights)?,
            weights: weights.to_owned(),
            tailor: OnceCell::new(),
            refiner: OnceCell::new(),
            fabrics: RefCell::default(),
            looker: OnceCell::new(),
            looks: RefCell::default(),
            painter: OnceCell::new(),
            paintings: RefCell::default(),
        })
    }

    /// A garment ready to be cut from other cloths, in the light that lies on it; `patterned` is how surely its own cloth has
    /// a pattern, where that is known.
    ///
    /// # Errors
    /// A weights failure (exit code 4), an input failure when libtorch refuses.
    pub fn cut<'a>(&self, photo: &'a SrgbImage, mask: &'a Mask, patterned: Option<f32>) -> Result<Restyle<'a>> {
        let tailor = loaded(&self.tailor, || Tailor::load(&self.weights))?;
        match patterned {
            None => tailor.cut(&self.finder.embedder, photo, mask),
            Some(patterned) => tailor.cut_known(photo, mask, patterned),
        }
        .or_exit(Exit::Input)
    }

    /// By how much the light on a garment in its new cloth is to change; `sha256` is that of the swatch's file.
    ///
    /// # Errors
    /// A weights failure (exit code 4), an input failure when libtorch refuses.
    pub fn refined_light(
        &self,
        (sha256, tile): (&str, &Tile),
        restyle: &Restyle,
        made: &SrgbImage,
        mask: &Mask,
    ) -> Result<Option<Plane>> {
        let refiner = loaded(&self.refiner, || Refiner::load(&self.weights))?;
        if !self.fabrics.borrow().contains_key(sha256) {
            let embedding = self.finder.embedder.general(&tile.to_srgb()).or_exit(Exit::Input)?;
            self.fabrics.borrow_mut().insert(sha256.to_owned(), embedding);
        }
        let fabrics = self.fabrics.borrow();
        let swatch = fabrics.get(sha256).ok_or_else(|| Failure::input("the swatch has no embedding"))?;
        refiner.light(restyle, made, mask, swatch).or_exit(Exit::Input)
    }

    /// The look of a reference picture; `sha256` is that of its file.
    ///
    /// # Errors
    /// A weights failure (exit code 4), an input failure when libtorch refuses.
    pub fn look(&self, sha256: &str, reference: &SrgbImage) -> Result<Look> {
        if let Some(known) = self.looks.borrow().get(sha256) {
            return Ok(known.clone());
        }
        let look = loaded(&self.looker, || Looker::load(&self.weights))?.look(reference).or_exit(Exit::Input)?;
        self.looks.borrow_mut().insert(sha256.to_owned(), look.clone());
        Ok(look)
    }

    /// What paints like a reference picture; `sha256` is that of its file.
    ///
    /// # Errors
    /// A weights failure (exit code 4), an input failure when libtorch refuses.
    pub fn painter(&self, sha256: &str, reference: &SrgbImage) -> Result<(&Painter, Statistics)> {
        let painter = loaded(&self.painter, || Painter::load(&self.weights))?;
        if let Some(known) = self.paintings.borrow().get(sha256) {
            return Ok((painter, known.clone()));
        }
        let statistics = painter.statistics(reference, Counted::Whole).or_exit(Exit::Input)?;
        self.paintings.borrow_mut().insert(sha256.to_owned(), statistics.clone());
        Ok((painter, statistics))
    }
}

/// The model in a cell, loaded if nobody has asked for it yet.
fn loaded<M>(cell: &OnceCell<M>, load: impl Fn() -> generators::Result<M>) -> Result<&M> {
    if cell.get().is_none() {
        drop(cell.set(load().or_exit(Exit::Weights)?));
    }
    cell.get().ok_or_else(|| Failure::new(Exit::Weights, "a model is not there"))
}

/// Loads one set of models per worker.
///
/// # Errors
/// As `load`.
pub fn per_worker<M>(n: usize, load: impl Fn() -> Result<M>) -> Result<Vec<M>> {
    (0..n).map(|_| load()).collect()
}

/// Names of the weights files that some variants need besides [`NAMES`]: a folder without them serves all others.
pub fn besides<'a>(variants: impl IntoIterator<Item = &'a Variant>) -> Vec<&'static str> {
    let of_style = |style: &Style| match style.kind {
        StyleKind::Fabric { refine: false, .. } => vec![shading::NAME, pattern::NAME],
        StyleKind::Fabric { refine: true, .. } => vec![shading::NAME, pattern::NAME, refiner::NAME],
        StyleKind::Look { painterly: false, .. } => vec![looker::NAME],
        StyleKind::Look { painterly: true, .. } => vec![style::NAME],
    };
    let styles = variants.into_iter().filter_map(|variant| variant.style.as_ref());
    let mut names: Vec<&'static str> = styles.flat_map(|style| of_style(style)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Checksums of all files in the weights folder that decide what is made, by name: weights, cards with their thresholds,
/// and the taxonomy. `besides` is what [`besides`] says.
///
/// # Errors
/// A weights failure (exit code 4).
pub fn checksums(weights: &Path, besides: &[&'static str]) -> Result<BTreeMap<String, String>> {
    let of = |path: &Path| {
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::new(Exit::Weights, format!("weights {}: {error}", path.display())))?;
        Ok(sha256_hex(&bytes))
    };
    let mut sums: BTreeMap<String, String> =
        files(weights, besides)?.into_iter().map(|file| (file.file, file.sha256)).collect();
    for name in NAMES.iter().chain(besides) {
        sums.insert(format!("{name}.card.json"), of(&card_path(weights, name))?);
    }
    sums.insert(taxonomy::FILE.to_owned(), of(&weights.join(taxonomy::FILE))?);
    Ok(sums)
}

/// The weights in the folder, with the checksums in their cards (which loading has compared with the files).
///
/// # Errors
/// A weights failure (exit code 4).
pub fn files(weights: &Path, besides: &[&'static str]) -> Result<Vec<WeightsFile>> {
    let entry = |name: &&str| {
        let card = Card::read(&card_path(weights, name), name).or_exit(Exit::Weights)?;
        Ok(WeightsFile { file: format!("{name}.safetensors"), sha256: card.sha256 })
    };
    NAMES.iter().chain(besides).map(entry).collect()
}
