//! Pictures of two photos joined, which the gate learns to tell from one, and pictures that training never makes: photos
//! joined exactly or otherwise, photos that something covers, and changes that do no harm. The gate is judged by those, and
//! by some its thresholds are certified.

use std::path::{Path, PathBuf};

use pixels::{Format, Limits, SrgbImage, decode, encode, resize_linear};

use super::photos;
use crate::embedding_cache::{Job, Key};
use crate::stream::Stream;
use crate::{Error, Result};

/// What becomes of a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A part of it beside, or above, the rest of another photo, with the border anywhere in the middle third: a draw of its
    /// own for each number.
    Joined(PathBuf, u32),
    /// Three to seven tenths of it under what another photo shows there, in a window anywhere, or the reverse: a draw of its
    /// own for each number.
    Windowed(PathBuf, u32),
    /// Its half below a diagonal and another photo's half above it.
    Slanted(PathBuf),
    /// Its left half beside another photo's right half.
    Beside(PathBuf),
    /// Its upper half above another photo's lower half.
    Above(PathBuf),
    /// Half of the picture, its middle, under one random colour.
    Covered,
    /// The same under the middle of another photo.
    CoveredBy(PathBuf),
    /// Written as a JPEG of quality 60.
    Compressed,
    /// Codes times 0.8.
    Darker,
    /// Codes times 1.2.
    Brighter,
    /// The middle nine tenths of each side.
    Cropped,
    /// Seen in a mirror.
    Mirrored,
}

/// A picture made of a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// The photo.
    pub path: PathBuf,
    /// What becomes of it.
    pub change: Change,
}

impl Job for Altered {
    fn path(&self) -> &Path {
        &self.path
    }

    /// Names the picture in the cache: change it whenever the change changes.
    fn recipe(&self) -> String {
        let of = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match &self.change {
            Change::Joined(other, draw) => format!("joined {draw} {}", of(other)),
            Change::Windowed(other, draw) => format!("windowed {draw} {}", of(other)),
            Change::Slanted(other) => format!("slanted {}", of(other)),
            Change::Beside(other) => format!("beside {}", of(other)),
            Change::Above(other) => format!("above {}", of(other)),
            Change::Covered => "covered".into(),
            Change::CoveredBy(other) => format!("covered by {}", of(other)),
            Change::Compressed => "compressed".into(),
            Change::Darker => "darker".into(),
            Change::Brighter => "brighter".into(),
            Change::Cropped => "cropped".into(),
            Change::Mirrored => "mirrored".into(),
        }
    }

    fn make(&self, photo: &SrgbImage, content: &Key, px: u32) -> Result<Option<SrgbImage>> {
        let small = |photo: &SrgbImage| Ok::<_, Error>(resize_linear(photo, px, px)?);
        let read = |path: &Path| small(&photos::read(path)?);
        let (left, top) = (|x: u32, _: u32| x < px / 2, |_: u32, y: u32| y < px / 2);
        let seed = u64::from_le_bytes(*content.first_chunk().unwrap_or(&[0; 8]));
        let rim = |x: u32, y: u32| outer(x, px) || outer(y, px);
        let made = match &self.change {
            Change::Joined(other, draw) => {
                let mut stream = Stream::new(seed, "joined", u64::from(*draw));
                let border = px / 3 + stream.below(px as usize / 3) as u32;
                let (across, swapped) = (stream.chance(0.5), stream.chance(0.5));
                let first = |x: u32, y: u32| (if across { x } else { y } < border) != swapped;
                choose(&small(photo)?, &read(other)?, first)
            }
            Change::Windowed(other, draw) => {
                let mut stream = Stream::new(seed, "windowed", u64::from(*draw));
                let (side, shape) = (px as f32 * stream.uniform(0.3, 0.7).sqrt(), stream.uniform(-0.35, 0.35).exp());
                let mut span = |length: f32| {
                    let length = (length as u32).min(px * 95 / 100);
                    let start = stream.below((px - length) as usize) as u32;
                    start..start + length
                };
                let (columns, rows) = (span(side * shape), span(side / shape));
                let swapped = stream.chance(0.5);
                let first = |x: u32, y: u32| (columns.contains(&x) && rows.contains(&y)) == swapped;
                choose(&small(photo)?, &read(other)?, first)
            }
            Change::Slanted(other) => choose(&small(photo)?, &read(other)?, |x, y| x < y),
            Change::Beside(other) => choose(&small(photo)?, &read(other)?, left),
            Change::Above(other) => choose(&small(photo)?, &read(other)?, top),
            Change::Covered => {
                let mut stream = Stream::new(seed, "covered", 0);
                let code = [(); 3].map(|()| stream.below(256) as u8);
                choose(&small(photo)?, &SrgbImage::filled(px, px, code), rim)
            }
            Change::CoveredBy(other) => choose(&small(photo)?, &read(other)?, rim),
            Change::Compressed => {
                let bytes = encode(photo, None, Format::Jpeg, 60)?;
                small(&decode(&bytes, &Limits::default())?.image)?
            }
            Change::Darker => scaled(&small(photo)?, 0.8),
            Change::Brighter => scaled(&small(photo)?, 1.2),
            Change::Cropped => {
                let (width, height) = (photo.width_px() * 9 / 10, photo.height_px() * 9 / 10);
                let (left, top) = ((photo.width_px() - width) / 2, (photo.height_px() - height) / 2);
                let codes = (0..width * height).flat_map(|i| photo.pixel(left + i % width, top + i / width));
                small(&SrgbImage::new(width, height, codes.collect())?)?
            }
            Change::Mirrored => {
                let small = small(photo)?;
                let codes = (0..px * px).flat_map(|i| small.pixel(px - 1 - i % px, i / px));
                SrgbImage::new(px, px, codes.collect())?
            }
        };
        Ok(Some(made))
    }
}

