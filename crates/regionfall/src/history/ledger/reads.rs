//! What reads missed: staleness, a session's own writes, and going back in time.

use regionfall_kernel::SimDuration;

use super::Ledger;
use super::keys::{Key, NOBODY, Session};
use super::rows::{Row, flag};
use super::writes::short;

const READ_FLAGS: u32 =
    flag::STALE | flag::STALE_BEYOND_LAG | flag::OWN_WRITE_MISSED | flag::WENT_BACK;

impl Ledger {
    /// A node executed a read. What it missed counts when the application gets the answer.
    ///
    /// Of several attempts the last one counts: the client gave the others up.
    pub(super) fn read_executed(&mut self, operation: u32, attempt: u8, node: usize) {
        let Some(&row) = self.rows.get(operation) else {
            return;
        };
        if attempt.saturating_add(1) < row.attempts {
            return;
        }
        let mut flags = 0;
        let key = row.key;
        let state = *self.keys.get(key);
        if row.after != 0 {
            flags |= self.staleness(&row, node);
        }
        if self.shape.keyspaces[usize::from(row.keyspace)].reads_own_writes
            && (state.sessions != 0 || state.trails != 0)
        {
            flags |= self.session_read(key, &row, node);
        }
        let missing = if flags & flag::STALE == 0 {
            0
        } else {
            self.first_missing(&row, node)
        };
        let reader = self.origins.member_of(node);
        if let Some(row) = self.rows.get_mut(operation) {
            row.shadow = missing;
            row.flags = row.flags & !READ_FLAGS | flags;
            row.reader = reader as u8;
        }
    }

    /// The application has the answer of a read.
    pub(super) fn read_acknowledged(&mut self, operation: u32, member: Option<usize>) {
        let Some(&row) = self.rows.get(operation) else {
            return;
        };
        if row.issued < self.storm_begins || !row.is(READ_FLAGS) {
            return;
        }
        if member.is_some_and(|member| member != usize::from(row.reader)) {
            return;
        }
        self.reads.stale += u64::from(row.is(flag::STALE));
        self.reads.stale_beyond_lag += u64::from(row.is(flag::STALE_BEYOND_LAG));
        self.reads.own_writes_missed += u64::from(row.is(flag::OWN_WRITE_MISSED));
        self.reads.went_back += u64::from(row.is(flag::WENT_BACK));
        if row.is(flag::STALE) {
            let age = row.issued.saturating_sub(row.shadow);
            self.reads.ages.record(SimDuration::from_nanos(age));
        }
    }

    /// A read takes down the newest write on its key that is acknowledged when it is issued: that is the one it may miss,
    /// whatever is acknowledged while it is under way, and wherever the row of that write is then.
    pub(super) fn expect_newest(&self, read: &mut Row) {
        let state = self.keys.get(read.key);
        if state.newest != 0 {
            read.after = state.newest;
            read.origin = state.newest_origin;
            read.sequence = short(state.newest_sequence);
            read.acked = state.newest_at;
        }
    }

    /// Whether `node` lacks the newest write that was acknowledged when a read was issued.
    fn misses_newest(&self, read: &Row, node: usize) -> bool {
        let newest = match read.after.checked_sub(1) {
            Some(newest)
                if self.origins.applied(usize::from(read.origin), node)
                    < u64::from(read.sequence) =>
            {
                newest
            }
            _ => return false,
        };
        let Some(write) = self.rows.get(newest) else {
            // Its dot tells, unless it has others that are not known any more.
            return self.left_repeated.iter().all(|left| left.0 != newest);
        };
        let mut effects = self.effects_of(newest, write);
        // What took effect several times and was everywhere counts as seen, whether its row has left or not.
        let counts_as_seen = write.effects > 1 && self.was_everywhere(newest, write);
        !counts_as_seen
            && effects.all(|(origin, sequence, _)| self.origins.applied(origin, node) < sequence)
    }

