//! Replicas report how far they are, and what hangs on it: writes that a primary refuses while too few replicas are
//! there, WAIT and WAITAOF.
//!
//! A replica reports once a second, and at once when its primary asks, which WAIT and WAITAOF make it do (source: Redis
//! docs, *WAIT*, *WAITAOF*; replication.c of Redis 7.0 and 7.2). Who waits gets the reply to its write when enough replicas
//! reported to have it (in memory, or forced to disk), and the primary's own file has it if that was asked, or when
//! time is over; that they have it is no promise that it survives. A replica does not report when an fsync ends: with
//! a file that is forced once a second the report that counts is one of those of once a second.

use regionfall_crdt::OriginId;
use regionfall_kernel::{SimDuration, SimTime, TimerId};

use super::answering::{Asker, Errand};
use super::event::{Event, LinkId, Message, WaitId};
use super::sabotage::Mutation;
use super::world::World;
use crate::database::promotion::guard::{REPORT_PERIOD, Reports};
use crate::database::{LinkState, Scope};
use crate::history::{Fact, Listener};
use crate::network::{Draw, End, HostState};
use crate::topology::{LocalTime, NodeId};
use crate::workload::{WaitCommand, WaitConfig};

/// Bytes of a report, and of the request for one.
const REPORT_BYTES: u32 = 100;
/// The legs of reports and of requests for them.
const LEG_REPORT: u8 = 0x46;
const LEG_REQUEST: u8 = 0x47;

/// How often somebody who waits for a disk that stands still looks again: as the server's periodic task (`hz 10`, redis.conf).
const LOOK_AGAIN: SimDuration = SimDuration::from_millis(100);

/// A reply that waits until enough replicas have its write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    errand: Errand,
    shard: u16,
    origin: OriginId,
    sequence: u64,
    wants: WaitConfig,
    /// What the primary's own file must still get onto the disk; 0 if nothing.
    own_position: u64,
    timer: TimerId,
}

fn clock(now: SimTime) -> LocalTime {
    LocalTime(now.as_nanos())
}

impl World {
    /// Whether anything hangs on what replicas report.
    pub(super) fn reports_matter(&self) -> bool {
        let settings = self.blueprint.settings();
        settings.database.promotion.guard.is_on()
            || settings
                .workload
                .keyspaces
                .iter()
                .any(|space| space.wait.is_some())
    }

    /// Whether somebody waits for what replicas have on disk.
    fn reports_tell_of_disks(&self) -> bool {
        let mut keyspaces = self.blueprint.settings().workload.keyspaces.iter();
        keyspaces.any(|space| {
            space
                .wait
                .is_some_and(|wait| wait.command != WaitCommand::Wait)
        })
    }

    /// Each node's processes do their work of once a second at a moment of their own.
    pub(super) fn start_reports(&mut self, now: SimTime) {
        let shards = usize::from(self.shards);
        self.reports = vec![vec![Reports::default(); shards]; self.nodes.len()];
        if !self.reports_matter() {
            return;
        }
        for index in 0..self.nodes.len() {
            let address = [index as u32, 0, 0, u32::from(LEG_REPORT)];
            let share = self.processing_draws.unit(address.into());
            let phase = (share * REPORT_PERIOD.as_nanos() as f64) as u64;
            let at = now + SimDuration::from_nanos(phase);
            self.queue
                .schedule(at, Event::Cron(NodeId::from_index(index)));
        }
    }

    /// What the processes of a node do once a second: replicas report, primaries count.
    pub(super) fn cron(&mut self, now: SimTime, node: NodeId) {
        self.queue.schedule(now + REPORT_PERIOD, Event::Cron(node));
        if self.network.host(self.node_host(node)).state != HostState::Running {
            return;
        }
        let guard = self.blueprint.settings().database.promotion.guard;
        for shard in 0..self.shards {
            let process = &self.nodes[node.index()].shards[usize::from(shard)];
            if process.is_primary() {
                self.reports[node.index()][usize::from(shard)].count(guard, clock(now));
            } else if let Some(link) = self.link_within(process.follows, node, shard) {
                self.report_progress(now, link);
            }
        }
    }

