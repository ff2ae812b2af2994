//! What a Sentinel knows of one process that it watches: the link to it, and what it said of itself.

use regionfall_kernel::{SimDuration, TraceHash};

use super::config::{LINK_AGE_MIN, PENDING_MAX, PING_PERIOD, PUBLISH_PERIOD, RECONNECT_PERIOD};
use super::message::{NodeInfo, NodeRole, SentinelAction, SentinelRequest, Watched};
use crate::topology::{LocalTime, NodeId, SentinelId};

/// A link, and whether there is anybody at its other end.
///
/// The real thing has two connections to each process, one for commands and one to listen to greetings; both
/// break and are opened together here.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub to: Watched,
    /// From the beginning of an attempt to connect, until it fails or the link breaks.
    pub is_connected: bool,
    /// When it last tried to connect.
    pub tried_at: Option<LocalTime>,
    connected_at: LocalTime,
    /// Requests that are not answered.
    pending: u32,
    /// Since when an answer to a ping is due. From the start, in case no connection comes about at all.
    waiting_since: Option<LocalTime>,
    pinged_at: Option<LocalTime>,
    answered_at: LocalTime,
    /// The last valid answer to a ping.
    pub available_at: LocalTime,
    pub published_at: LocalTime,
    pub is_down: bool,
    /// When it was last found down, though it be up again.
    pub down_since: Option<LocalTime>,
}

impl Line {
    pub(super) fn new(to: Watched, now: LocalTime) -> Self {
        Self {
            to,
            is_connected: false,
            tried_at: None,
            connected_at: now,
            pending: 0,
            waiting_since: Some(now),
            pinged_at: None,
            answered_at: now,
            available_at: now,
            published_at: now,
            is_down: false,
            down_since: None,
        }
    }

    /// Opens the link again if it is broken and the last try is long enough ago.
    pub(super) fn reconnect(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        let is_early = self
            .tried_at
            .is_some_and(|tried| now.since(tried) < RECONNECT_PERIOD);
        if self.is_connected || is_early {
            return;
        }
        self.tried_at = Some(now);
        self.connected_at = now;
        self.is_connected = true;
        self.pending = 0;
        out.push(SentinelAction::Connect { to: self.to });
        self.ping(now, out);
    }

    pub(super) fn broke(&mut self) {
        self.is_connected = false;
    }

    pub(super) fn close(&mut self, out: &mut Vec<SentinelAction>) {
        if self.is_connected {
            self.is_connected = false;
            out.push(SentinelAction::Disconnect { to: self.to });
        }
    }

    /// Whether anything may be sent that can wait.
    pub(super) fn takes_more(&self) -> bool {
        self.is_connected && self.pending < PENDING_MAX
    }

    pub(super) fn send(&mut self, request: SentinelRequest, out: &mut Vec<SentinelAction>) {
        self.pending += 1;
        out.push(SentinelAction::Send {
            to: self.to,
            request,
        });
    }

    fn ping(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        self.pinged_at = Some(now);
        // While one ping is unanswered, the wait counts from that one.
        self.waiting_since.get_or_insert(now);
        self.send(SentinelRequest::Ping, out);
    }

    /// Pings if the last answer is a period old, and the last ping half a period.
    pub(super) fn ping_if_due(
        &mut self,
        now: LocalTime,
        down_after: SimDuration,
        out: &mut Vec<SentinelAction>,
    ) {
        let period = down_after.min(PING_PERIOD);
        let half = SimDuration::from_nanos(period.as_nanos() / 2);
        let is_fresh = self
            .pinged_at
            .is_some_and(|pinged| now.since(pinged) <= half);
        if now.since(self.answered_at) > period && !is_fresh {
            self.ping(now, out);
        }
    }

    /// Whether a greeting is due; if so it counts as sent.
    pub(super) fn publishes(&mut self, now: LocalTime) -> bool {
        let is_due = now.since(self.published_at) > PUBLISH_PERIOD;
        if is_due {
            self.published_at = now;
        }
        is_due
    }

