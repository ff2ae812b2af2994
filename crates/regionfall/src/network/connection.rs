//! One connection: two ends, two ordered streams, and what is going wrong with each.

use std::collections::VecDeque;

use regionfall_kernel::{LaneId, SimDuration, SimTime, TimerId};

use super::path::{Draw, PathId, TrafficClass};
use crate::topology::HostId;

/// Names a connection. A number is used again after a connection ends, with another generation.
// Aligned so that what carries it has no gap in the middle of a word; see `NetworkEvent`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(align(8))]
pub struct ConnectionId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// An end of a connection, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port(u64);

impl Port {
    /// The port of a connection at one of its ends.
    #[inline]
    pub fn new(connection: ConnectionId, end: End) -> Self {
        let ConnectionId { index, generation } = connection;
        // A place would have to be used again two thousand million times.
        debug_assert!(generation < 1 << 31, "a generation has 31 bits");
        Self(u64::from(index) << 32 | u64::from(generation) << 1 | end as u64)
    }

    /// The connection.
    #[inline]
    pub fn connection(self) -> ConnectionId {
        ConnectionId {
            index: (self.0 >> 32) as u32,
            generation: self.0 as u32 >> 1,
        }
    }

    /// Which of its ends.
    #[inline]
    pub fn end(self) -> End {
        if self.0 & 1 == End::Client as u64 {
            End::Client
        } else {
            End::Server
        }
    }
}

impl ConnectionId {
    /// A dense number, unique among the connections that exist at one moment.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// An end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// The end that opened it.
    Client,
    /// The end that accepted it.
    Server,
}

impl End {
    /// The end opposite.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// How a connection is opened and watched by the kernel of its client end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionOptions {
    /// Round trips after the TCP handshake before the connection is usable: TLS and AUTH.
    pub setup_round_trips: u8,
    /// Keepalive of the client end.
    pub keepalive: Option<Keepalive>,
    /// `TCP_USER_TIMEOUT` of the client end.
    pub user_timeout: Option<SimDuration>,
}

/// TCP keepalive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keepalive {
    /// Idle time before the first probe, and between probes that are answered.
    pub idle: SimDuration,
    /// Time between probes that are not.
    pub interval: SimDuration,
    /// Unanswered probes until the connection is given up.
    pub probes: u32,
}

/// A connection is opening, open, or half closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The client waits for consent; so many SYNs were sent again.
    Opening { retries: u8 },
    /// Segments may flow; so many setup round trips are left.
    Open { setup_left: u8 },
    /// This end closed or died; what it had sent may still arrive.
    HalfClosed { by: End },
}

/// Data of one direction that waits for a retransmission.
#[derive(Clone, Debug)]
pub(super) struct Stall<P> {
    /// When the oldest data was first sent.
    pub since: SimTime,
    /// Transmissions of the oldest data so far, less one.
    pub attempt: u32,
    /// When the next is due.
    pub timer: TimerId,
    /// What waits, in order.
    pub queue: VecDeque<(super::Segment<P>, u32, Draw)>,
}

/// What every segment of a connection touches: less than a cache line. The rest is its [`Upkeep`].
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub generation: u32,
    pub in_use: bool,
    /// Whether a payload of the end needs no care: the connection is open, nothing waits for a
    /// retransmission, and no guard is armed. Follows from stage and upkeep; see `Network::review`.
    pub is_smooth: [bool; 2],
    /// Whether the end's host lost its state: the kernel died and knows nothing of the connection.
    pub forgotten: [bool; 2],
    pub class: TrafficClass,
    pub stage: Stage,
    /// The path that data of each end takes.
    pub paths: [PathId; 2],
    /// Hosts of client and server.
    pub hosts: [HostId; 2],
    /// The lane that carries data of each end.
    pub lanes: [LaneId; 2],
    /// When the client end last sent or received.
    pub last_activity: SimTime,
}

/// What only opening a connection and trouble on it touch.
#[derive(Clone, Debug)]
pub(super) struct Upkeep<P> {
    pub options: ConnectionOptions,
    /// Retransmission timeout without back-off.
    pub timeout: SimDuration,
    pub stalls: [Option<Box<Stall<P>>>; 2],
    /// SYN retry, user timeout or keepalive of each end; [`TimerId::NONE`] as a rule.
    pub guards: [TimerId; 2],
    /// Whether an end waits for acknowledgements that a cut swallows.
    pub unacknowledged: [bool; 2],
    /// Whether the process of a gated server accepted it.
    pub is_admitted: bool,
    /// Addresses of the handshake's draws.
    pub draw: Draw,
}

impl<P> Upkeep<P> {
    /// Whether nothing of the end waits for a retransmission or a time limit.
    pub(super) fn is_idle(&self, end: End) -> bool {
        self.stalls[end.index()].is_none() && self.guards[end.index()] == TimerId::NONE
    }
}
