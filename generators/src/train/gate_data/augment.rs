//! Pictures made from photos: simulated recolourings and framings that keep the article, and broken pictures that have none.

use std::fmt;
use std::path::Path;

use pixels::color::{Lab, LabImage};
use pixels::{Limits, SrgbImage, decode_mask, resize_linear};

use super::snapshot::snapshot;
use crate::stream::Stream;
use crate::{Error, Result};

/// What is made of a photo. Numbers tell draws of one recipe apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// The photo itself, both sides resized.
    Plain,
    /// The garment in a random colour.
    Recoloured(u32),
    /// Another framing, mirrored or not, and exposure; half of them recoloured too.
    Varied(u32),
    /// Up to a quarter darker or brighter, backdrop and all.
    Exposed(u32),
    /// As another camera may have seen it: see [`super::snapshot`].
    Snapshot(u32),
    /// A picture without a product, of a random kind: the kinds that training knows.
    Nothing(u32),
    /// A patch of a street photo that shows no clothes; makes nothing when there is none.
    Backdrop(u32),
    /// Blurred beyond recognition.
    Blurred,
    /// Uniform noise.
    Noise,
    /// The photo under strong noise.
    Noisy,
    /// Cut into n×n tiles that are shuffled.
    Shuffled(u32),
    /// Every row moved sideways at random. Training does not know this kind.
    Sheared,
    /// The lower two thirds lost to one colour, as after a broken download. Training does not know this kind.
    CutOff,
}

impl fmt::Display for Recipe {
    /// The name under which embeddings are cached: change it whenever the recipe changes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => write!(f, "plain"),
            Self::Recoloured(draw) => write!(f, "recoloured {draw}"),
            Self::Varied(draw) => write!(f, "varied {draw}"),
            Self::Exposed(draw) => write!(f, "exposed {draw}"),
            Self::Snapshot(draw) => write!(f, "snapshot {draw}"),
            Self::Nothing(draw) => write!(f, "nothing {draw}"),
            Self::Backdrop(draw) => write!(f, "backdrop {draw}"),
            Self::Blurred => write!(f, "blurred"),
            Self::Noise => write!(f, "noise"),
            Self::Noisy => write!(f, "noisy"),
            Self::Shuffled(grid) => write!(f, "shuffled {grid}x{grid}"),
            Self::Sheared => write!(f, "sheared"),
            Self::CutOff => write!(f, "cut off"),
        }
    }
}

impl Recipe {
    /// Makes the picture, `px` wide and high, or none where the photo does not lend itself.
    ///
    /// Draws depend on `content`, the checksum of the photo's bytes, and on the recipe alone.
    ///
    /// # Errors
    /// When a street photo has no readable mask beside it.
    pub fn make(&self, source: &SrgbImage, path: &Path, content: &[u8; 32], px: u32) -> Result<Option<SrgbImage>> {
        let seed = u64::from_le_bytes(*content.first_chunk().unwrap_or(&[0; 8]));
        let mut stream = Stream::new(seed, &self.to_string(), 0);
        let photo = resize_linear(source, px, px)?;
        let made = match *self {
            Self::Plain => photo,
            Self::Recoloured(_) => recolour(&photo, &mut stream),
            Self::Varied(_) => vary(&photo, &mut stream)?,
            Self::Snapshot(_) => snapshot(source, px, &mut stream)?,
            Self::Nothing(_) => nothing(&photo, &mut stream)?,
            Self::Backdrop(_) => return backdrop(source, path, px, &mut stream),
            Self::Exposed(_) => {
                let gain = stream.uniform(0.75, 1.25);
                each_byte(&photo, |code| code * gain)
            }
            Self::Blurred => coarsen(&photo, 12)?,
            Self::Noise => each_byte(&photo, |_| stream.below(256) as f32),
            Self::Noisy => each_byte(&photo, |code| code + 100.0 * stream.normal()),
            Self::Shuffled(grid) => shuffle(&photo, grid, &mut stream),
            Self::Sheared => shear(&photo, &mut stream),
            Self::CutOff => cut_off(&photo),
        };
        Ok(Some(made))
    }
}

