//! Layered output, `--layers`: the photo, its mask, and each variant as a layer with alpha.

use pixels::{Format, Mask, SrgbImage, TiffPages, encode, encode_mask_png, layer_over};

use crate::cli::LayersFormat;
use crate::exit::{Exit, OrExit, Result};

use super::out_dir::OutDir;

/// Name of the photo's own layer, which no swatch has since slugs don't begin with a digit and a dot.
const SOURCE: &str = "0.source";
/// Name of the mask's.
const MASK: &str = "1.mask";

/// The layers of one photo in the making.
#[derive(Debug)]
pub struct Layers {
    stem: String,
    pages: Option<TiffPages>,
}

/// The files that a photo's layers become.
pub fn names(format: LayersFormat, stem: &str, slugs: &[&str]) -> Vec<String> {
    match format {
        LayersFormat::Tiff => vec![format!("{stem}.layers.tif")],
        LayersFormat::Png => [SOURCE, MASK].iter().chain(slugs).map(|name| png_name(stem, name)).collect(),
    }
}

fn png_name(stem: &str, name: &str) -> String {
    format!("{stem}.layers/{name}.png")
}

impl Layers {
    /// Begins with the photo and its mask.
    ///
    /// # Errors
    /// An input failure when they can't be encoded or written.
    pub fn begin(
        format: LayersFormat,
        stem: &str,
        image: &SrgbImage,
        alpha: Option<&Mask>,
        mask: &Mask,
        out: &OutDir,
    ) -> Result<Self> {
        let mut pages = None;
        match format {
            LayersFormat::Png => {
                let source = encode(image, alpha, Format::Png, 100).or_exit(Exit::Input)?;
                out.write(&png_name(stem, SOURCE), &source)?;
                out.write(&png_name(stem, MASK), &encode_mask_png(mask).or_exit(Exit::Input)?)?;
            }
            LayersFormat::Tiff => {
                let mut tiff = TiffPages::new().or_exit(Exit::Input)?;
                tiff.add("source", image, alpha).or_exit(Exit::Input)?;
                tiff.add_mask("mask", mask).or_exit(Exit::Input)?;
                pages = Some(tiff);
            }
        }
        Ok(Self { stem: stem.to_owned(), pages })
    }

    /// Adds a variant.
    ///
    /// # Errors
    /// An input failure when it can't be encoded or written.
    pub fn add(
        &mut self,
        slug: &str,
        source: &SrgbImage,
        variant: &SrgbImage,
        mask: &Mask,
        out: &OutDir,
    ) -> Result<()> {
        let (layer, alpha) = layer_over(source, variant, mask).or_exit(Exit::Input)?;
        if let Some(pages) = &mut self.pages {
            return pages.add(slug, &layer, Some(&alpha)).or_exit(Exit::Input);
        }
        let bytes = encode(&layer, Some(&alpha), Format::Png, 100).or_exit(Exit::Input)?;
        out.write(&png_name(&self.stem, slug), &bytes)
    }

    /// Writes what has been kept back: all pages of a TIFF at once.
    ///
    /// # Errors
    /// An input failure when it can't be written.
    pub fn finish(self, out: &OutDir) -> Result<()> {
        match self.pages {
            Some(pages) => out.write(&format!("{}.layers.tif", self.stem), &pages.finish()),
            None => Ok(()),
        }
    }
}
