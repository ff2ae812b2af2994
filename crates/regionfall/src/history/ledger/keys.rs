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