/// Moves the garment's colours to a random one: shift to the target, texture kept at a random strength.
///
/// On a plain backdrop the garment is what differs from it, otherwise what resembles the middle of the picture.
pub fn recolour(photo: &SrgbImage, stream: &mut Stream) -> SrgbImage {
    let side = photo.width_px();
    let mut lab = LabImage::from_srgb(photo);
    let colours: Vec<Lab> = (0..(side * side) as usize).map(|i| lab.at(i)).collect();
    let border: Vec<Lab> = within(&colours, side, |x, y| x.min(y).min(side - 1 - x).min(side - 1 - y) < 4);
    let backdrop = median(&border);
    let plain = border.iter().filter(|c| distance(**c, backdrop) < 8.0).count() * 10 > border.len() * 7;
    let away = |colour: Lab| !plain || distance(colour, backdrop) > 8.0;
    let near = |at: u32| at.abs_diff(side / 2) < side / 5;
    let mut middle = within(&colours, side, |x, y| near(x) && near(y));
    if middle.iter().any(|c| away(*c)) {
        middle.retain(|c| away(*c));
    }
    let garment = median(&middle);
    let everything = plain && stream.chance(0.5);
    let code = |stream: &mut Stream| stream.below(256) as u8;
    let target = Lab::from_srgb8([code(stream), code(stream), code(stream)]);
    let (contrast, variety) = (stream.uniform(0.6, 1.1), stream.uniform(0.1, 0.7));
    for (colour, out) in colours.iter().zip(lab.data_mut().chunks_exact_mut(3)) {
        let weight = match (away(*colour), everything) {
            (false, _) => 0.0,
            (true, true) => 1.0,
            (true, false) => (-(distance(*colour, garment) / 30.0).powi(2)).exp(),
        };
        let moved = [
            (target.l + (colour.l - garment.l) * contrast).clamp(1.0, 99.0),
            target.a + (colour.a - garment.a) * variety,
            target.b + (colour.b - garment.b) * variety,
        ];
        for (value, moved) in out.iter_mut().zip(moved) {
            *value += weight * (moved - *value);
        }
    }
    lab.to_srgb()
}

fn distance(x: Lab, y: Lab) -> f32 {
    ((x.l - y.l).powi(2) + (x.a - y.a).powi(2) + (x.b - y.b).powi(2)).sqrt()
}

fn within(colours: &[Lab], side: u32, keep: impl Fn(u32, u32) -> bool) -> Vec<Lab> {
    let kept = colours.iter().enumerate().filter(|(i, _)| keep(*i as u32 % side, *i as u32 / side));
    kept.map(|(_, colour)| *colour).collect()
}

