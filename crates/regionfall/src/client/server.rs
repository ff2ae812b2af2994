//! An app server: its connection pool, what waits for a connection, and where it sends new requests.

use std::collections::VecDeque;

use regionfall_kernel::{SimDuration, SimTime, TimerId};

use super::operation::{Deadline, Slot};
use super::steering::Steering;
use crate::network::ConnectionId;
use crate::route::{Resolver, Route};
use crate::topology::{DeciderId, FleetId, HostId, MemberId, NodeId, RelayId, ServerId};

/// An app server.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four things that are so or not, each of its own accord"
)]
pub struct AppServer {
    /// Its identity; it also addresses its draws.
    pub id: ServerId,
    /// Its fleet.
    pub fleet: FleetId,
    /// Where it runs.
    pub host: HostId,
    /// Whether its host runs.
    pub is_running: bool,
    /// Open and opening connections, the most recently used idle one last.
    pub pool: Vec<Pooled>,
    /// Most connections it opens (to one member, where it has a pool for each).
    pub pool_limit: usize,
    /// Operations that wait for a connection, in order.
    pub waiting: VecDeque<Slot>,
    /// The route of new requests.
    pub route: Route,
    /// A route that it will take with the next command.
    pub next_route: Option<Route>,
    /// How it finds members.
    pub finding: Finding,
    /// The proxy on its own machine, where it has one.
    pub proxy: Option<RelayId>,
    /// The node that it holds for primary, where it asks Sentinels.
    pub primary: Option<NodeId>,
    /// The Sentinel that it asks first: the last that answered.
    pub asks_first: u8,
    /// By member and shard: the node that it holds for the primary, where it follows the slot map of a cluster.
    pub slot_map: Vec<NodeId>,
    /// Whether it has asked for a new one and has no answer yet.
    pub asks_for_map: bool,
    /// Requests issued so far (open loop), for addressing draws.
    pub issued: u32,
    /// Requests issued so far by each closed-loop client.
    pub clients: Vec<u32>,
    /// Connections opened so far, for addressing draws.
    pub opened: u32,
    /// Whether a check of deadlines is scheduled.
    pub deadline_check: bool,
    /// How long an attempt waits for its reply.
    pub timeout: SimDuration,
    /// Whether it looks at a name before each command, and uses only connections to what it means.
    pub looks_each_time: bool,
    /// Since when nothing has succeeded; [`SimTime::NEVER`] if the last request did.
    pub trouble_since: SimTime,
    /// What goes elsewhere than the route.
    pub steering: Steering,
    /// Operations that wait for another member to be chosen.
    pub stranded: Vec<Slot>,
}

/// How an app server finds the member to use.
#[derive(Clone, Debug)]
pub enum Finding {
    /// It always uses its home.
    Fixed,
    /// It resolves a name when it opens a connection, and uses whatever connection it has.
    Name(Resolver),
    /// Its own decider points it to a member.
    Pointer(DeciderId),
}

/// A connection of the pool.
#[derive(Clone, Copy, Debug)]
pub struct Pooled {
    /// Its identity in the network; `None` while the name is being resolved.
    pub connection: Option<ConnectionId>,
    /// Where it leads.
    pub member: MemberId,
    /// Addresses that were tried for it in vain.
    pub tried: u8,
    /// To which of the member's nodes, where the app server follows a slot map.
    pub node: Option<NodeId>,
    /// What it does.
    pub state: PooledState,
}

/// What a connection of the pool does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PooledState {
    /// It is being opened for an operation, which has until the timer fires.
    Opening(Slot, TimerId),
    /// It is being opened in advance, for no operation.
    Warming,
    /// Nothing.
    Idle,
    /// It carries a request; the reply is due by the deadline.
    Busy(Slot, Deadline),
}

impl AppServer {
    /// Whether new requests may use a connection to any member, not just to the route's.
    pub fn uses_any_connection(&self) -> bool {
        !matches!(self.finding, Finding::Pointer(_)) && !self.looks_each_time
    }

    /// The most recently used idle connection that suits a request for `member`.
    pub fn idle_connection(&self, member: MemberId) -> Option<usize> {
        let any = self.uses_any_connection();
        self.pool.iter().rposition(|pooled| {
            pooled.state == PooledState::Idle && (any || pooled.member == member)
        })
    }

    /// Whether another connection to `member` may be opened.
    pub fn has_room(&self, member: MemberId) -> bool {
        let any = self.uses_any_connection();
        let count = self
            .pool
            .iter()
            .filter(|pooled| pooled.state != PooledState::Warming)
            .filter(|pooled| any || pooled.member == member)
            .count();
        count < self.pool_limit
    }

    /// The most recently used idle connection to a node.
    pub fn idle_connection_to(&self, node: NodeId) -> Option<usize> {
        self.pool
            .iter()
            .rposition(|pooled| pooled.state == PooledState::Idle && pooled.node == Some(node))
    }

    /// Whether another connection to a node may be opened: each node has a pool of its own.
    pub fn has_room_to(&self, node: NodeId) -> bool {
        let to_node = |pooled: &&Pooled| pooled.node == Some(node);
        self.pool.iter().filter(to_node).count() < self.pool_limit
    }

    /// Where a connection stands in the pool.
    #[inline]
    pub fn position(&self, connection: ConnectionId) -> Option<usize> {
        self.pool
            .iter()
            .position(|pooled| pooled.connection == Some(connection))
    }

    /// The earliest deadline of a busy connection.
    pub fn earliest_deadline(&self) -> SimTime {
        let deadlines = self.pool.iter().filter_map(|pooled| match pooled.state {
            PooledState::Busy(_, deadline) => Some(deadline),
            PooledState::Opening(..) | PooledState::Warming | PooledState::Idle => None,
        });
        deadlines.min().unwrap_or(SimTime::NEVER)
    }
}
