//! A budget of bytes that threads take from and give back, so that memory is bounded by arithmetic and not by luck.

use std::sync::{Condvar, Mutex, PoisonError};

/// So many bytes, some of them taken.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    taken: Mutex<u64>,
    freed: Condvar,
}

/// Bytes taken from a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit: limit.max(1), taken: Mutex::new(0), freed: Condvar::new() }
    }

    /// All of it, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until `bytes` are free and takes them. More than the whole counts as the whole, so that nothing waits forever.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.limit);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken + bytes > self.limit {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn threads_never_hold_more_than_the_budget() {
        let budget = Budget::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for i in 0..200_u64 {
                        let bytes = (thread * 31 + i * 17) % 130;
                        let share = budget.take(bytes);
                        most.fetch_max(held.fetch_add(share.bytes, Ordering::SeqCst) + share.bytes, Ordering::SeqCst);
                        held.fetch_sub(share.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((90..=100).contains(&most), "{most}");
        assert_eq!(*budget.taken.lock().unwrap(), 0);
    }
}
