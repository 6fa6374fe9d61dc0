//! Studio photos and colourway pairs, turned into what is known of their pixels.

use pixels::SrgbImage;
use pixels::color::LabImage;

use super::backdrop::{self, Foreground, Kind};
use super::labels::Article;
use super::warp::{Labelled, box_blur};
use crate::components::components;
use crate::segmenter::{Class, ClassSet};

/// What is known of a photo without a person: front is the article, backdrop is not.
pub fn packshot(image: SrgbImage, found: &Foreground, article: Article) -> Labelled {
    let enclosed = if article.has_holes { ClassSet::BACKGROUND } else { ClassSet::BACKGROUND.or(article.garment) };
    let sets = found.kind.iter().map(|kind| match kind {
        Kind::Backdrop => ClassSet::BACKGROUND,
        Kind::Enclosed => enclosed,
        Kind::Front => article.garment,
    });
    Labelled { sets: sets.collect(), image }
}

/// What is known of a photo with a person: backdrop, head (if `heads`), and anything else in front of the backdrop.
pub fn model(image: SrgbImage, found: &Foreground, article: Article, heads: bool) -> Labelled {
    let head = if heads { head(found, image.width_px() as usize) } else { 0..0 };
    let sets = found.kind.iter().enumerate().map(|(i, kind)| match kind {
        Kind::Backdrop => ClassSet::BACKGROUND,
        Kind::Front if head.contains(&i) => HEAD,
        Kind::Enclosed => ClassSet::BACKGROUND.or(article.worn),
        Kind::Front => article.worn,
    });
    Labelled { sets: sets.collect(), image }
}

/// What a head consists of. Hats and glasses are few; left open, they become what the network takes every head for.
const HEAD: ClassSet = ClassSet::of(&[Class::Skin, Class::Hair]);

/// Pixel indices of the rows that show only the person's head: the narrow top of a front that begins inside the photo
/// and has a face's share of skin. Empty where there is none.
fn head(found: &Foreground, w: usize) -> std::ops::Range<usize> {
    let h = found.kind.len() / w.max(1);
    let width = |y: usize| (0..w).filter(|x| found.kind[y * w + x] != Kind::Backdrop).count();
    let widths: Vec<usize> = (0..h).map(width).collect();
    let widest = widths.iter().copied().max().unwrap_or(0);
    let Some(top) = widths.iter().position(|&n| n * 50 > w) else { return 0..0 };
    let shoulders = (top..h).find(|&y| widths[y] * 20 > widest * 9).unwrap_or(h);
    // The neck and a high collar lie between head and shoulders.
    let chin = top + (shoulders - top) * 7 / 10;
    let fits = top > 1 && (shoulders - top) * 12 > h && (shoulders - top) * 3 < h && found.skin > 0.03;
    if fits { top * w..chin * w } else { 0..0 }
}

/// Opacity of the front, 0 to 1 per pixel: eroded by a pixel, so that no backdrop bleeds along, and softened.
pub fn alpha(labelled: &Labelled) -> Vec<f32> {
    let (w, h) = (labelled.image.width_px() as usize, labelled.image.height_px() as usize);
    let front = |i: usize| labelled.sets[i] != ClassSet::BACKGROUND;
    let inner = |i: usize| {
        let (x, y) = (i % w, i / w);
        // At the picture's edge the article is cut off, not finished.
        front(i)
            && (x == 0 || front(i - 1))
            && (x + 1 == w || front(i + 1))
            && (y == 0 || front(i - w))
            && (y + 1 == h || front(i + w))
    };
    let core: Vec<bool> = (0..w * h).map(inner).collect();
    let mut soft: Vec<f32> = core.iter().map(|&inside| f32::from(u8::from(inside))).collect();
    box_blur(&mut soft, w, h, 1);
    (0..w * h).map(|i| if core[i] { soft[i].max(0.5) } else { 0.0 }).map(|a| (2.0 * a - 0.6).clamp(0.0, 1.0)).collect()
}

