//! Work waits for the process that does it: requests, checks and the setup of connections, one after the other.
//!
//! A request is executed when its process has worked on it, whatever its client does meanwhile. What the answer
//! meets (a client that gave up, a connection that is closed) is the network's business, and nobody's loss but
//! the process's time.
//!
//! Each node has a process for each shard. What belongs to no key (checks, the setup of connections) is done by that of
//! the first shard of the node it comes to (assumed: where a proxy accepts connections, it is a process of its own, with
//! several threads).

use regionfall_crdt::{KeyId, Value};
use regionfall_kernel::{Addressed, Sampler, Seed, SimDuration, SimTime, TimerId};

use super::answering::{Asker, Errand};
use super::event::{CallId, Event, ProbeId, ProcessId};
use super::stream::StreamId;
use super::world::{Owner, World};
use crate::database::{
    CapacityConfig, CommandClass, Load, OverLimit, Process, RateLimit, shard_of,
};
use crate::history::{Histogram, Listener};
use crate::network::{ConnectionId, End};
use crate::topology::NodeId;

/// How busy the processes are, and what was admitted.
#[derive(Clone)]
pub(super) struct Capacity {
    config: CapacityConfig,
    read: Sampler,
    write: Sampler,
    draws: Addressed,
    /// By node and shard.
    processes: Vec<Process<Work>>,
    /// By process: what it works on, and when that is over.
    in_hand: Vec<Option<(Work, TimerId)>>,
    /// By process: commands of clients.
    commands: Vec<RateLimit>,
    /// By node: new connections of clients.
    connections: Vec<RateLimit>,
    refused: u64,
    throttled: u64,
    /// Pieces of work begun, for addressing draws of those that are nobody's operation.
    begun: u32,
}

/// A piece of work.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// A request of an app server.
    Request(Errand),
    /// A health check.
    Probe(ConnectionId, ProbeId),
    /// A command of an external endpoint.
    Call(ConnectionId, CallId),
    /// A round trip of a connection's setup: the first, or another.
    Setup(ConnectionId, bool),
}

/// How busy a database was over a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Busyness {
    /// How long pieces of work waited before they began.
    pub waits: Histogram,
    /// The largest share of one second in which a process worked.
    pub utilisation_max: f64,
    /// Most pieces of work that waited for one process.
    pub queue_max: usize,
    /// Connections refused for a limit.
    pub connections_refused: u64,
    /// Commands refused or delayed for a limit.
    pub commands_throttled: u64,
}

impl Capacity {
    fn own(&self, process: ProcessId) -> [u32; 4] {
        [u32::from(process.0), self.begun, 0, 1]
    }
}

impl World {
    /// Processes with nothing to do, if the scenario says what they can do.
    pub(super) fn place_capacity(&mut self, seed: Seed) {
        let database = &self.blueprint.settings().database;
        let Some(config) = database.capacity.clone() else {
            return;
        };
        let shards = usize::from(database.shards);
        let processes = self.nodes.len() * shards;
        let commands = config.commands.iter().flat_map(|(limit, _)| {
            (0..processes).map(|_| RateLimit::new(*limit, 1.0 / shards as f64))
        });
        let connections = config
            .new_connections
            .iter()
            .flat_map(|limit| (0..self.nodes.len()).map(|_| RateLimit::new(*limit, 1.0)));
        self.capacity = Some(Box::new(Capacity {
            read: Sampler::new(&config.service.read),
            write: Sampler::new(&config.service.write),
            draws: seed.addressed("service"),
            processes: (0..processes).map(|_| Process::default()).collect(),
            in_hand: vec![None; processes],
            commands: commands.collect(),
            connections: connections.collect(),
            config,
            refused: 0,
            throttled: 0,
            begun: 0,
        }));
        for node in 0..self.nodes.len() {
            let host = self.nodes[node].host;
            self.network.gate(host);
        }
    }

    fn process_of(&self, node: NodeId, shard: u16) -> ProcessId {
        ProcessId(u16::from(node.0) * self.shards() + shard)
    }

    /// The node whose process this is.
    fn node_of(&self, process: ProcessId) -> NodeId {
        NodeId::from_index(usize::from(process.0 / self.shards()))
    }

