//! Transmission, and retransmission by time when it fails.
//!
//! A segment that a path loses, a cut swallows or a dead host ignores stays with the sender's kernel,
//! and everything sent after it waits behind it. The kernel tries again with doubling waits; each try
//! that gets through carries all that waits (the receiver had kept what came out of order). After
//! [`tcp::UNACKNOWLEDGED_LIMIT`], or the user timeout, the kernel aborts the connection.

use std::collections::VecDeque;

use regionfall_kernel::{EventQueue, SimTime, TimerId};

use super::connection::{Stage, Stall};
use super::path::Fate;
use super::{
    BreakCause, CarriesNetwork, ConnectionId, Draw, End, HostState, Network, NetworkEvent, Notice,
    Segment, Silence, tcp,
};

impl<P: Copy> Network<P> {
    /// Whether data from this end waits for a retransmission.
    pub fn is_stalled(&self, id: ConnectionId, from: End) -> bool {
        self.exists(id) && self.upkeep[id.index()].stalls[from.index()].is_some()
    }

    /// Whether both ends of a connection can send.
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.exists(id) && matches!(self.connections[id.index()].stage, Stage::Open { .. })
    }

    /// When a path has carried all that waits for its bandwidth, on the way from an end; the past if nothing waits.
    pub fn free_at(&self, id: ConnectionId, from: End) -> SimTime {
        let connection = self.connections.get(id.index());
        let path = connection.map(|connection| connection.paths[from.index()]);
        path.map_or(SimTime::ZERO, |path| self.paths[path.0 as usize].free_at())
    }

    /// Puts a segment on the wire, or into the sender's kernel if the wire does not take it.
    pub(super) fn transmit<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        (segment, bytes): (Segment<P>, u32),
        draw: Draw,
    ) {
        if self.upkeep[id.index()].stalls[from.index()].is_some() {
            self.stall(now, queue, (id, from), (segment, bytes, draw));
            return;
        }
        match self.fate(now, (id, from), bytes, (draw, 0)) {
            Fate::Arrives(at) => {
                self.put_on_lane(queue, (id, from), at, segment);
                self.connections[id.index()].last_activity = now;
                if self.acknowledgements_are_cut(id, from) {
                    self.guard_unacknowledged(now, queue, id, from);
                } else if self.upkeep[id.index()].guards[from.index()] != TimerId::NONE {
                    self.disarm_guard(queue, id, from);
                }
            }
            Fate::Lost | Fate::Swallowed => {
                self.stall(now, queue, (id, from), (segment, bytes, draw));
            }
            Fate::Rejected => {
                if let Segment::Data(payload) = segment {
                    self.abandoned.push(payload);
                }
                self.send_reset(now, queue, id, from.other());
            }
        }
    }

    /// Keeps a segment in the sender's kernel until a retransmission gets through.
    pub(super) fn stall<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        item: (Segment<P>, u32, Draw),
    ) {
        let upkeep = &mut self.upkeep[id.index()];
        if let Some(stall) = &mut upkeep.stalls[from.index()] {
            stall.queue.push_back(item);
            return;
        }
        let timer = queue.arm(
            now + tcp::back_off(upkeep.timeout, 0),
            NetworkEvent::Retransmit(id, from).into(),
        );
        upkeep.stalls[from.index()] = Some(Box::new(Stall {
            since: now,
            attempt: 0,
            timer,
            queue: VecDeque::from([item]),
        }));
        // The retransmission timer governs now, not keepalive.
        self.disarm_guard(queue, id, from);
        self.guard_user_timeout(now, queue, id, from);
    }

    /// The retransmission timer of an end fires.
    pub(super) fn retransmit<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        from: End,
    ) -> Option<Notice<P>> {
        let receiver = self.connection_mut(id)?.hosts[from.other().index()];
        let upkeep = &mut self.upkeep[id.index()];
        let stall = upkeep.stalls[from.index()].as_mut()?;
        if now.saturating_since(stall.since) >= tcp::UNACKNOWLEDGED_LIMIT {
            return Some(self.break_off(queue, id, from, BreakCause::TimedOut));
        }
        stall.attempt += 1;
        let attempt = stall.attempt;
        let &(_, bytes, draw) = stall.queue.front()?;
        let wait = tcp::back_off(upkeep.timeout, attempt);
        let repetition = u8::try_from(attempt).unwrap_or(u8::MAX);
        let fate = self.fate(now, (id, from), bytes, (draw, repetition));
        let silent = match self.hosts[receiver.index()].state {
            HostState::Silent(fault) => Some(fault),
            _ => None,
        };
        match (fate, silent) {
            (Fate::Arrives(at), None) => {
                let stall = self.upkeep[id.index()].stalls[from.index()].take()?;
                for (segment, _, _) in stall.queue {
                    self.put_on_lane(queue, (id, from), at, segment);
                }
                self.disarm_guard(queue, id, from);
                None
            }
            (Fate::Rejected, _) => {
                self.send_reset(now, queue, id, from.other());
                None
            }
            (Fate::Lost | Fate::Swallowed | Fate::Arrives(_), silent) => {
                if let Some(fault) = silent {
                    self.effects.note(fault, |effects| effects.dropped += 1);
                }
                let timer = queue.arm(now + wait, NetworkEvent::Retransmit(id, from).into());
                if let Some(stall) = &mut self.upkeep[id.index()].stalls[from.index()] {
                    stall.timer = timer;
                }
                None
            }
        }
    }

    /// Puts a segment on its lane; a stream keeps its order.
    fn put_on_lane<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        at: SimTime,
        segment: Segment<P>,
    ) {
        let event = NetworkEvent::arrival(id, from.other(), segment);
        queue.push_lane_no_earlier(self.lane(id, from), at, event.into());
    }

    /// Whether data of this end arrives but its acknowledgements do not.
    fn acknowledgements_are_cut(&self, id: ConnectionId, from: End) -> bool {
        let connection = &self.connections[id.index()];
        let back = &self.paths[connection.paths[from.other().index()].0 as usize];
        matches!(back.cut(connection.class), Some((_, Silence::Silent)))
    }

    /// Data went out whose acknowledgement cannot come back: the limit runs from the oldest such data.
    fn guard_unacknowledged<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        from: End,
    ) {
        if self.upkeep[id.index()].unacknowledged[from.index()] {
            return;
        }
        self.disarm_guard(queue, id, from);
        let upkeep = &mut self.upkeep[id.index()];
        upkeep.unacknowledged[from.index()] = true;
        let user_timeout = upkeep.options.user_timeout.filter(|_| from == End::Client);
        let limit = user_timeout.unwrap_or(tcp::UNACKNOWLEDGED_LIMIT);
        upkeep.guards[from.index()] = queue.arm(now + limit, NetworkEvent::GiveUp(id, from).into());
        self.review(id);
    }

    fn guard_user_timeout<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        from: End,
    ) {
        let upkeep = &mut self.upkeep[id.index()];
        if let (End::Client, Some(limit)) = (from, upkeep.options.user_timeout) {
            upkeep.guards[from.index()] =
                queue.arm(now + limit, NetworkEvent::GiveUp(id, from).into());
        }
        self.review(id);
    }

    pub(super) fn disarm_guard<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        end: End,
    ) {
        let upkeep = &mut self.upkeep[id.index()];
        queue.cancel(upkeep.guards[end.index()]);
        upkeep.guards[end.index()] = TimerId::NONE;
        upkeep.unacknowledged[end.index()] = false;
        self.review(id);
    }
}
