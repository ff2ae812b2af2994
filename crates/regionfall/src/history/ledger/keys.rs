//! Per key: who wrote it lately, what conflicts with what, and which newest write was acknowledged.
//!
//! A *trail* stands for the effects of one origin on one key (or one element of a set), from the moment
//! that they exist until every node has them. A new write meets each trail of its key once, so its cost is
//! that of the origins that wrote the key within the replication lag, not of their writes.
//!
//! Keys live in pages that come with the first use of one of them: a world of ten milliseconds pays for
//! the keys it touches, not for those it could.

/// Elements, as numbers. The whole key is an element of its own that meets all others.
pub(super) const WHOLE: u64 = u64::MAX;

const NONE: u32 = 0;
const PAGE_BITS: u32 = 4;
const PAGE: u32 = 1 << PAGE_BITS;

/// A key. References to slabs and operations are plus one; 0 is none.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Key {
    pub trails: u32,
    pub disputes: u32,
    pub sessions: u32,
    /// The newest acknowledged write; its row may have left.
    pub newest: u32,
    /// The newest one that has a row.
    pub open: u32,
    /// When the oldest of those after it was acknowledged; 0 if there is none.
    pub shadow: u64,
    pub newest_at: u64,
    pub newest_sequence: u64,
    pub newest_origin: u16,
}

/// What kind of writes already met an end of a trail's effects, so that they need not be marked again.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Marked {
    pub low: u64,
    pub high: u64,
    /// Which kinds are among them: 1 for additions, 2 for removals.
    pub kinds: u8,
}

/// The effects of one origin on one key or element that are not everywhere yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    pub next: u32,
    pub origin: u16,
    /// Whether a write that had seen the newest has replaced it.
    pub superseded: bool,
    pub element: u64,
    pub newest: u64,
    /// When the newest was executed.
    pub executed: u64,
    /// Everything up to here was removed by operations that had observed it.
    pub removed: u64,
    /// By what the other write is: an addition (or register write), a removal.
    pub marked: [Marked; 2],
}

/// A register write that a concurrent one beats, unless a write that had seen the first and not the
/// second turns up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispute {
    pub next: u32,
    pub loser: u32,
    pub loser_origin: u16,
    pub winner_origin: u16,
    pub loser_sequence: u64,
    pub winner_sequence: u64,
    pub key: u32,
    pub by_fault: bool,
    /// Whether the winner was no removal, while the loser was one.
    pub resurrects: bool,
    pub is_open: bool,
    /// Members, a bit for each, that have seen the winners of this dispute and of all older ones of the key.
    pub seen_by: u32,
}

impl Dispute {
    /// Whether `node` has seen the winner, and those of all older disputes of the key.
    #[inline]
    pub(super) const fn is_seen_by(&self, node: usize) -> bool {
        self.seen_by >> node & 1 == 1
    }
}

/// No app server: the session is gone.
pub(super) const NOBODY: u32 = u32::MAX;

/// What an app server wrote and saw of a key, as long as some node lacks it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub next: u32,
    pub key: u32,
    /// [`NOBODY`] once it is gone.
    pub server: u32,
    /// Its newest acknowledged write.
    pub own: u32,
    pub own_origin: u16,
    pub seen_origin: u16,
    /// The first effect of that write; 0 if there is none.
    pub own_sequence: u64,
    pub own_acked: u64,
    pub seen_sequence: u64,
    pub seen_executed: u64,
}

/// A slab with a free list threaded through `next`.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
    turn: u32,
}

impl<T: Copy> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
            turn: 0,
        }
    }

    /// The places in turn, free ones included; none if there are none.
    #[inline]
    pub(super) fn turn(&mut self) -> Option<u32> {
        if self.items.len() == self.free.len() {
            return None;
        }
        self.turn = if self.turn as usize >= self.items.len() {
            1
        } else {
            self.turn + 1
        };
        Some(self.turn)
    }

    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.items[index as usize - 1] = item;
            return index;
        }
        self.items.push(item);
        self.items.len() as u32
    }

    pub(super) fn remove(&mut self, index: u32) {
        self.free.push(index);
    }

    #[inline]
    pub(super) fn at(&self, index: u32) -> &T {
        &self.items[index as usize - 1]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, index: u32) -> &mut T {
        &mut self.items[index as usize - 1]
    }

    /// All places, free ones included.
    pub(super) fn places(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.items.len() as u32
    }
}

/// All keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    directory: Vec<u32>,
    /// Page after page, in the order of first use.
    slots: Vec<Key>,
    pub trails: Slab<Trail>,
    pub disputes: Slab<Dispute>,
    pub sessions: Slab<Session>,
}