    fn staleness(&self, read: &Row, node: usize) -> u32 {
        if !self.misses_newest(read, node) {
            return 0;
        }
        let issued = read.issued;
        // What is everywhere is taken to have the longest lag, since its writer is not known any more.
        let members = self.shape.members.len();
        let reader = self.origins.member_of(node);
        let lag_from = |writer: usize| self.lags[writer * members + reader];
        let lag = |writer: usize| lag_from(self.origins.member_of(writer));
        let longest = (0..members).map(lag_from).max().unwrap_or(0);
        let allowed = |writer: Option<usize>| issued.saturating_sub(writer.map_or(longest, lag));
        let writer = self.origins.node(usize::from(read.origin));
        if read.acked <= allowed(Some(writer)) {
            return flag::STALE | flag::STALE_BEYOND_LAG;
        }
        match self.newest_before(self.keys.get(read.key), allowed) {
            Some(newest) if self.lacks(node, newest) => flag::STALE | flag::STALE_BEYOND_LAG,
            _ => flag::STALE,
        }
    }

    /// Whether every node has had all of a write's effects.
    fn was_everywhere(&self, operation: u32, write: &Row) -> bool {
        self.effects_of(operation, write)
            .all(|(origin, sequence, _)| self.origins.had_by_all(origin) >= sequence)
    }

    /// Whether `node` lacks a write that is not the newest which a read may miss: what every node has had counts as seen, as
    /// long as its row stays too.
    fn lacks(&self, node: usize, operation: u32) -> bool {
        let row = self.rows.get(operation);
        row.is_some_and(|row| !self.was_everywhere(operation, row)) && !self.covers(node, operation)
    }

    /// The newest write on a key that was acknowledged by a moment, which may depend on the node that
    /// executed it; `None` if there is none, or if it is everywhere.
    fn newest_before(&self, state: &Key, by: impl Fn(Option<usize>) -> u64) -> Option<u32> {
        let (mut reference, mut shadow) = (state.open, state.shadow);
        loop {
            if shadow != 0 && shadow <= by(None) {
                return None;
            }
            let row = self.rows.get(reference.checked_sub(1)?)?;
            let writer = self.origins.node(usize::from(row.origin));
            if row.acked <= by(Some(writer)) {
                return Some(reference - 1);
            }
            (reference, shadow) = (row.before, row.shadow);
        }
    }

    /// When the first write that a read missed at `node` was acknowledged. Looks at what it lacks only,
    /// origin by origin from the newest write back: a node that is away keeps many rows open, and a
    /// reader elsewhere lacks few of them.
    fn first_missing(&self, read: &Row, node: usize) -> u64 {
        let state = self.keys.get(read.key);
        let mut first = read.acked;
        let mut index = state.trails;
        while index != 0 {
            let trail = self.keys.trails.at(index);
            index = trail.next;
            let origin = usize::from(trail.origin);
            // Only what the node lacks, and not every node has had.
            let seen = self.origins.seen_by_session(origin, node);
            let mut sequence = trail.newest;
            while sequence > seen
                && let Some(entry) = self.origins.entry(origin, sequence)
            {
                if let Some(row) = self.rows.get(entry.operation)
                    && row.acked < first
                    && !self.covers(node, entry.operation)
                {
                    first = row.acked;
                }
                if entry.back == 0 {
                    break;
                }
                sequence -= u64::from(entry.back);
            }
        }
        first
    }

    /// An app server has the success of a write.
    pub(super) fn session_wrote(&mut self, row: &Row, operation: u32) {
        let index = self.session(row.key, row.server, true);
        let session = self.keys.sessions.at_mut(index);
        session.own = operation;
        session.own_acked = row.acked;
        session.own_origin = row.origin;
        session.own_sequence = u64::from(row.sequence);
    }

    /// The newest write of an app server that was acknowledged, plus one; 0 if there is none that some node
    /// lacks.
    pub(super) fn own_write(&mut self, key: u32, server: u32) -> u32 {
        if self.keys.get(key).sessions == 0 {
            return 0;
        }
        match self.session(key, server, false) {
            0 => 0,
            index => {
                let session = self.keys.sessions.at(index);
                if session.own_sequence > 0 {
                    session.own + 1
                } else {
                    0
                }
            }
        }
    }

