//! App servers whose requests come from outside: from real client code over byte streams.
//!
//! Their operations enter the books as those of modelled app servers do: issued, attempted, executed, ended. Who
//! drives the world says when; what is executed at a member is told here, since only the world knows.
//!
//! An app server counts as having moved to a member when it sends its first write there (its first command, as long as it
//! wrote nothing): real code tells nobody what it decided, but its writes do.

use regionfall_crdt::{
    Change, Clock, Command, CommandKind, DataType, Effect, EffectKind, ErrorKind, KeyId, KeyNames,
    slot_of,
};
use regionfall_kernel::SimDuration;

use super::blueprint::Blueprint;
use super::stream::{StreamEvent, StreamId};
use super::world::World;
use crate::client::Finding;
use crate::database::shard_of;
use crate::failover::Propagation;
use crate::history::{AttemptEnding, Ending, Fact, Listener, Phase};
use crate::topology::{FleetId, KeyspaceId, MemberId, NodeId, OperationId, ServerId};
use crate::workload::{Arrivals, Request, arrival_bits};

/// The number of what is no operation of an application: the books have no row of this number.
pub(super) const NOBODY: OperationId = OperationId(u32::MAX);

/// What an operation of an external app server asks for, as far as the books want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// The keyspace that it counts for.
    pub keyspace: KeyspaceId,
    /// The first key that it names.
    pub key: KeyId,
    /// The command; of a transaction, the one that decides how it counts.
    pub command: CommandKind,
}

/// App servers whose requests come from outside.
#[derive(Clone, Debug)]
pub(super) struct External {
    /// By fleet.
    fleets: Vec<bool>,
    names: KeyNames,
    /// Where each server sends its writes, and whether it ever sent one.
    targets: Vec<(MemberId, bool)>,
}

impl External {
    pub(super) fn new(blueprint: &Blueprint) -> Self {
        let settings = blueprint.settings();
        let home =
            |&(fleet, _): &(FleetId, u16)| (settings.workload.fleets[fleet.index()].home[0], false);
        Self {
            fleets: vec![false; settings.workload.fleets.len()],
            names: KeyNames::after(blueprint.workload().keys())
                .spread_over(settings.database.shards),
            targets: blueprint.servers().iter().map(home).collect(),
        }
    }
}

impl World {
    /// From now on the requests of a fleet's servers come from outside: the model issues none for them, and
    /// decides nothing for them.
    pub(super) fn take_over(&mut self, fleet: FleetId) {
        self.external.fleets[fleet.index()] = true;
    }

    /// Whether the requests of an app server come from outside.
    #[inline]
    pub(super) fn is_external(&self, server: ServerId) -> bool {
        self.external.fleets[self.servers[server.index()].fleet.index()]
    }

    /// Reads a command as a client sends it. Names of keys get numbers behind those of the workload's own keys.
    pub(super) fn parse_command(&mut self, words: &[&[u8]]) -> Result<Command, ErrorKind> {
        Command::parse(words, &mut self.external.names)
    }

    /// Whether two keys have the same slot. Those of the workload have none: there the same shard is enough.
    pub(super) fn share_a_slot(&self, one: KeyId, other: KeyId) -> bool {
        let slot = |key| self.external.names.name(key).map(slot_of);
        match (slot(one), slot(other)) {
            (Some(one), Some(other)) => self.shards() < 2 || one == other,
            _ => shard_of(one, self.shards()) == shard_of(other, self.shards()),
        }
    }

    /// What the books want to know of a command; `None` if it is nothing that an application asks a database for: it
    /// names no key, or is about the connection itself.
    pub(super) fn question(&self, command: &Command) -> Option<Question> {
        let kind = command.kind();
        let is_about_data = !matches!(
            kind,
            CommandKind::Watch
                | CommandKind::Unwatch
                | CommandKind::Multi
                | CommandKind::Exec
                | CommandKind::Discard
                | CommandKind::Publish
                | CommandKind::SPublish
        );
        let key = command.key().filter(|_| is_about_data)?;
        let keyspace = self.keyspace_of(key, kind.data_type());
        Some(Question {
            keyspace,
            key,
            command: kind,
        })
    }

    /// The keyspace whose name is what stands before the first colon of a key; else the first that holds such data;
    /// else the first.
    fn keyspace_of(&self, key: KeyId, data_type: Option<DataType>) -> KeyspaceId {
        let workload = self.blueprint.workload();
        if key.0 < workload.keys() {
            return workload.keyspace_of(key);
        }
        let keyspaces = &self.blueprint.settings().workload.keyspaces;
        let name = self.external.names.name(key).unwrap_or_default();
        let prefix = name.split(|&byte| byte == b':').next().unwrap_or_default();
        let place = keyspaces
            .iter()
            .position(|keyspace| keyspace.name.as_bytes() == prefix)
            .or_else(|| {
                let data_type = data_type?;
                keyspaces
                    .iter()
                    .position(|keyspace| keyspace.data_type() == data_type)
            });
        KeyspaceId::from_index(place.unwrap_or(0))
    }

