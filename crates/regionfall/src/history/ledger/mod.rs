//! The ledger: what became of every operation, from the facts alone.
//!
//! It keeps a row per operation until nothing that may still happen can change what the operation counts
//! as: an acknowledged write stays until every configured member has had its effect, then it is folded
//! into counters and leaves. So the ledger holds the writes under way, and, while a member is
//! down, those that it lacks.
//!
//! It follows the members' clocks by its own book ([`origins`]), which the model's clocks have no part in:
//! where the two disagree, the check of copies says so.
//!
//! What a member *lacks* or a write *has seen* is judged by that book, with one simplification: what
//! every member has had counts as seen by all operations after it, also at a member that lost its disk
//! and has not got everything back. A *stale read* has no part in it: a read carries the newest write that was
//! acknowledged when it was issued, and is held to that wherever it is executed.

mod account;
mod activity;
mod conflicts;
mod keys;
mod moved;
mod moves;
mod origins;
mod parts;
mod promises;
mod reads;
mod rows;
mod service;
mod settle;
mod writes;

use std::sync::Arc;

use regionfall_crdt::{CommandKind, DataType, KeyId};
use regionfall_kernel::{SimDuration, SimTime};

use crate::topology::{FaultId, KeyspaceId, MemberId, NodeId, ServerId};

use super::{AttemptEnding, Ending, Fact, Histogram, Listener, Promise, RunShape};

pub(crate) use account::LateWrite;
pub use account::{Account, Episode, FaultSpan, LostWrite, ReadCounts, RequestCounts, WriteCounts};
pub use moves::{Adoption, Judgement, Publication};
pub use promises::{BrokenKind, BrokenPromise, BrokenPromises};
pub use service::{Requests, Traffic};

use activity::{Activity, Convergence, Links};
use keys::Keys;
use moves::Moves;
use origins::Origins;
use parts::Parts;
use promises::Promises;
use rows::{NEVER, Row, Rows, flag};
use service::{Service, Timeline};
use writes::Repeat;

/// The ledger of a run.
#[derive(Clone, Debug)]
pub struct Ledger {
    shape: Arc<RunShape>,
    /// By server: the member at home.
    homes: Vec<usize>,
    /// By server: its fleet.
    fleets: Vec<usize>,
    now: u64,
    storm_begins: u64,
    calm_begins: u64,
    slo_deadline: u64,
    latency_bound: u64,
    durable_from: u64,
    /// A member that loses nothing any more from then on; none if each stands for itself.
    durable: Option<MemberId>,
    has_folded: bool,
    is_register: Vec<bool>,
    /// By keyspace: whether each of its effects touches one part, in a manner that its type alone tells, and it promises
    /// nothing.
    is_plain: Vec<bool>,
    is_drained: bool,

    rows: Rows,
    repeats: Vec<Repeat>,
    /// Writes with several effects whose rows have left while reads may still ask for them, each with the number of the
    /// operation that came next then.
    left_repeated: Vec<(u32, u32)>,
    origins: Origins,
    keys: Keys,
    parts: Parts,
    /// `None` if no keyspace has any.
    promises: Option<Box<Promises>>,
    links: Links,
    /// `[source * members + target]`: the longest in-order lag of the warm-up.
    lags: Vec<u64>,

    /// The oldest operation that may yet become overdue, and when.
    overdue_next: u32,
    overdue_at: u64,
    service: Service,
    timeline: Timeline,
    moves: Moves,
    activity: Activity,
    convergence: Convergence,
    faults: Vec<FaultSpan>,
    faults_active: u32,
    stopped: Vec<(ServerId, SimTime)>,
    moved: moved::Moved,

    writes: Vec<WriteCounts>,
    reads: ReadCounts,
    requests: RequestCounts,
    lost: Vec<LostWrite>,
    late: Vec<LateWrite>,
    latencies: [Histogram; 3],
    probes: u64,
    rows_max: u32,
}

