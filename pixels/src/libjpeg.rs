//! A safe face for libjpeg-turbo's decoder and encoder, one handle of each per thread.
#![allow(unsafe_code)]

mod planes;

pub(crate) use planes::{Planes, decode_planes, encode_planes};

use std::cell::RefCell;
use std::ffi::{CStr, c_int};

use turbojpeg_sys as sys;

/// Channels as libjpeg-turbo hands them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// One.
    Grey,
    /// Three.
    Rgb,
    /// Four, as the file stores them (Adobe's are inverted); YCCK is undone.
    Cmyk,
}

impl Channels {
    /// How many.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn code(self) -> c_int {
        match self {
            Self::Grey => sys::TJPF_TJPF_GRAY,
            Self::Rgb => sys::TJPF_TJPF_RGB,
            Self::Cmyk => sys::TJPF_TJPF_CMYK,
        }
    }
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    /// 1 (small) to 100.
    pub(crate) quality: u8,
    /// Colour at full resolution (4:4:4); else half of it both ways (4:2:0).
    pub(crate) full_chroma: bool,
    /// Coarse to fine, in several scans.
    pub(crate) progressive: bool,
}

/// libjpeg-turbo's own warning about bytes between the last block and the end marker, which cost no pixel.
const HARMLESS: &str = "extraneous bytes before marker 0xd9";

struct Handle(sys::tjhandle);

impl Handle {
    fn new(kind: sys::TJINIT) -> Result<Self, String> {
        // SAFETY: no arguments but a constant of the library; a null result is handled.
        let handle = unsafe { sys::tj3Init(kind as c_int) };
        if handle.is_null() { Err("libjpeg-turbo has no memory".to_owned()) } else { Ok(Self(handle)) }
    }

    fn set(&self, parameter: sys::TJPARAM, value: c_int) -> Result<(), String> {
        // SAFETY: the handle is alive; the library checks parameter and value.
        if unsafe { sys::tj3Set(self.0, parameter as c_int, value) } == 0 { Ok(()) } else { Err(self.message()) }
    }

    fn get(&self, parameter: sys::TJPARAM) -> c_int {
        // SAFETY: the handle is alive; the library checks the parameter.
        unsafe { sys::tj3Get(self.0, parameter as c_int) }
    }

    /// Reads a file's header; width and height in pixels.
    fn read_header(&self, bytes: &[u8], strict: bool) -> Result<(c_int, c_int), String> {
        self.set(sys::TJPARAM_TJPARAM_STOPONWARNING, c_int::from(strict))?;
        // Profiles are read, and broken ones forgiven, by our own walk over the markers.
        self.set(sys::TJPARAM_TJPARAM_SAVEMARKERS, 0)?;
        // SAFETY: pointer and length describe `bytes`.
        if unsafe { sys::tj3DecompressHeader(self.0, bytes.as_ptr(), bytes.len() as sys::size_t) } != 0 {
            return Err(self.message());
        }
        Ok((self.get(sys::TJPARAM_TJPARAM_JPEGWIDTH), self.get(sys::TJPARAM_TJPARAM_JPEGHEIGHT)))
    }

    /// Has the next file decoded at 1/`by` of its size.
    fn shrink(&self, by: u32) -> Result<(), String> {
        let scale = sys::tjscalingfactor { num: 1, denom: by as c_int };
        // SAFETY: the handle is alive; the library refuses factors that it doesn't know.
        if unsafe { sys::tj3SetScalingFactor(self.0, scale) } == 0 { Ok(()) } else { Err(self.message()) }
    }

    /// What a decoder's status means.
    fn decoded(&self, status: c_int, strict: bool) -> Result<(), String> {
        // SAFETY: the handle is alive.
        let warned = status != 0 && unsafe { sys::tj3GetErrorCode(self.0) } == sys::TJERR_TJERR_WARNING as c_int;
        if status == 0 || (warned && !strict && self.message().contains(HARMLESS)) {
            return Ok(());
        }
        Err(self.message())
    }

    fn message(&self) -> String {
        // SAFETY: the library returns a terminated string that lives as long as the handle and is copied here.
        unsafe { CStr::from_ptr(sys::tj3GetErrorStr(self.0)) }.to_string_lossy().into_owned()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is alive and nobody else has it.
        unsafe { sys::tj3Destroy(self.0) }
    }
}

