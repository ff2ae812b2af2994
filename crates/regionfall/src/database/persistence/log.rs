//! What a file holds: a state, and after it what was appended, in the order in which it was applied.
//!
//! Every change has a *position*: the first appended one is 1. Effects themselves stand in the journal;
//! the log keeps ranges of dots. Whatever is on the disk for good is folded into the state, so the log is
//! as long as what a crash could still take away.

use std::collections::VecDeque;
use std::sync::Arc;

use regionfall_crdt::{Clock, Dot, OriginId, Replica};

use crate::database::Journal;

/// See the module.
#[derive(Clone, Debug)]
pub struct Log {
    base: Replica,
    /// The position up to which changes are in `base`.
    folded: u64,
    /// The position of the last change.
    appended: u64,
    entries: VecDeque<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The position of its last change.
    through: u64,
    what: Change,
}

/// What was appended.
#[derive(Clone, Debug)]
pub enum Change {
    /// Consecutive effects of one origin, each a position of its own.
    Effects {
        /// Whose.
        origin: OriginId,
        /// The first sequence.
        first: u64,
        /// The last sequence.
        last: u64,
    },
    /// A whole state was taken in beside what was there.
    Merged(Arc<Replica>),
    /// A whole state took the place of what was there.
    Replaced(Arc<Replica>),
}

impl Change {
    fn positions(&self) -> u64 {
        match *self {
            Self::Effects { first, last, .. } => last + 1 - first,
            Self::Merged(_) | Self::Replaced(_) => 1,
        }
    }
}

impl Entry {
    fn before(&self) -> u64 {
        self.through - self.what.positions()
    }

    /// The change as far as `position`, which lies within it.
    fn until(&self, position: u64) -> Change {
        match &self.what {
            Change::Effects { origin, first, .. } => Change::Effects {
                origin: *origin,
                first: *first,
                last: first + (position - self.before()) - 1,
            },
            whole => whole.clone(),
        }
    }
}

impl Log {
    /// A file that holds a state and nothing after it.
    pub const fn new(base: Replica) -> Self {
        Self {
            base,
            folded: 0,
            appended: 0,
            entries: VecDeque::new(),
        }
    }

    /// The position of the last change.
    pub const fn appended(&self) -> u64 {
        self.appended
    }

    /// The state into which everything durable so far was folded.
    pub const fn base(&self) -> &Replica {
        &self.base
    }

    /// Drops the tombstones of that state which everyone has observed; see [`Replica::collect`].
    pub fn collect(&mut self, stable: &Clock) {
        self.base.collect(stable);
    }

    /// Appends a change.
    pub fn push(&mut self, change: Change) {
        self.appended += change.positions();
        if let Change::Effects {
            origin,
            first,
            last,
        } = change
            && let Some(Entry {
                through,
                what:
                    Change::Effects {
                        origin: newest,
                        last: end,
                        ..
                    },
            }) = self.entries.back_mut()
            && *newest == origin
            && *end + 1 == first
        {
            *end = last;
            *through = self.appended;
            return;
        }
        self.entries.push_back(Entry {
            through: self.appended,
            what: change,
        });
    }

    /// Takes the changes up to a position into the state: nothing but the loss of the disk ends them now.
    pub fn fold(&mut self, through: u64, journal: &Journal) {
        while let Some(entry) = self.entries.front_mut() {
            if entry.before() >= through {
                break;
            }
            if entry.through > through {
                apply(&mut self.base, &entry.until(through), journal);
                let done = through - entry.before();
                if let Change::Effects { first, .. } = &mut entry.what {
                    *first += done;
                }
                break;
            }
            apply(&mut self.base, &entry.what, journal);
            self.entries.pop_front();
        }
        self.folded = self.folded.max(through.min(self.appended));
    }

    /// Forgets everything after a position.
    ///
    /// # Panics
    /// If that was folded already: what is on the disk for good does not go in a crash.
    pub fn cut(&mut self, position: u64) {
        assert!(position >= self.folded, "what was folded cannot be cut");
        while let Some(entry) = self.entries.back_mut() {
            if entry.through <= position {
                break;
            }
            if entry.before() < position {
                entry.what = entry.until(position);
                entry.through = position;
                break;
            }
            self.entries.pop_back();
        }
        self.appended = self.appended.min(position);
    }

    /// The state after the last change.
    pub fn state(&self, journal: &Journal) -> Replica {
        let mut state = self.base.clone();
        for entry in &self.entries {
            apply(&mut state, &entry.what, journal);
        }
        state
    }

    /// The file is gone; an empty one takes its place. Positions go on.
    pub fn lose(&mut self, empty: Replica) {
        self.base = empty;
        self.entries.clear();
        self.folded = self.appended;
    }

    /// How many stretches wait to be folded.
    pub fn pending(&self) -> usize {
        self.entries.len()
    }
}

fn apply(state: &mut Replica, change: &Change, journal: &Journal) {
    match change {
        Change::Effects {
            origin,
            first,
            last,
        } => {
            for sequence in *first..=*last {
                let effect = journal.get(Dot::new(*origin, sequence));
                debug_assert!(effect.is_some(), "the journal keeps what disks still need");
                if let Some(effect) = effect {
                    let applied = state.apply(effect);
                    debug_assert!(
                        !matches!(applied, regionfall_crdt::Applied::Gap { .. }),
                        "{applied:?}: changes are appended in the order in which they were applied"
                    );
                }
            }
        }
        Change::Merged(other) => state.merge(other),
        Change::Replaced(other) => *state = Replica::clone(other),
    }
}
