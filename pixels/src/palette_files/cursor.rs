//! Reading big-endian fields of a binary palette; every read past the end is a fault of the current record.

use super::Fault;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn take(&mut self, count: usize, place: &str) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        if count > rest.len() {
            return Err(Fault::new(place, format!("the file ends {} bytes too early", count - rest.len())));
        }
        self.at += count;
        Ok(&rest[..count])
    }

    pub(super) fn u16(&mut self, place: &str) -> Result<u16, Fault> {
        let bytes = self.take(2, place)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self, place: &str) -> Result<u32, Fault> {
        let bytes = self.take(4, place)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(super) fn f32(&mut self, place: &str) -> Result<f32, Fault> {
        let value = f32::from_bits(self.u32(place)?);
        if value.is_finite() { Ok(value) } else { Err(Fault::new(place, "a channel is not a finite number")) }
    }

    /// UTF-16 text of `units` code units, up to its terminating zero.
    pub(super) fn utf16(&mut self, units: usize, place: &str) -> Result<String, Fault> {
        let bytes = self.take(units.saturating_mul(2), place)?;
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let end = units.iter().position(|&unit| unit == 0).unwrap_or(units.len());
        String::from_utf16(&units[..end]).map_err(|_| Fault::new(place, "its name is not valid UTF-16"))
    }
}