/// Whether a row or a column of so many lies outside the middle square that is half of the picture.
fn outer(at: u32, px: u32) -> bool {
    let margin = px * 146 / 1000;
    at < margin || at >= px - margin
}

fn choose(one: &SrgbImage, other: &SrgbImage, first: impl Fn(u32, u32) -> bool) -> SrgbImage {
    let px = other.width_px();
    let mut made = other.clone();
    for (i, pixel) in made.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % px, i as u32 / px);
        if first(x, y) {
            pixel.copy_from_slice(&one.pixel(x, y));
        }
    }
    made
}

fn scaled(photo: &SrgbImage, gain: f32) -> SrgbImage {
    let mut made = photo.clone();
    made.data_mut().iter_mut().for_each(|code| *code = (f32::from(*code) * gain).round().clamp(0.0, 255.0) as u8);
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::INPUT_PX as SIDE;

    fn make(change: Change, photo: &SrgbImage) -> SrgbImage {
        Altered { path: "a.png".into(), change }.make(photo, &[7; 32], SIDE).unwrap().unwrap()
    }

    #[test]
    fn halves_come_from_both_photos() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.png");
        let other = encode(&SrgbImage::filled(30, 40, [0, 0, 200]), None, Format::Png, 100).unwrap();
        std::fs::write(&path, other).unwrap();
        let red = SrgbImage::filled(60, 20, [200, 0, 0]);
        let beside = make(Change::Beside(path.clone()), &red);
        assert_eq!((beside.pixel(3, 200), beside.pixel(SIDE - 1, 3)), ([200, 0, 0], [0, 0, 200]));
        let above = make(Change::Above(path.clone()), &red);
        assert_eq!((above.pixel(200, 3), above.pixel(3, SIDE - 1)), ([200, 0, 0], [0, 0, 200]));
        let covered = make(Change::CoveredBy(path.clone()), &red);
        assert_eq!((covered.pixel(3, 3), covered.pixel(SIDE / 2, SIDE / 2)), ([200, 0, 0], [0, 0, 200]));
        let blue = covered.data().chunks_exact(3).filter(|c| c[2] == 200).count() as f32;
        assert!((blue / (SIDE * SIDE) as f32 - 0.5).abs() < 0.02);
        let slanted = make(Change::Slanted(path.clone()), &red);
        assert_eq!((slanted.pixel(3, 200), slanted.pixel(200, 3)), ([200, 0, 0], [0, 0, 200]));
        for draw in 0..8 {
            for change in [Change::Joined(path.clone(), draw), Change::Windowed(path.clone(), draw)] {
                let blue = make(change, &red).data().chunks_exact(3).filter(|c| c[2] == 200).count() as f32;
                assert!((0.28..0.72).contains(&(blue / (SIDE * SIDE) as f32)), "{draw}");
            }
        }
    }

    #[test]
    fn harmless_changes_keep_the_size() {
        let photo = SrgbImage::new(50, 70, (0..50 * 70 * 3).map(|i| (i * 7 % 251) as u8).collect()).unwrap();
        for change in
            [Change::Compressed, Change::Darker, Change::Brighter, Change::Cropped, Change::Mirrored, Change::Covered]
        {
            let made = make(change, &photo);
            assert_eq!((made.width_px(), made.height_px()), (SIDE, SIDE));
        }
        let twice = make(Change::Mirrored, &make(Change::Mirrored, &photo));
        assert_eq!(twice, resize_linear(&photo, SIDE, SIDE).unwrap());
    }
}
