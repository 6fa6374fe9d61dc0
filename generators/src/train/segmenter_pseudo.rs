//! Masks for flat-lay photos, drawn once: by the colours of the photo's border where these suffice, else by the
//! network's averaged weights where it is sure.
//!
//! The latter is self-training (Lee 2013) under two constraints: the label gives the class, and a mask must look like
//! one article that lies inside the photo.

use std::path::Path;

use pixels::{Mask, SrgbImage, encode_mask_png};

use super::segmenter::Config;
use super::segmenter_data::border_model;
use super::segmenter_data::index::Index;
use super::segmenter_data::read_photo;
use crate::params::Params;
use crate::region::Region;
use crate::segmenter::{ClassSet, Segmenter};
use crate::{Error, Result, checkpoint};

/// Coverage that the mask of one article can have.
const COVERAGE: std::ops::Range<f32> = 0.06..0.85;
/// Largest share of doubtful pixels (between 0.2 and 0.8) beside the mask's own.
const DOUBT: f32 = 0.25;
/// Largest share of the photo's edge that the article may touch.
const EDGE: f32 = 0.35;

/// Draws the masks into `folder` unless that was finished before; an interrupted run draws the same ones again.
///
/// # Errors
/// When a file cannot be written. Photos that cannot be read get no mask.
pub fn draw_once(average: &Params, config: &Config, index: &Index, folder: &Path) -> Result<()> {
    let done = folder.join("done");
    if done.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let segmenters: Vec<Segmenter> =
        (0..config.shards).map(|_| Segmenter::from_params(average, config.model)).collect::<Result<_>>()?;
    let items = &index.train.flat_lays;
    let share = items.len().div_ceil(config.shards).max(1);
    let results: Vec<Result<usize>> = std::thread::scope(|scope| {
        let handles: Vec<_> = segmenters
            .into_iter()
            .zip(items.chunks(share))
            .map(|(segmenter, items)| {
                scope.spawn(move || {
                    tch::set_num_threads(1);
                    let mut kept = 0;
                    for item in items {
                        let Ok(photo) = read_photo(&item.photo) else { continue };
                        let mask = match config.refine.then(|| border_model::mask(&photo)).flatten() {
                            Some(mask) => Some(mask),
                            None => own_mask(&segmenter, &photo)?,
                        };
                        if let (Some(mask), Some(stem)) = (mask, item.photo.file_stem()) {
                            let path = folder.join(stem).with_extension("png");
                            checkpoint::write_atomic(&path, &encode_mask_png(&mask)?)?;
                            kept += 1;
                        }
                    }
                    Ok(kept)
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|_| Err(Error::Input("a labelling thread panicked".into()))))
            .collect()
    });
    let kept: usize = results.into_iter().sum::<Result<usize>>()?;
    checkpoint::write_atomic(&done, format!("{kept} of {}\n", items.len()).as_bytes())
}

/// What the program would take for the garment, with the ground parted from it by its colours; `None` where the network is unsure.
fn own_mask(segmenter: &Segmenter, photo: &SrgbImage) -> Result<Option<Mask>> {
    let seen = segmenter.segment(photo)?;
    let p = seen.probability(ClassSet::GARMENT);
    let coarse = p.values.iter().map(|v| (v * 255.0).round() as u8).collect();
    let sure = is_sure(&Mask::new(p.width as u32, p.height as u32, coarse)?);
    Ok(if sure { Some(seen.alpha(Region::All, photo)?) } else { None })
}

fn is_sure(mask: &Mask) -> bool {
    let (w, h) = (mask.width_px() as usize, mask.height_px() as usize);
    let data = mask.data();
    let inside = data.iter().filter(|&&a| a > 127).count() as f32;
    let doubtful = data.iter().filter(|&&a| (51..204).contains(&a)).count() as f32;
    let edge = (0..w * h).filter(|i| i % w == 0 || i % w == w - 1 || *i < w || *i >= w * (h - 1));
    let touched = edge.filter(|&i| data[i] > 127).count() as f32;
    COVERAGE.contains(&(inside / data.len().max(1) as f32))
        && doubtful < DOUBT * inside
        && touched < EDGE * (2 * (w + h)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_masks_of_one_article_inside_the_photo_are_kept() {
        let square = |from: usize, to: usize, value: u8| {
            let data = (0..400).map(|i| {
                let inside = (from..to).contains(&(i % 20)) && (from..to).contains(&(i / 20));
                if inside { value } else { 0 }
            });
            Mask::new(20, 20, data.collect()).unwrap()
        };
        assert!(is_sure(&square(4, 16, 255)));
        assert!(!is_sure(&square(4, 16, 150)), "doubtful");
        assert!(!is_sure(&square(0, 20, 255)), "everything");
        assert!(!is_sure(&square(9, 11, 255)), "a speck");
    }
}
