//! The operations that are not settled yet: one row each.
//!
//! Operations are numbered in the order of asking, and most leave soon after, so the rows are a ring that
//! an operation's number points into. Where a few stay behind (a request that never ends), they step aside
//! into a list: they hold themselves, not everything since.

use super::service::Traffic;

/// The ring is not made to move rows aside while it is this small.
const RING_MIN: u32 = 1_024;

/// No moment: not acknowledged, not stopped, no episode.
pub(super) const NEVER: u64 = u64::MAX;

/// What is known of an operation. Times in nanoseconds. It fills a line of the processor's cache: while a
/// member is away rows lie everywhere in memory, and each look at one costs a line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Row {
    pub issued: u64,
    /// When the application got its success; [`NEVER`] so far. Of a read: when the newest write on its key did, by its
    /// issue.
    pub acked: u64,
    /// When the oldest of those acknowledged between `before` and this one, whose rows have left, was
    /// acknowledged; 0 if there is none. Of a stale read: when the first write that it missed was.
    pub shadow: u64,
    /// Sequence of the effect of its first attempt that had one, the last if there were several: whoever has
    /// that has all. 0 if there is none. Of a read: of the newest write on its key, by its issue; 0 if it misses none.
    pub sequence: u32,
    pub server: u32,
    /// The place of its key.
    pub key: u32,
    /// The operation acknowledged before this one on the same key that has a row, plus one; 0 if none. Of a
    /// read: its session's newest acknowledged write when it was issued.
    pub before: u32,
    /// The one after it. Of a read: the newest write on its key that was acknowledged by its issue, plus one; 0 if none.
    pub after: u32,
    /// What keeps the row, beside attempts under way: effects that some member lacks, and disputes.
    pub holds: u32,
    pub flags: u32,
    /// Origin of its first effect. Of a read: of the newest write on its key, by its issue.
    pub origin: u16,
    pub keyspace: u16,
    /// Attempts known of, by the highest number.
    pub attempts: u8,
    /// Attempts that were sent.
    pub sent: u8,
    /// Attempts that were sent and of which it is known whether they took effect.
    pub settled: u8,
    /// Attempts that had an effect.
    pub effects: u8,
    /// How many effects the first of them had; `sequence` is that of the last.
    pub span: u8,
    /// Member that executed the read last.
    pub reader: u8,
}

/// Flags of a row.
pub(super) mod flag {
    pub(in super::super) const WRITE: u32 = 1;
    pub(in super::super) const IDEMPOTENT: u32 = 1 << 1;
    pub(in super::super) const ENDED: u32 = 1 << 2;
    pub(in super::super) const FAILED: u32 = 1 << 3;
    pub(in super::super) const OVERDUE: u32 = 1 << 4;
    pub(in super::super) const LATE: u32 = 1 << 5;
    /// A concurrent write of another member, one order of which differs from the other.
    pub(in super::super) const CONFLICT: u32 = 1 << 6;
    /// A concurrent write of another member that commutes with it.
    pub(in super::super) const COMMUTING: u32 = 1 << 7;
    pub(in super::super) const RESURRECTED: u32 = 1 << 8;
    /// Its first effect is overwritten.
    pub(in super::super) const OVERWRITTEN: u32 = 1 << 9;
    pub(in super::super) const BY_FAULT: u32 = 1 << 10;
    pub(in super::super) const STALE: u32 = 1 << 11;
    pub(in super::super) const STALE_BEYOND_LAG: u32 = 1 << 12;
    pub(in super::super) const OWN_WRITE_MISSED: u32 = 1 << 13;
    pub(in super::super) const WENT_BACK: u32 = 1 << 14;
    /// A removal: DEL, SREM.
    pub(in super::super) const REMOVAL: u32 = 1 << 15;
    /// It claims a key or takes an element, in a keyspace that promises that nobody else does.
    pub(in super::super) const TAKES: u32 = 1 << 17;
    /// The row has not left.
    pub(in super::super) const LIVE: u32 = 1 << 31;
    /// What a row needs not have to be counted as acknowledged and nothing else.
    pub(in super::super) const REMARKABLE: u32 =
        LATE | CONFLICT | COMMUTING | RESURRECTED | OVERWRITTEN | REMOVED_UNSEEN;
    /// Its contribution was removed by an operation that had not observed it.
    pub(in super::super) const REMOVED_UNSEEN: u32 = 1 << 16;
}