    /// How busy the processes were so far; `None` if nothing takes any time.
    pub fn busyness(&self) -> Option<Busyness> {
        let capacity = self.capacity.as_ref()?;
        let mut sum = Busyness {
            connections_refused: capacity.refused,
            commands_throttled: capacity.throttled,
            ..Busyness::default()
        };
        for Load {
            waits,
            utilisation_max,
            queue_max,
            ..
        } in capacity.processes.iter().map(Process::load)
        {
            sum.waits.merge(waits);
            sum.utilisation_max = sum.utilisation_max.max(*utilisation_max);
            sum.queue_max = sum.queue_max.max(*queue_max);
        }
        Some(sum)
    }

    /// A request reached its process, which may have something else to do.
    pub(super) fn queue_errand(&mut self, now: SimTime, errand: Errand) {
        let shard = match errand.asker {
            Asker::Operation(slot) => self.shard_for(slot),
            Asker::Stream(id) => shard_of(self.stream_key(id), self.shards()),
        };
        let process = self.process_of(errand.node, shard);
        if self.is_refused(now, process) {
            self.answer_with_error(now, errand);
        } else {
            self.offer(now, process, Work::Request(errand));
        }
    }

    /// A check reached a node. A management process answers at once.
    pub(super) fn queue_probe<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        probe: ProbeId,
        listener: &mut L,
    ) {
        match self.node_at(connection) {
            Some(node) => self.offer(
                now,
                self.process_of(node, 0),
                Work::Probe(connection, probe),
            ),
            None => self.answer_probe(now, connection, probe, listener),
        }
    }

    /// A command of an external endpoint reached a node.
    pub(super) fn queue_call(&mut self, now: SimTime, connection: ConnectionId, call: CallId) {
        if let Some(node) = self.node_at(connection) {
            let (_, key) = self.class_of_call(call);
            let shard = key.map_or(0, |key| shard_of(key, self.shards()));
            self.offer(
                now,
                self.process_of(node, shard),
                Work::Call(connection, call),
            );
        }
    }

    /// Whether a request is beyond the limit on commands, and to be refused.
    fn is_refused(&mut self, now: SimTime, process: ProcessId) -> bool {
        let Some(capacity) = self.capacity.as_mut() else {
            return false;
        };
        let Some((_, OverLimit::Refused)) = capacity.config.commands else {
            return false;
        };
        let is_refused = !capacity.commands[usize::from(process.0)].admits(now);
        capacity.throttled += u64::from(is_refused);
        is_refused
    }

    fn offer(&mut self, now: SimTime, process: ProcessId, work: Work) {
        let Some(capacity) = self.capacity.as_mut() else {
            return;
        };
        if let Some(work) = capacity.processes[usize::from(process.0)].offer(now, work) {
            self.begin_work(now, process, work);
        }
    }

    /// A process begins with a piece of work.
    fn begin_work(&mut self, now: SimTime, process: ProcessId, work: Work) {
        let service = self.service_time(process, work) + self.wait_for_turn(now, process, work);
        let Some(capacity) = self.capacity.as_mut() else {
            return;
        };
        let over = capacity.processes[usize::from(process.0)].begin(now, service);
        let timer = self.queue.arm(over, Event::Served(process));
        capacity.in_hand[usize::from(process.0)] = Some((work, timer));
    }

    /// How long a request must wait for its turn under the limit on commands.
    fn wait_for_turn(&mut self, now: SimTime, process: ProcessId, work: Work) -> SimDuration {
        let is_command = matches!(work, Work::Request(_));
        let Some(capacity) = self.capacity.as_mut().filter(|_| is_command) else {
            return SimDuration::ZERO;
        };
        let Some((_, OverLimit::Delayed)) = capacity.config.commands else {
            return SimDuration::ZERO;
        };
        let wait = capacity.commands[usize::from(process.0)]
            .next_turn(now)
            .saturating_since(now);
        capacity.throttled += u64::from(wait > SimDuration::ZERO);
        wait
    }

    /// A process has done what it worked on: what that comes to, and the next.
    pub(super) fn work_done<L: Listener>(
        &mut self,
        now: SimTime,
        process: ProcessId,
        listener: &mut L,
    ) {
        let index = usize::from(process.0);
        let Some(capacity) = self.capacity.as_mut() else {
            return;
        };
        let Some((work, _)) = capacity.in_hand[index].take() else {
            return;
        };
        let next = capacity.processes[index].complete(now);
        self.do_work(now, work, listener);
        if let Some(next) = next {
            self.begin_work(now, process, next);
        }
    }

    fn do_work<L: Listener>(&mut self, now: SimTime, work: Work, listener: &mut L) {
        match work {
            Work::Request(errand) => self.execute_errand(now, errand, listener),
            Work::Probe(connection, probe) => {
                self.answer_probe(now, connection, probe, listener);
            }
            Work::Call(connection, call) => self.serve_call(now, connection, call, listener),
            Work::Setup(connection, _) => {
                self.network.answer_setup(now, &mut self.queue, connection);
            }
        }
    }

    /// How long a process works on something, as slow as its machine is now.
    fn service_time(&mut self, process: ProcessId, work: Work) -> SimDuration {
        if let Some(capacity) = self.capacity.as_mut() {
            capacity.begun += 1;
        }
        let time = match &self.capacity {
            Some(capacity) => self.plain_service_time(capacity, process, work),
            None => SimDuration::ZERO,
        };
        self.slowed(self.node_of(process), time)
    }

    /// The same on a machine that is as fast as it should be.
    fn plain_service_time(
        &self,
        capacity: &Capacity,
        process: ProcessId,
        work: Work,
    ) -> SimDuration {
        let own = capacity.own(process);
        let (address, class, key) = match work {
            // Requests meet the same service time under every strategy.
            Work::Request(errand) => {
                let slot = match errand.asker {
                    Asker::Operation(slot) => slot,
                    Asker::Stream(id) => return self.time_of_stream(capacity, process, id, errand),
                };
                let operation = self.operations.get(slot);
                let attempt = u32::from(errand.attempt);
                let address = [operation.who, operation.sequence, attempt, 0];
                let class = CommandClass::of(operation.request.command);
                (address, class, Some(operation.key()))
            }
            Work::Call(_, call) => {
                let (class, key) = self.class_of_call(call);
                (own, class, key)
            }
            Work::Setup(connection, true) => {
                let uses_tls = self.uses_tls(connection);
                return if uses_tls {
                    capacity.config.service.tls
                } else {
                    SimDuration::ZERO
                };
            }
            Work::Probe(..) | Work::Setup(_, false) => (own, CommandClass::Read, None),
        };
        self.time_of(capacity, process, address, class, key)
    }

    /// The same for what came over a stream: a transaction takes as long as its commands.
    fn time_of_stream(
        &self,
        capacity: &Capacity,
        process: ProcessId,
        id: StreamId,
        Errand { draw, attempt, .. }: Errand,
    ) -> SimDuration {
        let mut sum = SimDuration::ZERO;
        for (number, (kind, key)) in (0..).zip(self.stream_commands(id)) {
            let address = [draw.who, draw.sequence, u32::from(attempt), number];
            sum += self.time_of(capacity, process, address, CommandClass::of(kind), key);
        }
        sum
    }

    fn time_of(
        &self,
        capacity: &Capacity,
        process: ProcessId,
        address: [u32; 4],
        class: CommandClass,
        key: Option<KeyId>,
    ) -> SimDuration {
        let bits = capacity.draws.bits(address.into());
        let elements = || {
            let shard = usize::from(process.0 % self.shards());
            let node = &self.nodes[self.node_of(process).index()];
            match node.shards[shard].replica.value(key?) {
                Value::Set(elements) => Some(elements.len() as u64),
                _ => None,
            }
        };
        match class {
            CommandClass::Write => capacity.write.sample(bits),
            CommandClass::Read => capacity.read.sample(bits),
            CommandClass::Heavy => {
                let per_element = capacity.config.service.per_element;
                capacity.read.sample(bits) + per_element * elements().unwrap_or(0)
            }
        }
    }

    /// Whether the connection is one of a fleet that uses TLS.
    fn uses_tls(&self, connection: ConnectionId) -> bool {
        let server = match self.owner(connection) {
            Some(Owner::Pool(server)) => server,
            Some(Owner::Stream(stream)) => self.stream_server(StreamId(stream)),
            _ => return false,
        };
        let fleet = self.servers[server.index()].fleet;
        self.blueprint.settings().workload.fleets[fleet.index()].tls_round_trips > 0
    }

    /// A node's machine may be slow.
    fn slowed(&mut self, node: NodeId, time: SimDuration) -> SimDuration {
        if self.degradations.is_empty() {
            return time;
        }
        let slowness = self.slowness(self.nodes[node.index()].member);
        SimDuration::from_nanos_f64(time.as_nanos() as f64 * slowness)
    }

    /// A process applied effects beside its queue.
    pub(super) fn work_beside(&mut self, now: SimTime, (node, shard): (NodeId, u16), effects: u64) {
        let process = usize::from(self.process_of(node, shard).0);
        let Some(apply) = self
            .capacity
            .as_ref()
            .map(|capacity| capacity.config.service.apply)
        else {
            return;
        };
        let work = self.slowed(node, apply * effects);
        if let Some(capacity) = self.capacity.as_mut().filter(|_| work > SimDuration::ZERO) {
            capacity.processes[process].owe(now, work);
        }
    }

    /// A client asks to be connected: there may be too many, or too many new ones.
    pub(super) fn admit_or_refuse(&mut self, now: SimTime, connection: ConnectionId) {
        let Some(host) = self.network.host_at(connection, End::Server) else {
            return;
        };
        let (Some(node), Some(capacity)) = (self.node_on(host), self.capacity.as_mut()) else {
            self.network.admit(now, &mut self.queue, connection);
            return;
        };
        let has_room = capacity
            .config
            .max_clients
            .is_none_or(|most| self.network.admitted_at(host) < most as usize);
        let limit = capacity.connections.get_mut(node.index());
        if !has_room || !limit.is_none_or(|limit| limit.admits(now)) {
            capacity.refused += 1;
            self.network.refuse(now, &mut self.queue, connection);
            return;
        }
        let accept = capacity.config.service.accept;
        self.network.admit(now, &mut self.queue, connection);
        let work = self.slowed(node, accept);
        let process = usize::from(self.process_of(node, 0).0);
        if let Some(capacity) = self.capacity.as_mut().filter(|_| work > SimDuration::ZERO) {
            capacity.processes[process].owe(now, work);
        }
    }

    /// A client's connection is set up, one round trip after the other.
    pub(super) fn set_up(&mut self, now: SimTime, connection: ConnectionId) {
        let Some(node) = self.node_at(connection) else {
            return;
        };
        let is_first = self.network.is_first_setup(connection);
        let process = self.process_of(node, 0);
        self.offer(now, process, Work::Setup(connection, is_first));
    }

    /// A node's processes die, and with them all that waits.
    pub(super) fn kill_processes(&mut self, now: SimTime, node: NodeId) {
        let Some(mut capacity) = self.capacity.take() else {
            return;
        };
        for shard in 0..self.shards() {
            let index = usize::from(self.process_of(node, shard).0);
            let in_hand = capacity.in_hand[index].take();
            let lost = in_hand.map(|(work, timer)| {
                self.queue.cancel(timer);
                work
            });
            let waiting = capacity.processes[index].kill(now);
            for work in lost.into_iter().chain(waiting) {
                if let Work::Request(errand) = work {
                    self.errand_gone(errand);
                }
            }
        }
        self.capacity = Some(capacity);
    }

    /// A node's processes stand still.
    pub(super) fn freeze_processes(&mut self, now: SimTime, node: NodeId) {
        if !self.is_hung(node) {
            return;
        }
        let processes = (0..self.shards()).map(|shard| self.process_of(node, shard));
        let processes: Vec<ProcessId> = processes.collect();
        let Some(capacity) = self.capacity.as_mut() else {
            return;
        };
        for process in processes {
            let index = usize::from(process.0);
            capacity.processes[index].freeze(now);
            if let Some((_, timer)) = &mut capacity.in_hand[index] {
                self.queue.cancel(std::mem::replace(timer, TimerId::NONE));
            }
        }
    }

    /// They go on where they stood.
    pub(super) fn thaw_processes(&mut self, now: SimTime, node: NodeId) {
        for shard in 0..self.shards() {
            let process = self.process_of(node, shard);
            let index = usize::from(process.0);
            let Some(capacity) = self.capacity.as_mut() else {
                return;
            };
            if let Some(over) = capacity.processes[index].thaw(now) {
                let timer = self.queue.arm(over, Event::Served(process));
                if let Some((_, own)) = &mut capacity.in_hand[index] {
                    *own = timer;
                }
            } else if let Some(next) = capacity.processes[index].complete(now) {
                self.begin_work(now, process, next);
            }
        }
    }
}