    /// A replica's stream begins: that counts as a report.
    pub(super) fn replica_attached(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        if state.scope == Scope::Replicas && !self.reports.is_empty() {
            let (source, target, shard) = (state.source, state.target, usize::from(state.shard));
            let origin = self.nodes[source.index()].shards[shard].origin;
            let has = state.greeted_with.get(origin);
            self.reports[source.index()][shard].attached(target, has, clock(now));
        }
    }

    /// A primary meets the end of a replica's connection.
    pub(super) fn replica_detached(&mut self, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        if state.scope == Scope::Replicas && !self.reports.is_empty() {
            self.reports[state.source.index()][usize::from(state.shard)].detached(state.target);
        }
    }

    /// A replica tells its primary how far it is.
    fn report_progress(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else {
            return;
        };
        let (target, shard) = (state.target, usize::from(state.shard));
        let origin = self.nodes[state.source.index()].shards[shard].origin;
        let has = self.nodes[target.index()].shards[shard]
            .replica
            .clock()
            .get(origin);
        let tells_of_disks = self.reports_tell_of_disks();
        let durable = match &mut self.persisting {
            Some(persisting) if tells_of_disks => {
                let disk = persisting.disk(target, shard);
                disk.durable_of(now, origin, &self.journal)
            }
            _ => 0,
        };
        let message = Message::Progress {
            link,
            origin,
            sequence: has as u32,
            durable: durable as u32,
        };
        let draw = self.report_draw(link, LEG_REPORT);
        let payload = (message.into(), REPORT_BYTES);
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Client),
            payload,
            draw,
        );
        self.account_for_abandoned();
    }

    fn report_draw(&mut self, link: LinkId, leg: u8) -> Draw {
        self.reports_sent += 1;
        Draw {
            who: 0x4200_0000 | u32::from(link.0),
            sequence: self.reports_sent,
            attempt: 0,
            leg,
        }
    }

    /// A primary asked a replica how far it is.
    pub(super) fn progress_asked(&mut self, now: SimTime, link: LinkId) {
        self.report_progress(now, link);
    }

    /// A replica's report reached its primary: waiting replies may leave.
    pub(super) fn progress_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        (origin, sequence, durable): (OriginId, u64, u64),
        listener: &mut L,
    ) {
        let state = &self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, usize::from(state.shard));
        if self.nodes[source.index()].shards[shard].origin != origin {
            return;
        }
        let reports = &mut self.reports[source.index()][shard];
        reports.acknowledged(target, (sequence, durable), clock(now));
        for index in 0..self.waits.len() {
            let is_concerned = self.waits[index].is_some_and(|waiting| {
                let is_here = waiting.errand.node == source && usize::from(waiting.shard) == shard;
                is_here && waiting.origin == origin
            });
            if is_concerned {
                self.end_wait_if_covered(now, WaitId(index as u32), listener);
            }
        }
    }

    /// A reply that waits leaves if all that it waits for is there.
    fn end_wait_if_covered<L: Listener>(&mut self, now: SimTime, id: WaitId, listener: &mut L) {
        let Some(waiting) = self.waits[id.0 as usize] else {
            return;
        };
        let reports = &self.reports[waiting.errand.node.index()][usize::from(waiting.shard)];
        let reached = match waiting.wants.command {
            WaitCommand::Wait => reports.covering(waiting.sequence),
            WaitCommand::WaitAof { .. } => reports.covering_on_disk(waiting.sequence),
        };
        if reached >= waiting.wants.replicas && waiting.own_position == 0 {
            self.queue.cancel(waiting.timer);
            self.end_wait(now, id, true, listener);
        }
    }

    /// The primary's own file may have what a reply waits for.
    pub(super) fn wait_for_own_disk<L: Listener>(
        &mut self,
        now: SimTime,
        id: WaitId,
        listener: &mut L,
    ) {
        let Some(waiting) = &mut self.waits[id.0 as usize] else {
            return;
        };
        let (node, shard) = (waiting.errand.node, usize::from(waiting.shard));
        let is_same = self.nodes[node.index()].shards[shard].origin == waiting.origin;
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        if waiting.own_position == 0 || !is_same {
            return;
        }
        let at = persisting
            .disk(node, shard)
            .answers_from(now, waiting.own_position);
        if at <= now {
            waiting.own_position = 0;
            self.end_wait_if_covered(now, id, listener);
        } else {
            // A disk that stands still says nothing of when: whoever waits looks again as often as the process itself does.
            let again = at.min(now + LOOK_AGAIN);
            self.queue.schedule(again, Event::WaitDisk(id));
        }
    }

    /// Whether a primary refuses writes because too few replicas are there.
    pub(super) fn refuses_writes(&self, node: NodeId, shard: usize) -> bool {
        let guard = self.blueprint.settings().database.promotion.guard;
        guard.is_on() && self.reports[node.index()][shard].refuses(guard)
    }

    /// Holds the reply to an executed write back until enough replicas have it. Says whether it does.
    pub(super) fn wait_for_replicas(
        &mut self,
        now: SimTime,
        errand: Errand,
        (shard, origin, sequence): (u16, OriginId, u64),
    ) -> bool {
        let Asker::Operation(slot) = errand.asker else {
            return false;
        };
        let keyspace = self.operations.get(slot).keyspace();
        let Some(wait) = self.blueprint.settings().workload.keyspaces[keyspace.index()].wait else {
            return false;
        };
        if self.sabotage.is(Mutation::AcknowledgesBeforeReplicas) {
            return false;
        }
        let index = self.waits.iter().position(Option::is_none);
        let index = index.unwrap_or_else(|| {
            self.waits.push(None);
            self.waits.len() - 1
        });
        let id = WaitId(index as u32);
        let timer = match wait.timeout {
            Some(timeout) => self.queue.arm(now + timeout, Event::WaitOver(id)),
            None => TimerId::NONE,
        };
        let is_local = wait.command == WaitCommand::WaitAof { local: true };
        let own_position = match &mut self.persisting {
            Some(persisting) if is_local => {
                self.queue.schedule(now, Event::WaitDisk(id));
                persisting.disk(errand.node, usize::from(shard)).appended()
            }
            _ => 0,
        };
        self.waits[index] = Some(Waiting {
            errand,
            shard,
            origin,
            sequence,
            wants: wait,
            own_position,
            timer,
        });
        for link in self.links_within(errand.node) {
            let state = &self.links[link];
            let LinkState::Streaming(connection) = state.state else {
                continue;
            };
            if state.shard != shard {
                continue;
            }
            let link = LinkId(link as u16);
            let draw = self.report_draw(link, LEG_REQUEST);
            let payload = (Message::AskProgress(link).into(), REPORT_BYTES);
            self.network.send(
                now,
                &mut self.queue,
                (connection, End::Server),
                payload,
                draw,
            );
        }
        self.account_for_abandoned();
        true
    }

    /// Time is over for a reply that waits: it leaves, and says that too few have the write.
    pub(super) fn wait_over<L: Listener>(&mut self, now: SimTime, id: WaitId, listener: &mut L) {
        self.end_wait(now, id, false, listener);
    }

    fn end_wait<L: Listener>(
        &mut self,
        now: SimTime,
        id: WaitId,
        confirmed: bool,
        listener: &mut L,
    ) {
        let Some(waiting) = self.waits[id.0 as usize].take() else {
            return;
        };
        let Waiting { errand, .. } = waiting;
        // A process that stopped meanwhile answers nobody.
        if !self.nodes[errand.node.index()].is_running {
            self.errand_gone(errand);
            return;
        }
        let Asker::Operation(slot) = errand.asker else {
            return;
        };
        let operation = self.operations.get_mut(slot);
        operation.unconfirmed = !confirmed;
        let fact = Fact::WaitEnded {
            operation: operation.id,
            attempt: errand.attempt,
            node: errand.node,
            confirmed,
        };
        listener.observe(now, &fact);
        // Whatever command made a reply: none leaves before the fsync of what the process has executed until then.
        if !self.hold_reply(now, errand, waiting.shard, true) {
            self.answer_at(now, errand);
        }
    }
}
