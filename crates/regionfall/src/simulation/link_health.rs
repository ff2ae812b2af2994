//! Links in trouble: what disturbs them, who notices, and when they have caught up.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, LinkId, Message};
use super::world::World;
use crate::database::{LinkState, Progress};
use crate::history::{Fact, Listener};
use crate::network::{ConnectionId, Draw, End, HostState, TrafficClass};
use crate::topology::NodeId;

/// A syncer reports to its source so often, as a replica does with REPLCONF ACK (source: redis/redis,
/// `replication.c`, `replicationCron`).
const HEARTBEAT: SimDuration = SimDuration::from_secs(1);

/// Bytes of a heartbeat.
const HEARTBEAT_BYTES: u32 = 100;

impl World {
    /// A fault keeps a link from carrying effects.
    pub(super) fn disrupt<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let limit = self.blueprint.settings().database.sync.silence_limit;
        let state = &mut self.links[usize::from(link.0)];
        if state.disrupted_since != SimTime::NEVER {
            // The look at its silence that the first trouble led to is over, and the reset that would tell of this one may
            // be lost.
            let is_looked_at = now < state.disrupted_since + limit;
            if !is_looked_at && matches!(state.state, LinkState::Orphaned(_)) {
                self.queue.schedule(now + limit, Event::LinkSilence(link));
            }
            return;
        }
        state.disrupted_since = now;
        let (source, target) = (state.source, state.target);
        listener.observe(now, &Fact::LinkDisrupted { source, target });
        self.queue.schedule(now + limit, Event::LinkSilence(link));
    }

    /// What disturbed a link's path is over: what the source has now must still reach the target.
    pub(super) fn undisrupt<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &self.links[usize::from(link.0)];
        if state.disrupted_since == SimTime::NEVER
            || !matches!(state.state, LinkState::Streaming(_))
        {
            return;
        }
        let (source, shard) = (state.source, usize::from(state.shard));
        let have = self.nodes[source.index()].shards[shard]
            .replica
            .clock()
            .clone();
        self.links[usize::from(link.0)].catch_up = Some(have);
        self.note_caught_up(now, link, listener);
    }

    pub(super) fn note_caught_up<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        let state = &self.links[usize::from(link.0)];
        let Some(goal) = &state.catch_up else { return };
        let (source, target) = (state.source, state.target);
        let shard = usize::from(state.shard);
        if !self.nodes[target.index()].shards[shard]
            .replica
            .clock()
            .dominates(goal)
        {
            return;
        }
        self.measure_backlog(link);
        let state = &mut self.links[usize::from(link.0)];
        state.catch_up = None;
        state.disrupted_since = SimTime::NEVER;
        state.since_start = Progress::InSync;
        listener.observe(now, &Fact::LinkCaughtUp { source, target });
        self.review_stale(now, target, shard as u16, listener);
    }

    /// A syncer that has heard nothing for too long gives its connection up and opens a new one.
    pub(super) fn check_silence<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        let state = &self.links[usize::from(link.0)];
        let limit = self.blueprint.settings().database.sync.silence_limit;
        let is_due = state.disrupted_since != SimTime::NEVER
            && now >= state.disrupted_since + limit
            && state.catch_up.is_none();
        let (LinkState::Greeting(connection)
        | LinkState::Syncing(connection)
        | LinkState::Streaming(connection)
        | LinkState::Orphaned(connection)) = state.state
        else {
            return;
        };
        let (source, target) = (state.carrier, state.target);
        if self.is_hung(target) {
            self.links[usize::from(link.0)].missed.silence = true;
            return;
        }
        let is_deaf = matches!(state.state, LinkState::Orphaned(_))
            || self.network.host(self.node_host(source)).state != HostState::Running
            || self.network.is_stalled(connection, End::Server)
            || self.network.is_cut(
                self.node_host(source),
                self.node_host(target),
                TrafficClass::Replication,
            );
        if !is_due || !is_deaf {
            return;
        }
        self.network
            .close(now, &mut self.queue, connection, End::Client);
        self.account_for_abandoned();
        self.link_down(now, link, listener);
        self.connect_link(now, link);
    }

    /// A node's kernel runs again and knows nothing of the connections to it.
    pub(super) fn revive_links(&mut self, now: SimTime, node: NodeId) {
        for index in 0..self.links.len() {
            if self.links[index].carrier == node {
                self.schedule_heartbeat(now, LinkId(index as u16));
            }
        }
    }

    /// The source's end of a link broke, and the target does not know it yet.
    pub(super) fn orphan_link<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        connection: ConnectionId,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        let state = &mut self.links[usize::from(link.0)];
        if state.connection() != Some(connection) || matches!(state.state, LinkState::Opening(_)) {
            return;
        }
        self.forget_target(now, link);
        self.links[usize::from(link.0)].state = LinkState::Orphaned(connection);
        self.disrupt(now, link, listener);
        self.schedule_heartbeat(now, link);
    }

    /// Syncers report to their source every second: one whose source has forgotten it hears of it then.
    pub(super) fn schedule_heartbeat(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        if let LinkState::Orphaned(_) = state.state {
            let address = [u32::from(link.0), state.greetings, now.as_nanos() as u32, 2];
            let phase = self.processing_draws.unit(address.into());
            let wait = HEARTBEAT.as_nanos() as f64 * phase;
            let at = now + SimDuration::from_nanos_f64(wait);
            self.queue.schedule(at, Event::Heartbeat(link));
        }
    }

    /// A syncer reports to a source that may not know it any more.
    pub(super) fn send_heartbeat(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let LinkState::Orphaned(connection) = state.state else {
            return;
        };
        if self.is_hung(state.target) {
            self.links[usize::from(link.0)].missed.heartbeat = true;
            return;
        }
        let draw = Draw {
            who: u32::from(link.0),
            sequence: state.greetings,
            attempt: 4,
            leg: 0,
        };
        let message = (Message::Heartbeat.into(), HEARTBEAT_BYTES);
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Client),
            message,
            draw,
        );
        self.queue.schedule(now + HEARTBEAT, Event::Heartbeat(link));
    }

    /// A node's processes hang: nothing leaves it, and what arrives waits.
    pub(super) fn freeze_links<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        listener: &mut L,
    ) {
        for index in 0..self.links.len() {
            let link = &self.links[index];
            if link.source == node || link.carrier == node || link.target == node {
                self.disrupt(now, LinkId(index as u16), listener);
            }
        }
    }

    /// Whether a node's processes hang: it begins nothing then, neither as a source nor as a target.
    pub(super) fn is_hung(&self, node: NodeId) -> bool {
        matches!(
            self.network.host(self.node_host(node)).state,
            HostState::Hung(_)
        )
    }

    /// A hung process goes on: what was due leaves, and its syncers find what they missed.
    pub(super) fn thaw_links<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        for index in 0..self.links.len() {
            let link = LinkId(index as u16);
            let (source, carrier) = (self.links[index].source, self.links[index].carrier);
            let is_fed = source == node || carrier == node;
            if is_fed && !self.is_hung(source) && !self.is_hung(carrier) {
                for dot in std::mem::take(&mut self.links[index].held) {
                    self.depart(now, link, dot.origin, dot.sequence);
                }
            }
            if is_fed {
                self.undisrupt(now, link, listener);
            } else if self.links[index].target == node {
                self.catch_up_on_missed(now, link, listener);
            }
        }
    }

    /// What came due for a syncer while its process hung, it does now.
    fn catch_up_on_missed<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let missed = std::mem::take(&mut self.links[usize::from(link.0)].missed);
        if let Some(connection) = missed.broken {
            self.link_broken(now, link, connection, listener);
        }
        self.undisrupt(now, link, listener);
        if missed.silence {
            self.check_silence(now, link, listener);
        }
        if missed.heartbeat {
            self.send_heartbeat(now, link);
        }
        if missed.retry {
            self.connect_link(now, link);
        }
    }
}

