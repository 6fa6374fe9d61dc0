//! One picture to all its sizes in one pass over its rows.
//!
//! Every size is made from the smallest one at least twice as large, else from the picture. Rows flow down this tree: as
//! soon as a level has the rows that a smaller one's next row is made of, that row is summed (down, then across), stored,
//! and handed on, in `f32` light all the way. So a level is never more than a few rows, which stay in the processor's cache.

mod flow;
mod kernels;
mod plan;
mod planes;
mod taps;

pub(crate) use planes::{Plane, cascade_planes};

use flow::{Buffer, Flow};
use plan::{Grid, Level};
use taps::CHANNELS;

use crate::pool;
use crate::{Error, Mask, Result, Srgb16Image, SrgbImage};

/// One size of a picture: which part of it, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Part of the picture, in pixels: left, top, width, height.
    pub crop: (u32, u32, u32, u32),
    /// Size that the part is brought to, in pixels.
    pub size: (u32, u32),
}

/// What is averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Light {
    /// Light: a black-and-white weave becomes the grey that the eye sees from afar.
    #[default]
    Linear,
    /// sRGB codes, as most programs do: a weave becomes too dark.
    Codes,
}

/// The picture that sizes are made from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// 8 bits per channel.
    Eight(&'a SrgbImage),
    /// 16 bits per channel; sizes keep them.
    Sixteen(&'a Srgb16Image),
}

/// A picture in one size.
#[derive(Clone, Debug)]
pub struct Resized {
    /// The picture, its colours straight where there is alpha.
    pub image: SrgbImage,
    /// The picture with all its bits, if the source has 16.
    pub deep: Option<Srgb16Image>,
    /// Its alpha, if the source has some.
    pub alpha: Option<Mask>,
}

impl Resized {
    /// Gives the pixels' memory back for the next picture of this thread.
    pub fn recycle(self) {
        self.image.recycle();
    }
}

impl Source<'_> {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Eight(image) => (image.width_px(), image.height_px()),
            Self::Sixteen(image) => (image.width_px(), image.height_px()),
        }
    }
}

/// Makes all sizes of a picture: Lanczos (3 lobes) down, Catmull-Rom up, colours weighted by alpha. A cut of its own size is
/// copied byte for byte.
///
/// Sizes come in the order of `cuts`. The bytes are the same on every processor.
///
/// # Errors
/// [`Error::Resize`] when a side is 0 or a crop sticks out; [`Error::SizeMismatch`] when `alpha` has another size.
///
/// # Examples
/// ```
/// use pixels::{Cut, Light, Source, SrgbImage};
/// let master = SrgbImage::filled(640, 480, [90, 10, 20]);
/// let cuts = [320, 160].map(|width| Cut { crop: (0, 0, 640, 480), size: (width, width * 3 / 4) });
/// let sizes = pixels::cascade(Source::Eight(&master), None, &cuts, Light::Linear)?;
/// assert_eq!((sizes[1].image.height_px(), sizes[1].image.pixel(5, 5)), (120, [90, 10, 20]));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn cascade(source: Source<'_>, alpha: Option<&Mask>, cuts: &[Cut], light: Light) -> Result<Vec<Resized>> {
    let whole = source.size();
    if let Some(alpha) = alpha {
        alpha.check_size(whole.0, whole.1)?;
    }
    for cut in cuts {
        check(whole, cut)?;
    }
    let mut run = Run::new(source, alpha, cuts, light)?;
    run.flow();
    run.finish()
}

fn check(from: (u32, u32), cut: &Cut) -> Result<()> {
    let (left, top, width, height) = cut.crop;
    let fail = |reason: &str| {
        let reason = reason.to_owned();
        let (to_width, to_height) = cut.size;
        Err(Error::Resize { from_width: from.0, from_height: from.1, to_width, to_height, reason })
    };
    if width == 0 || height == 0 || cut.size.0 == 0 || cut.size.1 == 0 {
        return fail("a picture has at least one pixel");
    }
    let inside = |start: u32, length: u32, side: u32| start.checked_add(length).is_some_and(|end| end <= side);
    if !inside(left, width, from.0) || !inside(top, height, from.1) {
        return fail("the part to cut out is not inside the picture");
    }
    Ok(())
}

/// Pixels of one size as they are stored; nothing for a step in between.
struct Store {
    width: usize,
    codes: Vec<u8>,
    deep: Vec<u16>,
    alphas: Vec<u8>,
}

impl Store {
    /// Stores row `y` of numbers; `straight` has room for as many.
    fn keep(&mut self, y: usize, row: &[f32], linear: bool, straight: &mut [f32]) {
        let width = self.width;
        if width == 0 {
            return;
        }
        let mut row = &row[..width * CHANNELS];
        if !self.alphas.is_empty() {
            let straight = &mut straight[..width * CHANNELS];
            straight.copy_from_slice(row);
            kernels::straighten(straight, &mut self.alphas[y * width..][..width]);
            row = straight;
        }
        let codes = &mut self.codes[y * width * 3..][..width * 3];
        if linear {
            kernels::store_linear(row, codes);
        } else {
            kernels::store_shares(row, codes);
        }
        if !self.deep.is_empty() {
            kernels::store_deep(row, linear, &mut self.deep[y * width * 3..][..width * 3]);
        }
    }
}