/// Gives the outline, which mixes garment and backdrop, the colours of the garment just inside it, so that no halo
/// betrays a cut-out.
pub fn decontaminate(labelled: &mut Labelled) {
    let (w, h) = (labelled.image.width_px() as usize, labelled.image.height_px() as usize);
    let front: Vec<bool> = labelled.sets.iter().map(|set| *set != ClassSet::BACKGROUND).collect();
    let mut known = front;
    for _ in 0..3 {
        known = erode(&known, w, h);
    }
    for _ in 0..5 {
        let before = known.clone();
        for i in (0..w * h).filter(|&i| !before[i]) {
            let (mut sum, mut count) = ([0_u32; 3], 0);
            for j in neighbours(w, h, i).filter(|&j| before[j]) {
                (0..3).for_each(|c| sum[c] += u32::from(labelled.image.data()[3 * j + c]));
                count += 1;
            }
            if count > 0 {
                (0..3).for_each(|c| labelled.image.data_mut()[3 * i + c] = (sum[c] / count) as u8);
                known[i] = true;
            }
        }
    }
}

/// The changed area of two photos of one product: where both are in front and differ, opened and eroded by a pixel.
///
/// The rule of the data set's description: ΔE76 above 8 from the backdrop in both, and above 8 from each other.
pub fn changed_area(a: &SrgbImage, b: &SrgbImage) -> Option<Vec<bool>> {
    if (a.width_px(), a.height_px()) != (b.width_px(), b.height_px()) {
        return None;
    }
    let (w, h) = (a.width_px() as usize, a.height_px() as usize);
    let (lab_a, lab_b) = (LabImage::from_srgb(a), LabImage::from_srgb(b));
    let far = |p: &LabImage, i: usize, q: pixels::color::Lab| {
        let p = p.at(i);
        ((p.l - q.l).powi(2) + (p.a - q.a).powi(2) + (p.b - q.b).powi(2)).sqrt() > 8.0
    };
    let (back_a, back_b) = (lab_a.at(0), lab_b.at(0));
    let changed: Vec<bool> =
        (0..w * h).map(|i| far(&lab_a, i, back_a) && far(&lab_b, i, back_b) && far(&lab_a, i, lab_b.at(i))).collect();
    let opened = dilate(&erode(&changed, w, h), w, h);
    Some(erode(&opened, w, h))
}

fn neighbours(w: usize, h: usize, i: usize) -> impl Iterator<Item = usize> {
    let (x, y) = ((i % w) as isize, (i / w) as isize);
    (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy))).filter_map(move |(x, y)| {
        let inside = x >= 0 && y >= 0 && x < w as isize && y < h as isize;
        inside.then_some((y * w as isize + x) as usize)
    })
}

/// Minimum over 3×3.
pub fn erode(mask: &[bool], w: usize, h: usize) -> Vec<bool> {
    (0..w * h).map(|i| neighbours(w, h, i).all(|j| mask[j])).collect()
}

/// Maximum over 3×3.
pub fn dilate(mask: &[bool], w: usize, h: usize) -> Vec<bool> {
    (0..w * h).map(|i| neighbours(w, h, i).any(|j| mask[j])).collect()
}

/// What a colourway pair says of its first photo: the changed area is the article; front far from it is not.
pub fn colorway(a: SrgbImage, found: &Foreground, changed: &[bool], article: Article, heads: bool) -> Labelled {
    let (w, h) = (a.width_px() as usize, a.height_px() as usize);
    // Prints that stay the same are enclosed by cloth that changed, so holes count as near.
    let mut near = changed.to_vec();
    for hole in components(w, h, |i| !changed[i]) {
        if hole.len() < w * h / 40 {
            hole.iter().for_each(|&i| near[i] = true);
        }
    }
    for _ in 0..6 {
        near = dilate(&near, w, h);
    }
    let head = if heads { head(found, w) } else { 0..0 };
    let sets = (0..w * h).map(|i| match (found.kind[i], changed[i], near[i]) {
        (_, true, _) => article.garment,
        (Kind::Front, ..) if article.apparel && head.contains(&i) => HEAD,
        (Kind::Backdrop, ..) => ClassSet::BACKGROUND,
        (Kind::Enclosed, ..) => ClassSet::BACKGROUND.or(article.worn),
        (Kind::Front, false, true) => article.worn,
        // A pair can agree where both colours have the same print or trim; only upper and lower body part for sure.
        (Kind::Front, false, false) => article.worn.without(article.garment),
    });
    Labelled { sets: sets.collect(), image: a }
}

/// Whether the photo can be read as a studio photo; the two steps that every source starts with.
pub fn studio(image: &SrgbImage) -> Option<Foreground> {
    backdrop::find(image)
}