impl Row {
    pub(super) const EMPTY: Self = Self {
        issued: 0,
        acked: NEVER,
        shadow: 0,
        sequence: 0,
        server: 0,
        key: 0,
        before: 0,
        after: 0,
        holds: 0,
        flags: 0,
        origin: 0,
        keyspace: 0,
        attempts: 0,
        sent: 0,
        settled: 0,
        effects: 0,
        span: 0,
        reader: u8::MAX,
    };

    pub(super) const fn is(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Whether it reads or writes.
    pub(super) const fn traffic(&self) -> Traffic {
        if self.is(flag::WRITE) {
            Traffic::Writes
        } else {
            Traffic::Reads
        }
    }

    pub(super) const fn is_acked(&self) -> bool {
        self.acked != NEVER
    }

    /// The oldest acknowledgement among this one and those whose rows have left before it.
    pub(super) const fn oldest(&self) -> u64 {
        // What left before it was acknowledged before it.
        if self.shadow == 0 {
            self.acked
        } else {
            self.shadow
        }
    }

    /// Whether nothing that may still happen can change what the row counts as.
    pub(super) const fn is_settled(&self) -> bool {
        self.is(flag::ENDED)
            && self.holds == 0
            && (!self.is(flag::WRITE) || self.sent <= self.settled)
    }
}

/// The rows.
#[derive(Clone, Default, Debug)]
pub(super) struct Rows {
    /// Operation `n` of `base..next` is at `n` modulo the length, which is a power of two.
    ring: Vec<Row>,
    base: u32,
    next: u32,
    live: u32,
    /// Rows that stayed behind, in order; some have left.
    stragglers: Vec<(u32, Row)>,
    stragglers_left: u32,
}

impl Rows {
    /// The number of the operation that comes next.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// No row is older than this.
    pub(super) fn oldest(&self) -> u32 {
        self.stragglers.first().map_or(self.base, |first| first.0)
    }

    /// How many rows there are.
    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    #[inline]
    fn slot(&self, operation: u32) -> usize {
        operation as usize & (self.ring.len().wrapping_sub(1))
    }

    #[inline]
    pub(super) fn push(&mut self, row: Row) {
        if (self.next - self.base) as usize == self.ring.len() {
            self.make_room();
        }
        let slot = self.slot(self.next);
        self.ring[slot] = row;
        self.ring[slot].flags |= flag::LIVE;
        self.live += 1;
        self.next += 1;
    }

    #[cold]
    fn make_room(&mut self) {
        self.skip_empty();
        let length = self.ring.len() as u32;
        if self.next - self.base < length {
            return;
        }
        let in_ring = self.live - (self.stragglers.len() as u32 - self.stragglers_left);
        if length >= RING_MIN && in_ring <= length / 4 {
            // A few old rows hold the ring: they step aside.
            for operation in self.base..self.base + length / 2 {
                let row = self.ring[self.slot(operation)];
                if row.is(flag::LIVE) {
                    self.stragglers.push((operation, row));
                }
            }
            self.base += length / 2;
            self.skip_empty();
            return;
        }
        let mut larger = vec![Row::EMPTY; (length * 2).max(64) as usize];
        let mask = larger.len() - 1;
        for operation in self.base..self.next {
            larger[operation as usize & mask] = self.ring[self.slot(operation)];
        }
        self.ring = larger;
    }

    fn skip_empty(&mut self) {
        while self.base < self.next && !self.ring[self.slot(self.base)].is(flag::LIVE) {
            self.base += 1;
        }
    }

    #[cold]
    fn straggler(&self, operation: u32) -> Option<usize> {
        let index = self
            .stragglers
            .binary_search_by_key(&operation, |straggler| straggler.0)
            .ok()?;
        self.stragglers[index].1.is(flag::LIVE).then_some(index)
    }

    #[inline]
    pub(super) fn get(&self, operation: u32) -> Option<&Row> {
        if operation.wrapping_sub(self.base) < self.next - self.base {
            let row = &self.ring[self.slot(operation)];
            return row.is(flag::LIVE).then_some(row);
        }
        self.straggler(operation)
            .map(|index| &self.stragglers[index].1)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, operation: u32) -> Option<&mut Row> {
        if operation.wrapping_sub(self.base) < self.next - self.base {
            let slot = self.slot(operation);
            let row = &mut self.ring[slot];
            return if row.is(flag::LIVE) { Some(row) } else { None };
        }
        self.straggler(operation)
            .map(|index| &mut self.stragglers[index].1)
    }

