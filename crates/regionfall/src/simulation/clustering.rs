//! The processes of a Redis Cluster at work: the world gives them ticks and does what they decide. What they decide is
//! `database/promotion/cluster`; what carries their messages is `cabling.rs`.
//!
//! Every node of a member has a process for every shard.

use regionfall_kernel::{Seed, SimTime, TraceHash};

use super::cabling::Cable;
use super::event::{Event, StationId};
use super::world::World;
use crate::database::Role;
use crate::database::promotion::PromotionRule;
use crate::database::promotion::cluster::{
    ClusterAction, ClusterNote, ClusterProcess, ClusterSight, OwnState, ProcessId,
};
use crate::history::{BusFact, Fact, Listener};
use crate::network::{End, HostState};
use crate::topology::{HostId, LocalTime, MemberId, NodeId};

/// A process of a Redis Cluster in its place.
#[derive(Clone)]
pub(super) struct Station {
    pub(super) process: ClusterProcess,
    member: MemberId,
    /// Its own links: to each process of its member by node and shard, itself included.
    pub(super) cables: Vec<Cable>,
    /// Its timer went off while it hung or was down.
    is_late: bool,
    /// It died meanwhile: it starts anew.
    died: bool,
    /// Messages sent and links opened so far, for addressing draws.
    pub(super) sent: u32,
}

impl World {
    /// A process of a cluster for each shard of each node, where the scenario wants that.
    pub(super) fn place_stations(&mut self, seed: Seed) {
        let blueprint = self.blueprint.clone();
        let PromotionRule::Cluster(config) = blueprint.settings().database.promotion.rule else {
            return;
        };
        for member in 0..self.members.len() {
            let state = &self.members[member];
            let draws = seed.addressed_indexed("cluster", member as u64);
            let mut all = Vec::new();
            for shard in 0..self.shards {
                // The first of each shard is its primary.
                let primary = state.primaries[usize::from(shard)];
                let others = state.nodes().filter(|&node| node != primary);
                let nodes = std::iter::once(primary).chain(others);
                all.extend(nodes.map(|node| ProcessId { node, shard }));
            }
            for node in state.nodes() {
                for shard in 0..self.shards {
                    let id = ProcessId { node, shard };
                    let first = state.nodes.start;
                    let stations = usize::from(first) * usize::from(self.shards)..;
                    self.stations.push(Station {
                        process: ClusterProcess::new(id, config, &all, self.shards, draws),
                        member: state.id,
                        cables: stations
                            .take(all.len())
                            .map(|index| Cable::new(StationId(index as u16)))
                            .collect(),
                        is_late: false,
                        died: false,
                        sent: 0,
                    });
                }
            }
        }
    }

    /// Whether the processes of the database are those of a Redis Cluster.
    pub(super) fn is_redis_cluster(&self) -> bool {
        !self.stations.is_empty()
    }

    /// A node's process of a shard.
    pub(super) fn station(&self, node: NodeId, shard: u16) -> Option<&Station> {
        let id = ProcessId { node, shard };
        self.stations.get(usize::from(self.station_of(id).0))
    }

    pub(super) fn station_of(&self, id: ProcessId) -> StationId {
        StationId(u16::from(id.node.0) * self.shards + id.shard)
    }

    pub(super) fn station_host(&self, id: StationId) -> HostId {
        self.node_host(self.stations[usize::from(id.0)].process.id().node)
    }

    pub(super) fn is_up(&self, id: StationId) -> bool {
        let node = self.stations[usize::from(id.0)].process.id().node;
        self.nodes[node.index()].is_running
            && self.network.host(self.node_host(node)).state == HostState::Running
    }

