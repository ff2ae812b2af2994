//! Work on the nodes of a member while it serves: planned maintenance, node by node, and what operators move.
//!
//! Who does the work looks at it from time to time: every ten milliseconds while writes wait for a hand-over, every second
//! otherwise (assumed). What comes next in a round of maintenance is `database/promotion/maintenance`.

use regionfall_kernel::{Sampler, SimDuration, SimTime};

use super::afflictions::Affliction;
use super::answering::Errand;
use super::event::Event;
use super::handing_over::{HandOver, Handed, LOOK_EVERY};
use super::world::World;
use crate::database::LinkState;
use crate::database::promotion::maintenance::{Maintenance, MaintenanceAction, MaintenanceStep};
use crate::fault::{Disks, FaultKind, Upkeep, UpkeepTask};
use crate::history::{Fact, Listener};
use crate::network::InFlight;
use crate::topology::{FaultId, MemberId, NodeId};

/// How often a service looks whether a node is up, or in step, or can be handed over (assumed).
pub(super) const SERVICE_LOOKS_EVERY: SimDuration = SimDuration::from_secs(1);

/// The work that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Upkeeping {
    rounds: Vec<Round>,
    /// Processes that let writes wait, since their shard is handed over.
    pub(super) paused: Vec<(NodeId, u16)>,
    /// Writes that wait there.
    pub(super) held: Vec<Errand>,
}

/// One piece of work.
#[derive(Clone, Debug)]
struct Round {
    fault: FaultId,
    member: MemberId,
    work: Work,
    /// The hand-over of a shard that it is in.
    hand_over: Option<HandOver>,
}

#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Planned maintenance: what comes next, and whether that has begun.
    Maintenance {
        maintenance: Maintenance,
        action: MaintenanceAction,
        has_begun: bool,
    },
    /// A node gets copies.
    Joining { node: NodeId },
    /// A shard moves to a node.
    Migration { shard: u16, to: NodeId },
    /// Slots move from one shard to another: which of the moves.
    Slots(usize),
}

/// How a piece of work goes on.
pub(super) enum Next {
    /// There is more to do, now.
    Now,
    /// It is looked at again at this moment.
    At(SimTime),
    Finished,
}

