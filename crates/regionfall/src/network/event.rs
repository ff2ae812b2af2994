//! What the network schedules for itself, and what it tells its owner.

use super::connection::{ConnectionId, End, Port};

/// Something the network scheduled for itself.
// The discriminant has a whole word so that an event is copied word by word: were it a byte, the rest would be
// copied as overlapping pieces, which the processor cannot forward from its store buffer (a third of the time
// of a message, `benches/geo_kv.rs`).
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(u64)]
pub enum NetworkEvent<P> {
    /// A payload reaches an end.
    Data(Port, P),
    /// A segment without payload reaches an end.
    Bare(ConnectionId, End, Bare),
    /// A request to open a connection reaches its server.
    SynArrives(ConnectionId),
    /// The server's consent reaches the client.
    SynAckArrives(ConnectionId),
    /// The client's kernel asks again.
    SynRetry(ConnectionId),
    /// A reset reaches an end.
    ResetArrives(ConnectionId, End),
    /// An end's kernel sends again what is not acknowledged.
    Retransmit(ConnectionId, End),
    /// An end's kernel gives the connection up: user timeout, keepalive, or the limit of
    /// unacknowledged data.
    GiveUp(ConnectionId, End),
}

/// A segment without payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bare {
    /// See [`Segment::Setup`].
    Setup,
    /// See [`Segment::Fin`].
    Fin,
}

impl<P> NetworkEvent<P> {
    /// A segment reaches an end.
    pub(super) fn arrival(connection: ConnectionId, to: End, segment: Segment<P>) -> Self {
        match segment {
            Segment::Data(payload) => Self::Data(Port::new(connection, to), payload),
            Segment::Setup => Self::Bare(connection, to, Bare::Setup),
            Segment::Fin => Self::Bare(connection, to, Bare::Fin),
        }
    }

    /// The segment that arrives, if one does.
    pub(super) fn segment(self) -> Option<Segment<P>> {
        match self {
            Self::Data(_, payload) => Some(Segment::Data(payload)),
            Self::Bare(_, _, bare) => Some(bare.into()),
            _ => None,
        }
    }
}

impl<P> From<Bare> for Segment<P> {
    fn from(bare: Bare) -> Self {
        match bare {
            Bare::Setup => Self::Setup,
            Bare::Fin => Self::Fin,
        }
    }
}

/// What travels over an open connection.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Segment<P> {
    /// One round trip of TLS or AUTH.
    Setup,
    /// The owner's payload.
    Data(P),
    /// The sender closed its end.
    Fin,
}

/// What the network tells its owner.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Notice<P> {
    /// The client can use the connection: TCP, TLS and AUTH are done.
    Opened(ConnectionId),
    /// A gated server is asked to accept a connection: [`Network::admit`](super::Network::admit) or
    /// [`Network::refuse`](super::Network::refuse) follows.
    Asked(ConnectionId),
    /// A gated server is to do its part of a round trip of a connection's setup:
    /// [`Network::answer_setup`](super::Network::answer_setup) follows.
    SetupAsked(ConnectionId),
    /// A payload reached the process at an end.
    Delivered {
        /// Over which connection.
        connection: ConnectionId,
        /// Which end.
        to: End,
        /// What was sent.
        payload: P,
    },
    /// The connection is of no more use to this end. The identity is invalid from now on for it.
    Broken {
        /// Which connection.
        connection: ConnectionId,
        /// Which end learns of it.
        end: End,
        /// Why.
        cause: BreakCause,
    },
}

/// Why a connection broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakCause {
    /// Opening it was answered with a reset.
    Refused,
    /// The kernel gave up opening it.
    ConnectGaveUp,
    /// The peer's kernel or a firewall sent a reset.
    Reset,
    /// The peer closed it.
    Closed,
    /// Data stayed unacknowledged, or keepalive unanswered, for too long.
    TimedOut,
}

/// A queue entry that can carry the network's own events.
pub trait CarriesNetwork<P>: Copy + From<NetworkEvent<P>> {
    /// The network event inside, if this is one.
    fn network(self) -> Option<NetworkEvent<P>>;
}
