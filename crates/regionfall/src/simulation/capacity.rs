//! Work waits for the process that does it: requests, checks and the setup of connections, one after the other.
//!
//! A request is executed when its process has worked on it, whatever its client does meanwhile. What the answer
//! meets (a client that gave up, a connection that is closed) is the network's business, and nobody's loss but
//! the process's time.
//!
//! Each shard of a member has a process. What belongs to no key (checks, the setup of connections) is done by that of
//! the first shard (assumed: where a proxy accepts connections, it is a process of its own).

use regionfall_crdt::{KeyId, Value};
use regionfall_kernel::{Addressed, Sampler, Seed, SimDuration, SimTime, TimerId};

use super::event::{Event, Message, ProcessId};
use super::letter::Letter;
use super::world::{Owner, World};
use crate::database::{
    CapacityConfig, CommandClass, Load, OverLimit, Process, RateLimit, shard_of,
};
use crate::history::{Histogram, Listener};
use crate::network::{ConnectionId, End};
use crate::topology::MemberId;

/// How busy the processes are, and what was admitted.
#[derive(Clone)]
pub(super) struct Capacity {
    config: CapacityConfig,
    read: Sampler,
    write: Sampler,
    draws: Addressed,
    /// By member and shard.
    processes: Vec<Process<Work>>,
    /// By process: what it works on, and when that is over.
    in_hand: Vec<Option<(Work, TimerId)>>,
    /// By process: commands of clients.
    commands: Vec<RateLimit>,
    /// By member: new connections of clients.
    connections: Vec<RateLimit>,
    refused: u64,
    throttled: u64,
    /// Pieces of work begun, for addressing draws of those that are nobody's operation.
    begun: u32,
}

