//! The operations that are not settled yet: one row each, in pages of 64.
//!
//! Operations are numbered in the order of asking, so a row is found by its number. A page whose rows
//! have all left is used again: one request that never ends holds 64 rows, not everything since.

use std::collections::VecDeque;

const PAGE_BITS: u32 = 6;
const PAGE: usize = 1 << PAGE_BITS;
const NO_PAGE: u32 = u32::MAX;

/// No moment: not acknowledged, not stopped, no episode.
pub(super) const NEVER: u64 = u64::MAX;

/// What is known of an operation. Times in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub issued: u64,
    /// When the application got its success; [`NEVER`] so far.
    pub acked: u64,
    /// Sequence of its first effect; 0 if it has none.
    pub sequence: u64,
    pub server: u32,
    pub key: u32,
    /// The operation acknowledged before this one on the same key, plus one; 0 if none.
    pub before: u32,
    /// What keeps the row, beside attempts under way: effects that some member lacks, and disputes.
    pub holds: u32,
    pub flags: u32,
    /// Origin of its first effect.
    pub origin: u16,
    pub keyspace: u16,
    /// Attempts known of, by the highest number.
    pub attempts: u8,
    /// Attempts that were sent.
    pub sent: u8,
    /// Attempts that were sent and of which it is known whether they took effect.
    pub settled: u8,
    /// Effects.
    pub effects: u8,
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
    /// Its contribution was removed by an operation that had not observed it.
    pub(in super::super) const REMOVED_UNSEEN: u32 = 1 << 16;
}

impl Row {
    pub(super) const fn is(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    pub(super) const fn is_acked(&self) -> bool {
        self.acked != NEVER
    }

    /// Whether nothing that may still happen can change what the row counts as.
    pub(super) const fn is_settled(&self) -> bool {
        self.is(flag::ENDED) && self.holds == 0 && (!self.is(flag::WRITE) || self.sent <= self.settled)
    }
}

#[derive(Clone, Debug)]
struct Page {
    rows: Vec<Row>,
    /// A bit for each row that has not left.
    live: u64,
}

/// The rows.
#[derive(Clone, Default, Debug)]
pub(super) struct Rows {
    /// Number of the page at the front of `directory`.
    first_page: u32,
    directory: VecDeque<u32>,
    pages: Vec<Page>,
    free: Vec<u32>,
    next: u32,
    live: u32,
}

impl Rows {
    /// The number of the operation that comes next.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// How many rows there are.
    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    pub(super) fn push(&mut self, row: Row) {
        let slot = self.next as usize % PAGE;
        if slot == 0 {
            let page = self.free.pop().unwrap_or_else(|| {
                self.pages.push(Page { rows: Vec::with_capacity(PAGE), live: 0 });
                self.pages.len() as u32 - 1
            });
            self.pages[page as usize].rows.clear();
            if self.directory.is_empty() {
                self.first_page = self.next >> PAGE_BITS;
            }
            self.directory.push_back(page);
        }
        if let Some(&page) = self.directory.back() {
            let page = &mut self.pages[page as usize];
            page.rows.push(row);
            page.live |= 1 << slot;
            self.live += 1;
        }
        self.next += 1;
    }

    #[inline]
    fn place(&self, operation: u32) -> Option<(usize, usize)> {
        let index = (operation >> PAGE_BITS).checked_sub(self.first_page)?;
        let page = *self.directory.get(index as usize)?;
        let slot = operation as usize % PAGE;
        (page != NO_PAGE && self.pages[page as usize].live >> slot & 1 == 1)
            .then_some((page as usize, slot))
    }

    #[inline]
    pub(super) fn get(&self, operation: u32) -> Option<&Row> {
        let (page, slot) = self.place(operation)?;
        Some(&self.pages[page].rows[slot])
    }

    #[inline]
    pub(super) fn get_mut(&mut self, operation: u32) -> Option<&mut Row> {
        let (page, slot) = self.place(operation)?;
        Some(&mut self.pages[page].rows[slot])
    }

    /// Lets a row go.
    pub(super) fn remove(&mut self, operation: u32) {
        let Some((page, slot)) = self.place(operation) else { return };
        self.pages[page].live &= !(1 << slot);
        self.live -= 1;
        let number = operation >> PAGE_BITS;
        // The newest page still fills.
        if self.pages[page].live == 0 && self.next >> PAGE_BITS > number {
            self.directory[(number - self.first_page) as usize] = NO_PAGE;
            self.free.push(page as u32);
            while self.directory.front() == Some(&NO_PAGE) {
                self.directory.pop_front();
                self.first_page += 1;
            }
        }
    }

    /// The rows that are left, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.directory.iter().enumerate().filter(|&(_, &page)| page != NO_PAGE).flat_map(
            |(index, &page)| {
                let base = (self.first_page + index as u32) << PAGE_BITS;
                let page = &self.pages[page as usize];
                page.rows
                    .iter()
                    .enumerate()
                    .filter(|(slot, _)| page.live >> slot & 1 == 1)
                    .map(move |(slot, row)| (base + slot as u32, row))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: u32) -> Row {
        Row {
            issued: 0,
            acked: NEVER,
            sequence: 0,
            server: 0,
            key,
            before: 0,
            holds: 0,
            flags: 0,
            origin: 0,
            keyspace: 0,
            attempts: 0,
            sent: 0,
            settled: 0,
            effects: 0,
            reader: 0,
        }
    }

    #[test]
    fn one_row_that_stays_holds_one_page() {
        let mut rows = Rows::default();
        for operation in 0..100_000 {
            rows.push(row(operation));
            if operation != 70 {
                rows.remove(operation);
            }
        }
        assert_eq!(rows.live(), 1);
        assert!(rows.pages.len() <= 3, "{} pages", rows.pages.len());
        assert_eq!(rows.get(70).map(|row| row.key), Some(70));
        assert!(rows.get(71).is_none());
        assert!(rows.get(200_000).is_none());
        assert_eq!(rows.iter().map(|(operation, _)| operation).collect::<Vec<_>>(), [70]);
        rows.remove(70);
        rows.push(row(5));
        assert_eq!(rows.get(100_000).map(|row| row.key), Some(5));
    }
}