#[cfg(test)]
mod tests {
    use regionfall_kernel::{Distribution, Seed};

    use super::*;
    use crate::database::Missed;
    use crate::fault::{
        Disks, FaultKind, InFlight, Part, PathSelector, PlannedFault, Silence, TrafficScope,
    };
    use crate::scenario::Scenario;
    use crate::simulation::Blueprint;
    use crate::topology::{FaultId, MemberId, RegionId};

    const A: MemberId = MemberId(0);
    const B: MemberId = MemberId(1);

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    /// Two regions and one request a second.
    fn with_faults(faults: Vec<(FaultKind, SimTime, SimTime)>) -> World {
        let scenario = Scenario::from_toml(
            "[phases]\nwarm_up = \"5s\"\nstorm = \"60s\"\ncalm = \"30s\"\n\
             [topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n\
             [database.sync]\nsilence_limit = \"10s\"\nrestart = \"1s\"\n\
             [[workload.fleet]]\nname = \"us\"\nregion = \"us-east-1\"\nservers = 1\nrate = \"1/s\"\n\
             [[workload.keyspace]]\nname = \"k\"\nmix = { set = 1 }\nkeys = 9\n\
             [[strategy]]\npreset = \"pinned\"\n",
        )
        .unwrap();
        let settings = scenario.variants[0].settings.clone();
        let strategy = settings.strategies[0].clone();
        let faults = faults.into_iter().enumerate();
        let faults = faults.map(|(index, (kind, begins, ends))| PlannedFault {
            id: FaultId(index as u16),
            kind,
            begins,
            ends,
            flapping: None,
        });
        let blueprint = Blueprint::new(settings);
        World::new(&blueprint, &strategy, faults.collect(), Seed::new(1))
    }

