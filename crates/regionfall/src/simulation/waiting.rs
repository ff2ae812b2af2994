//! WAIT: the reply to a write is kept back until enough replicas have said that they have it, or until the
//! client will not wait any longer (Redis docs, *WAIT*).
//!
//! The primary asks its replicas in the same stream, right behind the write; a replica answers as soon as it has
//! applied what came before, so that a confirmation is one trip there and one back. Only those that somebody waits
//! for are events. What WAIT does not do here either: it takes nothing back, and it does not keep a promotion from
//! choosing a replica that lacks the write. Not modelled: the report of once a second, which confirms a write
//! whose own confirmation a cut path has swallowed.

use std::collections::BTreeMap;

use regionfall_crdt::{Dot, OriginId};
use regionfall_kernel::{SimDuration, SimTime};

use super::answering::Errand;
use super::event::{Event, LinkId};
use super::world::World;
use crate::database::shard_of;
use crate::network::{Draw, HostState, TrafficClass};
use crate::topology::NodeId;
use crate::workload::{Unconfirmed, WaitConfig};

/// Bytes of a confirmation beside its headers.
const CONFIRMATION_BYTES: u32 = 40;

/// Replies that wait, by the write that they answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits(BTreeMap<Dot, Wait>);

#[derive(Clone, Debug)]
struct Wait {
    errand: Errand,
    config: WaitConfig,
    /// Replicas that have it, whether the primary knows already or not.
    holders: Vec<NodeId>,
    /// How many said so.
    confirmed: u32,
    /// It ended while the process hung.
    is_due: bool,
}

impl Wait {
    const fn is_satisfied(&self) -> bool {
        self.confirmed >= self.config.replicas
    }
}

impl World {
    /// Keeps the reply to a write back if its client waits for copies. Says whether it does.
    #[inline]
    pub(super) fn hold_for_copies(
        &mut self,
        now: SimTime,
        errand: Errand,
        dot: Option<Dot>,
    ) -> bool {
        let keyspace = self.operations.get(errand.slot).keyspace();
        let keyspaces = &self.blueprint.settings().workload.keyspaces;
        let (Some(config), Some(dot)) = (keyspaces[keyspace.index()].wait, dot) else {
            return false;
        };
        if config.timeout > SimDuration::ZERO {
            let over = Event::WaitOver(dot.origin, dot.sequence as u32);
            self.queue.schedule(now + config.timeout, over);
        }
        let wait = Wait {
            errand,
            config,
            holders: Vec::new(),
            confirmed: 0,
            is_due: false,
        };
        self.waits.0.insert(dot, wait);
        true
    }

    /// A replica applied what its primary sent: it confirms those writes that somebody waits for.
    #[inline]
    pub(super) fn confirm(&mut self, now: SimTime, link: LinkId, origin: OriginId, last: u64) {
        if !self.waits.0.is_empty() {
            self.confirm_each(now, link, origin, last);
        }
    }

    fn confirm_each(&mut self, now: SimTime, link: LinkId, origin: OriginId, last: u64) {
        let state = &self.links[usize::from(link.0)];
        let (primary, replica) = (state.source, state.target);
        if self.nodes[primary.index()].member != self.nodes[replica.index()].member {
            return;
        }
        let hosts = (self.node_host(replica), self.node_host(primary));
        for (dot, wait) in self
            .waits
            .0
            .range_mut(Dot::new(origin, 0)..=Dot::new(origin, last))
        {
            if wait.errand.node != primary || wait.holders.contains(&replica) {
                continue;
            }
            wait.holders.push(replica);
            let draw = Draw {
                who: u32::from(link.0),
                sequence: dot.sequence as u32,
                attempt: 4,
                leg: 0,
            };
            let class = TrafficClass::Replication;
            let arrives = self
                .network
                .hop(now, hosts, class, CONFIRMATION_BYTES, draw);
            if let Some(at) = arrives {
                let confirmed = Event::Confirmed(origin, dot.sequence as u32);
                self.queue.schedule(at, confirmed);
            }
        }
    }

    /// A replica's confirmation reaches the primary.
    pub(super) fn confirmed(&mut self, now: SimTime, origin: OriginId, sequence: u32) {
        let dot = Dot::new(origin, u64::from(sequence));
        if let Some(wait) = self.waits.0.get_mut(&dot) {
            wait.confirmed += 1;
            if wait.is_satisfied() {
                self.let_go(now, dot);
            }
        }
    }

    /// The client will not wait any longer.
    pub(super) fn wait_over(&mut self, now: SimTime, origin: OriginId, sequence: u32) {
        let dot = Dot::new(origin, u64::from(sequence));
        if self.waits.0.contains_key(&dot) {
            self.let_go(now, dot);
        }
    }

    /// A reply that waited leaves, if its process can send one.
    fn let_go(&mut self, now: SimTime, dot: Dot) {
        let Some(wait) = self.waits.0.get_mut(&dot) else {
            return;
        };
        let node = wait.errand.node;
        let host = self.nodes[node.index()].host;
        if let HostState::Hung(_) = self.network.host(host).state {
            wait.is_due = true;
            return;
        }
        let Some(wait) = self.waits.0.remove(&dot) else {
            return;
        };
        let mut errand = wait.errand;
        let key = self.operations.get(errand.slot).key();
        let process = &self.nodes[node.index()].shards[usize::from(shard_of(key, self.shards()))];
        if process.origin != dot.origin {
            // It restarted, and knows nothing of the request.
            self.operations.message_gone(errand.slot);
            return;
        }
        // A process that became a replica unblocks its clients with an error.
        let is_confirmed = wait.is_satisfied() && process.is_primary();
        errand.is_unconfirmed = !is_confirmed && wait.config.unconfirmed == Unconfirmed::Unknown;
        self.answer_at(now, errand);
    }

    /// A process that hung goes on: replies that were due leave.
    pub(super) fn let_go_what_is_due(&mut self, now: SimTime, node: NodeId) {
        let due = self.waits.0.iter();
        let due: Vec<Dot> = due
            .filter(|(_, wait)| wait.errand.node == node && wait.is_due)
            .map(|(dot, _)| *dot)
            .collect();
        for dot in due {
            self.let_go(now, dot);
        }
    }

    /// A process died, and with it what it would have answered.
    pub(super) fn drop_waits(&mut self, node: NodeId) {
        let waits = std::mem::take(&mut self.waits.0);
        for (dot, wait) in waits {
            if wait.errand.node == node {
                self.operations.message_gone(wait.errand.slot);
            } else {
                self.waits.0.insert(dot, wait);
            }
        }
    }
}
