//! Scores of sorted sets: their order, their sums, their spelling.

use std::cmp::Ordering;

use crate::cell::CellValue;
use crate::tally::Amount;

/// A score, or what is added to one.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Score(
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::score"))] pub(crate) f64,
);

impl CellValue for Score {
    type Amount = Score;

    fn bytes(&self) -> usize {
        8
    }
}

impl Amount for Score {
    const ZERO: Self = Self(0.0);

    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// The order of scores, in which the two zeros are one.
pub(crate) fn compare_scores(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// A score as the server answers it: the shortest digits that read back as the same number (redis/redis, `util.c`).
pub(crate) fn show_score(score: f64) -> String {
    if score.is_infinite() {
        return if score > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = score.abs();
    if magnitude != 0.0 && !(1e-5..1e21).contains(&magnitude) {
        let text = format!("{score:e}");
        return match text.split_once("e-") {
            Some(_) => text,
            None => text.replace('e', "e+"),
        };
    }
    format!("{score}")
}