    /// The same, in which the second member hangs from 10 s to 40 s, and meets this.
    fn world(kind: FaultKind, begins: u64, ends: u64) -> World {
        let hang = FaultKind::Hang {
            member: B,
            part: Part::Whole,
        };
        with_faults(vec![(hang, at(10), at(40)), (kind, at(begins), at(ends))])
    }

    /// What the hung member's syncer has done so far: greetings, connections, and what it missed.
    fn syncer(world: &mut World, seconds: u64) -> (u32, Option<ConnectionId>, Missed) {
        world.advance_until(at(seconds), &mut ());
        let link = world.link_between(A, B, 0);
        let link = &world.links[usize::from(link.0)];
        (link.greetings, link.connection(), link.missed)
    }

    fn has_caught_up(world: &mut World) -> bool {
        world.advance_until(at(80), &mut ());
        world.links.iter().all(|link| {
            matches!(link.state, LinkState::Streaming(_)) && link.disrupted_since == SimTime::NEVER
        })
    }

    /// The story: its source came back and knew nothing of the connection; a hung syncer reported to it all
    /// the same, met a reset, and connected anew.
    #[test]
    fn a_hung_syncer_does_not_notice_that_its_source_died() {
        let crash = FaultKind::HostCrash {
            member: A,
            part: Part::Whole,
            disks: Disks::Kept,
            in_flight: InFlight::Lost,
        };
        let mut world = world(crash, 7, 12);
        let (greetings, connection, _) = syncer(&mut world, 11);
        assert!(connection.is_some());
        let (later, same, missed) = syncer(&mut world, 39);
        assert_eq!((later, same), (greetings, connection));
        assert!(missed.heartbeat, "it would have met a reset");
        let (after, other, missed) = syncer(&mut world, 45);
        assert!(after > greetings && other != connection);
        assert_eq!(missed, Missed::default());
        assert!(has_caught_up(&mut world));
    }

    /// The story: its path was slow for longer than the limit, so that the look at its silence was over. Its source died, and the
    /// reset was so long under way that the next crash lost it: the syncer waited for ever.
    #[test]
    fn a_source_that_died_on_a_slow_path_is_noticed_by_its_silence() {
        let slow = FaultKind::Latency {
            paths: PathSelector {
                from: vec![RegionId(1)],
                to: vec![RegionId(0)],
                zone: None,
                both_ways: false,
                scope: TrafficScope::All,
            },
            add: Distribution::Constant(SimDuration::from_millis(600)),
        };
        let crash = || FaultKind::ProcessCrash {
            member: B,
            part: Part::Whole,
            disks: Disks::Kept,
            in_flight: InFlight::Lost,
        };
        let shortly = |millis: u64| at(24) + SimDuration::from_millis(millis);
        let mut world = with_faults(vec![
            (slow, at(7), shortly(10)),
            (crash(), at(24), shortly(50)),
            (crash(), shortly(500), shortly(550)),
        ]);
        let link = usize::from(world.link_between(B, A, 0).0);
        world.advance_until(at(30), &mut ());
        assert!(matches!(world.links[link].state, LinkState::Orphaned(_)));
        assert!(has_caught_up(&mut world));
    }

    /// The story: it heard nothing for ten seconds, and gave its connection up although it did nothing else.
    #[test]
    fn a_hung_syncer_gives_no_connection_up() {
        let cut = FaultKind::Partition {
            paths: PathSelector {
                from: vec![RegionId(0)],
                to: vec![RegionId(1)],
                zone: None,
                both_ways: true,
                scope: TrafficScope::Replication,
            },
            mode: Silence::Silent,
            in_flight: InFlight::Lost,
        };
        let mut world = world(cut, 12, 30);
        let before = syncer(&mut world, 11);
        let (greetings, connection, missed) = syncer(&mut world, 39);
        assert_eq!((greetings, connection), (before.0, before.1));
        assert!(missed.silence, "the limit passed");
        assert!(has_caught_up(&mut world));
    }
}
