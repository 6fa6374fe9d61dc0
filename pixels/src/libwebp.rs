//! A safe face for libwebp's decoder and encoder.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use libwebp_sys as sys;

use crate::Effort;

/// What the header says, without decoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) has_alpha: bool,
    pub(crate) has_animation: bool,
}

/// Reads the header; `None` when it is not a WebP header.
pub(crate) fn features(bytes: &[u8]) -> Option<Features> {
    let mut raw = MaybeUninit::<sys::WebPBitstreamFeatures>::zeroed();
    // SAFETY: the pointer and length describe `bytes`; libwebp writes only into `raw`, whose all-zero state is valid.
    let raw = unsafe {
        let status = sys::WebPGetFeatures(bytes.as_ptr(), bytes.len(), raw.as_mut_ptr());
        if status != sys::VP8StatusCode::VP8_STATUS_OK {
            return None;
        }
        raw.assume_init()
    };
    Some(Features {
        width: u32::try_from(raw.width).ok().filter(|&w| w > 0)?,
        height: u32::try_from(raw.height).ok().filter(|&h| h > 0)?,
        has_alpha: raw.has_alpha != 0,
        has_animation: raw.has_animation != 0,
    })
}

/// Decodes a still picture to interleaved RGB, or RGBA when it has alpha; `None` when the data is damaged.
pub(crate) fn decode(bytes: &[u8], features: &Features) -> Option<Vec<u8>> {
    let channels = if features.has_alpha { 4 } else { 3 };
    let stride = features.width as usize * channels;
    let mut pixels = vec![0; stride * features.height as usize];
    let function = if features.has_alpha { sys::WebPDecodeRGBAInto } else { sys::WebPDecodeRGBInto };
    // SAFETY: input and output pointers come with the lengths of the slices that they point into, and libwebp refuses
    // (null) when the picture does not fit the output buffer.
    let out = unsafe {
        function(bytes.as_ptr(), bytes.len(), pixels.as_mut_ptr(), pixels.len(), i32::try_from(stride).ok()?)
    };
    (!out.is_null()).then_some(pixels)
}

/// How to encode.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Coding {
    /// 0 (small) to 100.
    Lossy(u8),
    /// Every byte kept, also under transparent pixels.
    Lossless,
}

/// A picture and its output, freed on every way out.
struct Session {
    picture: sys::WebPPicture,
    writer: Box<sys::WebPMemoryWriter>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: both were initialised by libwebp in `Session::new` and are freed once.
        unsafe {
            sys::WebPPictureFree(&raw mut self.picture);
            sys::WebPMemoryWriterClear(self.writer.as_mut());
        }
    }
}

impl Session {
    fn new(width: i32, height: i32) -> Result<Self, String> {
        let mut writer = Box::new(sys::WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] });
        // SAFETY: `writer` is a live, exclusive allocation.
        unsafe { sys::WebPMemoryWriterInit(writer.as_mut()) };
        let mut picture =
            sys::WebPPicture::new().map_err(|()| "libwebp has another version than its binding".to_owned())?;
        picture.use_argb = 1;
        picture.width = width;
        picture.height = height;
        picture.writer = Some(sys::WebPMemoryWrite);
        picture.custom_ptr = std::ptr::from_mut(writer.as_mut()).cast();
        Ok(Self { picture, writer })
    }
}

/// Encodes interleaved RGB (`channels` 3) or RGBA (4).
///
/// The caller guarantees that `pixels` is `width * height * channels` long; it is checked again here.
pub(crate) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
    channels: usize,
    coding: Coding,
    effort: Effort,
) -> Result<Vec<u8>, String> {
    if pixels.len() != width as usize * height as usize * channels || !matches!(channels, 3 | 4) {
        return Err("the buffer does not match the size".to_owned());
    }
    let limit = sys::WEBP_MAX_DIMENSION;
    if width == 0 || height == 0 || width > limit || height > limit {
        return Err(format!("WebP sides are 1 to {limit} px"));
    }
    let quality = if let Coding::Lossy(quality) = coding { f32::from(quality.min(100)) } else { 70.0 };
    let mut config = sys::WebPConfig::new_with_preset(sys::WebPPreset::WEBP_PRESET_PHOTO, quality)
        .map_err(|()| "libwebp refused the quality".to_owned())?;
    config.method = match effort {
        Effort::Fast => 2,
        Effort::Balanced => 4,
        Effort::Best => 6,
    };
    match coding {
        Coding::Lossless => {
            config.lossless = 1;
            config.exact = 1;
        }
        // Sharp conversion keeps saturated edges, which the 4:2:0 of WebP would smear.
        Coding::Lossy(_) => config.use_sharp_yuv = 1,
    }
    let mut session = Session::new(width as i32, height as i32)?;
    let import = if channels == 4 { sys::WebPPictureImportRGBA } else { sys::WebPPictureImportRGB };
    // SAFETY: the picture is initialised, its size matches `pixels` (checked above), and `custom_ptr` points to the boxed
    // writer, which lives as long as the session.
    let encoded = unsafe {
        import(&raw mut session.picture, pixels.as_ptr(), (width as usize * channels) as i32) != 0
            && sys::WebPEncode(&raw const config, &raw mut session.picture) != 0
    };
    if !encoded {
        return Err(format!("libwebp says {:?}", session.picture.error_code));
    }
    if session.writer.mem.is_null() {
        return Err("libwebp wrote nothing".to_owned());
    }
    // SAFETY: libwebp wrote `size` bytes at `mem`, which stay valid until the session is dropped.
    Ok(unsafe { std::slice::from_raw_parts(session.writer.mem, session.writer.size) }.to_vec())
}
