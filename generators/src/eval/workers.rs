//! Measuring on several threads, one libtorch thread and one set of models each.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// Runs `of` over the items, one thread for each state (such as a set of models); keeps the order.
///
/// # Errors
/// The first error of the first thread that met one; the other threads then finish the item at hand.
pub fn each<T: Sync, S: Send, R: Send>(
    items: &[T],
    states: &mut [S],
    of: impl Fn(&mut S, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let work = |state: &mut S| -> Result<Vec<(usize, R)>> {
        tch::set_num_threads(1);
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { return Ok(done) };
            match of(state, item) {
                Ok(result) => done.push((i, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let results: Vec<Result<Vec<(usize, R)>>> = std::thread::scope(|scope| {
        let work = &work;
        let spawned: Vec<_> = states.iter_mut().map(|state| scope.spawn(move || work(state))).collect();
        let joined = spawned
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::Input("a measuring thread panicked".into()))));
        joined.collect()
    });
    let mut all: Vec<(usize, R)> = results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_every_thread_has_its_own_state() {
        let items: Vec<usize> = (0..97).collect();
        let mut counts = [0, 0, 0];
        let seen = each(&items, &mut counts, |count, item| {
            *count += 1;
            Ok(*item)
        });
        assert_eq!(seen.unwrap(), items);
        assert_eq!(counts.iter().sum::<usize>(), 97);
    }

    #[test]
    fn an_error_ends_the_work() {
        let fails = |(): &mut (), item: &usize| if *item == 5 { Err(Error::Input("five".into())) } else { Ok(()) };
        let result = each(&[1, 5, 9], &mut [(), ()], fails);
        assert!(result.unwrap_err().to_string().contains("five"));
    }
}