fn median(colours: &[Lab]) -> Lab {
    let middle = |channel: fn(&Lab) -> f32| {
        let mut values: Vec<f32> = colours.iter().map(channel).collect();
        values.sort_unstable_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    Lab { l: middle(|c| c.l), a: middle(|c| c.a), b: middle(|c| c.b) }
}

fn vary(photo: &SrgbImage, stream: &mut Stream) -> Result<SrgbImage> {
    let recoloured = stream.chance(0.5).then(|| recolour(photo, stream));
    let photo = recoloured.as_ref().unwrap_or(photo);
    let px = photo.width_px();
    let framed = if stream.chance(0.3) {
        // A square photo of the same thing: ours are squeezed from 3:4.
        let width = (px as f32 * stream.uniform(0.7, 1.0)) as u32;
        let narrow = resize_linear(photo, width, px)?;
        let left = (px - width) / 2;
        let edge = |x: u32| x.saturating_sub(left).min(width - 1);
        from_pixels(px, |x, y| narrow.pixel(edge(x), y))
    } else {
        let side = |stream: &mut Stream| (px as f32 * stream.uniform(0.8, 1.0)) as u32;
        let (width, height) = (side(stream), side(stream));
        let left = stream.below((px - width + 1) as usize) as u32;
        let top = stream.below((px - height + 1) as usize) as u32;
        crop(photo, (left, top), (width, height), px)?
    };
    let (gain, lift) = (stream.uniform(0.75, 1.25), stream.uniform(-12.0, 12.0));
    let exposed = each_byte(&framed, |code| code * gain + lift);
    let mirror = stream.chance(0.5);
    Ok(from_pixels(px, |x, y| exposed.pixel(if mirror { px - 1 - x } else { x }, y)))
}

/// The kinds of picture without a product that training knows.
fn nothing(photo: &SrgbImage, stream: &mut Stream) -> Result<SrgbImage> {
    let px = photo.width_px();
    let side = [8, 10, 14, 20][stream.below(4)];
    let grid = [3, 4, 6, 8, 14][stream.below(5)];
    Ok(match stream.below(8) {
        0 => each_byte(photo, |_| stream.below(256) as f32),
        1 => {
            let small = SrgbImage::new(side, side, (0..side * side * 3).map(|_| stream.below(256) as u8).collect())?;
            resize_linear(&small, px, px)?
        }
        2 => {
            let (from, to) = (stream.below(256) as f32, stream.below(256) as f32);
            let tint: [f32; 3] = std::array::from_fn(|_| stream.uniform(0.5, 1.0));
            let across = stream.chance(0.5);
            from_pixels(px, |x, y| {
                let t = if across { x } else { y } as f32 / px as f32;
                tint.map(|k| (k * (from + (to - from) * t)) as u8)
            })
        }
        3 => coarsen(photo, side)?,
        4 => {
            let strength = stream.uniform(60.0, 140.0);
            each_byte(photo, |code| code + strength * stream.normal())
        }
        5 => {
            let share = stream.uniform(0.3, 0.8);
            each_byte(photo, |code| if stream.chance(share) { 255.0 * stream.below(2) as f32 } else { code })
        }
        _ => shuffle(photo, grid, stream),
    })
}

/// A square of a street photo, 64 px or more, where the label mask names nothing.
fn backdrop(street: &SrgbImage, path: &Path, px: u32, stream: &mut Stream) -> Result<Option<SrgbImage>> {
    let (Some(folder), Some(stem)) = (path.parent().and_then(Path::parent), path.file_stem()) else { return Ok(None) };
    let mask_path = folder.join("masks").join(stem).with_extension("png");
    let bytes = std::fs::read(&mask_path).map_err(Error::io(&mask_path))?;
    let labels = decode_mask(&bytes, &Limits::default())?;
    labels.check_size(street.width_px(), street.height_px())?;
    let largest = street.width_px().min(street.height_px()).min(320);
    for _ in 0..40 {
        let side = 64 + stream.below((largest.max(65) - 64) as usize) as u32;
        if side > largest {
            continue;
        }
        let left = stream.below((street.width_px() - side + 1) as usize) as u32;
        let top = stream.below((street.height_px() - side + 1) as usize) as u32;
        let rows = labels.data().chunks_exact(street.width_px() as usize).skip(top as usize).take(side as usize);
        let named =
            rows.flat_map(|row| &row[left as usize..(left + side) as usize]).filter(|label| **label != 0).count();
        if named == 0 {
            return Ok(Some(crop(street, (left, top), (side, side), px)?));
        }
    }
    Ok(None)
}

fn crop(image: &SrgbImage, (left, top): (u32, u32), (width, height): (u32, u32), px: u32) -> Result<SrgbImage> {
    let pixels = (0..width * height).flat_map(|i| image.pixel(left + i % width, top + i / width)).collect();
    Ok(resize_linear(&SrgbImage::new(width, height, pixels)?, px, px)?)
}

fn coarsen(photo: &SrgbImage, side: u32) -> Result<SrgbImage> {
    let px = photo.width_px();
    Ok(resize_linear(&resize_linear(photo, side, side)?, px, px)?)
}

fn each_byte(photo: &SrgbImage, mut f: impl FnMut(f32) -> f32) -> SrgbImage {
    let mut out = photo.clone();
    for code in out.data_mut() {
        *code = f(f32::from(*code)).round().clamp(0.0, 255.0) as u8;
    }
    out
}

fn from_pixels(px: u32, f: impl Fn(u32, u32) -> [u8; 3]) -> SrgbImage {
    let mut out = SrgbImage::filled(px, px, [0; 3]);
    for (i, pixel) in out.data_mut().chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&f(i as u32 % px, i as u32 / px));
    }
    out
}