thread_local! {
    static DECODER: RefCell<Option<Handle>> = const { RefCell::new(None) };
    static ENCODER: RefCell<Option<Handle>> = const { RefCell::new(None) };
    /// The encoder's output before it is copied at its true length: pages that stay mapped.
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Works with this thread's handle; after an error a new one is made, so that no state of a damaged file stays.
fn with<T>(
    slot: &'static std::thread::LocalKey<RefCell<Option<Handle>>>,
    kind: sys::TJINIT,
    work: impl FnOnce(&Handle) -> Result<T, String>,
) -> Result<T, String> {
    let handle = match slot.take() {
        Some(handle) => handle,
        None => Handle::new(kind)?,
    };
    let result = work(&handle);
    if result.is_ok() {
        slot.replace(Some(handle));
    }
    result
}

/// Sides of the decoded picture of a `width`×`height` px file, at 1/`shrink` of its size.
pub(crate) fn shrunk_size(width: u32, height: u32, shrink: u32) -> (u32, u32) {
    (width.div_ceil(shrink), height.div_ceil(shrink))
}

/// Decodes to interleaved channels at 1/`shrink` (1, 2, 4 or 8) of the file's size.
///
/// `pixels` holds exactly what [`shrunk_size`] says, of a header that the caller has read and limited.
///
/// # Errors
/// What the library says of a damaged file; also of one that decodes with a warning, since missing parts would be grey.
pub(crate) fn decode(
    bytes: &[u8],
    (width, height): (u32, u32),
    channels: Channels,
    shrink: u32,
    pixels: &mut [u8],
) -> Result<(), String> {
    forgiving(|strict| decode_once(bytes, (width, height), channels, shrink, pixels, strict))
}

/// Decodes strictly, and once more without if nothing worse than [`HARMLESS`] came of it.
fn forgiving<T>(mut decode: impl FnMut(bool) -> Result<T, String>) -> Result<T, String> {
    match decode(true) {
        Err(message) if message.contains(HARMLESS) => decode(false),
        other => other,
    }
}

fn decode_once(
    bytes: &[u8],
    (width, height): (u32, u32),
    channels: Channels,
    shrink: u32,
    pixels: &mut [u8],
    strict: bool,
) -> Result<(), String> {
    with(&DECODER, sys::TJINIT_TJINIT_DECOMPRESS, |handle| {
        let found = handle.read_header(bytes, strict)?;
        let to = shrunk_size(width, height, shrink);
        // The buffer was sized by our own reading of the header; the library must have read the same.
        if (i64::from(found.0), i64::from(found.1)) != (i64::from(width), i64::from(height))
            || pixels.len() != to.0 as usize * to.1 as usize * channels.count()
        {
            return Err(format!("its header says {}×{} px in one place", found.0, found.1));
        }
        handle.shrink(shrink)?;
        // SAFETY: input pointer and length describe `bytes`; the output has the rows and the pitch that the size, factor
        // and channels just checked ask for (pitch 0 means rows without gaps).
        let status = unsafe {
            sys::tj3Decompress8(
                handle.0,
                bytes.as_ptr(),
                bytes.len() as sys::size_t,
                pixels.as_mut_ptr(),
                0,
                channels.code(),
            )
        };
        handle.decoded(status, strict)
    })
}

/// Encodes interleaved RGB with optimised Huffman tables.
///
/// # Errors
/// What the library says, such as of sides above 65,535 px (checked before).
pub(crate) fn encode(rgb: &[u8], width: u32, height: u32, coding: Coding) -> Result<Vec<u8>, String> {
    if rgb.len() != width as usize * height as usize * 3 {
        return Err(format!("{} bytes are no {width}×{height} px picture", rgb.len()));
    }
    encode_by(width, height, coding, |handle, (columns, rows), start, length| {
        // SAFETY: the input has `rows` rows of `columns` pixels without gaps; where the output goes is as `encode_by` says.
        unsafe { sys::tj3Compress8(handle.0, rgb.as_ptr(), columns, 0, rows, sys::TJPF_TJPF_RGB, start, length) }
    })
}

/// Encodes by a function of the library, which is given where its output goes: a pointer to, and the length of, an
/// allocation that it may not move (NOREALLOC) and fills up to the length that it returns.
fn encode_by(
    width: u32,
    height: u32,
    coding: Coding,
    run: impl FnOnce(&Handle, (c_int, c_int), *mut *mut u8, *mut sys::size_t) -> c_int,
) -> Result<Vec<u8>, String> {
    let side = |px: u32| {
        if (1..=65_535).contains(&px) { Ok(px as c_int) } else { Err("JPEG sides are at most 65535 px".to_owned()) }
    };
    let (columns, rows) = (side(width)?, side(height)?);
    let subsampling = if coding.full_chroma { sys::TJSAMP_TJSAMP_444 } else { sys::TJSAMP_TJSAMP_420 };
    // SAFETY: a computation on three numbers.
    let most = unsafe { sys::tj3JPEGBufSize(columns, rows, subsampling) } as usize;
    with(&ENCODER, sys::TJINIT_TJINIT_COMPRESS, |handle| {
        handle.set(sys::TJPARAM_TJPARAM_NOREALLOC, 1)?;
        handle.set(sys::TJPARAM_TJPARAM_QUALITY, c_int::from(coding.quality.clamp(1, 100)))?;
        handle.set(sys::TJPARAM_TJPARAM_SUBSAMP, subsampling)?;
        handle.set(sys::TJPARAM_TJPARAM_OPTIMIZE, 1)?;
        handle.set(sys::TJPARAM_TJPARAM_PROGRESSIVE, c_int::from(coding.progressive))?;
        let mut output = OUTPUT.take();
        output.clear();
        if output.try_reserve_exact(most).is_err() {
            return Err("there is no memory for it".to_owned());
        }
        let mut start = output.as_mut_ptr();
        let mut length = output.capacity() as sys::size_t;
        if run(handle, (columns, rows), &raw mut start, &raw mut length) != 0 {
            return Err(handle.message());
        }
        // SAFETY: the library has written `length` bytes, no more than there were.
        unsafe { output.set_len((length as usize).min(output.capacity())) };
        let bytes = output.as_slice().to_vec();
        OUTPUT.replace(output);
        Ok(bytes)
    })
}