/// A piece of work.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// A letter to be executed and answered.
    Letter(ConnectionId, Letter),
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
        let processes = self.members.len() * shards;
        let commands = config.commands.iter().flat_map(|(limit, _)| {
            (0..processes).map(|_| RateLimit::new(*limit, 1.0 / shards as f64))
        });
        let connections = config
            .new_connections
            .iter()
            .flat_map(|limit| (0..self.members.len()).map(|_| RateLimit::new(*limit, 1.0)));
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
        for member in 0..self.members.len() {
            let host = self.members[member].host;
            self.network.gate(host);
        }
    }

    fn process_of(&self, member: MemberId, shard: u16) -> ProcessId {
        ProcessId(u16::from(member.0) * self.shards() + shard)
    }

    /// The member whose process this is.
    fn member_of(&self, process: ProcessId) -> MemberId {
        MemberId::from_index(usize::from(process.0 / self.shards()))
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

    /// A letter reached a process that may have something else to do.
    pub(super) fn queue_work<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        letter: Letter,
        listener: &mut L,
    ) {
        let (member, key) = match Message::from(letter) {
            Message::Request { slot, member, .. } => {
                (Some(member), Some(self.operations.get(slot).key()))
            }
            Message::Call(call) => (self.member_at(connection), self.class_of_call(call).1),
            // A management process answers at once.
            _ => (self.member_at(connection), None),
        };
        let Some(member) = member else {
            self.do_work(now, Work::Letter(connection, letter), listener);
            return;
        };
        let shard = key.map_or(0, |key| shard_of(key, self.shards()));
        let process = self.process_of(member, shard);
        if !self.is_refused(now, process, connection, letter) {
            self.offer(now, process, Work::Letter(connection, letter));
        }
    }

    /// Whether a request is beyond the limit on commands and is answered with an error.
    fn is_refused(
        &mut self,
        now: SimTime,
        process: ProcessId,
        connection: ConnectionId,
        letter: Letter,
    ) -> bool {
        let Message::Request { slot, attempt, .. } = Message::from(letter) else {
            return false;
        };
        let Some(capacity) = self.capacity.as_mut() else {
            return false;
        };
        let Some((_, OverLimit::Refused)) = capacity.config.commands else {
            return false;
        };
        if capacity.commands[usize::from(process.0)].admits(now) {
            return false;
        }
        capacity.throttled += 1;
        self.answer_with_error(now, connection, (slot, attempt));
        true
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
        let is_command = matches!(work, Work::Letter(_, letter) if matches!(Message::from(letter), Message::Request { .. }));
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
            Work::Setup(connection, _) => self.network.answer_setup(now, &mut self.queue, connection),
            Work::Letter(connection, letter) => match Message::from(letter) {
                Message::Request {
                    slot,
                    attempt,
                    member,
                } => self.serve(now, connection, slot, (attempt, member), listener),
                Message::Probe(probe) => self.answer_probe(now, connection, probe),
                Message::Call(call) => self.serve_call(now, connection, call, listener),
                _ => {}
            },
        }
    }

    /// How long a process works on something, as slow as its machine is now.
    fn service_time(&mut self, process: ProcessId, work: Work) -> SimDuration {
        if let Some(capacity) = self.capacity.as_mut() {
            capacity.begun += 1;
        }
        let time = self.capacity.as_ref().map_or(SimDuration::ZERO, |capacity| match work {
            Work::Setup(connection, true) if self.uses_tls(connection) => capacity.config.service.tls,
            Work::Setup(_, true) => SimDuration::ZERO,
            Work::Setup(_, false) => self.time_of(capacity, process, capacity.own(process), CommandClass::Read, None),
            Work::Letter(_, letter) => self.time_of_letter(capacity, process, letter),
        });
        self.slowed(self.member_of(process), time)
    }

    fn time_of_letter(&self, capacity: &Capacity, process: ProcessId, letter: Letter) -> SimDuration {
        let (address, class, key) = match Message::from(letter) {
            // Requests meet the same service time under every strategy.
            Message::Request { slot, attempt, .. } => {
                let operation = self.operations.get(slot);
                let address = [operation.who, operation.sequence, u32::from(attempt), 0];
                let class = CommandClass::of(operation.request.command);
                (address, class, Some(operation.key()))
            }
            Message::Call(call) => {
                let (class, key) = self.class_of_call(call);
                (capacity.own(process), class, key)
            }
            _ => (capacity.own(process), CommandClass::Read, None),
        };
        self.time_of(capacity, process, address, class, key)
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
            let member = &self.members[self.member_of(process).index()];
            match member.shards[shard].replica.value(key?) {
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
        let Some(Owner::Pool(server)) = self.owner(connection) else {
            return false;
        };
        let fleet = self.servers[server.index()].fleet;
        self.blueprint.settings().workload.fleets[fleet.index()].tls_round_trips > 0
    }

    /// A member's machine may be slow.
    fn slowed(&mut self, member: MemberId, time: SimDuration) -> SimDuration {
        if self.degradations.is_empty() {
            return time;
        }
        let slowness = self.slowness(member);
        SimDuration::from_nanos_f64(time.as_nanos() as f64 * slowness)
    }

    /// A process applied effects beside its queue.
    pub(super) fn work_beside(&mut self, now: SimTime, (member, shard): (MemberId, u16), effects: u64) {
        let process = usize::from(self.process_of(member, shard).0);
        let Some(apply) = self.capacity.as_ref().map(|capacity| capacity.config.service.apply) else {
            return;
        };
        let work = self.slowed(member, apply * effects);
        if let Some(capacity) = self.capacity.as_mut().filter(|_| work > SimDuration::ZERO) {
            capacity.processes[process].owe(now, work);
        }
    }

    /// A client asks to be connected: there may be too many, or too many new ones.
    pub(super) fn admit_or_refuse(&mut self, now: SimTime, connection: ConnectionId) {
        let Some(host) = self.network.host_at(connection, End::Server) else {
            return;
        };
        let (Some(member), Some(capacity)) = (self.member_on(host), self.capacity.as_mut()) else {
            self.network.admit(now, &mut self.queue, connection);
            return;
        };
        let has_room = capacity
            .config
            .max_clients
            .is_none_or(|most| self.network.admitted_at(host) < most as usize);
        let limit = capacity.connections.get_mut(member.index());
        if !has_room || !limit.is_none_or(|limit| limit.admits(now)) {
            capacity.refused += 1;
            self.network.refuse(now, &mut self.queue, connection);
            return;
        }
        let accept = capacity.config.service.accept;
        self.network.admit(now, &mut self.queue, connection);
        let work = self.slowed(member, accept);
        let process = usize::from(self.process_of(member, 0).0);
        if let Some(capacity) = self.capacity.as_mut().filter(|_| work > SimDuration::ZERO) {
            capacity.processes[process].owe(now, work);
        }
    }

    /// A client's connection is set up, one round trip after the other.
    pub(super) fn set_up(&mut self, now: SimTime, connection: ConnectionId) {
        let Some(member) = self.member_at(connection) else {
            return;
        };
        let is_first = self.network.is_first_setup(connection);
        let process = self.process_of(member, 0);
        self.offer(now, process, Work::Setup(connection, is_first));
    }

    /// A member's processes die, and with them all that waits.
    pub(super) fn kill_processes(&mut self, now: SimTime, member: MemberId) {
        let Some(mut capacity) = self.capacity.take() else {
            return;
        };
        for shard in 0..self.shards() {
            let index = usize::from(self.process_of(member, shard).0);
            let in_hand = capacity.in_hand[index].take();
            let lost = in_hand.map(|(work, timer)| {
                self.queue.cancel(timer);
                work
            });
            let waiting = capacity.processes[index].kill(now);
            let letters = lost.into_iter().chain(waiting).filter_map(|work| match work {
                Work::Letter(_, letter) => Some(letter),
                Work::Setup(..) => None,
            });
            self.network.abandoned.extend(letters);
        }
        self.capacity = Some(capacity);
        self.account_for_abandoned();
    }

    /// A member's processes stand still.
    pub(super) fn freeze_processes(&mut self, now: SimTime, member: MemberId) {
        if !self.is_hung(member) {
            return;
        }
        let processes = (0..self.shards()).map(|shard| self.process_of(member, shard));
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
    pub(super) fn thaw_processes(&mut self, now: SimTime, member: MemberId) {
        for shard in 0..self.shards() {
            let process = self.process_of(member, shard);
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
