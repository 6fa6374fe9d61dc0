//! A safe face for libaom's encoder of still pictures.
#![allow(unsafe_code)]
// libaom points to bytes, but its rows of two-byte values begin at even addresses.
#![allow(clippy::cast_ptr_alignment)]

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;

use libaom_sys as sys;

/// Threads that libaom takes at most.
const MAX_THREADS: u32 = 64;
/// Halvings into tiles that libaom takes at most, in one direction.
const MAX_HALVINGS: u32 = 6;

/// How to encode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coding {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits of a value: 8 or 10.
    pub(crate) bits: u8,
    /// Chroma has half the columns and rows (4:2:0); else all of them (4:4:4).
    pub(crate) half_chroma: bool,
    /// 0 (fine) to 63 (coarse).
    pub(crate) quantizer: u8,
    /// 0 (small files) to 9 (quick).
    pub(crate) speed: u8,
    /// How often the picture is halved into tiles of columns and of rows, as far as tiles can be that small.
    pub(crate) tile_halvings: (u32, u32),
    /// That tiles are divided among; any number gives the same bytes.
    pub(crate) threads: u32,
}

impl Coding {
    /// Columns and rows of a plane.
    fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        if plane > 0 && self.half_chroma { (width.div_ceil(2), height.div_ceil(2)) } else { (width, height) }
    }
}

/// A picture of libaom's, freed on every way out.
struct Picture(*mut sys::aom_image_t);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: libaom allocated it in `Picture::new`, and it is freed once.
        unsafe { sys::aom_img_free(self.0) }
    }
}

impl Picture {
    /// Copies one plane (luma alone) or three; their lengths have been checked.
    fn new(coding: &Coding, planes: &[Vec<u16>]) -> Result<Self, String> {
        let grey = planes.len() == 1;
        let narrow = if grey || coding.half_chroma { sys::AOM_IMG_FMT_I420 } else { sys::AOM_IMG_FMT_I444 };
        let format = if coding.bits > 8 { narrow | sys::AOM_IMG_FMT_HIGHBITDEPTH } else { narrow };
        // SAFETY: only numbers go in; null, when there is no memory, is handled.
        let image = unsafe { sys::aom_img_alloc(std::ptr::null_mut(), format, coding.width, coding.height, 32) };
        if image.is_null() {
            return Err("libaom has no memory for the picture".to_owned());
        }
        let mut picture = Self(image);
        // SAFETY: `image` is alive and nobody else has it.
        unsafe {
            (*image).monochrome = c_int::from(grey);
            (*image).range = sys::AOM_CR_FULL_RANGE;
        }
        for (i, plane) in planes.iter().enumerate() {
            picture.fill(i, coding.plane_size(i).0, coding.bits > 8, plane);
        }
        if grey {
            // The picture has room for chroma, which must not be whatever was in memory before.
            let (columns, rows) = ((coding.width as usize).div_ceil(2), (coding.height as usize).div_ceil(2));
            let middle = vec![1 << (coding.bits - 1); columns * rows];
            [1, 2].into_iter().for_each(|plane| picture.fill(plane, columns, coding.bits > 8, &middle));
        }
        Ok(picture)
    }

    /// Copies a plane's values, `columns` to a row.
    fn fill(&mut self, plane: usize, columns: usize, wide: bool, values: &[u16]) {
        for (y, values) in values.chunks_exact(columns).enumerate() {
            // SAFETY: the plane was allocated with at least these rows and columns, of two bytes each if `wide`; rows of
            // those begin at even addresses.
            unsafe {
                let row = row(self.0, plane, y);
                if wide {
                    row.cast::<u16>().copy_from_nonoverlapping(values.as_ptr(), columns);
                } else {
                    values.iter().enumerate().for_each(|(x, &value)| row.add(x).write(value as u8));
                }
            }
        }
    }
}

/// Where a row of a plane begins.
///
/// # Safety
/// The image is alive, and the plane has this row.
unsafe fn row(image: *const sys::aom_image_t, plane: usize, y: usize) -> *mut u8 {
    // SAFETY: as the caller guarantees; strides are bytes.
    unsafe { (*image).planes[plane].offset((*image).stride[plane] as isize * y as isize) }
}