    fn session_read(&mut self, key: u32, read: &Row, node: usize) -> u32 {
        let mut flags = 0;
        let server = read.server;
        let index = self.session(key, server, false);
        // What a second connection has acknowledged since the read was issued is none of its business. That
        // which the session still has for its newest tells by its dot, without a look at its row. What every node
        // has had counts as seen.
        let is_there = |own: u32| {
            let session = self.keys.sessions.at(index);
            session.own == own
                && self.origins.applied(usize::from(session.own_origin), node)
                    >= session.own_sequence
        };
        if let Some(own) = read.before.checked_sub(1)
            && !(index != 0 && is_there(own))
            && self.lacks(node, own)
        {
            flags |= flag::OWN_WRITE_MISSED;
        }
        if index != 0 {
            let session = *self.keys.sessions.at(index);
            let seen_origin = usize::from(session.seen_origin);
            if self.origins.seen_by_session(seen_origin, node) < session.seen_sequence {
                flags |= flag::WENT_BACK;
            }
        }
        if let Some((executed, origin, sequence)) = self.newest_visible(key, node) {
            let index = self.session(key, server, true);
            let session = self.keys.sessions.at_mut(index);
            let is_everywhere =
                self.origins.had_by_all(usize::from(session.seen_origin)) >= session.seen_sequence;
            // What every node has had nobody can miss any more: it hides no older one that somebody can.
            if session.seen_sequence == 0 || is_everywhere || executed >= session.seen_executed {
                session.seen_origin = origin;
                session.seen_sequence = sequence;
                session.seen_executed = executed;
            }
        }
        flags
    }

    /// The newest write on the key that `node` has and some other node lacks.
    fn newest_visible(&self, key: u32, node: usize) -> Option<(u64, u16, u64)> {
        let mut newest = None;
        let mut index = self.keys.get(key).trails;
        while index != 0 {
            let trail = self.keys.trails.at(index);
            index = trail.next;
            let origin = usize::from(trail.origin);
            let applied = self.origins.applied(origin, node);
            let had_by_all = self.origins.had_by_all(origin);
            let mut sequence = trail.newest;
            if had_by_all < sequence && sequence <= applied {
                newest = newest.max(Some((trail.executed, trail.origin, sequence)));
                continue;
            }
            while sequence > had_by_all {
                let Some(entry) = self.origins.entry(origin, sequence) else {
                    break;
                };
                if sequence <= applied {
                    newest = newest.max(Some((entry.executed, trail.origin, sequence)));
                    break;
                }
                if entry.back == 0 {
                    break;
                }
                sequence -= u64::from(entry.back);
            }
        }
        newest
    }

    /// The session of an app server on a key; 0 if there is none and none is made.
    fn session(&mut self, key: u32, server: u32, make: bool) -> u32 {
        let mut index = self.keys.get(key).sessions;
        while index != 0 {
            let session = self.keys.sessions.at(index);
            if session.server == server {
                return index;
            }
            index = session.next;
        }
        if !make {
            return 0;
        }
        let next = self.keys.get(key).sessions;
        let index = self.keys.sessions.insert(Session {
            next,
            key,
            server,
            own: 0,
            own_origin: 0,
            own_sequence: 0,
            own_acked: 0,
            seen_origin: 0,
            seen_sequence: 0,
            seen_executed: 0,
        });
        self.keys.at(key).sessions = index;
        // Two are looked at for each that comes, so that those of the past do not add up.
        self.sweep_session(index);
        self.sweep_session(index);
        index
    }

    /// Looks at the next session in turn, and lets it go if every node has what it wrote and saw.
    fn sweep_session(&mut self, spared: u32) {
        let Some(index) = self.keys.sessions.turn() else {
            return;
        };
        let session = *self.keys.sessions.at(index);
        if index == spared || session.server == NOBODY {
            return;
        }
        let own_is_open = session.own_sequence > 0
            && self.origins.had_by_all(usize::from(session.own_origin)) < session.own_sequence;
        let seen_is_open = session.seen_sequence > 0
            && self.origins.had_by_all(usize::from(session.seen_origin)) < session.seen_sequence;
        if !own_is_open && !seen_is_open {
            self.keys.unlink_session(index);
        }
    }
}
