//! Luma and chroma as a JPEG stores them, without the way over RGB.

use super::{Coding, DECODER, Handle, c_int, encode_by, forgiving, shrunk_size, sys, with};
use crate::cascade::Plane;
use crate::pool;

/// Luma, blue and red difference of a picture; rows and columns are filled up to whole samples of chroma.
pub(crate) type Planes = [Plane; 3];

/// Pixels per sample of chroma that files have, across and down, by the library's name for it.
const STEPS: [(c_int, (u32, u32)); 5] = [
    (sys::TJSAMP_TJSAMP_444, (1, 1)),
    (sys::TJSAMP_TJSAMP_422, (2, 1)),
    (sys::TJSAMP_TJSAMP_420, (2, 2)),
    (sys::TJSAMP_TJSAMP_440, (1, 2)),
    (sys::TJSAMP_TJSAMP_411, (4, 1)),
];

/// Decodes to planes at 1/`shrink` (1, 2, 4 or 8) of the file's size; `None` where the file has no luma and chroma, or chroma in
/// an unusual place.
///
/// # Errors
/// As [`super::decode`].
pub(crate) fn decode_planes(bytes: &[u8], size: (u32, u32), shrink: u32) -> Result<Option<Planes>, String> {
    forgiving(|strict| decode_once(bytes, size, shrink, strict))
}

fn decode_once(bytes: &[u8], (width, height): (u32, u32), shrink: u32, strict: bool) -> Result<Option<Planes>, String> {
    with(&DECODER, sys::TJINIT_TJINIT_DECOMPRESS, |handle| {
        let found = handle.read_header(bytes, strict)?;
        if (i64::from(found.0), i64::from(found.1)) != (i64::from(width), i64::from(height)) {
            return Err(format!("its header says {}×{} px in one place", found.0, found.1));
        }
        let subsampling = handle.get(sys::TJPARAM_TJPARAM_SUBSAMP);
        let Some(&(_, step)) = STEPS.iter().find(|(known, _)| *known == subsampling) else { return Ok(None) };
        if handle.get(sys::TJPARAM_TJPARAM_COLORSPACE) != sys::TJCS_TJCS_YCbCr as c_int {
            return Ok(None);
        }
        handle.shrink(shrink)?;
        let (width, height) = shrunk_size(width, height, shrink);
        let mut planes = [(1, 1), step, step].map(|of_plane| {
            let stride = width.next_multiple_of(step.0).div_ceil(of_plane.0) as usize;
            let rows = height.next_multiple_of(step.1).div_ceil(of_plane.1) as usize;
            Plane { codes: pool::bytes(stride * rows), stride, step: of_plane }
        });
        for (i, plane) in planes.iter().enumerate() {
            check_size(plane, i, (width, height), subsampling)?;
        }
        let mut strides = planes.each_ref().map(|plane| plane.stride as c_int);
        let mut starts = planes.each_mut().map(|plane| plane.codes.as_mut_ptr());
        // SAFETY: input pointer and length describe `bytes`; each plane has the rows and the stride that the library asks for
        // at this size and subsampling, as was just checked.
        let status = unsafe {
            sys::tj3DecompressToYUVPlanes8(
                handle.0,
                bytes.as_ptr(),
                bytes.len() as sys::size_t,
                starts.as_mut_ptr(),
                strides.as_mut_ptr(),
            )
        };
        handle.decoded(status, strict).map(|()| Some(planes))
    })
}

/// Refuses a plane that is not as large as the library will take it to be.
fn check_size(plane: &Plane, component: usize, (width, height): (u32, u32), subsampling: c_int) -> Result<(), String> {
    let component = component as c_int;
    // SAFETY: computations on three numbers.
    let (columns, rows) = unsafe {
        (
            sys::tj3YUVPlaneWidth(component, width as c_int, subsampling),
            sys::tj3YUVPlaneHeight(component, height as c_int, subsampling),
        )
    };
    let fits = columns as usize == plane.stride && rows as usize * plane.stride == plane.codes.len();
    if columns > 0 && rows > 0 && fits { Ok(()) } else { Err(format!("no plane is {columns}×{rows} samples")) }
}

/// Encodes planes of a picture of this size with optimised Huffman tables; chroma is stored as they have it.
///
/// # Errors
/// As [`super::encode`], and when the planes are of another size or step.
pub(crate) fn encode_planes(planes: &Planes, width: u32, height: u32, coding: Coding) -> Result<Vec<u8>, String> {
    let subsampling = if coding.full_chroma { sys::TJSAMP_TJSAMP_444 } else { sys::TJSAMP_TJSAMP_420 };
    for (i, plane) in planes.iter().enumerate() {
        check_size(plane, i, (width, height), subsampling)?;
    }
    let strides = planes.each_ref().map(|plane| plane.stride as c_int);
    let starts = planes.each_ref().map(|plane| plane.codes.as_ptr());
    encode_by(width, height, coding, |handle: &Handle, (columns, rows), start, length| {
        // SAFETY: each plane has the rows and the stride that the library asks for at this size and subsampling, as was just
        // checked; where the output goes is as `encode_by` says.
        unsafe {
            sys::tj3CompressFromYUVPlanes8(handle.0, starts.as_ptr(), columns, strides.as_ptr(), rows, start, length)
        }
    })
}