/// Row `y` of the picture as numbers, its colours weighted by its alpha.
fn load(source: Source<'_>, alpha: Option<&Mask>, linear: bool, y: usize, row: &mut [f32]) {
    let width = source.size().0 as usize;
    match source {
        Source::Eight(image) => {
            let codes = &image.data()[y * width * 3..][..width * 3];
            if linear { kernels::load_linear(codes, row) } else { kernels::load_shares(codes, row) }
        }
        Source::Sixteen(image) => {
            let table: &[f32] = if linear { &kernels::LINEAR16 } else { &[] };
            kernels::load_deep_row(&image.data()[y * width * 3..][..width * 3], table, row);
        }
    }
    if let Some(alpha) = alpha {
        kernels::premultiply(&alpha.data()[y * width..][..width], row);
    }
}

/// The state of one pass.
struct Run<'a> {
    source: Source<'a>,
    alpha: Option<&'a Mask>,
    light: Light,
    cuts: &'a [Cut],
    /// Finished sizes: those that are copies.
    sizes: Vec<Option<Resized>>,
    flow: Flow,
    stores: Vec<Store>,
    /// Colours of a row divided by their alpha.
    straight: Buffer,
}

impl<'a> Run<'a> {
    fn new(source: Source<'a>, alpha: Option<&'a Mask>, cuts: &'a [Cut], light: Light) -> Result<Self> {
        let mut sizes = Vec::with_capacity(cuts.len());
        for cut in cuts {
            let same = (cut.crop.2, cut.crop.3) == cut.size;
            sizes.push(if same { Some(copy(source, alpha, cut)?) } else { None });
        }
        let wanted = cuts.iter().enumerate().filter(|(i, _)| sizes[*i].is_none()).map(|(i, &cut)| (i, cut));
        let levels = plan::levels(wanted.collect(), Grid::PIXELS);
        let stores = levels.iter().map(|level| store(level, source, alpha.is_some())).collect();
        let widest = levels.iter().map(|level| level.size.0).max().unwrap_or(0);
        let (straight, flow) = (Buffer::new(widest as usize * CHANNELS), Flow::new(source.size().0, CHANNELS, levels));
        Ok(Self { source, alpha, light, cuts, sizes, flow, stores, straight })
    }

    /// Sends every row of the picture that somebody reads down the tree.
    fn flow(&mut self) {
        let (source, alpha, linear) = (self.source, self.alpha, self.light == Light::Linear);
        let (stores, straight) = (&mut self.stores, &mut self.straight);
        let load = |y: usize, row: &mut [f32]| load(source, alpha, linear, y, row);
        self.flow.run(load, &mut |index, y, row| stores[index].keep(y, row, linear, straight.get_mut()));
    }

    fn finish(mut self) -> Result<Vec<Resized>> {
        for (level, store) in self.flow.levels().iter().zip(std::mem::take(&mut self.stores)) {
            let Some(output) = level.output else { continue };
            let (width, height) = level.size;
            let deep = match self.source {
                Source::Eight(_) => None,
                Source::Sixteen(_) => Some(Srgb16Image::new(width, height, store.deep)?),
            };
            // With 16 bits, the 8-bit picture is theirs, rounded.
            let image = match &deep {
                Some(deep) => deep.to_srgb8(),
                None => SrgbImage::new(width, height, store.codes)?,
            };
            let alpha = if self.alpha.is_some() { Some(Mask::new(width, height, store.alphas)?) } else { None };
            self.sizes[output] = Some(Resized { image, deep, alpha });
        }
        // Equal cuts were made once.
        let mut made = std::mem::take(&mut self.sizes);
        for i in 0..made.len() {
            let twin = self.cuts.iter().position(|cut| *cut == self.cuts[i]).unwrap_or(i);
            if made[i].is_none() && twin < i {
                let equal = made[twin].clone();
                made[i] = equal;
            }
        }
        made.into_iter().zip(self.cuts).map(|(size, cut)| size.ok_or_else(|| nothing(cut))).collect()
    }
}

fn nothing(cut: &Cut) -> Error {
    let ((_, _, from_width, from_height), (to_width, to_height)) = (cut.crop, cut.size);
    Error::Resize { from_width, from_height, to_width, to_height, reason: "it was not made".to_owned() }
}

fn store(level: &Level, source: Source<'_>, alpha: bool) -> Store {
    let pixels = if level.output.is_some() { level.size.0 as usize * level.size.1 as usize } else { 0 };
    let deep = matches!(source, Source::Sixteen(_));
    Store {
        width: if level.output.is_some() { level.size.0 as usize } else { 0 },
        codes: pool::bytes(pixels * 3),
        deep: if deep { vec![0; pixels * 3] } else { Vec::new() },
        alphas: if alpha { vec![0; pixels] } else { Vec::new() },
    }
}

/// The part itself, for a cut that keeps its size.
fn copy(source: Source<'_>, alpha: Option<&Mask>, cut: &Cut) -> Result<Resized> {
    let (width, height) = cut.size;
    let row = source.size().0;
    let alpha = match alpha {
        Some(alpha) => Some(Mask::new(width, height, part::<1, u8>(alpha.data(), row, cut))?),
        None => None,
    };
    let (image, deep) = match source {
        Source::Eight(image) => (SrgbImage::new(width, height, part::<3, u8>(image.data(), row, cut))?, None),
        Source::Sixteen(image) => {
            let deep = Srgb16Image::new(width, height, part::<3, u16>(image.data(), row, cut))?;
            (deep.to_srgb8(), Some(deep))
        }
    };
    Ok(Resized { image, deep, alpha })
}

fn part<const N: usize, T: Copy>(data: &[T], row_px: u32, cut: &Cut) -> Vec<T> {
    let (left, top, width, height) = cut.crop;
    let (row, from, length) = (row_px as usize * N, left as usize * N, width as usize * N);
    let rows = data.chunks_exact(row.max(1)).skip(top as usize).take(height as usize);
    rows.flat_map(|line| &line[from..from + length]).copied().collect()
}

#[cfg(test)]
mod tests;