impl World {
    /// Work on a member's nodes begins.
    pub(super) fn begin_upkeep<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        upkeep: &Upkeep,
        listener: &mut L,
    ) {
        listener.observe(now, &Fact::FaultBegan { fault });
        let member = upkeep.member;
        let nodes: Vec<NodeId> = self.members[member.index()].nodes().collect();
        let work = match upkeep.task {
            UpkeepTask::PlannedMaintenance { node, .. } => {
                let is_meant = |(number, _): &(usize, &NodeId)| {
                    node.is_none_or(|node| usize::from(node) == *number)
                };
                let meant = nodes.iter().enumerate().filter(is_meant);
                // Where no process runs nothing is handed over, and nothing is to be in step.
                let meant = meant.map(|(_, &node)| node);
                let meant: Vec<NodeId> = meant.filter(|&node| !self.is_spare(node)).collect();
                let (maintenance, action) = Maintenance::begin(&meant);
                Some(Work::Maintenance {
                    maintenance,
                    action,
                    has_begun: false,
                })
            }
            UpkeepTask::MigrateShard { shard, node } => {
                let to = nodes.get(usize::from(node)).copied();
                let shard = shard % self.shards();
                to.map(|to| Work::Migration { shard, to })
            }
            UpkeepTask::MigrateSlots { .. } => self.begin_to_move_slots(fault),
            UpkeepTask::MigrateEndpoint { node } => {
                if let Some(&node) = nodes.get(usize::from(node)) {
                    self.migrate_endpoint(now, fault, node);
                }
                None
            }
            UpkeepTask::AddNode => {
                let spare = self.spare_of(member);
                if let Some(node) = spare {
                    self.join_as_asked(now, fault, node, listener);
                }
                spare.map(|node| Work::Joining { node })
            }
        };
        let Some(work) = work else {
            listener.observe(now, &Fact::FaultEnded { fault });
            return;
        };
        self.upkeep.rounds.push(Round {
            fault,
            member,
            work,
            hand_over: None,
        });
        self.upkeep_goes_on(now, fault, listener);
    }

    /// Work goes on until there is something to wait for.
    pub(super) fn upkeep_goes_on<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        listener: &mut L,
    ) {
        let is_ours = |round: &Round| round.fault == fault;
        let Some(place) = self.upkeep.rounds.iter().position(is_ours) else {
            return;
        };
        let mut round = self.upkeep.rounds.swap_remove(place);
        loop {
            match self.work_on(now, &mut round, listener) {
                Next::Now => {}
                Next::At(at) => {
                    self.queue.schedule(at, Event::Upkeep(fault));
                    self.upkeep.rounds.push(round);
                    return;
                }
                Next::Finished => {
                    listener.observe(now, &Fact::FaultEnded { fault });
                    return;
                }
            }
        }
    }

    fn work_on<L: Listener>(&mut self, now: SimTime, round: &mut Round, listener: &mut L) -> Next {
        if let Some(mut hand_over) = round.hand_over.take() {
            return match self.look_at_hand_over(now, &mut hand_over, listener) {
                Handed::Done => {
                    self.network
                        .effects
                        .note(round.fault, |effects| effects.hosts += 1);
                    Next::Now
                }
                Handed::GivenUp => Next::At(now + SERVICE_LOOKS_EVERY),
                Handed::NotYet => {
                    round.hand_over = Some(hand_over);
                    Next::At(now + LOOK_EVERY)
                }
            };
        }
        match round.work {
            Work::Slots(index) => self.move_slots(now, index, listener),
            Work::Maintenance { action, .. } => match action {
                MaintenanceAction::HandOver(node) => {
                    self.hand_node_over(now, round, node, listener)
                }
                MaintenanceAction::Restart(node) => self.reboot(now, round, node, listener),
                MaintenanceAction::AwaitSynchronization(node) => {
                    if self.is_in_step(node) {
                        round.work.done(node, MaintenanceStep::Synchronizing);
                        Next::Now
                    } else {
                        Next::At(now + SERVICE_LOOKS_EVERY)
                    }
                }
                MaintenanceAction::Finished => Next::Finished,
            },
            Work::Joining { node } => {
                if self.is_in_step(node) {
                    Next::Finished
                } else {
                    Next::At(now + SERVICE_LOOKS_EVERY)
                }
            }
            Work::Migration { shard, to } => {
                self.join_as_asked(now, round.fault, to, listener);
                let from = self.members[round.member.index()].primaries[usize::from(shard)];
                if from == to {
                    Next::Finished
                } else if self.can_take_over(from, to, shard) {
                    let whose = (round.member, shard);
                    round.hand_over = Some(self.begin_to_hand_over(now, whose, to, listener));
                    Next::Now
                } else {
                    Next::At(now + SERVICE_LOOKS_EVERY)
                }
            }
        }
    }

    /// The primaries of a node are handed over one after the other; a node without any other copy beside it is not.
    fn hand_node_over<L: Listener>(
        &mut self,
        now: SimTime,
        round: &mut Round,
        node: NodeId,
        listener: &mut L,
    ) -> Next {
        let Work::Maintenance { has_begun, .. } = &mut round.work else {
            return Next::Finished;
        };
        if !*has_begun {
            let opens = self.window_opens(now, round.fault);
            if opens > now {
                return Next::At(opens);
            }
            *has_begun = true;
        }
        let member = &self.members[round.member.index()];
        let shards = (0..self.shards).filter(|&shard| member.primaries[usize::from(shard)] == node);
        let shards: Vec<u16> = shards.collect();
        let mut others = member.nodes().filter(|&other| other != node);
        let has_others = others.any(|other| !self.is_spare(other));
        let Some(&shard) = shards.first().filter(|_| has_others) else {
            round.work.done(node, MaintenanceStep::HandingOver);
            return Next::Now;
        };
        let Some(to) = self.heir(node, shard) else {
            return Next::At(now + SERVICE_LOOKS_EVERY);
        };
        let whose = (round.member, shard);
        round.hand_over = Some(self.begin_to_hand_over(now, whose, to, listener));
        Next::Now
    }

    /// When work on the next node may begin.
    fn window_opens(&self, now: SimTime, fault: FaultId) -> SimTime {
        match &self.faults[fault.index()].kind {
            FaultKind::Upkeep(Upkeep {
                task:
                    UpkeepTask::PlannedMaintenance {
                        window: Some(window),
                        ..
                    },
                ..
            }) => window.open_from(now),
            _ => now,
        }
    }

    /// A node restarts: its processes end, so that its kernel ends their connections; the machine is away for a while.
    fn reboot<L: Listener>(
        &mut self,
        now: SimTime,
        round: &mut Round,
        node: NodeId,
        listener: &mut L,
    ) -> Next {
        let Round { fault, member, .. } = *round;
        let Work::Maintenance { has_begun, .. } = &mut round.work else {
            return Next::Finished;
        };
        if !*has_begun {
            *has_begun = true;
            let others = self.members[member.index()].nodes();
            let mut others = others.filter(|&other| other != node);
            let next = others.find(|&other| self.nodes[other.index()].is_running);
            let entrance = &mut self.members[member.index()].entrance;
            if let Some(next) = next.filter(|_| *entrance == node) {
                *entrance = next;
            }
            let ruin = (Affliction::ProcessDead, Disks::Kept, InFlight::Delivered);
            self.stop_node(now, fault, node, ruin, listener);
            let (host, silent) = (self.node_host(node), Affliction::Silent);
            self.afflict(now, host, (fault, silent), InFlight::Delivered);
            self.switch_management(now, (fault, true), node, silent, listener);
            self.account_for_abandoned();
            return Next::At(now + self.reboot_takes(fault, node));
        }
        let host = self.node_host(node);
        let is_away = self.host_faults[host.index()]
            .iter()
            .any(|held| held.fault == fault);
        if is_away {
            self.relieve(now, host, fault, listener);
            self.switch_management(now, (fault, false), node, Affliction::Silent, listener);
        }
        if self.nodes[node.index()].is_running {
            round.work.done(node, MaintenanceStep::Restarting);
            Next::Now
        } else {
            Next::At(now + SERVICE_LOOKS_EVERY)
        }
    }

    /// An operator gives a node copies, if it has none.
    fn join_as_asked<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        node: NodeId,
        listener: &mut L,
    ) {
        if self.is_spare(node) {
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            self.join(now, node, listener);
        }
    }

    /// For how long a machine is away.
    fn reboot_takes(&self, fault: FaultId, node: NodeId) -> SimDuration {
        let address = [u32::from(fault.0), u32::from(node.0), 0, 8];
        let bits = self.processing_draws.bits(address.into());
        match &self.faults[fault.index()].kind {
            FaultKind::Upkeep(Upkeep {
                task: UpkeepTask::PlannedMaintenance { reboot, .. },
                ..
            }) => Sampler::new(reboot).sample(bits),
            _ => SimDuration::ZERO,
        }
    }

    /// Whether every copy of a node that follows another has caught up with it.
    pub(super) fn is_in_step(&self, node: NodeId) -> bool {
        let state = &self.nodes[node.index()];
        let mut shards = state.shards.iter().enumerate();
        state.is_running
            && shards.all(|(shard, process)| {
                process.is_primary()
                    || self
                        .link_within(process.follows, node, shard as u16)
                        .is_some_and(|link| {
                            let link = &self.links[usize::from(link.0)];
                            matches!(link.state, LinkState::Streaming(_))
                                && link.disrupted_since == SimTime::NEVER
                                && link.full_state.is_none()
                        })
            })
    }

    /// The address of a member moves to another of its nodes: new connections find it there, the others end.
    fn migrate_endpoint(&mut self, now: SimTime, fault: FaultId, node: NodeId) {
        let member = self.nodes[node.index()].member;
        let former = self.members[member.index()].entrance;
        if former == node || !self.nodes[node.index()].is_running {
            return;
        }
        self.network
            .effects
            .note(fault, |effects| effects.hosts += 1);
        self.members[member.index()].entrance = node;
        self.drop_clients(now, former);
    }
}

impl Work {
    /// A step of a round of maintenance is done.
    fn done(&mut self, node: NodeId, step: MaintenanceStep) {
        if let Self::Maintenance {
            maintenance,
            action,
            has_begun,
        } = self
        {
            if let Some(next) = maintenance.done(node, step) {
                *action = next;
            }
            *has_begun = false;
        }
    }
}