/// The planes of an image, if it has the coding's size and sampling.
///
/// # Safety
/// The image's planes are alive and as its fields say.
unsafe fn planes_of(image: &sys::aom_image_t, coding: &Coding, planes: usize) -> Option<Vec<Vec<u16>>> {
    let half = u32::from(planes == 1 || coding.half_chroma);
    if (image.d_w, image.d_h, image.x_chroma_shift, image.y_chroma_shift) != (coding.width, coding.height, half, half) {
        return None;
    }
    let wide = image.fmt & sys::AOM_IMG_FMT_HIGHBITDEPTH != 0;
    let values = |plane: usize| {
        let (columns, rows) = coding.plane_size(plane);
        let mut values = Vec::with_capacity(columns * rows);
        for y in 0..rows {
            // SAFETY: the plane has these rows and columns, by the size and sampling just checked; values of two bytes lie at
            // even addresses.
            unsafe {
                let row = row(image, plane, y);
                if wide {
                    values.extend_from_slice(std::slice::from_raw_parts(row.cast::<u16>(), columns));
                } else {
                    values.extend(std::slice::from_raw_parts(row, columns).iter().map(|&value| u16::from(value)));
                }
            }
        }
        values
    };
    Some((0..planes).map(values).collect())
}

/// An encoder, destroyed on every way out.
struct Encoder(Box<sys::aom_codec_ctx_t>);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: it was initialised in `Encoder::new` and is destroyed once.
        unsafe { sys::aom_codec_destroy(self.0.as_mut()) };
    }
}

impl Encoder {
    fn new(coding: &Coding, grey: bool) -> Result<Self, String> {
        let mut config = MaybeUninit::<sys::aom_codec_enc_cfg_t>::zeroed();
        // SAFETY: libaom fills `config`, numbers and pointers whose all-zero state is valid too.
        let (interface, mut config) = unsafe {
            let interface = sys::aom_codec_av1_cx();
            let status = sys::aom_codec_enc_config_default(interface, config.as_mut_ptr(), sys::AOM_USAGE_ALL_INTRA);
            said(status)?;
            (interface, config.assume_init())
        };
        config.g_w = coding.width;
        config.g_h = coding.height;
        config.g_bit_depth = u32::from(coding.bits);
        config.g_input_bit_depth = u32::from(coding.bits);
        config.g_profile = u32::from(!grey && !coding.half_chroma);
        config.monochrome = u32::from(grey);
        // One frame is a still picture, with a short header.
        config.g_limit = 1;
        config.g_threads = coding.threads.clamp(1, MAX_THREADS);
        config.rc_end_usage = sys::AOM_Q;
        let flags = if coding.bits > 8 { sys::AOM_CODEC_USE_HIGHBITDEPTH } else { 0 };
        // SAFETY: the all-zero state of these pointers and numbers is valid; libaom initialises it and copies `config`.
        let context = unsafe {
            let mut context = Box::new(MaybeUninit::<sys::aom_codec_ctx_t>::zeroed().assume_init());
            let version = sys::AOM_ENCODER_ABI_VERSION as c_int;
            said(sys::aom_codec_enc_init_ver(context.as_mut(), interface, &raw const config, flags.into(), version))?;
            context
        };
        let mut encoder = Self(context);
        encoder.set(sys::AOME_SET_CPUUSED, c_int::from(coding.speed))?;
        encoder.set(sys::AOME_SET_CQ_LEVEL, c_int::from(coding.quantizer))?;
        encoder.set(sys::AV1E_SET_COLOR_RANGE, sys::AOM_CR_FULL_RANGE as c_int)?;
        if !grey {
            // A level means a structural similarity; masks have no texture to save on.
            encoder.set(sys::AOME_SET_TUNING, sys::AOM_TUNE_SSIM as c_int)?;
        }
        // Rows of one tile in parallel would be quicker, but come out otherwise on one thread than on several.
        encoder.set(sys::AV1E_SET_ROW_MT, 0)?;
        encoder.set(sys::AV1E_SET_TILE_COLUMNS, coding.tile_halvings.0.min(MAX_HALVINGS) as c_int)?;
        encoder.set(sys::AV1E_SET_TILE_ROWS, coding.tile_halvings.1.min(MAX_HALVINGS) as c_int)?;
        Ok(encoder)
    }

