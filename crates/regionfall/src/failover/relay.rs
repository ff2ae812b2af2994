//! Settings of what carries traffic between app servers and members: proxies, load balancers, what stands in for
//! them, and what configures them.
//!
//! Who decides is a vantage, where to is a choice; here is what becomes of connections on the way. The world's side is
//! `simulation/relaying`.

use regionfall_kernel::SimDuration;

use super::{Detector, ProbeConfig};
use crate::topology::RegionId;

/// Proxies, or the edges of a global load balancer, that carry a strategy's traffic and choose the member.
#[derive(Clone, PartialEq, Debug)]
pub struct UpstreamConfig {
    /// Where they stand.
    pub place: RelayPlace,
    /// What they do with connections.
    pub relay: RelayConfig,
    /// From the decision of somebody else (checkers) to their acting on it.
    pub publish_delay: SimDuration,
}

/// Where proxies stand.
#[derive(Clone, PartialEq, Debug)]
pub enum RelayPlace {
    /// One for each fleet, or a pair of which one serves.
    Central {
        /// In this region; `None` is the fleet's own.
        region: Option<RegionId>,
    },
    /// One beside each app server, on the same machine.
    AppHost,
    /// Several active ones for each fleet, in its region, spread over its zones; clients find them by a name with an
    /// address for each.
    Pool(PoolConfig),
    /// The nearest edge of a network that announces one address everywhere: one for each fleet, in its region and no
    /// part of it, so that no fault of a region takes it.
    Edge,
}

/// How clients find one of several active proxies.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolConfig {
    /// How many proxies, at least 1.
    pub count: u32,
    /// Time to live of the name's records, which clients and their resolver honour.
    pub ttl: SimDuration,
    /// From a proxy's end to the withdrawal of its address from the name; `None` is never.
    pub withdraw_after: Option<SimDuration>,
    /// Whether a client whose first address fails tries the next.
    pub tries_all_addresses: bool,
}

/// A load balancer in front of each member, that chooses the node.
#[derive(Clone, PartialEq, Debug)]
pub struct BalancerConfig {
    /// What it sees of each node.
    pub evidence: Vec<(ProbeConfig, Detector)>,
    /// With no healthy node: use all of them.
    pub fail_open: bool,
    /// What it does with connections.
    pub relay: RelayConfig,
}

/// What a relay does with connections.
#[derive(Clone, PartialEq, Debug)]
pub struct RelayConfig {
    /// What it does with a connection.
    pub connections: Connections,
    /// How long a message stays in it, beside queueing.
    pub latency: SimDuration,
    /// Messages that it can carry in a second; `None` is no limit. More wait, in order.
    pub capacity: Option<f64>,
    /// Most connections of clients at a time; more are refused.
    pub max_sessions: Option<u32>,
    /// New connections of clients in a second; more are refused.
    pub sessions_per_second: Option<f64>,
    /// How long it waits for a connection onwards; `None` is as long as the kernel tries.
    pub connect_timeout: Option<SimDuration>,
    /// How often it tries again to connect onwards.
    pub retries: u32,
    /// The wait between two tries.
    pub retry_wait: SimDuration,
    /// Whether the last try goes to whatever is chosen then.
    pub redispatch: bool,
    /// How long it waits for a reply before it answers with an error, where it understands requests.
    pub reply_timeout: Option<SimDuration>,
    /// A session on which nothing moves for so long is closed.
    pub idle_timeout: Option<SimDuration>,
    /// What becomes of sessions whose target is marked down.
    pub on_down: OnDown,
    /// Whether sessions elsewhere are closed when traffic goes back to a preferred member.
    pub cut_on_return: bool,
    /// What its own traffic tells it.
    pub observe: Option<Observe>,
}

/// What a relay does with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connections {
    /// Passes its packets on: it is open when the target has accepted it.
    Passed,
    /// Accepts it, opens another to the target, and hands bytes to and fro.
    Relayed,
    /// Accepts it and understands requests: each goes to what is chosen when it comes, and what fails is answered with
    /// an error.
    Terminated,
}

/// What becomes of sessions whose target is marked down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDown {
    /// They stay.
    Keep,
    /// They are closed at once.
    Cut,
    /// They are answered with a reset when the client next sends something.
    Reset,
}

/// What a relay's own traffic tells it: so many failures of a target in a row. Failed and late connections count, and,
/// where it understands requests, missing replies.
#[derive(Clone, PartialEq, Debug)]
pub struct Observe {
    /// How many in a row, at least 1.
    pub failures: u32,
    /// What it does then.
    pub action: ObserveAction,
}

/// What a relay does about a target that fails its traffic.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ObserveAction {
    /// Holds it for down, until its checks find it up.
    MarkDown,
    /// Does not use it for a time, which grows with each time that it had to: `base` times their number.
    Eject {
        /// The first time.
        base: SimDuration,
        /// The longest.
        most: SimDuration,
        /// The largest share of targets that may be out at once, in 0..=1.
        share: f64,
        /// Whether one may always be out, whatever the share says.
        always_one: bool,
        /// How often it looks whose time is over; zero is at once.
        sweep: SimDuration,
    },
}

/// Who takes a dead proxy's place.
#[derive(Clone, PartialEq, Debug)]
pub enum Takeover {
    /// Nobody.
    None,
    /// A second one, by VRRP: see [`VrrpConfig`].
    Vrrp(VrrpConfig),
    /// A supervisor on its machine starts it again.
    Watchdog {
        /// How often it looks.
        poll: SimDuration,
        /// How long a start takes.
        restart: SimDuration,
    },
}

/// The Virtual Router Redundancy Protocol between two proxies, of which the master holds the address that clients use.
#[derive(Clone, PartialEq, Debug)]
pub struct VrrpConfig {
    /// Time between adverts of the master.
    pub advert: SimDuration,
    /// Adverts that a backup misses before it takes over.
    pub missed: u32,
    /// Priorities of the first and the second, 1 to 254.
    pub priorities: [u8; 2],
    /// Whether who comes back with the higher priority takes the address back.
    pub preempt: bool,
    /// How long it waits with that.
    pub preempt_delay: SimDuration,
    /// Whether a master that hears a lower priority announces itself to the network again.
    pub announces_again: bool,
    /// How often each looks whether its proxy runs.
    pub check_every: SimDuration,
    /// So many failed looks in a row mean that it does not.
    pub check_fall: u32,
    /// So many good ones that it does.
    pub check_rise: u32,
}

impl VrrpConfig {
    /// What a backup waits beyond the missed adverts, so that of several the one with the highest priority is first
    /// (version 2: RFC 3768, section 6.1).
    pub fn skew(priority: u8) -> SimDuration {
        SimDuration::from_nanos((256 - u64::from(priority)) * 1_000_000_000 / 256)
    }

    /// How long after the last advert a backup of this priority takes over.
    pub fn master_down(&self, priority: u8) -> SimDuration {
        self.advert * u64::from(self.missed) + Self::skew(priority)
    }
}

/// What tells balancers which nodes there are.
#[derive(Clone, PartialEq, Debug)]
pub struct SyncerConfig {
    /// How often it looks.
    pub every: SimDuration,
    /// How long it takes to apply a change.
    pub apply: SimDuration,
    /// Whether applying a change closes all sessions.
    pub cuts_sessions: bool,
}

impl RelayConfig {
    /// Whether it cares for what a choice says only when a session begins.
    pub fn pins_sessions(&self) -> bool {
        self.connections != Connections::Terminated
    }
}
