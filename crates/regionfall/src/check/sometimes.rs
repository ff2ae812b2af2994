//! What should be seen in some run of a sweep, so that what always held did not hold for want of trouble.

use crate::history::{Account, WriteCounts};

use super::{Verdict, VerdictKind};

/// The names of what should be seen sometimes.
pub const SOMETIMES: &[&str] = &[
    "a failover",
    "a failback",
    "a conflict",
    "a lost write",
    "a late write",
    "an overwritten write",
    "a write applied twice",
    "a removal undone",
    "an unknown write that is there",
    "a stale read",
    "an episode",
];

/// Whether this run saw them, in the order of [`SOMETIMES`].
pub fn sometimes(account: &Account) -> Vec<Verdict> {
    let writes: WriteCounts = account.all_writes();
    let is_home = |server: crate::topology::ServerId| account.shape.home_of(server.index());
    let seen = [
        account
            .adoptions
            .iter()
            .any(|adoption| adoption.from == is_home(adoption.server)),
        account
            .adoptions
            .iter()
            .any(|adoption| adoption.to == is_home(adoption.server)),
        writes.conflicting > 0,
        writes.lost > 0,
        writes.late > 0,
        writes.overwritten_by_fault + writes.overwritten_ordinary > 0,
        writes.duplicated > 0,
        writes.resurrected > 0,
        writes.unknown_present > 0,
        account.reads.stale > 0,
        !account.episodes.is_empty(),
    ];
    let verdict = |(&check, held)| Verdict {
        check,
        kind: VerdictKind::Sometimes,
        held,
        evidence: Vec::new(),
    };
    SOMETIMES.iter().zip(seen).map(verdict).collect()
}