    /// Sets a control whose argument is a number.
    fn set(&mut self, control: sys::aome_enc_control_id, value: c_int) -> Result<(), String> {
        // SAFETY: the encoder is alive; every control that is set here reads one `int`, and libaom checks its range.
        let status = unsafe { sys::aom_codec_control(self.0.as_mut(), control as c_int, value) };
        self.checked(status)
    }

    /// Encodes the only picture.
    fn send(&mut self, picture: &Picture) -> Result<(), String> {
        // SAFETY: encoder and picture are alive, and the picture has the size, format and depth of the configuration.
        let status = unsafe { sys::aom_codec_encode(self.0.as_mut(), picture.0, 0, 1, 0) };
        self.checked(status)
    }

    /// What has been encoded.
    fn data(&mut self) -> Vec<u8> {
        let (mut data, mut iterator) = (Vec::new(), std::ptr::null());
        loop {
            // SAFETY: the encoder is alive; a packet's bytes stay valid until the next call and are copied here.
            unsafe {
                let packet = sys::aom_codec_get_cx_data(self.0.as_mut(), &raw mut iterator);
                if packet.is_null() {
                    return data;
                }
                if (*packet).kind == sys::AOM_CODEC_CX_FRAME_PKT {
                    let frame = (*packet).data.frame;
                    data.extend_from_slice(std::slice::from_raw_parts(frame.buf.cast(), frame.sz));
                }
            }
        }
    }

    /// The planes as a decoder will have them.
    fn shown(&mut self, coding: &Coding, planes: usize) -> Option<Vec<Vec<u16>>> {
        // SAFETY: the encoder is alive; the image is its own, stays until the next call, and is only read.
        let image = unsafe { sys::aom_codec_get_preview_frame(self.0.as_mut()).as_ref() }?;
        // SAFETY: its planes are alive, and libaom says their size and format truly.
        unsafe { planes_of(image, coding, planes) }
    }

    fn checked(&self, status: sys::aom_codec_err_t) -> Result<(), String> {
        // SAFETY: the encoder is alive; the text, if there is one, is terminated and copied before the next call.
        let detail = unsafe {
            let detail = sys::aom_codec_error_detail(self.0.as_ref());
            if detail.is_null() { None } else { Some(CStr::from_ptr(detail).to_string_lossy().into_owned()) }
        };
        said(status).map_err(|reason| detail.unwrap_or(reason))
    }
}

/// An error in libaom's words.
fn said(status: sys::aom_codec_err_t) -> Result<(), String> {
    if status == sys::AOM_CODEC_OK {
        return Ok(());
    }
    // SAFETY: libaom returns a terminated text that is part of the library for every number.
    Err(unsafe { CStr::from_ptr(sys::aom_codec_err_to_string(status)) }.to_string_lossy().into_owned())
}

/// Encodes one plane (luma alone) or three of a still picture: its AV1 data, and the planes as a decoder will have them.
///
/// # Errors
/// When the planes don't have the coding's size; what libaom says otherwise.
pub(crate) fn encode(coding: &Coding, planes: &[Vec<u16>]) -> Result<(Vec<u8>, Vec<Vec<u16>>), String> {
    let fits = |(i, plane): (usize, &Vec<u16>)| {
        let (columns, rows) = coding.plane_size(i);
        columns > 0 && plane.len() == columns * rows && plane.iter().all(|value| value >> coding.bits == 0)
    };
    if !matches!(planes.len(), 1 | 3) || !matches!(coding.bits, 8 | 10) || !planes.iter().enumerate().all(fits) {
        return Err("the planes do not match the size".to_owned());
    }
    let picture = Picture::new(coding, planes)?;
    let mut encoder = Encoder::new(coding, planes.len() == 1)?;
    encoder.send(&picture)?;
    let data = encoder.data();
    let shown = encoder.shown(coding, planes.len()).filter(|_| !data.is_empty());
    Ok((data, shown.ok_or("libaom wrote no picture")?))
}

#[cfg(test)]
mod tests;
