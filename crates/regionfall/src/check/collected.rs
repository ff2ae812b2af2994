//! Memory comes back: once everybody who belongs to the database has everything, no tombstone is left to the collector.
//!
//! Judged where memory has a limit, at rest, and only if every node runs: who is down, or apart for ever, keeps tombstones
//! alive by right.

use regionfall_kernel::SimTime;

use super::{Findings, Verdict, VerdictKind};
use crate::topology::MemberId;

/// The verdict on keys that still wait for the collector, by member.
pub fn collected(at: SimTime, waiting: &[(MemberId, usize)]) -> Verdict {
    let mut findings = Findings::default();
    for &(member, keys) in waiting.iter().filter(|(_, keys)| *keys > 0) {
        findings.add(at, || {
            format!("{keys} keys of {member} wait for the collector, and everybody has everything")
        });
    }
    findings.verdict("memory comes back", VerdictKind::Eventually)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_member_may_keep_a_tombstone() {
        let held = |waiting: &[(MemberId, usize)]| collected(SimTime::ZERO, waiting).held;
        assert!(held(&[(MemberId(0), 0), (MemberId(1), 0)]));
        assert!(!held(&[(MemberId(0), 0), (MemberId(1), 3)]));
    }
}
