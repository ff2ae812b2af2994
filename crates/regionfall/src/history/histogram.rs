//! A small histogram of durations: log-linear buckets of 32-bit counts.
//!
//! Buckets are 1.6 % wide (64 to an octave, over whole microseconds), up to 71 minutes; longer values
//! land in the last. Made without memory: the buckets come with the first value.

use regionfall_kernel::SimDuration;

/// Counts of durations.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Histogram {
    buckets: Vec<u32>,
    total: u64,
}

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;
const BUCKETS: usize = ((32 - SUB_BITS as usize) << SUB_BITS) + SUB as usize;

impl Histogram {
    /// The histogram of nothing; it holds no memory yet.
    pub const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            total: 0,
        }
    }

    /// Counts one duration.
    #[inline]
    pub fn record(&mut self, value: SimDuration) {
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        let bucket = &mut self.buckets[bucket_of(value.as_nanos() / 1_000)];
        *bucket = bucket.saturating_add(1);
        self.total += 1;
    }

    /// How many were counted.
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Histogram) {
        if self.buckets.is_empty() {
            self.clone_from(other);
            return;
        }
        for (own, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *own = own.saturating_add(*theirs);
        }
        self.total += other.total;
    }

    /// The quantile of order `order` (nearest rank), as the middle of its bucket, in milliseconds;
    /// `None` if nothing was counted.
    pub fn quantile_ms(&self, order: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = ((order * self.total as f64).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return Some(middle_of(index) / 1_000.0);
            }
        }
        None
    }
}

fn bucket_of(micros: u64) -> usize {
    if micros < SUB {
        return micros as usize;
    }
    let micros = micros.min(u64::from(u32::MAX));
    let shift = micros.ilog2() - SUB_BITS;
    ((u64::from(shift) << SUB_BITS) + (micros >> shift)) as usize
}

/// The middle of a bucket, in microseconds.
fn middle_of(index: usize) -> f64 {
    let index = index as u64;
    if index < 2 * SUB {
        return index as f64 + 0.5;
    }
    let shift = (index >> SUB_BITS) - 1;
    let low = (SUB + (index & (SUB - 1))) << shift;
    low as f64 + (1_u64 << shift) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile_ms(0.5), None);
        for millis in 1..=1_000 {
            histogram.record(SimDuration::from_millis(millis));
        }
        for (order, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0), (0.0, 1.0)] {
            let found = histogram.quantile_ms(order).unwrap();
            assert!(
                (found - expected).abs() <= expected * 0.017,
                "{order}: {found}"
            );
        }
    }

    #[test]
    fn buckets_are_contiguous_and_bounded() {
        let mut last = 0;
        for micros in (0..10_000).chain([1 << 20, 1 << 31, u64::from(u32::MAX), u64::MAX]) {
            let bucket = bucket_of(micros);
            assert!(
                bucket >= last && (micros > 10_000 || bucket <= last + 1),
                "{micros}"
            );
            assert!(bucket < BUCKETS);
            last = bucket;
        }
    }

    #[test]
    fn merging_adds() {
        let mut a = Histogram::new();
        let mut b = Histogram::new();
        b.record(SimDuration::from_millis(4));
        a.merge(&b);
        a.merge(&b);
        assert_eq!(a.count(), 2);
        assert!(a.quantile_ms(0.5).unwrap() > 3.9);
    }
}
