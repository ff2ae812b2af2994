//! Faults of what carries traffic, and of what decides where to: proxies, the protocol that holds their address, DNS,
//! checkers, what configures balancers.

use crate::network::Silence;
use crate::topology::{MemberId, RegionId};

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoutingFault {
    /// Proxies end. An edge of a global load balancer is none, nor is a balancer.
    ProxyCrash {
        /// Those that serve fleets of this region; `None` is all.
        region: Option<RegionId>,
        /// One of each fleet's, counted from 0; `None` is all.
        number: Option<u8>,
        /// How.
        how: ProxyEnd,
    },
    /// Balancers in front of a member end, and refuse or fall silent.
    BalancerDown {
        /// Whose.
        member: MemberId,
        /// What a sender sees.
        mode: Silence,
    },
    /// The daemon that holds the address of a pair of proxies ends on one of them.
    AddressDaemon {
        /// Pairs that serve fleets of this region; `None` is all.
        region: Option<RegionId>,
        /// Which of the two, counted from 0.
        number: u8,
        /// Whether it says so before.
        orderly: bool,
    },
    /// Adverts between the two of a pair get lost, and nothing else does.
    AdvertsLost {
        /// Pairs that serve fleets of this region; `None` is all.
        region: Option<RegionId>,
        /// Only those that this one sends, counted from 0; `None` is both ways.
        from: Option<u8>,
    },
    /// The authoritative servers of the names do not answer.
    DnsDown,
    /// Checkers are cut off from members; what they send meets silence.
    CheckersCutOff {
        /// Those that stand in this region; `None` is all.
        region: Option<RegionId>,
        /// Whether their reports get lost too; otherwise they arrive, over their provider's own network.
        reports_lost: bool,
    },
    /// What tells balancers which nodes there are does nothing.
    SyncerStuck,
    /// An operator adds a node to a member: it is there already, and until then no balancer knows of it.
    NodeAdded {
        /// Whose.
        member: MemberId,
        /// Which of its nodes, counted from 0.
        node: u8,
    },
    /// An operator changes the names of all fleets to mean a member.
    RecordChange {
        /// Which.
        member: MemberId,
    },
}

/// How a proxy ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyEnd {
    /// Its process dies: resets.
    Crash,
    /// Its machine dies: silence.
    Host,
    /// It accepts and does nothing.
    Hang,
}

impl RoutingFault {
    /// The words of all of them in scenario files.
    pub(crate) const WORDS: [&str; 9] = [
        "proxy-crash",
        "balancer-down",
        "address-daemon",
        "adverts-lost",
        "dns-down",
        "checkers-cut-off",
        "config-syncer-stuck",
        "node-added",
        "record-change",
    ];
    /// The region in which it acts, if it is one.
    pub fn place(&self) -> Option<RegionId> {
        match self {
            Self::ProxyCrash { region, .. }
            | Self::AddressDaemon { region, .. }
            | Self::AdvertsLost { region, .. }
            | Self::CheckersCutOff { region, .. } => *region,
            Self::BalancerDown { member, .. } | Self::NodeAdded { member, .. } => {
                Some(RegionId::from_index(member.index()))
            }
            Self::DnsDown | Self::SyncerStuck | Self::RecordChange { .. } => None,
        }
    }

    /// Its word in scenario files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProxyCrash { .. } => "proxy-crash",
            Self::BalancerDown { .. } => "balancer-down",
            Self::AddressDaemon { .. } => "address-daemon",
            Self::AdvertsLost { .. } => "adverts-lost",
            Self::DnsDown => "dns-down",
            Self::CheckersCutOff { .. } => "checkers-cut-off",
            Self::SyncerStuck => "config-syncer-stuck",
            Self::NodeAdded { .. } => "node-added",
            Self::RecordChange { .. } => "record-change",
        }
    }
}