impl Ledger {
    /// The ledger of a run of this shape, before its first fact.
    pub fn new(shape: Arc<RunShape>) -> Self {
        let (members, nodes) = (shape.members.len(), shape.nodes.len());
        let homes: Vec<usize> = (0..shape.servers.len())
            .map(|server| shape.home_of(server).index())
            .collect();
        let fleets = shape.servers.iter().map(|server| server.fleet.index());
        let mut answers = vec![0; shape.fleets.len()];
        for server in &shape.servers {
            answers[server.fleet.index()] = server.home[0].0;
        }
        let windows =
            (0..shape.servers.len()).map(|server| shape.stability_window(server).as_nanos());
        Self {
            fleets: fleets.collect(),
            now: 0,
            storm_begins: shape.storm_begins.as_nanos(),
            calm_begins: shape.calm_begins.as_nanos(),
            slo_deadline: shape.slo_deadline.as_nanos(),
            latency_bound: shape.recovered.latency_p99.as_nanos(),
            durable_from: shape.durable().1.as_nanos(),
            durable: shape.durable().0,
            has_folded: false,
            is_register: shape
                .keyspaces
                .iter()
                .map(|keyspace| keyspace.data_type == DataType::String)
                .collect(),
            is_plain: shape
                .keyspaces
                .iter()
                .map(|keyspace| keyspace.is_plain && keyspace.promise == Promise::None)
                .collect(),
            is_drained: false,
            rows: Rows::default(),
            repeats: Vec::new(),
            left_repeated: Vec::new(),
            origins: Origins::new(&shape.nodes, &shape.groups, shape.shards),
            keys: Keys::new(),
            parts: Parts::default(),
            promises: Promises::new(
                shape
                    .keyspaces
                    .iter()
                    .map(|keyspace| keyspace.promise)
                    .collect(),
                nodes,
                (shape.storm_begins.as_nanos(), shape.durable().1.as_nanos()),
            ),
            links: Links::new(members),
            lags: vec![0; members * members],
            overdue_next: 0,
            overdue_at: NEVER,
            service: Service::new(windows, shape.calm_ends.as_nanos()),
            timeline: Timeline::new(shape.fleets.len(), shape.recovered.window.as_nanos() / 10),
            moves: Moves::new(
                members,
                homes.iter().map(|&home| home as u8).collect(),
                answers,
            ),
            activity: Activity::new(members),
            convergence: Convergence::default(),
            faults: Vec::new(),
            faults_active: 0,
            stopped: Vec::new(),
            moved: moved::Moved::new(),
            writes: vec![WriteCounts::default(); shape.keyspaces.len()],
            reads: ReadCounts::default(),
            requests: RequestCounts::default(),
            lost: Vec::new(),
            late: Vec::new(),
            latencies: [const { Histogram::new() }; 3],
            probes: 0,
            rows_max: 0,
            homes,
            shape,
        }
    }

    /// Rows and effects that are kept at the moment: what the memory of the ledger grows with.
    pub fn unsettled(&self) -> usize {
        self.rows.live() as usize + self.origins.entries()
    }

    /// Lets time pass up to `now`: requests become overdue.
    #[inline]
    fn advance(&mut self, now: u64) {
        debug_assert!(now >= self.now, "facts come in order of time");
        self.now = now;
        if now > self.overdue_at {
            self.find_overdue(now);
        }
    }

    /// A fault ended, or the run: what was kept because all copies could still end may go.
    fn fold_what_was_kept(&mut self) {
        if !self.has_folded && self.now >= self.durable_from {
            self.has_folded = true;
            for origin in 0..self.origins.len() {
                self.fold(origin);
            }
        }
    }

    fn find_overdue(&mut self, now: u64) {
        while self.overdue_next < self.rows.next() {
            let operation = self.overdue_next;
            if let Some(&row) = self.rows.get(operation)
                && !row.is(flag::ENDED)
            {
                let due = row.issued.saturating_add(self.slo_deadline);
                if due >= now {
                    self.overdue_at = due;
                    return;
                }
                self.become_overdue(operation, &row, due);
            }
            self.overdue_next += 1;
        }
        self.overdue_at = NEVER;
    }

    fn become_overdue(&mut self, operation: u32, row: &Row, due: u64) {
        // Nobody waits any more for what a stopped server asked.
        let stopped = self.stopped.iter().any(|&(server, at)| {
            server.0 == row.server && at.as_nanos() >= row.issued && at.as_nanos() <= due
        });
        if stopped {
            return;
        }
        let current = self.moves.current(row.server);
        self.service
            .become_overdue(due, row.server, row.traffic(), row.issued, current);
        if let Some(row) = self.rows.get_mut(operation) {
            row.flags |= flag::OVERDUE;
        }
    }

    fn issue(&mut self, server: ServerId, keyspace: KeyspaceId, key: KeyId, command: CommandKind) {
        let mut flags = 0;
        if command.is_write() {
            flags |= flag::WRITE;
        }
        if command.is_idempotent() {
            flags |= flag::IDEMPOTENT;
        }
        if matches!(command, CommandKind::Del | CommandKind::SRem) {
            flags |= flag::REMOVAL;
        }
        if self.promises.is_some() && promises::takes(command) {
            flags |= flag::TAKES;
        }
        if self.overdue_at == NEVER {
            self.overdue_next = self.rows.next();
            self.overdue_at = self.now.saturating_add(self.slo_deadline);
        }
        let key = self.keys.place(key.0);
        let reads_own_writes = self.shape.keyspaces[keyspace.index()].reads_own_writes;
        let before = if reads_own_writes && !command.is_write() {
            self.own_write(key, server.0)
        } else {
            0
        };
        let mut row = Row {
            issued: self.now,
            server: server.0,
            key,
            before,
            keyspace: keyspace.0,
            flags,
            ..Row::EMPTY
        };
        if !command.is_write() {
            self.expect_newest(&mut row);
        }
        self.rows.push(row);
        self.rows_max = self.rows_max.max(self.rows.live());
        if self.now >= self.storm_begins {
            self.requests.issued += 1;
        }
        let fleet = self.fleets[server.index()];
        self.timeline.at(fleet, self.now).issued += 1;
    }