impl Keys {
    pub(super) const fn new() -> Self {
        Self {
            directory: Vec::new(),
            slots: Vec::new(),
            trails: Slab::new(),
            disputes: Slab::new(),
            sessions: Slab::new(),
        }
    }

    /// The place of a key, for [`Keys::at`].
    #[inline]
    pub(super) fn place(&mut self, key: u32) -> u32 {
        let index = (key >> PAGE_BITS) as usize;
        match self.directory.get(index) {
            Some(&page) if page != NONE => ((page - 1) << PAGE_BITS) | (key % PAGE),
            _ => (self.add_page(index) << PAGE_BITS) | (key % PAGE),
        }
    }

    #[cold]
    fn add_page(&mut self, index: usize) -> u32 {
        if self.directory.len() <= index {
            self.directory.resize(index + 1, NONE);
        }
        let page = (self.slots.len() >> PAGE_BITS) as u32;
        self.slots
            .resize(self.slots.len() + PAGE as usize, Key::default());
        self.directory[index] = page + 1;
        page
    }

    #[inline]
    pub(super) fn at(&mut self, place: u32) -> &mut Key {
        &mut self.slots[place as usize]
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> &Key {
        &self.slots[place as usize]
    }
}

impl Keys {
    /// Takes a trail, which follows `previous` in the chain of its key, out.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every write, from one of two places"
    )]
    #[inline(always)]
    pub(super) fn unlink_trail(&mut self, key: u32, previous: u32, index: u32) {
        let next = self.trails.at(index).next;
        if previous == 0 {
            self.at(key).trails = next;
        } else {
            self.trails.at_mut(previous).next = next;
        }
        self.trails.remove(index);
    }

    /// A node lost some of what it had seen.
    pub(super) fn forget_seen(&mut self, node: usize) {
        for dispute in &mut self.disputes.items {
            dispute.seen_by &= !(1 << node);
        }
    }

    /// Takes a session out of the chain of its key.
    pub(super) fn unlink_session(&mut self, index: u32) {
        let Session { key, next, .. } = *self.sessions.at(index);
        let mut place = self.at(key).sessions;
        if place == index {
            self.at(key).sessions = next;
        }
        while place != index {
            let follows = self.sessions.at(place).next;
            if follows == index {
                self.sessions.at_mut(place).next = next;
                break;
            }
            place = follows;
        }
        self.sessions.at_mut(index).server = NOBODY;
        self.sessions.remove(index);
    }

    /// Closes a dispute and takes it out of the chain of its key.
    pub(super) fn unlink_dispute(&mut self, index: u32) {
        let dispute = *self.disputes.at(index);
        if dispute.next != 0 {
            self.disputes.at_mut(dispute.next).seen_by |= dispute.seen_by;
        }
        let mut place = self.at(dispute.key).disputes;
        if place == index {
            self.at(dispute.key).disputes = dispute.next;
        } else {
            while place != 0 {
                let next = self.disputes.at(place).next;
                if next == index {
                    self.disputes.at_mut(place).next = dispute.next;
                    break;
                }
                place = next;
            }
        }
        self.disputes.at_mut(index).is_open = false;
        self.disputes.remove(index);
    }
}

impl Trail {
    /// Whether an operation on `element` touches what this trail stands for.
    #[inline]
    pub(super) const fn meets(&self, element: u64) -> bool {
        self.element == element || self.element == WHOLE || element == WHOLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_place_of_its_own_and_keeps_it() {
        let mut keys = Keys::new();
        let asked = [5, 0, 15, 16, 1_000, 40, 31, 32, 5];
        let places = asked.map(|key| keys.place(key));
        assert_eq!(places[0], places[8]);
        let distinct: std::collections::BTreeSet<u32> = places.into_iter().collect();
        assert_eq!(distinct.len(), asked.len() - 1);
        for (key, place) in asked.into_iter().zip(places) {
            assert_eq!(keys.place(key), place);
            keys.at(place).newest = key;
        }
        assert!(asked.iter().all(|&key| {
            let place = keys.place(key);
            keys.get(place).newest == key
        }));
        // Only pages with a key in them are there: 0 to 15, 16 to 31, 992 to 1007, and 32 to 47.
        assert_eq!(keys.slots.len(), 4 * PAGE as usize);
    }

    #[test]
    fn places_of_a_slab_are_used_again_and_come_in_turn() {
        let mut slab = Slab::new();
        assert_eq!(slab.turn(), None);
        let places = ["a", "b", "c"].map(|item| slab.insert(item));
        assert_eq!(
            [1, 2, 3, 4, 5].map(|_| slab.turn()),
            [1, 2, 3, 1, 2].map(Some)
        );
        slab.remove(places[1]);
        assert_eq!(slab.insert("d"), places[1]);
        assert_eq!((slab.at(places[1]), slab.places()), (&"d", 1..=3));
        for place in places {
            slab.remove(place);
        }
        assert_eq!(slab.turn(), None, "all are free");
    }

    fn dispute(next: u32) -> Dispute {
        Dispute {
            next,
            loser: 0,
            loser_origin: 0,
            winner_origin: 1,
            loser_sequence: 1,
            winner_sequence: 1,
            key: 3,
            by_fault: false,
            resurrects: false,
            is_open: true,
            seen_by: 0,
        }
    }

    /// The disputes of key 3, from the newest on.
    fn chain(keys: &Keys) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut index = keys.get(3).disputes;
        while index != 0 {
            chain.push(index);
            index = keys.disputes.at(index).next;
        }
        chain
    }

