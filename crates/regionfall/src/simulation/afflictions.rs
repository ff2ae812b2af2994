//! What faults do to a host, several at a time: the gravest decides what its peers see.

use regionfall_kernel::{Address, SimTime};

use super::event::Event;
use super::sabotage::Mutation;
use super::world::World;
use crate::history::{Fact, Listener};
use crate::network::{HostState, InFlight, Silence};
use crate::topology::{FaultId, HostId, NodeId};

/// A fault that acts on a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostFault {
    pub(super) fault: FaultId,
    pub(super) affliction: Affliction,
}

/// What a fault does to a host, the gravest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Affliction {
    Hung,
    ProcessDead,
    Refusing,
    Silent,
}

impl World {
    /// A fault begins to act on a host. The gravest fault decides what a peer sees.
    pub(super) fn afflict(
        &mut self,
        now: SimTime,
        host: HostId,
        (fault, affliction): (FaultId, Affliction),
        in_flight: InFlight,
    ) {
        let gravest = self.gravest(host);
        self.host_faults[host.index()].push(HostFault { fault, affliction });
        if gravest.is_some_and(|gravest| gravest >= affliction) {
            return;
        }
        let is_up = self.network.host(host).state.is_process_alive();
        let queue = &mut self.queue;
        match affliction {
            // A process that has not started yet cannot hang.
            Affliction::Hung if !is_up => {}
            Affliction::Hung => self.network.hang(host, fault),
            Affliction::ProcessDead => {
                self.network
                    .kill_process(now, queue, (host, fault), in_flight);
            }
            Affliction::Refusing => {
                let mode = Silence::Refusing;
                self.network
                    .stop_host(now, queue, (host, fault), mode, in_flight);
            }
            Affliction::Silent => {
                let mode = Silence::Silent;
                self.network
                    .stop_host(now, queue, (host, fault), mode, in_flight);
            }
        }
    }

    pub(super) fn gravest(&self, host: HostId) -> Option<Affliction> {
        self.host_faults[host.index()]
            .iter()
            .map(|fault| fault.affliction)
            .max()
    }

    /// A fault stops acting on a host. With the last one the host comes back.
    pub(super) fn relieve<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        fault: FaultId,
        listener: &mut L,
    ) {
        let is_hung = matches!(self.network.host(host).state, HostState::Hung(_));
        if is_hung && self.sabotage.is(Mutation::NeverThaws) {
            return;
        }
        self.host_faults[host.index()].retain(|other| other.fault != fault);
        let state = self.network.host(host).state;
        match (self.gravest(host), state) {
            (None, HostState::Hung(_)) => {
                if let Some(node) = self.node_on(host) {
                    self.thaw_processes(now, node);
                }
                self.errands.thawing = self.node_on(host);
                for notice in self.network.resume(now, &mut self.queue, host) {
                    self.heed(now, notice, listener);
                }
                self.errands.thawing = None;
                self.account_for_abandoned();
                if let Some(node) = self.node_on(host) {
                    self.thaw_links(now, node, listener);
                    self.unpark(now, node, listener);
                }
                self.wake_sentinels(now, host, listener);
                self.wake_watchdogs(now, host, listener);
                self.wake_stations(now, host, listener);
            }
            (None, _) => self.bring_back(now, host, fault, listener),
            // A kernel that is up again while its process may not start yet.
            (
                Some(Affliction::ProcessDead | Affliction::Hung),
                HostState::Silent(_) | HostState::Refusing(_),
            ) => {
                self.network.boot_host(host, fault);
            }
            (Some(_), _) => {}
        }
    }

    /// Nothing keeps a host down any more.
    pub(super) fn bring_back<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        fault: FaultId,
        listener: &mut L,
    ) {
        if let Some(node) = self.node_on(host) {
            self.network.boot_host(host, fault);
            self.revive_links(now, node);
            let address = Address::from([host.0, u32::from(fault.0), now.as_nanos() as u32, 1]);
            let bits = self.processing_draws.bits(address);
            let delay = self.blueprint.restart().sample(bits);
            self.queue.schedule(now + delay, Event::Restart(node));
        } else {
            self.network.start_host(host);
            self.wake_deferred(now, host, listener);
            self.wake_sentinels(now, host, listener);
            self.wake_watchdogs(now, host, listener);
            self.wake_stations(now, host, listener);
        }
    }

    /// A node's processes are up again, unless another fault took it meanwhile. Each is what it was when it stopped,
    /// as long as nobody tells it otherwise.
    pub(super) fn restart_node<L: Listener>(&mut self, now: SimTime, id: NodeId, listener: &mut L) {
        let host = self.node_host(id);
        if !self.host_faults[host.index()].is_empty() || self.nodes[id.index()].is_running {
            return;
        }
        if self.persisting.is_some()
            && (self.awaits_files(now, id, listener) || self.begin_to_load(now, id))
        {
            return;
        }
        self.network.start_host(host);
        self.go_on(now, id, listener);
    }

    /// A node's processes have loaded what they found, unless they were stopped meanwhile.
    pub(super) fn node_loaded<L: Listener>(&mut self, now: SimTime, id: NodeId, listener: &mut L) {
        if self.has_loaded(now, id) {
            self.go_on(now, id, listener);
        }
    }

    /// A node's processes serve again.
    fn go_on<L: Listener>(&mut self, now: SimTime, id: NodeId, listener: &mut L) {
        let node = &mut self.nodes[id.index()];
        node.stopped_by.clear();
        node.is_running = true;
        listener.observe(now, &Fact::NodeRestarted { node: id });
        self.open_files(now, id, listener);
        self.lose_backlog(id);
        self.members[self.nodes[id.index()].member.index()].has_reached_all = false;
        self.hear_of_primaries(now, id, listener);
        for shard in 0..self.shards {
            self.nodes[id.index()].shards[usize::from(shard)].is_stale = false;
            let is_primary = self.nodes[id.index()].shards[usize::from(shard)].is_primary();
            if is_primary && !self.sabotage.is(Mutation::ReusesDots) {
                self.begin_origin(now, id, shard, listener);
                self.enter_stale(now, id, shard, listener);
            }
        }
        self.start_links(now, id);
        let host = self.node_host(id);
        self.wake_sentinels(now, host, listener);
        self.wake_watchdogs(now, host, listener);
        self.wake_stations(now, host, listener);
    }

    /// A primary writes as a new origin from now on: no dot is used twice, whatever became of its disk.
    pub(super) fn begin_origin<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        let origin = self.journal.begin(node, shard);
        self.nodes[node.index()].shards[usize::from(shard)].origin = origin;
        let fact = Fact::OriginBegan {
            node,
            shard,
            origin,
        };
        listener.observe(now, &fact);
    }
}