    /// The attempts of an operation are known to reach `attempt`.
    #[inline]
    fn attempt_known(&mut self, operation: u32, attempt: u8) -> Option<&mut Row> {
        let storm_begins = self.storm_begins;
        let row = self.rows.get_mut(operation)?;
        let attempts = attempt.saturating_add(1);
        if attempts > row.attempts {
            if row.issued >= storm_begins {
                let known = row.attempts.max(1);
                self.requests.retries += u64::from(attempts - known.min(attempts));
            }
            row.attempts = attempts;
        }
        Some(row)
    }

    fn end(&mut self, operation: u32, ending: Ending, member: Option<MemberId>) {
        let now = self.now;
        let Some(row) = self.rows.get_mut(operation) else {
            return;
        };
        row.flags |= flag::ENDED;
        if ending == Ending::Failed {
            row.flags |= flag::FAILED;
        }
        let row = *row;
        let traffic = row.traffic();
        let current = self.moves.current(row.server);
        if row.is(flag::OVERDUE | flag::TAKES) {
            self.end_at_length(operation, &row, ending);
        }
        let latency = SimDuration::from_nanos(now - row.issued);
        let is_measured = row.issued >= self.storm_begins;
        if ending == Ending::Acknowledged {
            let member_after = member.map_or(current, |member| member.0);
            if !row.is(flag::OVERDUE) {
                self.service
                    .succeed(now, row.server, traffic, row.issued, member_after);
                let fleet = self.fleets[row.server as usize];
                let requests = self.timeline.at(fleet, row.issued);
                requests.in_time += 1;
                requests.slow += u32::from(latency.as_nanos() > self.latency_bound);
                self.requests.in_time += u64::from(is_measured);
            }
            let phase = usize::from(is_measured) + usize::from(row.issued >= self.calm_begins);
            self.latencies[phase].record(latency);
            if row.is(flag::WRITE) {
                self.write_acknowledged(now, operation);
            } else {
                self.read_acknowledged(operation, member.map(MemberId::index));
            }
        } else {
            self.requests.errors += u64::from(is_measured);
            self.service
                .fail(now, row.server, traffic, row.issued, current);
        }
        if row.holds == 0 {
            self.leave_if_settled(operation);
        }
    }

    /// The end of an operation that was overdue, or takes something for itself.
    #[cold]
    fn end_at_length(&mut self, operation: u32, row: &Row, ending: Ending) {
        if row.is(flag::OVERDUE) {
            self.service.end_overdue(row.server, row.traffic());
        }
        if row.is(flag::TAKES)
            && let Some(promises) = &mut self.promises
        {
            promises.ended(operation, ending == Ending::Acknowledged);
        }
    }

    /// The members at the ends of a link. What is asked of links is asked of members: between nodes they change.
    fn ends(&self, source: NodeId, target: NodeId) -> (usize, usize) {
        let member = |node: NodeId| self.origins.member_of(node.index());
        (member(source), member(target))
    }

    /// Whether the link from the member of one node to that of another was cut at some time since `since`.
    fn was_cut(&self, source: usize, target: usize, since: u64) -> bool {
        let member = |node| self.origins.member_of(node);
        self.links.cut_since(member(source), member(target), since)
    }

    fn fault_began(&mut self, fault: FaultId) {
        let begins = SimTime::from_nanos(self.now);
        self.convergence.disturb();
        self.faults_active += 1;
        match self.faults.iter_mut().find(|span| span.fault == fault) {
            // It flaps: one fault, from its first beginning to its last end.
            Some(span) => span.ends = SimTime::NEVER,
            None => self.faults.push(FaultSpan {
                fault,
                begins,
                ends: SimTime::NEVER,
                touched: None,
            }),
        }
    }

    fn fault_ended(&mut self, fault: FaultId) {
        self.faults_active = self.faults_active.saturating_sub(1);
        if let Some(span) = self.faults.iter_mut().find(|span| span.fault == fault) {
            span.ends = SimTime::from_nanos(self.now);
        }
        self.fold_what_was_kept();
        if self.faults_active == 0 {
            self.convergence.heal(self.now, &self.origins);
        }
    }