    /// Makes the next greeting due at once.
    pub(super) fn hurry(&mut self) {
        let back = PUBLISH_PERIOD.as_nanos() + 1;
        self.published_at = LocalTime(self.published_at.0.saturating_sub(back));
    }

    pub(super) fn answered(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn ponged(&mut self, now: LocalTime, is_available: bool) {
        self.answered_at = now;
        if is_available {
            self.available_at = now;
            self.waiting_since = None;
        }
    }

    /// For how long there has been no valid answer although there should have been.
    pub(super) fn silent_for(&self, now: LocalTime) -> SimDuration {
        match self.waiting_since {
            Some(since) => now.since(since),
            None if !self.is_connected => now.since(self.available_at),
            None => SimDuration::ZERO,
        }
    }

    /// Gives a link up that is old enough and silent for half the time after which its other end is down:
    /// another may get through.
    pub(super) fn renew_if_silent(
        &mut self,
        now: LocalTime,
        down_after: SimDuration,
        out: &mut Vec<SentinelAction>,
    ) {
        let half = SimDuration::from_nanos(down_after.as_nanos() / 2);
        let is_waiting = self
            .waiting_since
            .is_some_and(|since| now.since(since) > half);
        if self.is_connected
            && now.since(self.connected_at) > LINK_AGE_MIN
            && is_waiting
            && now.since(self.answered_at) > half
        {
            self.close(out);
        }
    }

    /// Whether it was not found down within `span`.
    pub(super) fn was_up_for(&self, now: LocalTime, span: SimDuration) -> bool {
        self.down_since.is_none_or(|since| now.since(since) > span)
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.is_connected) | u64::from(self.is_down) << 1);
        hash.absorb(self.waiting_since.map_or(u64::MAX, |since| since.0));
        hash.absorb(self.available_at.0);
    }
}

/// A process of the database, watched.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub id: NodeId,
    pub line: Line,
    pub informed_at: Option<LocalTime>,
    pub said: Option<NodeInfo>,
    /// What it last said it is, taken for what it should be until it says something.
    pub is_primary_reported: bool,
    pub role_reported_at: LocalTime,
    /// When it last said that it copies somebody else than before.
    pub source_changed_at: LocalTime,
    /// Whether this failover chose it.
    pub is_promoted: bool,
    pub turning: Turning,
}

/// How far a replica is with turning to the new primary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turning {
    Not,
    Told(LocalTime),
    InProgress,
    Done,
}

impl Instance {
    pub(super) fn new(id: NodeId, is_primary: bool, now: LocalTime) -> Self {
        Self {
            id,
            line: Line::new(Watched::Node(id), now),
            informed_at: None,
            said: None,
            is_primary_reported: is_primary,
            role_reported_at: now,
            source_changed_at: now,
            is_promoted: false,
            turning: Turning::Not,
        }
    }

    /// Whom it last said that it copies.
    pub(super) fn source(&self) -> Option<NodeId> {
        match self.said.map(|said| said.role) {
            Some(NodeRole::Replica { of }) => Some(of),
            _ => None,
        }
    }

    /// For how long it last said that its link is down.
    pub(super) fn link_down_for(&self) -> SimDuration {
        self.said
            .map_or(SimDuration::ZERO, |said| said.link_down_for)
    }
}

/// Another Sentinel, watched.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub id: SentinelId,
    pub line: Line,
    /// Whether it holds the primary for down.
    pub says_down: bool,
    pub opined_at: LocalTime,
    pub vote: Option<(SentinelId, u32)>,
}

impl Peer {
    pub(super) fn new(id: SentinelId, now: LocalTime) -> Self {
        Self {
            id,
            line: Line::new(Watched::Sentinel(id), now),
            says_down: false,
            opined_at: now,
            vote: None,
        }
    }
}
