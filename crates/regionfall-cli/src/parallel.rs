//! Independent pieces of work on several threads, with their results in order.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many threads this machine runs at a time.
pub(crate) fn available_jobs() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Does the work for every item on so many threads. The results are in the order of the items; those
/// that were not begun when `is_over` became true are missing.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    is_over: impl Fn() -> bool + Sync,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while !is_over() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            done.push((index, work(item)));
        }
        done
    };
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.clamp(1, items.len().max(1)))
            .map(|_| scope.spawn(worker))
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => done
                    .into_iter()
                    .for_each(|(index, result)| results[index] = Some(result)),
                Err(panic) => resume_unwind(panic),
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_whatever_the_threads() {
        let items: Vec<u64> = (0..100).collect();
        let squares: Vec<Option<u64>> = items.iter().map(|item| Some(item * item)).collect();
        for jobs in [0, 1, 3, 200] {
            assert_eq!(map(&items, jobs, || false, |item| item * item), squares);
        }
        assert_eq!(map(&[] as &[u64], 2, || false, |item| *item), []);
    }

    #[test]
    fn what_was_not_begun_in_time_is_missing() {
        let begun = AtomicUsize::new(0);
        let results = map(
            &[1, 2, 3, 4],
            1,
            || begun.load(Ordering::Relaxed) == 2,
            |item| {
                begun.fetch_add(1, Ordering::Relaxed);
                *item
            },
        );
        assert_eq!(results, [Some(1), Some(2), None, None]);
    }
}