    /// Facts of the failover machinery and of faults: rare beside those of operations.
    #[cold]
    fn observe_rare(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::Expired {
                node,
                keyspace,
                effect,
            } => self.expired(self.now, node.index(), keyspace.index(), effect),
            Fact::LinkDisrupted { source, target } => {
                let (source, target) = self.ends(source, target);
                self.links.disrupt(source, target);
            }
            Fact::LinkCaughtUp { source, target } => {
                let (source, target) = self.ends(source, target);
                self.links.catch_up(self.now, source, target);
            }
            Fact::OriginBegan {
                node,
                shard,
                origin,
            } => {
                self.origins
                    .begin(usize::from(origin.0), node.index(), shard);
            }
            Fact::Migrated { .. } | Fact::KeyMoved(_) => self.observe_move(fact),
            Fact::ActiveChanged { member } => self.active_changed(member.index()),
            Fact::NodeUnlinked { node } => self.origins.unlink(node.index()),
            Fact::CopiesEnded {
                node,
                origin,
                kept,
                cause,
            } => {
                self.copies_ended(node.index(), usize::from(origin.0), kept, cause);
            }
            Fact::MemberRemoved { member, .. } => {
                self.origins.set_absent(member, true);
                self.convergence.recount(&self.origins);
            }
            Fact::MemberRejoined { member } => {
                self.origins.set_absent(member, false);
                self.convergence.recount(&self.origins);
            }
            Fact::NodeSpare { node, is_spare } => {
                self.origins.set_spare(node.index(), is_spare);
                self.convergence.recount(&self.origins);
            }
            Fact::FaultBegan { fault } => self.fault_began(fault),
            Fact::FaultEnded { fault } => self.fault_ended(fault),
            Fact::FaultTouched { fault } => {
                if let Some(span) = self.faults.iter_mut().find(|span| span.fault == fault) {
                    span.touched.get_or_insert(at);
                }
            }
            Fact::ServerStopped { server } => {
                self.service.stop(server.0);
                self.stopped.push((server, at));
            }
            Fact::ServerRestarted { server } => self.service.restart(self.now, server.0),
            Fact::Verdict {
                decider,
                server,
                member,
                healthy,
            } => {
                self.moves.judgements.push(Judgement {
                    decider,
                    server,
                    member,
                    healthy,
                    at,
                });
            }
            Fact::AnswerPublished { fleet, member } => self.moves.publish(at, fleet, member),
            Fact::Adopted { server, from, to } => {
                self.moves
                    .adopt(at, self.homes[server.index()], server, from, to);
            }
            Fact::ConnectBegan { server, member } => self.moves.attempted(at, server.0, member),
            Fact::Connected { server, member } => self.moves.connected(at, server.0, member),
            Fact::ProbeSent { .. } => self.probes += u64::from(self.now >= self.storm_begins),
            // Phases are known from the shape; whether a member runs shows in what it does. The facts
            // of operations never come here.
            _ => {}
        }
    }
}

impl Listener for Ledger {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.advance(at.as_nanos());
        match *fact {
            Fact::OperationIssued {
                operation,
                server,
                keyspace,
                key,
                command,
            } => {
                debug_assert_eq!(
                    operation.0,
                    self.rows.next(),
                    "operations are numbered in order"
                );
                self.issue(server, keyspace, key, command);
            }
            Fact::AttemptSent {
                operation,
                attempt,
                member,
            } => {
                if let Some(row) = self.attempt_known(operation.0, attempt) {
                    row.sent += 1;
                    let server = row.server;
                    self.moves.sent(at, server, member);
                }
            }
            Fact::WriteExecuted {
                operation,
                node,
                effect,
                ..
            } => {
                self.write_executed(self.now, operation.0, node.index(), effect);
            }
            // Nobody's operation.
            Fact::Evicted { node, effect } => {
                self.write_executed(self.now, u32::MAX, node.index(), Some(effect));
            }
            Fact::WriteContinued {
                operation,
                node,
                effect,
                ..
            } => {
                self.write_continued(self.now, operation.0, node.index(), effect);
            }
            Fact::ReadExecuted {
                operation,
                attempt,
                node,
                ..
            } => {
                self.read_executed(operation.0, attempt, node.index());
            }
            Fact::AttemptEnded {
                operation,
                attempt,
                ending,
                ..
            } => {
                if let Some(row) = self.attempt_known(operation.0, attempt)
                    && matches!(
                        ending,
                        AttemptEnding::ErrorReply | AttemptEnding::Redirected
                    )
                {
                    row.settled += 1;
                    self.leave_if_settled(operation.0);
                }
            }
            Fact::OperationEnded {
                operation,
                ending,
                member,
            } => {
                self.end(operation.0, ending, member);
            }
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } => {
                let origin = usize::from(origin.0);
                self.effects_applied(self.now, node.index(), origin, first, last);
            }
            other => self.observe_rare(at, &other),
        }
    }
}
