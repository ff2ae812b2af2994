//! Hosts as the network sees them: is there a kernel, is there a process, who answers for them.

use crate::topology::{FaultId, HostId, RegionId};

use super::connection::{ConnectionId, End};
use super::event::Segment;

/// What answers at a host's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostState {
    /// Kernel and process.
    Running,
    /// The process accepts nothing itself, but the kernel does: connections open, data is
    /// acknowledged, nothing is answered.
    Hung(FaultId),
    /// The kernel alone: resets.
    ProcessDead(FaultId),
    /// Nothing: silence.
    Silent(FaultId),
    /// Nothing, and a router in front that answers with resets.
    Refusing(FaultId),
}

impl HostState {
    /// Whether the process runs or will go on where it was.
    pub fn is_process_alive(self) -> bool {
        matches!(self, Self::Running | Self::Hung(_))
    }
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Host<P> {
    /// Its region.
    pub region: RegionId,
    /// Its zone within the region.
    pub zone: u16,
    /// What answers at its address.
    pub state: HostState,
    /// Whether its process is asked before a connection of a client or a check is accepted, and for each round
    /// trip of its setup.
    pub is_gated: bool,
    /// The machine that it shares with another, if it does: what goes between the two stays inside.
    pub machine: Option<HostId>,
    /// What a hung process will find when it goes on, in order of arrival.
    pub(super) inbox: Vec<(ConnectionId, End, Segment<P>)>,
}

impl<P> Host<P> {
    /// A running host.
    pub fn new(region: RegionId, zone: u16) -> Self {
        Self {
            region,
            zone,
            state: HostState::Running,
            is_gated: false,
            machine: None,
            inbox: Vec::new(),
        }
    }
}

/// Counts what a fault did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FaultEffects {
    /// Processes and hosts stopped, hung or started anew.
    pub hosts: u64,
    /// Messages that vanished.
    pub dropped: u64,
    /// Messages and connections answered with a reset.
    pub refused: u64,
    /// Messages delayed.
    pub delayed: u64,
    /// Pieces of work that it changed: writes with a wrong time, requests that would not have been asked, work
    /// that took longer.
    pub altered: u64,
}

impl FaultEffects {
    /// Whether the fault did anything at all.
    pub fn any(&self) -> bool {
        self.hosts + self.dropped + self.refused + self.delayed + self.altered > 0
    }
}

/// The effects of every fault of the plan, and which of them had their first since last asked.
#[derive(Clone, Debug, Default)]
pub struct EffectLog {
    effects: Vec<FaultEffects>,
    fresh: Vec<FaultId>,
}

impl EffectLog {
    /// Notes an effect of `fault`.
    pub fn note(&mut self, fault: FaultId, count: impl FnOnce(&mut FaultEffects)) {
        if fault == FaultId::NONE {
            return;
        }
        if self.effects.len() <= fault.index() {
            self.effects
                .resize(fault.index() + 1, FaultEffects::default());
        }
        let effects = &mut self.effects[fault.index()];
        if !effects.any() {
            self.fresh.push(fault);
        }
        count(effects);
    }

    /// What `fault` did so far.
    pub fn of(&self, fault: FaultId) -> FaultEffects {
        self.effects.get(fault.index()).copied().unwrap_or_default()
    }

    /// Faults that had their first effect since the last call.
    pub fn take_fresh(&mut self) -> Option<FaultId> {
        self.fresh.pop()
    }
}

/// The hosts of a world, by identity.
pub(super) fn host_of<P>(hosts: &[Host<P>], id: HostId) -> &Host<P> {
    &hosts[id.index()]
}