    /// The `sequence`-th question that the workload has for an app server, the name of its key, and how long after the
    /// one before it comes. Only open-loop fleets have one.
    pub(super) fn workload_question(
        &mut self,
        server: ServerId,
        sequence: u32,
    ) -> Option<(SimDuration, Request, String)> {
        let fleet = self.servers[server.index()].fleet;
        let config = &self.blueprint.settings().workload.fleets[fleet.index()];
        let Arrivals::Poisson { .. } = config.arrivals else {
            return None;
        };
        let bits = arrival_bits(self.request_draws, server.0, sequence);
        let gap = self.blueprint.gap(fleet).sample(bits);
        let (draws, home) = (self.request_draws, config.home[0]);
        let request = self
            .blueprint
            .workload()
            .request(draws, server.0, sequence, home);
        let keyspace = &self.blueprint.settings().workload.keyspaces[request.keyspace.index()];
        let name = format!("{}:{}", keyspace.name, request.key.0);
        self.external.names.bind(name.as_bytes(), request.key);
        Some((gap, request, name))
    }

    /// An external app server asks for something.
    pub(super) fn issue<L: Listener>(
        &mut self,
        server: ServerId,
        question: Question,
        listener: &mut L,
    ) -> OperationId {
        let operation = self.operations.next_id();
        let fact = Fact::OperationIssued {
            operation,
            server,
            keyspace: question.keyspace,
            key: question.key,
            command: question.command,
        };
        listener.observe(self.now(), &fact);
        operation
    }

    /// An attempt of an external operation leaves for a member.
    pub(super) fn attempt<L: Listener>(
        &mut self,
        server: ServerId,
        (operation, attempt): (OperationId, u8),
        (member, is_write): (MemberId, bool),
        listener: &mut L,
    ) {
        let now = self.now();
        let (target, has_written) = &mut self.external.targets[server.index()];
        if is_write || !*has_written {
            let from = std::mem::replace(target, member);
            *has_written |= is_write;
            if from != member {
                let to = member;
                listener.observe(now, &Fact::Adopted { server, from, to });
            }
        }
        let fact = Fact::AttemptSent {
            operation,
            attempt,
            member,
        };
        listener.observe(now, &fact);
    }

    /// An external app server knows how an attempt ended.
    pub(super) fn attempt_over<L: Listener>(
        &mut self,
        (operation, attempt): (OperationId, u8),
        member: MemberId,
        ending: AttemptEnding,
        listener: &mut L,
    ) {
        let fact = Fact::AttemptEnded {
            operation,
            attempt,
            member,
            ending,
        };
        listener.observe(self.now(), &fact);
    }

    /// An external application has its answer.
    pub(super) fn operation_over<L: Listener>(
        &mut self,
        operation: OperationId,
        (ending, member): (Ending, Option<MemberId>),
        listener: &mut L,
    ) {
        let fact = Fact::OperationEnded {
            operation,
            ending,
            member,
        };
        listener.observe(self.now(), &fact);
    }

    /// Effects that became visible at a node may be messages to subscribers.
    pub(super) fn hear_messages(
        &mut self,
        node: NodeId,
        (origin, first, last): (regionfall_crdt::OriginId, u64, u64),
    ) {
        for sequence in first..=last {
            let dot = regionfall_crdt::Dot::new(origin, sequence);
            if let Some(effect) = self.journal.get(dot).cloned() {
                self.hear_message(node, &effect);
            }
        }
    }

    /// The same for one effect.
    pub(super) fn hear_message(&mut self, node: NodeId, effect: &Effect) {
        if !self.streams.hears_messages {
            return;
        }
        if let EffectKind::Change(change) = &effect.kind
            && let Change::Message { channel, payload } = &**change
        {
            let message = (node, channel.clone(), payload.clone());
            self.streams.messages.push(message);
            self.streams.events.push_back(StreamEvent::Message(node));
        }
    }

    /// By shard, what the primaries of a stream's member have.
    pub(super) fn primary_clocks(&self, stream: StreamId) -> Vec<Clock> {
        let primaries = &self.members[self.stream_member(stream).index()].primaries;
        let clock = |(shard, node): (usize, &NodeId)| {
            let shard = &self.nodes[node.index()].shards[shard];
            shard.replica.clock().clone()
        };
        primaries.iter().enumerate().map(clock).collect()
    }

    /// How many nodes of a stream's member have, beside the primaries, all that these had.
    pub(super) fn replicas_with(&self, stream: StreamId, mark: &[Clock]) -> usize {
        let member = &self.members[self.stream_member(stream).index()];
        let has_all = |node: &NodeId| {
            let node = &self.nodes[node.index()];
            let mut shards = node.shards.iter().zip(mark);
            node.is_running && shards.all(|(shard, mark)| shard.replica.clock().dominates(mark))
        };
        let copies = member.nodes().filter(has_all).count();
        copies.saturating_sub(1)
    }

    /// What a name means to an app server now, and how long the answer takes; its home where no names are used, and
    /// nothing while nobody can answer.
    pub(super) fn resolve(&mut self, server: ServerId) -> Option<(MemberId, SimDuration)> {
        let now = self.now();
        let state = &mut self.servers[server.index()];
        let fleet = state.fleet;
        if let (Finding::Name(resolver), Propagation::Dns { lookup, .. }) =
            (&mut state.finding, &self.strategy.propagation)
        {
            let resolved = resolver.resolve(now, &self.answers[fleet.index()])?;
            let delay = if resolved.asked {
                *lookup
            } else {
                SimDuration::ZERO
            };
            return Some((resolved.member, delay));
        }
        let home = self.blueprint.settings().workload.fleets[fleet.index()].home[0];
        Some((home, SimDuration::ZERO))
    }

    /// Whether an app server's host runs.
    pub(super) fn is_server_running(&self, server: ServerId) -> bool {
        self.servers[server.index()].is_running
    }

    /// Whether requests are still made: the workload has not stopped.
    pub(super) fn is_workload_on(&self) -> bool {
        self.phase != Phase::Quiescence
    }
}
