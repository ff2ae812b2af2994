//! The clock of a host, as the processes on it read it.

use regionfall_kernel::SimDuration;

/// A moment by the clock of a process's host, which need not agree with any other clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LocalTime(pub u64);

impl LocalTime {
    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.as_nanos()))
    }

    /// The span since `earlier`, zero if that is later.
    pub fn since(self, earlier: Self) -> SimDuration {
        SimDuration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
