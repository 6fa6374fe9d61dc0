//! A JPEG resized as it is stored: luma and chroma apart, with no way to RGB and back.
//!
//! Averaging codes is the same in any linear mixture of the channels, so sizes of codes may be made of the planes themselves.
//! Chroma with a sample for every second pixel both ways, as most files have it, stays so: with all else that is left out,
//! a bit more than a third of the numbers remain. Light is no such mixture, so this is not for resizing in light.

use crate::cascade::cascade_planes;
use crate::libjpeg::{self, Coding, Planes};
use crate::{Chroma, EncodeOptions, Error, Format, Metadata, Result, pool};

/// Luma and chroma of a picture, as JPEG stores them.
#[derive(Clone, Debug)]
pub struct JpegPlanes {
    size: (u32, u32),
    whole: (u32, u32),
    planes: Planes,
}

impl JpegPlanes {
    /// Planes of a file of `whole` pixels, read at 1/`shrink` of that.
    pub(crate) fn of_file(whole: (u32, u32), shrink: u32, planes: Planes) -> Self {
        Self { size: libjpeg::shrunk_size(whole.0, whole.1, shrink), whole, planes }
    }

    /// Width and height in pixels.
    pub fn size_px(&self) -> (u32, u32) {
        self.size
    }

    /// Width and height of the file's picture in pixels; larger only if it was read smaller.
    pub fn whole_px(&self) -> (u32, u32) {
        self.whole
    }

    /// The whole picture in each size, in their order, with chroma as a JPEG of this quality (1 to 100) is to have it: Lanczos
    /// (3 lobes) down, Catmull-Rom up, each size from the smallest one at least twice as large.
    ///
    /// # Errors
    /// [`Error::Resize`] when a side is 0.
    pub fn sizes(&self, sizes: &[(u32, u32)], level: u8, chroma: Chroma) -> Result<Vec<Self>> {
        if let Some(&(to_width, to_height)) = sizes.iter().find(|size| size.0 == 0 || size.1 == 0) {
            let ((from_width, from_height), reason) = (self.size, "a picture has at least one pixel".to_owned());
            return Err(Error::Resize { from_width, from_height, to_width, to_height, reason });
        }
        let mut distinct: Vec<(u32, u32)> = Vec::with_capacity(sizes.len());
        for size in sizes {
            if !distinct.contains(size) {
                distinct.push(*size);
            }
        }
        let step = if chroma.at_level(level) == Chroma::Full { (1, 1) } else { (2, 2) };
        let [luma, blue, red] = &self.planes;
        let [luma] = cascade_planes([luma], self.size, &distinct, (1, 1), step);
        let [blue, red] = cascade_planes([blue, red], self.size, &distinct, step, step);
        let pictures = luma.into_iter().zip(blue).zip(red).zip(&distinct);
        let pictures: Vec<Self> = pictures
            .map(|(((luma, blue), red), &size)| Self { size, whole: size, planes: [luma, blue, red] })
            .collect();
        Ok(sizes.iter().filter_map(|size| pictures.iter().find(|picture| picture.size == *size)).cloned().collect())
    }

    /// The picture as a JPEG at this quality (1 to 100), with the chroma that [`JpegPlanes::sizes`] gave it.
    ///
    /// # Errors
    /// [`Error::Encode`] when a side is above 65,535 px or chroma is neither of every nor of every second pixel both ways.
    pub fn encode(&self, level: u8, options: &EncodeOptions, metadata: &Metadata) -> Result<Vec<u8>> {
        let (width, height) = self.size;
        let full_chroma = self.planes[1].step == (1, 1);
        let coding = Coding { quality: level, full_chroma, progressive: options.progressive };
        libjpeg::encode_planes(&self.planes, width, height, coding)
            .and_then(|file| metadata.sized(width, height).add_to_jpeg(file))
            .map_err(|reason| Error::Encode { format: Format::Jpeg, width, height, reason })
    }

    /// Gives the planes' memory back for the next picture of this thread.
    pub fn recycle(self) {
        self.planes.into_iter().for_each(|plane| pool::keep_bytes(plane.codes));
    }
}

#[cfg(test)]
mod tests;
