//! Buffers that a thread uses again: fresh pages from the system cost as much as the work on them.

use std::cell::RefCell;

/// Most bytes that a thread keeps for later.
const KEPT_BYTES: usize = 256 << 20;
/// Smaller buffers are not worth keeping.
const LEAST_BYTES: usize = 64 << 10;

thread_local! {
    static BYTES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static NUMBERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `length` bytes; what they are is unspecified.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    BYTES.with_borrow_mut(|kept| fitting(kept, length))
}

/// A buffer of `length` finite numbers; what they are is unspecified.
pub(crate) fn numbers(length: usize) -> Vec<f32> {
    NUMBERS.with_borrow_mut(|kept| fitting(kept, length))
}

/// Gives a buffer back for later.
pub(crate) fn keep_bytes(buffer: Vec<u8>) {
    BYTES.with_borrow_mut(|kept| keep(kept, buffer));
}

/// Gives a buffer back for later.
pub(crate) fn keep_numbers(buffer: Vec<f32>) {
    NUMBERS.with_borrow_mut(|kept| keep(kept, buffer));
}

impl crate::SrgbImage {
    /// Gives the pixels' memory back for the next picture of this thread.
    pub fn recycle(self) {
        keep_bytes(self.into_data());
    }
}

/// The smallest kept buffer that is large enough, unless it is far too large.
fn fitting<T: Copy + Default>(kept: &mut Vec<Vec<T>>, length: usize) -> Vec<T> {
    let fits = |buffer: &Vec<T>| buffer.capacity() >= length && buffer.capacity() / 4 <= length;
    let best = (0..kept.len()).filter(|&i| fits(&kept[i])).min_by_key(|&i| kept[i].capacity());
    let Some(index) = best else { return vec![T::default(); length] };
    let mut buffer = kept.swap_remove(index);
    buffer.resize(length, T::default());
    buffer
}

/// Keeps a buffer; the oldest go when there is too much.
fn keep<T>(kept: &mut Vec<Vec<T>>, buffer: Vec<T>) {
    let size = |buffer: &Vec<T>| buffer.capacity() * size_of::<T>();
    if size(&buffer) < LEAST_BYTES || size(&buffer) > KEPT_BYTES {
        return;
    }
    kept.push(buffer);
    while kept.iter().map(size).sum::<usize>() > KEPT_BYTES {
        kept.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_the_length_asked_for() {
        let first = bytes(300_000);
        let address = first.as_ptr();
        keep_bytes(first);
        // Too large for this, right for that.
        let small = bytes(1000);
        assert_ne!(small.as_ptr(), address);
        let again = bytes(200_000);
        assert_eq!((again.as_ptr(), again.len()), (address, 200_000));
        keep_bytes(again);
        let grown = bytes(300_000);
        assert_eq!((grown.as_ptr(), grown.len()), (address, 300_000));
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        for _ in 0..5 {
            keep_numbers(vec![0.0; 20 << 20]);
        }
        let held: usize = NUMBERS.with_borrow(|kept| kept.iter().map(|b| b.capacity() * 4).sum());
        assert!(held > 0 && held <= KEPT_BYTES);
    }
}
