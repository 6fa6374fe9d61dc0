//! One sample from each kind of source.

use std::path::Path;

use pixels::SrgbImage;

use super::background::{self, pick};
use super::index::{FlatLay, Index, Items, Studio};
use super::labels::Article;
use super::warp::{Canvas, Labelled, Outside, Shadow, View, box_blur};
use super::{Known, Mix, cutout, hints, photometric, read_photo};
use crate::segmenter::{Class, ClassSet};
use crate::stream::Stream;
use crate::{Error, Result};

/// How often a class is drawn among packshots and cut-outs; any positive scale.
const CLASS_WEIGHTS: [(Class, f32); 8] = [
    (Class::Upper, 3.5),
    (Class::Lower, 2.0),
    (Class::Outer, 1.2),
    (Class::Full, 0.8),
    (Class::Footwear, 1.6),
    (Class::Bag, 1.0),
    (Class::Headwear, 0.7),
    (Class::Accessory, 1.0),
];

/// Where samples come from, and their size.
pub struct Source<'a> {
    /// The items.
    pub index: &'a Index,
    /// What is known of the photos besides their labels.
    pub known: Known<'a>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl Source<'_> {
    /// Draws one sample; a photo that turns out unusable is replaced by the next draw.
    ///
    /// # Errors
    /// When no usable photo comes up in 20 draws, with the last reason.
    pub fn sample(&self, mix: &Mix, stream: &mut Stream) -> Result<Canvas> {
        let weights =
            [mix.street, mix.street_cutout, mix.packshot, mix.model, mix.colorway, mix.composite, mix.flat_lay];
        let items = &self.index.train;
        let mut last = Error::Input("no training data".into());
        for _ in 0..20 {
            let drawn = match choose(&weights, stream) {
                0 => self.street(items, stream),
                1 => self.street_cutout(items, stream),
                2 => self.studio(&items.packshots, true, stream),
                3 => self.studio(&items.models, false, stream),
                4 => self.colorway(items, stream),
                5 => self.composite(items, stream),
                _ => self.flat_lay(items, stream),
            };
            match drawn {
                Ok(mut canvas) => {
                    photometric::camera(&mut canvas, stream);
                    return Ok(canvas);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A cut-out of the validation side on a background that was not trained on either.
    ///
    /// # Errors
    /// As [`Source::sample`].
    pub fn validation_composite(&self, stream: &mut Stream) -> Result<Canvas> {
        let mut last = Error::Input("no validation data".into());
        for _ in 0..20 {
            match self.composite(&self.index.validation, stream) {
                Ok(mut canvas) => {
                    photometric::camera(&mut canvas, stream);
                    return Ok(canvas);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn street(&self, items: &Items, stream: &mut Stream) -> Result<Canvas> {
        let source = self.read_street(items, stream)?;
        let view = self.person_view(&source, stream, true);
        Ok(Canvas::view(&source, &view, Outside::Unknown, self.width, self.height))
    }

    fn street_cutout(&self, items: &Items, stream: &mut Stream) -> Result<Canvas> {
        let source = self.read_street(items, stream)?;
        let view = self.person_view(&source, stream, false);
        let (w, h) = size_of(&source);
        let mut alpha = cutout::alpha(&source);
        box_blur(&mut alpha, w, h, 1);
        let mut canvas = if stream.chance(0.7) {
            background::backdrop(stream, self.width, self.height)
        } else {
            background::draw(items, stream, self.width, self.height)?
        };
        canvas.paste(&source, &alpha, &view, None);
        Ok(canvas)
    }

    fn read_street(&self, items: &Items, stream: &mut Stream) -> Result<Labelled> {
        let item = pick(&items.street, stream, "street photos")?;
        labelled_street(self.index, item)
    }

    /// Whole figures, half figures, and details around a worn pixel.
    fn person_view(&self, source: &Labelled, stream: &mut Stream, inside: bool) -> View {
        let (w, h) = size_of(source);
        let worn: Vec<usize> =
            (0..w * h).step_by(7).filter(|&i| super::is_garment(source.sets[i]) == Some(true)).collect();
        let at = worn.get(stream.below(worn.len())).copied().unwrap_or(h / 2 * w + w / 2);
        let fit = (w as f32 / self.width as f32).min(h as f32 / self.height as f32);
        let zoom = if stream.chance(0.35) { stream.uniform(0.8, 1.0) } else { stream.uniform(0.3, 0.8) };
        let scale = if inside { fit * zoom } else { fit * zoom * 1.15 };
        let reach = (self.width as f32 * scale / 2.0, self.height as f32 * scale / 2.0);
        let jitter = |v: f32, reach: f32, stream: &mut Stream| v + reach * stream.uniform(-0.6, 0.6);
        let mut center = (jitter((at % w) as f32, reach.0, stream), jitter((at / w) as f32, reach.1, stream));
        if inside {
            center.0 = center.0.clamp(reach.0.min(w as f32 / 2.0), (w as f32 - reach.0).max(w as f32 / 2.0));
            center.1 = center.1.clamp(reach.1.min(h as f32 / 2.0), (h as f32 - reach.1).max(h as f32 / 2.0));
        }
        View { center, scale, turn: 0.05 * stream.normal(), mirror: stream.chance(0.5) }
    }

    fn studio(&self, photos: &[Studio], by_class: bool, stream: &mut Stream) -> Result<Canvas> {
        let item = if by_class { pick_by_class(photos, stream)? } else { pick(photos, stream, "studio photos")? };
        let image = read_photo(&item.photo)?;
        let found = cutout::studio(&image).ok_or_else(|| no_backdrop(&item.photo))?;
        let source = if item.worn {
            cutout::model(image, &found, item.article, self.known.refined)
        } else {
            cutout::packshot(image, &found, item.article)
        };
        Ok(self.show_studio(&source, stream))
    }

    fn show_studio(&self, source: &Labelled, stream: &mut Stream) -> Canvas {
        let (w, h) = size_of(source);
        let fit = (w as f32 / self.width as f32).max(h as f32 / self.height as f32);
        let scale = fit * if stream.chance(0.5) { stream.uniform(0.85, 1.15) } else { stream.uniform(0.5, 1.3) };
        let slack = |n: usize, out: usize, stream: &mut Stream| {
            let room = ((n as f32 - out as f32 * scale) / 2.0).abs() + 0.05 * n as f32;
            n as f32 / 2.0 + stream.uniform(-room, room)
        };
        let center = (slack(w, self.width, stream), slack(h, self.height, stream));
        let view = View { center, scale, turn: 0.06 * stream.normal(), mirror: stream.chance(0.5) };
        let touches = source.sets[..w].iter().chain(&source.sets[(h - 1) * w..]).any(|s| *s != ClassSet::BACKGROUND);
        let outside = if touches { Outside::Unknown } else { Outside::Backdrop };
        Canvas::view(source, &view, outside, self.width, self.height)
    }

    fn colorway(&self, items: &Items, stream: &mut Stream) -> Result<Canvas> {
        let pair = pick(&items.colorways, stream, "colourway pairs")?;
        let (mut a, mut b) = (read_photo(&pair.a)?, read_photo(&pair.b)?);
        if stream.chance(0.5) {
            std::mem::swap(&mut a, &mut b);
        }
        let changed = cutout::changed_area(&a, &b).ok_or_else(|| no_backdrop(&pair.b))?;
        let found = cutout::studio(&a).ok_or_else(|| no_backdrop(&pair.a))?;
        Ok(self.show_studio(&cutout::colorway(a, &found, &changed, pair.article, self.known.refined), stream))
    }

    fn composite(&self, items: &Items, stream: &mut Stream) -> Result<Canvas> {
        let mut source = if self.known.pseudo.is_some() && stream.chance(0.4) {
            let item = pick(&items.flat_lays, stream, "flat-lay photos")?;
            self.read_pseudo(item)?.ok_or_else(|| no_backdrop(&item.photo))?
        } else {
            let item = pick_by_class(&items.packshots, stream)?;
            let image = read_photo(&item.photo)?;
            let found = cutout::studio(&image).ok_or_else(|| no_backdrop(&item.photo))?;
            // What is enclosed and looks like the backdrop, a gap or a white print, lets the new background through.
            cutout::packshot(image, &found, Article { has_holes: true, ..item.article })
        };
        let alpha = cutout::alpha(&source);
        if self.known.refined {
            cutout::decontaminate(&mut source);
        }
        let canvas = background::draw(items, stream, self.width, self.height)?;
        if stream.chance(0.35) {
            photometric::dye(&mut source.image, &alpha, stream);
        }
        Ok(self.lay(canvas, &source, &alpha, stream))
    }

    /// Lays a cut-out on a background, under one light.
    fn lay(&self, mut canvas: Canvas, source: &Labelled, alpha: &[f32], stream: &mut Stream) -> Canvas {
        let (w, h) = size_of(source);
        let (x0, y0, x1, y1) = bounds(alpha, w, h);
        let (bw, bh) = ((x1 - x0) as f32, (y1 - y0) as f32);
        let turn = if stream.chance(0.2) { stream.uniform(-3.2, 3.2) } else { 0.12 * stream.normal() };
        let upright = turn.cos().abs() > 0.7;
        let (tw, th) = if upright { (bw, bh) } else { (bh, bw) };
        let fill = stream.uniform(0.45, 1.05);
        let scale = (tw / self.width as f32).max(th / self.height as f32) / fill;
        let room = 0.5 * (1.0 - fill).abs() + 0.06;
        let off = |n: usize, stream: &mut Stream| n as f32 * scale * stream.uniform(-room, room);
        let center =
            ((x0 + x1) as f32 / 2.0 + off(self.width, stream), (y0 + y1) as f32 / 2.0 + off(self.height, stream));
        let view = View { center, scale, turn, mirror: stream.chance(0.5) };
        let shadow = stream.chance(0.6).then(|| Shadow {
            offset: (stream.below(7) as i32 - 3, stream.below(7) as i32 - 2),
            radius: 1 + stream.below(5),
            strength: stream.uniform(0.1, 0.6),
        });
        canvas.paste(source, alpha, &view, shadow);
        let strength = stream.uniform(0.0, 0.5);
        photometric::light(&mut canvas, stream, strength);
        canvas
    }

    fn flat_lay(&self, items: &Items, stream: &mut Stream) -> Result<Canvas> {
        let item = pick(&items.flat_lays, stream, "flat-lay photos")?;
        let source = if let Some(source) = self.read_pseudo(item)? {
            source
        } else {
            let image = read_photo(&item.photo)?;
            let garment = item.garment.unwrap_or(ClassSet::GARMENT);
            let either = ClassSet::BACKGROUND.or(garment);
            let sets = if self.known.hints {
                hints::flat_lay(&image, garment)
            } else {
                vec![either; image.width_px() as usize * image.height_px() as usize]
            };
            Labelled { image, sets }
        };
        let (w, h) = size_of(&source);
        let fit = (w as f32 / self.width as f32).min(h as f32 / self.height as f32);
        let scale = fit * stream.uniform(0.75, 1.05);
        let center = (w as f32 * stream.uniform(0.45, 0.55), h as f32 * stream.uniform(0.45, 0.55));
        let view = View { center, scale, turn: 0.08 * stream.normal(), mirror: stream.chance(0.5) };
        Ok(Canvas::view(&source, &view, Outside::Unknown, self.width, self.height))
    }

    fn read_pseudo(&self, item: &FlatLay) -> Result<Option<Labelled>> {
        let (Some(folder), Some(stem)) = (self.known.pseudo, item.photo.file_stem()) else { return Ok(None) };
        let path = folder.join(stem).with_extension("png");
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let mask = pixels::decode_mask(&bytes, &pixels::Limits::default())?;
        let image = read_photo(&item.photo)?;
        mask.check_size(image.width_px(), image.height_px())?;
        let garment = item.garment.unwrap_or(ClassSet::GARMENT);
        let known = |&value: &u8| match value {
            0..=50 => ClassSet::BACKGROUND,
            205..=255 => garment,
            _ => ClassSet::BACKGROUND.or(garment),
        };
        Ok(Some(Labelled { sets: mask.data().iter().map(known).collect(), image }))
    }
}

/// A street photo with the sets of its mask.
///
/// # Errors
/// When a file cannot be read or the sizes differ.
pub fn labelled_street(index: &Index, item: &super::index::Street) -> Result<Labelled> {
    let image = read_photo(&item.photo)?;
    let bytes = std::fs::read(&item.mask).map_err(Error::io(&item.mask))?;
    let mask = pixels::decode_mask(&bytes, &pixels::Limits::default())?;
    mask.check_size(image.width_px(), image.height_px())?;
    let set = |&value: &u8| index.street_labels.get(value as usize).copied().unwrap_or(ClassSet::ANY);
    Ok(Labelled { sets: mask.data().iter().map(set).collect(), image })
}

fn no_backdrop(path: &Path) -> Error {
    Error::Data { path: path.to_owned(), reason: "no even backdrop".into() }
}

fn size_of(source: &Labelled) -> (usize, usize) {
    let image: &SrgbImage = &source.image;
    (image.width_px() as usize, image.height_px() as usize)
}

fn bounds(alpha: &[f32], w: usize, h: usize) -> (usize, usize, usize, usize) {
    let (mut x0, mut y0, mut x1, mut y1) = (w, h, 0, 0);
    for (i, _) in alpha.iter().enumerate().filter(|(_, a)| **a > 0.5) {
        (x0, x1) = (x0.min(i % w), x1.max(i % w + 1));
        (y0, y1) = (y0.min(i / w), y1.max(i / w + 1));
    }
    if x1 > x0 { (x0, y0, x1, y1) } else { (0, 0, w, h) }
}

fn choose(weights: &[f32], stream: &mut Stream) -> usize {
    let mut left = stream.unit() * weights.iter().sum::<f32>();
    weights
        .iter()
        .position(|weight| {
            left -= weight;
            left < 0.0
        })
        .unwrap_or(weights.len() - 1)
}

fn pick_by_class<'a>(photos: &'a [Studio], stream: &mut Stream) -> Result<&'a Studio> {
    let (class, _) = CLASS_WEIGHTS[choose(&CLASS_WEIGHTS.map(|(_, weight)| weight), stream)];
    let of_class: Vec<&Studio> = photos.iter().filter(|photo| photo.article.garment.has(class)).collect();
    of_class
        .get(stream.below(of_class.len()))
        .copied()
        .ok_or_else(|| Error::Input(format!("no packshots of class {}", class.name())))
}