fn shuffle(photo: &SrgbImage, grid: u32, stream: &mut Stream) -> SrgbImage {
    let px = photo.width_px();
    let cell = px / grid;
    let mut order: Vec<u32> = (0..grid * grid).collect();
    stream.shuffle(&mut order);
    from_pixels(px, |x, y| {
        let (column, row) = (x / cell, y / cell);
        if column >= grid || row >= grid {
            return photo.pixel(x, y);
        }
        let from = order[(row * grid + column) as usize];
        photo.pixel(from % grid * cell + x % cell, from / grid * cell + y % cell)
    })
}

fn shear(photo: &SrgbImage, stream: &mut Stream) -> SrgbImage {
    let px = photo.width_px();
    let shifts: Vec<u32> = (0..px).map(|_| stream.below(px as usize) as u32).collect();
    from_pixels(px, |x, y| photo.pixel((x + shifts[y as usize]) % px, y))
}

fn cut_off(photo: &SrgbImage) -> SrgbImage {
    let px = photo.width_px();
    from_pixels(px, |x, y| if y < px / 3 { photo.pixel(x, y) } else { [128; 3] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::INPUT_PX;

    fn shirt() -> SrgbImage {
        from_pixels(
            INPUT_PX,
            |x, y| if (60..160).contains(&x) && (40..200).contains(&y) { [30, 60, 150] } else { [255; 3] },
        )
    }

    #[test]
    fn a_recolouring_changes_the_garment_and_spares_the_backdrop() {
        let photo = shirt();
        for draw in 0..5 {
            let made =
                Recipe::Recoloured(draw).make(&photo, Path::new(""), &[draw as u8; 32], INPUT_PX).unwrap().unwrap();
            assert_eq!(made.pixel(5, 5), [255; 3]);
            assert_ne!(made.pixel(100, 100), photo.pixel(100, 100));
        }
    }

    #[test]
    fn pictures_depend_on_recipe_and_content_alone() {
        let photo = shirt();
        let make = |recipe: Recipe, content: u8| {
            recipe.make(&photo, Path::new(""), &[content; 32], INPUT_PX).unwrap().unwrap()
        };
        for recipe in [Recipe::Varied(0), Recipe::Nothing(1), Recipe::Shuffled(4), Recipe::Sheared, Recipe::Noisy] {
            assert_eq!(make(recipe, 1), make(recipe, 1));
            assert_ne!(make(recipe, 1), make(recipe, 2), "{recipe}");
        }
        assert_eq!(make(Recipe::Plain, 1), photo);
        let larger = Recipe::Plain.make(&photo, Path::new(""), &[1; 32], 288).unwrap().unwrap();
        assert_eq!((larger.width_px(), larger.height_px()), (288, 288));
    }

    #[test]
    fn shuffling_keeps_every_pixel() {
        let photo = from_pixels(INPUT_PX, |x, y| [x as u8, y as u8, 0]);
        let mut made = shuffle(&photo, 4, &mut Stream::new(1, "test", 0)).into_data();
        let mut before = photo.into_data();
        made.sort_unstable();
        before.sort_unstable();
        assert_eq!(made, before);
    }
}
