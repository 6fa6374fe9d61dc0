//! What is asked for, the same for every photo of a run, made from its recipe.

use std::path::Path;

use pixels::{Format, Mask, decode_mask};

use crate::cli::{GateMode, LayersFormat, SizeArg, sizes};
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::recipe::{Finder, InputFile, Recipe, RecipeRegion};

use super::catalog_photos::CatalogPhotos;
use super::checks::Checks;
use super::encoding::Depth;
use super::layers;
use super::masked::Choice;
use super::out_dir::OutDir;
use super::photo::Photos;
use super::sizes::Profile;
use super::style::Style;
use super::variants::{self, Variant};
use super::{mask_name, region_mask_name, variant_name};

/// What is asked for.
#[derive(Debug)]
pub struct Order {
    /// What is dyed; earlier regions take cloth before later ones, named ones before `auto`.
    pub regions: Vec<Choice>,
    /// How.
    pub variants: Vec<Variant>,
    /// What happens to rejected variants.
    pub gate: GateMode,
    /// The certified share of false accepts whose thresholds count.
    pub false_accept: Option<f64>,
    /// Real photos to show beside the variants.
    pub catalog: Option<CatalogPhotos>,
    /// Sizes and formats.
    pub profile: Profile,
    /// Where the files go.
    pub out: OutDir,
    /// Layers for an image editor.
    pub layers: Option<LayersFormat>,
    /// Share of the cloth's light that what lies beside it catches; `None` leaves everything outside the mask alone.
    pub bounce: Option<f32>,
    /// Share of the recolour network's correction over the analytic dye.
    pub network: f32,
    /// What variants are checked against.
    pub checks: Checks,
}

impl Order {
    /// Checks and gathers what a recipe asks for, before anything is made. `extra` are files written besides the pictures.
    ///
    /// # Errors
    /// Usage errors: colours, sizes, masks, or output files that are in the way.
    pub fn plan(
        recipe: &Recipe,
        inputs: &Finder,
        found: &Photos,
        dir: &Path,
        force: bool,
        extra: &[&str],
    ) -> Result<Self> {
        let variants = if recipe.styles.is_empty() {
            variants::plan(&recipe.regions)?
        } else {
            let styles = recipe.styles.iter().map(|style| Style::load(style, inputs)).collect::<Result<_>>()?;
            variants::styled(styles, &recipe.regions)?
        };
        let regions = recipe.regions.iter().map(|region| choice(region, inputs, found)).collect::<Result<Vec<_>>>()?;
        let size = |text: &String| sizes::size(text).map_err(Failure::usage);
        let sizes: Vec<SizeArg> = recipe.sizes.iter().map(size).collect::<Result<_>>()?;
        let formats: &[Format] = &recipe.formats;
        let profile = Profile::new(&sizes, formats, recipe.quality).encoded(&recipe.encoding);
        if profile.depth() == Depth::Sixteen && !recipe.styles.is_empty() {
            return Err(Failure::usage("--depth 16 is for colours: fabrics and looks are made in 8 bits"));
        }
        let names = planned(recipe, found, &variants, &profile, extra);
        let out = OutDir::plan(dir, force, &names, &found.photos)?;
        Ok(Self {
            regions,
            variants,
            gate: recipe.gate,
            false_accept: recipe.false_accept,
            catalog: None,
            profile,
            out,
            layers: recipe.layers,
            bounce: recipe.bounce,
            network: recipe.network.unwrap_or_default(),
            checks: Checks::default(),
        })
    }

    /// Every file that the run may write.
    pub fn files(&self, recipe: &Recipe, found: &Photos, extra: &[&str]) -> Vec<String> {
        planned(recipe, found, &self.variants, &self.profile, extra)
    }
}

fn planned(recipe: &Recipe, found: &Photos, variants: &[Variant], profile: &Profile, extra: &[&str]) -> Vec<String> {
    let (regions, slugs) = (&recipe.regions, variants.iter().map(|v| v.slug.as_str()).collect::<Vec<_>>());
    let of_photo = |stem: &str| {
        let layers = recipe.layers.map(|format| layers::names(format, stem, &slugs)).unwrap_or_default();
        let variants = variants.iter().map(|variant| variant_name(stem, &variant.slug));
        let files = variants.flat_map(|base| profile.names(&base).collect::<Vec<_>>());
        // The region that auto means is known once the photo has been looked at; it is planned under its title.
        let parts = regions.iter().enumerate().map(|(i, region)| region_mask_name(stem, i, region.title()));
        let parts = parts.filter(|_| regions.len() > 1);
        std::iter::once(mask_name(stem)).chain(parts).chain(files).chain(layers).collect::<Vec<_>>()
    };
    let extra = extra.iter().map(|&name| name.to_owned());
    found.photos.iter().flat_map(|photo| of_photo(&photo.stem)).chain(extra).collect()
}

fn choice(region: &RecipeRegion, inputs: &Finder, found: &Photos) -> Result<Choice> {
    match &region.mask {
        None => Ok(Choice::Region(region.name)),
        Some(file) => Ok(Choice::Given(given_mask(&inputs.find(file)?, found)?)),
    }
}

/// The mask file, which belongs to one photo.
fn given_mask(path: &Path, found: &Photos) -> Result<Mask> {
    if found.photos.len() + found.unreadable.len() != 1 {
        let n = found.photos.len();
        return Err(Failure::usage(format!("--mask belongs to one photo, {n} are given: run them one by one")));
    }
    let named = |error: anyhow::Error| error.context(format!("mask {}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| named(error.into())).or_exit(Exit::Usage)?;
    decode_mask(&bytes, &pixels::Limits::default()).map_err(|error| named(error.into())).or_exit(Exit::Usage)
}

/// Fills in the checksums of mask files that have none, so that a replay finds the same.
///
/// # Errors
/// A usage error when a mask cannot be read.
pub fn seal_masks(regions: &mut [RecipeRegion], inputs: &Finder) -> Result<()> {
    for file in regions.iter_mut().filter_map(|region| region.mask.as_mut()) {
        seal(file, inputs)?;
    }
    Ok(())
}

fn seal(file: &mut InputFile, inputs: &Finder) -> Result<()> {
    let bytes = std::fs::read(inputs.find(file)?).or_exit(Exit::Usage)?;
    file.sha256 = Some(generators::checkpoint::sha256_hex(&bytes));
    Ok(())
}
