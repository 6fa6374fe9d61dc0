//! Buffers that a thread uses again: fresh pages from the system cost as much as the work on them.

use std::cell::RefCell;

/// Most bytes that a thread keeps for later.
const KEPT_BYTES: usize = 256 << 20;
/// And most of them in sizes of the largest buffer lately asked for: photos of a few megapixels must not leave as much as large ones do.
const KEPT_TIMES: usize = 4;
/// Smaller buffers are not worth keeping.
const LEAST_BYTES: usize = 64 << 10;

thread_local! {
    static BYTES: RefCell<Kept<u8>> = const { RefCell::new(Kept::new()) };
    static NUMBERS: RefCell<Kept<f32>> = const { RefCell::new(Kept::new()) };
}

/// A buffer of `length` bytes; what they are is unspecified.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    BYTES.with_borrow_mut(|kept| kept.fitting(length))
}

/// A buffer of `length` finite numbers; what they are is unspecified.
pub(crate) fn numbers(length: usize) -> Vec<f32> {
    NUMBERS.with_borrow_mut(|kept| kept.fitting(length))
}

/// Gives a buffer back for later.
pub(crate) fn keep_bytes(buffer: Vec<u8>) {
    BYTES.with_borrow_mut(|kept| kept.keep(buffer));
}

/// Gives a buffer back for later.
pub(crate) fn keep_numbers(buffer: Vec<f32>) {
    NUMBERS.with_borrow_mut(|kept| kept.keep(buffer));
}

impl crate::SrgbImage {
    /// Gives the pixels' memory back for the next picture of this thread.
    pub fn recycle(self) {
        keep_bytes(self.into_data());
    }
}

/// The buffers of one thread and kind, the oldest first.
struct Kept<T> {
    buffers: Vec<Vec<T>>,
    /// Bytes of the largest that was asked for; falls slowly, so that one large photo is forgotten.
    largest: usize,
}

impl<T: Copy + Default> Kept<T> {
    const fn new() -> Self {
        Self { buffers: Vec::new(), largest: 0 }
    }

    /// The smallest kept buffer that is large enough, unless it is far too large.
    fn fitting(&mut self, length: usize) -> Vec<T> {
        self.largest = (self.largest - self.largest / 256).max(length * size_of::<T>());
        let fits = |buffer: &Vec<T>| buffer.capacity() >= length && buffer.capacity() / 4 <= length;
        let kept = &self.buffers;
        let best = (0..kept.len()).filter(|&i| fits(&kept[i])).min_by_key(|&i| kept[i].capacity());
        let Some(index) = best else { return vec![T::default(); length] };
        let mut buffer = self.buffers.swap_remove(index);
        buffer.resize(length, T::default());
        buffer
    }

    /// Keeps a buffer; the oldest go when there is too much.
    fn keep(&mut self, buffer: Vec<T>) {
        let most = KEPT_BYTES.min(KEPT_TIMES * self.largest);
        if Self::size(&buffer) < LEAST_BYTES || Self::size(&buffer) > most {
            return;
        }
        self.buffers.push(buffer);
        while self.held() > most {
            self.buffers.remove(0);
        }
    }

    fn held(&self) -> usize {
        self.buffers.iter().map(Self::size).sum()
    }

    fn size(buffer: &Vec<T>) -> usize {
        buffer.capacity() * size_of::<T>()
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
        let mut kept = Kept::new();
        for _ in 0..5 {
            let buffer: Vec<f32> = kept.fitting(20 << 20);
            kept.buffers.clear();
            kept.keep(buffer);
            kept.keep(vec![0.0; 20 << 20]);
        }
        assert!(kept.held() > 0 && kept.held() <= KEPT_BYTES);
    }

    #[test]
    fn what_is_kept_follows_the_photos() {
        let mut kept = Kept::<u8>::new();
        let large = kept.fitting(40 << 20);
        kept.keep(large);
        assert_eq!(kept.held(), 40 << 20);
        // A thousand smaller photos later, whose buffers come from elsewhere too.
        for i in 0..3000 {
            let small = kept.fitting((1 << 20) + 97 * i);
            kept.keep(small);
            kept.keep(vec![0; 1 << 20]);
        }
        assert!(kept.held() <= KEPT_TIMES * (2 << 20), "{}", kept.held());
    }
}
