//! App servers in one region with their home in another, and what can be heard of them: for tests of client
//! libraries and of applications.

use regionfall::history::{Ending, Fact, Listener};
use regionfall::metric::Value;
use regionfall::simulation::{Outcome, Simulation};
use regionfall::topology::{MemberId, ServerId};
use regionfall_crdt::CommandKind;
use regionfall_kernel::{Seed, SimTime};

use crate::small::scenario;

pub(crate) const A: MemberId = MemberId(0);
pub(crate) const B: MemberId = MemberId(1);

/// App servers in b, at home in a, then b.
pub(crate) fn world(rest: &str) -> regionfall::scenario::Scenario {
    scenario(&format!(
        r#"
[phases]
warm_up = "30s"
storm = "4m"
calm = "5m"
[database.sync]
processing = "uniform(1ms, 30ms)"
[workload]
[[workload.fleet]]
region = "b"
servers = 8
connections_per_server = 4
rate = "160/s"
home = ["a", "b"]
[[workload.keyspace]]
name = "keys"
mix = {{ set = 1, get = 1 }}
keys = 400
session = "read-your-writes"
{rest}
"#
    ))
}

pub(crate) const SILENT: &str =
    "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"100s\"\n";

pub(crate) fn ours(name: &str, parts: &str) -> String {
    format!("[[strategy]]\nname = \"{name}\"\nvantage = {{ at = \"client-process\" }}\n{parts}\n")
}

pub(crate) fn heard<L: Listener + Default + Send>(
    rest: &str,
    strategy: &str,
    seed: u64,
) -> (Outcome, L) {
    let scenario = world(rest);
    let mut listener = L::default();
    let outcome = Simulation::new(&scenario, Seed::new(seed))
        .strategy(strategy)
        .expect("the strategy is in the scenario")
        .run_with(&mut listener)
        .expect("a strategy is named");
    (outcome, listener)
}

pub(crate) fn run(rest: &str, strategy: &str) -> Outcome {
    heard::<Moves>(rest, strategy, 1).0
}

pub(crate) fn number(outcome: &Outcome, column: &str) -> f64 {
    match outcome.metrics().get(column) {
        Some(Value::Missing) | None => 0.0,
        Some(value) => value.as_f64().expect("a number"),
    }
}

pub(crate) fn seconds(at: SimTime) -> f64 {
    at.as_nanos() as f64 / 1e9
}

/// Who moved, when and where to; and where attempts went.
#[derive(Default)]
pub(crate) struct Moves {
    pub(crate) adopted: Vec<(ServerId, f64, MemberId)>,
    pub(crate) connected: Vec<(f64, MemberId)>,
    pub(crate) kinds:
        std::collections::BTreeMap<regionfall::topology::OperationId, (CommandKind, u32)>,
    pub(crate) sent: Vec<(f64, MemberId, CommandKind, u32)>,
    pub(crate) failed: Vec<f64>,
}

impl Listener for Moves {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let at = seconds(at);
        match *fact {
            Fact::Adopted { server, to, .. } => self.adopted.push((server, at, to)),
            Fact::Connected { member, .. } => self.connected.push((at, member)),
            Fact::OperationIssued {
                operation,
                command,
                key,
                ..
            } => {
                self.kinds.insert(operation, (command, key.0));
            }
            Fact::AttemptSent {
                operation, member, ..
            } => {
                let (command, key) = self.kinds[&operation];
                self.sent.push((at, member, command, key));
            }
            Fact::OperationEnded {
                ending: Ending::Failed | Ending::Unknown,
                ..
            } => self.failed.push(at),
            _ => {}
        }
    }
}

impl Moves {
    /// The share of attempts for a member within a span.
    pub(crate) fn share(
        &self,
        member: MemberId,
        from: f64,
        to: f64,
        kind: Option<CommandKind>,
    ) -> f64 {
        let within = self.sent.iter().filter(|(at, _, command, _)| {
            (from..to).contains(at) && kind.is_none_or(|kind| kind == *command)
        });
        let (mut all, mut there) = (0.0, 0.0);
        for (_, at_member, ..) in within {
            all += 1.0;
            there += f64::from(u8::from(*at_member == member));
        }
        assert!(all > 50.0, "there is traffic");
        there / all
    }
}
