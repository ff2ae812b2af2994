//! What faults do to a host, several at a time: the gravest decides what its peers see.

use regionfall_kernel::{Address, SimTime};

use super::event::Event;
use super::world::World;
use crate::database::Shard;
use crate::history::{Fact, Listener};
use crate::network::{HostState, InFlight, Silence};
use crate::topology::{FaultId, HostId, MemberId};

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
        self.host_faults[host.index()].retain(|other| other.fault != fault);
        let state = self.network.host(host).state;
        match (self.gravest(host), state) {
            (None, HostState::Hung(_)) => {
                if let Some(member) = self.member_on(host) {
                    self.thaw_processes(now, member);
                }
                for notice in self.network.resume(now, &mut self.queue, host) {
                    self.heed(now, notice, listener);
                }
                self.account_for_abandoned();
                if let Some(member) = self.member_on(host) {
                    self.thaw_links(now, member, listener);
                }
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
        if let Some(member) = self.member_on(host) {
            self.network.boot_host(host, fault);
            self.revive_links(now, member);
            let address = Address::from([host.0, u32::from(fault.0), now.as_nanos() as u32, 1]);
            let bits = self.processing_draws.bits(address);
            let delay = self.blueprint.restart().sample(bits);
            self.queue.schedule(now + delay, Event::Restart(member));
        } else {
            self.network.start_host(host);
            self.wake_deferred(now, host, listener);
        }
    }

    /// A member's process is up again, unless another fault took it meanwhile.
    pub(super) fn restart_member<L: Listener>(
        &mut self,
        now: SimTime,
        member: MemberId,
        listener: &mut L,
    ) {
        let host = self.member_host(member);
        if !self.host_faults[host.index()].is_empty() || self.members[member.index()].is_running {
            return;
        }
        self.network.start_host(host);
        let state = &mut self.members[member.index()];
        state.stopped_by.clear();
        state.is_running = true;
        listener.observe(now, &Fact::MemberRestarted { member });
        for shard in 0..self.members[member.index()].shards.len() {
            let origin = self.journal.begin(member, shard as u16);
            let Shard {
                origin: current, ..
            } = &mut self.members[member.index()].shards[shard];
            *current = origin;
            listener.observe(now, &Fact::OriginBegan { member, origin });
        }
        self.start_links(now, member);
    }
}