    /// Lets a row go.
    #[inline]
    pub(super) fn remove(&mut self, operation: u32) {
        let Some(row) = self.get_mut(operation) else {
            return;
        };
        row.flags &= !flag::LIVE;
        self.live -= 1;
        if operation < self.base {
            self.stragglers_left += 1;
            if self.stragglers_left as usize * 2 > self.stragglers.len() {
                self.stragglers
                    .retain(|straggler| straggler.1.is(flag::LIVE));
                self.stragglers_left = 0;
            }
        }
    }

    /// The rows that are left, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        let behind = self
            .stragglers
            .iter()
            .map(|(operation, row)| (*operation, row));
        let ring =
            (self.base..self.next).map(|operation| (operation, &self.ring[self.slot(operation)]));
        behind.chain(ring).filter(|(_, row)| row.is(flag::LIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_of_the_cache() {
        assert_eq!(size_of::<Row>(), 64);
    }

    fn row(key: u32) -> Row {
        Row { key, ..Row::EMPTY }
    }

    #[test]
    fn one_row_that_stays_holds_only_itself() {
        let mut rows = Rows::default();
        for operation in 0..100_000 {
            rows.push(row(operation));
            if operation != 70 {
                rows.remove(operation);
            }
        }
        assert_eq!(rows.live(), 1);
        assert!(rows.ring.len() <= 2_048, "{} slots", rows.ring.len());
        assert_eq!(rows.get(70).map(|row| row.key), Some(70));
        assert!(rows.get(71).is_none());
        assert!(rows.get(200_000).is_none());
        assert_eq!(
            rows.iter()
                .map(|(operation, _)| operation)
                .collect::<Vec<_>>(),
            [70]
        );
        rows.remove(70);
        rows.push(row(5));
        assert_eq!(rows.get(100_000).map(|row| row.key), Some(5));
    }

    /// Any mixture of rows that leave at once, later and never.
    #[test]
    fn rows_are_found_and_gone_as_in_a_map() {
        let stays = |operation: u32| match operation % 97 {
            // Some stay for ever, some for long, some for a moment.
            0 if operation.is_multiple_of(5) => u32::MAX,
            1..=3 => 3_000 + operation % 1_500,
            own => own % 11,
        };
        let mut rows = Rows::default();
        let mut map = std::collections::BTreeMap::new();
        let mut leaves: std::collections::BTreeMap<u32, Vec<u32>> =
            std::collections::BTreeMap::new();
        for operation in 0..30_000_u32 {
            assert_eq!(rows.next(), operation);
            rows.push(row(operation));
            map.insert(operation, operation);
            leaves
                .entry(operation.saturating_add(stays(operation)))
                .or_default()
                .push(operation);
            for gone in leaves.remove(&operation).into_iter().flatten() {
                rows.remove(gone);
                map.remove(&gone);
                assert!(rows.get(gone).is_none() && rows.get_mut(gone).is_none());
            }
            assert_eq!(rows.live() as usize, map.len());
            let other = operation.wrapping_mul(2_654_435_761) % (operation + 2);
            let found = rows.get(other).map(|row| row.key);
            assert_eq!(found, map.get(&other).copied(), "{other} of {operation}");
            let found = rows.get_mut(other).map(|row| row.key);
            assert_eq!(found, map.get(&other).copied());
        }
        let all: Vec<(u32, u32)> = rows
            .iter()
            .map(|(operation, row)| (operation, row.key))
            .collect();
        assert_eq!(all, map.into_iter().collect::<Vec<_>>());
        assert!(rows.ring.len() <= 8_192, "{} slots", rows.ring.len());
        let (kept, left) = (rows.stragglers.len(), rows.stragglers_left as usize);
        assert!(left * 2 <= kept, "{left} of {kept} stragglers are gone");
        for (operation, _) in all {
            rows.remove(operation);
        }
        assert_eq!((rows.live(), rows.iter().count()), (0, 0));
        assert!(
            kept > 0 && rows.stragglers.is_empty(),
            "of {kept} stragglers"
        );
    }

    #[test]
    fn what_is_not_acknowledged_yet_is_older_than_nothing() {
        let acked = Row {
            acked: 7,
            ..Row::EMPTY
        };
        assert_eq!(acked.oldest(), 7);
        assert_eq!(Row { shadow: 3, ..acked }.oldest(), 3);
    }
}
