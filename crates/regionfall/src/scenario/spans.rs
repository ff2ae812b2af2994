//! Spans of time as scenario files write them, for those who write scenario files.

use regionfall_kernel::SimDuration;

use super::read::{distribution, leaf, quantity};

/// A span in the largest unit that is exact.
pub(crate) fn span_text(span: SimDuration) -> String {
    leaf::span_text(span.as_nanos())
}

/// The span that a text says, if it is a plain one.
pub(crate) fn span_of(text: &str) -> Option<SimDuration> {
    quantity::duration(text).ok()
}

/// The median of a distribution that a text says, if it is one of spans.
pub(crate) fn median_of(text: &str) -> Option<String> {
    let mut no_files = |_: &str| Err("no files here".to_owned());
    let distribution = distribution::parse(text, &mut no_files).ok()?;
    let median = distribution.quantile(0.5);
    // To the millisecond: who simplifies does not want more.
    let millis = median.as_nanos() / 1_000_000;
    (millis > 0).then(|| span_text(SimDuration::from_millis(millis)))
}
