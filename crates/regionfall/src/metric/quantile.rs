//! Quantiles of a few values of one run: the nearest rank, so that each is a value that occurred.

/// The smallest value that at least the share `order` of all does not exceed; `None` of nothing.
///
/// With fewer than 100 values the 99th percentile is the largest.
pub(super) fn nearest_rank<T>(sorted: &[T], order: f64) -> Option<&T> {
    let rank = (order * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_values_that_occurred() {
        let values: Vec<u32> = (1..=99).collect();
        assert_eq!(nearest_rank(&values, 0.99), Some(&99));
        assert_eq!(nearest_rank(&values, 0.5), Some(&50));
        assert_eq!(nearest_rank(&values, 0.0), Some(&1));
        assert_eq!(nearest_rank::<u32>(&[], 0.5), None);
    }
}
