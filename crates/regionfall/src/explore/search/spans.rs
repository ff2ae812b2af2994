//! What makes a quantity simpler: fewer digits first, then less of it.

use regionfall_kernel::SimDuration;

use crate::scenario::span_text;

/// How simple a number is: its significant digits, then itself. Every move makes it smaller, so moves come to an end.
pub(super) fn measure(text: &str) -> Option<(usize, u64)> {
    let span = crate::scenario::span_of(text)?;
    Some((digits(&span_text(span)), span.as_nanos()))
}

fn digits(text: &str) -> usize {
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = number.trim_start_matches('0').trim_end_matches('0');
    number.len().max(1)
}

/// Simpler spans to try in place of one, the simplest first; none is shorter than `least`.
pub(super) fn simpler(text: &str, least: SimDuration) -> Vec<String> {
    let (Some(own), Some(span)) = (measure(text), crate::scenario::span_of(text)) else {
        return Vec::new();
    };
    let mut tried: Vec<SimDuration> = ROUND_MILLIS
        .iter()
        .map(|&millis| SimDuration::from_millis(millis))
        .collect();
    // Near to it, and rounder.
    for unit in [
        60_000_000_000_u64,
        10_000_000_000,
        1_000_000_000,
        100_000_000,
        1_000_000,
    ] {
        let down = span.as_nanos() / unit * unit;
        tried.extend([down, down + unit].map(SimDuration::from_nanos));
    }
    tried.push(span / 2);
    let mut simpler: Vec<((usize, u64), String)> = tried
        .into_iter()
        .filter(|span| *span >= least.max(FINEST))
        .map(|span| {
            let text = span_text(span);
            ((digits(&text), span.as_nanos()), text)
        })
        .filter(|(measure, _)| *measure < own && measure.1 <= own.1.saturating_mul(2))
        .collect();
    simpler.sort_by_key(|(measure, _)| measure.1);
    simpler.dedup();
    // The shortest, some between, the nearest: a walk of few steps instead of all of them.
    let count = simpler.len();
    let keep =
        |index: usize| count <= 8 || index.is_multiple_of(count / 8 + 1) || index + 3 >= count;
    let numbered = simpler.into_iter().enumerate();
    numbered
        .filter(|(index, _)| keep(*index))
        .map(|(_, (_, text))| text)
        .collect()
}

/// Nothing is simpler for being shorter than this.
const FINEST: SimDuration = SimDuration::from_millis(1);

const ROUND_MILLIS: [u64; 16] = [
    1, 10, 100, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_simpler_and_there_are_few() {
        let mut text = "13.527s".to_owned();
        let mut steps = 0;
        while let Some(next) = simpler(&text, SimDuration::ZERO).last().cloned() {
            assert!(measure(&next) < measure(&text), "{text} to {next}");
            text = next;
            steps += 1;
            assert!(steps < 100);
        }
        assert_eq!(text, "1ms");
        assert!(simpler("13.527s", SimDuration::ZERO).len() < 14);
        let least = SimDuration::from_secs(13);
        let is_long_enough =
            |text: &String| crate::scenario::span_of(text).is_some_and(|span| span >= least);
        assert!(simpler("13.527s", least).iter().all(is_long_enough));
    }
}