    pub(super) fn start_stations<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        for index in 0..self.stations.len() {
            self.with_station(
                now,
                StationId(index as u16),
                listener,
                |process, at, out| {
                    process.start(at, out);
                },
            );
        }
    }

    /// A process's timer is due. While it hangs or is down it is late.
    pub(super) fn station_due<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        listener: &mut L,
    ) {
        if self.is_up(id) {
            self.tick_station(now, id, listener);
            return;
        }
        let is_hung = matches!(
            self.network.host(self.station_host(id)).state,
            HostState::Hung(_)
        );
        let station = &mut self.stations[usize::from(id.0)];
        station.is_late = true;
        station.died |= !is_hung;
    }

    /// The processes of a host run again.
    pub(super) fn wake_stations<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        listener: &mut L,
    ) {
        for index in 0..self.stations.len() {
            let id = StationId(index as u16);
            if self.station_host(id) != host
                || !self.is_up(id)
                || !std::mem::take(&mut self.stations[index].is_late)
            {
                continue;
            }
            if std::mem::take(&mut self.stations[index].died) {
                for cable in 0..self.stations[index].cables.len() {
                    self.cut_cable(now, id, cable);
                }
                self.with_station(now, id, listener, |process, at, out| {
                    process.restart(at, out);
                });
            } else {
                self.tick_station(now, id, listener);
            }
        }
    }

    /// An operator makes a process primary of its shard (`CLUSTER FAILOVER TAKEOVER`), if it runs.
    pub(super) fn take_over_slots<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        listener: &mut L,
    ) {
        let id = self.station_of(ProcessId { node, shard });
        if self.is_up(id) {
            self.with_station(now, id, listener, |process, at, out| {
                process.take_over(at, out);
            });
        }
    }

    fn tick_station<L: Listener>(&mut self, now: SimTime, id: StationId, listener: &mut L) {
        let ProcessId { node, shard } = self.stations[usize::from(id.0)].process.id();
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        let is_primary = process.role == Role::Primary;
        let own = OwnState {
            offset: process.replica.clock().iter().map(|dot| dot.sequence).sum(),
            disconnected_for: if is_primary {
                regionfall_kernel::SimDuration::ZERO
            } else {
                self.without_primary_for(now, node, shard)
            },
        };
        self.tell_station(now, id, ClusterSight::Woken(own), listener);
    }

    pub(super) fn tell_station<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        sight: ClusterSight,
        listener: &mut L,
    ) {
        self.with_station(now, id, listener, |process, at, out| {
            process.observe(at, sight, out);
        });
    }

    /// Lets a process do something, and does what it asks for.
    fn with_station<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        listener: &mut L,
        act: impl FnOnce(&mut ClusterProcess, LocalTime, &mut Vec<ClusterAction>),
    ) {
        let mut actions = Vec::new();
        let clock = LocalTime(now.as_nanos());
        act(
            &mut self.stations[usize::from(id.0)].process,
            clock,
            &mut actions,
        );
        for action in actions {
            self.do_for_station(now, id, action, listener);
        }
    }

    fn do_for_station<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        action: ClusterAction,
        listener: &mut L,
    ) {
        let ProcessId { node, shard } = self.stations[usize::from(id.0)].process.id();
        match action {
            ClusterAction::Wake { at } => {
                let at = SimTime::from_nanos(at.0).max(now);
                self.queue.schedule(at, Event::ClusterTick(id));
            }
            ClusterAction::Connect { to } => self.open_cable(now, id, to),
            ClusterAction::Disconnect { to } => {
                let cable = self.cable(id, to);
                self.cut_cable(now, id, cable);
            }
            ClusterAction::Send { to, message } => {
                self.send_over_cable(now, id, to, message);
            }
            ClusterAction::Answer { to, message } => {
                let asker = self.station_of(to);
                let cable = self.cable(asker, ProcessId { node, shard });
                self.send_parcel(now, (asker, cable), End::Client, message);
            }
            ClusterAction::BecomePrimary { .. } => {
                let member = self.stations[usize::from(id.0)].member;
                self.promote(now, (member, shard), node, listener);
                self.move_endpoint(member, node);
            }
            ClusterAction::BecomeReplica { of } => {
                self.follow(now, (node, shard), of.node, listener);
            }
            ClusterAction::Note(note) => self.note_station(now, id, note, listener),
        }
    }

    fn note_station<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        note: ClusterNote,
        listener: &mut L,
    ) {
        let station = &self.stations[usize::from(id.0)];
        let member = station.member;
        let ProcessId { node, shard } = station.process.id();
        let by = (node, shard);
        let mut state = TraceHash::default();
        station.process.hash_into(&mut state);
        let digest = state.finish();
        let replaces = station.process.replica_of();
        let mut tell = |fact| listener.observe(now, &Fact::Bus(fact));
        tell(BusFact::State {
            node,
            shard,
            digest,
        });
        tell(match note {
            ClusterNote::Suspects(ProcessId { node, shard }) => {
                BusFact::Suspected { by, node, shard }
            }
            ClusterNote::Failed(ProcessId { node, shard }) => BusFact::Failed { by, node, shard },
            ClusterNote::Recovered(ProcessId { node, shard }) => {
                BusFact::Recovered { by, node, shard }
            }
            ClusterNote::Stands { epoch } => BusFact::Stood {
                member,
                node,
                shard,
                epoch,
            },
            ClusterNote::Voted { candidate, epoch } => BusFact::Voted {
                by,
                node: candidate.node,
                shard: candidate.shard,
                epoch,
            },
            ClusterNote::Elected { epoch } => BusFact::Elected {
                member,
                node,
                shard,
                epoch,
            },
            ClusterNote::Serves(serves) => BusFact::Serves {
                node,
                shard,
                serves,
            },
        });
        if let (ClusterNote::Stands { .. }, Some(primary)) = (note, replaces) {
            let fact = Fact::PromotionBegan {
                member,
                shard,
                node: primary.node,
            };
            listener.observe(now, &fact);
        }
    }
}