    #[test]
    fn a_dispute_leaves_its_key_and_what_nodes_had_seen_to_the_older_one() {
        let with_three = || {
            let mut keys = Keys::new();
            keys.place(3);
            for next in 0..3 {
                let index = keys.disputes.insert(dispute(next));
                keys.at(3).disputes = index;
            }
            keys
        };
        assert_eq!(chain(&with_three()), [3, 2, 1]);
        for (leaves, left) in [(3, [2, 1]), (2, [3, 1]), (1, [3, 2])] {
            let mut keys = with_three();
            keys.disputes.at_mut(leaves).seen_by = 0b100;
            keys.unlink_dispute(leaves);
            assert_eq!(chain(&keys), left, "without {leaves}");
            assert!(!keys.disputes.at(leaves).is_open);
            if leaves > 1 {
                let older = keys.disputes.at(leaves - 1);
                let seen = [0, 1, 2].map(|node| older.is_seen_by(node));
                assert_eq!(seen, [false, false, true]);
            }
        }
    }

    #[test]
    fn a_node_that_lost_something_has_seen_nothing_and_others_have() {
        let mut keys = Keys::new();
        let index = keys.disputes.insert(dispute(0));
        keys.disputes.at_mut(index).seen_by = 0b111;
        keys.forget_seen(1);
        let dispute = keys.disputes.at(index);
        let seen = [0, 1, 2, 3].map(|node| dispute.is_seen_by(node));
        assert_eq!(seen, [true, false, true, false]);
    }

    #[test]
    fn a_session_leaves_its_key_from_any_place() {
        for (leaves, left) in [(3, [2, 1]), (2, [3, 1]), (1, [3, 2])] {
            let mut keys = Keys::new();
            keys.place(3);
            for next in 0..3 {
                let index = keys.sessions.insert(Session {
                    next,
                    key: 3,
                    server: next,
                    own: 0,
                    own_origin: 0,
                    seen_origin: 0,
                    own_sequence: 0,
                    own_acked: 0,
                    seen_sequence: 0,
                    seen_executed: 0,
                });
                keys.at(3).sessions = index;
            }
            keys.unlink_session(leaves);
            let mut chain = Vec::new();
            let mut index = keys.get(3).sessions;
            while index != 0 {
                chain.push(index);
                index = keys.sessions.at(index).next;
            }
            assert_eq!(chain, left, "without {leaves}");
            assert_eq!(keys.sessions.at(leaves).server, NOBODY);
            assert_eq!(
                keys.sessions.insert(*keys.sessions.at(leaves)),
                leaves,
                "its place is free"
            );
        }
    }

    #[test]
    fn a_trail_leaves_its_key_and_its_place_is_free() {
        for (previous, leaves, left) in [(0, 2, 1), (2, 1, 0)] {
            let mut keys = Keys::new();
            keys.place(3);
            for next in 0..2 {
                let index = keys.trails.insert(Trail {
                    next,
                    origin: 0,
                    superseded: false,
                    element: WHOLE,
                    newest: 1,
                    executed: 0,
                    removed: 0,
                    marked: [Marked::default(); 2],
                });
                keys.at(3).trails = index;
            }
            keys.unlink_trail(3, previous, leaves);
            let first = keys.get(3).trails;
            let follows = if previous == 0 {
                first
            } else {
                keys.trails.at(first).next
            };
            assert_eq!(follows, left);
            assert_eq!(keys.trails.insert(*keys.trails.at(leaves)), leaves);
        }
    }
}
