//! A small database, spoken to in the words of the field: write here, wait, expect that there. Unlike the toy
//! store of `vocabulary.rs` this is the model itself, stepped from outside; its faults are those of a scenario.

use regionfall::database::{Availability, CheckScope, LagCheck};
use regionfall::fault::draw_plan;
use regionfall::history::Listener;
use regionfall::scenario::Ties;
use regionfall::simulation::{Answer, Blueprint, EndpointId, World};
use regionfall::topology::{FaultId, MemberId, RegionId};
use regionfall_crdt::{Command, Content, KeyId, Value};
use regionfall_kernel::{Seed, SimDuration, SimTime};

use crate::small::scenario;

/// The members in regions a, b and c.
pub(crate) const A: MemberId = MemberId(0);
pub(crate) const B: MemberId = MemberId(1);
pub(crate) const C: MemberId = MemberId(2);

/// A world with a client beside each member.
pub(crate) struct Field {
    pub(crate) world: World,
    clients: Vec<EndpointId>,
}

pub(crate) fn seconds(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_nanos_f64(seconds * 1e9)
}

/// A key that no app server uses.
fn key_of(key: u32) -> KeyId {
    KeyId(1_000 + key)
}

impl Field {
    /// Three members, next to no traffic of their own, a storm from 5 s to 205 s, and what `rest` adds.
    pub(crate) fn new(rest: &str) -> Self {
        let scenario = scenario(&format!("{QUIET}\n{rest}"));
        let mut settings = scenario.variants[0].settings.clone();
        // What is written first is sent first.
        settings.ties = Ties::Insertion;
        let strategy = settings.strategies[0].clone();
        let faults = settings.cases[0].faults.clone();
        let calm = SimTime::ZERO + settings.phases.warm_up + settings.phases.storm;
        let plan = draw_plan(&faults, Seed::new(1), calm);
        let blueprint = Blueprint::new(settings);
        let mut world = World::new(&blueprint, &strategy, plan, Seed::new(1));
        let clients =
            [A, B, C].map(|member| world.endpoint(RegionId::from_index(member.index()), member));
        Self {
            world,
            clients: clients.to_vec(),
        }
    }

    /// Lets time pass up to a moment.
    pub(crate) fn at(&mut self, moment: f64) -> &mut Self {
        self.at_listening(moment, &mut ())
    }

    /// The same with a listener.
    pub(crate) fn at_listening<L: Listener + Send>(
        &mut self,
        moment: f64,
        listener: &mut L,
    ) -> &mut Self {
        self.world.advance_until(seconds(moment), listener);
        self
    }

    fn send(&mut self, member: MemberId, command: Command) -> &mut Self {
        let now = self.world.now();
        self.world
            .inject(self.clients[member.index()], now, command);
        self
    }

    /// A client beside the member writes a number.
    pub(crate) fn write(&mut self, member: MemberId, key: u32, number: i64) -> &mut Self {
        let (key, content) = (key_of(key), Content::from_integer(number));
        self.send(member, Command::Set { key, content })
    }

    /// A client beside the member writes so many bytes.
    pub(crate) fn write_bytes(&mut self, member: MemberId, key: u32, length: u32) -> &mut Self {
        let (key, token) = (key_of(key), u64::from(key));
        let content = Content::Synthetic { token, length };
        self.send(member, Command::Set { key, content })
    }

    /// A client beside the member reads.
    pub(crate) fn read(&mut self, member: MemberId, key: u32) -> &mut Self {
        let key = key_of(key);
        self.send(member, Command::Get { key })
    }

    /// A client beside the member deletes.
    pub(crate) fn delete(&mut self, member: MemberId, key: u32) -> &mut Self {
        let key = key_of(key);
        self.send(member, Command::Del { key })
    }

    /// What came back to the client beside a member since last asked.
    pub(crate) fn answers(&mut self, member: MemberId) -> Vec<(SimTime, Answer)> {
        self.world.drain(self.clients[member.index()])
    }

    /// What a member holds under a key.
    pub(crate) fn holds(&self, member: MemberId, key: u32) -> Option<i64> {
        let primary = self.world.primaries(member)[0];
        let mut nodes = self.world.nodes();
        let (_, _, mut replicas) = nodes.find(|(id, ..)| *id == primary)?;
        // One shard.
        match replicas.next()?.value(key_of(key)) {
            Value::Content(content) => content.as_integer(),
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Every member holds this under a key.
    #[track_caller]
    pub(crate) fn expect_everywhere(&mut self, key: u32, number: Option<i64>) -> &mut Self {
        for member in [A, B, C] {
            self.expect(member, key, number);
        }
        self
    }

    /// A member holds this under a key.
    #[track_caller]
    pub(crate) fn expect(&mut self, member: MemberId, key: u32, number: Option<i64>) -> &mut Self {
        let now = self.world.now();
        assert_eq!(self.holds(member, key), number, "{member} at {now}");
        self
    }

    /// What the member's management process would answer to an availability check now.
    pub(crate) fn availability(&self, member: MemberId, lag: Option<LagCheck>) -> Availability {
        let check = (CheckScope::Database, lag);
        self.world.availability(self.world.now(), member, check)
    }

    /// How often the fault had an effect of the kind that changes work.
    pub(crate) fn altered(&self, fault: u16) -> u64 {
        self.world.fault_effects().of(FaultId(fault)).altered
    }
}

const QUIET: &str = r#"
[phases]
warm_up = "5s"
storm = "200s"
calm = "60s"
[database.sync]
processing = "1ms"
silence_limit = "5s"
restart = "1s"
[[workload.fleet]]
name = "quiet"
region = "a"
servers = 1
rate = "0.001/s"
[[workload.keyspace]]
name = "quiet"
mix = { get = 1 }
keys = 10
"#;
