//! Many cells at once: how small a p-value must be when one looked in twenty places.
//!
//! Holm's step-down procedure (1979) keeps the chance of *any* false finding at the level asked,
//! whatever the dependence between cells, and never finds less than Bonferroni does.

/// The p-values after correction, in the order given; compare each with the allowed error.
///
/// Values that are not numbers take no part and stay as they are: a cell without a test is not one
/// of the places that was looked at.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len())
        .filter(|&i| !p_values[i].is_nan())
        .collect();
    // Ties keep their order, so that equal tables give equal bytes.
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = p_values.to_vec();
    let mut largest: f64 = 0.0;
    for (place, &cell) in order.iter().enumerate() {
        let remaining = (order.len() - place) as f64;
        largest = largest.max((p_values[cell] * remaining).min(1.0));
        adjusted[cell] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` in R.
    #[test]
    fn agrees_with_r() {
        let got = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (got, expected) in got.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((got - expected).abs() < 1e-12, "{got}, not {expected}");
        }
    }

    #[test]
    fn cells_without_a_test_do_not_count() {
        let got = adjusted(&[0.03, f64::NAN, 0.02]);
        assert!((got[0] - 0.04).abs() < 1e-12);
        assert!(got[1].is_nan());
        assert!((got[2] - 0.04).abs() < 1e-12);
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn correction_never_helps_and_never_exceeds_bonferroni(
            p_values in prop::collection::vec(0.0_f64..=1.0, 1..30),
        ) {
            let count = p_values.len() as f64;
            for (corrected, raw) in adjusted(&p_values).iter().zip(&p_values) {
                prop_assert!(corrected >= raw && *corrected <= (raw * count).min(1.0) + 1e-12);
            }
        }
    }
}
